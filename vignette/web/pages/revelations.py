"""Explains to the reader of a page each kind of thing that a file reveals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vignette.errors import N_

REVELATIONS: Final[Mapping[str, str]] = {
    "position": N_("The place where it was taken, or that it shows."),
    "time": N_("When it was taken or changed."),
    "people": N_("Names: whose camera it is, who took the picture, who is in it."),
    "serial_numbers": N_("Serial numbers: they tie together all pictures of one camera or lens."),
    "maker_note": N_("The camera maker's own notes, which may hold serial numbers and more."),
    "preview": N_("A small preview: it may still show what was cut off or painted over later."),
    "history": N_("The programs that it went through, and what was done in them."),
    "ids": N_("Identifiers: they tell this picture and its copies from all others."),
    "colour_profile": N_("Its colour profile: some name a screen, its computer, or whoever measured it."),
    "comments": N_("Words that somebody wrote: descriptions, keywords, comments."),
}
"""The explanations, by the name of the kind in the JSON (`vignette.pixels.metadata.privacy.KINDS`)."""
