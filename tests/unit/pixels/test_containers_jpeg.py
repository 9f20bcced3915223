"""What is read of a JPEG, and what is none."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tests import makers
from tests.makers import jpeg_segment, jpeg_with, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyPixels, UnsupportedFormat
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.reader import WINDOW_BYTES

APP1, APP2, APP13, COM = 0xE1, 0xE2, 0xED, 0xFE
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
GUID = b"0123456789ABCDEF0123456789ABCDEF"


def icc_chunk(number: int, total: int, piece: bytes) -> bytes:
    return jpeg_segment(APP2, b"ICC_PROFILE\0" + bytes([number, total]) + piece)


def extended_xmp(guid: bytes, at: int, piece: bytes, full: int = 100) -> bytes:
    return jpeg_segment(APP1, EXTENDED_XMP + guid + struct.pack(">II", full, at) + piece)


def with_frame(content: bytes, **changes: int) -> bytes:
    """*content* with fields of its frame header replaced: marker, precision, height, width, components."""
    at = next(content.index(bytes([0xFF, code])) for code in (0xC0, 0xC2) if bytes([0xFF, code]) in content)
    fields = dict(
        zip(
            ["marker", "length", "precision", "height", "width", "components"],
            struct.unpack_from(">HHBHHB", content, at),
            strict=True,
        )
    )
    return content[:at] + struct.pack(">HHBHHB", *(fields | changes).values()) + content[at + 10 :]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_size_is_that_of_the_frame_header(mode: str, options: dict[str, object]) -> None:
    read = anatomy(still("JPEG", 45, 31, mode, **options))

    assert (read.width, read.height, read.frames, read.orientation) == (45, 31, 1, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_exif(orientation: int, order: str) -> None:
    exif = makers.exif(orientation, order)
    read = anatomy(jpeg_with(jpeg_segment(APP1, b"Exif\0\0" + exif)))

    assert read.orientation == orientation
    assert read.upright_size == ((40, 30) if orientation < 5 else (30, 40))
    assert read.blocks.exif == exif


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(makers.exif(0), id="0"),
        pytest.param(makers.exif(9), id="9"),
        pytest.param(makers.exif(65535), id="65535"),
        pytest.param(makers.exif(6)[:20], id="cut off within the tag"),
        pytest.param(makers.exif(6)[:6], id="cut off within its header"),
        pytest.param(b"II*\0\xff\xff\xff\xff", id="a directory outside of the block"),
        pytest.param(b"neither II nor MM", id="no TIFF stream"),
        pytest.param(makers.exif(6)[:12] + b"\2" + makers.exif(6)[13:], id="a text"),
        pytest.param(b"", id="empty"),
    ],
)
def test_an_orientation_without_sense_is_upright(exif: bytes) -> None:
    assert anatomy(jpeg_with(jpeg_segment(APP1, b"Exif\0\0" + exif))).orientation == 1


def test_the_first_of_several_exif_blocks_counts() -> None:
    first, second = makers.exif(6), makers.exif(3)
    read = anatomy(jpeg_with(jpeg_segment(APP1, b"Exif\0\0" + first), jpeg_segment(APP1, b"Exif\0\0" + second)))

    assert (read.orientation, read.blocks.exif) == (6, first)
    assert read.blocks.warnings == ("a second EXIF block of 26 bytes is left out",)


def test_metadata_are_found_wherever_they_stand() -> None:
    whole = still(
        "JPEG", exif=b"Exif\0\0" + makers.exif(3), icc_profile=makers.icc_profile(), comment="hello", xmp=b"<x/>"
    )

    blocks = anatomy(whole).blocks

    assert blocks.exif == makers.exif(3)
    assert blocks.icc == makers.icc_profile()
    assert blocks.xmp == (b"<x/>",)
    assert blocks.text == (("Comment", "hello"),)
    assert blocks.warnings == ()


@pytest.mark.parametrize(
    ("raw", "text"),
    [("é".encode(), "é"), ("é".encode("latin-1"), "é"), (b"for C\0", "for C")],
    ids=["UTF-8", "Latin-1", "closed by a zero"],
)
def test_a_comment_is_text_in_the_encoding_that_fits(raw: bytes, text: str) -> None:
    assert anatomy(jpeg_with(jpeg_segment(COM, raw))).blocks.text == (("Comment", text),)


def test_icc_chunks_are_put_together_by_their_number() -> None:
    profile = makers.icc_profile(300)
    read = anatomy(jpeg_with(*(icc_chunk(n, 3, profile[100 * n - 100 : 100 * n]) for n in (2, 3, 1))))

    assert read.blocks.icc == profile
    assert read.blocks.warnings == ()


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([(1, 3), (2, 3)], id="one is missing"),
        pytest.param([(1, 2), (1, 2)], id="one is there twice"),
        pytest.param([(0, 2), (1, 2)], id="counted from 0"),
        pytest.param([(0, 1)], id="a single one counted from 0"),
        pytest.param([(2, 1)], id="beyond the count"),
        pytest.param([(1, 2), (2, 3)], id="counts that differ"),
        pytest.param([(1, 0)], id="of none"),
    ],
)
def test_a_profile_with_wrong_numbers_is_not_applied(numbers: list[tuple[int, int]]) -> None:
    profile = makers.icc_profile(200 * len(numbers))
    pieces = (profile[200 * index : 200 * index + 200] for index in range(len(numbers)))

    read = anatomy(jpeg_with(*(icc_chunk(*number, piece) for number, piece in zip(numbers, pieces, strict=True))))

    assert (read.profile, read.colour) == (None, None)
    assert read.blocks.icc is not None
    assert read.blocks.warnings == (
        f"the ICC profile is not applied, as in browsers: its {len(numbers)} chunks are numbered wrongly",
    )


def test_what_follows_a_profile_of_one_chunk_does_not_count() -> None:
    read = anatomy(jpeg_with(*(icc_chunk(1, 1, makers.icc_profile(length)) for length in (200, 300))))

    assert read.colour == makers.icc_profile(200)
    assert read.blocks.warnings == ()


def test_a_profile_that_is_shorter_than_it_says_is_not_applied() -> None:
    read = anatomy(jpeg_with(icc_chunk(1, 1, makers.icc_profile(300)[:200])))

    assert read.colour is None
    assert read.blocks.warnings == (
        "the ICC profile is not applied, as in browsers: it claims to have 300 bytes, and has 200",
    )


def test_iptc_is_taken_out_of_photoshop_resources_across_segments() -> None:
    iptc = bytes([0x1C, 2, 120, 0, 3]) + b"abc"
    resources = makers.photoshop(iptc)
    halves = resources[:30], resources[30:]
    read = anatomy(jpeg_with(*(jpeg_segment(APP13, b"Photoshop 3.0\0" + half) for half in halves)))

    assert read.blocks.iptc == iptc
    assert read.blocks.warnings == ()


def test_iptc_that_is_cut_off_is_a_warning() -> None:
    resources = makers.photoshop(b"\x1c" * 100)
    cut = resources[: resources.index(b"\x1c") + 48]
    blocks = anatomy(jpeg_with(jpeg_segment(APP13, b"Photoshop 3.0\0" + cut))).blocks

    assert blocks.iptc == b"\x1c" * 48
    assert blocks.warnings == ("IPTC block of 100 bytes is cut short after 48",)


@pytest.mark.parametrize(
    ("resources", "warnings"),
    [
        pytest.param(b"8BIM\4\5\0\0\0\0\0\0" * 1001, ("Photoshop resources are damaged: no end found",), id="many"),
        pytest.param(b"8BIM\4\5\0\0\0", ("Photoshop resources are damaged: no end found",), id="no length"),
        pytest.param(b"x" * 20, ("Photoshop resources are damaged at byte 0 of 20",), id="no resource"),
        pytest.param(b"8BIM\4\5\0\0\0\0\0\0" + bytes(20), (), id="filled up with zeros"),
        pytest.param(b"MeSa\4\4\0\0\0\0\0\0", (), id="IPTC of no bytes"),
    ],
)
def test_photoshop_resources_without_iptc_are_no_iptc(resources: bytes, warnings: tuple[str, ...]) -> None:
    blocks = anatomy(jpeg_with(jpeg_segment(APP13, b"Photoshop 3.0\0" + resources))).blocks

    assert (blocks.iptc, blocks.warnings) == (None, warnings)


def test_extended_xmp_is_put_together_after_the_main_packet() -> None:
    main = b'<x xmpNote:HasExtendedXMP="%s"/>' % GUID
    read = anatomy(
        jpeg_with(
            extended_xmp(GUID, 6, b" world"),
            jpeg_segment(APP1, XMP + main),
            extended_xmp(GUID, 0, b"hello,"),
        )
    )

    assert read.blocks.xmp == (main, b"hello, world")
    assert read.blocks.warnings == ()


@pytest.mark.parametrize(
    ("main", "pieces", "warning"),
    [
        pytest.param(b"<x/>", [0], "no XMP packet names it", id="named nowhere"),
        pytest.param(b"<x HasExtendedXMP='%s'/>" % GUID, [0, 9], "pieces of it are missing", id="a gap"),
        pytest.param(b"<HasExtendedXMP>%s</x>" % GUID, [0, 0], "pieces of it are missing", id="a piece twice"),
    ],
)
def test_extended_xmp_that_does_not_fit_together_is_a_warning(main: bytes, pieces: list[int], warning: str) -> None:
    segments = [extended_xmp(GUID, at, b"piece") for at in pieces]
    blocks = anatomy(jpeg_with(jpeg_segment(APP1, XMP + main), *segments)).blocks

    assert blocks.xmp == (main,)
    assert warning in blocks.warnings[0]


def test_what_follows_the_picture_is_not_looked_at() -> None:
    picture = still("JPEG")
    behind = picture + b"\0" * 100 + jpeg_segment(COM, b"not mine") + b"\xff\xd8\xff cut off"

    assert anatomy(picture + behind) == anatomy(picture)


def test_a_multi_picture_file_is_its_first_picture() -> None:
    content = io.BytesIO()
    makers.picture().save(content, "MPO", save_all=True, append_images=[makers.picture(20, 10)])

    read = anatomy(content.getvalue())

    assert (read.format.name, read.width, read.height, read.frames) == ("JPEG", 40, 30, 1)


def test_stray_and_fill_bytes_between_segments_are_skipped() -> None:
    comment = jpeg_segment(COM, b"hello")

    assert anatomy(jpeg_with(comment, b"\0\0stray\xff\0", b"\xff\xff\xff" + comment)).blocks.text == (
        ("Comment", "hello"),
        ("Comment", "hello"),
    )


def test_a_marker_may_lie_across_two_reads() -> None:
    comment = jpeg_segment(COM, b"")
    for stray in range(WINDOW_BYTES - 10, WINDOW_BYTES):
        padded = jpeg_with(comment + bytes(stray))

        assert anatomy(padded).width == 40


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param(0xC3, id="lossless"),
        pytest.param(0xCB, id="lossless, arithmetic"),
        pytest.param(0xCD, id="differential, arithmetic"),
        pytest.param(0xDE, id="hierarchical"),
    ],
)
def test_a_coding_that_browsers_do_not_show_is_not_supported(marker: int) -> None:
    with pytest.raises(UnsupportedFormat, match=f"marker FF {marker:02X}"):
        anatomy(with_frame(still("JPEG"), marker=0xFF00 | marker))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        pytest.param({"precision": 12}, UnsupportedFormat, "12 bits per sample", id="12 bits"),
        pytest.param({"components": 2}, UnsupportedFormat, "2 colour components", id="two components"),
        pytest.param({"width": 0}, BrokenImage, "0 × 30 pixels", id="no width"),
        pytest.param({"height": 0}, BrokenImage, "40 × 0 pixels", id="no height (DNL)"),
        pytest.param(
            {"components": 4}, BrokenImage, "frame header at byte", id="more components than the header holds"
        ),
        pytest.param({"length": 9}, BrokenImage, "frame header at byte", id="a frame header cut short"),
    ],
)
def test_a_frame_that_no_decoder_takes_is_refused(changes: dict[str, int], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        anatomy(with_frame(still("JPEG"), **changes))


def test_a_picture_without_data_for_its_pixels_is_not_whole() -> None:
    flood = with_frame(still("JPEG"), width=9000, height=9000)

    with pytest.raises(BrokenImage, match="its pixels need 237,"):
        anatomy(flood)


def test_the_size_is_checked_before_the_rest() -> None:
    flood = with_frame(still("JPEG"), width=60_000, height=60_000)
    header_only = flood[: flood.index(b"\xff\xda")]

    with pytest.raises(TooManyPixels) as refused:
        anatomy(header_only, Bounds(max_pixels=50_000_000))

    assert str(refused.value) == "3,600 megapixels, the limit is 50"


def test_colours_that_never_come_are_missed() -> None:
    """A progressive picture whose scans end after the first component."""
    content = still("JPEG", progressive=True)
    first_scan = content.index(b"\xff\xda")
    one_component = b"\xff\xda\0\x08\1\1\0\0\0\1" + bytes(40)

    with pytest.raises(BrokenImage, match="before all of its colour components"):
        anatomy(content[:first_scan] + one_component + b"\xff\xd9")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"\xff\xd8\xff\xd9", "without a picture", id="no frame"),
        pytest.param(b"\xff\xd8\xff\xda\0\x08\1\1\0\0\0\1", "before the frame header", id="a scan before the frame"),
        pytest.param(jpeg_with(b"\xff\xd8"), "unexpected marker FF D8", id="a second start"),
        pytest.param(jpeg_with(b"\xff\x02\0\2"), "unexpected marker FF 02", id="a reserved marker"),
        pytest.param(jpeg_with(b"\xff\xfe\0\1"), "claims a length of 1", id="a segment that is too short"),
        pytest.param(still("JPEG")[:-40], "within the scan", id="no end"),
        pytest.param(still("JPEG")[:-40] + still("JPEG"), "unexpected marker FF D8", id="another picture within"),
    ],
)
def test_a_broken_structure_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


def test_a_scan_of_unknown_components_is_refused() -> None:
    content = bytearray(still("JPEG"))
    content[content.index(b"\xff\xda") + 5] = 99

    with pytest.raises(BrokenImage, match="components that the frame does not have"):
        anatomy(bytes(content))


def test_components_may_share_their_identifier() -> None:
    """As in the files of some cameras, which decoders take."""
    content = bytearray(still("JPEG"))
    frame, scan = content.index(b"\xff\xc0") + 10, content.index(b"\xff\xda") + 5
    content[frame : frame + 9 : 3] = content[scan : scan + 6 : 2] = b"\1\1\1"

    with Image.open(io.BytesIO(content)) as image:
        image.load()
    assert anatomy(bytes(content)).width == 40


def test_segments_without_end_are_refused() -> None:
    with pytest.raises(BrokenImage, match="more than 20,000 segments"):
        anatomy(jpeg_with(jpeg_segment(COM, b"") * 20_001))


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        pytest.param(jpeg_segment(0xC0, bytes(2000)), "is 2,000 bytes long", id="a header of any length"),
        pytest.param(jpeg_segment(0xC0, bytes(5)), "is 5 bytes long", id="a frame header of a few bytes"),
        pytest.param(jpeg_segment(0xC0, b"\x08\0\1\0\1\1\1\x01\0"), "sampling factors", id="a sampling factor of 0"),
        pytest.param(
            jpeg_segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0") * 2, "a second frame header", id="two frame headers"
        ),
    ],
)
def test_a_damaged_header_is_refused(segment: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(b"\xff\xd8" + segment)


def test_scans_without_end_are_refused() -> None:
    content = still("JPEG", progressive=True)
    end = content.index(b"\xff\xd9")
    refinement = b"\xff\xda\0\x08\1\1\0\1\x3f\0" + b"\0"

    assert anatomy(content[:end] + refinement * 80 + content[end:]).width == 40
    with pytest.raises(BrokenImage, match="more than 100 scans"):
        anatomy(content[:end] + refinement * 100 + content[end:])


def photoshop_segment(*resources: bytes) -> bytes:
    return jpeg_segment(APP13, b"Photoshop 3.0\0" + b"".join(resources))


def test_exif_in_a_photoshop_resource_counts_where_there_is_no_other() -> None:
    stream = makers.exif(6)
    resource = photoshop_segment(makers.photoshop_resource(0x0422, b"Exif\0\0" + stream))

    # No viewer turns a picture by it.
    read = anatomy(jpeg_with(resource))
    assert (read.blocks.exif, read.orientation) == (stream, 1)
    bare = anatomy(jpeg_with(photoshop_segment(makers.photoshop_resource(0x0422, stream))))
    assert bare.blocks.exif == stream


@pytest.mark.parametrize("first", [True, False], ids=["before it", "behind it"])
def test_exif_in_a_photoshop_resource_gives_way_to_exif_of_its_own(first: bool) -> None:
    resource = photoshop_segment(makers.photoshop_resource(0x0422, makers.exif(6)))
    segments = [jpeg_segment(APP1, b"Exif\0\0" + makers.exif(3)), resource]

    read = anatomy(jpeg_with(*(segments if first else segments[::-1])))

    assert (read.blocks.exif, read.orientation, read.blocks.warnings) == (makers.exif(3), 3, ())


def test_iptc_in_several_photoshop_resources_is_joined() -> None:
    first, second = b"\x1c\2\x6e\0\1a", b"\x1c\2\x50\0\1b"
    resources = [makers.photoshop_resource(0x0404, piece) for piece in (first, b"", second)]

    assert anatomy(jpeg_with(photoshop_segment(*resources))).blocks.iptc == first + second
    assert anatomy(jpeg_with(*map(photoshop_segment, resources))).blocks.iptc == first + second
