"""Pictures that move, from the file to the vignette: each frame, its time, the loops, and the still."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.films import FILMS, SQUARE, Film, drawn
from vignette.pixels.rendering import Rendition, render
from vignette.recipes import Recipe

WHOLE = Recipe("whole", 64, 64, formats=("webp",), quality=100)

# A vignette is lossy. What is wrong is another colour, or none: ten times as far.
ALIKE = 24


def rendered(film: Film) -> tuple[Rendition, Rendition | None]:
    still, *moving = render(io.BytesIO(film.content), len(film.content), [WHOLE])
    return still, moving[0] if moving else None


def assert_shows(image: Image.Image, drawing: str) -> None:
    """Compare the middle of each square, on grey."""
    expected = drawn(drawing)
    assert image.size == expected.size
    ours, right = (_on_grey(one) for one in (image, expected))
    for y in range(SQUARE // 2, image.height, SQUARE):
        for x in range(SQUARE // 2, image.width, SQUARE):
            found, told = ours.getpixel((x, y)), right.getpixel((x, y))
            far = max(abs(a - b) for a, b in zip(found, told, strict=True))
            assert far <= ALIKE, f"{found} in place of {told} at {x}, {y}"


def _on_grey(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "gray")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


@pytest.mark.parametrize("film", FILMS.values(), ids=FILMS)
def test_the_still_is_the_first_frame(film: Film) -> None:
    still, _ = rendered(film)

    with Image.open(io.BytesIO(still.content)) as image:
        assert_shows(image, film.frames[0])


@pytest.mark.parametrize("film", FILMS.values(), ids=FILMS)
def test_each_frame_is_seen_as_in_browsers(film: Film) -> None:
    _, moving = rendered(film)

    if len(film.frames) == 1:
        assert moving is None
        return
    assert moving is not None
    shown, times = _merged(film)
    with Image.open(io.BytesIO(moving.content)) as image:
        assert image.info["loop"] == film.plays
        made = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            image.load()
            made.append(round(image.info["duration"]))
            assert_shows(image, shown[index])
    assert made == times


def _merged(film: Film) -> tuple[list[str], list[int]]:
    """The encoder shows frames that are alike as one, for as long as all of them."""
    shown: list[str] = []
    times: list[int] = []
    for drawing, milliseconds in zip(film.frames, film.times, strict=True):
        if shown and shown[-1] == drawing:
            times[-1] += milliseconds
        else:
            shown.append(drawing)
            times.append(milliseconds)
    return shown, times
