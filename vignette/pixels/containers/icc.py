"""Tells whether an ICC profile is one that browsers apply (ICC.1:2022, 7.2 and 7.3)."""

from __future__ import annotations

import struct
from typing import Final

GREY: Final = b"GRAY"
RGB: Final = b"RGB "
CMYK: Final = b"CMYK"
LAB: Final = b"Lab "

_HEADER: Final = struct.Struct(">I4xB3x4x4s4s12x4s28x3i")
_HEADER_BYTES: Final = 128
_TAG: Final = struct.Struct(">4sII")

# A profile of version 5 (iccMAX) is of another kind.
_LATEST_VERSION: Final = 4
_CONNECTION_SPACES: Final = (b"XYZ ", b"Lab ")
# The white of all profiles, in s15Fixed16Number, and how far browsers (skcms) allow one to be off.
_D50: Final = (0.9642, 1.0, 0.8249)
_FIXED: Final = 65536
_MOST_OFF: Final = 0.01

# The profiles of real devices have some fifty tags at most.
_MAX_TAGS: Final = 256
_TABLES: Final = (b"A2B0", b"A2B1")
_MATRIX: Final = {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}


def told_length(profile: bytes) -> int:
    """Return the length in bytes that *profile* begins with."""
    return int.from_bytes(profile[:4], "big")


def fault(profile: bytes, models: tuple[bytes, ...]) -> str | None:
    """
    Return why browsers do not apply *profile* to a picture of one of these colour *models*; None if they do.

    A profile may be sound by its structure, and have a curve or a table inside that a decoder cannot take.
    """
    if len(profile) < _HEADER_BYTES + 4:
        return f"it has only {len(profile):,} bytes"
    length, version, model, connection, signature, *white = _HEADER.unpack_from(profile)
    if signature != b"acsp":
        return "it lacks its signature"
    if not _HEADER_BYTES + 4 <= length <= len(profile):
        return f"it claims to have {length:,} bytes, and has {len(profile):,}"
    if version > _LATEST_VERSION or connection not in _CONNECTION_SPACES:
        return f"it is of version {version}, and connects to {_named(connection)}"
    if any(abs(is_ / _FIXED - shall) > _MOST_OFF for is_, shall in zip(white, _D50, strict=True)):
        return "its white is not that of profiles"
    if model not in models:
        return f"it is for {_named(model)}, and the picture is in {' or '.join(map(_named, models))}"
    return _fault_of_tags(profile[:length], model)


def _fault_of_tags(profile: bytes, model: bytes) -> str | None:
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    table = profile[_HEADER_BYTES + 4 : _HEADER_BYTES + 4 + _TAG.size * count]
    if count > _MAX_TAGS or len(table) < _TAG.size * count:
        return f"its list of {count:,} tags is longer than it may be"
    names = set()
    for name, offset, length in _TAG.iter_unpack(table):
        if offset + length > len(profile):
            return f"its tag {_named(name)} is cut off"
        names.add(name)
    if names.intersection(_TABLES) or (model == RGB and names >= _MATRIX) or (model == GREY and b"kTRC" in names):
        return None
    return "it lacks what converts colours"


def _named(signature: bytes) -> str:
    return repr(signature.decode("latin-1").strip("\0 "))
