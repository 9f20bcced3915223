"""The words that the script of the tray says: a page brings each of them, in each language, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.house import house
from vignette.web.api.operations import operation_of
from vignette.web.routes.uploads import upload

ASSETS = Path(__file__).parents[3] / "static" / "assets"
SOURCES = "\n".join(file.read_text() for file in (ASSETS / "tray.js", *sorted((ASSETS / "tray").glob("*.js"))))

# The states are named by the queue, and said by the row.
STATES = {
    "waiting",
    "sending",
    "checking",
    "making",
    "ready",
    "kept",
    "quarantined",
    "failed",
    "gone",
    "here",
    "cancelled",
    "lost",
    "busy",
}
# The script puts the rest of the name behind these.
BEGINNINGS = ("problem_", "unit_", "kind_", "for_", "image/")


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What the page brings, by language."""
    with house(tmp_path) as here:
        found = {}
        for language in ("en", "fr"):
            page = here.client.get("/docs", headers={"Accept": "text/html", "Accept-Language": language}).text
            block = re.search(r'<script type="application/json" id="tray-words">(.*?)</script>', page, re.DOTALL)
            assert block is not None
            found[language] = json.loads(block[1])
    return found


def said() -> set[str]:
    """The words that the script names as a whole."""
    return {name for name in re.findall(r'say\("(\w+)"', SOURCES) if not name.endswith("_")}


def test_a_page_brings_each_word_that_the_script_says_and_no_other(pages: dict[str, dict[str, Any]]) -> None:
    for page in pages.values():
        whole = {name for name in page["words"] if not name.startswith(BEGINNINGS)}
        assert whole == said() | STATES | {"numbers", "titled_numbers"}


def test_each_kind_of_file_that_the_script_tells_apart_has_words(pages: dict[str, dict[str, Any]]) -> None:
    others = re.search(r"const OTHERS = \{(.*?)\n\};", SOURCES, re.DOTALL)
    assert others is not None
    kinds = {f"kind_{name}" for name in re.findall(r"^  (\w+):", others[1], re.MULTILINE)}
    assert {name for name in pages["en"]["words"] if name.startswith("kind_")} == kinds | {"kind_other"}


def test_each_problem_of_an_upload_is_told_in_the_readers_language(pages: dict[str, dict[str, Any]]) -> None:
    operation = operation_of(upload)
    assert operation is not None
    for kind in operation.problems:
        assert pages["en"]["words"][f"problem_{kind.code}"] == kind.title
        assert pages["fr"]["words"][f"problem_{kind.code}"] != kind.title


def test_each_language_has_the_same_words_with_the_same_places(pages: dict[str, dict[str, Any]]) -> None:
    def places(message: Any) -> set[str]:
        forms = [message] if isinstance(message, str) else message.values()
        return {place for form in forms for place in re.findall(r"%\((\w+)\)s", form)}

    english, french = (pages[language]["words"] for language in ("en", "fr"))
    assert [pages[language]["locale"] for language in ("en", "fr")] == ["en", "fr"]
    assert english.keys() == french.keys()
    assert {name: places(message) for name, message in english.items()} == {
        name: places(message) for name, message in french.items()
    }
