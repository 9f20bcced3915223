"""A description as text for people."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pixels.metadata.makers import (
    EXIF,
    GPS,
    SHORT,
    UNDEFINED,
    Value,
    dataset,
    pointer,
    rationals,
    text,
    tiff,
    xmp,
)
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.metadata import Group, as_groups, as_text, describe
from vignette.pixels.metadata.text import MAX_ENTRIES, MAX_ITEMS, MAX_VALUE_CHARS


def test_a_file_without_metadata_says_so():
    assert as_text({}) == "This file holds no metadata.\n"
    assert as_groups({}) == []


def test_the_text_has_groups_and_columns():
    stream = tiff(
        {
            0x010F: text("Nikon"),
            0x010E: text("Two\r\nlines"),
            EXIF: pointer({0x829A: rationals((1, 160)), 0x927C: Value(UNDEFINED, bytes(60_000))}),
        }
    )

    assert as_text(describe(MetadataBlocks(exif=stream, text=(("Comment", "Hi"),), warnings=("odd",)))) == (
        "Summary\n"
        "-------\n"
        "Camera make    Nikon\n"
        "Exposure time  1/160 s\n"
        "Description    Two\n"
        "               lines\n"
        "\n"
        "What the file reveals\n"
        "---------------------\n"
        "Maker's notes  MakerNote: (60,000 bytes)\n"
        "Comments       ImageDescription: Two\n"
        "               lines\n"
        "               Comment: Hi\n"
        "\n"
        "EXIF: IFD0\n"
        "----------\n"
        "Make              Nikon\n"
        "ImageDescription  Two\n"
        "                  lines\n"
        "\n"
        "EXIF: Exif\n"
        "----------\n"
        "ExposureTime  1/160 s\n"
        "MakerNote     (60,000 bytes)\n"
        "\n"
        "Text\n"
        "----\n"
        "Comment  Hi\n"
        "\n"
        "Warnings\n"
        "--------\n"
        "1  odd\n"
    )


def test_groups_hold_the_entries_of_each_part():
    description = describe(
        MetadataBlocks(
            exif=tiff({0x0112: Value(SHORT, 6), GPS: pointer({1: text("N"), 2: rationals((52, 1), (31, 1), (12, 1))})}),
            xmp=(xmp("", 'xmp:Label="Red"').encode(),),
            iptc=dataset(2, 25, b"one") + dataset(2, 25, b"two") + dataset(2, 55, b"20180716"),
        )
    )

    assert as_groups(description) == [
        Group(
            "Summary",
            [
                ("Orientation", "to be turned by 90° clockwise"),
                ("Taken at", "2018-07-16"),
                ("Keywords", "one, two"),
            ],
        ),
        Group(
            "What the file reveals",
            [
                ("Place", "GPSLatitude: 52° 31′ 12″"),
                ("Time", "DateCreated: 2018-07-16"),
                ("Comments", "Keywords: one, two"),
            ],
        ),
        Group("EXIF: IFD0", [("Orientation", "to be turned by 90° clockwise")]),
        Group("EXIF: GPS", [("GPSLatitudeRef", "N"), ("GPSLatitude", "52° 31′ 12″")]),
        Group("XMP", [("xmp:Label", "Red")]),
        Group("IPTC", [("Keywords", "one, two"), ("DateCreated", "2018-07-16")]),
    ]


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ({"exposure_time_s": 0.008}, ("Exposure time", "1/125 s")),
        ({"f_number": 2.2}, ("Aperture", "f/2.2")),
        ({"iso": 100}, ("ISO", "100")),
        ({"focal_length_mm": 3.46}, ("Focal length", "3.46 mm")),
        ({"latitude": -33.5}, ("Latitude", "33.500000° S")),
        ({"latitude": 33.5}, ("Latitude", "33.500000° N")),
        ({"longitude": -70.25}, ("Longitude", "70.250000° W")),
        ({"longitude": 70.25}, ("Longitude", "70.250000° E")),
        ({"altitude_m": -1.5}, ("Altitude", "-1.5 m")),
        ({"taken_at": "2018-07-16T17:52:22+02:00"}, ("Taken at", "2018-07-16 17:52:22+02:00")),
        ({"keywords": ["a", "b"]}, ("Keywords", "a, b")),
        ({"alt_text": "A statue"}, ("Alternative text", "A statue")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_summary_is_in_words_and_units(summary, expected):
    assert as_groups({"summary": summary}) == [Group("Summary", [expected])]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param(["a", "b"], "a, b", id="list"),
        pytest.param([], "", id="empty list"),
        pytest.param({"x-default": "Sea"}, "Sea", id="one language"),
        pytest.param({"x-default": "Sea", "fr": "Mer"}, "x-default: Sea; fr: Mer", id="languages"),
        pytest.param({"a:b": "1"}, "a:b: 1", id="structure"),
        pytest.param([{"a:b": "1", "a:c": "2"}, {"a:b": "3"}], "a:b: 1; a:c: 2\na:b: 3", id="list of structures"),
        pytest.param({"a:b": {"a:c": ["1", "2"]}}, "a:b: a:c: 1, 2", id="structure of structures"),
        pytest.param({"type": "rational"}, "rational", id="a structure that looks like a value of ours"),
    ],
)
def test_xmp_is_shown_in_few_lines(value, expected):
    assert as_groups({"xmp": {"a:a": value}}) == [Group("XMP", [("a:a", expected)])]


HARMFUL = {
    "NUL": "\0",
    "bell": "\a",
    "escape": "\x1b",
    "delete": "\x7f",
    "C1 control": "\x9b",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "right-to-left mark": "\u200f",
    "Arabic letter mark": "\u061c",
    "line separator": "\u2028",
    "byte order mark": "\ufeff",
    "lone surrogate": "\ud800",
    "tag": "\U000e0041",
}


@pytest.mark.parametrize("character", HARMFUL.values(), ids=HARMFUL)
def test_what_a_terminal_would_obey_is_replaced(character):
    description = {
        "exif": {"IFD" + character: {"Make" + character: f"a{character}b"}},
        "xmp": {"a:b": [f"a{character}b"]},
        "text": [{"keyword": character, "text": character}],
        "warnings": [character],
    }

    shown = as_text(description)

    assert character not in shown
    assert "a\ufffdb" in shown


def test_line_ends_and_tabs_become_plain():
    assert as_groups({"text": [{"keyword": "a\nb", "text": "1\r\n2\r3\n4\t5"}]}) == [
        Group("Text", [("a b", "1\n2\n3\n4 5")])
    ]


def test_a_long_value_is_cut_and_says_so():
    ((_, shown),) = as_groups({"text": [{"keyword": "k", "text": "x" * (MAX_VALUE_CHARS + 1)}]})[0].entries

    assert shown == "x" * MAX_VALUE_CHARS + f"… ({MAX_VALUE_CHARS + 1:,} characters in all)"


def test_a_long_list_is_cut_and_says_so():
    ((_, shown),) = as_groups({"exif": {"IFD0": {"StripOffsets": list(range(MAX_ITEMS + 1))}}})[0].entries

    assert shown.endswith(f"{MAX_ITEMS - 1}, … ({MAX_ITEMS + 1} in all)")


def test_many_entries_are_cut_and_say_so():
    group = as_groups({"xmp": {f"a:{number}": "" for number in range(MAX_ENTRIES + 10)}})[0]

    assert len(group.entries) == MAX_ENTRIES + 1
    assert group.entries[-1] == ("…", "further entries are in the JSON")


def test_many_directories_are_cut_and_say_so():
    groups = as_groups({"exif": {f"IFD{number}": {"Make": ""} for number in range(MAX_ITEMS + 10)}})

    assert len(groups) == MAX_ITEMS + 1
    assert groups[-1] == Group("EXIF: …", [("…", "10 further directories are in the JSON")])


def test_a_description_that_was_stored_reads_the_same():
    description = describe(MetadataBlocks(exif=tiff({EXIF: pointer({0x829A: rationals((1, 160))})})))

    assert as_text(json.loads(json.dumps(description))) == as_text(description)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    exif=st.dictionaries(st.text(max_size=8), st.dictionaries(st.text(max_size=8), VALUES, max_size=4), max_size=3),
    xmp_part=st.dictionaries(st.text(max_size=8), VALUES, max_size=4),
)
def test_text_is_harmless_whatever_the_values(exif, xmp_part):
    shown = as_text({"exif": exif, "xmp": xmp_part})

    assert not {unicodedata.category(character) for character in shown.replace("\n", "")} & {"Cc", "Cs", "Zl", "Zp"}
    assert shown.endswith("\n")
