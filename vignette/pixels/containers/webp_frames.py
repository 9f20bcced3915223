"""The frames of an animated WebP, each as a WebP of its own (RFC 9649, 2.7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.coded_frames import CodedFrame, Disposal
from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.riff import ANMF_BYTES, HEADER, Chunk, chunks, chunks_of_frame
from vignette.pixels.pieces import Pieces

_HAS_ALPHA: Final = 0x10
_IS_ANIMATED: Final = 0x02

# The flags of an ANMF.
_DOES_NOT_BLEND, _CLEARS = 0x02, 0x01

_ANIM_BYTES: Final = 6


def coded_frames(reader: Reader) -> Iterator[CodedFrame]:
    """
    Yield each frame of a WebP that has passed the door; none if it is not animated.

    Raises:
        BrokenImage: A chunk cannot be read.
    """
    for chunk in _animation(reader):
        if chunk.kind == b"ANMF":
            yield _frame(reader, chunk)


def plays(reader: Reader) -> int:
    """Return how many times an animated WebP that has passed the door is played; 0 stands for ever."""
    for chunk in _animation(reader):
        if chunk.kind == b"ANIM" and chunk.length >= _ANIM_BYTES:
            return int.from_bytes(reader.read(chunk.start + 4, 2, chunk.what), "little")
    return 0


def _animation(reader: Reader) -> Iterator[Chunk]:
    """Yield the chunks behind the header of an animated WebP; none of another."""
    following = chunks(reader)
    header = next(following, None)
    if header is not None and header.kind == b"VP8X" and reader.read(header.start, 1, header.what)[0] & _IS_ANIMATED:
        yield from following


def _frame(reader: Reader, chunk: Chunk) -> CodedFrame:
    header = reader.read(chunk.start, ANMF_BYTES, chunk.what)
    left, top, across, down, milliseconds = (int.from_bytes(header[at : at + 3], "little") for at in range(0, 15, 3))
    flags = header[15]
    return CodedFrame(
        still=_still(reader, chunk, header[6:12]),
        left=2 * left,
        top=2 * top,
        width=across + 1,
        height=down + 1,
        milliseconds=milliseconds,
        disposal=Disposal.CLEAR if flags & _CLEARS else Disposal.KEEP,
        blends=not flags & _DOES_NOT_BLEND,
    )


def _still(reader: Reader, frame: Chunk, size: bytes) -> Pieces:
    """Make a WebP of the picture in *frame*; *size* is its width and height as a VP8X tells them."""
    found: dict[bytes, Chunk] = {}
    for inner in chunks_of_frame(reader, frame):
        found.setdefault(inner.kind, inner)
    picture = found.get(b"VP8L") or found.get(b"VP8 ")
    if picture is None:
        raise BrokenImage(f"{frame.what} holds no picture")
    body = Pieces()
    alpha = found.get(b"ALPH")
    if alpha is not None and picture.kind == b"VP8 ":  # a lossless picture has its transparency within it
        body.write(HEADER.pack(b"VP8X", 10) + bytes([_HAS_ALPHA, 0, 0, 0]) + size)
        _copy(body, alpha)
    _copy(body, picture)
    still = Pieces()
    still.write(HEADER.pack(b"RIFF", 4 + body.size) + b"WEBP")
    still.extend(body)
    return still


def _copy(body: Pieces, chunk: Chunk) -> None:
    body.write(HEADER.pack(chunk.kind, chunk.length))
    body.copy(chunk.start, chunk.end)
    body.write(bytes(chunk.length % 2))
