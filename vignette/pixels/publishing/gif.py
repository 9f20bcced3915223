"""A GIF without what it says of itself: frames, their timing, the loop and the colour profile stay."""

from __future__ import annotations

from typing import Final

from vignette.pixels.containers.gif_blocks import (
    APPLICATION,
    CONTROL_BYTES,
    EXTENSION,
    FRAME,
    GRAPHIC_CONTROL,
    IMAGE,
    LOOPS,
    PADDING,
    SCREEN,
    SCREEN_AT,
    TRAILER,
    after_palette,
    after_sub_blocks,
)
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.kept import Kept

_NAME_BYTES: Final = 11
# A sub-block of 3 bytes: 1, and how often to repeat.
_LOOP_BYTES: Final = 3
_ICC: Final = b"ICCRGBG1012"
_SUB_BLOCK_BYTES: Final = 255


def publish(reader: Reader, kept: Kept) -> Pieces:
    made = Pieces()
    _, _, flags, _, _ = reader.unpack(SCREEN, SCREEN_AT, "the logical screen")
    offset = after_palette(reader, SCREEN_AT + SCREEN.size, flags)
    made.copy(0, offset)
    if kept.icc:
        made.write(_extension(APPLICATION, _ICC, kept.icc))
    while offset < reader.size:
        start = offset
        introducer = reader.read(start, 1, "a block")[0]
        if introducer == IMAGE:
            *_, flags = reader.unpack(FRAME, start + 1, "a frame")
            palette_end = after_palette(reader, start + 1 + FRAME.size, flags)
            offset, _ = after_sub_blocks(reader, palette_end + 1, "a frame")
            made.copy(start, offset)
        elif introducer == EXTENSION:
            offset, _ = after_sub_blocks(reader, start + 2, "an extension")
            made.write(_kept_extension(reader, start, offset))
        elif introducer == PADDING:
            offset += 1
        else:
            break
    made.write(bytes([TRAILER]))
    return made


def _kept_extension(reader: Reader, start: int, end: int) -> bytes:
    """Return what counts for the picture in an extension: its first sub-block, or the one after its name, if any."""
    label, length = reader.read(start + 1, 2, "an extension")
    first = start + 3
    if label == GRAPHIC_CONTROL and length >= CONTROL_BYTES:
        control = reader.read(first, CONTROL_BYTES, "an extension")
        return bytes([EXTENSION, label, CONTROL_BYTES]) + control + b"\0"
    if label == APPLICATION and length == _NAME_BYTES and end >= first + _NAME_BYTES + 1 + _LOOP_BYTES + 1:
        name = reader.read(first, _NAME_BYTES, "an extension")
        said = reader.read(first + _NAME_BYTES, 1 + _LOOP_BYTES, "an extension")
        if name in LOOPS and said[:2] == b"\3\1":
            return _extension(label, name, said[1:])
    return b""


def _extension(label: int, name: bytes, content: bytes) -> bytes:
    pieces = [content[at : at + _SUB_BLOCK_BYTES] for at in range(0, len(content), _SUB_BLOCK_BYTES)]
    blocks = b"".join(bytes([len(piece)]) + piece for piece in (name, *pieces))
    return bytes([EXTENSION, label]) + blocks + b"\0"
