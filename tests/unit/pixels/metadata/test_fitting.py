"""A description that fits is left as it is; and what fits is counted as exactly as ever, however quickly it is seen."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vignette.pixels.metadata import fitting

_TEXTS = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["", "\0" * 9, "𝄞" * 7, "\ud800", "a" * 60])
_LEAVES = _TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
_TYPED = st.dictionaries(_TEXTS, _LEAVES, max_size=4).map(lambda fields: {"type": "bytes", "base64": "QQ=="} | fields)
_TYPED = _TYPED.filter(lambda fields: isinstance(fields["base64"], str))
_VALUES = st.recursive(
    _LEAVES | _TYPED, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXTS, inner, max_size=5)
)
_PARTS = st.dictionaries(_TEXTS, _VALUES, max_size=6) | st.lists(_VALUES, max_size=6)


@given(_PARTS, st.integers(0, 3000), st.integers(0, 80))
def test_a_quick_look_finds_nothing_else_than_a_walk(part: Any, max_bytes: int, max_chars: int) -> None:
    walk = fitting._Walk(max_bytes, max_chars)
    walked = walk.take(part, 0)

    fitted = fitting.fit(part, max_bytes, max_chars)

    assert fitted.value == (type(part)() if walked is fitting._NOTHING else walked)
    assert (fitted.cut, fitted.left_out) == (walk.fitted.cut, walk.fitted.left_out)


def test_what_fits_with_room_to_spare_is_not_copied() -> None:
    part = {"IFD0": {"Make": "Maker", "XResolution": {"type": "rational", "numerator": 72, "denominator": 1}}}

    assert fitting.fit(part, 2000, 100).value is part
