"""What the metadata of a file reveal, and where that stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from vignette.pixels.metadata import Group, as_privacy, as_text, describe
from vignette.pixels.metadata.privacy import KINDS, MAX_ENTRIES_OF_A_KIND, pointed_at, reveals, value_at
from vignette.pixels.metadata.text import MAX_REVEALED_CHARS

MM = 'xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
AUX = 'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"'
IPTC_EXT = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
HISTORY = (
    f'<xmpMM:History {MM}><rdf:Seq><rdf:li xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
    ' stEvt:action="saved" stEvt:softwareAgent="Retoucher 3"/></rdf:Seq></xmpMM:History>'
)


def exif(tag: int, value: Value, directory: int = EXIF) -> MetadataBlocks:
    return MetadataBlocks(exif=tiff({directory: pointer({tag: value})}))


def packet(properties: str = "", attributes: str = "") -> MetadataBlocks:
    return MetadataBlocks(xmp=(xmp(properties, attributes).encode(),))


@pytest.mark.parametrize(
    ("blocks", "kind", "place"),
    [
        pytest.param(exif(2, rationals((52, 1), (31, 1), (0, 1)), GPS), "position", "/exif/GPS/GPSLatitude", id="GPS"),
        pytest.param(
            packet("", 'exif:GPSLatitude="52,31N" xmlns:exif="http://ns.adobe.com/exif/1.0/"'),
            "position",
            "/xmp/exif:GPSLatitude",
            id="GPS in XMP",
        ),
        pytest.param(MetadataBlocks(iptc=dataset(2, 90, b"Paris")), "position", "/iptc/City", id="a city"),
        pytest.param(
            exif(0x9003, text("2018:07:16 17:52:22")), "time", "/exif/Exif/DateTimeOriginal", id="when it was taken"
        ),
        pytest.param(
            packet("", 'xmp:ModifyDate="2021-03-04"'), "time", "/xmp/xmp:ModifyDate", id="when it was changed"
        ),
        pytest.param(exif(0xA431, text("4711")), "serial_numbers", "/exif/Exif/BodySerialNumber", id="camera"),
        pytest.param(exif(0xA435, text("4712")), "serial_numbers", "/exif/Exif/LensSerialNumber", id="lens"),
        pytest.param(
            packet("", f'aux:SerialNumber="4711" {AUX}'), "serial_numbers", "/xmp/aux:SerialNumber", id="camera in XMP"
        ),
        pytest.param(exif(0x927C, Value(UNDEFINED, b"12345")), "maker_note", "/exif/Exif/MakerNote", id="maker's own"),
        pytest.param(exif(0xA430, text("Ada")), "people", "/exif/Exif/CameraOwnerName", id="owner"),
        pytest.param(MetadataBlocks(exif=tiff({0x013B: text("Ada")})), "people", "/exif/IFD0/Artist", id="artist"),
        pytest.param(packet("<dc:creator>Ada</dc:creator>"), "people", "/xmp/dc:creator", id="creator"),
        pytest.param(MetadataBlocks(iptc=dataset(2, 80, b"Ada")), "people", "/iptc/By-line", id="by-line"),
        pytest.param(
            packet("", f'Iptc4xmpExt:PersonInImage="Ada" {IPTC_EXT}'),
            "people",
            "/xmp/Iptc4xmpExt:PersonInImage",
            id="who is in the picture",
        ),
        pytest.param(packet(HISTORY), "history", "/xmp/xmpMM:History", id="edits"),
        pytest.param(
            MetadataBlocks(exif=tiff({0x0131: text("Retoucher 3")})), "history", "/exif/IFD0/Software", id="program"
        ),
        pytest.param(exif(0xA420, text("c0ffee")), "ids", "/exif/Exif/ImageUniqueID", id="unique id"),
        pytest.param(packet("", f'xmpMM:DocumentID="x:1" {MM}'), "ids", "/xmp/xmpMM:DocumentID", id="document"),
        pytest.param(MetadataBlocks(text=(("Comment", "Hi"),)), "comments", "/text/0", id="comment"),
        pytest.param(MetadataBlocks(text=(("Software", "gd"),)), "history", "/text/0", id="program in a PNG"),
        pytest.param(
            MetadataBlocks(text=(("exif:GPSLatitude", "52/1"),)), "position", "/text/0", id="GPS in a PNG's text"
        ),
        pytest.param(
            MetadataBlocks(iptc=dataset(2, 202, b"\xff\xd8")), "preview", "/iptc/ObjectPreviewData", id="IPTC preview"
        ),
        pytest.param(
            MetadataBlocks(previews=(("JFXXThumbnail", 9),)), "preview", "/previews/JFXXThumbnail", id="JFXX preview"
        ),
    ],
)
def test_each_kind_is_found_where_it_stands(blocks: MetadataBlocks, kind: str, place: str) -> None:
    description = describe(blocks)

    assert description["privacy"] == {kind: [place]}


def test_the_preview_that_a_camera_embeds_is_named() -> None:
    content = b"\xff\xd8 a picture \xff\xd9"
    stream = tiff({}, {0x0201: Value(LONG, 100), 0x0202: Value(LONG, len(content))})
    blocks = MetadataBlocks(exif=stream.ljust(100, b"\0") + content)

    assert describe(blocks)["privacy"] == {"preview": ["/exif/IFD1/ThumbnailImage"]}


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param(MetadataBlocks(), id="nothing"),
        pytest.param(MetadataBlocks(exif=tiff({0x0112: Value(SHORT, 6)})), id="an orientation"),
        pytest.param(MetadataBlocks(exif=tiff({0x013B: text("   ")})), id="an artist who is blank"),
        pytest.param(packet("<dc:creator><rdf:Seq><rdf:li> </rdf:li></rdf:Seq></dc:creator>"), id="a blank list"),
        pytest.param(MetadataBlocks(text=(("Comment", " "),)), id="a blank comment"),
        pytest.param(exif(0, Value(1, [2, 3, 0, 0]), GPS), id="a version of GPS and no place"),
    ],
)
def test_what_says_nothing_of_anybody_reveals_nothing(blocks: MetadataBlocks) -> None:
    assert "privacy" not in describe(blocks)


def test_kinds_come_in_one_order_whatever_the_file() -> None:
    stream = tiff({0x0131: text("x"), 0x013B: text("x"), GPS: pointer({2: rationals((1, 1))})})

    assert list(describe(MetadataBlocks(exif=stream))["privacy"]) == ["position", "people", "history"]


@pytest.mark.parametrize(("computer", "is_somebody"), [("Aurore P5", False), ("Ada-Laptop", True)])
def test_a_phone_that_is_its_own_computer_names_nobody(computer: str, is_somebody: bool) -> None:
    stream = tiff({0x0110: text("Aurore P5"), 0x013C: text(computer)})

    told = describe(MetadataBlocks(exif=stream)).get("privacy", {})

    assert told.get("people", []) == (["/exif/IFD0/HostComputer"] if is_somebody else [])


def test_an_entry_that_is_there_twice_is_named_twice() -> None:
    stream = tiff([(0x013B, text("Ada")), (0x013B, text("Bob"))])

    assert describe(MetadataBlocks(exif=stream))["privacy"]["people"] == ["/exif/IFD0/Artist", "/exif/IFD0/Artist#2"]


def test_each_kind_names_a_bounded_number_of_entries() -> None:
    texts = [{"keyword": "Comment", "text": "Hi"}] * (MAX_ENTRIES_OF_A_KIND + 1)

    assert len(reveals({"text": texts})["comments"]) == MAX_ENTRIES_OF_A_KIND


def test_people_are_told_in_words_what_it_is() -> None:
    blocks = MetadataBlocks(
        exif=tiff({0x013B: text("Ada\x1b[2J"), GPS: pointer({2: rationals((52, 1), (31, 1), (12, 1))})}),
        text=(("Comment", "x" * 1000),),
        previews=(("MPImage2", 1_000_000),),
    )

    groups = as_privacy(describe(blocks))

    assert groups == [
        Group("position", [("GPSLatitude", "52° 31′ 12″")]),
        Group("people", [("Artist", "Ada\ufffd[2J")]),
        Group("preview", [("MPImage2", "(1,000,000 bytes)")]),
        Group("comments", [("Comment", "x" * MAX_REVEALED_CHARS + "… (1,000 characters in all)")]),
    ]


NAMES = st.sampled_from(["Artist", "aux:SerialNumber", "a/b~c:Artist", "Artist#2", "GPSLatitude", "Make", ""])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)


POINTERS_OF_A_STRANGER = [
    pytest.param(["", "/xmp"] * 50, set(), id="at more than an entry"),
    pytest.param(["/xmp/a"] * 100, {"a"}, id="at the same"),
    pytest.param(["/xmp/~~~", "/xmp/~0~~", "/xmp/~~0~", "/xmp/~0~0~0"], {"~~~"}, id="at the same in many ways"),
    pytest.param(["/xmp/a/0/0/0/0"], set(), id="deep into an entry"),
    pytest.param([f"/xmp/{number}" for number in range(10_000)], {str(n) for n in range(100)}, id="at thousands"),
]


@pytest.mark.parametrize(("pointers", "told"), POINTERS_OF_A_STRANGER)
def test_whatever_a_file_of_a_stranger_points_at_each_entry_is_told_once(pointers: list[str], told: set[str]) -> None:
    """Else some KB of pointers at megabytes would take minutes, each time that somebody looks at the page."""
    xmp = {"a": [[[[["x"]]]]], "~~~": "y"} | {str(number): "z" for number in range(10_000)}
    description = {"xmp": xmp, "privacy": {"people": pointers}}

    entries = [name for group in as_privacy(description) for name, _ in group.entries]

    assert sorted(entries) == sorted(told)
    assert as_text(description)


@given(
    exif_part=st.dictionaries(st.sampled_from(["IFD0", "IFD1/Exif", "~0"]), FIELDS, max_size=3),
    xmp_part=FIELDS,
    texts=st.lists(st.fixed_dictionaries({"keyword": NAMES, "text": st.text(max_size=9)}), max_size=3),
)
def test_every_pointer_leads_to_its_entry(exif_part, xmp_part, texts) -> None:
    parts = {"exif": exif_part, "xmp": xmp_part, "text": texts}

    found = reveals(parts)

    assert set(found) <= set(KINDS)
    for place in [place for places in found.values() for place in pointed_at(places)]:
        name, value = value_at(parts, place)
        assert value not in ("", [])
        assert name in {
            *(n for fields in exif_part.values() for n in fields),
            *xmp_part,
            *(t["keyword"] for t in texts),
        }
    assert as_text({**json.loads(json.dumps(parts)), "privacy": found})
