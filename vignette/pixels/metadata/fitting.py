"""
Makes a description fit into a number of bytes.

Strangers write megabytes of metadata, and every client that asks for an image is sent its description. The descriptions
of real files are far smaller than the limits. In others, long texts are cut, and what still does not fit is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

# A text that is cut keeps this many characters: a little more than people are shown (`text.MAX_VALUE_CHARS`).
BEGINNING_CHARS: Final = 4096
ELLIPSIS: Final = "…"

# Counted for each name and each value on top of its own text: colon, comma, line end, brackets. Its depth is counted on
# top of that, as if each level were indented by a blank.
_SYNTAX_BYTES: Final = 6
_NOTHING: Final = object()

# The longest that JSON makes of a character (\\u0000), and of a number below `_LARGE`, `true` or `null`.
_CHAR_BYTES: Final = 6
_NUMBER_BYTES: Final = 25
_LARGE: Final = 10**24

# `json.dumps` with an option would make an encoder for each value.
_as_json: Final = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(slots=True)
class Fitted:
    """`value` is what fits; `cut` counts the texts and base64 in it that were cut, `left_out` the values left out."""

    value: Any = None
    cut: int = 0
    left_out: int = 0


def fit(value: dict[str, Any] | list[Any], max_bytes: int, max_chars: int) -> Fitted:
    """
    Return as much of *value* as takes *max_bytes* as JSON.

    A text of over *max_chars* is cut to `BEGINNING_CHARS` and ends in an ellipsis; base64 of over *max_chars* is left
    out of its object. If nothing has to be cut or left out, the result is *value* itself.
    """
    if _at_most(value, 0, max_chars) <= max_bytes:
        return Fitted(value)
    walk = _Walk(max_bytes, max_chars)
    kept = walk.take(value, 0)
    walk.fitted.value = type(value)() if kept is _NOTHING else kept
    return walk.fitted


def _at_most(value: Any, depth: int, max_chars: int) -> float:
    """
    Return a number of bytes that *value* is sure not to exceed, as `_Walk` counts them; infinity for a text that is to
    be cut.

    To find that takes a fifth of the time of a walk, and shows of nearly all parts of real files that they fit.
    """
    line = depth + _SYNTAX_BYTES
    if isinstance(value, str):
        return _CHAR_BYTES * len(value) + 2 + line if len(value) <= max_chars else math.inf
    if isinstance(value, dict):
        total = 2.0 + line
        for name, item in value.items():
            total += _CHAR_BYTES * len(name) + 6 + line + _at_most(item, depth + 1, max_chars)
        return total
    if isinstance(value, list):
        return 2 + line + sum(_at_most(item, depth + 1, max_chars) for item in value)
    return _NUMBER_BYTES + line if value is None or isinstance(value, float) or -_LARGE < value < _LARGE else math.inf


class _Walk:
    def __init__(self, max_bytes: int, max_chars: int) -> None:
        self.fitted = Fitted()
        self._left = max_bytes
        self._max_chars = max_chars

    def take(self, value: Any, depth: int) -> Any:
        """Return as much of *value* as there is room for; `_NOTHING` if there is no room at all."""
        if isinstance(value, str):
            return self._afford(self._shortened(value), depth)
        if isinstance(value, dict) and "type" in value:
            return self._typed(value, depth)
        if isinstance(value, dict):
            return self._all(value.items(), depth, dict)
        if isinstance(value, list):
            return self._all(enumerate(value), depth, lambda items: [item for _, item in items])
        return self._afford(value, depth)

    def _all(self, items: Iterable[tuple[Any, Any]], depth: int, build: Any) -> Any:
        if self._afford(0, depth) is _NOTHING:
            return _NOTHING
        kept = []
        given = 0
        for name, value in items:
            given += 1
            left = self._left
            if isinstance(name, str) and self._afford(name, depth) is _NOTHING:
                continue
            found = self.take(value, depth + 1)
            if found is _NOTHING:
                self._left = left
            else:
                kept.append((name, found))
        # A container that was empty in the file is information; one that we have emptied is not.
        return build(kept) if kept or not given else _NOTHING

    def _typed(self, value: dict[str, Any], depth: int) -> Any:
        if len(value.get("base64", "")) > self._max_chars:
            self.fitted.cut += 1
            value = {name: item for name, item in value.items() if name != "base64"}
        return self._afford(value, depth, lines=len(value) + 2)

    def _shortened(self, text: str) -> str:
        if len(text) <= self._max_chars:
            return text
        self.fitted.cut += 1
        return text[: BEGINNING_CHARS - 1] + ELLIPSIS

    def _afford(self, value: Any, depth: int, lines: int = 1) -> Any:
        size = len(_as_json(value).encode("utf-8", "surrogatepass"))
        size += lines * (depth + _SYNTAX_BYTES)
        if size > self._left:
            self.fitted.left_out += 1
            return _NOTHING
        self._left -= size
        return value
