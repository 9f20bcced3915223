"""What is done with one file to plan its public copy. It is plain Python that runs no decoder; a cell imports it."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, BinaryIO

from vignette.adapters.planner.answer import packed
from vignette.errors import NotPublishable
from vignette.limits import MAX_COPY_PIECES, MAX_COPY_WRITTEN_BYTES, MIB
from vignette.pixels.metadata.loading import load_all
from vignette.pixels.publishing import plan
from vignette.ports.planner import Plan

# A cell can load nothing any more.
load_all()


class PlannerHere:
    """A `Planner` in this very process, for bytes that this process may read."""

    def plan(self, file: BinaryIO, size: int) -> Plan:
        pieces = plan(file, size).pieces
        return tuple(piece if isinstance(piece, bytes) else (piece.start, piece.end) for piece in pieces)


def plan_in_a_cell(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Be the `cell.Work` of the planner: *values* has the "size" of the picture."""
    with open(descriptors[0], "rb", buffering=0, closefd=False) as file:
        try:
            found = PlannerHere().plan(file, values["size"])
        except OSError as error:  # the disk fails, or the file became shorter: that is no fault of the picture
            return {"errno": error.errno or errno.EIO}, []
    _check_bounds(len(found), sum(len(piece) for piece in found if isinstance(piece, bytes)))
    return {}, packed(found)


def _check_bounds(pieces: int, written_bytes: int) -> None:
    if pieces > MAX_COPY_PIECES:
        words = f"the copy would be put together of {pieces:,} pieces, and {MAX_COPY_PIECES:,} are allowed"
        raise NotPublishable(words, measured=pieces, limit=MAX_COPY_PIECES)
    if written_bytes > MAX_COPY_WRITTEN_BYTES:
        most = f"{MAX_COPY_WRITTEN_BYTES / MIB:g} MiB"
        words = f"{written_bytes:,} bytes of the copy would be written anew, and {most} are allowed"
        raise NotPublishable(words, measured=written_bytes, limit=MAX_COPY_WRITTEN_BYTES)
