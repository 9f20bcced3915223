"""The frames of a file, composed, in their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple, cast

from PIL import Image

from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import gif_frames, heif_loops, png_frames, webp_frames
from vignette.pixels.containers.coded_frames import CodedFrame
from vignette.pixels.containers.reader import Reader
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.engines import decode
from vignette.pixels.engines.pillow import open_source
from vignette.pixels.formats import Format
from vignette.pixels.frames.canvas import Canvas
from vignette.pixels.pieces import Splice
from vignette.pixels.resampling import samples

_CODED_FRAMES: Final[dict[Format, Callable[[Reader], Iterator[CodedFrame]]]] = {
    formats.GIF: gif_frames.coded_frames,
    formats.APNG: png_frames.coded_frames,
    formats.WEBP: webp_frames.coded_frames,
}

_PLAYS: Final[dict[Format, Callable[[Reader], int]]] = {
    formats.GIF: gif_frames.plays,
    formats.APNG: png_frames.plays,
    formats.WEBP: webp_frames.plays,
    formats.AVIF: heif_loops.plays,
}

_GREY: Final = ("L", "LA")


class Frame(NamedTuple):
    """A complete picture, as stored: not upright, and in the colours of the file. It holds until the next frame."""

    image: Image.Image
    milliseconds: float


def frames(file: BinaryIO, size: int, anatomy: Anatomy) -> Iterator[Frame]:
    """
    Yield the frames of the picture of *size* bytes in *file*, as browsers show them. Its format is one of
    `formats.MOVING`.

    Raises:
        BrokenImage, RenderingFailed: A frame is missing, or not of the size that the file tells.
        Exception: A frame is damaged; decoders raise many kinds.
    """
    if anatomy.format is formats.AVIF:
        yield from _complete_pictures(file, size, anatomy)
        return
    coded = _CODED_FRAMES[anatomy.format](Reader(file, size))
    first = next(coded)
    picture = _decoded(file, anatomy, first)
    # The frames of a PNG are all of one kind. A GIF has a palette for each, and one of greys is decoded as grey.
    is_grey = anatomy.format is formats.APNG and picture.mode in _GREY
    canvas = Canvas((anatomy.width, anatomy.height), is_grey=is_grey)
    yield Frame(canvas.lay(first, picture), first.milliseconds)
    for frame in coded:
        yield Frame(canvas.lay(frame, _decoded(file, anatomy, frame)), frame.milliseconds)


def first_picture(file: BinaryIO, size: int, anatomy: Anatomy) -> BinaryIO | Image.Image:
    """
    Return what the picture of *size* bytes in *file* shows at first.

    That is a file for its decoder. Only if the first frame of an animation leaves a part of its canvas free, it is the
    canvas with this frame, as stored.
    """
    walk = _CODED_FRAMES.get(anatomy.format)
    first = None if walk is None else next(walk(Reader(file, size)), None)
    if first is None:
        return decoder_file(file, size, anatomy.format)
    if first.covers(anatomy.width, anatomy.height):
        return _still(file, first)
    return next(frames(file, size, anatomy)).image


def plays(file: BinaryIO, size: int, anatomy: Anatomy) -> int:
    """Return how many times the animation of *size* bytes in *file* is played; 0 stands for ever."""
    return _PLAYS[anatomy.format](Reader(file, size))


def _still(file: BinaryIO, frame: CodedFrame) -> BinaryIO:
    return cast(BinaryIO, Splice(file, frame.still, closes_source=False))


def _decoded(file: BinaryIO, anatomy: Anatomy, frame: CodedFrame) -> Image.Image:
    """Decode *frame*, in the colours of the file; mode P, or one of 8-bit samples."""
    still = _still(file, frame)
    if anatomy.format is not formats.APNG:
        picture = open_source(still, anatomy.format)
        picture.load()
        return picture
    size = frame.width, frame.height
    return decode(still, Anatomy(anatomy.format, *size, bits_per_pixel=anatomy.bits_per_pixel), size)


def _complete_pictures(file: BinaryIO, size: int, anatomy: Anatomy) -> Iterator[Frame]:
    with open_source(decoder_file(file, size, anatomy.format), anatomy.format) as source:
        for index in range(getattr(source, "n_frames", 1)):
            source.seek(index)
            source.load()
            # The decoder uses the same picture again for the next frame.
            yield Frame(samples(source.crop(anatomy.shown)), source.info.get("duration", 0))
