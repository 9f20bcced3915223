"""The transforms that a process keeps from one picture for the next."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.profiles import DISPLAY_P3, SRGB, SWAPPED, grey_profile, in_srgb, rgb_profile
from vignette.limits import MIB
from vignette.pixels import colour
from vignette.pixels.colour import to_srgb

COLOUR = (200, 60, 40)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    colour._transform.cache_clear()


def test_each_picture_is_seen_through_its_own_profile_whichever_came_before() -> None:
    for primaries in (DISPLAY_P3, SWAPPED, DISPLAY_P3, SRGB, SWAPPED):
        converted = to_srgb(Image.new("RGB", (4, 4), COLOUR), rgb_profile(primaries))

        expected = in_srgb(COLOUR, primaries)
        assert all(abs(is_ - shall) <= 2 for is_, shall in zip(converted.getpixel((1, 1)), expected, strict=True))  # type: ignore[arg-type]
    assert colour._transform.cache_info().hits == 2


def test_no_more_than_a_few_are_kept() -> None:
    for tenths in range(10, 30):
        to_srgb(Image.new("L", (4, 4), 100), grey_profile(tenths / 10))

    assert colour._transform.cache_info().currsize == colour._KEPT_TRANSFORMS


def test_a_profile_of_a_stranger_that_is_too_large_is_used_and_not_kept() -> None:
    profile = rgb_profile(SWAPPED)
    large = profile + bytes(MIB)

    converted = to_srgb(Image.new("RGB", (4, 4), COLOUR), large)

    assert converted.getpixel((1, 1)) == to_srgb(Image.new("RGB", (4, 4), COLOUR), profile).getpixel((1, 1))
    assert colour._transform.cache_info().currsize == 1
