"""AVIF as phones write it: turned by properties of the container, ten bits a sample."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.makers import clap, encoded, with_aperture
from tests.unit.pixels.engines.scenes import decibels, decoded, scene, stored
from vignette.pixels import engines

TARGET = (96, 72)
EXPECTED = scene().resize(TARGET, Image.Resampling.LANCZOS)

SHORT = 3
ORIENTATION, UNKNOWN = 0x0112, 0x0113


def turned_twice(orientation: int) -> bytes:
    """The scene, whose container turns it; its EXIF says so too, which Pillow takes out as it writes."""
    exif = Image.Exif()
    exif[ORIENTATION] = exif[UNKNOWN] = orientation
    content = encoded(stored(scene(), orientation), "AVIF", quality=95, subsampling="4:4:4", exif=exif)
    said = [tag.to_bytes(2, "big") + SHORT.to_bytes(2, "big") for tag in (UNKNOWN, ORIENTATION)]
    assert content.count(said[0]) == 1
    assert said[1] not in content
    return content.replace(*said)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once_though_both_container_and_exif_say_so(orientation: int) -> None:
    content = turned_twice(orientation)
    assert (b"irot" in content or b"imir" in content) == (orientation > 1)

    assert decibels(decoded(engines, content, TARGET), EXPECTED) >= 40


def test_exif_alone_turns_nothing() -> None:
    content = turned_twice(3).replace(b"irot\2", b"irot\0")

    assert decibels(decoded(engines, content, TARGET), stored(EXPECTED, 3)) >= 40


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_of_more_bits_a_sample_the_upper_eight_are_shown(bits: int) -> None:
    # Not at the head of the module: it must not be loaded before a process forks.
    import pyvips

    whole = pyvips.Image.new_from_memory(scene().tobytes(), *scene().size, 3, "uchar").copy(interpretation="srgb")
    content: bytes = whole.heifsave_buffer(compression="av1", bitdepth=bits, Q=95, subsample_mode="off")
    pixi = content.index(b"pixi") + 8

    assert content[pixi : pixi + 4] == bytes([3, bits, bits, bits])
    assert decibels(decoded(engines, content, TARGET), EXPECTED) >= 40


@pytest.mark.parametrize(("right", "below"), [(0, 0), (30, -20)])
def test_a_clean_aperture_crops(right: int, below: int) -> None:
    profiled = encoded(scene(), "AVIF", quality=95, subsampling="4:4:4", icc_profile=bytes(36))
    content = with_aperture(profiled, clap(201, 150, right, below))
    left, top = (403 - 201) // 2 + right, (302 - 150) // 2 + below

    image = decoded(engines, content)

    assert image.size == (201, 150)
    assert decibels(image, scene().crop((left, top, left + 201, top + 150))) >= 40
