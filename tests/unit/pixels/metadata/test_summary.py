"""The facts that people ask for first, each from its best source."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import (
    EXIF,
    GPS,
    LONG,
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
from vignette.pixels.metadata import describe
from vignette.pixels.metadata.summary import MAX_CHARS, MAX_KEYWORDS

IPTC_CORE = 'xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
EXIF_NAMESPACE = 'xmlns:exif="http://ns.adobe.com/exif/1.0/"'


def summary(**blocks: Any) -> dict[str, Any]:
    packets = {"xmp": (blocks.pop("xmp").encode(),)} if "xmp" in blocks else {}
    return describe(MetadataBlocks(**blocks, **packets)).get("summary", {})


def test_a_photo_says_how_it_was_taken():
    stream = tiff(
        {
            0x010F: text("Nikon  "),
            0x0110: text("D2X"),
            0x0112: Value(SHORT, 6),
            0x0131: text("Firmware 1"),
            EXIF: pointer(
                {
                    0x829A: rationals((1, 160)),
                    0x829D: rationals((28, 10)),
                    0x8827: Value(SHORT, 400),
                    0x920A: rationals((130, 1)),
                    0xA434: text("70-200 mm"),
                }
            ),
        }
    )

    assert summary(exif=stream) == {
        "camera_make": "Nikon",
        "camera_model": "D2X",
        "lens": "70-200 mm",
        "software": "Firmware 1",
        "orientation": 6,
        "exposure_time_s": 0.00625,
        "f_number": 2.8,
        "iso": 400,
        "focal_length_mm": 130,
    }


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_is_left_out(orientation):
    assert summary(exif=tiff({0x0112: Value(SHORT, orientation)})) == {}


def test_numbers_that_are_unknown_are_left_out():
    zero = rationals((0, 0))

    stream = tiff({EXIF: pointer({0x829A: zero, 0x829D: zero, 0x8827: Value(SHORT, 0), 0x920A: rationals((0, 1))})})

    assert summary(exif=stream) == {}


def test_a_sensitivity_over_what_a_short_holds_is_found_in_its_own_tag():
    stream = tiff({EXIF: pointer({0x8827: Value(SHORT, 65535), 0x8832: Value(LONG, 102400)})})

    assert summary(exif=stream) == {"iso": 102400}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param({"exif": tiff({EXIF: pointer({0x8827: Value(SHORT, [0, 400])})})}, 400, id="EXIF"),
        pytest.param({"exif": tiff({EXIF: pointer({0x8827: Value(SHORT, [200, 400])})})}, 200, id="EXIF, two known"),
        pytest.param({"exif": tiff({EXIF: pointer({0x8827: Value(SHORT, [0, 0])})})}, None, id="EXIF, none known"),
        pytest.param(
            {
                "xmp": xmp(
                    "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>0</rdf:li><rdf:li>400</rdf:li></rdf:Seq>"
                    "</exif:ISOSpeedRatings>",
                    EXIF_NAMESPACE,
                )
            },
            400,
            id="XMP",
        ),
    ],
)
def test_of_several_sensitivities_the_first_known_is_taken(blocks, expected):
    assert summary(**blocks).get("iso") == expected


LENS_INFO = rationals((18, 1), (55, 1), (35, 10), (56, 10))
AUX = 'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"'


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param({"exif": tiff({EXIF: pointer({0xA432: LENS_INFO})})}, "18-55mm f/3.5-5.6", id="EXIF"),
        pytest.param(
            {"exif": tiff({EXIF: pointer({0xA432: rationals((50, 1), (50, 1), (18, 10), (18, 10))})})},
            "50mm f/1.8",
            id="a fixed lens",
        ),
        pytest.param(
            {"exif": tiff({EXIF: pointer({0xA432: rationals((50, 1), (50, 1), (0, 0), (0, 0))})})},
            "50mm",
            id="aperture unknown",
        ),
        pytest.param(
            {"exif": tiff({EXIF: pointer({0xA432: rationals((0, 0), (0, 0), (0, 0), (0, 0))})})}, None, id="unknown"
        ),
        pytest.param(
            {"xmp": xmp("", f'{AUX} aux:LensInfo="180/10 550/10 35/10 56/10"')}, "18-55mm f/3.5-5.6", id="XMP"
        ),
        pytest.param(
            {"exif": tiff({EXIF: pointer({0xA432: LENS_INFO})}), "xmp": xmp("", f'{AUX} aux:Lens="Biotar"')},
            "Biotar",
            id="a name comes first",
        ),
        pytest.param(
            {"exif": tiff({EXIF: pointer({0xA432: LENS_INFO, 0xA434: text("----")})})},
            "18-55mm f/3.5-5.6",
            id="dashes are no name",
        ),
    ],
)
def test_a_lens_without_a_name_is_told_by_its_numbers(blocks, expected):
    assert summary(**blocks).get("lens") == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({0x9003: "2018:07:16 17:52:22"}, "2018-07-16T17:52:22", id="local time"),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22", 0x9011: "+02:00"}, "2018-07-16T17:52:22+02:00", id="with its offset"
        ),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22", 0x9291: "045", 0x9011: "-03:30"},
            "2018-07-16T17:52:22.045-03:30",
            id="with fraction and offset",
        ),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22", 0x9291: "x", 0x9011: "  "}, "2018-07-16T17:52:22", id="rubbish beside it"
        ),
        pytest.param(
            {0x9003: "0000:00:00 00:00:00", 0x9004: "2018:07:16 17:52:22"}, "2018-07-16T17:52:22", id="digitized"
        ),
        pytest.param({0x9003: "0000:00:00 00:00:00"}, None, id="unknown"),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22Z", 0x9011: "+02:00"}, "2018-07-16T17:52:22Z", id="with an offset of its own"
        ),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22", 0x9011: "+99:99"}, "2018-07-16T17:52:22", id="with an offset that is none"
        ),
        pytest.param(
            {0x9003: "2018:07:16 17:52:22", 0x9291: "12", 0x9011: "+0200"},
            "2018-07-16T17:52:22.12+02:00",
            id="with an offset without a colon",
        ),
        pytest.param({0x9003: "2018:07:16 17:52:22", 0x9011: "-03"}, "2018-07-16T17:52:22-03:00", id="whole hours"),
        pytest.param({0x9003: "2018:07:16 17:52:22", 0x9011: "Z"}, "2018-07-16T17:52:22Z", id="with UTC as its offset"),
        pytest.param({0x9003: "2018:07:16 17:52:22+0000"}, "2018-07-16T17:52:22+00:00", id="the offset is within"),
        pytest.param({0x9003: "2018:07:16 17:52:22.5 -0330"}, "2018-07-16T17:52:22.5-03:30", id="behind a blank"),
        pytest.param({0x9003: "2018:07:16 17:52"}, "2018-07-16T17:52", id="no seconds"),
        pytest.param(
            {0x9003: "2018:07:16 17:52", 0x9291: "12", 0x9011: "+02:00"},
            "2018-07-16T17:52+02:00",
            id="no seconds, so no fraction of one",
        ),
        pytest.param({0x9003: "2018: 7:16  7:52:22"}, "2018-07-16T07:52:22", id="padded with blanks"),
        pytest.param({0x9003: "2018:07:16   :  :  "}, "2018-07-16", id="the time is blank"),
        pytest.param({0x9003: "2018:7:6 7:2:9"}, "2018-07-06T07:02:09", id="of single digits"),
        pytest.param({0x9003: "2018:07:16 24:00:00"}, "2018-07-16", id="a time that no day has"),
        pytest.param({0x9003: "2018:07:16 17:52:60"}, "2018-07-16", id="a second that no minute has"),
        pytest.param({0x9003: "2018:07:16", 0x9291: "12", 0x9011: "+02:00"}, "2018-07-16", id="a day"),
        pytest.param({0x9003: "2018:07:00 00:00:00"}, "2018-07", id="the day is 0"),
        pytest.param({0x9003: "2018:00:00 00:00:00"}, "2018", id="month and day are 0"),
        pytest.param({0x9003: "2018:07"}, "2018-07", id="a month"),
        pytest.param({0x9003: "20180716 17:52:22.5"}, "2018-07-16T17:52:22.5", id="a day without colons"),
        pytest.param({0x9003: "    :  :     :  :  ", 0x9004: "2018:07:16 17:52:22"}, "2018-07-16T17:52:22", id="blank"),
    ],
)
def test_the_time_of_a_picture_is_iso_8601(tags, expected):
    stream = tiff({EXIF: pointer({tag: text(content) for tag, content in tags.items()})})

    assert summary(exif=stream).get("taken_at") == expected


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param(
            {"xmp": xmp("<exif:DateTimeOriginal>2009-06-24T09:41:07.72+01:00</exif:DateTimeOriginal>", EXIF_NAMESPACE)},
            "2009-06-24T09:41:07.72+01:00",
            id="XMP",
        ),
        pytest.param(
            {"iptc": dataset(2, 55, b"20090624") + dataset(2, 60, b"094107+0100")}, "2009-06-24T09:41:07+01:00"
        ),
        pytest.param({"iptc": dataset(2, 55, b"20090624")}, "2009-06-24", id="IPTC, the day"),
        pytest.param({"iptc": dataset(2, 55, b"20090600") + dataset(2, 60, b"094107")}, "2009-06", id="IPTC, month"),
        pytest.param({"iptc": dataset(2, 55, b"20090000")}, "2009", id="IPTC, the year"),
        pytest.param(
            {"iptc": dataset(2, 55, b"20090624") + dataset(2, 60, b"0941+0100")}, "2009-06-24T09:41+01:00", id="minutes"
        ),
        *(
            pytest.param({"xmp": xmp("", f'{EXIF_NAMESPACE} exif:DateTimeOriginal="{written}"')}, expected, id=written)
            for written, expected in {
                "2009": "2009",
                "2009-06": "2009-06",
                "2009-06-24T09:41": "2009-06-24T09:41",
                "2009-06-24T25:00:00": "2009-06-24",
                "2009-06-24T09:41:07+0100": "2009-06-24T09:41:07+01:00",
                "2009-06-24T09:41:07.123456789Z": "2009-06-24T09:41:07.123456789Z",
                "2009:06:24 09:41:07": "2009-06-24T09:41:07",
            }.items()
        ),
    ],
)
def test_the_time_of_a_picture_may_come_from_elsewhere(blocks, expected):
    assert summary(**blocks)["taken_at"] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2009-06-24T09:41:07+01:00", "2009-06-24T09:41:07+01:00"),
        ("Wed, 24 Jun 2009 09:41:07 +0100", "2009-06-24T09:41:07+01:00"),
        ("Wed, 24 Jun 2009 09:41:07 GMT", "2009-06-24T09:41:07+00:00"),
        ("24 Jun 2009", None),
        ("Wed, 24 Jun 2009 09:41:07 +9999999999", None),
        ("x" * 100_000, None),
    ],
)
def test_the_time_of_a_picture_may_come_from_the_text_of_a_png(written, expected):
    assert summary(text=(("Creation Time", written),)).get("taken_at") == expected


def test_a_day_becomes_a_time_where_another_source_knows_it():
    packet = xmp("", 'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="2006-10-29"')
    of_that_day = dataset(2, 55, b"20061029") + dataset(2, 60, b"062751-0500")
    of_another = dataset(2, 55, b"20061030") + dataset(2, 60, b"062751-0500")
    changed = tiff({0x0132: text("2006:10:29 12:00:00")})

    assert summary(xmp=packet, iptc=of_that_day)["taken_at"] == "2006-10-29T06:27:51-05:00"
    assert summary(xmp=packet, iptc=of_another)["taken_at"] == "2006-10-29"
    assert summary(xmp=packet, exif=changed)["taken_at"] == "2006-10-29"


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        pytest.param({"exif": tiff({0x0132: text("2021:03:04 05:06:07")})}, "2021-03-04T05:06:07", id="EXIF"),
        pytest.param(
            {
                "exif": tiff(
                    {0x0132: text("2021:03:04 05:06:07"), EXIF: pointer({0x9290: text("5"), 0x9010: text("Z")})}
                )
            },
            "2021-03-04T05:06:07.5Z",
            id="EXIF, with its fraction and offset",
        ),
        pytest.param({"xmp": xmp("", 'xmp:ModifyDate="2021-03-04"')}, "2021-03-04", id="XMP"),
        pytest.param(
            {"exif": tiff({0x0132: text("2021:03:04 05:06:07")}), "xmp": xmp("", 'xmp:CreateDate="2020"')},
            "2020",
            id="anything else comes first",
        ),
    ],
)
def test_when_a_file_was_changed_is_told_where_nothing_else_is(blocks, expected):
    assert summary(**blocks)["taken_at"] == expected


@pytest.mark.parametrize(
    "value", [rationals((2018, 1)), Value(UNDEFINED, b""), Value(SHORT, [2018, 7, 16])], ids=["number", "text", "list"]
)
def test_a_time_of_another_type_is_left_out(value):
    assert summary(exif=tiff({EXIF: pointer({0x9003: value})})) == {}


@pytest.mark.parametrize("written", ["0000", "2009-13", "2009-06-31", "a summer's day"])
def test_a_time_in_xmp_that_is_none_is_left_out(written):
    packet = xmp("", f'{EXIF_NAMESPACE} exif:DateTimeOriginal="{written}"')

    assert summary(xmp=packet) == {}


def test_the_place_of_a_picture_is_signed():
    stream = tiff(
        {
            GPS: pointer(
                {
                    1: text("S"),
                    2: rationals((33, 1), (30, 1), (0, 1)),
                    3: text("W"),
                    4: rationals((70, 1), (0, 1), (0, 1)),
                }
            )
        }
    )

    assert summary(exif=stream) == {"latitude": -33.5, "longitude": -70.0}


def test_the_place_may_come_from_xmp():
    packet = xmp("", f'{EXIF_NAMESPACE} exif:GPSLatitude="33,30.0S" exif:GPSLongitude="70,0.0W"')

    assert summary(xmp=packet) == {"latitude": -33.5, "longitude": -70.0}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param(
            'exif:GPSLatitude="33.5" exif:GPSLatitudeRef="S" exif:GPSLongitude="70.25" exif:GPSLongitudeRef="W"',
            (-33.5, -70.25),
            id="decimals with references",
        ),
        pytest.param(
            'exif:GPSLatitude="33.5" exif:GPSLatitudeRef="South" exif:GPSLongitude="70.25" exif:GPSLongitudeRef="west"',
            (-33.5, -70.25),
            id="references as words",
        ),
        pytest.param('exif:GPSLatitude="33.5S" exif:GPSLongitude="W 70.25"', (-33.5, -70.25), id="letters beside them"),
        pytest.param('exif:GPSLatitude="33.5" exif:GPSLongitude="-70.25"', (33.5, -70.25), id="signed"),
        pytest.param(
            'exif:GPSLatitude="-33.5" exif:GPSLatitudeRef="S" exif:GPSLongitude="-70.25" exif:GPSLongitudeRef="W"',
            (-33.5, -70.25),
            id="signed, with references that say the same",
        ),
        pytest.param('exif:GPSLatitude="67/2 N" exif:GPSLongitude="281/4 E"', (33.5, 70.25), id="a rational"),
        pytest.param(
            'exif:GPSLatitude="33/1 30/1 0/1" exif:GPSLatitudeRef="S"'
            ' exif:GPSLongitude="70/1,150/10,0/1" exif:GPSLongitudeRef="W"',
            (-33.5, -70.25),
            id="rationals",
        ),
        pytest.param(
            'exif:GPSLatitude="33° 30\' 0&quot; S" exif:GPSLongitude="70 deg 15\' 0.00&quot; W"',
            (-33.5, -70.25),
            id="with marks",
        ),
    ],
)
def test_a_place_in_xmp_is_read_however_it_is_written(attributes, expected):
    facts = summary(xmp=xmp("", f"{EXIF_NAMESPACE} {attributes}"))

    assert (facts["latitude"], facts["longitude"]) == expected


def test_a_place_in_xmp_may_be_a_list_of_rationals():
    def listed(*items: str) -> str:
        return "<rdf:Seq>" + "".join(f"<rdf:li>{item}</rdf:li>" for item in items) + "</rdf:Seq>"

    packet = xmp(
        f"<exif:GPSLatitude>{listed('33/1', '30/1', '0/1')}</exif:GPSLatitude>"
        f"<exif:GPSLongitude>{listed('70/1', '15/1', '0/1')}</exif:GPSLongitude>",
        f'{EXIF_NAMESPACE} exif:GPSLatitudeRef="S" exif:GPSLongitudeRef="W"',
    )

    assert summary(xmp=packet) == {"latitude": -33.5, "longitude": -70.25}


@pytest.mark.parametrize(
    "latitude",
    ["33.5X", "33,75N", "-33.5N", "91", "33.5 30 20 10", "1/0", "", "here", "33.5 S N", "1" * 200],
)
def test_a_place_in_xmp_that_is_none_is_left_out(latitude):
    packet = xmp("", f'{EXIF_NAMESPACE} exif:GPSLatitude="{latitude}" exif:GPSLongitude="70.25W"')

    assert summary(xmp=packet) == {}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param('exif:GPSAltitude="2469/2"', 1234.5, id="a rational"),
        pytest.param('exif:GPSAltitude="1234.5" exif:GPSAltitudeRef="0"', 1234.5, id="above"),
        pytest.param('exif:GPSAltitude="2469/2" exif:GPSAltitudeRef="1"', -1234.5, id="below"),
        pytest.param('exif:GPSAltitude="-1234.5"', -1234.5, id="signed"),
        pytest.param('exif:GPSAltitude="-1234.5" exif:GPSAltitudeRef="1"', -1234.5, id="signed, and below"),
        pytest.param('exif:GPSAltitude="1234.5 m" exif:GPSAltitudeRef="Below Sea Level"', -1234.5, id="words"),
        pytest.param('exif:GPSAltitude="1234/0"', None, id="unknown"),
        pytest.param('exif:GPSAltitude="high"', None, id="no number"),
    ],
)
def test_the_altitude_may_come_from_xmp(attributes, expected):
    assert summary(xmp=xmp("", f"{EXIF_NAMESPACE} {attributes}")).get("altitude_m") == expected


def test_half_a_place_is_none():
    packet = xmp("", f'{EXIF_NAMESPACE} exif:GPSLatitude="33,30.0S"')

    assert summary(xmp=packet) == {}


def test_exposure_may_be_told_in_apex_alone():
    of_camera = {0x9201: rationals((3, 1), signed=True), 0x9202: rationals((49707, 10000))}
    packet = xmp("", f'{EXIF_NAMESPACE} exif:ShutterSpeedValue="6965784/1000000" exif:ApertureValue="4/1"')
    senseless = {0x9201: rationals((2**31 - 1, 1), signed=True), 0x9202: rationals((2**32 - 1, 1))}

    assert summary(exif=tiff({EXIF: pointer(of_camera)})) == {"exposure_time_s": 0.125, "f_number": 5.6}
    assert summary(xmp=packet) == {"exposure_time_s": 0.008, "f_number": 4}
    assert summary(exif=tiff({EXIF: pointer(senseless)})) == {}


def test_exposure_itself_counts_before_apex():
    told = {
        0x829A: rationals((1, 160)),
        0x829D: rationals((28, 10)),
        0x9201: rationals((7, 1)),
        0x9202: rationals((3, 1)),
    }

    assert summary(exif=tiff({EXIF: pointer(told)})) == {"exposure_time_s": 0.00625, "f_number": 2.8}


def test_numbers_may_come_from_xmp():
    packet = xmp(
        "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>100</rdf:li></rdf:Seq></exif:ISOSpeedRatings>",
        f'{EXIF_NAMESPACE} exif:ExposureTime="1/160" exif:FNumber="28/10" exif:FocalLength="130.5"',
    )

    assert summary(xmp=packet) == {"exposure_time_s": 0.00625, "f_number": 2.8, "iso": 100, "focal_length_mm": 130.5}


def test_what_people_wrote_is_taken_from_xmp_before_iptc_before_exif():
    stream = tiff({0x010E: text("EXIF"), 0x013B: text("EXIF"), 0x8298: text("EXIF")})
    datasets = dataset(2, 120, b"IPTC") + dataset(2, 80, b"IPTC") + dataset(2, 80, b"Second")
    packet = xmp('<dc:description><rdf:Alt><rdf:li xml:lang="x-default">XMP</rdf:li></rdf:Alt></dc:description>')

    assert summary(exif=stream, iptc=datasets, xmp=packet) == {
        "description": "XMP",
        "author": "IPTC; Second",
        "copyright": "EXIF",
    }


def test_text_of_a_png_is_taken_where_nothing_else_speaks():
    texts = (("Title", "A"), ("Title", "B"), ("Author", "C"), ("Description", "D"), ("Copyright", "E"))

    assert summary(text=texts) == {"title": "A", "author": "C", "description": "D", "copyright": "E"}


def test_a_text_with_a_qualifier_is_taken_without_it():
    packet = xmp('<dc:title rdf:parseType="Resource"><rdf:value>Sea</rdf:value><dc:type>short</dc:type></dc:title>')

    assert summary(xmp=packet) == {"title": "Sea"}


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        ({"x-default": "Sea", "fr": "Mer"}, "Sea"),
        ({"fr": "Mer"}, "Mer"),
    ],
    ids=["the default", "the only one"],
)
def test_of_several_languages_the_default_one_is_taken(languages, expected):
    items = "".join(f'<rdf:li xml:lang="{language}">{word}</rdf:li>' for language, word in languages.items())

    packet = xmp(f"<dc:title><rdf:Alt>{items}</rdf:Alt></dc:title>")

    assert summary(xmp=packet) == {"title": expected}


def test_keywords_of_all_sources_are_there_once():
    stream = tiff({0x9C9E: Value(1, list("sea; sun;sea".encode("utf-16-le")))})
    datasets = dataset(2, 25, b"sky") + dataset(2, 25, b"sea")
    packet = xmp("<dc:subject><rdf:Bag><rdf:li>beach</rdf:li><rdf:li>sky</rdf:li></rdf:Bag></dc:subject>")

    assert summary(exif=stream, iptc=datasets, xmp=packet) == {"keywords": ["beach", "sky", "sea", "sun"]}


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        pytest.param(xmp("", 'xmp:Rating="4"'), 4, id="XMP"),
        pytest.param(xmp("", 'xmp:Rating="-1"'), -1, id="rejected"),
        pytest.param(xmp("", 'xmp:Rating="3.5"'), 3.5, id="half a star"),
        pytest.param(xmp("", 'xmp:Rating="good"'), 2, id="no number: EXIF"),
    ],
)
def test_the_rating_is_a_number(packet, expected):
    assert summary(exif=tiff({0x4746: Value(SHORT, 2)}), xmp=packet) == {"rating": expected}


@pytest.mark.parametrize(
    ("percent", "stars"), [(0, None), (1, 1), (25, 2), (50, 3), (75, 4), (99, 5), (100, 5), (101, None)]
)
def test_a_rating_in_per_cent_is_told_in_the_stars_of_windows(percent, stars):
    packet = xmp("", f'xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/" MicrosoftPhoto:Rating="{percent}"')

    assert summary(exif=tiff({0x4749: Value(SHORT, percent)})).get("rating") == stars
    assert summary(xmp=packet).get("rating") == stars


def test_the_alternative_text_is_there():
    words = '<rdf:Alt><rdf:li xml:lang="x-default">A statue</rdf:li></rdf:Alt>'

    packet = xmp(f"<core:AltTextAccessibility>{words}</core:AltTextAccessibility>", IPTC_CORE)

    assert summary(xmp=packet) == {"alt_text": "A statue"}


def test_a_summary_stays_short():
    keywords = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(MAX_KEYWORDS * 2))

    facts = summary(
        exif=tiff({0x010E: text("d" * (MAX_CHARS * 2))}),
        xmp=xmp(f"<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>"),
    )

    assert len(facts["description"]) == MAX_CHARS
    assert len(facts["keywords"]) == MAX_KEYWORDS
