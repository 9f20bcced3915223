from __future__ import annotations

import time

import pytest

from vignette.web.http.hosts import Hosts

HOSTS = Hosts(["Pictures.example.org", "192.0.2.7", "2001:DB8::7", "bücher.example"])


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:5000", "localhost.", "127.0.0.1:80", "127.8.9.10", "[::1]", "[::1]:5000", "[0:0::1]"),
        *("pictures.example.org", "PICTURES.example.org:8443", "pictures.example.org.:80", "pictures.example.org:"),
        *("192.0.2.7:5000", "[2001:db8::7]", "[2001:db8:0::7]:1", "xn--bcher-kva.example"),
    ],
)
def test_a_request_for_one_of_our_hosts_is_for_us_whatever_the_port(host: str) -> None:
    assert host in HOSTS


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "evil-localhost", "example.org", "a.pictures.example.org"),
        *("127.0.0.1.evil.example", "192.0.2.8", "[::2]", "0.0.0.0", "[::]", "2130706433", "127.1", "::1"),
        *("localhost@evil.example", "evil.example@localhost", "localhost/", "localhost#", "localhost:80:80"),
        *(
            "localhost:x",
            "localhost, evil.example",
            "evil.example localhost",
            "[::1",
            "[localhost]",
            " localhost",
            ":80",
        ),
        *("localhost\\", "localhost..", "xn--", "a" * 70),
    ],
)
def test_any_other_is_not(host: str) -> None:
    assert host not in HOSTS


@pytest.mark.parametrize("host", ["é" * 60_000, "a." * 30_000, "localhost:" + "1" * 60_000], ids=["é", "a.", "port"])
def test_a_name_that_nobody_can_have_costs_nothing(host: str) -> None:
    began = time.process_time()
    for _ in range(10):
        assert host not in HOSTS

    assert time.process_time() - began < 0.01
