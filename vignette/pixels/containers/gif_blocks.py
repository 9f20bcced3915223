"""
What the blocks of a GIF are made of: Graphics Interchange Format, version 89a (CompuServe, 1990).

There is no walk from block to block here: an object for each block would cost the check at the door a tenth to a third.
"""

from __future__ import annotations

import struct
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader

# The byte that begins a block. Padding is a second terminator, which some encoders write.
IMAGE, EXTENSION, TRAILER, PADDING = 0x2C, 0x21, 0x3B, 0x00

# The labels of extensions, and the length of the one that holds for the frame behind it.
GRAPHIC_CONTROL, COMMENT, APPLICATION = 0xF9, 0xFE, 0xFF
CONTROL_BYTES: Final = 4

# The names of the applications that say how often to play.
LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

SCREEN_AT: Final = 6
# Width, height, flags, background, aspect.
SCREEN: Final = struct.Struct("<HHBBB")
# Left, top, width, height, flags.
FRAME: Final = struct.Struct("<HHHHB")

# A full sub-block holds 255 bytes: these hold 500 MB, and take a moment to walk along. Only a file of
# tiny sub-blocks, which no encoder writes, gets there sooner.
MAX_SUB_BLOCKS: Final = 2_000_000


class TooMany(BrokenImage):
    """The GIF has more of something than any real one: no fault to be mended."""


def palette_bytes(flags: int) -> int:
    """Return how long the palette is of which the *flags* before it tell; 0 if they tell of none."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def after_palette(reader: Reader, offset: int, flags: int) -> int:
    """Return where the palette at *offset* ends, if the *flags* before it say that there is one; else *offset*."""
    length = palette_bytes(flags)
    reader.require(offset, length, "a palette")
    return offset + length


def after_sub_blocks(reader: Reader, start: int, what: str, most: int = MAX_SUB_BLOCKS) -> tuple[int, int]:
    """
    Return where the chain of sub-blocks from *start* ends, after its terminator; and how many sub-blocks it has.

    Raises:
        BrokenImage: The file ends before the chain does.
        TooMany: The chain has more than *most* sub-blocks, and so the picture more than it may have.
    """
    offset, count = start, 0
    while offset < reader.size:
        buffer, index = reader.window(offset)
        before, end = index, len(buffer)
        while index < end and (length := buffer[index]):
            index += length + 1
            count += 1
        offset += index - before
        if count > most:
            raise TooMany(f"the GIF has more than {MAX_SUB_BLOCKS:,} sub-blocks")
        if index < end:
            return offset + 1, count
    raise BrokenImage(f"the file ends at byte {reader.size:,}, within {what}, whose data begin at {start:,}")
