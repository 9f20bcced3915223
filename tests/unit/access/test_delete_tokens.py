"""Tokens by which an image is taken back: good for one image, made by nobody but the service."""

from __future__ import annotations

from base64 import b32decode
from dataclasses import replace
from datetime import UTC, datetime

from vignette.access.actors import NOBODY, OPERATOR, Actor
from vignette.access.delete_tokens import is_good_for, is_token_for, is_told_to, token_for
from vignette.access.secrets import DELETE_PREFIX, is_well_formed, new_token, token_of
from vignette.model import ImageFacts, PublicName, Record

SECRET = bytes(range(32))
NAME, OTHER = PublicName("a" * 26), PublicName("b" * 26)
RECORD = Record(None, ImageFacts("image/jpeg", "jpg", 1, 1, 1), 1, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC))


def test_it_is_the_same_each_time_and_in_each_release() -> None:
    token = token_for(SECRET, NAME)

    assert token == "vd_bmgooyjyymd3ybz3kiwaf5dotzo5opx3cqgst6iknymkgrbfqowq3ylluyi"
    assert is_well_formed(token, DELETE_PREFIX)
    assert is_token_for(SECRET, NAME, token)


def test_it_is_good_for_one_image_of_one_service() -> None:
    token = token_for(SECRET, NAME)

    assert not is_token_for(SECRET, OTHER, token)
    assert not is_token_for(bytes(32), NAME, token)
    almost = token_of(DELETE_PREFIX, b32decode(f"{token[3:55].upper()}====")[:-1] + b"\0")
    assert (almost[:50], is_well_formed(almost, DELETE_PREFIX)) == (token[:50], True)
    for other in ("", "vd_", "vd_é", token[:-1], token.upper(), almost, new_token(DELETE_PREFIX), f"vk_{token[3:]}"):
        assert not is_token_for(SECRET, NAME, other)


def test_only_who_shows_no_key_is_told_one_and_only_for_what_has_no_owner() -> None:
    owned = replace(RECORD, owner="0" * 16)

    assert is_told_to(NOBODY, RECORD)
    assert not is_told_to(Actor("1" * 16), RECORD)
    assert not is_told_to(NOBODY, owned)
    assert (is_good_for(RECORD), is_good_for(owned)) == (True, False)
    assert is_told_to(OPERATOR, RECORD)  # he shows none either
