"""A PNG or APNG without what it says of itself: only the chunks stay that change how its pixels look."""

from __future__ import annotations

import zlib
from typing import Final

from vignette.pixels.containers.png_chunks import Chunk, as_chunk, chunks
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.kept import Kept

_PICTURE: Final = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
# Each stays once, and only if it is no longer than it may be: nothing else hides in it (PNG, Third Edition, 11.3).
_LOOKS: Final = {
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"sBIT": range(1, 5),
    b"cICP": range(4, 5),
    b"mDCV": range(24, 25),
    b"cLLI": range(8, 9),
    b"pHYs": range(9, 10),
}
_PROFILE: Final = b"iCCP"


def publish(reader: Reader, kept: Kept, *, is_animated: bool) -> Pieces:
    made = Pieces()
    made.write(PNG_SIGNATURE)
    seen: set[bytes] = set()
    for chunk in chunks(reader):
        is_second = chunk.kind in seen
        if _stays(chunk, is_second, is_animated):
            made.copy(chunk.header, chunk.end)
        elif chunk.kind == _PROFILE and not is_second and kept.icc:
            # The writer chose its name, and what lies behind the compressed profile; the copy has neither.
            made.write(as_chunk(_PROFILE, b"ICC\0\0" + zlib.compress(kept.icc)))
        if chunk.kind == b"IHDR" and kept.exif is not None:
            made.write(as_chunk(b"eXIf", kept.exif))
        seen.add(chunk.kind)
    made.write(as_chunk(b"IEND"))
    return made


def _stays(chunk: Chunk, is_second: bool, is_animated: bool) -> bool:
    if chunk.kind in _ANIMATION:
        return is_animated and not (chunk.kind == b"acTL" and is_second)
    return chunk.kind in _PICTURE or (not is_second and chunk.length in _LOOKS.get(chunk.kind, ()))
