"""Pictures that are damaged, and have all of their pixels: they are taken, shown like sound ones, and tell of it."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

import pytest
from PIL import Image

from tests.makers import (
    TiffTags,
    animation,
    bmp,
    box,
    clap,
    colr,
    encoded,
    full_box,
    heif,
    icc_profile,
    jpeg_segment,
    jpeg_with,
    picture,
    png_chunk,
    riff_chunk,
    still,
    tiff,
    tiff_page,
    vp8x,
    webp,
)
from tests.unit.pixels.engines.scenes import scene
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.limits import MIB
from vignette.pixels.containers.png_data import data_bytes
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.publishing import publish
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

WHOLE = Recipe("whole", 64, 64, formats=("webp",), quality=100)


def shown(content: bytes) -> bytes:
    """The pixels of a vignette of *content*."""
    rendition, *_ = render(io.BytesIO(content), len(content), [WHOLE])
    with Image.open(io.BytesIO(rendition.content)) as vignette:
        return vignette.convert("RGBA").tobytes()


def public_copy(content: bytes) -> bytes:
    with publish(io.BytesIO(content), len(content)) as copy:
        return copy.read()


def warnings(content: bytes) -> str:
    return "; ".join(anatomy(content).blocks.warnings)


JPEGS = {
    "in colour": still("JPEG"),
    "grey": still("JPEG", mode="L"),
    "without subsampling": still("JPEG", subsampling="4:4:4"),
    "of four colours": still("JPEG", mode="CMYK"),
    "that starts anew in each row": still("JPEG", 400, 300, restart_marker_rows=1),
    "that starts anew after each block": still("JPEG", 400, 300, restart_marker_blocks=1),
    "optimised": still("JPEG", 401, 299, optimize=True, quality=95),
}
TRAILERS = {
    "nothing": b"",
    "half a marker": b"\xff",
    "a text": b"made by a panorama app, whose name is long enough to be taken for pixels",
    "zeros": bytes(1000),
    "another JPEG": still("JPEG", 16, 16),
    "a segment that goes over the end": b"\xff\xe1\xff\xf0abc",
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_without_its_end_marker_is_taken(jpeg: bytes, trailer: bytes) -> None:
    damaged = jpeg[:-2] + trailer

    assert shown(damaged) == shown(jpeg)
    assert "lacks its end-of-image marker" in warnings(damaged)
    assert public_copy(damaged) == public_copy(jpeg)


@pytest.mark.parametrize("end", [b"", b"\xff"], ids=["nothing", "half a marker"])
@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("missing", [10, 60, 200])
def test_a_jpeg_whose_last_pixels_are_missing_is_refused(jpeg: bytes, end: bytes, missing: int) -> None:
    with pytest.raises(BrokenImage, match="ends at byte"):
        anatomy(jpeg[: -2 - missing] + end)


def is_refused(content: bytes) -> bool:
    try:
        anatomy(content)
    except BrokenImage:
        return True
    return False


def samsung(jpeg: bytes) -> bytes:
    """Put in place of the end marker what a Samsung phone puts there: a block, and a directory that names it."""
    block = struct.pack("<HHI", 0, 0x0A01, 8) + b"Panorama" + bytes(40)
    directory = b"SEFH" + struct.pack("<II4xII", 106, 1, len(block), len(block))
    return jpeg[:-2] + block + directory + struct.pack("<I4s", len(directory), b"SEFT")


def test_a_large_panorama_of_samsung_is_taken_without_a_count() -> None:
    noise = Image.effect_noise((2600, 1300), 100)
    jpeg = encoded(noise, "JPEG", quality=98)
    assert len(jpeg) > 2 * MIB

    assert shown(samsung(jpeg)) == shown(jpeg)
    assert is_refused(jpeg[:-2])
    assert public_copy(samsung(jpeg)) == public_copy(jpeg)


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("restarts", [0, 1])
def test_a_progressive_jpeg_without_its_end_marker_is_taken(quality: int, mode: str, restarts: int) -> None:
    jpeg = encoded(picture(203, 150, mode), "JPEG", progressive=True, quality=quality, restart_marker_rows=restarts)

    assert shown(jpeg[:-2]) == shown(jpeg[:-1]) == shown(jpeg)
    assert shown(jpeg[:-2] + b"a trailer") == shown(jpeg)
    assert all(is_refused(jpeg[: -2 - missing]) for missing in (2, 3, 5, 20, 100, 1000))


def test_a_large_progressive_jpeg_without_its_end_marker_is_refused() -> None:
    assert is_refused(encoded(Image.new("L", (2100, 2000)), "JPEG", progressive=True)[:-2])


SHORT = {
    "JFIF": jpeg_segment(0xE0, b"JFIF\0"),
    "JFIF without its thumbnail": jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1"),
    "an empty APP0": jpeg_segment(0xE0, b""),
    "Adobe": jpeg_segment(0xEE, b"Adobe\0"),
    "Adobe without its transform": jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0"),
    "EXIF": jpeg_segment(0xE1, b"Exif\0\0"),
    "EXIF of a wrong resolution unit": jpeg_segment(
        0xE1,
        b"Exif\0\0II*\0\x08\0\0\0\2\0" + struct.pack("<HHIIHHII", 282, 5, 1, 38, 296, 2, 4, 0x41414141) + bytes(4),
    ),
    "an index of further pictures": jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "a Photoshop segment": jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\3\xed"),
    "a profile": jpeg_segment(0xE2, b"ICC_PROFILE\0"),
}


@pytest.mark.parametrize("segment", SHORT.values(), ids=SHORT)
def test_a_segment_of_metadata_that_is_short_costs_no_jpeg(segment: bytes) -> None:
    jpeg = still("JPEG")
    plain = jpeg[:2] + jpeg[20:]  # without the JFIF that Pillow writes

    assert shown(jpeg_with(segment, content=plain)) == shown(plain)
    assert shown(jpeg_with(segment, content=jpeg)) == shown(jpeg)


def test_jfif_counts_more_than_adobe_even_at_an_eighth() -> None:
    jpeg = encoded(picture(1600, 1200), "JPEG", progressive=True)
    adobe = jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")

    assert shown(jpeg[:20] + adobe + jpeg[20:]) == shown(jpeg)


def boxes(content: bytes) -> Iterator[bytes]:
    while content:
        (length,) = struct.unpack_from(">I", content)
        yield content[:length]
        content = content[length:]


def kinds(content: bytes) -> list[bytes]:
    return [each[4:8] for each in boxes(content)]


def avif_with(change: Callable[[list[bytes]], list[bytes]], content: bytes) -> bytes:
    """Make an AVIF whose `meta` box has the boxes that *change* makes of those of *content*. It stands at the end."""
    (meta,) = (each for each in boxes(content) if each[4:8] == b"meta")
    return content.replace(b"meta", b"free", 1) + full_box(b"meta", *change(list(boxes(meta[12:]))))


def within(meta: list[bytes], kind: bytes, change: Callable[[bytes], bytes]) -> list[bytes]:
    return [box(kind, change(each[8:])) if each[4:8] == kind else each for each in meta]


def halves(iprp: bytes) -> bytes:
    """Make two tables of associations of one."""
    ipco, ipma = boxes(iprp)
    assert ipma[:16] == struct.pack(">I4sII", len(ipma), b"ipma", 0, 1), "one item, and one byte for each property"
    number, count, entries = ipma[16:18], ipma[18], ipma[19:]
    first, second = struct.pack(">I", 1) + number + bytes([count]) + entries, struct.pack(">I", 0)
    return ipco + full_box(b"ipma", second) + full_box(b"ipma", first)


def with_property(*added: bytes) -> Callable[[bytes], bytes]:
    """Give properties more to the first item."""

    def change(iprp: bytes) -> bytes:
        ipco, ipma = boxes(iprp)
        first = len(kinds(ipco[8:])) + 1
        count, rest = ipma[18], ipma[19:]
        numbers = bytes(range(first, first + len(added)))
        associations = ipma[8:18] + bytes([count + len(added)]) + rest[:count] + numbers + rest[count:]
        return box(b"ipco", ipco[8:], *added) + box(b"ipma", associations)

    return change


NCLX = box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0x80))
AVIFS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "boxes in another order": lambda meta: meta[::-1],
    "no handler": lambda meta: [each for each in meta if each[4:8] != b"hdlr"],
    "two tables of associations": lambda meta: within(meta, b"iprp", halves),
    "several colours": lambda meta: within(meta, b"iprp", with_property(NCLX, NCLX)),
    "several profiles": lambda meta: within(meta, b"iprp", with_property(colr(icc_profile()), colr(icc_profile(300)))),
    "a colour of no kind": lambda meta: within(meta, b"iprp", with_property(box(b"colr"))),
    "groups that are broken": lambda meta: [*meta, box(b"grpl", box(b"altr", b"x"))],
}


@pytest.mark.parametrize("change", AVIFS.values(), ids=AVIFS)
def test_an_avif_of_odd_boxes_is_shown(change: Callable[[list[bytes]], list[bytes]]) -> None:
    plain = still("AVIF")

    assert shown(avif_with(change, plain)) == shown(plain)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0", b"\0\0\0\6Exif\0\0", b"\xff\xff\xff\xffII*\0"], ids=repr)
def test_exif_that_is_broken_costs_no_avif(content: bytes) -> None:
    described = Image.Exif()
    described[0x010E] = "a description"
    plain = still("AVIF", exif=described.tobytes())
    block = anatomy(plain).blocks.exif
    assert block is not None
    at = plain.index(block) - 4  # before it stands how far it is
    broken = plain[:at] + content.ljust(4 + len(block), b"\0") + plain[at + 4 + len(block) :]

    assert shown(broken) == shown(plain)


@pytest.mark.parametrize("brand", [b"MA1B", b"miaf", b"mif2", b"abcd"])
def test_an_avif_is_shown_whatever_brand_comes_first(brand: bytes) -> None:
    plain = still("AVIF")

    assert shown(plain[:8] + brand + plain[12:]) == shown(plain)


@pytest.mark.parametrize(
    "trailer", [b"a text, which begins like a box", box(b"ftyp", b"mp42"), box(b"uuid", bytes(99))]
)
@pytest.mark.parametrize("content", [still("AVIF"), heif()], ids=["AVIF", "HEIC"])
def test_no_decoder_of_boxes_sees_what_is_behind_the_picture(content: bytes, trailer: bytes) -> None:
    damaged = content + trailer
    given = decoder_file(io.BytesIO(damaged), len(damaged), anatomy(damaged).format).read()

    assert set(kinds(given)) <= {b"ftyp", b"free", b"mdat", b"meta"}
    assert trailer[8:] not in given or trailer[4:8] == b"uuid"


def test_the_data_of_an_avif_may_end_with_the_file() -> None:
    plain = still("AVIF")
    at = plain.index(b"mdat")

    assert shown(plain[: at - 4] + bytes(4) + plain[at:]) == shown(plain)


def test_the_alpha_of_an_avif_is_kept() -> None:
    plain = still("AVIF", mode="RGBA")
    image = picture(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    transparent = encoded(image, "AVIF")

    assert shown(transparent) != shown(plain)
    assert shown(transparent)[3] < 10
    assert shown(avif_with(lambda meta: meta[::-1], transparent)) == shown(transparent)


@pytest.mark.parametrize(
    ("aperture", "shown_part"),
    [
        (clap(20, 16), (10, 7, 30, 23)),
        (box(b"clap", struct.pack(">6IiI", 20, 1, 10, 1, 5, 1, -10, 1)), (15, 0, 35, 10)),
    ],
    ids=["in the middle", "at the upper edge"],
)
def test_an_avif_is_cropped_to_its_clean_aperture(aperture: bytes, shown_part: tuple[int, int, int, int]) -> None:
    plain = still("AVIF", quality=100, subsampling="4:4:4")
    cropped = avif_with(lambda meta: within(meta, b"iprp", with_property(aperture)), plain)
    with Image.open(io.BytesIO(plain)) as image:
        expected = image.crop(shown_part)

    assert anatomy(cropped).upright_size == expected.size
    assert shown(cropped) == shown(encoded(expected, "PNG"))


def png_of(width: int, height: int, data: bytes, *, bits: int = 8, kind: int = 2, interlaced: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND")


def png(width: int, height: int, *, bits: int = 8, interlaced: bool = False) -> bytes:
    """Make a grey PNG of pixels that are alike."""
    rows = bytes(data_bytes(width, height, bits, is_interlaced=interlaced))
    return png_of(width, height, zlib.compress(rows), bits=bits, kind=0, interlaced=interlaced)


def in_chunks(png: bytes, length: int) -> bytes:
    """Cut the only chunk of data of *png* into chunks of *length* bytes."""
    at = png.index(b"IDAT") - 4
    data = png[at + 8 : at + 8 + int.from_bytes(png[at : at + 4], "big")]
    pieces = [png_chunk(b"IDAT", data[start : start + length]) for start in range(0, len(data), length)]
    return png[:at] + b"".join(pieces) + png_chunk(b"IEND")


def with_wrong_crcs(png: bytes, numbers: Sequence[int]) -> bytes:
    """Flip a bit in the checksum of the *numbers*th chunks of data."""
    damaged = bytearray(png)
    starts = [match.start() for match in re.finditer(b"IDAT", png)]
    for number in numbers:
        length = int.from_bytes(png[starts[number] - 4 : starts[number]], "big")
        damaged[starts[number] + 4 + length] ^= 1
    return bytes(damaged)


WHOLE_PNGS = {
    "RGB": still("PNG"),
    "palette": still("PNG", mode="P"),
    "interlaced": png(50, 40, interlaced=True),
    "1 bit": png(33, 20, bits=1),
    "16 bits": png(33, 20, bits=16),
}


@pytest.mark.parametrize("numbers", [[0], [1], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("whole", WHOLE_PNGS.values(), ids=WHOLE_PNGS)
def test_a_wrong_checksum_of_whole_data_costs_no_png(whole: bytes, numbers: list[int]) -> None:
    sound = in_chunks(whole, 4)
    damaged = with_wrong_crcs(sound, numbers)

    assert shown(damaged) == shown(sound)
    assert public_copy(damaged) == public_copy(sound)
    assert warnings(damaged).endswith("is wrong, but that of the pixels is right")


def test_a_wrong_checksum_of_whole_data_costs_no_moving_png() -> None:
    sound = animation("PNG", 3)

    assert anatomy(with_wrong_crcs(sound, [0])).frames == 3
    assert shown(with_wrong_crcs(sound, [0])) == shown(sound)


def test_a_wrong_checksum_counts_if_the_pixels_have_none() -> None:
    rows = zlib.compress(bytes(data_bytes(40, 30, 8, is_interlaced=False)))
    for data in (rows[:-1] + b"?", rows[:-4], rows + b"", zlib.compress(bytes(100)), zlib.compress(bytes(9_000))):
        damaged = with_wrong_crcs(png_of(40, 30, data, kind=0), [0])
        assert is_refused(damaged) is (data != rows)


def test_a_wrong_checksum_of_a_large_png_counts() -> None:
    with pytest.raises(BrokenImage, match="its checksum is wrong"):
        anatomy(with_wrong_crcs(png(3000, 1500), [0]))


COLOURS = bytes(range(0, 252, 7))
"""Of a TIFF of 4 × 3 pixels."""


@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("whole", "lost", "words"),
    [
        pytest.param({258: [8] * 3, 262: [2], 277: [3]}, 262, "taken for RGB", id="RGB"),
        pytest.param({258: [8], 262: [1], 277: [1]}, 262, "taken for grey", id="grey"),
        pytest.param({258: [8], 262: [3], 277: [1], 320: [300 * i for i in range(768)]}, 262, "palette", id="palette"),
        pytest.param({258: [8] * 3, 262: [2], 277: [3]}, 277, "3 samples", id="RGB, but of how many samples"),
        pytest.param({258: [8] * 4, 262: [2], 277: [4]}, 277, "4 samples", id="RGB and alpha, but of how many samples"),
    ],
)
def test_a_tiff_that_does_not_say_what_its_samples_are_is_taken(
    whole: TiffTags, lost: int, words: str, order: str, is_big: bool
) -> None:
    data = COLOURS + COLOURS[:12]
    page = {**whole, 273: [16 if is_big else 8], 279: [12 * whole[277][0]]}
    plain, damaged = (
        tiff(tiff_page(tags={**page, **missing}), data=data, order=order, is_big=is_big)
        for missing in ({}, {lost: b""})
    )

    assert shown(damaged) == shown(plain)
    assert words in warnings(damaged)


PNGS = {
    "in colour": still("PNG"),
    "of a palette": still("PNG", mode="P", transparency=0),
    "interlaced": png(5, 7, interlaced=True),
    "in many chunks": in_chunks(still("PNG"), 100),
    "of another depth": png(37, 9, bits=1),
}
IEND = png_chunk(b"IEND")
ENDS = {
    "nothing": b"",
    "a checksum that is wrong": IEND[:-1] + b"\0",
    "half of it": IEND[:7],
    "zeros": bytes(100),
    "a text": b"no chunk has such a name",
    "a chunk that goes over the end": png_chunk(b"tEXt", b"Comment\0Hi")[:-3],
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("png", PNGS.values(), ids=PNGS)
def test_a_png_without_its_end_is_taken(png: bytes, end: bytes) -> None:
    assert png.endswith(IEND)
    damaged = png[:-12] + end

    assert shown(damaged) == shown(png)
    assert "damaged behind its picture data" in warnings(damaged)
    assert public_copy(damaged) == public_copy(png)


@pytest.mark.parametrize("missing", [1, 4, 12, 13, 16])
def test_a_png_may_end_within_the_checksum_of_its_data(missing: int) -> None:
    whole = still("PNG")

    assert shown(whole[:-missing]) == shown(whole)
    assert public_copy(whole[:-missing]) == public_copy(whole)


@pytest.mark.parametrize("missing", [17, 19, 21, 60])
@pytest.mark.parametrize("end", [b"", IEND], ids=["without end", "with an end"])
def test_a_png_whose_data_are_cut_short_is_refused(missing: int, end: bytes) -> None:
    png = in_chunks(still("PNG"), 50)

    with pytest.raises(BrokenImage, match=r"ends at byte|its checksum is wrong|should be a chunk"):
        anatomy(png[:-missing] + end)


def test_a_large_png_is_taken_without_its_end_only_if_it_ends_with_a_chunk() -> None:
    large = in_chunks(encoded(Image.new("1", (24_000, 24_000)), "PNG"), 10_000)

    assert anatomy(large[:-12]).mended is not None
    with pytest.raises(BrokenImage, match="the file ends at byte"):
        anatomy(large[:-13])


DATA = {
    "a wrong checksum": (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum \\(Adler-32\\)"),
    "no checksum": (lambda data: data[:-4], "checksum \\(Adler-32\\)"),
    "too few bytes": (lambda _: zlib.compress(bytes(100)), "inflate to 100 of 3,630 bytes"),
    "no zlib": (lambda data: b"abcd" + data, "are damaged: they inflate to 0 of 3,630 bytes"),
    "cut short": (lambda data: data[: len(data) // 2], "are cut short: they inflate to"),
}


@pytest.mark.parametrize(("change", "words"), DATA.values(), ids=DATA)
def test_a_png_whose_data_are_no_picture_is_refused(change: Callable[[bytes], bytes], words: str) -> None:
    data = zlib.compress(b"".join(b"\0" + bytes(range(120)) for _ in range(30)))
    with pytest.raises(BrokenImage, match=words):
        anatomy(png_of(40, 30, change(data)))


def test_more_data_than_a_png_needs_are_taken() -> None:
    rows = b"".join(b"\0" + bytes(range(120)) for _ in range(30))

    assert shown(png_of(40, 30, zlib.compress(rows + bytes(500)))) == shown(png_of(40, 30, zlib.compress(rows)))


def test_apples_variant_of_png_is_refused_by_its_name() -> None:
    whole = still("PNG")

    with pytest.raises(UnsupportedFormat, match="Apple's own variant of PNG"):
        anatomy(whole[:8] + png_chunk(b"CgBI", b"\x50\0\x20\2") + whole[8:])


GIFS = {
    "of a palette": still("GIF"),
    "of two colours": encoded(Image.new("P", (300, 200)), "GIF"),
    "interlaced": still("GIF", 300, 200, interlace=1),
    "of noise": encoded(Image.effect_noise((99, 77), 100), "GIF"),
}


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("gif", GIFS.values(), ids=GIFS)
def test_a_gif_without_its_last_bytes_is_taken(gif: bytes, missing: int) -> None:
    damaged = gif[:-missing]

    assert gif.endswith(b"\0\x3b")
    assert shown(damaged) == shown(gif)
    assert public_copy(damaged) == public_copy(gif)
    assert ("all pixels of its last frame are there" in warnings(damaged)) is (missing == 2)


@pytest.mark.parametrize("gif", GIFS.values(), ids=GIFS)
def test_a_gif_may_end_right_behind_its_pixels(gif: bytes) -> None:
    """The code that ends the data is another thing that a picture can do without."""
    taken = [missing for missing in range(3, 8) if not is_refused(gif[:-missing])]

    assert taken == list(range(3, 3 + len(taken)))
    assert all(shown(gif[:-missing]) == shown(gif) for missing in taken)
    assert is_refused(gif[:-8])


@pytest.mark.parametrize("where", [0.4, 0.6, 0.75, 0.99])
def test_a_gif_with_a_damaged_later_frame_is_a_still(where: float) -> None:
    gif = animation("GIF", 3)
    damaged = gif[: int(where * len(gif))]

    assert anatomy(damaged).frames == 1
    assert "only the first frame of the GIF is shown" in warnings(damaged)
    assert shown(damaged) == shown(gif)
    assert shown(public_copy(damaged)) == shown(gif)


@pytest.mark.parametrize("mode", ["L", "P"])
@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("size", [(90, 60), (450, 400)], ids=str)
def test_a_gif_whose_first_frame_is_damaged_is_refused(size: tuple[int, int], where: float, mode: str) -> None:
    image = scene(*size).convert(mode)
    content = bytearray(encoded(image, "GIF"))
    middle = int(len(content) * where)
    assert not warnings(bytes(content))
    content[middle : middle + 40] = b"\xff" * 40  # codes that there are not yet; a sub-block has 255 bytes anyway

    with pytest.raises(BrokenImage, match=rf"has damaged data: they do not code its {math.prod(size):,} pixels"):
        anatomy(bytes(content))


def test_a_later_frame_without_pixels_makes_a_still() -> None:
    gif = animation("GIF", 3)
    frame = b"\x2c" + struct.pack("<4H", 0, 0, 40, 30)
    second = gif.index(frame, gif.index(frame) + 1)
    damaged = gif[: second + 5] + bytes(4) + gif[second + 9 :]

    assert anatomy(damaged).frames == 1
    assert shown(damaged) == shown(gif)


def test_a_moving_gif_without_its_last_bytes_moves() -> None:
    assert anatomy(animation("GIF", 3)[:-2]).frames == 3


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_bmp_without_the_bytes_behind_its_last_pixel_is_taken(missing: int) -> None:
    whole = bmp(3, 2, pixels=(bytes(range(9)) + bytes(3)) * 2)

    assert shown(whole[:-missing]) == shown(whole)
    assert f"lacks {missing} bytes" in warnings(whole[:-missing])
    assert is_refused(whole[:-4])


def tiff_with(*changes: tuple[int, bytes | None], content: bytes, link: int = 0) -> bytes:
    """Make a little-endian TIFF of *content* whose only directory has other entries, or none, of some tags."""
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    entries = {struct.unpack_from("<H", content, start)[0]: content[start : start + 12] for start in starts(at, count)}
    for tag, entry in changes:
        entries.pop(tag, None)
        if entry is not None:
            entries[tag] = struct.pack("<H", tag) + entry
    table = (
        struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + struct.pack("<I", link)
    )
    return content[:4] + struct.pack("<I", len(content)) + content[8:] + table


def starts(directory: int, count: int) -> range:
    return range(directory + 2, directory + 2 + 12 * count, 12)


def entry(kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HII", kind, count, value)


TIFFS = {
    "Deflate": still("TIFF", compression="tiff_adobe_deflate"),
    "LZW": still("TIFF", compression="tiff_lzw"),
    "fax": still("TIFF", mode="1", compression="group4"),
    "PackBits": still("TIFF", mode="L", compression="packbits"),
    "JPEG": still("TIFF", compression="jpeg"),
    "several strips": still("TIFF", 300, 200, compression="tiff_lzw", strip_size=20_000),
}
LENGTHS = {"no": (279, None), "0 as": (279, entry(4, 1, 0))}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("whole", TIFFS.values(), ids=TIFFS)
def test_a_tiff_that_does_not_say_how_long_its_strips_are_is_taken(
    whole: bytes, length: tuple[int, bytes | None]
) -> None:
    damaged = tiff_with(length, content=whole)
    if length[1] is not None and whole is TIFFS["several strips"]:
        assert is_refused(damaged)  # one length, for several strips
        return

    assert shown(damaged) == shown(whole)
    assert "does not say how long its strips or tiles are" in warnings(damaged)


ODD_TAGS = {
    "a private tag of no type": (40_000, entry(0, 1, 1)),
    "a private tag of a type to come": (40_000, entry(99, 1, 1)),
    "a private tag without a value": (32_934, entry(2, 0, 0)),
    "a private tag outside of the file": (65_000, entry(7, 10**6, 10**6)),
    "a resolution without a value": (282, entry(5, 0, 0)),
    "a resolution that is a text": (282, entry(2, 4, 0x41414141)),
    "a unit that there is not": (296, entry(3, 1, 99)),
    "a unit of several values": (296, entry(3, 2, 0x00020002)),
    "a text that is a number": (270, entry(4, 1, 7)),
    "a profile outside of the file": (34_675, entry(7, 10**6, 10**6)),
    "a profile that is a text": (34_675, entry(2, 4, 0x41414141)),
    "a Photoshop block of no type": (34_377, entry(0, 9, 9)),
    "further pictures nowhere": (330, entry(4, 1, 10**6)),
}


@pytest.mark.parametrize("tag", ODD_TAGS.values(), ids=ODD_TAGS)
@pytest.mark.parametrize("whole", [still("TIFF"), TIFFS["LZW"]], ids=["uncompressed", "LZW"])
def test_an_odd_tag_of_metadata_costs_no_tiff(whole: bytes, tag: tuple[int, bytes]) -> None:
    assert shown(tiff_with(tag, content=whole)) == shown(whole)


@pytest.mark.parametrize("link", [10**8, 3], ids=["beyond the end", "in the header"])
def test_a_tiff_whose_next_directory_is_nowhere_is_taken(link: int) -> None:
    whole = still("TIFF")
    damaged = tiff_with(content=whole, link=link)

    assert shown(damaged) == shown(whole)
    assert "only the pages before a damaged one are counted" in warnings(damaged)


@pytest.mark.parametrize("whole", [still("TIFF"), TIFFS["LZW"]], ids=["uncompressed", "LZW"])
@pytest.mark.parametrize("tag", [259, 262, 284], ids=["compression", "colours", "planes"])
def test_a_value_for_each_sample_is_taken_if_they_are_alike(whole: bytes, tag: int) -> None:
    (at,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, at)
    (value,) = (
        struct.unpack_from("<H", whole, start + 8)[0]
        for start in starts(at, count)
        if struct.unpack_from("<H", whole, start)[0] == tag
    )
    longer = whole + struct.pack("<3H", *[value] * 3)
    damaged = tiff_with((tag, entry(3, 3, len(whole))), content=longer)

    assert shown(damaged) == shown(whole)
    assert f"has 3 values of the tag {tag}, which are alike" in warnings(damaged)


def test_a_damaged_later_page_costs_no_tiff() -> None:
    whole = tiff(tiff_page(), data=bytes(range(12)))

    assert shown(tiff(tiff_page(), tiff_page(tags={273: [9999]}), data=bytes(range(12)))) == shown(whole)


WEBPS = {"lossy": still("WEBP"), "lossless": still("WEBP", lossless=True), "with alpha": still("WEBP", mode="RGBA")}
WEBP_METADATA = {
    "EXIF": riff_chunk(b"EXIF", b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "no EXIF": riff_chunk(b"EXIF", b""),
    "XMP": riff_chunk(b"XMP ", b"<no xml"),
    "a chunk that nobody knows": riff_chunk(b"abcd", b"odd"),
}


@pytest.mark.parametrize("metadata", WEBP_METADATA.values(), ids=WEBP_METADATA)
@pytest.mark.parametrize("plain", WEBPS.values(), ids=WEBPS)
def test_a_webp_reaches_its_decoder_without_metadata(plain: bytes, metadata: bytes) -> None:
    pixels = plain[12:] if plain[12:16] != b"VP8X" else plain[30:]
    described = webp(vp8x(40, 30, 0x3C), riff_chunk(b"ICCP", icc_profile()), pixels, metadata)
    given = decoder_file(io.BytesIO(described), len(described), anatomy(described).format).read()

    assert shown(described) == shown(plain)
    assert given == webp(vp8x(40, 30, 0x10), pixels)


@pytest.mark.parametrize("stray", [b"ANMF", b"ANIM", b"JUNK", b"\0\0\0\0"])
@pytest.mark.parametrize("length", [0, 40])
@pytest.mark.parametrize("plain", WEBPS.values(), ids=WEBPS)
def test_a_chunk_that_belongs_to_no_still_costs_no_webp(plain: bytes, length: int, stray: bytes) -> None:
    pixels = plain[30:] if plain[12:16] == b"VP8X" else plain[12:]
    sound = webp(vp8x(40, 30, 0x10), pixels)
    damaged = webp(vp8x(40, 30, 0x10), pixels, riff_chunk(stray, bytes(length)))

    assert shown(damaged) == shown(sound)
    assert public_copy(damaged) == public_copy(sound)


@pytest.mark.parametrize("stray", [b"ALPH", b"VP8 ", b"VP8L", b"JUNK"])
def test_a_chunk_that_belongs_to_no_animation_costs_no_webp(stray: bytes) -> None:
    sound = animation("WEBP", 2)

    assert shown(webp(sound[12:], riff_chunk(stray, bytes(40)))) == shown(sound)


def odd_webp(*, extended: bool, moving: bool) -> bytes:
    """A WebP whose last chunk has an odd length."""
    if not moving:
        lossless = ((width, still("WEBP", width, 30, lossless=True)) for width in range(40, 80))
        width, sound = next((width, one) for width, one in lossless if one[16] % 2)
        return webp(vp8x(width, 30), sound[12:]) if extended else sound
    return webp(animation("WEBP", 2)[12:], riff_chunk(b"XMP ", b"<x/>!"))


@pytest.mark.parametrize("cut", [0, 1], ids=["with the byte", "without the byte"])
@pytest.mark.parametrize(
    "sound",
    [
        odd_webp(extended=False, moving=False),
        odd_webp(extended=True, moving=False),
        odd_webp(extended=True, moving=True),
    ],
    ids=["simple", "extended", "moving"],
)
def test_a_webp_that_leaves_out_its_last_padding_is_taken(sound: bytes, cut: int) -> None:
    damaged = sound[:4] + struct.pack("<I", len(sound) - 9) + sound[8 : len(sound) - cut]

    assert shown(damaged) == shown(sound)
    assert "nothing else is missing" in warnings(damaged)
    assert public_copy(damaged) == public_copy(sound)
    assert not warnings(sound)


@pytest.mark.parametrize(
    "whole",
    [bmp(3, 2, pixels=(bytes(range(9)) + bytes(3)) * 2), still("BMP", mode="P"), still("BMP", mode="1")],
    ids=["in colour", "of a palette", "of two colours"],
)
def test_a_bmp_that_does_not_say_where_its_pixels_begin_is_taken(whole: bytes) -> None:
    damaged = whole[:10] + bytes(4) + whole[14:]

    assert shown(damaged) == shown(whole)
    assert "does not say where its pixels begin" in warnings(damaged)


@pytest.mark.parametrize("mode", ["P", "L", "1"])
def test_a_bmp_whose_pixels_would_begin_where_its_palette_does_is_taken(mode: str) -> None:
    whole = still("BMP", mode=mode)
    damaged = whole[:10] + (54).to_bytes(4, "little") + whole[14:]

    assert shown(damaged) == shown(whole)
    assert "where its palette does" in warnings(damaged)


def test_of_a_bmp_without_a_palette_nothing_is_mended() -> None:
    whole = still("BMP", mode="P")
    start = int.from_bytes(whole[10:14], "little")
    without = whole[:10] + (54).to_bytes(4, "little") + whole[14:54] + whole[start:]

    assert shown(without)
    assert not warnings(without)
