"""Finds who made a note, and has it read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vignette.pixels.metadata.makers import canon, fujifilm, nikon, olympus, panasonic, sony
from vignette.pixels.metadata.makers.note import Note
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields

# By how a note begins, whoever made the camera: makers build for each other.
_BY_SIGNATURE: Final[dict[bytes, Callable[[Note], Fields]]] = {
    b"Nikon\0": nikon.read,
    b"SONY ": sony.read,
    b"\0\0SONY PIC\0": sony.read,
    b"VHAB     \0": sony.read,
    b"FUJIFILM": fujifilm.read,
    b"GENERALE": fujifilm.read,
    b"OLYMP": olympus.read,
    b"EPSON\0": olympus.read,
    b"OM SYSTEM\0": olympus.read,
    b"Panasonic\0": panasonic.read,
    b"LEICA": panasonic.read,
}
# These begin with their directory, and only the maker's name tells.
_BY_MAKE: Final[dict[str, Callable[[Note], Fields]]] = {
    "canon": canon.read,
    "nikon": nikon.read,
    "sony": sony.read,
}
# Cameras write these for a number that they do not have.
_UNKNOWN: Final = "0- "


def read(note: Note, _: Remarks) -> Fields:
    """Return the lens (`Lens`, `LensModel`), serial numbers and the owner's name; nothing of a maker not known here."""
    reader = next((reader for signature, reader in _BY_SIGNATURE.items() if note.begins(signature)), None)
    if reader is None:
        make = note.make.lower()
        reader = next((reader for name, reader in _BY_MAKE.items() if make.startswith(name)), None)
    if reader is None:
        return {}
    return {name: text for name, text in reader(note).items() if text.strip(_UNKNOWN)}
