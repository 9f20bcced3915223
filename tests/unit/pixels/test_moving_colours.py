"""The frames of an animation have the colours of its still picture."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageSequence

from tests.colours import COLOUR, SIZE, cicp, gama, painted
from tests.makers import encoded, png_with
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

RECIPE = Recipe("small", 64, 64, formats=("webp",), quality=100)
OTHER = (20, 180, 90)


Frames = tuple[tuple[int, ...], tuple[int, ...]]


def moving(file_format: str, frames: Frames, **options: object) -> bytes:
    first, second = map(painted, frames)
    return encoded(first, file_format, save_all=True, append_images=[second], duration=100, **options)


def apng(*chunks: bytes, frames: Frames = (COLOUR, OTHER)) -> bytes:
    return png_with(*chunks, content=moving("PNG", frames))


def avif(primaries: int, transfer: int, frames: Frames = (COLOUR, OTHER)) -> bytes:
    told = b"nclx" + bytes([0, primaries, 0, transfer])
    content = moving("AVIF", frames, quality=100, subsampling="4:4:4")
    return b"".join(piece if not index else told + piece[4:] for index, piece in enumerate(content.split(b"nclx")))


SOURCES: dict[str, tuple[Callable[[], bytes], tuple[int, ...], tuple[int, ...]]] = {
    "gAMA": (lambda: apng(gama(100_000)), (229, 168, 128), (78, 218, 160)),
    "cICP": (lambda: apng(cicp(12, 13)), (215, 93, 39), (0, 183, 78)),
    "nclx": (lambda: avif(12, 13), (215, 93, 39), (0, 183, 78)),
}


@pytest.mark.parametrize(("make", "first", "second"), SOURCES.values(), ids=SOURCES)
def test_what_a_file_says_of_its_colours_holds_for_all_frames(
    make: Callable[[], bytes], first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    content = make()

    still, animation = render(io.BytesIO(content), len(content), [RECIPE])

    assert animation.moves
    assert _seen(still.content) == [pytest.approx(first, abs=4)]
    assert _seen(animation.content) == [pytest.approx(first, abs=4), pytest.approx(second, abs=4)]


@pytest.mark.parametrize("file_format", ["APNG", "AVIF"])
def test_frames_of_hdr_are_mapped_alike(file_format: str) -> None:
    """The first frame has 1,000 cd/m². The second has the 203 of paper: mapped by itself, it would be as bright."""
    frames = (192, 192, 192), (148, 148, 148)
    content = apng(cicp(9, 16), frames=frames) if file_format == "APNG" else avif(9, 16, frames)

    still, animation = render(io.BytesIO(content), len(content), [RECIPE])

    assert _seen(still.content) == [pytest.approx((255, 255, 255), abs=3)]
    assert _seen(animation.content) == [pytest.approx((255,) * 3, abs=3), pytest.approx((188,) * 3, abs=4)]


def _seen(content: bytes) -> list[tuple[int, ...]]:
    with Image.open(io.BytesIO(content)) as image:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    pixels = [frame.getpixel((SIZE[0] // 2, SIZE[1] // 2)) for frame in frames]
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]
