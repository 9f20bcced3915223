"""metadata.json: the whole description, for programs, and legible for a person."""

from __future__ import annotations

import json

from vignette.pixels.metadata import as_json

DESCRIPTION = {
    "summary": {"camera_make": "Größe", "iso": 100},
    "exif": {"IFD0": {"Make": "a, b: {c}\n", "XResolution": {"type": "rational", "numerator": 72, "denominator": 1}}},
    "warnings": ["one", "two"],
}


def test_it_is_read_back_as_it_was() -> None:
    assert json.loads(as_json(DESCRIPTION)) == DESCRIPTION
    assert json.loads(as_json({})) == {}


def test_each_value_has_a_line_and_each_part_begins_at_the_margin() -> None:
    lines = as_json(DESCRIPTION).decode().splitlines()

    assert lines == [
        "{",
        '"summary": {"camera_make": "Größe",',
        ' "iso": 100},',
        '"exif": {"IFD0": {"Make": "a, b: {c}\\n",',
        ' "XResolution": {"type": "rational",',
        ' "numerator": 72,',
        ' "denominator": 1}}},',
        '"warnings": ["one",',
        ' "two"]',
        "}",
    ]
