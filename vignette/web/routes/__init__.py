"""The views, a module for each kind of resource: they parse, ask one use case and shape the answer."""
