"""Tokens: random, told from mistyped ones, and never kept."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vignette.access.secrets import (
    DELETE_PREFIX,
    OFFER_PREFIX,
    PREFIX,
    SESSION_PREFIX,
    TICKET_PREFIX,
    digest_of,
    is_well_formed,
    new_token,
)

KINDS = [PREFIX, SESSION_PREFIX, OFFER_PREFIX, TICKET_PREFIX, DELETE_PREFIX]
TOKENS = st.builds(new_token)
LENGTH = 62


def test_a_token_is_known_by_its_beginning_and_its_length() -> None:
    token = new_token()

    assert re.fullmatch(r"vk_[a-z2-7]{59}", token)
    assert is_well_formed(token)


def test_tokens_differ_in_each_of_their_random_characters() -> None:
    tokens = [new_token() for _ in range(200)]

    assert len(set(tokens)) == 200
    # The last of the 52 holds one bit alone.
    assert [len(set(column)) > 20 for column in zip(*tokens, strict=True)][3:54] == [True] * 51


@given(TOKENS, st.integers(0, LENGTH - 1), st.characters())
def test_a_changed_character_is_told(token: str, at: int, other: str) -> None:
    changed = token[:at] + other + token[at + 1 :]

    assert is_well_formed(changed) == (changed == token)


@given(TOKENS, st.integers(0, LENGTH - 1))
def test_a_lost_character_is_told(token: str, at: int) -> None:
    assert not is_well_formed(token[:at] + token[at + 1 :])


@given(TOKENS, st.integers(0, LENGTH), st.characters())
def test_a_character_too_many_is_told(token: str, at: int, other: str) -> None:
    assert not is_well_formed(token[:at] + other + token[at:])


@given(TOKENS, st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_swapped_characters_are_told(token: str, one: int, other: int) -> None:
    swapped = list(token)
    swapped[one], swapped[other] = swapped[other], swapped[one]

    assert is_well_formed("".join(swapped)) == ("".join(swapped) == token)


@given(st.text())
def test_no_other_text_is_a_token(text: str) -> None:
    assert not is_well_formed(text)


@pytest.mark.parametrize("mistyped", ["{upper}", " {token}", "{token} ", "{token}\n"])
def test_white_space_and_capitals_are_told(mistyped: str) -> None:
    token = new_token()

    assert not is_well_formed(mistyped.format(token=token, upper=token.upper()))


@pytest.mark.parametrize("prefix", KINDS)
def test_a_token_is_of_one_kind(prefix: str) -> None:
    token = new_token(prefix)

    assert [kind for kind in KINDS if is_well_formed(token, kind)] == [prefix]


def test_the_digest_is_that_of_the_whole_token() -> None:
    token = new_token()

    assert digest_of(token) == hashlib.sha256(token.encode()).hexdigest()


def test_a_token_of_an_earlier_release_is_well_formed() -> None:
    """Tokens are in the hands of others: their form never changes."""
    assert is_well_formed("vk_" + "a" * 52 + "ye7noei")
