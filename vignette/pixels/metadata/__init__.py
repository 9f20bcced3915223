"""
What a file says of itself: raw metadata blocks to a description for programs, and from it to text for people.

Pure functions on bytes: no file is opened, no pixel decoded. The blocks come from strangers; `describe` never raises
and is bounded in time and size.
"""

from vignette.pixels.metadata.description import describe
from vignette.pixels.metadata.fitting import fit
from vignette.pixels.metadata.text import Group, as_groups, as_privacy, as_text

__all__ = ["Group", "as_groups", "as_privacy", "as_text", "describe", "fit"]
