"""Reads the orientation in an EXIF block. `vignette.pixels.metadata` reads all else in it."""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.collector import Collector

_ORIENTATION_TAG: Final = 0x0112
_BYTE_ORDERS: Final = {b"II": "<", b"MM": ">"}
# BYTE, SHORT, LONG, and LONG8 of BigTIFF. The standard names only SHORT (EXIF 3.0, 4.6.5), but writers use others too.
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}


def orientation_of(collector: Collector) -> int:
    """Return the orientation (1 to 8) in the EXIF block collected so far; 1 if there is none that makes sense."""
    return 1 if collector.exif is None else read_orientation(collector.exif)


def read_orientation(exif: bytes) -> int:
    """Return the orientation (tag 0x0112, 1 to 8) in IFD0 of the TIFF stream *exif*; 1 if none makes sense."""
    order = _BYTE_ORDERS.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    if directory + 2 > len(exif):
        return 1
    (told,) = struct.unpack_from(f"{order}H", exif, directory)
    entry = struct.Struct(f"{order}HHI4s")
    # `told` has 16 bits: this loop is bounded by its type.
    there = min(told, (len(exif) - directory - 2) // entry.size)
    for index in range(there):
        tag, kind, _, value = entry.unpack_from(exif, directory + 2 + index * entry.size)
        if tag == _ORIENTATION_TAG:
            return as_orientation(order, kind, value)
    return 1


def as_orientation(order: str, kind: int, value: bytes) -> int:
    """Return the orientation in the first bytes of *value*, of the TIFF type *kind*; 1 if it is none."""
    if kind not in _INTEGERS or struct.calcsize(order + _INTEGERS[kind]) > len(value):
        return 1
    (orientation,) = struct.unpack_from(order + _INTEGERS[kind], value)
    return int(orientation) if 1 <= orientation <= 8 else 1
