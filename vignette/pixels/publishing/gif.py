"""
A GIF without what it says of itself: frames, their timing, the loop and the colour profile stay.

The codes of each frame are counted to find where they end (GIF 89a, appendix F): decoders skip what follows.
"""

from __future__ import annotations

from typing import Final

from vignette.errors import NotPublishable
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
from vignette.pixels.publishing.gif_codes import Codes
from vignette.pixels.publishing.kept import Kept

_NAME_BYTES: Final = 11
# A sub-block of 3 bytes: 1, and how often to repeat.
_LOOP_BYTES: Final = 3
_ICC: Final = b"ICCRGBG1012"
_SUB_BLOCK_BYTES: Final = 255
# A code has 12 bits at most, and one more than this to begin with.
_MAX_CODE_SIZE: Final = 11


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
            _, _, width, height, flags = reader.unpack(FRAME, start + 1, "a frame")
            data = after_palette(reader, start + 1 + FRAME.size, flags) + 1
            offset, _ = after_sub_blocks(reader, data, "a frame")
            made.copy(start, data)
            _copy_data(reader, data, offset, width * height, made)
        elif introducer == EXTENSION:
            offset, _ = after_sub_blocks(reader, start + 2, "an extension")
            made.write(_kept_extension(reader, start, offset))
        elif introducer == PADDING:
            offset += 1
        else:
            break
    made.write(bytes([TRAILER]))
    return made


def _copy_data(reader: Reader, start: int, end: int, pixels: int, made: Pieces) -> None:
    """Copy the sub-blocks of a frame up to the last byte that its *pixels* need, then end the chain."""
    code_size = reader.read(start - 1, 1, "a frame")[0]
    codes = Codes(code_size, pixels) if 1 <= code_size <= _MAX_CODE_SIZE else None
    while codes is not None and not codes.is_at_end and (length := reader.read(start, 1, "a frame")[0]):
        used = codes.take(reader.read(start + 1, length, "a frame"))
        if used == length:
            made.copy(start, start + 1 + length)
        elif used:
            made.write(bytes([used]))
            made.copy(start + 1, start + 1 + used)
        start += 1 + length
    if codes is None or codes.is_damaged:
        raise NotPublishable(
            f"the frame up to byte {end:,} is damaged, so nobody can tell where the picture ends in it"
        )
    made.copy(end - 1, end)


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
