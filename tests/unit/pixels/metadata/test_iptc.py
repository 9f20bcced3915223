"""What is read of IPTC-IIM datasets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import dataset
from vignette.pixels.metadata import iptc
from vignette.pixels.metadata.iptc import MAX_DATASETS
from vignette.pixels.metadata.remarks import Remarks

UTF_8 = dataset(1, 90, b"\x1b%G")


def read(block: bytes) -> dict[str, Any]:
    """The datasets of a block that has no faults."""
    fields, remarks = read_with_remarks(block)
    assert remarks == []
    return fields


def read_with_remarks(block: bytes) -> tuple[dict[str, Any], list[str]]:
    remarks = Remarks()
    return iptc.read(block, remarks), remarks.as_list()


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(dataset(2, 5, b"Title"), {"ObjectName": "Title"}, id="text"),
        pytest.param(dataset(2, 5, b""), {"ObjectName": ""}, id="empty"),
        pytest.param(dataset(2, 0, b"\0\4"), {"ApplicationRecordVersion": 4}, id="number"),
        pytest.param(dataset(2, 25, b"one"), {"Keywords": ["one"]}, id="one of many"),
        pytest.param(dataset(2, 25, b"one") + dataset(2, 25, b"two"), {"Keywords": ["one", "two"]}, id="many"),
        pytest.param(dataset(2, 90, b"A") * 2, {"City": "A"}, id="repeated although it must not"),
        pytest.param(dataset(2, 90, b"A") + dataset(2, 90, b"B"), {"City": ["A", "B"]}, id="repeated and different"),
        pytest.param(dataset(2, 199, b"x"), {"2:199": "x"}, id="without a name"),
        pytest.param(UTF_8, {"CodedCharacterSet": "UTF-8"}, id="UTF-8"),
        pytest.param(dataset(1, 90, b"\x1b.A"), {"CodedCharacterSet": "\x1b.A"}, id="another character set"),
        pytest.param(
            dataset(2, 55, b"20180716"),
            {"DateCreated": {"type": "date", "value": "2018-07-16", "text": "20180716"}},
            id="date",
        ),
        pytest.param(dataset(2, 55, b"00000000"), {"DateCreated": "00000000"}, id="no date"),
        pytest.param(
            dataset(2, 60, b"203513+0100"),
            {"TimeCreated": {"type": "time", "value": "20:35:13+01:00", "text": "203513+0100"}},
            id="time",
        ),
        pytest.param(
            dataset(2, 60, b"203513"),
            {"TimeCreated": {"type": "time", "value": "20:35:13", "text": "203513"}},
            id="time without an offset",
        ),
        pytest.param(dataset(2, 60, b"256199"), {"TimeCreated": "256199"}, id="no time"),
        pytest.param(dataset(2, 60, b"203513+9999"), {"TimeCreated": "203513+9999"}, id="no offset"),
        pytest.param(dataset(2, 60, b"soon"), {"TimeCreated": "soon"}, id="no time at all"),
        pytest.param(dataset(2, 55, b"2018"), {"DateCreated": "2018"}, id="a year"),
        pytest.param(
            dataset(2, 202, b"\xff\xd8"),
            {"ObjectPreviewData": {"type": "bytes", "length": 2, "base64": "/9g="}},
            id="bytes",
        ),
        pytest.param(b"", {}, id="nothing"),
        pytest.param(dataset(2, 5, b"Title") + b"\0\0\0", {"ObjectName": "Title"}, id="padded"),
    ],
)
def test_datasets_are_read_under_their_names(block, expected):
    assert read(block) == expected


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(UTF_8 + dataset(2, 90, "Zürich".encode()), "Zürich", id="UTF-8 as declared"),
        pytest.param(dataset(2, 90, "Zürich".encode()), "Zürich", id="UTF-8 undeclared"),
        pytest.param(dataset(2, 90, b"Z\xfcrich"), "Zürich", id="Latin-1"),
        pytest.param(UTF_8 + dataset(2, 90, b"Z\xfcrich"), "Zürich", id="Latin-1 declared as UTF-8"),
    ],
)
def test_text_is_utf_8_where_it_is_valid_and_latin_1_otherwise(block, expected):
    assert read(block)["City"] == expected


@pytest.mark.parametrize(
    "words",
    ["Café", "Zürich", "São Paulo", "García", "Ñandú", "Göteborg, Älvsborg", "“Noël” – l’été à la plage", "Übergröße"],
)
def test_text_of_an_old_macintosh_is_told_by_bytes_that_latin_1_has_for_controls(words):
    assert read(dataset(2, 90, words.encode("mac-roman")) + dataset(2, 25, "déjà".encode("mac-roman"))) == {
        "City": words,
        "Keywords": ["déjà"],
    }


@pytest.mark.parametrize(
    "words",
    ["don’t", "“Here”", "l’été", "10 € – 20 €", "Œuvre", "d’œuvres", "naïve…", "Dvorák’s"],
)
def test_text_of_windows_is_told_by_its_punctuation(words):
    assert read(dataset(2, 90, words.encode("cp1252"))) == {"City": words}


def test_one_text_tells_for_all_which_are_not_utf_8():
    datasets = dataset(2, 90, "Café".encode("mac-roman")) + dataset(2, 25, "’".encode("mac-roman"))

    assert read(datasets + dataset(2, 5, "Ωμέγα".encode())) == {
        "City": "Café",
        "Keywords": ["’"],
        "ObjectName": "Ωμέγα",
    }


def test_an_extended_dataset_is_read():
    content = b"x" * 70_000
    extended = b"\x1c\x02\x78\x80\x04" + len(content).to_bytes(4) + content

    assert read(extended + dataset(2, 90, b"A")) == {"Caption-Abstract": content.decode(), "City": "A"}


@pytest.mark.parametrize(
    ("rest", "remark"),
    [
        pytest.param(b"\x1c\x02\x78\0\x09cut", "IPTC: dataset 2:120 is cut off", id="cut off"),
        pytest.param(b"\x1c\x02\x78\xff\xff", "IPTC: dataset 2:120 is cut off", id="a length of 32,767 bytes"),
        pytest.param(b"\x1c\x02\x78\x80\x08" + b"\xff" * 8, "IPTC: dataset 2:120 is cut off", id="a huge length"),
        pytest.param(b"rubbish", "IPTC: what follows byte 6 are no datasets", id="rubbish"),
    ],
)
def test_what_comes_before_a_fault_is_kept(rest, remark):
    assert read_with_remarks(dataset(2, 90, b"A") + rest) == ({"City": "A"}, [remark])


def test_datasets_are_read_to_a_number():
    fields, remarks = read_with_remarks(dataset(2, 25, b"k") * (MAX_DATASETS + 1))

    assert len(fields["Keywords"]) == MAX_DATASETS
    assert remarks == [f"IPTC: only the first {MAX_DATASETS} datasets are read"]
