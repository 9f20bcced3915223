"""Every page, in every state and in both languages, is valid HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.validity import invalid
from tests.walk import Walk, walk_in

TEMPLATES: Final = Path(__file__).parents[2] / "templates"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return walk_in(tmp_path_factory.mktemp("walk"))


def test_every_page_is_valid_html(walk: Walk) -> None:
    assert invalid(walk.pages) == {}


def test_every_template_was_met(walk: Walk) -> None:
    assert walk.templates >= {file.name for file in TEMPLATES.glob("*.html")}


def test_what_is_not_valid_is_told() -> None:
    pages = {
        "valid": "<!doctype html><html lang=en><title>x</title><p>x</p></html>",
        "invalid": '<!doctype html><html lang=en><title>x</title><p id="a">x</p><p id="a">y</p></html>',
    }

    found = invalid(pages)

    assert found.keys() == {"invalid"}
    assert "Duplicate ID" in found["invalid"][0]
