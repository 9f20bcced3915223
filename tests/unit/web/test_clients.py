"""Who the client is: the peer, or whom the proxies that we trust name; nobody else is believed."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

import pytest
from flask import Flask

from vignette.web.http.clients import (
    CLIENT,
    NamedClients,
    address_of_this_request,
    client_of,
    holder_of,
    holder_of_this_request,
)

TRUSTED = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "2001:db8::/32", "127.0.0.1")))


def client(peer: str, **headers: str) -> str:
    return client_of({"REMOTE_ADDR": peer} | {f"HTTP_{name}": value for name, value in headers.items()}, TRUSTED)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("10.9.9.9,10.1.2.3", "10.9.9.9"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db9::1]:4711", "2001:db9::1"),
        ("2001:db9::1", "2001:db9::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, unknown", "10.0.0.1"),
        ("203.0.113.7, unknown, 10.1.2.3", "10.1.2.3"),
        ("'; drop table", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_right_most_address_that_no_trusted_proxy_has_is_the_client(written: str, expected: str) -> None:
    assert client("10.0.0.1", X_FORWARDED_FOR=written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ("for=198.51.100.1;proto=https, For=203.0.113.7;by=10.0.0.1", "203.0.113.7"),
        ('proto=http;for="[2001:db9::1]:4711"', "2001:db9::1"),
        ("for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ('for="198.51.100.1, for=203.0.113.7', "203.0.113.7"),
    ],
)
def test_forwarded_is_read_as_well(written: str, expected: str) -> None:
    assert client("10.0.0.1", FORWARDED=written) == expected


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db9::1]:4711", "2001:db9::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("unix:", None),
        ("", None),
    ],
)
def test_the_address_of_a_client_has_no_port(peer: str, address: str | None) -> None:
    with Flask("test").test_request_context(environ_overrides={"REMOTE_ADDR": peer}):
        assert address_of_this_request() == address


def test_nobody_else_is_believed() -> None:
    assert client("203.0.113.9", X_FORWARDED_FOR="198.51.100.1", FORWARDED="for=198.51.100.1") == "203.0.113.9"
    assert client("", X_FORWARDED_FOR="198.51.100.1") == ""


def test_of_two_headers_that_differ_none_is_believed() -> None:
    assert client("10.0.0.1", X_FORWARDED_FOR="203.0.113.7", FORWARDED="for=198.51.100.1") == "10.0.0.1"
    assert client("10.0.0.1", X_FORWARDED_FOR="203.0.113.7", FORWARDED="for=203.0.113.7") == "203.0.113.7"


def test_a_head_full_of_addresses_costs_next_to_nothing() -> None:
    begun = time.process_time()
    for _ in range(100):
        assert client("10.0.0.1", X_FORWARDED_FOR="10.0.0.2," * 7000 + "10.0.0.3") == "10.0.0.2"
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("", "unix:", True),
    ],
)
def test_a_network_of_one_customer_is_one_holder(one: str, other: str, is_same: bool) -> None:
    assert (holder_of(one) == holder_of(other)) is is_same


@pytest.mark.parametrize(("trusted", "expected"), [(TRUSTED, "203.0.113.7"), ((), "127.0.0.1")])
def test_a_request_carries_its_client(trusted: Any, expected: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: holder_of_this_request())
    seen: list[Any] = []

    def noting(environ: Any, start_response: Any) -> Any:
        seen.append(environ[CLIENT])
        return inner(environ, start_response)

    inner = app.wsgi_app
    app.wsgi_app = NamedClients(noting, trusted)  # type: ignore[method-assign]

    assert app.test_client().get("/", headers={"X-Forwarded-For": "203.0.113.7"}).text == expected
    assert seen == [expected]
