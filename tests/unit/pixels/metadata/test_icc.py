"""What is read of an ICC profile."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import icc, localised
from vignette.pixels.metadata import icc as reader
from vignette.pixels.metadata.remarks import Remarks


def read_with_remarks(profile: bytes) -> tuple[dict[str, Any], list[str]]:
    remarks = Remarks()
    return reader.read(profile, remarks), remarks.as_list()


def ascii_description(text: str) -> bytes:
    """An element of type desc, as version 2 has it."""
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text.encode() + bytes(79)


def test_the_header_is_read():
    assert read_with_remarks(icc({})) == (
        {
            "colour_space": "RGB",
            "profile_class": "display device",
            "connection_space": "XYZ",
            "rendering_intent": "perceptual",
            "version": "4.3.0",
            "created_at": "2022-01-02T03:04:05",
            "platform": "APPL",
            "creator": "appl",
            "size": 132,
        },
        [],
    )


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        pytest.param(ascii_description("sRGB"), "sRGB", id="version 2"),
        pytest.param(localised({"en": "Display P3"}), "Display P3", id="version 4"),
        pytest.param(localised({"de": "Anzeige", "en": "Display"}), "Display", id="English before others"),
        pytest.param(localised({"de": "Anzeige", "fr": "Écran"}), "Anzeige", id="else the first"),
        pytest.param(b"text\0\0\0\0plain\0", "plain", id="plain text"),
    ],
)
def test_the_description_is_read(element, expected):
    facts, remarks = read_with_remarks(icc({b"cprt": b"text\0\0\0\0free\0", b"desc": element}))

    assert (facts["description"], facts["copyright"], remarks) == (expected, "free", [])


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"desc", id="type only"),
        pytest.param(b"desc\0\0\0\0\xff", id="half a length"),
        pytest.param(b"curv\0\0\0\0\0\0\0\0", id="no text"),
        pytest.param(b"mluc", id="languages, type only"),
        pytest.param(localised({"en": "x"})[:20], id="languages, half a record"),
        pytest.param(b"mluc\0\0\0\0\xff\xff\xff\xff\0\0\0\x0c", id="four billion languages"),
        pytest.param(b"mluc\0\0\0\0\0\0\0\1\0\0\0\x0cenUS" + b"\xff" * 8, id="languages, far off"),
    ],
)
def test_a_broken_description_is_left_out(element):
    facts, _ = read_with_remarks(icc({b"desc": element}))

    assert "description" not in facts


@pytest.mark.parametrize("profile", [b"x", bytes(128), icc({})[:100]], ids=["short", "zeros", "cut off"])
def test_what_is_no_profile_is_told(profile):
    assert read_with_remarks(profile) == ({}, ["ICC: this is no ICC profile"])


def test_a_table_of_tags_that_is_cut_off_is_read_as_far_as_it_goes():
    profile = bytearray(icc({b"desc": b"text\0\0\0\0name\0"}))
    profile[128:132] = b"\xff\xff\xff\xff"

    facts, remarks = read_with_remarks(bytes(profile))

    assert facts["description"] == "name"
    assert remarks == ["ICC: only 2 of 4294967295 tags are read"]


def test_a_date_that_is_none_is_left_out():
    profile = bytearray(icc({}))
    profile[24:36] = bytes(12)

    facts, _ = read_with_remarks(bytes(profile))

    assert "created_at" not in facts
