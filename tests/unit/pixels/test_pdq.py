"""
PDQ, held to the reference of ThreatExchange: `fixtures/pdq.json` has what its C++ says of pictures that are made here,
of 64 × 64 and of 1024 × 768 pixels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.unit.pixels.pdq_pictures import PICTURES
from vignette.pixels.likeness import likeness, luminance_of
from vignette.pixels.pdq import Pdq, pdq

REFERENCE: Final = json.loads((Path(__file__).parents[2] / "fixtures" / "pdq.json").read_text())
RECOMMENDED: Final = 31


@pytest.mark.parametrize("name", PICTURES)
def test_of_the_same_points_it_is_that_of_the_reference(name: str) -> None:
    points = [float(value) for value in PICTURES[name](64, 64).convert("L").tobytes()]

    assert pdq(points) == Pdq(*REFERENCE[name]["64"])


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "slope"])  # it has nothing to be known by
@pytest.mark.parametrize(("width", "height"), [(256, 192), (640, 480), (200, 150)])
def test_of_a_vignette_it_is_near_that_of_the_original(name: str, width: int, height: int) -> None:
    bits, quality = REFERENCE[name]["1024"]
    found = likeness(PICTURES[name](1024, 768).resize((width, height), Image.Resampling.LANCZOS))

    assert distance(found.bits, bits) <= 12
    assert abs(found.quality - quality) <= 5


def distance(one: str, other: str) -> int:
    """In how many bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_other_pictures_are_far() -> None:
    found = [likeness(make(256, 192)).bits for name, make in PICTURES.items() if name != "slope"]
    distances = [distance(a, b) for number, a in enumerate(found) for b in found[:number]]

    assert min(distances) > 2 * RECOMMENDED


def test_what_has_little_to_be_known_by_says_so() -> None:
    assert likeness(Image.new("RGB", (256, 256), "teal")).quality == 0
    assert likeness(PICTURES["slope"](256, 256)).quality < 50


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 1), (64, 64), (127, 5)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_every_size_and_kind_of_picture_has_one(size: tuple[int, int], mode: str) -> None:
    found = likeness(Image.new(mode, size))

    assert len(found.bits) == 64
    assert len(luminance_of(Image.new(mode, size))) == 64 * 64


def test_what_cannot_be_seen_does_not_count() -> None:
    shown = PICTURES["shapes"](256, 192)
    hidden = PICTURES["rings"](256, 192).convert("RGBA")
    hidden.putalpha(0)

    assert likeness(hidden) == likeness(Image.new("RGB", shown.size, "white"))
