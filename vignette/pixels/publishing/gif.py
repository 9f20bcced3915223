"""A GIF without what it says of itself: frames, their timing, the loop and the colour profile stay."""

from __future__ import annotations

from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader
from vignette.pixels.publishing.kept import Kept
from vignette.pixels.publishing.splice import Pieces

_IMAGE, _EXTENSION, _PADDING = 0x2C, 0x21, 0x00
_TRAILER: Final = b"\x3b"
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_CONTROL_BYTES: Final = 4

_SCREEN_BYTES: Final = 13
_FRAME_BYTES: Final = 10
_FLAGS_OF_SCREEN, _FLAGS_OF_FRAME = 10, 9

_NAME_BYTES: Final = 11
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
# A sub-block of 3 bytes: 1, and how often to repeat.
_LOOP_BYTES: Final = 3
_ICC: Final = b"ICCRGBG1012"
_SUB_BLOCK_BYTES: Final = 255


def publish(reader: Reader, kept: Kept) -> Pieces:
    made = Pieces()
    offset = _after_palette(reader, 0, _FLAGS_OF_SCREEN, _SCREEN_BYTES)
    made.copy(0, offset)
    if kept.icc:
        made.write(_extension(_APPLICATION, _ICC, kept.icc))
    while offset < reader.size:
        start = offset
        introducer = reader.read(start, 1, "a block")[0]
        if introducer == _IMAGE:
            palette_end = _after_palette(reader, start, _FLAGS_OF_FRAME, _FRAME_BYTES)
            offset = _after_sub_blocks(reader, palette_end + 1)
            made.copy(start, offset)
        elif introducer == _EXTENSION:
            offset = _after_sub_blocks(reader, start + 2)
            made.write(_kept_extension(reader, start, offset))
        elif introducer == _PADDING:
            offset += 1
        else:
            break
    made.write(_TRAILER)
    return made


def _kept_extension(reader: Reader, start: int, end: int) -> bytes:
    """The extension as far as it counts for the picture: its first sub-block, or the one behind its name."""
    label, length = reader.read(start + 1, 2, "an extension")
    first = start + 3
    if label == _GRAPHIC_CONTROL and length >= _CONTROL_BYTES:
        control = reader.read(first, _CONTROL_BYTES, "an extension")
        return bytes([_EXTENSION, label, _CONTROL_BYTES]) + control + b"\0"
    if label == _APPLICATION and length == _NAME_BYTES and end >= first + _NAME_BYTES + 1 + _LOOP_BYTES + 1:
        name = reader.read(first, _NAME_BYTES, "an extension")
        said = reader.read(first + _NAME_BYTES, 1 + _LOOP_BYTES, "an extension")
        if name in _LOOPS and said[:2] == b"\3\1":
            return _extension(label, name, said[1:])
    return b""


def _extension(label: int, name: bytes, content: bytes) -> bytes:
    pieces = [content[at : at + _SUB_BLOCK_BYTES] for at in range(0, len(content), _SUB_BLOCK_BYTES)]
    blocks = b"".join(bytes([len(piece)]) + piece for piece in (name, *pieces))
    return bytes([_EXTENSION, label]) + blocks + b"\0"


def _after_palette(reader: Reader, block: int, flags_at: int, length: int) -> int:
    flags = reader.read(block + flags_at, 1, "a palette")[0]
    return block + length + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)


def _after_sub_blocks(reader: Reader, offset: int) -> int:
    while offset < reader.size:
        buffer, index = reader.window(offset)
        before, end = index, len(buffer)
        while index < end and (length := buffer[index]):
            index += length + 1
        offset += index - before
        if index < end:
            return offset + 1
    raise BrokenImage("the GIF has no end")
