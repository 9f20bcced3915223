"""A WebP without what it says of itself (RFC 9649): picture, animation and colour profile stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.riff import ANMF_BYTES, HEADER, Chunk, chunks, chunks_of_frame
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.kept import Kept

_VP8X_BYTES: Final = 10
_ANIM_BYTES: Final = 6

# The flags of VP8X (2.7).
_HAS_ICC, _HAS_ALPHA, _HAS_EXIF, _IS_ANIMATED = 0x20, 0x10, 0x08, 0x02

# What makes a picture: its transparency, and its lossy or lossless pixels.
_PICTURE: Final = (b"ALPH", b"VP8 ", b"VP8L")


def publish(reader: Reader, kept: Kept) -> Pieces:
    following = chunks(reader)
    first = next(following)
    body = Pieces()
    if first.kind == b"VP8X":
        _publish_extended(reader, first, following, kept, body)
    else:
        _copy(body, first)  # the simple layouts have this one chunk
    made = Pieces()
    made.write(HEADER.pack(b"RIFF", 4 + body.size) + b"WEBP")
    made.extend(body)
    return made


def _publish_extended(reader: Reader, header: Chunk, following: Iterator[Chunk], kept: Kept, body: Pieces) -> None:
    fields = reader.read(header.start, _VP8X_BYTES, "the header")
    is_animated = bool(fields[0] & _IS_ANIMATED)
    flags = fields[0] & (_HAS_ALPHA | _IS_ANIMATED)
    flags |= (_HAS_ICC if kept.icc else 0) | (_HAS_EXIF if kept.exif else 0)
    _write(body, b"VP8X", bytes([flags, 0, 0, 0]) + fields[4:])
    if kept.icc:
        _write(body, b"ICCP", kept.icc)
    seen: set[bytes] = set()
    for chunk in following:
        is_second = chunk.kind in seen
        if is_animated and chunk.kind == b"ANMF":
            _publish_frame(reader, chunk, body)
        elif is_animated and chunk.kind == b"ANIM" and not is_second and chunk.length >= _ANIM_BYTES:
            _write(body, chunk.kind, reader.read(chunk.start, _ANIM_BYTES, "the animation"))
        elif not is_animated and chunk.kind in _PICTURE and not is_second:
            _copy(body, chunk)
        seen.add(chunk.kind)
    if kept.exif is not None:
        _write(body, b"EXIF", kept.exif)


def _publish_frame(reader: Reader, chunk: Chunk, body: Pieces) -> None:
    frame = Pieces()
    frame.write(reader.read(chunk.start, ANMF_BYTES, "a frame"))
    seen: set[bytes] = set()
    for inner in chunks_of_frame(reader, chunk):
        if inner.kind in _PICTURE and inner.kind not in seen:
            _copy(frame, inner)
        seen.add(inner.kind)
    body.write(HEADER.pack(b"ANMF", frame.size))
    body.extend(frame)


def _copy(body: Pieces, chunk: Chunk) -> None:
    body.write(HEADER.pack(chunk.kind, chunk.length))
    body.copy(chunk.start, chunk.end)
    body.write(bytes(chunk.length % 2))


def _write(body: Pieces, kind: bytes, content: bytes) -> None:
    body.write(HEADER.pack(kind, len(content)) + content + bytes(len(content) % 2))
