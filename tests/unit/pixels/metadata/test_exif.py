"""What is read of a TIFF stream."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import (
    ASCII,
    BYTE,
    DOUBLE,
    EXIF,
    FLOAT,
    GPS,
    IFD,
    INTEROP,
    LONG,
    RATIONAL,
    SBYTE,
    SHORT,
    SLONG,
    SRATIONAL,
    SSHORT,
    SUB_IFDS,
    UNDEFINED,
    UTF_8,
    Value,
    entry,
    pointer,
    rationals,
    raw_tiff,
    text,
    tiff,
)
from vignette.pixels.metadata import exif
from vignette.pixels.metadata.exif import MAX_DEPTH, MAX_DIRECTORIES, MAX_ENTRIES
from vignette.pixels.metadata.exif_values import MAX_LIST_NUMBERS, MAX_LISTED_BYTES, MAX_LISTED_NUMBERS
from vignette.pixels.metadata.remarks import Remarks

ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])

UNKNOWN_TAG = 0xC123


def read(stream: bytes) -> dict[str, dict[str, Any]]:
    """The directories of a stream that has no faults."""
    remarks = Remarks()
    directories = exif.read(stream, remarks).directories
    assert remarks.as_list() == []
    return directories


def read_with_remarks(stream: bytes) -> tuple[dict[str, dict[str, Any]], list[str]]:
    remarks = Remarks()
    return exif.read(stream, remarks).directories, remarks.as_list()


def rational(numerator: int, denominator: int, value: float | None) -> dict[str, Any]:
    return {"type": "rational", "numerator": numerator, "denominator": denominator, "value": value}


def binary(content: bytes) -> dict[str, Any]:
    return {"type": "bytes", "length": len(content), "base64": base64.b64encode(content).decode()}


@ORDERS
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Value(BYTE, 200), 200, id="BYTE"),
        pytest.param(Value(BYTE, [2, 3, 0, 0]), [2, 3, 0, 0], id="BYTE, several"),
        pytest.param(Value(ASCII, b"words\0"), "words", id="ASCII"),
        pytest.param(Value(SHORT, 65535), 65535, id="SHORT"),
        pytest.param(Value(SHORT, [1, 2, 3]), [1, 2, 3], id="SHORT, several"),
        pytest.param(Value(LONG, 4294967295), 4294967295, id="LONG"),
        pytest.param(Value(RATIONAL, [(11, 5)]), rational(11, 5, 2.2), id="RATIONAL"),
        pytest.param(Value(SBYTE, [-1, 1]), [-1, 1], id="SBYTE"),
        pytest.param(Value(UNDEFINED, b"\0\xff"), binary(b"\0\xff"), id="UNDEFINED"),
        pytest.param(Value(SSHORT, -2), -2, id="SSHORT"),
        pytest.param(Value(SLONG, -70000), -70000, id="SLONG"),
        pytest.param(Value(SRATIONAL, [(-1, 4)]), rational(-1, 4, -0.25), id="SRATIONAL"),
        pytest.param(Value(FLOAT, 0.5), 0.5, id="FLOAT"),
        pytest.param(Value(DOUBLE, [0.1, -2.5]), [0.1, -2.5], id="DOUBLE"),
        pytest.param(Value(IFD, 8), 8, id="IFD"),
        pytest.param(Value(UTF_8, "Zürich".encode() + b"\0"), "Zürich", id="UTF-8"),
        pytest.param(Value(SHORT, []), [], id="no value"),
        pytest.param(Value(ASCII, b""), "", id="no text"),
        pytest.param(Value(BYTE, [7] * MAX_LISTED_BYTES), [7] * MAX_LISTED_BYTES, id="BYTE, the longest list"),
        pytest.param(Value(BYTE, [7] * (MAX_LISTED_BYTES + 1)), binary(b"\7" * 65), id="BYTE, longer"),
    ],
)
def test_every_type_is_read_in_both_byte_orders(order, value, expected):
    stream = tiff({UNKNOWN_TAG: value}, order=order)

    assert read(stream) == {"IFD0": {"0xC123": expected}}


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        pytest.param((1, 0), rational(1, 0, None), id="infinite"),
        pytest.param((0, 0), rational(0, 0, None), id="undefined"),
        pytest.param((0, 7), rational(0, 7, 0.0), id="zero"),
        pytest.param((0xFFFFFFFF, 1), rational(0xFFFFFFFF, 1, 4294967295.0), id="largest"),
    ],
)
def test_a_rational_keeps_both_numbers(pair, expected):
    stream = tiff({EXIF: pointer({0x9206: rationals(pair)})})

    assert read(stream)["Exif"]["SubjectDistance"] == expected


@pytest.mark.parametrize(
    ("number", "name"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")]
)
def test_a_float_that_json_lacks_is_named(number, name):
    stream = tiff({UNKNOWN_TAG: Value(DOUBLE, number)})

    assert read(stream)["IFD0"]["0xC123"] == {"type": "float", "value": None, "text": name}


@ORDERS
def test_all_directories_are_read_under_their_names(order):
    stream = tiff(
        {
            0x010F: text("Maker"),
            EXIF: pointer({0x829D: rationals((11, 5)), INTEROP: pointer({0x0001: text("R98")})}),
            GPS: pointer({0x0001: text("N")}),
            SUB_IFDS: pointer({0x0100: Value(LONG, 100)}, {0x0100: Value(LONG, 200)}),
        },
        {0x0103: Value(SHORT, 6)},
        {0x0103: Value(SHORT, 7), EXIF: pointer({0x8827: Value(SHORT, 50)})},
        order=order,
    )

    assert read(stream) == {
        "IFD0": {"Make": "Maker"},
        "Exif": {"FNumber": rational(11, 5, 2.2)},
        "Interop": {"InteroperabilityIndex": "R98"},
        "GPS": {"GPSLatitudeRef": "N"},
        "SubIFD0": {"ImageWidth": 100},
        "SubIFD1": {"ImageWidth": 200},
        "IFD1": {"Compression": 6},
        "IFD2": {"Compression": 7},
        "IFD2/Exif": {"PhotographicSensitivity": 50},
    }


def test_the_same_number_means_another_tag_in_each_numbering():
    one = {0x0001: text("1"), 0x0002: text("2")}

    stream = tiff({**one, GPS: pointer(one), EXIF: pointer({INTEROP: pointer(one)})})

    assert read(stream) == {
        "IFD0": {"0x0001": "1", "0x0002": "2"},
        "GPS": {"GPSLatitudeRef": "1", "GPSLatitude": "2"},
        "Interop": {"InteroperabilityIndex": "1", "InteroperabilityVersion": "2"},
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"Canon\0", "Canon", id="with its NUL"),
        pytest.param(b"Canon", "Canon", id="without"),
        pytest.param(b"Canon\0rubbish", "Canon", id="with rubbish behind"),
        pytest.param("Žofie".encode(), "Žofie", id="UTF-8"),
        pytest.param(b"Z\xfcrich\0", "Zürich", id="Latin-1"),
        pytest.param(b"padded   \0", "padded   ", id="padded"),
        pytest.param(b"\0\0\0\0\0\0", "", id="NULs only"),
    ],
)
def test_ascii_is_the_text_up_to_the_nul(raw, expected):
    stream = tiff({0x010F: Value(ASCII, raw)})

    assert read(stream)["IFD0"]["Make"] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"One\0", "One", id="photographer"),
        pytest.param(b"One\0Two\0", ["One", "Two"], id="photographer and editor"),
        pytest.param(b" \0Two\0", [" ", "Two"], id="editor"),
    ],
)
def test_copyright_may_hold_two_texts(raw, expected):
    stream = tiff({0x8298: Value(ASCII, raw)})

    assert read(stream)["IFD0"]["Copyright"] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("2018:07:16 17:52:22", "2018-07-16T17:52:22", id="as specified"),
        pytest.param("2018-07-16 17:52:22", "2018-07-16T17:52:22", id="with hyphens"),
        pytest.param("2018:07:16 17:52:22+02:00", "2018-07-16T17:52:22+02:00", id="with an offset"),
        pytest.param("2018:07:16 17:52:22.25", "2018-07-16T17:52:22.25", id="with a fraction"),
        pytest.param("2018:07:16 24:00:00", "2018-07-16", id="with a time that no day has"),
    ],
)
def test_a_date_and_time_is_typed_and_keeps_its_text(written, expected):
    stream = tiff({0x0132: text(written)})

    assert read(stream)["IFD0"]["DateTime"] == {"type": "datetime", "value": expected, "text": written}


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2018:02:30 10:00:00", "soon", ""])
def test_a_date_that_is_none_stays_text(written):
    stream = tiff({0x0132: text(written)})

    assert read(stream)["IFD0"]["DateTime"] == written


@ORDERS
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"ASCII\0\0\0Hello\0\0", "Hello", id="ASCII"),
        pytest.param(b"ASCII\0\0\0" + b"   ", "   ", id="ASCII, blank"),
        pytest.param(b"ASCII\0\0\0Z\xfcrich", "Zürich", id="ASCII that is Latin-1"),
        pytest.param(b"JIS\0\0\0\0\0" + "日本".encode("iso2022_jp"), "日本", id="JIS"),
        pytest.param(b"JIS\0\0\0\0\0" + "日本".encode("shift_jis"), "日本", id="JIS that is Shift JIS"),
        pytest.param(b"JIS\0\0\0\0\0\x80\x80", binary(b"\x80\x80"), id="JIS that is none"),
        pytest.param(b"UNICODE\0" + "Grüße".encode("utf-16-le"), "Grüße", id="UTF-16LE in any stream"),
        pytest.param(b"UNICODE\0" + "Grüße".encode("utf-16-be"), "Grüße", id="UTF-16BE in any stream"),
        pytest.param(b"UNICODE\0" + "Grüße".encode("utf-16"), "Grüße", id="UTF-16 with a mark"),
        pytest.param(b"\0" * 8 + b"Hello\0", "Hello", id="no code, text"),
        pytest.param(b"\0" * 8 + b"\x01\x02\xff", binary(b"\0" * 8 + b"\x01\x02\xff"), id="no code, no text"),
        pytest.param(b"Hello, world\0", "Hello, world", id="the code forgotten"),
        pytest.param(b"\0" * 8, "", id="nothing behind the code"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_a_user_comment_is_decoded_by_its_character_code(order, raw, expected):
    stream = tiff({EXIF: pointer({0x9286: Value(UNDEFINED, raw)})}, order=order)

    assert read(stream)["Exif"]["UserComment"] == expected


@ORDERS
def test_a_user_comment_without_western_letters_follows_the_byte_order_of_the_stream(order):
    raw = b"UNICODE\0" + "日本".encode("utf-16-le" if order == "<" else "utf-16-be")

    stream = tiff({EXIF: pointer({0x9286: Value(UNDEFINED, raw)})}, order=order)

    assert read(stream)["Exif"]["UserComment"] == "日本"


@pytest.mark.parametrize("type_code", [UNDEFINED, ASCII, BYTE], ids=["UNDEFINED", "ASCII", "BYTE"])
def test_the_processing_method_of_gps_is_decoded_whatever_its_type(type_code):
    stream = tiff({GPS: pointer({0x001B: Value(type_code, b"ASCII\0\0\0NETWORK")})})

    assert read(stream)["GPS"]["GPSProcessingMethod"] == "NETWORK"


@pytest.mark.parametrize("type_code", [UNDEFINED, ASCII, BYTE], ids=["UNDEFINED", "ASCII", "BYTE"])
def test_versions_are_text_whatever_their_type(type_code):
    version = Value(type_code, b"0232")

    stream = tiff({EXIF: pointer({0x9000: version, 0xA000: version, INTEROP: pointer({0x0002: version})})})

    assert read(stream) == {
        "Exif": {"ExifVersion": "0232", "FlashpixVersion": "0232"},
        "Interop": {"InteroperabilityVersion": "0232"},
    }


def test_windows_texts_are_utf_16():
    titles = {tag: Value(BYTE, list("Käse\0".encode("utf-16-le"))) for tag in range(0x9C9B, 0x9CA0)}

    assert read(tiff(titles))["IFD0"] == dict.fromkeys(
        ["XPTitle", "XPComment", "XPAuthor", "XPKeywords", "XPSubject"], "Käse"
    )


def test_codes_of_one_byte_are_numbers():
    stream = tiff({EXIF: pointer({0xA300: Value(UNDEFINED, b"\3"), 0xA301: Value(UNDEFINED, b"\1")})})

    assert read(stream)["Exif"] == {"FileSource": 3, "SceneType": 1}


def test_texts_written_as_bytes_are_texts():
    stream = tiff({0x010F: Value(BYTE, list(b"Maker\0")), 0x0110: Value(UNDEFINED, b"Model\0")})

    assert read(stream)["IFD0"] == {"Make": "Maker", "Model": "Model"}


def test_a_number_written_as_text_is_kept_as_it_is():
    stream = tiff({EXIF: pointer({0xA002: text("4032")})})

    assert read(stream)["Exif"]["PixelXDimension"] == "4032"


@pytest.mark.parametrize("type_code", [UNDEFINED, BYTE, ASCII], ids=["UNDEFINED", "BYTE", "ASCII"])
def test_a_maker_note_is_kept_byte_for_byte(type_code):
    note = bytes(range(256)) * 4

    stream = tiff({EXIF: pointer({0x927C: Value(type_code, note)})})

    assert base64.b64decode(read(stream)["Exif"]["MakerNote"]["base64"]) == note


def test_the_thumbnail_of_ifd1_is_kept():
    jpeg = b"\xff\xd8 a little picture \xff\xd9"
    empty = tiff({}, {0x0201: Value(LONG, 0), 0x0202: Value(LONG, len(jpeg))})

    stream = tiff({}, {0x0201: Value(LONG, len(empty)), 0x0202: Value(LONG, len(jpeg))}) + jpeg

    assert read(stream)["IFD1"] == {
        "JPEGInterchangeFormat": len(empty),
        "JPEGInterchangeFormatLength": len(jpeg),
        "ThumbnailImage": binary(jpeg),
    }


def test_a_thumbnail_that_lies_outside_is_told():
    stream = tiff({}, {0x0201: Value(LONG, 10), 0x0202: Value(LONG, 5000)})

    directories, remarks = read_with_remarks(stream)

    assert "ThumbnailImage" not in directories["IFD1"]
    assert remarks == ["EXIF: IFD1: ThumbnailImage lies outside of the block: 5000 bytes at 10"]


def test_the_jpeg_of_ifd0_is_the_picture_and_not_copied():
    stream = tiff({0x0201: Value(LONG, 8), 0x0202: Value(LONG, 4)})

    assert "ThumbnailImage" not in read(stream)["IFD0"]


def test_a_repeated_tag_keeps_all_its_values():
    stream = tiff([(0x010F, text("First")), (0x010F, text("Second")), (0x010F, text("First")), (0x010F, text("Third"))])

    directories, remarks = read_with_remarks(stream)

    assert directories["IFD0"] == {"Make": "First", "Make#2": "Second", "Make#3": "Third"}
    assert remarks == ["EXIF: IFD0 holds Make more than once"]


def test_a_long_table_is_packed_and_loses_nothing():
    numbers = list(range(MAX_LIST_NUMBERS + 1))

    offsets = read(tiff({0x0111: Value(SHORT, numbers)}, order=">"))["IFD0"]["StripOffsets"]

    raw = base64.b64decode(offsets.pop("base64"))
    assert offsets == {"type": "packed", "element": "SHORT", "count": len(numbers), "byte_order": "big"}
    assert list(struct.unpack(f">{len(numbers)}H", raw)) == numbers


def test_many_tables_are_packed_from_a_number_on():
    table = Value(SHORT, [1] * MAX_LIST_NUMBERS)
    tables = MAX_LISTED_NUMBERS // MAX_LIST_NUMBERS

    values = list(read(tiff({0xC100 + number: table for number in range(tables + 1)}))["IFD0"].values())

    assert all(isinstance(value, list) for value in values[:tables])
    assert values[tables]["type"] == "packed"


@pytest.mark.parametrize(
    ("stream", "remark"),
    [
        pytest.param(b"", "EXIF: this is no TIFF stream", id="nothing"),
        pytest.param(b"II*\0", "EXIF: this is no TIFF stream", id="half a header"),
        pytest.param(b"Exif\0\0II*\0\x08\0\0\0", "EXIF: this is no TIFF stream", id="JPEG's prefix left on it"),
        pytest.param(b"II*\0\0\0\0\0", "EXIF: IFD0 lies outside of the block, at 0", id="no directory"),
        pytest.param(b"II*\0\xff\xff\xff\xff", "EXIF: IFD0 lies outside of the block, at 4294967295", id="far off"),
    ],
)
def test_what_is_no_stream_is_told(stream, remark):
    assert read_with_remarks(stream) == ({}, [remark])


def test_another_version_in_the_header_is_told_and_read_all_the_same():
    stream = tiff({0x010F: text("Maker")}).replace(b"II*\0", b"IIU\0")

    assert read_with_remarks(stream) == (
        {"IFD0": {"Make": "Maker"}},
        ["EXIF: the version in the header is 85, not 42"],
    )


def test_a_value_outside_of_the_block_is_told_and_the_others_are_read():
    stream = raw_tiff(entry(0x010F, ASCII, 100, 5000), entry(0x0112, SHORT, 1, 6), entry(0x0110, ASCII, 9, 4294967295))

    assert read_with_remarks(stream) == (
        {"IFD0": {"Orientation": 6}},
        [
            "EXIF: IFD0: Make lies outside of the block: 100 bytes at 5000",
            "EXIF: IFD0: Model lies outside of the block: 9 bytes at 4294967295",
        ],
    )


def test_a_count_of_four_billion_costs_nothing():
    stream = raw_tiff(entry(0x0111, DOUBLE, 4294967295, 8), entry(0x0112, SHORT, 1, 6))

    assert read_with_remarks(stream) == (
        {"IFD0": {"Orientation": 6}},
        ["EXIF: IFD0: StripOffsets lies outside of the block: 34359738360 bytes at 8"],
    )


@pytest.mark.parametrize("type_code", [0, 14, 99, 65535])
def test_an_unknown_type_is_told_and_the_others_are_read(type_code):
    stream = raw_tiff(entry(0x010F, type_code, 1, 0), entry(0x0112, SHORT, 1, 6))

    assert read_with_remarks(stream) == (
        {"IFD0": {"Orientation": 6}},
        [f"EXIF: IFD0: Make has the unknown type {type_code}"],
    )


def test_a_directory_that_is_cut_off_is_read_as_far_as_it_goes():
    whole = raw_tiff(entry(0x0112, SHORT, 1, 6), entry(0x0128, SHORT, 1, 2))

    assert read_with_remarks(whole[: 8 + 2 + 12 + 5]) == (
        {"IFD0": {"Orientation": 6}},
        ["EXIF: IFD0 is cut off: 1 of 2 entries are there"],
    )


def test_a_missing_pointer_at_the_end_is_no_fault():
    stream = raw_tiff(entry(0x0112, SHORT, 1, 6))[:-4]

    assert read(stream) == {"IFD0": {"Orientation": 6}}


@pytest.mark.parametrize("tag", [EXIF, GPS, INTEROP, SUB_IFDS])
def test_a_directory_that_points_at_itself_is_read_once(tag):
    stream = raw_tiff(entry(tag, LONG, 1, 8), entry(0x0112, SHORT, 1, 6), next_offset=8)

    directories, remarks = read_with_remarks(stream)

    assert directories == {"IFD0": {"Orientation": 6}}
    assert "EXIF: IFD1 is a directory that was read before" in remarks


def test_a_pointer_outside_of_the_block_is_told_and_kept():
    stream = raw_tiff(entry(EXIF, LONG, 1, 5000), entry(0x0112, SHORT, 1, 6))

    assert read_with_remarks(stream) == (
        {"IFD0": {"ExifIFDPointer": 5000, "Orientation": 6}},
        ["EXIF: IFD0: ExifIFDPointer points outside of the block"],
    )


def test_two_exif_directories_are_both_read():
    stream = tiff([(EXIF, pointer({0x8827: Value(SHORT, 50)})), (EXIF, pointer({0x8827: Value(SHORT, 100)}))])

    assert read(stream) == {"Exif": {"PhotographicSensitivity": 50}, "Exif#2": {"PhotographicSensitivity": 100}}


def test_directories_within_directories_are_read_to_a_depth():
    directory: dict[int, Value] = {0x0100: Value(LONG, 1)}
    for _ in range(MAX_DEPTH + 1):
        directory = {SUB_IFDS: pointer(directory)}

    directories, remarks = read_with_remarks(tiff(directory))

    assert len(directories) == 1
    assert "deep" in remarks[0]


def test_a_chain_of_directories_is_read_to_a_number():
    page = {0x0100: Value(LONG, 1)}

    directories, remarks = read_with_remarks(tiff(*[page] * (MAX_DIRECTORIES + 10)))

    assert len(directories) == MAX_DIRECTORIES
    assert remarks == [f"EXIF: only the first {MAX_DIRECTORIES} directories are read"]


def test_entries_are_read_to_a_number():
    stream = raw_tiff(*(entry(tag, SHORT, 1, tag) for tag in range(65535)))

    directories, remarks = read_with_remarks(stream)

    assert sum(map(len, directories.values())) <= MAX_ENTRIES
    assert f"EXIF: IFD0: only the first {MAX_ENTRIES} entries of the block are read" in remarks


def test_values_that_overlap_are_copied_to_the_length_of_the_block():
    length = 200_000
    stream = raw_tiff(*(entry(0xC000 + number, UNDEFINED, length, 8) for number in range(500)), behind=bytes(length))

    directories, remarks = read_with_remarks(stream)

    kept = [value for value in directories["IFD0"].values() if "base64" in value]
    assert sum(value["length"] for value in kept) < len(stream) + 100_000
    assert directories["IFD0"]["0xC001"] == {"type": "bytes", "length": length}
    assert any(remark.startswith("EXIF: IFD0: 0xC001 is left out: together") for remark in remarks)


def test_of_a_million_faults_the_first_ones_are_told():
    stream = raw_tiff(*(entry(tag, 99, 1, 0) for tag in range(5000)))

    _, remarks = read_with_remarks(stream)

    assert len(remarks) == 101
    assert remarks[-1] == "… and 4900 more"
