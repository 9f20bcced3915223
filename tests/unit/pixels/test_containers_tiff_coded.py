"""The strips and tiles of a TIFF in Deflate and LZW hold all of their pixels, or the door refuses it."""

from __future__ import annotations

import io
import re
import struct
import zlib

import pytest
from PIL import Image

from tests.makers import encoded, tiff, tiff_page
from tests.unit.pixels.engines.scenes import scene
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, VignetteError
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

SIZE = (320, 240)
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]
KINDS = {
    "deflate": {"compression": "tiff_adobe_deflate"},
    "deflate of differences": {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}},
    "LZW": {"compression": "tiff_lzw"},
    "LZW of differences": {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
    "old deflate": {"compression": "tiff_deflate"},
}


def written(kind: str, mode: str = "RGB", **tags: int) -> bytes:
    image = scene(*SIZE).convert("L" if mode in ("I;16", "F") else mode)
    return encoded(image if image.mode == mode else image.convert(mode), "TIFF", **KINDS[kind], **tags)


def parts(content: bytes) -> list[tuple[int, int]]:
    """Where the strips are, and how long."""
    with Image.open(io.BytesIO(content)) as image:
        return list(zip(image.tag_v2[273], image.tag_v2[279], strict=True))


def damaged(content: bytes, share: float) -> bytes:
    """Damage the strip at that *share* of all, in a way that no decoder can take for data."""
    at, length = parts(content)[int(len(parts(content)) * share)]
    if content[at] & 15 == 8:  # zlib: a block of a type that there is not (RFC 1951, 3.2.3)
        return content[: at + 2] + b"\7" + content[at + 3 :]
    middle = at + length // 2  # LZW: codes that there are not yet
    return content[:middle] + b"\xff" * 9 + content[middle + 9 :]


def in_deflate(*strips: bytes) -> bytes:
    """A grey TIFF of 4 × 3 pixels, of which each row is a strip of its own."""
    data = b"".join(strips)
    starts = [8 + sum(map(len, strips[:index])) for index in range(len(strips))]
    page = tiff_page(tags={259: [8], 278: [1], 273: starts, 279: [len(strip) for strip in strips]})
    return tiff(page, data=data)


def is_shown(content: bytes) -> bool:
    try:
        render(io.BytesIO(content), len(content), [Recipe("small", 64, 64)])
    except VignetteError:
        return False
    return True


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_one_is_taken(kind: str, mode: str) -> None:
    if "differences" in kind and mode in ("1", "F"):
        kind = kind.removesuffix(" of differences")
    content = written(kind, mode)

    assert (anatomy(content).width, anatomy(content).blocks.warnings) == (320, ())


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_strip_is_refused(kind: str, mode: str, share: float) -> None:
    content = damaged(written(kind, mode), share)

    with pytest.raises(BrokenImage, match=r"^the page of the directory at byte [\d,]+ has a damaged part at byte "):
        anatomy(content)
    assert not is_shown(content)


@pytest.mark.parametrize("compression", ["deflate", "lzw"])
@pytest.mark.parametrize("order", ["tiles", "planes"])
def test_a_damaged_tile_or_plane_is_refused(compression: str, order: str) -> None:
    vips = pytest.importorskip("pyvips")
    image = vips.Image.pngload_buffer(encoded(scene(*SIZE), "PNG"))
    content = image.tiffsave_buffer(compression=compression, tile=order == "tiles", tile_width=64, tile_height=64)
    middle = len(content) // 2
    broken = content[:middle] + bytes(200) + content[middle + 200 :]

    assert not anatomy(content).blocks.warnings
    with pytest.raises(BrokenImage, match=r"has a damaged part at byte "):
        anatomy(broken)


def test_a_strip_of_too_few_pixels_is_refused() -> None:
    row = zlib.compress(b"\1\2\3\4")
    assert anatomy(in_deflate(row, row, row)).height == 3

    with pytest.raises(BrokenImage, match=re.escape("at byte 32: it inflates to 3 of 4 bytes")):
        anatomy(in_deflate(row, row, zlib.compress(b"\1\2\3")))
    with pytest.raises(BrokenImage, match=re.escape("at byte 20: it inflates to ")):
        anatomy(in_deflate(row, row[:-6], row))


def test_the_checksum_behind_the_pixels_must_be_right_or_missing() -> None:
    """As for libtiff."""
    row = zlib.compress(b"\1\2\3\4")
    without = in_deflate(row, row[:-4], row)
    wrong = in_deflate(row, row[:-4] + b"abcd", row)

    assert anatomy(without).height == 3
    assert is_shown(without)
    with pytest.raises(BrokenImage, match=r"the checksum \(Adler-32\) of the picture data is wrong"):
        anatomy(wrong)
    assert not is_shown(wrong)


@pytest.mark.parametrize("kind", ["deflate", "LZW"])
def test_what_does_not_tell_how_long_its_strips_are_is_left_to_the_decoder(kind: str) -> None:
    """YCbCr may have fewer samples of colour than of light, and the bits of each byte may be in another order."""
    broken = damaged(written(kind), 0.5)
    photometric = broken.index(struct.pack("<HHI", 262, 3, 1))
    in_ycbcr = broken[: photometric + 8] + struct.pack("<I", 6) + broken[photometric + 12 :]
    row = zlib.compress(b"\1\2\3\4")
    page = tiff_page(tags={259: [8], 266: [2], 278: [1], 273: [8, 20, 32], 279: [12, 12, 12]})

    assert anatomy(in_ycbcr).width == 320
    assert anatomy(tiff(page, data=3 * bytes(int(f"{byte:08b}"[::-1], 2) for byte in row))).width == 4


def test_the_worker_does_not_look_twice() -> None:
    content = damaged(written("LZW"), 0.5)

    assert read_anatomy(io.BytesIO(content), len(content), Bounds(checksums=False)).width == 320


def test_of_a_large_page_the_decoder_tells() -> None:
    image = scene(1400, 1000)
    content = encoded(image.convert("RGB"), "TIFF", compression="tiff_adobe_deflate")
    broken = damaged(content, 0.5)

    assert 3 * 1400 * 1000 > 4 << 20
    assert anatomy(broken).width == 1400
    assert not is_shown(broken)
