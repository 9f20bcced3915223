"""Where and when, as plain numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import (
    ASCII,
    BYTE,
    GPS,
    SRATIONAL,
    UNDEFINED,
    Value,
    pointer,
    rationals,
    text,
    tiff,
)
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.metadata import describe
from vignette.pixels.metadata.gps import xmp_position

NORTH = {1: text("N"), 2: rationals((52, 1), (31, 1), (12, 1))}
EAST = {3: text("E"), 4: rationals((13, 1), (24, 1), (18, 1))}


def position(tags: dict[int, Value]) -> dict[str, Any]:
    return describe(MetadataBlocks(exif=tiff({GPS: pointer(tags)}))).get("gps", {})


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        pytest.param(("N", "E"), (52.52, 13.405), id="north east"),
        pytest.param(("S", "E"), (-52.52, 13.405), id="south east"),
        pytest.param(("N", "W"), (52.52, -13.405), id="north west"),
        pytest.param(("s", "w"), (-52.52, -13.405), id="south west, small letters"),
        pytest.param(("North", "East"), (52.52, 13.405), id="words"),
        pytest.param(("South", "West"), (-52.52, -13.405), id="words, south west"),
    ],
)
def test_degrees_carry_the_sign_of_their_reference(references, expected):
    found = position({**NORTH, 1: text(references[0]), **EAST, 3: text(references[1])})

    assert found == {"latitude": expected[0], "longitude": expected[1]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(rationals((52, 1), (31, 1), (12, 1)), 52.52, id="degrees, minutes, seconds"),
        pytest.param(rationals((52, 1), (312, 10), (0, 1)), 52.52, id="decimal minutes"),
        pytest.param(rationals((52, 1), (312, 10), (0, 0)), 52.52, id="seconds unknown"),
        pytest.param(rationals((5252, 100)), 52.52, id="decimal degrees"),
        pytest.param(rationals((0, 1), (0, 1), (0, 1)), 0.0, id="the equator"),
        pytest.param(rationals((90, 1), (0, 1), (0, 1)), 90.0, id="the pole"),
        pytest.param(text("52.52"), 52.52, id="text"),
        pytest.param(text("52,31,12"), 52.52, id="text, with commas"),
        pytest.param(text("52/1 31/1 12/1"), 52.52, id="text, rationals"),
        pytest.param(text("52 deg 31' 12.00\""), 52.52, id="text, with marks"),
        pytest.param(text("52° 31.2′"), 52.52, id="text, decimal minutes"),
    ],
)
def test_every_way_to_write_degrees_is_read(value, expected):
    assert position({**NORTH, 2: value}) == {"latitude": expected}


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({2: NORTH[2]}, id="without a reference"),
        pytest.param({1: NORTH[1]}, id="reference only"),
        pytest.param({**NORTH, 1: text("X")}, id="unknown reference"),
        pytest.param({**NORTH, 1: text("NS")}, id="two references"),
        pytest.param({**NORTH, 2: rationals((0, 0), (0, 0), (0, 0))}, id="degrees unknown"),
        pytest.param({**NORTH, 2: rationals((90, 1), (1, 1), (0, 1))}, id="over the pole"),
        pytest.param({**NORTH, 2: Value(SRATIONAL, [(-5, 1), (0, 1), (0, 1)])}, id="negative"),
        pytest.param({**NORTH, 2: text("fifty-two")}, id="words"),
        pytest.param({**NORTH, 2: text("52,75")}, id="minutes over an hour"),
        pytest.param({2: text("52.52")}, id="text without a reference"),
        pytest.param({**NORTH, 2: rationals()}, id="empty"),
    ],
)
def test_what_cannot_be_computed_is_absent(tags):
    assert position(tags) == {}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [(0, 35.5), (1, -35.5), (2, 35.5), (3, -35.5), (None, 35.5)],
    ids=["above", "below", "above the sea", "below the sea", "unsaid"],
)
def test_altitude_is_negative_below_its_reference(reference, expected):
    references = {} if reference is None else {5: Value(BYTE, reference)}

    assert position({**references, 6: rationals((71, 2))}) == {"altitude": expected}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param(text("0"), 35.5, id="a digit, above"),
        pytest.param(text("1"), -35.5, id="a digit, below"),
        pytest.param(Value(ASCII, b"\1\0"), -35.5, id="a number with the type of text"),
        pytest.param(Value(UNDEFINED, b"\1"), -35.5, id="a number with the type of bytes"),
        pytest.param(Value(BYTE, [0x31, 0]), -35.5, id="a digit with the type of numbers"),
        pytest.param(text("Below Sea Level"), -35.5, id="words, below"),
        pytest.param(text("Above Sea Level"), 35.5, id="words, above"),
    ],
)
def test_the_reference_of_the_altitude_may_be_text(reference, expected):
    assert position({5: reference, 6: rationals((71, 2))}) == {"altitude": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(text("35.5"), -35.5, id="text"),
        pytest.param(text("35.5 m"), -35.5, id="text, with its unit"),
        pytest.param(text("71/2"), -35.5, id="text, a rational"),
        pytest.param(Value(SRATIONAL, [(-71, 2)]), -35.5, id="negative, and below"),
    ],
)
def test_every_way_to_write_an_altitude_is_read(value, expected):
    assert position({5: Value(BYTE, 1), 6: value}) == {"altitude": expected}


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        pytest.param("2018:07:16", ((15, 1), (52, 1), (22, 1)), "2018-07-16T15:52:22Z", id="whole seconds"),
        pytest.param("2018:07:16", ((15, 1), (52, 1), (724, 100)), "2018-07-16T15:52:07.240000Z", id="fraction"),
        pytest.param("2016:12:31", ((23, 1), (59, 1), (60, 1)), "2017-01-01T00:00:00Z", id="leap second"),
        pytest.param("2018:07:16", ((24, 1), (0, 1), (0, 1)), None, id="hour 24"),
        pytest.param("2018:07:16", ((15, 1), (52, 0), (22, 1)), None, id="minutes unknown"),
        pytest.param("2018:07:16", ((15, 1), (52, 1)), None, id="no seconds"),
        pytest.param("2018:99:99", ((15, 1), (52, 1), (22, 1)), None, id="no date"),
        pytest.param("9999:12:31", ((23, 1), (59, 1), (60, 1)), None, id="end of the calendar"),
    ],
)
def test_the_timestamp_is_utc(date, time, expected):
    found = position({0x1D: text(date), 0x07: rationals(*time)})

    assert found.get("timestamp") == expected


def test_a_month_is_no_timestamp():
    assert position({0x1D: text("2018:07:00"), 0x07: rationals((15, 1), (52, 1), (22, 1))}) == {}


def test_a_date_of_another_type_is_no_timestamp():
    assert position({0x1D: rationals((2018, 1)), 0x07: rationals((15, 1), (52, 1), (22, 1))}) == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("38,53.4142N", 38.890236667),
        ("38,53,24.85S", -38.890236111),
        ("0,0.0N", 0.0),
        ("91,0.0N", None),
        ("38,53.4142E", None),
        ("38.89", 38.89),
        ("", None),
        ("1" * 1_000_000, None),
    ],
    ids=["minutes", "seconds", "zero", "over the pole", "wrong letter", "decimal", "empty", "long"],
)
def test_coordinates_of_xmp_are_read(written, expected):
    texts = dict.fromkeys(["GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef", "GPSAltitude", "GPSAltitudeRef"], "")

    assert xmp_position({"GPSLatitude": written, **texts}).get("latitude") == expected
