"""What a picture looks like is what Chromium shows, however it tells its colours."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import pairwise
from typing import Final

import pillow_heif
import pytest
from PIL import Image

from tests.colours import CASES, COLOUR, SIZE, Case, Pixel, avif, cicp, gama, png
from tests.makers import encoded, png_chunk, png_with
from tests.unit.pixels.engines.scenes import decoded
from tests.unit.pixels.reading import anatomy
from vignette.pixels import engines
from vignette.pixels.formats import PNG_SIGNATURE

MIDDLE = SIZE[0] // 4, SIZE[1] // 2


def seen(content: bytes, size: tuple[int, int] | None = None) -> Pixel:
    """In the middle of the left half, as red, green and blue."""
    picture = decoded(engines, content, size).convert("RGB")
    pixel = picture.getpixel((picture.width // 4, picture.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_shown_as_in_chromium(case: Case) -> None:
    assert seen(case.content()) == pytest.approx(case.expected, abs=2)


@pytest.mark.parametrize("colour_type", [0, 2, 3, 4, 6], ids=["grey", "colour", "palette", "grey, alpha", "alpha"])
def test_shrunk_it_has_the_same_colours(colour_type: int) -> None:
    content = png(gama(100_000), colour_type=colour_type)

    assert seen(content, (8, 4)) == seen(content)


@pytest.mark.parametrize("gamma", [1, 100, 9_999, 1_000_001, 2**31 - 1, 2**32 - 1])
def test_a_gamma_that_leaves_nothing_to_see_is_ignored(gamma: int) -> None:
    """Chromium shows black or white; nobody means that."""
    content = png(gama(gamma))

    assert seen(content) == COLOUR
    assert "would leave nothing to see" in anatomy(content).blocks.warnings[0]


@pytest.mark.parametrize("numbers", [(12, 13, 1, 1), (12, 13, 0, 0), (3, 13, 0, 1), (12, 3, 0, 1), (255, 255, 0, 1)])
def test_a_cicp_that_means_nothing_is_told(numbers: tuple[int, int, int, int]) -> None:
    content = png(cicp(*numbers))

    assert seen(content) == COLOUR
    assert anatomy(content).blocks.warnings == (
        f"the chunk 'cICP' is ignored: {', '.join(map(str, numbers))} are no colours of a PNG",
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_alpha_and_grey_stay_what_they_are(mode: str) -> None:
    colour_type = {"L": 0, "LA": 4, "RGB": 2, "RGBA": 6}[mode]

    for chunks in (gama(100_000), cicp(9, 16), cicp(12, 18)):
        for bits in (8, 16):
            picture = decoded(engines, png(chunks, colour_type=colour_type, bits=bits))
            assert picture.mode == mode
            if "A" in mode:
                assert picture.getchannel("A").getextrema() == (255, 255)


class TestHdr:
    """
    White paper has 203 cd/m² (ITU-R BT.2408). Chromium darkens it by half, because it takes the picture to have 1,000;
    we look how bright it is.
    """

    WHITE: Final = {16: (148, 148, 148), 18: (191, 191, 191)}

    @pytest.mark.parametrize("transfer", WHITE)
    @pytest.mark.parametrize("make", [lambda *numbers, **more: png(cicp(*numbers), **more), avif], ids=["PNG", "AVIF"])
    def test_white_stays_white_if_nothing_is_brighter(self, make: object, transfer: int) -> None:
        content = make(9, transfer, pixel=self.WHITE[transfer])  # type: ignore[operator]

        assert min(seen(content)) >= 253

    @pytest.mark.parametrize(("brightest", "white"), [(160, 235), (170, 220), (192, 188), (255, 188)])
    def test_the_brighter_the_picture_the_darker_is_white(self, brightest: int, white: int) -> None:
        content = png(cicp(9, 16), pixel=self.WHITE[16], right=(brightest,) * 3)

        assert seen(content) == pytest.approx((white,) * 3, abs=3)

    def test_a_glint_darkens_nothing(self) -> None:
        glint = Image.new("RGB", (200, 200), (148, 148, 148))
        glint.paste((255, 255, 255), (190, 190, 195, 195))

        content = _with_cicp(glint)

        assert min(seen(content)) >= 250

    def test_all_bits_count(self) -> None:
        """Of the greys of a screen, 8 bits of PQ have 148."""
        row = b"".join(struct.pack(">3H", *[64 * step] * 3) for step in range(592))
        header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 592, 1, 16, 2, 0, 0, 0))
        data = png_chunk(b"IDAT", zlib.compress(b"\0" + row))
        content = PNG_SIGNATURE + header + cicp(9, 16) + data + png_chunk(b"IEND")

        values = _greens(decoded(engines, content))

        assert max(later - value for value, later in pairwise(values)) <= 2
        assert len(set(values)) > 240

    @pytest.mark.parametrize("file_format", ["PNG", "HEIC"])
    def test_what_is_averaged_has_more_than_eight_bits(self, file_format: str) -> None:
        make = _with_cicp if file_format == "PNG" else _as_heic
        image = Image.new("RGB", (256, 256))
        image.putdata([(130 + 2 * (x % 2),) * 3 for _ in range(256) for x in range(256)])

        between = _greens(decoded(engines, make(image), (64, 64)))[32]

        plain = (make(Image.new("RGB", (256, 256), (code,) * 3)) for code in (130, 132))
        low, high = (_greens(decoded(engines, content, (64, 64)))[32] for content in plain)
        assert low + 1 < between < high - 1


def _greens(image: Image.Image) -> list[int]:
    return [image.getpixel((x, 0))[1] for x in range(image.width)]  # type: ignore[index]


def _as_heic(image: Image.Image) -> bytes:
    content = io.BytesIO()
    file = pillow_heif.HeifFile()
    file.add_from_pillow(image)
    file.save(content, quality=100, chroma=444, color_primaries=9, transfer_characteristics=16)
    return content.getvalue()


def _with_cicp(image: Image.Image) -> bytes:
    return png_with(cicp(9, 16), content=encoded(image, "PNG"))
