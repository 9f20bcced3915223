"""Limits the memory and the processor time of code that reads the bytes of strangers, so that it can be ended."""
