"""BMP with odd masks, palettes and run lengths: as browsers show them."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from tests.makers import encoded
from tests.profiles import SWAPPED, in_srgb, rgb_profile
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from tests.unit.pixels.reading import anatomy
from vignette.errors import UnsupportedFormat
from vignette.pixels import engines
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.engines import bitmap, pillow
from vignette.pixels.formats import OS2_HEADER_BYTES

RGB, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6

Masks = tuple[int, int, int, int]


def bmp(
    size: tuple[int, int],
    bits: int,
    pixels: bytes,
    *,
    compression: int = RGB,
    header: int = 40,
    masks: Masks = (0, 0, 0, 0),
    palette: bytes = b"",
    colours: int = 0,
    profile: bytes = b"",
) -> bytes:
    """A bitmap of *size*, (width, height); a height below 0 says that the top row comes first."""
    fields = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, len(pixels), 0, 0, colours, 0)
    words = struct.pack("<IIII", *masks)
    if header > 40:
        fields += words[: header - 40]
        fields = fields.ljust(header, b"\0")
    elif compression in (BITFIELDS, ALPHA_BITFIELDS):
        fields += words[: 12 if compression == BITFIELDS else 16]
    start = 14 + len(fields) + len(palette)
    if profile:
        fields = fields[:56] + b"DEBM" + fields[60:112] + struct.pack("<III", start - 14 + len(pixels), len(profile), 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + fields + palette + pixels + profile


def rows_of(values: list[list[int]], letter: str) -> bytes:
    """Rows from the bottom, filled up to four bytes."""
    rows = [struct.pack(f"<{len(row)}{letter}", *row) for row in reversed(values)]
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


def packed(pixel: tuple[int, int, int, int], masks: Masks) -> int:
    """The nearest to the 8-bit *pixel* that the *masks* have room for."""
    value = 0
    for channel, mask in zip(pixel, masks, strict=True):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            value |= round(channel / 255 * (mask >> shift)) << shift
    return value


PIXELS = [
    [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)],
    [(136, 0, 85, 255), (255, 255, 255, 0), (0, 0, 0, 255)],
]

MASKS: dict[str, tuple[int, Masks]] = {
    "4-4-4": (16, (0xF00, 0xF0, 0xF, 0)),
    "4-4-4-4": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "5-5-5": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "1-5-5-5": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "5-6-5": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "5-6-5, blue first": (16, (0x1F, 0x7E0, 0xF800, 0)),
    "3-3-2": (16, (0xE0, 0x1C, 0x3, 0)),
    "10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    "2-10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    "8-8-8": (32, (0xFF0000, 0xFF00, 0xFF, 0)),
    "8-8-8-8, red first": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "8-8-8-8, red last": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "8-8-8 between": (32, (0xFF00000, 0xFF000, 0xFF0, 0)),
    "without green": (32, (0xFF0000, 0, 0xFF, 0)),
}


@pytest.mark.parametrize("header", [40, 56, 108, 124])
@pytest.mark.parametrize(("bits", "masks"), MASKS.values(), ids=MASKS)
def test_each_mask_is_a_channel(bits: int, masks: Masks, header: int) -> None:
    compression = ALPHA_BITFIELDS if header == 40 and masks[3] else BITFIELDS
    data = rows_of([[packed(pixel, masks) for pixel in row] for row in PIXELS], "H" if bits == 16 else "I")

    image = decoded(engines, bmp((3, 2), bits, data, compression=compression, header=header, masks=masks))

    image = image.convert("RGBA")
    for y, row in enumerate(PIXELS):
        for x, (*colour, alpha) in enumerate(row):
            seen = image.getpixel((x, y))
            assert isinstance(seen, tuple)
            expected = [value if mask else 0 for value, mask in zip(colour, masks, strict=False)]
            assert seen[3] == (alpha if masks[3] else 255)
            if seen[3]:
                assert seen[:3] == pytest.approx(expected, abs=255 // 7 // 2 + 25 * (bits == 16))


@pytest.mark.parametrize("header", [108, 124])
def test_the_mask_of_an_alpha_counts_without_bit_fields_too(header: int) -> None:
    masks = (0, 0, 0, 0xFF000000)
    data = rows_of([[0x80FF0000, 0xFF00FF00]], "I")

    assert decoded(engines, bmp((2, 1), 32, data, header=header, masks=masks)).getpixel((0, 0)) == (255, 0, 0, 128)
    assert decoded(engines, bmp((2, 1), 32, data)).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("header", [56, 108, 124])
@pytest.mark.parametrize("bits", [16, 32])
def test_an_alpha_of_zeros_is_transparent_as_in_browsers(header: int, bits: int) -> None:
    masks = (0x7C00, 0x3E0, 0x1F, 0x8000) if bits == 16 else (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    pixels = rows_of([[masks[0]] * 4] * 4, "H" if bits == 16 else "I")

    image = decoded(engines, bmp((4, 4), bits, pixels, compression=BITFIELDS, header=header, masks=masks))

    assert image.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(("header", "bits"), [(40, 32), (52, 32), (56, 32), (108, 16), (124, 16)])
def test_masks_that_do_not_count_have_no_alpha(header: int, bits: int) -> None:
    masks = (0x7C00, 0x3E0, 0x1F, 0x8000) if bits == 16 else (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    pixels = rows_of([[masks[0]] * 4] * 4, "H" if bits == 16 else "I")

    image = decoded(engines, bmp((4, 4), bits, pixels, header=header, masks=masks))

    assert image.convert("RGBA").getpixel((0, 0)) == (255, 0, 0, 255)


@pytest.mark.parametrize("header", OS2_HEADER_BYTES)
@pytest.mark.parametrize("bits", [1, 24])
def test_a_header_of_os2_may_end_behind_any_of_its_fields(header: int, bits: int) -> None:
    fields = struct.pack("<IiiHHIIiiII", header, 2, 1, 1, bits, *[0] * 6).ljust(header, b"\0")[:header]
    palette = b"\0\0\xff\0\xff\0\0\0" if bits == 1 else b""
    pixels = b"\x40\0\0\0" if bits == 1 else b"\0\0\xff\xff\0\0\0\0"
    start = 14 + header + len(palette)
    content = b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + fields + palette + pixels

    image = decoded(engines, content)

    assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((255, 0, 0), (0, 0, 255))


@pytest.mark.parametrize(
    "masks",
    [(0xF0F0, 0x0F00, 0x000F, 0), (0xFF00, 0x0FF0, 0x000F, 0), (0xFFFFFFFF, 0, 0, 0)],
    ids=["with a gap", "overlapping", "too wide"],
)
def test_masks_that_mean_nothing_are_refused_at_the_door(masks: Masks) -> None:
    with pytest.raises(UnsupportedFormat, match=f"{masks[0]:08x}"):
        anatomy(bmp((1, 1), 32, bytes(4), compression=BITFIELDS, masks=masks))


def test_an_embedded_profile_counts() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0)
    data = rows_of([[0xC83C28]], "I")
    content = bmp((1, 1), 32, data, compression=BITFIELDS, header=124, masks=masks, profile=rgb_profile(SWAPPED))

    assert decoded(engines, content).getpixel((0, 0)) == pytest.approx(in_srgb((200, 60, 40), SWAPPED), abs=2)


def test_a_profile_that_is_not_there_is_passed_over() -> None:
    content = bmp((1, 1), 24, bytes((40, 60, 200, 0)), header=124, profile=rgb_profile(SWAPPED))[:-400]

    assert anatomy(content).blocks.warnings
    assert decoded(engines, content).getpixel((0, 0)) == (200, 60, 40)


class TestPalette:
    RED, BLUE = b"\0\0\xff\0", b"\xff\0\0\0"

    @pytest.mark.parametrize("bits", [1, 2, 4, 8])
    def test_one_may_be_shorter_than_its_indices(self, bits: int) -> None:
        last = 2**bits - 1
        data = bytes([last << (8 - bits)]) + bytes(3)
        short = bmp((1, 1), bits, data, palette=self.RED, colours=1)

        assert decoded(engines, short).convert("RGB").getpixel((0, 0)) == (0, 0, 0)

    def test_one_may_be_longer(self) -> None:
        content = bmp((2, 1), 1, b"\x40\0\0\0", palette=(self.RED + self.BLUE) * 4, colours=8)

        image = decoded(engines, content)
        assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((255, 0, 0), (0, 0, 255))

    @pytest.mark.parametrize("width", range(1, 10))
    def test_pixels_may_have_two_bits(self, width: int) -> None:
        """As Windows CE writes them."""
        colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 8, 7)]
        palette = b"".join(bytes((blue, green, red, 0)) for red, green, blue in colours)
        indices = [(x * 3 + 1) % 4 for x in range(width)]
        row = int("".join(f"{index:02b}" for index in indices).ljust(32, "0"), 2).to_bytes(4, "big")

        image = decoded(engines, bmp((width, 1), 2, row, palette=palette)).convert("RGB")

        assert [image.getpixel((x, 0)) for x in range(width)] == [colours[index] for index in indices]

    def test_two_greys_need_not_be_black_and_white(self) -> None:
        content = bmp((2, 1), 1, b"\x40\0\0\0", palette=b"\x40\x40\x40\0\xc0\xc0\xc0\0", colours=2)

        image = decoded(engines, content)
        assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == (0x40, 0xC0)

    @pytest.mark.parametrize("width", range(1, 10))
    @pytest.mark.parametrize("colours", [2, 16, 256])
    def test_rows_of_any_width(self, colours: int, width: int) -> None:
        image = scene(403, 302).resize((width, 5)).quantize(colours)

        seen = decoded(bitmap, encoded(image, "BMP"))

        assert seen.convert("RGB").tobytes() == image.convert("RGB").tobytes()


class TestRunLengths:
    PALETTE = b"".join(bytes((0, 200, value, 0)) for value in range(256))
    """The index is the red; what is not black has some green too."""

    def reds(self, runs: bytes, size: tuple[int, int], compression: int = RLE8) -> list[list[int | None]]:
        """Rows from the bottom; None where it is black."""
        content = bmp(size, 8 if compression == RLE8 else 4, runs, compression=compression, palette=self.PALETTE)
        image = decoded(engines, content).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        assert image.mode == "RGB"
        pixels = [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]
        return [[pixel[0] if any(pixel) else None for pixel in row] for row in pixels]  # type: ignore[index, arg-type]

    def test_runs_and_single_pixels(self) -> None:
        assert self.reds(b"\2\7\0\3\1\2\3\0\0\0\5\x09\0\1", (5, 2)) == [[7, 7, 1, 2, 3], [9] * 5]

    def test_two_pixels_in_a_byte(self) -> None:
        assert self.reds(b"\3\x12\0\5\x34\x56\x70\0\0\1", (8, 1), RLE4) == [[1, 2, 1, 3, 4, 5, 6, 7]]

    def test_what_is_skipped_is_black(self) -> None:
        assert self.reds(b"\1\7\0\2\1\1\1\x08\0\1", (4, 3)) == [[7, *[None] * 3], [None, None, 8, None], [None] * 4]

    def test_a_row_may_end_early(self) -> None:
        assert self.reds(b"\1\7\0\0\2\x08\0\1", (2, 2)) == [[7, None], [8, 8]]

    def test_a_run_over_the_end_of_its_row_is_cut_off(self) -> None:
        assert self.reds(b"\x09\7\0\0\2\x08\0\1", (2, 2)) == [[7, 7], [8, 8]]

    def test_a_picture_that_is_all_there_needs_no_end(self) -> None:
        assert self.reds(b"\2\7\0\0\2\x08", (2, 2)) == [[7, 7], [8, 8]]

    @pytest.mark.parametrize("runs", [b"\2\7\0\0", b"\2\7\0\0\2", b"\2\7\0\0\0\3\1", b"\2\7\0\2\1"])
    def test_half_a_picture_is_none(self, runs: bytes) -> None:
        with pytest.raises(OSError, match="run lengths end"):
            self.reds(runs, (2, 2))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("target", [(96, 72), (403, 302)], ids=["shrunk", "whole"])
def test_both_engines_see_the_same(mode: str, target: tuple[int, int]) -> None:
    image = scene().quantize(64) if mode == "P" else scene().convert(mode)
    content = encoded(image, "BMP")

    assert decibels(decoded(bitmap, content, target), decoded(pillow, content, target)) >= 40


def test_a_file_is_read_where_it_is_mapped(tmp_path: Path) -> None:
    content = encoded(scene(), "BMP")
    path = tmp_path / "a.bmp"
    path.write_bytes(content)
    told = anatomy(content)

    with path.open("rb") as file:
        image = bitmap.decode(decoder_file(file, len(content), told.format), told, (403, 302))

    assert image.tobytes() == scene().tobytes()


def test_bytes_that_only_fill_up_the_last_row_may_be_missing() -> None:
    content = bmp((1, 2), 24, bytes((1, 2, 3, 0, 4, 5, 6, 0)))
    told = anatomy(content)
    for missing in (0, 1):
        image = bitmap.decode(io.BytesIO(content[: len(content) - missing]), told, (1, 2))
        assert (image.getpixel((0, 0)), image.getpixel((0, 1))) == ((6, 5, 4), (3, 2, 1))
    with pytest.raises(OSError, match="missing"):
        bitmap.decode(io.BytesIO(content[:-2]), told, (1, 2))
