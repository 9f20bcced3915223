"""
The part of a PNG that its pixels need, as places in the file.

A decoder gives up a picture for a fault in its metadata: a wrong checksum, a text that inflates to megabytes, a gAMA of
one byte. The door has read the metadata and warned. So the decoder gets only the picture, and nothing in that could be
wrong but the pixels.
"""

from __future__ import annotations

from typing import Final

from vignette.pixels.containers.png_chunks import Chunk, chunks, has_right_crc
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE
from vignette.pixels.pieces import Pieces

_IHDR_COLOUR_TYPE: Final = 8 + 8 + 9

# How many bytes a tRNS has, by colour type (11.3.1.1). An indexed picture has a byte for each of up to 256 colours.
_TRANSPARENCY_BYTES: Final = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}

_STILL: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def still_picture(reader: Reader) -> Pieces:
    """
    Return the signature and the chunks IHDR, PLTE, tRNS, IDAT and IEND of a PNG that has passed the door: again a whole
    PNG.

    Left out are the frames of an animation, too: IDAT is the still picture. A tRNS that is damaged
    is left out, as libpng does. No more than a few pieces, whatever the file.

    Raises:
        BrokenImage: *reader* holds no such PNG.
    """
    picture = Pieces()
    picture.copy(0, len(PNG_SIGNATURE))
    has_data = False
    for chunk in chunks(reader):
        if chunk.kind in _STILL and is_in_place(reader, chunk, has_data=has_data):
            picture.copy(chunk.header, chunk.end)
        has_data = has_data or chunk.kind == b"IDAT"
    return picture


def is_in_place(reader: Reader, chunk: Chunk, *, has_data: bool) -> bool:
    """Whether *chunk* counts: a palette or a transparency counts only before the data."""
    if chunk.kind in (b"PLTE", b"tRNS"):
        return not has_data and (chunk.kind == b"PLTE" or _is_sound(reader, chunk))
    return True


def _is_sound(reader: Reader, transparency: Chunk) -> bool:
    colour_type = reader.read(_IHDR_COLOUR_TYPE, 1, "the colour type")[0]
    return transparency.length in _TRANSPARENCY_BYTES.get(colour_type, ()) and has_right_crc(reader, transparency)
