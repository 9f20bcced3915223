"""The part of a WebP that its pixels need: without profile, EXIF, XMP and chunks that nobody knows (RFC 9649, 2.7)."""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.riff import HEADER, Chunk, chunks
from vignette.pixels.pieces import Pieces

_CANVAS: Final = b"VP8X"
_CANVAS_BYTES: Final = 10
_PIXELS: Final = (b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")
# The flags of a canvas that tell of pixels: transparency and animation. The others tell of metadata.
_FLAGS: Final = 0x10 | 0x02


def picture(reader: Reader) -> Pieces:
    """
    Return a WebP that has passed the door, without its metadata. No more than a few pieces, unless they lie in between.

    Raises:
        BrokenImage: *reader* holds no such WebP.
    """
    found = list(chunks(reader))
    if found[0].kind != _CANVAS or all(chunk.kind in (_CANVAS, *_PIXELS) for chunk in found):
        whole = Pieces()
        whole.copy(0, reader.size)
        return whole
    body = Pieces()
    for chunk in found:
        if chunk.kind == _CANVAS:
            _copy_canvas(reader, chunk, body)
        elif chunk.kind in _PIXELS:
            body.copy(chunk.start - HEADER.size, min(chunk.end + chunk.length % 2, reader.size))
    made = Pieces()
    made.write(b"RIFF" + struct.pack("<I", 4 + body.size) + b"WEBP")
    made.extend(body)
    return made


def _copy_canvas(reader: Reader, canvas: Chunk, body: Pieces) -> None:
    content = reader.read(canvas.start, min(canvas.length, _CANVAS_BYTES), canvas.what)
    body.write(HEADER.pack(_CANVAS, len(content)) + bytes([content[0] & _FLAGS]) + content[1:])
