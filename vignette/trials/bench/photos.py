"""The pictures of a bench: the photos in a folder, and copies of one in the formats that the folder lacks."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from vignette.errors import VignetteError
from vignette.pixels import formats
from vignette.pixels.formats import Format
from vignette.pixels.inspection import read_anatomy
from vignette.trials.bench.effort import Effort
from vignette.trials.bench.tools import BenchUnavailable

# The cost of a smaller picture is mostly that of the interpreter.
_MIN_MEGAPIXELS: Final = 0.3

# The sizes of a small picture on the web, of a screen, and of a camera.
_SMALL_MP, _MIDDLE_MP, _LARGE_MP = 1.0, 3.0, 12.0

_ENCODERS: Final[dict[Format, tuple[str, dict[str, Any]]]] = {
    formats.WEBP: ("WEBP", {"quality": 82, "method": 2}),
    formats.PNG: ("PNG", {}),
    formats.APNG: ("PNG", {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}),
    formats.AVIF: ("AVIF", {"quality": 65, "speed": 9}),
    formats.TIFF: ("TIFF", {"compression": "tiff_lzw"}),
    formats.GIF: ("GIF", {}),
    formats.BMP: ("BMP", {}),
}


@dataclass(frozen=True, slots=True)
class Photo:
    path: Path
    format: Format
    megapixels: float


def photos(folder: Path, scratch: Path, effort: Effort) -> list[Photo]:
    """
    The pictures in *folder*, and copies of its largest JPEG in the other formats; by format and size.

    The copies are written to *scratch*.

    With less effort there are fewer of each format, and the copies are smaller.

    Raises:
        BenchUnavailable: The folder has no JPEG that is large enough.
    """
    found = sorted(_found(folder), key=lambda photo: photo.megapixels)
    jpegs = [photo for photo in found if photo.format is formats.JPEG]
    if not jpegs:
        raise BenchUnavailable(f"{folder} has no JPEG of {_MIN_MEGAPIXELS} megapixels or more")
    lacking = [kind for kind in _ENCODERS if kind not in {photo.format for photo in found}]
    sizes = effort.choose(
        full=(_SMALL_MP, _MIDDLE_MP, _LARGE_MP), quick=(_SMALL_MP, _MIDDLE_MP), smoke=(_MIN_MEGAPIXELS,)
    )
    most = effort.choose(full=sys.maxsize, quick=3, smoke=1)
    found += _made(jpegs[-1], lacking, sizes, scratch)
    by_format = [[photo for photo in found if photo.format is kind] for kind in formats.ACCEPTED_FORMATS]
    return [photo for kind in by_format for photo in _spread(kind, most)]


def _found(folder: Path) -> Iterator[Photo]:
    for path in sorted(folder.iterdir()):
        try:
            with path.open("rb") as file:
                anatomy = read_anatomy(file, path.stat().st_size)
        except (OSError, VignetteError):
            continue
        megapixels = anatomy.width * anatomy.height / 1e6
        if megapixels >= _MIN_MEGAPIXELS:
            yield Photo(path, anatomy.format, megapixels)


def _made(photo: Photo, kinds: Sequence[Format], sizes: Sequence[float], scratch: Path) -> Iterator[Photo]:
    with Image.open(photo.path, formats=["JPEG"]) as source:
        original = source.convert("RGB")
    for megapixels in sizes:
        scale = min(1.0, math.sqrt(megapixels * 1e6 / (original.width * original.height)))
        size = round(original.width * scale), round(original.height * scale)
        image = original.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        for kind in kinds:
            encoder, options = _ENCODERS[kind]
            path = scratch / f"{photo.path.stem}-{megapixels:g}mp-{kind.name}.{kind.extension}"
            (image.quantize(256) if kind is formats.GIF else image).save(path, encoder, **options)
            yield Photo(path, kind, size[0] * size[1] / 1e6)


def _spread(photos: Sequence[Photo], count: int) -> list[Photo]:
    """*count* of *photos* at most, from the first to the last."""
    if len(photos) <= count:
        return list(photos)
    if count == 1:
        return [photos[0]]
    return [photos[round(index * (len(photos) - 1) / (count - 1))] for index in range(count)]
