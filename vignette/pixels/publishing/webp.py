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

_TRANSPARENCY, _LOSSY, _LOSSLESS = b"ALPH", b"VP8 ", b"VP8L"
# In the last byte of a frame's header (2.7.1.1): how it is blended and disposed of. The other bits are reserved.
_FRAME_FLAGS: Final = 0x03


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
    if is_animated:
        _publish_animation(reader, following, body)
    else:
        for chunk in _of_picture(following):
            _copy(body, chunk)
    if kept.exif is not None:
        _write(body, b"EXIF", kept.exif)


def _publish_animation(reader: Reader, following: Iterator[Chunk], body: Pieces) -> None:
    is_begun = False
    for chunk in following:
        if chunk.kind == b"ANMF":
            _publish_frame(reader, chunk, body)
        elif chunk.kind == b"ANIM" and not is_begun and chunk.length >= _ANIM_BYTES:
            is_begun = True
            _write(body, chunk.kind, reader.read(chunk.start, _ANIM_BYTES, "the animation"))


def _of_picture(following: Iterator[Chunk]) -> list[Chunk]:
    """Return the chunks that make a picture: one with its pixels, before it perhaps one with their transparency."""
    transparency: list[Chunk] = []
    for chunk in following:
        if chunk.kind == _LOSSLESS:  # it has its own transparency
            return [chunk]
        if chunk.kind == _LOSSY:
            return [*transparency, chunk]
        if chunk.kind == _TRANSPARENCY and not transparency:
            transparency = [chunk]
    return []


def _publish_frame(reader: Reader, chunk: Chunk, body: Pieces) -> None:
    frame = Pieces()
    fields = reader.read(chunk.start, ANMF_BYTES, "a frame")
    frame.write(fields[:-1] + bytes([fields[-1] & _FRAME_FLAGS]))
    for inner in _of_picture(chunks_of_frame(reader, chunk)):
        _copy(frame, inner)
    body.write(HEADER.pack(b"ANMF", frame.size))
    body.extend(frame)


def _copy(body: Pieces, chunk: Chunk) -> None:
    body.write(HEADER.pack(chunk.kind, chunk.length))
    body.copy(chunk.start, chunk.end)
    body.write(bytes(chunk.length % 2))


def _write(body: Pieces, kind: bytes, content: bytes) -> None:
    body.write(HEADER.pack(kind, len(content)) + content + bytes(len(content) % 2))
