"""The door: uploads are checked and described in processes that hold nothing and can be ended."""
