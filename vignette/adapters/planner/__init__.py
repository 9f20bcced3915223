"""Public copies are planned and proven in processes that hold nothing and can be ended."""
