"""What a key tells by itself: whether it is valid, from where it may be shown, and who shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vignette.access.actors import Actor, Scope
from vignette.access.keys import Key, networks_of

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEY: Final = Key("0123456789abcdef", "ab" * 32, "the phone", frozenset({Scope.UPLOAD, Scope.READ}), NOON)
A_MILLISECOND: Final = timedelta(milliseconds=1)


def test_whoever_shows_it_is_an_actor_with_its_scopes() -> None:
    assert KEY.actor == Actor("0123456789abcdef", frozenset({Scope.UPLOAD, Scope.READ}))


def test_it_is_valid_until_it_expires() -> None:
    key = replace(KEY, expires_at=NOON)

    assert key.is_valid_at(NOON - A_MILLISECOND)
    assert not key.is_valid_at(NOON)
    assert KEY.is_valid_at(NOON + timedelta(days=10_000))


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1", "", None, "nonsense"])
def test_without_networks_it_may_be_shown_from_everywhere(address: str | None) -> None:
    assert KEY.admits(address)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.0/24", ("192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7"), ("192.0.3.0", "2001:db8::1", "::1")),
        ("192.0.2.7", ("192.0.2.7", "::ffff:192.0.2.7"), ("192.0.2.8", "::ffff:192.0.2.8")),
        ("::ffff:192.0.2.0/120", ("192.0.2.7", "::ffff:192.0.2.7"), ("192.0.3.0",)),
        ("2001:db8::/32", ("2001:db8::1", "2001:db8:ffff::"), ("2001:db9::", "192.0.2.7")),
        ("fe80::/10", ("fe80::1%eth0",), ("2001:db8::1",)),
        ("0.0.0.0/0", ("192.0.2.7",), ("2001:db8::1",)),
    ],
)
def test_with_networks_it_may_be_shown_from_there_alone(
    network: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    key = replace(KEY, networks=networks_of(["203.0.113.0/24", network]))

    assert [address for address in inside if not key.admits(address)] == []
    assert [address for address in (*outside, "", None, "unix:", "1.2.3", "x" * 1000) if key.admits(address)] == []


def test_networks_are_written_in_one_way_and_each_once() -> None:
    texts = ["10.0.0.0/8", "2001:DB8:0::/32", "192.0.2.7", "192.0.2.7/32", "::ffff:10.0.0.0/104"]

    assert networks_of(texts) == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.5/8",
        "10.0.0.0/33",
        "home",
        "10.0.0.0/8,10.1.0.0/16",
        "::ffff:10.0.0.0/95",
        "fe80::1%eth0",
        "::1%a,0.0.0.0/0,::1",
    ],
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        networks_of([text])
