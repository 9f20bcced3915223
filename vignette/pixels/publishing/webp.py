"""A WebP without what it says of itself (RFC 9649): picture, animation and colour profile stay."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.publishing.kept import Kept
from vignette.pixels.publishing.splice import Pieces

_CHUNK: Final = struct.Struct("<4sI")
_VP8X_BYTES: Final = 10
_ANIM_BYTES: Final = 6
_ANMF_BYTES: Final = 16

# The flags of VP8X (2.7).
_HAS_ICC, _HAS_ALPHA, _HAS_EXIF, _IS_ANIMATED = 0x20, 0x10, 0x08, 0x02


def publish(reader: Reader, kept: Kept) -> Pieces:
    (length,) = struct.unpack("<I", reader.read(4, 4, "the RIFF header"))
    chunks = _chunks(reader, 12, 8 + length)
    kind, start, end = next(chunks)
    body = Pieces()
    if kind == b"VP8X":
        _publish_extended(reader, start, chunks, kept, body)
    else:
        _copy(body, kind, start, end)  # the simple layouts have this one chunk
    made = Pieces()
    made.write(_CHUNK.pack(b"RIFF", 4 + body.size) + b"WEBP")
    made.extend(body)
    return made


def _publish_extended(
    reader: Reader, header: int, chunks: Iterator[tuple[bytes, int, int]], kept: Kept, body: Pieces
) -> None:
    fields = reader.read(header, _VP8X_BYTES, "the header")
    is_animated = bool(fields[0] & _IS_ANIMATED)
    flags = fields[0] & (_HAS_ALPHA | _IS_ANIMATED)
    flags |= (_HAS_ICC if kept.icc else 0) | (_HAS_EXIF if kept.exif else 0)
    _write(body, b"VP8X", bytes([flags, 0, 0, 0]) + fields[4:])
    if kept.icc:
        _write(body, b"ICCP", kept.icc)
    seen: set[bytes] = set()
    for kind, start, end in chunks:
        if is_animated and kind == b"ANMF":
            _publish_frame(reader, start, end, body)
        elif is_animated and kind == b"ANIM" and kind not in seen and end - start >= _ANIM_BYTES:
            _write(body, kind, reader.read(start, _ANIM_BYTES, "the animation"))
        elif not is_animated and kind in (b"ALPH", b"VP8 ", b"VP8L") and kind not in seen:
            _copy(body, kind, start, end)
        seen.add(kind)
    if kept.exif is not None:
        _write(body, b"EXIF", kept.exif)


def _publish_frame(reader: Reader, start: int, end: int, body: Pieces) -> None:
    frame = Pieces()
    frame.write(reader.read(start, _ANMF_BYTES, "a frame"))
    seen: set[bytes] = set()
    for kind, inner, inner_end in _chunks(reader, start + _ANMF_BYTES, end):
        if kind in (b"ALPH", b"VP8 ", b"VP8L") and kind not in seen:
            _copy(frame, kind, inner, inner_end)
        seen.add(kind)
    body.write(_CHUNK.pack(b"ANMF", frame.size))
    body.extend(frame)


def _chunks(reader: Reader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the content of each chunk, of a picture that the door has seen."""
    while start + _CHUNK.size <= end:
        kind, length = reader.unpack(_CHUNK, start, "a chunk")
        start += _CHUNK.size
        yield kind, start, start + length
        start += length + length % 2


def _copy(body: Pieces, kind: bytes, start: int, end: int) -> None:
    body.write(_CHUNK.pack(kind, end - start))
    body.copy(start, end)
    body.write(bytes((end - start) % 2))


def _write(body: Pieces, kind: bytes, content: bytes) -> None:
    body.write(_CHUNK.pack(kind, len(content)) + content + bytes(len(content) % 2))
