"""What is said of a value that does not fit, to whoever has sent it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from vignette.misfits import plain_words
from vignette.web.routes.images.editing import ImagePatch
from vignette.web.routes.keys import KeyPatch, NewKey
from vignette.web.routes.links import NewLink
from vignette.web.routes.quarantine import NewDecision
from vignette.web.routes.tickets import NewTicket

BODIES = [ImagePatch, KeyPatch, NewDecision, NewKey, NewLink, NewTicket]
VALUES = (
    *(None, True, -1, 1.5, 10**30, "", "x" * 2000, "2027-01-31T12:00:00", "2027-13-31T12:00:00Z"),
    *([], {}, [1], [None], ["x"] * 1000, {"images": None, "bytes": True}),
)
OF_PYTHON = re.compile(
    r"(?i:\b(?:tuple|frozenset|set|dict\w*|float|datetime|timezone|string)\b)|\b(?:None|True|str|int)\b"
)


def misfits(kind: type[BaseModel]) -> Iterator[Any]:
    for content in (*VALUES, *({name: value} for name in (*kind.model_fields, "nothing") for value in VALUES)):
        try:
            kind.model_validate_json(json.dumps(content))
        except ValidationError as error:
            yield from error.errors()


@pytest.mark.parametrize("kind", BODIES)
def test_no_misfit_in_a_body_is_told_in_words_of_python(kind: type[BaseModel]) -> None:
    told = {plain_words(item) for item in misfits(kind)}

    assert {"is missing", "is no field"} & told
    assert {words for words in told if OF_PYTHON.search(words)} == set()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"scopes": "read"}, "should be a list"),
        ({"scopes": []}, "should hold at least one entry"),
        ({"networks": ["x"] * 1000}, "should hold at most 50 entries"),
        ({"name": ""}, "should have at least 1 character"),
        ({"name": None}, "should be text"),
        ({"expires_at": "2027-01-31T12:00:00"}, "should be a time with its zone, as 2027-01-31T12:00:00Z"),
        ({"quota": {"images": 1.5}}, "should be a whole number"),
    ],
)
def test_it_is_told_what_would_fit(content: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        KeyPatch.model_validate_json(json.dumps(content))

    assert [plain_words(item) for item in caught.value.errors()] == [words]
