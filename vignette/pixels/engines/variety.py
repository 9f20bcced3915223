"""`UnknownVariety`: what an engine raises if another engine should be asked."""

from __future__ import annotations


class UnknownVariety(OSError):
    """This engine cannot read this variety of the format. The file may be sound all the same."""
