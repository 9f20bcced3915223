"""The boxes that an AVIF, HEIC or HEIF file is made of, and where the picture ends in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.boxes import Box, read_box
from vignette.pixels.containers.reader import Reader

# A file has ftyp, meta and mdat; moov for a sequence; free space; and a phone's own boxes.
_MAX_BOXES: Final = 1000

_BOX_HEADER_BYTES: Final = 8

_SINGLE: Final = (b"meta", b"moov")


@dataclass(frozen=True, slots=True)
class TopLevel:
    """The boxes of the picture, in order; the last of them ends at byte `end`. `remark` tells what is wrong, if any."""

    boxes: Sequence[Box]
    end: int
    remark: str = ""

    def first(self, kind: bytes) -> Box | None:
        return next((box for box in self.boxes if box.kind == kind), None)


def top_level(reader: Reader) -> TopLevel:
    """
    Return the boxes of the file.

    Bytes behind the picture that are no box, and a further file there (a phone's film), do not belong to it. The data
    of pictures (`mdat`) may be cut short: whoever asks for one of them finds out whether it is there.

    Raises:
        BrokenImage: Before there is a picture, something is no box; a box that has to be single is there twice; or
            there are too many boxes.
    """
    boxes: list[Box] = []
    kinds: set[bytes] = set()
    offset = 0
    for _ in range(_MAX_BOXES):
        has_picture = not kinds.isdisjoint(_SINGLE)
        if offset == reader.size:
            return TopLevel(boxes, offset)
        try:
            box = read_box(reader, offset, reader.size)
        except BrokenImage as fault:
            if not has_picture:
                raise
            if _begins_data(reader, offset):
                boxes.append(Box(b"mdat", offset + _BOX_HEADER_BYTES, reader.size))
                return TopLevel(boxes, reader.size, f"the data of the pictures are cut short: {fault}")
            return TopLevel(boxes, offset, _ignored(reader, offset))
        if box.kind == b"ftyp" and has_picture:
            return TopLevel(boxes, offset, _ignored(reader, offset))
        if box.kind in kinds and box.kind in (*_SINGLE, b"ftyp"):
            raise BrokenImage(f"the file has a second box {box.kind.decode()!r}, at byte {offset:,}")
        boxes.append(box)
        kinds.add(box.kind)
        offset = box.end
    raise BrokenImage(f"the file has more than {_MAX_BOXES:,} boxes")


def _begins_data(reader: Reader, offset: int) -> bool:
    return (
        offset + _BOX_HEADER_BYTES < reader.size
        and reader.read(offset + 4, 4, "a box") == b"mdat"
        and reader.read(offset, 4, "a box") != b"\0\0\0\1"
    )


def _ignored(reader: Reader, offset: int) -> str:
    """Tell of bytes that other readers may take for a box; phones put all sorts of others there."""
    is_like_a_box = offset + _BOX_HEADER_BYTES <= reader.size and all(
        0x20 <= character <= 0x7E for character in reader.read(offset + 4, 4, "a box")
    )
    if not is_like_a_box:
        return ""
    return f"the {reader.size - offset:,} bytes behind the picture, from byte {offset:,} on, are ignored"
