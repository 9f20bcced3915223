"""The frames of pictures that move, as Chromium's own decoder shows them: `ImageDecoder` of WebCodecs."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

from tests.films import FILMS, Film, random_apng, random_gif, random_webp
from tests.unit.pixels.reading import anatomy
from vignette.pixels import formats
from vignette.pixels.formats import Format
from vignette.pixels.frames import film

pytestmark = pytest.mark.browser

# Chromium blends in whole numbers, and drops the lower half of deep samples. It computes the colours of a lossy
# picture by another matrix, to the same precision.
TOLERANCES = {formats.GIF: 0, formats.APNG: 2, formats.WEBP: 3, formats.AVIF: 4}

RANDOM_FILMS = 40

MAKERS = {"GIF": random_gif, "APNG": random_apng, "WebP": random_webp}

DECODE = """async ({content, type}) => {
    const data = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const decoder = new ImageDecoder({data, type, premultiplyAlpha: "none"});
    await decoder.tracks.ready;
    await decoder.completed;
    const track = decoder.tracks.selectedTrack;
    const frames = [];
    for (let frameIndex = 0; frameIndex < track.frameCount; frameIndex++) {
        const {image} = await decoder.decode({frameIndex});
        const pixels = new Uint8Array(image.allocationSize({format: "RGBA"}));
        await image.copyTo(pixels, {format: "RGBA"});
        let text = "";
        pixels.forEach(value => text += String.fromCharCode(value));
        const size = [image.displayWidth, image.displayHeight];
        frames.push({size, microseconds: image.duration, pixels: btoa(text)});
        image.close();
    }
    return {frames, repetitions: track.repetitionCount === Infinity ? -1 : track.repetitionCount};
}"""


@dataclass(frozen=True)
class Shown:
    frames: list[tuple[Image.Image, float | None]]
    plays: int


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a secure context, without which there is no `ImageDecoder`. It comes from nowhere but here."""
    page = chromium.new_page()
    page.route("https://films.test/", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("https://films.test/")
    yield page
    page.close()


def shown_by_chromium(page: Page, content: bytes) -> Shown:
    media_type = anatomy(content).format.media_type.replace("apng", "png")
    told = page.evaluate(DECODE, {"content": base64.b64encode(content).decode(), "type": media_type})
    frames = []
    for frame in told["frames"]:
        image = Image.frombytes("RGBA", tuple(frame["size"]), base64.b64decode(frame["pixels"]))
        microseconds = frame["microseconds"]
        frames.append((image, None if microseconds is None else microseconds / 1000))
    return Shown(frames, told["repetitions"] + 1)


def shown_by_us(content: bytes) -> Shown:
    file, read = io.BytesIO(content), anatomy(content)
    frames = [(one.image.convert("RGBA"), one.milliseconds) for one in film.frames(file, len(content), read)]
    return Shown(frames, film.plays(file, len(content), read))


def distance(one: Image.Image, other: Image.Image) -> int:
    """How far the farthest sample is from the other, of 255, weighed by alpha."""
    pairs = zip(*(image.convert("RGBa").split() for image in (one, other)), strict=True)
    return max(int(ImageChops.difference(*pair).getextrema()[1]) for pair in pairs)


def assert_as_in_chromium(page: Page, content: bytes, file_format: Format) -> None:
    theirs, ours = shown_by_chromium(page, content), shown_by_us(content)

    assert len(ours.frames) == len(theirs.frames)
    if len(ours.frames) > 1:
        assert ours.plays == theirs.plays
    for (image, milliseconds), (right, told) in zip(ours.frames, theirs.frames, strict=True):
        assert image.size == right.size
        assert distance(image, right) <= TOLERANCES[file_format]
        # It cuts off what is less than a millisecond.
        assert told is None or told <= milliseconds < told + 1


@pytest.mark.parametrize("made", FILMS.values(), ids=FILMS)
def test_each_kind_is_shown_as_in_chromium(page: Page, made: Film) -> None:
    assert_as_in_chromium(page, made.content, anatomy(made.content).format)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_whatever_the_frames_they_are_shown_as_in_chromium(page: Page, make: Callable[[random.Random], bytes]) -> None:
    for seed in range(RANDOM_FILMS):
        content = make(random.Random(seed))
        try:
            assert_as_in_chromium(page, content, anatomy(content).format)
        except AssertionError as error:
            error.add_note(f"the film of seed {seed}")
            raise
