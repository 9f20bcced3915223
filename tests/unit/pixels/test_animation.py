"""Vignettes that move, judged by their frames: each is compared with the picture that was drawn for it."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import pyvips
from PIL import Image, ImageChops, ImageDraw, ImageSequence, ImageStat

from tests.makers import clap, png_chunk, with_aperture
from tests.moving import GifFrame, gif
from vignette import limits
from vignette.model import RenderingWarning
from vignette.pixels import animation
from vignette.pixels.rendering import Rendition, render, render_in_steps
from vignette.pixels.renditions import Told
from vignette.recipes import Recipe

SMALL = Recipe("small", 60, 60, quality=95)

# WebP keeps half of the resolution of colours: hard edges between strong ones are soft. A frame that is wrong, or
# in the wrong place, is three times as far.
ALIKE = 6.0

CORPUS = os.environ.get("VIGNETTE_CORPUS", "")

DURATIONS = [100, 200, 300, 40]


def drawn(count: int = 4, mode: str = "RGBA", size: tuple[int, int] = (120, 80)) -> list[Image.Image]:
    """A rectangle that moves, grows and changes its colour, in a frame of ink, on nothing or on white."""
    frames = []
    for index in range(count):
        frame = Image.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else "white")
        # Around all of it: else an encoder may leave out what is transparent anyway, and no reader knows of it.
        ImageDraw.Draw(frame).rectangle((0, 0, size[0] - 1, size[1] - 1), outline="dimgray", width=2)
        colour = ("red", "lime", "blue", "black")[index % 4]
        ImageDraw.Draw(frame).rectangle((10 + 20 * (index % 4), 10, 50 + 20 * (index % 4), 40 + 10 * index), colour)
        frames.append(frame)
    return frames


def saved(frames: Sequence[Image.Image], file_format: str, **options: object) -> bytes:
    content = io.BytesIO()
    settings = {"duration": DURATIONS[: len(frames)], "loop": 0, **options}
    frames[0].save(content, file_format, save_all=True, append_images=frames[1:], **settings)
    return content.getvalue()


def renditions(content: bytes, recipe: Recipe = SMALL, **options: float) -> list[Rendition]:
    return render(io.BytesIO(content), len(content), [recipe], **options)


def moving(content: bytes, recipe: Recipe = SMALL, **options: float) -> Image.Image | None:
    """The animated vignette; None if there is none."""
    found = [rendition for rendition in renditions(content, recipe, **options) if rendition.moves]
    return Image.open(io.BytesIO(found[0].content)) if found else None


def frames_of(vignette: Image.Image) -> list[tuple[Image.Image, int]]:
    frames = []
    for index in range(vignette.n_frames):  # type: ignore[attr-defined]
        vignette.seek(index)
        vignette.load()
        frames.append((vignette.convert("RGBA"), round(vignette.info["duration"])))
    return frames


def on_grey(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "gray")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def differ(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are from each other on the average, of 255."""
    difference = ImageChops.difference(on_grey(one), on_grey(other.resize(one.size, Image.Resampling.LANCZOS)))
    return max(ImageStat.Stat(difference).mean)


SOURCES = {
    "GIF, each frame over the last": ("GIF", "RGB", {}),
    "GIF, each frame on nothing": ("GIF", "RGBA", {"disposal": 2}),
    "APNG, each frame over the last": ("PNG", "RGB", {}),
    "APNG, each frame on nothing": ("PNG", "RGBA", {"disposal": 1, "blend": 0}),
    "WebP": ("WEBP", "RGBA", {"lossless": True}),
    "AVIF": ("AVIF", "RGB", {"quality": 95}),
}


@pytest.mark.parametrize(("file_format", "mode", "options"), SOURCES.values(), ids=SOURCES)
def test_each_frame_is_what_was_drawn_for_as_long_as_it_was_meant(
    file_format: str, mode: str, options: dict[str, object]
) -> None:
    frames = drawn(mode=mode)

    vignette = moving(saved(frames, file_format, **options))

    assert vignette is not None
    assert vignette.size == (60, 40)
    made = frames_of(vignette)
    assert [milliseconds for _, milliseconds in made] == DURATIONS
    for (frame, _), original in zip(made, frames, strict=True):
        assert differ(frame, original) < ALIKE


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_frames_of_a_gif_are_those_that_another_decoder_finds(disposal: int, mode: str) -> None:
    # "As before the first frame" is a thing that decoders read differently.
    gif = saved(drawn(mode=mode), "GIF", disposal=[min(disposal, 1), *[disposal] * 3] if disposal == 3 else disposal)
    strip = pyvips.Image.new_from_buffer(gif, "", n=-1).colourspace("srgb")
    height = strip.get("page-height")
    pages = [strip.crop(0, top, strip.width, height) for top in range(0, strip.height, height)]
    expected = [
        Image.frombytes("RGBA" if page.bands == 4 else "RGB", (page.width, page.height), page.write_to_memory())
        for page in pages
    ]

    vignette = moving(gif)

    assert vignette is not None
    for (frame, _), page in zip(frames_of(vignette), expected, strict=True):
        assert differ(frame, page) < ALIKE


def test_beside_it_there_are_the_still_vignettes() -> None:
    made = renditions(saved(drawn(), "GIF", disposal=2))

    assert [(r.file_format, r.moves) for r in made] == [("webp", False), ("jpeg", False), ("webp", True)]
    with Image.open(io.BytesIO(made[0].content)) as still:
        assert not still.is_animated  # type: ignore[attr-defined]
        assert differ(still, drawn()[0]) < ALIKE


@pytest.mark.parametrize(
    ("file_format", "loop", "plays"),
    [("GIF", None, 1), ("GIF", 0, 0), ("GIF", 2, 3), ("PNG", 0, 0), ("PNG", 2, 2), ("WEBP", 2, 2), ("AVIF", None, 0)],
)
def test_it_is_played_as_often_as_the_original(file_format: str, loop: int | None, plays: int) -> None:
    vignette = moving(saved(drawn(mode="RGB"), file_format, loop=loop) if loop is not None else _once(file_format))

    assert vignette is not None
    assert vignette.info["loop"] == plays


def _once(file_format: str) -> bytes:
    content = io.BytesIO()
    frames = drawn(mode="RGB")
    frames[0].save(content, file_format, save_all=True, append_images=frames[1:], duration=100)
    return content.getvalue()


def test_a_frame_without_a_time_is_seen_as_long_as_browsers_show_it() -> None:
    vignette = moving(saved(drawn(3, "RGB"), "GIF", duration=[0, 10, 20]))

    assert vignette is not None
    assert [milliseconds for _, milliseconds in frames_of(vignette)] == [100, 100, 20]


def test_a_still_picture_for_readers_that_know_no_animation_is_no_frame() -> None:
    frames = drawn()
    png = saved(frames, "PNG", default_image=True, duration=DURATIONS[:3], disposal=1, blend=0)

    vignette = moving(png)

    assert vignette is not None
    made = frames_of(vignette)
    assert len(made) == 3
    assert differ(made[0][0], frames[1]) < ALIKE


def test_a_clean_aperture_crops_all_frames() -> None:
    frames = drawn(mode="RGB")
    content = with_aperture(saved(frames, "AVIF", quality=95, icc_profile=bytes(36)), clap(80, 50, 10, -5))
    vignette = moving(content, Recipe("large", 80, 80, quality=95))

    assert vignette is not None
    shown = [frame for frame, _ in frames_of(vignette)]
    expected = [frame.crop((30, 10, 110, 60)) for frame in frames]
    assert all(differ(*both) < ALIKE for both in zip(shown, expected, strict=True))


def test_what_goes_over_the_edge_of_a_gif_is_cut_off() -> None:
    """Browsers do so too; Pillow lets such a frame stretch the screen."""
    narrow, wide = (_in_two_colours(size) for size in ((60, 40), (120, 40)))
    # The first frame of one GIF, the frames of another: their palettes are the same.
    stretched = narrow[:-1] + wide[wide.index(b"!\xf9") :]

    vignette = moving(stretched)

    assert vignette is not None
    assert vignette.size == (60, 40)
    expected = [Image.open(io.BytesIO(narrow)), Image.open(io.BytesIO(wide)).convert("RGB").crop((0, 0, 60, 40))]
    for (frame, _), whole in zip(frames_of(vignette), expected, strict=True):
        assert differ(frame, whole) < ALIKE


def _in_two_colours(size: tuple[int, int]) -> bytes:
    """A GIF of one frame: red, and the right half blue."""
    image = Image.new("P", size, 0)
    image.putpalette(bytes([255, 0, 0, 0, 0, 255]))
    image.paste(1, (size[0] // 2, 0, *size))
    content = io.BytesIO()
    image.save(content, "GIF", duration=100)
    return content.getvalue()


def test_all_frames_are_cut_at_the_same_place() -> None:
    recipe = Recipe("square", 40, 40, fit="cover", crop="attention", quality=95)

    vignette = moving(saved(drawn(mode="RGB"), "WEBP", lossless=True), recipe)

    assert vignette is not None
    assert vignette.size == (40, 40)
    whole = [frame.resize((60, 40), Image.Resampling.LANCZOS) for frame in drawn(mode="RGB")]
    made = [frame for frame, _ in frames_of(vignette)]
    lefts = {
        min(range(21), key=lambda left: differ(frame, original.crop((left, 0, left + 40, 40))))
        for frame, original in zip(made, whole, strict=True)
    }
    assert max(lefts) - min(lefts) <= 1


def test_it_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = drawn(mode="RGB")
    stored = [frame.transpose(Image.Transpose.ROTATE_90) for frame in upright]

    vignette = moving(saved(stored, "WEBP", lossless=True, exif=exif))

    assert vignette is not None
    assert vignette.size == (60, 40)
    for (frame, _), original in zip(frames_of(vignette), upright, strict=True):
        assert differ(frame, original) < ALIKE


def test_nothing_of_the_metadata_goes_with_it() -> None:
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    made = renditions(saved(drawn(mode="RGB"), "WEBP", exif=exif, xmp=b"<x:xmpmeta>Somebody</x:xmpmeta>"))

    assert not any(b"Somebody" in rendition.content for rendition in made)


@pytest.mark.parametrize(
    ("limit", "value"),
    [("MAX_ANIMATION_FRAMES", 3), ("MAX_ANIMATION_SOURCE_PIXELS", 38_399), ("MAX_ANIMATION_PIXELS", 9_599)],
)
def test_what_is_over_a_limit_has_still_vignettes_only(limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(drawn(), "GIF", disposal=2)
    assert moving(content) is not None
    monkeypatch.setattr(animation, limit, value)

    assert [rendition.file_format for rendition in renditions(content)] == ["webp", "jpeg"]


def test_the_smaller_size_moves_if_there_is_no_room_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MAX_ANIMATION_PIXELS", 4 * 60 * 40)
    content = saved(drawn(), "GIF", disposal=2)

    made = render(io.BytesIO(content), len(content), [Recipe("large", 100, 100), SMALL])

    assert [rendition.recipe.name for rendition in made if rendition.moves] == ["small"]


def test_what_takes_too_long_has_still_vignettes_only() -> None:
    assert moving(saved(drawn(), "GIF", disposal=2), animation_seconds=-1) is None


def test_the_time_is_over_while_frames_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(drawn(), "GIF", disposal=2)
    ticks = iter(range(100))
    monkeypatch.setattr(animation.time, "monotonic", lambda: next(ticks))

    # One look at the clock to begin with, one for each frame that is decoded: the next would be of the encoder.
    assert [rendition.moves for rendition in renditions(content, animation_seconds=5)] == [False, False]

    assert next(ticks) == 7


def test_one_frame_beside_a_still_picture_does_not_move() -> None:
    png = saved(drawn(2), "PNG", default_image=True, duration=100)

    assert moving(png) is None


def test_a_recipe_may_ask_for_stills_only() -> None:
    assert moving(saved(drawn(), "GIF", disposal=2), Recipe("small", 60, 60, animate=False)) is None
    assert moving(saved(drawn(), "GIF", disposal=2), Recipe("small", 60, 60, formats=("jpeg",))) is None


def _damaged_png() -> bytes:
    whole = saved(drawn(mode="RGB"), "PNG")
    at = whole.rindex(b"fdAT") - 4
    (length,) = struct.unpack(">I", whole[at : at + 4])
    data = png_chunk(b"fdAT", whole[at + 8 : at + 12] + bytes(length - 4))
    return whole[:at] + data + whole[at + 12 + length :]


def _damaged_gif() -> bytes:
    """Its last frame lacks pixels."""
    whole, cut = GifFrame(60, 40), GifFrame(60, 39).encoded()
    at = cut.index(struct.pack("<HH", 60, 39))
    return gif(whole, size=(60, 40))[:-1] + cut[:at] + struct.pack("<HH", 60, 40) + cut[at + 4 :] + b";"


def _damaged_webp() -> bytes:
    whole = saved(drawn(mode="RGB"), "WEBP", lossless=True)
    at = whole.rindex(b"VP8L") + 8 + 5  # behind the signature and the size
    return whole[:at] + b"\xff" * 20 + whole[at + 20 :]


def _wrong_checksum() -> bytes:
    whole = saved(drawn(mode="RGB"), "PNG")
    return whole[:-16] + bytes(4) + whole[-12:]  # of the last chunk before IEND, an fdAT


DAMAGED = {
    "GIF": _damaged_gif,
    "APNG": _damaged_png,
    "APNG, a wrong checksum": _wrong_checksum,
    "WebP": _damaged_webp,
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_later_frame_leaves_the_still_vignettes(make: Callable[[], bytes]) -> None:
    assert [(r.file_format, r.moves) for r in renditions(make())] == [("webp", False), ("jpeg", False)]
    assert warnings_of(make()) == [RenderingWarning.ANIMATION_DAMAGED]


def warnings_of(content: bytes, seconds: float = 60) -> list[Told]:
    """What is told after the still vignettes."""
    recipes = [Recipe("small", 32, 32)]
    first, *told = render_in_steps(io.BytesIO(content), len(content), recipes, recipes, seconds)
    assert isinstance(first, list)
    return told


def test_an_animation_that_takes_too_long_or_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(drawn(mode="RGB"), "WEBP")

    assert warnings_of(content, seconds=-1) == [RenderingWarning.ANIMATION_TOO_COSTLY]
    for limit in ("MAX_ANIMATION_FRAMES", "MAX_ANIMATION_PIXELS", "MAX_ANIMATION_SOURCE_PIXELS"):
        with monkeypatch.context() as patch:
            patch.setattr(f"vignette.pixels.animation.{limit}", 1)
            assert warnings_of(content) == [RenderingWarning.ANIMATION_TOO_COSTLY]


def test_a_sound_animation_warns_of_nothing() -> None:
    [step] = warnings_of(saved(drawn(mode="RGB"), "WEBP"))

    assert isinstance(step, list)


def test_pages_of_a_tiff_do_not_move() -> None:
    assert moving(saved(drawn(mode="RGB"), "TIFF")) is None


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="VIGNETTE_CORPUS names no folder")
@pytest.mark.parametrize("name", ["formats/cogs.gif", "formats/delay.png", "formats/rotating-squares.webp"])
def test_real_animations_move(name: str) -> None:
    original = (Path(CORPUS) / name).read_bytes()

    vignette = moving(original)

    assert vignette is not None
    with Image.open(io.BytesIO(original)) as source:
        made = frames_of(vignette)
        # delay.png has a still picture before its frames.
        pages = ImageSequence.all_frames(source)[-len(made) :]
        for (frame, _), page in zip(made, pages, strict=True):
            assert differ(frame, page) < ALIKE


def test_the_limits_keep_the_frames_in_memory_small() -> None:
    """A frame in memory takes four bytes a pixel; a worker has 400 MB for all that it does."""
    assert 4 * limits.MAX_ANIMATION_PIXELS <= 200_000_000
