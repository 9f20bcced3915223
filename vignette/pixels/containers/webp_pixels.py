"""The part of a WebP that its pixels need: without profile, EXIF, XMP and chunks that nobody knows (RFC 9649, 2.7)."""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.riff import HEADER, Chunk, chunks
from vignette.pixels.pieces import Pieces

_CANVAS: Final = b"VP8X"
_CANVAS_BYTES: Final = 10
_OF_STILL: Final = (b"ALPH", b"VP8 ", b"VP8L")
_OF_ANIMATION: Final = (b"ANIM", b"ANMF")
_IS_ANIMATED: Final = 0x02
# The flags of a canvas that tell of pixels: transparency and animation. The others tell of metadata.
_FLAGS: Final = 0x10 | _IS_ANIMATED


def picture(reader: Reader) -> Pieces:
    """
    Return a WebP that has passed the door, without its metadata. No more than a few pieces, unless they lie in between.

    Raises:
        BrokenImage: *reader* holds no such WebP.
    """
    found = list(chunks(reader))
    kinds: tuple[bytes, ...] = ()
    if found[0].kind == _CANVAS:
        # A decoder takes no frame in a still, though one that belongs to nothing costs no pixel.
        is_animated = reader.read(found[0].start, 1, found[0].what)[0] & _IS_ANIMATED
        kinds = _OF_ANIMATION if is_animated else _OF_STILL
    if not kinds or all(chunk.kind in (_CANVAS, *kinds) for chunk in found):
        whole = Pieces()
        whole.copy(0, reader.size)
        return whole
    body = Pieces()
    for chunk in found:
        if chunk.kind == _CANVAS:
            _copy_canvas(reader, chunk, body)
        elif chunk.kind in kinds:
            body.copy(chunk.start - HEADER.size, min(chunk.end + chunk.length % 2, reader.size))
    made = Pieces()
    made.write(b"RIFF" + struct.pack("<I", 4 + body.size) + b"WEBP")
    made.extend(body)
    return made


def _copy_canvas(reader: Reader, canvas: Chunk, body: Pieces) -> None:
    content = reader.read(canvas.start, min(canvas.length, _CANVAS_BYTES), canvas.what)
    body.write(HEADER.pack(_CANVAS, len(content)) + bytes([content[0] & _FLAGS]) + content[1:])
