"""The description of a file: complete, ready for JSON, whatever the blocks hold."""

from __future__ import annotations

import json
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.pixels.metadata.makers import (
    ASCII,
    EXIF,
    GPS,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Value,
    dataset,
    entry,
    icc,
    localised,
    pointer,
    rationals,
    raw_tiff,
    text,
    tiff,
    xmp,
)
from vignette.limits import MAX_METADATA_BYTES, MIB
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.metadata import as_groups, as_text, describe, exif, iptc
from vignette.pixels.metadata import icc as icc_reader
from vignette.pixels.metadata import xmp as xmp_reader
from vignette.pixels.metadata.description import MAX_TEXT_CHARS, MAX_TEXTS
from vignette.pixels.metadata.fitting import BEGINNING_CHARS
from vignette.pixels.metadata.remarks import MAX_REMARK_CHARS, MAX_REMARKS, Remarks

PHOTO = tiff(
    {
        0x010F: text("Maker"),
        0x0132: text("2018:07:16 17:52:22"),
        EXIF: pointer(
            {
                0x829A: rationals((1, 125)),
                0x9000: Value(UNDEFINED, b"0232"),
                0x9003: text("2018:07:16 17:52:22"),
                0x927C: Value(UNDEFINED, b"\0\1\2\3maker's own"),
                0x9286: Value(UNDEFINED, b"UNICODE\0" + "Grüße".encode("utf-16-le")),
                0xA432: rationals((24, 1), (70, 1), (28, 10), (0, 0)),
            }
        ),
        GPS: pointer({1: text("S"), 2: rationals((33, 1), (30, 1), (0, 1)), 5: Value(1, 1), 6: rationals((3, 2))}),
    },
    {0x0103: Value(SHORT, 6), 0x0201: Value(LONG, 8), 0x0202: Value(LONG, 20)},
)
PACKET = xmp(
    "<dc:subject><rdf:Bag><rdf:li>one</rdf:li></rdf:Bag></dc:subject>"
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Sea</rdf:li></rdf:Alt></dc:title>'
    '<xmp:S rdf:parseType="Resource"><my:a xmlns:my="urn:my">1</my:a></xmp:S>',
    'xmp:Rating="4"',
).encode()
DATASETS = (
    dataset(1, 90, b"\x1b%G") + dataset(2, 25, b"two") + dataset(2, 55, b"20180716") + dataset(2, 202, b"\xff\xd8")
)
PROFILE = icc({b"desc": localised({"en": "Display P3"})})


def blocks(**changed: Any) -> MetadataBlocks:
    whole: dict[str, Any] = {
        "exif": PHOTO,
        "xmp": (PACKET,),
        "iptc": DATASETS,
        "icc": PROFILE,
        "text": (("Comment", "Hi"),),
        "previews": (("PhotoshopThumbnail", 9),),
    }
    return MetadataBlocks(**{**whole, **changed})


def assert_storable(description: dict[str, Any]) -> None:
    """It is written and read back as the same, and its text can be made."""
    written = json.dumps(description, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert json.loads(written) == description
    assert as_text(description).encode("utf-8").endswith(b"\n")


def test_every_block_has_its_part():
    description = describe(blocks())

    assert list(description) == [
        *("summary", "privacy", "exif", "gps", "xmp", "xmp_namespaces", "iptc", "icc", "text", "previews"),
    ]
    assert list(description["exif"]) == ["IFD0", "Exif", "GPS", "IFD1"]
    assert description["gps"] == {"latitude": -33.5, "altitude": -1.5}
    assert description["xmp_namespaces"] == {"my": "urn:my"}
    assert description["text"] == [{"keyword": "Comment", "text": "Hi"}]
    assert description["previews"] == {"PhotoshopThumbnail": {"type": "bytes", "length": 9}}
    assert_storable(description)


def test_a_preview_that_is_there_twice_is_told_twice():
    previews = describe(MetadataBlocks(previews=(("JFXXThumbnail", 9), ("JFXXThumbnail", 8))))["previews"]

    assert {name: value["length"] for name, value in previews.items()} == {"JFXXThumbnail": 9, "JFXXThumbnail#2": 8}


def test_a_file_without_metadata_has_an_empty_description():
    assert describe(MetadataBlocks()) == {}


def test_what_the_parser_of_the_container_remarked_comes_first():
    description = describe(MetadataBlocks(exif=b"rubbish", warnings=("the APP1 segment is cut off",)))

    assert description == {"warnings": ["the APP1 segment is cut off", "EXIF: this is no TIFF stream"]}


def test_a_broken_block_costs_no_other_part():
    description = describe(blocks(exif=b"rubbish", icc=b"rubbish"))

    assert list(description) == ["summary", "privacy", "xmp", "xmp_namespaces", "iptc", "text", "previews", "warnings"]
    assert description["warnings"] == ["EXIF: this is no TIFF stream", "ICC: this is no ICC profile"]


def test_a_fault_of_ours_costs_no_other_part(monkeypatch):
    monkeypatch.setattr(iptc, "read", lambda *_: 1 / 0)

    description = describe(blocks())

    assert "iptc" not in description
    assert description["warnings"] == ["IPTC: cannot be read"]


def test_a_million_texts_are_kept_to_a_number():
    description = describe(MetadataBlocks(text=(("Comment", "Hi"),) * (MAX_TEXTS + 1)))

    assert len(description["text"]) == MAX_TEXTS
    assert description["warnings"] == [f"Text: only the first {MAX_TEXTS} of {MAX_TEXTS + 1} texts are kept"]


def test_a_long_text_is_cut_and_told():
    description = describe(MetadataBlocks(text=(("a", "x" * (MAX_TEXT_CHARS + 1)), ("b", "y" * 100_000))))

    assert description["text"][0]["text"] == "x" * (BEGINNING_CHARS - 1) + "…"
    assert description["text"][1]["text"] == "y" * 100_000
    (warning,) = description["warnings"]
    assert warning.startswith("text: 1 long values are cut and 0 left out")


def test_a_depth_map_in_xmp_is_cut_and_costs_no_other_property():
    packet = xmp("<xmp:After>2</xmp:After>", f'xmp:Before="1" GDepth:Data="{"QUJD" * 1_000_000}"').encode()

    description = describe(MetadataBlocks(xmp=(packet,)))

    assert description["xmp"]["xmp:Before"] == "1"
    assert description["xmp"]["GDepth:Data"] == "QUJD" * 1024 + "…"
    assert description["xmp"]["xmp:After"] == "2"
    assert description["warnings"] == ["XMP: a value of 4,000,000 bytes is cut; the original holds it"]


@pytest.mark.parametrize("torn", ["&#65;", "é", "𝄞"])
@pytest.mark.parametrize("shift", range(8))
def test_a_value_is_not_cut_within_a_character(torn, shift):
    packet = xmp(f"<xmp:A>{'a' * shift}{torn * 300_000}</xmp:A>").encode()

    description = describe(MetadataBlocks(xmp=(packet,)))

    assert set(description["xmp"]["xmp:A"]) == {*("a" if shift else ""), "A" if torn == "&#65;" else torn, "…"}
    assert len(description["warnings"]) == 1


def test_a_value_of_exif_that_is_too_long_tells_its_length():
    description = describe(MetadataBlocks(exif=tiff({0x010F: text("M"), 0x927C: Value(UNDEFINED, bytes(2**18 + 1))})))

    assert description["exif"]["IFD0"] == {"Make": "M", "MakerNote": {"type": "bytes", "length": 2**18 + 1}}
    assert description["warnings"] == [
        "EXIF: IFD0: MakerNote is left out: 262,145 bytes; the original holds them",
    ]


def test_a_dataset_of_iptc_that_is_too_long_tells_its_length():
    long = b"\x1c\2\xca" + struct.pack(">HI", 0x8004, 2**18 + 1) + bytes(2**18 + 1)

    description = describe(MetadataBlocks(iptc=long + dataset(2, 25, b"after")))

    assert description["iptc"] == {"ObjectPreviewData": {"type": "bytes", "length": 2**18 + 1}, "Keywords": ["after"]}


def test_text_that_utf_8_cannot_write_is_made_storable():
    description = describe(MetadataBlocks(text=(("a\ud800", "b\udfff"),), warnings=("c\ud800",)))

    assert description == {
        "privacy": {"comments": ["/text/0"]},
        "text": [{"keyword": "a?", "text": "b?"}],
        "warnings": ["c?"],
    }
    assert_storable(description)


def test_warnings_are_few_and_short():
    description = describe(
        MetadataBlocks(warnings=tuple("w" * 10_000 + str(n) for n in range(10)) + tuple("abc" * 500))
    )

    assert len(description["warnings"]) <= MAX_REMARKS + 1
    assert max(map(len, description["warnings"])) == MAX_REMARK_CHARS


@settings(deadline=None)
@given(raw=st.binary(max_size=400))
@pytest.mark.parametrize(
    "read",
    [
        lambda raw, remarks: exif.read(raw, remarks),
        lambda raw, remarks: exif.read(b"II*\0\x08\0\0\0" + raw, remarks),
        lambda raw, remarks: exif.read(b"MM\0*\0\0\0\x08" + raw, remarks),
        lambda raw, remarks: xmp_reader.read([raw], remarks),
        lambda raw, remarks: xmp_reader.read([b"<a>" + raw], remarks),
        lambda raw, remarks: iptc.read(raw, remarks),
        lambda raw, remarks: iptc.read(b"\x1c" + raw, remarks),
        lambda raw, remarks: icc_reader.read(bytes(36) + b"acsp" + bytes(88) + raw, remarks),
    ],
    ids=["exif", "exif II", "exif MM", "xmp", "xmp element", "iptc", "iptc dataset", "icc tags"],
)
def test_no_reader_raises_on_any_bytes(read, raw):
    read(raw, Remarks())


@settings(deadline=None)
@given(
    exif_block=st.none() | st.binary(max_size=200),
    packet=st.binary(max_size=200),
    datasets=st.none() | st.binary(max_size=100),
    profile=st.none() | st.binary(max_size=200),
    texts=st.lists(st.tuples(st.text(max_size=20), st.text(max_size=50)), max_size=3),
    warnings=st.lists(st.text(max_size=20), max_size=3),
)
def test_any_bytes_have_a_description_that_can_be_stored(exif_block, packet, datasets, profile, texts, warnings):
    description = describe(
        MetadataBlocks(
            exif=exif_block, xmp=(packet,), iptc=datasets, icc=profile, text=tuple(texts), warnings=tuple(warnings)
        )
    )

    assert_storable(description)


@st.composite
def mutated(draw: st.DrawFn, block: bytes) -> bytes:
    """*block* with some of its bytes changed, and cut somewhere."""
    changed = bytearray(block)
    places = st.integers(min_value=0, max_value=len(block) - 1)
    for place in draw(st.lists(places, max_size=12)):
        changed[place] = draw(st.sampled_from([0, 1, 2, 8, 13, 255]) | st.integers(min_value=0, max_value=255))
    return bytes(changed[: draw(places) + 1]) if draw(st.booleans()) else bytes(changed)


@settings(deadline=None, max_examples=300)
@given(exif_block=mutated(PHOTO), packet=mutated(PACKET), datasets=mutated(DATASETS), profile=mutated(PROFILE))
def test_damaged_blocks_have_a_description_that_can_be_stored(exif_block, packet, datasets, profile):
    description = describe(blocks(exif=exif_block, xmp=(packet,), iptc=datasets, icc=profile))

    assert_storable(description)
    assert not [warning for warning in description.get("warnings", []) if "cannot be read" in warning]


TYPE_CODES = st.integers(min_value=0, max_value=14) | st.just(129)
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 8, 20, 26, 4096, 0x7FFFFFFF, 0xFFFFFFFF])
IMAGE_TAGS = [EXIF, GPS, 0xA005, 0x014A, 0x010F, 0x0111, 0x0132, 0x0201, 0x0202, 0x8298, 0x829A, 0x8827, 0x9003]
CAMERA_TAGS = [0x9101, 0x9204, 0x9206, 0x9209, 0x9286, 0x9C9B, 0xA300, 0xA302, 0xA432]
GPS_TAGS = [0, 1, 2, 4, 5, 6, 7, 0x1B, 0x1D]
TAGS = st.sampled_from([*IMAGE_TAGS, *CAMERA_TAGS, *GPS_TAGS, 0xFFFF])


@settings(deadline=None, max_examples=300)
@given(
    entries=st.lists(st.builds(entry, TAGS, TYPE_CODES, NUMBERS, NUMBERS), max_size=12),
    next_offset=NUMBERS,
    behind=st.binary(max_size=80),
)
def test_entries_of_any_kind_have_a_description_that_can_be_stored(entries, next_offset, behind):
    description = describe(MetadataBlocks(exif=raw_tiff(*entries, next_offset=next_offset, behind=behind)))

    assert_storable(description)
    assert not [warning for warning in description.get("warnings", []) if "cannot be read" in warning]


def test_the_exif_of_a_phone_is_read_in_milliseconds():
    camera = {0x9000 + number: rationals((number, 10)) for number in range(40)}
    stream = tiff(
        {
            **{0x0100 + number: text(f"words {number}") for number in range(12)},
            EXIF: pointer({**camera, 0x927C: Value(UNDEFINED, bytes(60_000))}),
        },
        {0x0103: Value(SHORT, 6)},
    )

    elapsed_s = min(_timed(MetadataBlocks(exif=stream)) for _ in range(5))

    assert elapsed_s < 0.05  # some 1 ms on a quiet machine


FULL = MAX_METADATA_BYTES - 100_000

WORST_BLOCKS: dict[str, Callable[[], dict[str, Any]]] = {
    "overlaps": lambda: {"exif": raw_tiff(*[entry(0xC000, UNDEFINED, FULL, 8)] * 900, behind=bytes(FULL))},
    "short lists": lambda: {"exif": raw_tiff(*[entry(0xC000, SHORT, 200, 8)] * 60_000, behind=bytes(FULL))},
    "rationals": lambda: {
        "exif": raw_tiff(*(entry(0xC000 + n, RATIONAL, 2000, 8 * n) for n in range(900)), behind=b"\7" * FULL)
    },
    "many texts": lambda: {"exif": raw_tiff(entry(0x8298, ASCII, FULL, 26), behind=b"a\0" * (FULL // 2))},
    "directories everywhere": lambda: {"exif": b"II*\0\x08\0\0\0" + struct.pack("<I", 9) * (FULL // 4)},
    "elements": lambda: {"xmp": (xmp("<xmp:a/>" * (FULL // 8)).encode(),)},
    "depth": lambda: {"xmp": (xmp("<xmp:a>" * (FULL // 7)).encode(),)},
    "attributes": lambda: {"xmp": (xmp("", "".join(f'xmp:b{n:x}="" ' for n in range(900_000))).encode(),)},
    "references": lambda: {"xmp": (xmp("&amp;" * (FULL // 5)).encode(),)},
    "one open tag": lambda: {"xmp": (b"<a" + b" " * FULL,)},
    "datasets": lambda: {"iptc": dataset(2, 25, b"") * (FULL // 5)},
    "profile": lambda: {"icc": icc({}) + bytes(FULL)},
    "text": lambda: {"text": (("k" * FULL, "v" * FULL),)},
    "texts of one wide character": lambda: {"text": (("k", "\x85\n" * 8000 + "𝄞"),) * 250},
    "lines": lambda: {"text": (("k", "\x85\n" * 2000),) * 1000},
    "exif of wide characters": lambda: {
        "exif": raw_tiff(
            *(entry(0xC000 + n, ASCII, 200_000, 8 + 12_000 + n * 200_000) for n in range(60)),
            behind=b"\0" * 12_000 + ("𝄞" + "a" * 199_996).encode() * 60,
        )
    },
    "xmp of wide characters": lambda: {
        "xmp": (xmp("".join(f"<a:p{n}>𝄞{'a' * 200_000}</a:p{n}>" for n in range(75))).encode(),)
    },
    "values of xmp": lambda: {"xmp": (xmp("".join(f"<a:p{n}>{n}</a:p{n}>" for n in range(550_000))).encode(),)},
}


@pytest.mark.parametrize("worst", WORST_BLOCKS.values(), ids=WORST_BLOCKS)
def test_the_worst_block_is_described_in_bounded_time(worst):
    elapsed_s = _timed(MetadataBlocks(**worst()))

    assert elapsed_s < 5  # each takes less than half a second on a quiet machine; without the bounds, minutes


@pytest.mark.parametrize("worst", WORST_BLOCKS.values(), ids=WORST_BLOCKS)
def test_the_worst_block_is_described_in_bounded_memory_and_size(worst):
    blocks = MetadataBlocks(**worst())

    tracemalloc.start()
    try:
        description = describe(blocks)
        written = json.dumps(description, ensure_ascii=False, indent=1).encode()
        text_for_people = as_text(description).encode()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 40 * MIB
    assert len(written) < 2.5 * MIB
    assert len(text_for_people) < 2 * MIB
    assert_storable(description)


def _timed(blocks: MetadataBlocks) -> float:
    start = time.process_time()
    description = describe(blocks)
    as_text(description)
    as_groups(description)
    return time.process_time() - start
