"""A BigTIFF is read as a TIFF is, with offsets of 64 bits, and each engine renders it."""

from __future__ import annotations

import io
import struct
from types import ModuleType

import pytest
from PIL import Image

from tests import makers
from tests.makers import TiffTags, tiff, tiff_page
from tests.unit.pixels.engines.scenes import decoded
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels, UnsupportedFormat
from vignette.pixels import engines
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.decoder_file import mended_file
from vignette.pixels.engines import libvips, pillow
from vignette.pixels.inspection import read_anatomy

DATA_AT = 16
WIDTH, BITS, PHOTOMETRIC, STRIP_OFFSETS, ORIENTATION, SAMPLES = 256, 258, 262, 273, 274, 277
STRIP_BYTES, SOFTWARE, XMP, ICC, EXIF, GPS = 279, 305, 700, 34675, 34665, 34853

COLOURS = b"".join(bytes([40 * x, 60 * y, 255 - 40 * x]) for y in range(4) for x in range(6))
"""Of a picture of 6 × 4 in RGB."""

ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def big(*pages: TiffTags, data: bytes = COLOURS, order: str = "<", link: int = 0) -> bytes:
    return tiff(*(pages or [page()]), data=data, order=order, link=link, is_big=True)


def page(tags: TiffTags | None = None) -> TiffTags:
    colours: TiffTags = {
        BITS: [8, 8, 8],
        PHOTOMETRIC: [2],
        STRIP_OFFSETS: [DATA_AT],
        SAMPLES: [3],
        STRIP_BYTES: [len(COLOURS)],
    }
    return tiff_page(6, 4, {**colours, **(tags or {})})


@ORDERS
def test_size_orientation_and_pages_are_read(order: str) -> None:
    read = anatomy(big(page({ORIENTATION: [6]}), page(), order=order))

    assert (read.format.name, read.upright_size, read.orientation, read.frames) == ("TIFF", (4, 6), 6, 2)
    assert read.blocks.warnings == ()


@pytest.mark.parametrize(
    ("engine", "order"),
    [
        pytest.param(libvips, "<", id="libvips, little-endian"),
        pytest.param(libvips, ">", id="libvips, big-endian"),
        pytest.param(pillow, "<", id="Pillow, little-endian"),
        pytest.param(engines, "<", id="both, little-endian"),
        pytest.param(engines, ">", id="both, big-endian"),
    ],
)
@pytest.mark.parametrize("tags", [{}, {SOFTWARE: []}, {40_000: [1]}], ids=["as it is", "plain", "a private tag"])
def test_each_engine_renders_it(engine: ModuleType, order: str, tags: TiffTags) -> None:
    image = decoded(engine, big(page(tags), order=order))

    assert image.convert("RGB").tobytes() == COLOURS


@ORDERS
def test_what_is_damaged_is_mended(order: str) -> None:
    content = big(page({STRIP_BYTES: [0], 259: [5]}), data=_lzw(), order=order)
    file, size = mended_file(io.BytesIO(content), len(content), anatomy(content))

    read = read_anatomy(file, size)

    assert read.mended is None
    assert "does not say how long its strips" in anatomy(content).blocks.warnings[0]
    file.seek(0)
    assert decoded(engines, file.read()).convert("RGB").tobytes() == COLOURS


@pytest.mark.parametrize(
    "tags", [{259: [50000]}, {BITS: [12], PHOTOMETRIC: [1], SAMPLES: [1]}], ids=["Zstandard", "12 bits"]
)
def test_what_pillow_alone_reads_is_refused_if_it_cannot(tags: TiffTags) -> None:
    assert anatomy(big(page(tags))).width == 6
    with pytest.raises(UnsupportedFormat, match=r"in this BigTIFF|in a big-endian file"):
        anatomy(big(page(tags), order=">"))


def _lzw() -> bytes:
    content = makers.encoded(Image.frombytes("RGB", (6, 4), COLOURS), "TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(content)) as image:
        offset, length = image.tag_v2[STRIP_OFFSETS][0], image.tag_v2[STRIP_BYTES][0]  # type: ignore[attr-defined]
    return content[offset : offset + length]


@ORDERS
def test_metadata_are_read(order: str) -> None:
    camera = struct.pack(f"{order}QHHQH6xQ", 1, 34855, 3, 1, 400, 0)
    place = struct.pack(f"{order}QHHQ8sQ", 1, 1, 2, 2, b"N", 0)
    at = DATA_AT + len(COLOURS)
    tags: TiffTags = {
        XMP: b"<xmp/>    ",
        ICC: makers.icc_profile(),
        SOFTWARE: b"a long name of the software",
        EXIF: [at],
        GPS: [at + len(camera)],
    }
    blocks = anatomy(big(page(tags), data=COLOURS + camera + place, order=order)).blocks

    copy = Image.Exif()
    copy.load(blocks.exif)

    assert (blocks.xmp, blocks.icc, blocks.warnings) == ((b"<xmp/>    ",), makers.icc_profile(), ())
    assert (copy[WIDTH], bytes(copy[SOFTWARE])) == (6, b"a long name of the software")
    assert (copy.get_ifd(EXIF), copy.get_ifd(GPS)) == ({34855: 400}, {1: "N"})


def test_a_number_of_more_than_32_bits_is_a_warning() -> None:
    blocks = anatomy(big(page({40_000: [1 << 40]}))).blocks

    assert blocks.warnings == ("tag 40000 has numbers of more than 32 bits, and is left out",)


def test_an_unknown_type_of_countless_values_is_a_warning() -> None:
    content = bytearray(big(page({40_000: [7]})))
    at = content.index(struct.pack("<HHQ", 40_000, 16, 1))
    struct.pack_into("<HHQ", content, at, 40_000, 99, 1 << 63)

    assert "tag 40000" in anatomy(bytes(content)).blocks.warnings[0]


@ORDERS
def test_its_limits_are_those_of_tiff(order: str) -> None:
    with pytest.raises(TooManyPixels):
        anatomy(big(page({WIDTH: [1 << 50]}), order=order), Bounds(max_pixels=1000))
    with pytest.raises(TooManyFrames):
        anatomy(big(page(), page(), order=order), Bounds(max_frames=1))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"II+\0\4\0\0\0" + bytes(8), "offsets of 4 bytes", id="offsets of another size"),
        pytest.param(b"II+\0\x08\0\1\0" + bytes(8), "1 after that", id="no zero"),
        pytest.param(b"II+\0\x08\0\0\0", "within the TIFF header", id="a header cut off"),
        pytest.param(b"II+\0\x08\0\0\0" + bytes(8), "within the header", id="no directory"),
        pytest.param(b"II+\0\x08\0\0\0" + b"\xff" * 8, "within the directory", id="a directory outside"),
        pytest.param(b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\xff" * 8, "entries", id="entries without end"),
        pytest.param(b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\3" + bytes(40), "within the directory", id="cut off"),
        pytest.param(big(page({STRIP_OFFSETS: [1 << 63]})), "the file ends", id="a strip outside"),
    ],
)
def test_what_is_damaged_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)
