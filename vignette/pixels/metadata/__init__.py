"""
Turns the raw metadata blocks of a file into a description for programs, and that into text for people.

These are pure functions on bytes: they open no file and decode no pixel. Strangers write the blocks, so `describe`
never raises, and bounds the time that it takes and the size of what it returns.
"""

from vignette.pixels.metadata.description import describe
from vignette.pixels.metadata.fitting import fit
from vignette.pixels.metadata.keeping import kept
from vignette.pixels.metadata.text import Group, as_groups, as_privacy, as_text
from vignette.pixels.metadata.writing import as_json

__all__ = ["Group", "as_groups", "as_json", "as_privacy", "as_text", "describe", "fit", "kept"]
