"""The French words are all there, and the compiled catalogue is made from them; `script/translate` sees to both."""

from __future__ import annotations

import io
import re
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from vignette.errors import SettingsError, VignetteError
from vignette.pixels.metadata.privacy import KINDS
from vignette.web.pages.advice import ADVICE, UNITS
from vignette.web.pages.i18n import TRANSLATIONS_FOLDER
from vignette.web.pages.revelations import REVELATIONS

PROJECT = Path(__file__).parents[3]
FRENCH = TRANSLATIONS_FOLDER / "fr" / "LC_MESSAGES" / "messages.po"


def french() -> Catalog:
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def messages() -> list[Message]:
    return [message for message in french() if message.id]


def texts(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Singular and plural of a message, or its one text."""
    return (value,) if isinstance(value, str) else tuple(value)


def first_words(message: Message) -> str:
    return texts(message.id)[0][:40]


def words_in_the_sources() -> set[tuple[str, ...]]:
    with (PROJECT / "babel.cfg").open() as file:
        method_map, options_map = parse_mapping_cfg(file)
    return {
        texts(found[2])
        for folder in ("vignette", "templates")
        for found in extract_from_dir(PROJECT / folder, method_map, options_map)
    }


def codes() -> set[str]:
    def tree(kind: type[VignetteError]) -> list[type[VignetteError]]:
        return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]

    return {kind.code for kind in tree(VignetteError) if kind is not SettingsError}


def test_every_message_of_the_sources_is_in_the_french_catalogue_and_no_other():
    assert {texts(message.id) for message in messages()} == words_in_the_sources()


def test_every_message_has_its_french_words():
    assert [first_words(message) for message in messages() if message.fuzzy or not all(texts(message.string))] == []


def test_the_french_words_take_what_the_english_ones_take():
    def slots(text: str) -> set[str]:
        return set(re.findall(r"%\(\w+\)s|</?\w+>", text))

    differing = [
        first_words(message)
        for message in messages()
        if any(slots(text) != slots(texts(message.id)[-1]) for text in texts(message.string))
    ]

    assert differing == []


def test_french_punctuation_never_begins_a_line():
    breakable = [text for message in messages() for text in texts(message.string) if re.search(r" [:;!?»]|« ", text)]

    assert breakable == [], "a no-break space belongs there"


def test_the_compiled_catalogue_is_made_from_the_words():
    compiled = io.BytesIO()

    write_mo(compiled, french())

    assert FRENCH.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_every_problem_comes_with_advice():
    assert set(ADVICE) == codes()


def test_every_measured_problem_is_one_that_exists():
    assert set(UNITS) <= codes()


def test_every_kind_of_revelation_comes_with_words():
    assert set(REVELATIONS) == set(KINDS)
