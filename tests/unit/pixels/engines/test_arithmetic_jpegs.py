"""
A JPEG in arithmetic coding is shown, as browsers show it. Pillow cannot decode a large one, so libvips does.

The files are Pillow's JPEGs of `scene`, whose coefficients `jpegtran -arithmetic` of libjpeg-turbo has coded anew.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from vignette.errors import BrokenImage, NotPublishable
from vignette.pixels import engines
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.publishing import publish

FOLDER = Path(__file__).parents[3] / "fixtures" / "pictures"
SIZE, TARGET = (240, 180), (96, 72)
KINDS = {"sequential": "RGB", "progressive": "RGB", "restarts": "RGB", "grey": "L", "cmyk": "CMYK"}


def arithmetic(kind: str) -> bytes:
    return (FOLDER / f"arithmetic-{kind}.jpg").read_bytes()


@pytest.mark.parametrize("target", [TARGET, SIZE], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_shown(kind: str, target: tuple[int, int]) -> None:
    stored = scene(*SIZE).convert(KINDS[kind]).convert("RGB")

    assert decibels(decoded(engines, arithmetic(kind), target), stored.resize(target, Image.Resampling.LANCZOS)) >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_was_cut_off_is_refused(kind: str) -> None:
    """What a Huffman decoder could count nobody can count here."""
    content = arithmetic(kind)
    for end in (len(content) - 2, len(content) - 1, len(content) // 2):
        with pytest.raises(BrokenImage, match=r"ends at byte|without the end-of-image marker"):
            read_anatomy(io.BytesIO(content[:end]), end)


def test_it_has_no_public_copy() -> None:
    content = arithmetic("sequential")

    with pytest.raises(NotPublishable, match="arithmetic coding"):
        publish(io.BytesIO(content), len(content))
