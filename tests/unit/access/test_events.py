"""Who is called what in events, and how much of an address is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vignette.access import actors
from vignette.access.actors import Actor, Scope
from vignette.access.events import Addresses, kept, name_of


@pytest.mark.parametrize(
    ("address", "whole", "network"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::1", "fe80::/48"),
        ("a socket", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_of_an_address_no_more_is_kept_than_the_setting_says(
    address: str | None, whole: str | None, network: str | None
) -> None:
    assert kept(address, Addresses.FULL) == whole
    assert kept(address, Addresses.NETWORK) == network
    assert kept(address, Addresses.NONE) is None


def test_an_actor_is_called_by_the_key_that_he_has_shown() -> None:
    assert name_of(Actor("0123456789abcdef", frozenset(Scope))) == "0123456789abcdef"
    assert name_of(replace(actors.NOBODY, address="192.0.2.7")) == "nobody"
    assert name_of(actors.OPERATOR) == "operator"


def test_an_address_makes_nobody_another_actor() -> None:
    assert replace(actors.NOBODY, address="192.0.2.7") == actors.NOBODY
