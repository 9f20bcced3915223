"""A JPEG whose coded data are not whole is no picture, though its decoder goes on with grey, and says nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image, JpegImagePlugin

from tests.makers import encoded
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from vignette.errors import BrokenImage, RenderingFailed
from vignette.pixels import engines
from vignette.pixels.engines import whole_jpeg
from vignette.pixels.engines.whole_jpeg import DamagedPixels
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

SIZE = (640, 480)
EIGHTH, QUARTER = (40, 30), (80, 60)
SCALES = [1, 2, 4, 8]
END = b"\xff\xd9"

KINDS: dict[str, dict[str, object]] = {
    "baseline": {},
    "optimized": {"optimize": True},
    "restarts at each row": {"restart_marker_rows": 1},
    "restarts at each block": {"restart_marker_blocks": 1},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}


def photo(kind: str = "baseline", mode: str = "RGB", size: tuple[int, int] = SIZE) -> bytes:
    return encoded(scene(*size).convert(mode), "JPEG", quality=90, **KINDS[kind])


def in_separate_scans(size: tuple[int, int] = SIZE) -> bytes:
    """A sequential JPEG with a scan for each colour; Pillow writes all of them in one."""
    planes = [encoded(plane, "JPEG", quality=90) for plane in scene(*size).convert("YCbCr").split()]
    at = planes[0].index(b"\xff\xc0")
    frame = planes[0][at : at + 9] + b"\3" + b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    made = planes[0][:at] + frame[:2] + (len(frame) - 2).to_bytes(2, "big") + frame[4:]
    made += planes[0][at + 13 : scan(planes[0]) - 10]
    for number, plane in enumerate(planes, 1):
        made += bytes([0xFF, 0xDA, 0, 8, 1, number, 0, 0, 63, 0]) + plane[scan(plane) : -2]
    return made + END


def scan(content: bytes) -> int:
    """Where the data of the first scan begin."""
    at = content.index(b"\xff\xda")
    return at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")


def restarts(content: bytes) -> list[int]:
    return [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", content)]


def cut(content: bytes, share: float) -> bytes:
    """Whole in form: an end-of-image marker follows what is left."""
    start = scan(content)
    return content[: start + int((len(content) - 2 - start) * share)].removesuffix(b"\xff") + END


def overwritten(content: bytes, data: bytes) -> bytes:
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + data + content[middle + len(data) :]


def with_end_in_the_middle(content: bytes) -> bytes:
    return overwritten(content, END)


def with_zeros(content: bytes) -> bytes:
    return overwritten(content, bytes(2_000))


def without_its_middle(content: bytes) -> bytes:
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + content[middle + 2_000 :]


def with_its_middle_twice(content: bytes) -> bytes:
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + content[middle - 2_000 : middle] + content[middle:]


def with_another_restart_marker(content: bytes) -> bytes:
    at = restarts(content)[len(restarts(content)) // 2]
    return content[: at + 1] + bytes([0xD0 + (content[at + 1] - 0xD0 + 4) % 8]) + content[at + 2 :]


def without_a_restart_marker(content: bytes) -> bytes:
    at = restarts(content)[len(restarts(content)) // 2]
    return content[:at] + content[at + 2 :]


def without_an_interval(content: bytes) -> bytes:
    first, second = restarts(content)[3:5]
    return content[:first] + content[second:]


def without_eight_intervals(content: bytes) -> bytes:
    """Their markers are in order."""
    found = restarts(content)
    return content[: found[3]] + content[found[11] :]


@pytest.mark.parametrize("target", [EIGHTH, QUARTER, SIZE], ids=str)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_of_a_jpeg_that_was_cut_nobody_makes_half_a_picture(
    kind: str, mode: str, share: float, target: tuple[int, int]
) -> None:
    content = photo(kind, mode)

    try:
        picture = decoded(engines, cut(content, share), target)
    except DamagedPixels:
        return
    # At an eighth of its size a picture is whole without most scans of a progressive JPEG.
    assert "progressive" in kind
    assert target == EIGHTH
    assert decibels(picture, decoded(engines, content, target)) >= 50


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_of_a_jpeg_in_separate_scans_that_was_cut_nobody_makes_half_a_picture(share: float) -> None:
    content = in_separate_scans()
    middle = len(content) * 5 // 6

    assert decibels(decoded(engines, content), scene(*SIZE)) >= 35
    with pytest.raises(DamagedPixels):
        decoded(engines, cut(content, 2 / 3 + share / 3))
    with pytest.raises(DamagedPixels):
        decoded(engines, content[: middle - 100] + content[middle:])


@pytest.mark.parametrize("target", [EIGHTH, QUARTER, SIZE], ids=str)
@pytest.mark.parametrize(
    "damage", [with_end_in_the_middle, with_zeros, without_its_middle, with_its_middle_twice], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_damaged_scan_is_no_picture(damage: Callable[[bytes], bytes], mode: str, target: tuple[int, int]) -> None:
    with pytest.raises(DamagedPixels):
        decoded(engines, damage(photo(mode=mode)), target)


@pytest.mark.parametrize("damage", [with_zeros, without_its_middle, with_its_middle_twice], ids=lambda f: f.__name__)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_damaged_scan_of_a_progressive_jpeg_is_no_picture(damage: Callable[[bytes], bytes], mode: str) -> None:
    with pytest.raises(DamagedPixels):
        decoded(engines, damage(photo("progressive", mode)), SIZE)


@pytest.mark.parametrize(
    "damage",
    [with_another_restart_marker, without_a_restart_marker, without_an_interval, without_eight_intervals],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("kind", ["restarts at each row", "restarts at each block", "progressive with restarts"])
def test_a_scan_whose_restarts_are_out_of_order_is_no_picture(damage: Callable[[bytes], bytes], kind: str) -> None:
    with pytest.raises(DamagedPixels):
        decoded(engines, damage(photo(kind)), SIZE)


@pytest.mark.parametrize("kind", ["restarts at each row", "progressive with restarts"])
def test_a_scan_that_ends_where_it_would_start_anew_is_no_picture(kind: str) -> None:
    content = photo(kind)
    last_scan = content.rindex(b"\xff\xda")

    for marker in [at for at in restarts(content) if at > last_scan]:
        with pytest.raises((DamagedPixels, BrokenImage)):
            decoded(engines, content[:marker] + END, SIZE)


@pytest.mark.parametrize("length", [600, -600])
def test_a_damaged_interval_between_restarts_is_no_picture(length: int) -> None:
    """The decoder finds its way again at the next one."""
    noise = Image.effect_noise((1600, 200), 80).convert("RGB")
    content = encoded(noise, "JPEG", quality=95, subsampling="4:4:4", restart_marker_rows=1)
    found = restarts(content)
    start, end = found[10] + 2, found[11]
    assert end - start > 8_000
    middle = (start + end) // 2
    damaged = content[:middle] + content[middle + length : end] + content[end:]

    assert decoded(engines, content)
    with pytest.raises(DamagedPixels):
        decoded(engines, damaged)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("colour", ["white", "black", "grey"])
def test_a_picture_that_ends_in_one_colour_is_whole(kind: str, mode: str, colour: str) -> None:
    image = scene(*SIZE).copy()
    image.paste(colour, (0, 100, *SIZE))
    image = image.convert(mode)
    content = encoded(image, "JPEG", quality=90, **KINDS[kind])

    for target in (EIGHTH, SIZE):
        assert decibels(decoded(engines, content, target), image.resize(target, Image.Resampling.LANCZOS)) >= 30


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extra",
    [b"\0", b"\x5a", b"\x5a" * 13, bytes(511), bytes(5_000), b"\xff", b"\xff" * 9],
    ids=lambda extra: f"{len(extra)} of {extra[:1].hex()}",
)
def test_a_few_bytes_that_fill_up_the_data_cost_no_picture(kind: str, extra: bytes) -> None:
    content = photo(kind)

    assert decoded(engines, content[:-2] + extra + END).tobytes() == decoded(engines, content).tobytes()


def test_a_restart_marker_behind_the_last_pixel_costs_no_picture() -> None:
    for kind in ("restarts at each row", "restarts at each block", "progressive with restarts"):
        content = photo(kind)
        last_scan = content.rindex(b"\xff\xda")
        number = sum(at > last_scan for at in restarts(content))
        longer = content[:-2] + bytes([0xFF, 0xD0 + number % 8]) + END

        assert decoded(engines, longer).tobytes() == decoded(engines, content).tobytes()


def test_bytes_that_belong_to_nothing_cost_no_picture() -> None:
    """Some cameras write a few before a marker."""
    sound = photo("progressive")
    last = sound.rindex(b"\xff\xda")

    assert decoded(engines, sound[:last] + b"\0\0\0" + sound[last:]).tobytes() == decoded(engines, sound).tobytes()


@pytest.mark.parametrize("size", [(640, 480), (643, 485), (17, 9), (1, 1)], ids=str)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_sound_picture_is_as_pillow_decodes_it(kind: str, mode: str, size: tuple[int, int], scale: int) -> None:
    content = photo(kind, mode, size)
    enough = max(1, size[0] // scale), max(1, size[1] // scale)
    file = io.BytesIO(content)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(content)) as theirs, JpegImagePlugin.JpegImageFile(file) as ours:
        theirs.draft(theirs.mode, enough)
        ours.draft(ours.mode, enough)
        whole_jpeg.load(ours, file)

        assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
        assert ours.tobytes() == theirs.tobytes()


def test_the_owner_reads_that_pixels_are_missing() -> None:
    content = cut(photo(), 0.5)

    with pytest.raises(RenderingFailed, match=r"^the JPEG cannot be decoded: it ends before all of its pixels$"):
        render(io.BytesIO(content), len(content), [Recipe(name="small", width=160, height=160)])
