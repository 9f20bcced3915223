"""Places in lists: the same each time, told to nobody, made by nobody else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vignette.access.cursors import PATTERN, cursor_of, place_of
from vignette.model import ImageId

SECRET = bytes(range(32))
NUMBERS = st.integers(0, 2**63 - 1).map(ImageId)


@given(NUMBERS)
def test_a_cursor_is_a_place_again(number: ImageId) -> None:
    cursor = cursor_of(SECRET, number)

    assert re.fullmatch(PATTERN, cursor)
    assert cursor == cursor_of(SECRET, number)
    assert place_of(SECRET, cursor) == number
    assert place_of(bytes(32), cursor) is None


@given(NUMBERS, st.integers(1, 25), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_one_is_none(number: ImageId, at: int, other: str) -> None:
    cursor = cursor_of(SECRET, number)
    changed = cursor[:at] + other + cursor[at + 1 :]

    assert place_of(SECRET, changed) == (number if changed == cursor else None)


@pytest.mark.parametrize("other", ["", "~", "a" * 26, "~" + "a" * 26, "~" + "1" * 26, "~" + "a" * 27])
def test_no_other_text_is_one(other: str) -> None:
    assert place_of(SECRET, other) is None


def test_neighbours_do_not_look_alike() -> None:
    one, other = (cursor_of(SECRET, ImageId(number)) for number in (7, 8))

    assert sum(a == b for a, b in zip(one[1:], other[1:], strict=True)) < 8
