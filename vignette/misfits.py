"""What pydantic finds wrong with a value, for people who know nothing of Python."""

from __future__ import annotations

from typing import Final

from pydantic_core import ErrorDetails

_WHOLE: Final = "should be a whole number"
_TIME: Final = "should be a time with its zone, as 2027-01-31T12:00:00Z"

# Where pydantic's words are those of Python, by its names for what is wrong.
_WORDS: Final = {
    "bool_type": "should be true or false",
    "dataclass_type": "should be a table",
    "datetime_parsing": _TIME,
    "datetime_type": _TIME,
    "extra_forbidden": "is no field",
    "frozen_set_type": "should be a list",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "missing": "is missing",
    "path_type": "should be text",
    "string_type": "should be text",
    "timezone_aware": _TIME,
    "too_long": "should hold at most {max_length} entries",
    "too_short": "should hold at least one entry",
    "tuple_type": "should be a list",
}

_OPENINGS: Final = ("Value error, ", "Input ", "String ")


def plain_words(item: ErrorDetails) -> str:
    """Say what is wrong with the value that *item* is about, in words to follow its name."""
    if words := _WORDS.get(item["type"]):
        return words.format(**item.get("ctx", {}))
    words = item["msg"]
    for opening in _OPENINGS:
        words = words.removeprefix(opening)
    return words
