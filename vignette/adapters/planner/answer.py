"""How a plan leaves a cell: a table of its pieces, and all bytes of ours in a row."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from vignette.jail.messages import Malformed
from vignette.limits import MAX_COPY_PIECES, MAX_COPY_WRITTEN_BYTES
from vignette.ports.planner import Plan

# Where a range starts and ends; or how many bytes of ours come next, and 0.
_PIECE: Final = struct.Struct("<QQ")

MAX_BYTES: Final = _PIECE.size * MAX_COPY_PIECES + MAX_COPY_WRITTEN_BYTES
"""Of both blocks together."""


def packed(plan: Plan) -> tuple[bytes, bytes]:
    table = b"".join(_PIECE.pack(*((len(piece), 0) if isinstance(piece, bytes) else piece)) for piece in plan)
    return table, b"".join(piece for piece in plan if isinstance(piece, bytes))


def unpacked(table: bytes, written: bytes) -> Plan:
    """Return the plan. Nothing says yet that its ranges lie within the picture; raise `Malformed` if it is none."""
    if len(table) % _PIECE.size or len(table) > _PIECE.size * MAX_COPY_PIECES or len(written) > MAX_COPY_WRITTEN_BYTES:
        raise Malformed(f"a plan of {len(table)} and {len(written)} bytes is none")
    return tuple(_pieces(table, written))


def _pieces(table: bytes, written: bytes) -> Iterator[tuple[int, int] | bytes]:
    at = 0
    for first, second in _PIECE.iter_unpack(table):
        if second:
            yield first, second
        elif not 0 < first <= len(written) - at:
            raise Malformed("the plan names more bytes of ours than came")
        else:
            yield written[at : at + first]
            at += first
    if at != len(written):
        raise Malformed("the plan names fewer bytes of ours than came")
