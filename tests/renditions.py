"""
The vignettes that the renderer made of each of `SOURCES` when its edition was last counted up: the references.

    script/renditions       # after RENDERER_EDITION was counted up, or a picture was added to SOURCES

The pictures are stored beside them, because encoders write other bytes in each of their releases. What is stored stays:
the command makes what is missing, and never puts another reference in the place of one of the same edition.
"""

from __future__ import annotations

import io
import math
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageSequence

from tests.unit.pixels.engines.scenes import decibels
from tests.unit.pixels.sources import SOURCES
from vignette.pixels.rendering import Rendition, render
from vignette.recipes import RENDERER_EDITION, Recipe

FOLDER = Path(__file__).parent / "fixtures" / "renditions"
SOURCES_FOLDER = FOLDER / "sources"

# Pillow 11.3 and 12.0 with libvips 8.16 and 8.17, in place of 13.0 and 8.18, make the same vignettes to the bit, but
# for AVIF, which another encoder makes: 51 dB. Bicubic in place of Lanczos is at 37 to 45 dB, a profile passed over at
# 24 or less, a picture not turned at 11 or less. An encoder multiplies small differences, so most recipes here have
# quality 100: at 80, pixels that are off by 1 are at 35 dB.
LEAST_DECIBELS = 45.0

HOW_TO_MEND = (
    f"If other pixels are meant: count up RENDERER_EDITION in vignette/recipes.py (it is {RENDERER_EDITION}), run "
    "script/renditions, and commit both; then every vignette is rendered again. "
    "If not, the renderer is broken."
)

INSIDE = Recipe("inside", 64, 64, formats=("webp",), quality=100)
CENTRE = Recipe("centre", 40, 40, formats=("jpeg",), quality=100, fit="cover")
TINY = Recipe("tiny", 32, 32, formats=("avif", "webp"), quality=100)

RECIPES: dict[str, Sequence[Recipe]] = {
    "png.png": (Recipe("small", 256, 256), Recipe("large", 1280, 1280), CENTRE),
    "png-attention.png": (Recipe("attention", 60, 40, formats=("webp",), quality=100, fit="cover", crop="attention"),),
    "jpeg-large.jpg": (INSIDE, TINY),
    "jpeg-progressive.jpg": (CENTRE, TINY),  # small enough for a decode at an eighth
}
"""What is made of a source; of all others `INSIDE` and `CENTRE`."""


def vignettes(source: str) -> dict[str, bytes]:
    """What the renderer makes now of a stored source, by the names of the references."""
    content = (SOURCES_FOLDER / source).read_bytes()
    recipes = RECIPES.get(source, (INSIDE, CENTRE))
    return {_name(source, one): one.content for one in render(io.BytesIO(content), len(content), recipes)}


def likeness(one: bytes, other: bytes) -> float:
    """
    Of two vignettes, in decibels; of two that move, that of the frames which are the least alike. Minus infinity if
    they differ in size, in the number of frames or in their times.
    """
    ours, theirs = list(_frames(one)), list(_frames(other))
    if [(frame.size, time) for frame, time in ours] != [(frame.size, time) for frame, time in theirs]:
        return -math.inf
    return min(decibels(frame, same) for (frame, _), (same, _) in zip(ours, theirs, strict=True))


def _frames(content: bytes) -> Iterator[tuple[Image.Image, object]]:
    """Each with its milliseconds."""
    with Image.open(io.BytesIO(content)) as image:
        for frame in ImageSequence.Iterator(image):
            yield frame.convert("RGBA"), frame.info.get("duration")


def _name(source: str, rendition: Rendition) -> str:
    moving = "-moving" if rendition.moves else ""
    return f"{Path(source).stem}.{rendition.recipe.name}{moving}.{rendition.file_format}"


def references(folder: Path = FOLDER, edition: int = RENDERER_EDITION) -> Path:
    """Where the references of an edition lie."""
    return folder / f"edition-{edition}"


def update(folder: Path = FOLDER, edition: int = RENDERER_EDITION) -> list[str]:
    """
    Write what is missing of the references of *edition*, and remove those of others.

    Return what is unlike the reference that there is, with its decibels; then nothing was written.
    """
    made = {name: content for source in SOURCES for name, content in vignettes(source).items()}
    place = references(folder, edition)
    there = {path.name for path in place.iterdir()} if place.exists() else set()
    found = {name: likeness(made[name], (place / name).read_bytes()) for name in sorted(made.keys() & there)}
    if unlike := [f"{name}: {decibels:.1f} dB" for name, decibels in found.items() if decibels < LEAST_DECIBELS]:
        return unlike
    for other in set(folder.glob("edition-*")) - {place}:
        shutil.rmtree(other)
    place.mkdir(exist_ok=True)
    for name in made.keys() - there:
        (place / name).write_bytes(made[name])
    for name in there - made.keys():
        (place / name).unlink()
    return []


def main() -> int:
    SOURCES_FOLDER.mkdir(parents=True, exist_ok=True)
    for source, make in SOURCES.items():
        if not (SOURCES_FOLDER / source).exists():
            (SOURCES_FOLDER / source).write_bytes(make())
    if unlike := update():
        sys.stderr.write("\n".join((*unlike, f"Nothing was written. {HOW_TO_MEND}\n")))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
