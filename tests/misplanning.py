"""The work of the planner, for pictures that say what goes wrong while they are read. Cells of tests import this."""

from __future__ import annotations

import ctypes
import errno
import io
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from vignette.adapters.planner.planning import plan_in_a_cell
from vignette.limits import MAX_COPY_PIECES, MAX_COPY_WRITTEN_BYTES

SPINS = "it spins"
EATS = "it eats memory"
SLEEPS = "it sleeps"
CRASHES = "it crashes"
CRASHES_ONCE = "it crashes once"
ERRS = "it meets an oversight"
CANNOT_BE_READ = "it cannot be read"
OPENS = "it opens a file"
LIES = "it lies: "

_SEEN_BEFORE = 7


def that(word: str) -> bytes:
    """Return a JPEG at whose plan *word* happens: it stands in its comment."""
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, "JPEG", comment=word.encode() + b"\n")
    return content.getvalue()


def plan_or_misbehave(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Do the work of the planner, unless the picture comes from `that`."""
    comment = os.pread(descriptors[0], 4096, 0).partition(b"it ")
    word = (comment[1] + comment[2].partition(b"\n")[0]).decode("latin-1")
    while word == SPINS:
        pass
    if word == EATS:
        return {"eaten": len(b"\1" * (1 << 30))}, []
    if word == SLEEPS:
        time.sleep(1000)
    if word == CRASHES:
        ctypes.string_at(0)
    # A cell can note nothing outside itself, but for the offset of the file, which those who have the file open share.
    if word == CRASHES_ONCE and os.lseek(descriptors[0], 0, os.SEEK_CUR) != _SEEN_BEFORE:
        os.lseek(descriptors[0], _SEEN_BEFORE, os.SEEK_SET)
        ctypes.string_at(0)
    if word == ERRS:
        raise ZeroDivisionError("an oversight")
    if word == CANNOT_BE_READ:
        return {"errno": errno.EIO}, []
    if word == OPENS:
        Path("/etc/passwd").read_bytes()
    if word.startswith(LIES):
        return LIES_TOLD[word.removeprefix(LIES)](values["size"])
    return plan_in_a_cell(values, descriptors)


def _plan(*pieces: tuple[int, int], written: bytes = b"") -> tuple[dict[str, Any], Sequence[bytes]]:
    return {}, [b"".join(struct.pack("<QQ", *piece) for piece in pieces), written]


LIES_TOLD = {
    "beyond the end": lambda size: _plan((0, size + 1)),
    "from beyond the end": lambda size: _plan((size, size + 1)),
    "far beyond": lambda _: _plan((0, 2**64 - 1)),
    "backwards": lambda _: _plan((10, 5)),
    "an empty range": lambda _: _plan((5, 5)),
    "all of it twice": lambda size: _plan((0, size), (0, size)),
    "more bytes than came": lambda _: _plan((5, 0), written=b"1234"),
    "fewer bytes than came": lambda _: _plan((3, 0), written=b"1234"),
    "no bytes": lambda _: _plan((0, 0)),
    "half a piece": lambda _: ({}, [b"123", b""]),
    "one block": lambda _: ({}, [b""]),
    "no block": lambda _: ({"errno": "EIO"}, []),
    "a number that is none": lambda _: ({"errno": -1}, []),
    "too many pieces": lambda _: ({}, [bytes(16 * (MAX_COPY_PIECES + 1)), b""]),
    "too many bytes": lambda _: _plan((MAX_COPY_WRITTEN_BYTES + 1, 0), written=bytes(MAX_COPY_WRITTEN_BYTES + 1)),
    "more than may come": lambda _: ({}, [bytes(1 << 23), b""]),
    "nothing at all": lambda _: ({}, []),
}
