"""Loads what the readers of metadata load when they first need it: a process in a sandbox can load nothing."""

from __future__ import annotations

from typing import Final

from vignette.pixels.metadata.makers.lens_names import load_tables

# Python loads an encoding when it is first used: these are all that the readers of metadata name.
_ENCODINGS: Final = (
    *("ascii", "latin-1", "cp1252", "mac-roman", "shift_jis", "iso2022_jp_2"),
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"),
)


def load_all() -> None:
    """Load the encodings and the tables of lenses."""
    for encoding in _ENCODINGS:
        b"\0\0\0\0".decode(encoding)
    load_tables()
