"""What a picture needs of memory is told from what the door sees of it."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys

import pillow_heif
import pytest
import pyvips

from tests.films import FILMS, size_of
from tests.makers import HeifItem, clap, coded, full_box, grid, heif, ispe, still, tiff, tiff_page
from tests.running import PROJECT_FOLDER
from tests.unit.pixels.reading import anatomy
from vignette.errors import TooMuchMemory
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.memory import check_memory, memory_to_decode

PIXELS = 40 * 30
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


def needed(content: bytes) -> int:
    return memory_to_decode(anatomy(content), len(content))


def test_a_jpeg_in_one_scan_is_made_smaller_as_it_is_decoded() -> None:
    assert needed(still("JPEG")) == 0


@pytest.mark.parametrize(
    ("mode", "subsampling", "blocks"),
    [
        pytest.param("RGB", "4:4:4", 3 * 5 * 4, id="full colour"),
        pytest.param("RGB", "4:2:0", 5 * 4 + 2 * 3 * 2, id="colour at half the size"),
        pytest.param("L", None, 5 * 4, id="grey"),
        pytest.param("CMYK", None, 4 * 5 * 4, id="four inks"),
    ],
)
def test_a_progressive_jpeg_is_held_as_coefficients(mode: str, subsampling: str | None, blocks: int) -> None:
    options = {"subsampling": subsampling} if subsampling else {}

    assert needed(still("JPEG", mode=mode, progressive=True, **options)) == blocks * 64 * 2


def test_a_png_is_held_whole_if_it_is_interlaced() -> None:
    """It is put together, and copied."""
    black = pyvips.Image.black(48, 8, bands=3)
    plain, interlaced = (black.pngsave_buffer(interlace=interlace) for interlace in (False, True))

    assert needed(interlaced) - needed(plain) == 2 * 48 * 8 * 3


def test_the_length_of_a_png_counts_for_nothing() -> None:
    """It is mapped, or read piece by piece."""
    picture = Anatomy(formats.PNG, 5000, 4000)

    assert memory_to_decode(picture, 60_000_000) == memory_to_decode(picture, 1000)


@pytest.mark.parametrize("kind", ["GIF: one frame", "APNG: a hidden still picture, and one frame", "WebP: one frame"])
def test_a_first_frame_that_leaves_its_canvas_free_takes_a_canvas(kind: str) -> None:
    (film,) = [film for name, film in FILMS.items() if name.startswith(kind)]
    width, height = size_of(film.frames[0])

    assert needed(film.content) >= 9 * width * height


def test_a_lossless_webp_is_held_whole_and_of_a_lossy_one_the_transparency() -> None:
    lossless, opaque, transparent = (
        still("WEBP", mode="RGBA", lossless=True),
        still("WEBP"),
        still("WEBP", mode="RGBA"),
    )

    assert needed(lossless) == len(lossless) + 4 * PIXELS
    assert needed(opaque) == len(opaque)
    assert needed(transparent) in range(len(transparent), len(transparent) + PIXELS + 1)


@pytest.mark.parametrize(
    ("content", "per_pixel"),
    [
        pytest.param(still("GIF"), 5, id="GIF"),
        pytest.param(still("AVIF"), 9, id="AVIF"),
    ],
)
def test_others_are_held_whole(content: bytes, per_pixel: int) -> None:
    assert needed(content) == per_pixel * PIXELS


def test_of_a_heic_the_planes_are_held_and_copied() -> None:
    """The picture is coded as brightness alone, in 8 bits."""
    assert needed(heif()) == 2 * 64 * 48


@pytest.mark.parametrize(
    ("chroma", "bits", "per_pixel"),
    [(420, 8, 1.5), (444, 8, 3), (420, 10, 3), (422, 10, 4), (444, 10, 6)],
)
def test_the_planes_take_as_much_as_their_chroma_and_depth(chroma: int, bits: int, per_pixel: float) -> None:
    mode, raw = ("RGB", bytes(3 * 64 * 64)) if bits == 8 else ("RGB;16", bytes(6 * 64 * 64))
    content = io.BytesIO()
    pillow_heif.from_bytes(mode=mode, size=(64, 64), data=raw).save(content, chroma=chroma)

    assert needed(content.getvalue()) == 2 * per_pixel * 64 * 64


def test_of_a_tiff_some_rows_are_held() -> None:
    few, many = (tiff(tiff_page(10, rows), data=bytes(10 * rows)) for rows in (100, 5000))

    assert (needed(few), needed(many)) == (100 * 10, 1000 * 10)


def test_a_bmp_is_held_if_it_is_in_run_lengths() -> None:
    assert needed(still("BMP")) == 3 * PIXELS
    assert memory_to_decode(Anatomy(formats.BMP, 5000, 4000, bits_per_pixel=8, held_bytes=20_000_000), 10) == 20_000_000


def test_what_needs_too_much_is_refused_with_both_numbers() -> None:
    picture = Anatomy(formats.GIF, 12_500, 8_000)

    check_memory(picture, 1000, 500_000_000)
    with pytest.raises(TooMuchMemory) as refused:
        check_memory(picture, 1000, 499_999_999)

    assert (refused.value.measured, refused.value.limit) == (500_000_000, 499_999_999)
    assert str(refused.value).startswith("a GIF of 12,500 × 8,000 pixels needs 476.8 MiB of memory")


MEASURE = """
import io, json, re, sys
from pathlib import Path
import pyvips
from PIL import Image
from vignette.recipes import Recipe
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.memory import memory_to_decode
from vignette.pixels.rendering import render

pillow = Image.effect_noise((500, 375), 60).resize((4000, 3000), Image.Resampling.NEAREST)
colour = Image.merge("RGB", [pillow, pillow.transpose(0), pillow.transpose(1)])
grey = pyvips.Image.new_from_memory(pillow.tobytes(), 4000, 3000, 1, "uchar")

def written(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()

pictures = {
    "JPEG": lambda: written(colour, "JPEG"),
    "progressive JPEG": lambda: written(colour, "JPEG", progressive=True, subsampling="4:4:4"),
    "PNG": lambda: written(colour, "PNG", compress_level=1),
    "interlaced PNG": lambda: grey.bandjoin([grey, grey]).pngsave_buffer(compression=1, interlace=True),
    "GIF": lambda: written(colour.convert("P"), "GIF"),
    "BMP": lambda: written(colour, "BMP"),
    "TIFF": lambda: written(colour, "TIFF", compression="tiff_deflate"),
    "WebP": lambda: written(colour, "WEBP", method=0),
    "lossless WebP": lambda: written(colour, "WEBP", lossless=True, method=0, quality=0),
    "AVIF": lambda: written(colour, "AVIF", speed=10),
}

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

def rendered(content):
    return render(io.BytesIO(content), len(content), [Recipe("small", 256, 256)])

measured = {}
for name, picture in pictures.items():
    content = picture()
    rendered(written(Image.new("RGB", (20, 20)), name.split()[-1].upper()))  # loads the decoder
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    rendered(content)
    reckoned = memory_to_decode(read_anatomy(io.BytesIO(content), len(content)), len(content))
    measured[name] = [reckoned, memory("VmHWM") - before]
print(json.dumps(measured))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells the peak of a process's memory so")
def test_what_is_reckoned_is_what_decoders_take() -> None:
    """Twelve megapixels of each format: not more than they took, and not far below."""
    # What was freed goes back to the system, or it would be taken again unseen.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=True)

    for name, (reckoned, taken) in json.loads(done.stdout).items():
        assert taken - 48_000_000 < reckoned < taken + 8_000_000, (name, reckoned, taken)


TILES = [coded() for _ in range(12)]
OF_TILES = {b"dimg": range(2, 2 + len(TILES))}
LARGE = 4 * 64, 3 * 48


def test_of_a_heic_of_tiles_one_tile_is_held_and_copied() -> None:
    made = HeifItem(b"grid", grid(3, 4, *LARGE), (ispe(*LARGE),), OF_TILES)

    assert needed(heif(made, *TILES)) == 2 * 64 * 48


def test_a_heic_of_tiles_that_is_cropped_or_transparent_is_held_whole() -> None:
    cropped = HeifItem(b"grid", grid(3, 4, *LARGE), (ispe(*LARGE), clap(60, 40)), OF_TILES)
    made = HeifItem(b"grid", grid(3, 4, *LARGE), (ispe(*LARGE),), OF_TILES)
    alpha = HeifItem(properties=(*coded(*LARGE).properties, full_box(b"auxC", ALPHA)), references={b"auxl": [1]})

    assert needed(heif(cropped, *TILES)) == math.prod(LARGE)
    assert needed(heif(made, *TILES, alpha)) == math.prod(LARGE)
