"""A JPEG whose coded data are damaged is no picture, though its decoder would go on with a warning."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import JpegImagePlugin

from tests.makers import encoded
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from vignette.pixels import engines
from vignette.pixels.engines import pillow

SIZE = (640, 480)
# At a scale of the decoder of 1/8, 1/4, and 1.
TARGETS = [(40, 30), (80, 60), SIZE]


def photo(**options: object) -> bytes:
    return encoded(scene(*SIZE), "JPEG", **({"quality": 90} | options))


def scan(content: bytes) -> int:
    """Where the data of the first scan begin."""
    at = content.index(b"\xff\xda")
    return at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")


def with_end_in_the_middle(content: bytes) -> bytes:
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + b"\xff\xd9" + content[middle + 2 :]


def cut_and_ended(content: bytes) -> bytes:
    return content[: (scan(content) + len(content)) // 2] + b"\xff\xd9"


def with_zeros(content: bytes) -> bytes:
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + bytes(2_000) + content[middle + 2_000 :]


def with_a_code_that_is_none(content: bytes) -> bytes:
    """No Huffman code consists of ones alone (ITU-T T.81, C.2). The zeros are stuffed in."""
    middle = (scan(content) + len(content)) // 2
    return content[:middle] + b"\xff\0" * 20 + content[middle + 40 :]


def with_another_restart_marker(content: bytes) -> bytes:
    found = list(re.finditer(rb"\xff[\xd0-\xd7]", content[scan(content) :]))
    at = scan(content) + found[len(found) // 2].start()
    return content[: at + 1] + bytes([0xD0 + (content[at + 1] - 0xD0 + 4) % 8]) + content[at + 2 :]


PLAIN = [with_end_in_the_middle, cut_and_ended, with_zeros]


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("damage", PLAIN)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_damaged_scan_is_no_picture(damage: Callable[[bytes], bytes], mode: str, target: tuple[int, int]) -> None:
    content = damage(encoded(scene(*SIZE).convert(mode), "JPEG", quality=90))

    with pytest.raises(OSError, match=r"bad Huffman code|premature end"):
        decoded(engines, content, target)


@pytest.mark.parametrize("damage", [with_zeros, with_a_code_that_is_none])
def test_a_damaged_scan_of_a_progressive_jpeg_is_no_picture(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(OSError, match=r"bad Huffman code|premature end"):
        decoded(engines, damage(photo(progressive=True)), SIZE)


def test_a_scan_whose_restarts_are_out_of_order_is_no_picture() -> None:
    with pytest.raises(OSError, match="RST"):
        decoded(engines, with_another_restart_marker(photo(restart_marker_rows=1)), SIZE)


def test_bytes_that_belong_to_nothing_cost_no_picture() -> None:
    """Some cameras write a few before a marker. The decoder warns of them too."""
    sound = photo(progressive=True)
    scans = [match.start() for match in re.finditer(rb"\xff\xda", sound)]
    content = sound[: scans[-1]] + b"\0\0\0" + sound[scans[-1] :]

    assert decoded(engines, content, SIZE).tobytes() == decoded(engines, sound, SIZE).tobytes()


@pytest.mark.parametrize("size", [(640, 480), (643, 485), (645, 481), (17, 9), (5, 3)], ids=str)
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("adobe", [True, False])
@pytest.mark.parametrize("progressive", [True, False])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_sound_picture_is_as_pillow_decodes_it(
    mode: str, size: tuple[int, int], scale: int, adobe: bool, progressive: bool
) -> None:
    content = encoded(scene(*size).convert(mode), "JPEG", quality=90, progressive=progressive)
    if not adobe:
        content = re.sub(rb"\xff\xee\0\x0eAdobe.{7}", b"", content, flags=re.DOTALL)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(content)) as whole:
        whole.draft(whole.mode, (max(1, size[0] // scale), max(1, size[1] // scale)))
        source = whole.copy()
        scaled = whole.decoderconfig[0] if whole.decoderconfig else 1
        picture = pillow.pixels_of_jpeg(whole, io.BytesIO(content))

    assert (picture.mode, picture.size) == (source.mode, source.size)
    sound = (0, 0, size[0] // scaled, size[1] // scaled)
    assert picture.crop(sound).tobytes() == source.crop(sound).tobytes()
    assert decibels(picture, source) >= 25
