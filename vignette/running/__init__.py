"""Processes that are started, watched and stopped together: the whole service as one command."""
