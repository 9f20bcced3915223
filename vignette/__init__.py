"""Vignette: a self-hosted image intake service."""

__version__ = "0.1.0"
