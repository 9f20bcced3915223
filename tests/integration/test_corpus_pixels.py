"""The pixels of the vignettes of real pictures, beside what another way of decoding makes of the whole picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.corpus import CORPUS, each, needs_corpus, rows
from vignette.pixels import rendering
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.bench.fidelity import complete, decibels, on_white, reduced

pytestmark = needs_corpus

LEAST_DECIBELS: Final = {
    # Nobody sees a difference.
    "strict": 40.0,
    # A profile may be applied before resampling or after it, and to 8 bits or to 16.
    "colour": 38.0,
    # The same, where the ways of reckoning with a profile differ for the eye too.
    "colourloose": 30.0,
    # There is no right answer (inks without a profile, a damaged one): the same picture in about these colours.
    "loose": 20.0,
}
"""By how closely a vignette must agree, as the manifest says. Of all others `test_corpus.py` compares the shape."""

OTHERWISE: Final = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "upside down": Image.Transpose.FLIP_TOP_BOTTOM,
    "turned": Image.Transpose.ROTATE_180,
}


def lossless(image: Image.Image, *_: object) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=1)
    return content.getvalue()


def vignettes(path: Path) -> Iterator[Image.Image]:
    """As they are before they are encoded, on white: of all default recipes, and of the smallest by itself."""
    for recipes in DEFAULT_RECIPES, DEFAULT_RECIPES[:1]:
        with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
            patch.setattr(rendering, "encoded", lossless)
            patch.setattr(rendering, "moves", lambda _: False)
            patch.setattr(rendering, "_placeholder_of", lambda *_: None)  # it reads what encoders make
            renditions = rendering.render(file, path.stat().st_size, recipes)
        for rendition in renditions:
            if rendition.file_format == "webp":
                yield on_white(Image.open(io.BytesIO(rendition.content)))


@each("accept")
def test_a_vignette_is_the_picture_upright_in_srgb_and_resampled_well(row: dict[str, str]) -> None:
    least = LEAST_DECIBELS.get(row["compare"], 0.0)
    truth = complete(CORPUS / row["path"])
    assert truth.size == (int(row["width"]), int(row["height"]))

    for vignette in vignettes(CORPUS / row["path"]):
        expected = reduced(truth, vignette.size)
        assert decibels(vignette, expected) >= least
        for name, how in OTHERWISE.items():
            other = expected.transpose(how)
            # What looks the same in a mirror tells nothing; no picture of orientations does.
            if row["kind"] == "orientation" or decibels(expected, other) < least:
                assert decibels(vignette, other) < least, name


def test_a_vignette_whose_profile_is_passed_over_is_not_good_enough() -> None:
    told = set()
    for row in rows("accept"):
        if row["compare"] != "colour":
            continue
        least = LEAST_DECIBELS[row["compare"]]
        truth, unconverted = (complete(CORPUS / row["path"], by_profile=by_profile) for by_profile in (True, False))
        for vignette in vignettes(CORPUS / row["path"]):
            other = reduced(unconverted, vignette.size)
            # A profile of sRGB itself tells nothing.
            if decibels(reduced(truth, vignette.size), other) < least:
                told.add(row["path"])
                assert decibels(vignette, other) < least, row["path"]
    assert told
