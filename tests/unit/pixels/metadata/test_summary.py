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
    ],
)
def test_the_time_of_a_picture_may_come_from_elsewhere(blocks, expected):
    assert summary(**blocks)["taken_at"] == expected


@pytest.mark.parametrize(
    "value", [rationals((2018, 1)), Value(UNDEFINED, b""), Value(SHORT, [2018, 7, 16])], ids=["number", "text", "list"]
)
def test_a_time_of_another_type_is_left_out(value):
    assert summary(exif=tiff({EXIF: pointer({0x9003: value})})) == {}


@pytest.mark.parametrize("written", ["2009", "2009-06", "2009-06-31", "2009-06-24T25:00:00", "a summer's day"])
def test_a_time_in_xmp_that_names_no_day_is_left_out(written):
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


def test_half_a_place_is_none():
    packet = xmp("", f'{EXIF_NAMESPACE} exif:GPSLatitude="33,30.0S"')

    assert summary(xmp=packet) == {}


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
