"""Strangers who hold connections keep nobody else out: a healthy client is served beside each attack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.running import Service, http_client, running_service, until
from vignette.limits import TURNS, TURNS_WAITED_FOR
from vignette.trials.strangers import Attack, attacking, attacks, hammering

# More than granian accepts by default (`--backpressure`): as long as they lasted, nobody else was answered.
CONNECTIONS = 1200

ORIGINAL = "/images/0/original"
LARGE = picture(2500, 1500, "BMP")  # more than the kernel keeps for a client that does not read

# A slow transfer gives way after 5 seconds; without that, all would stand for 40.
SOON_S = 20.0

ATTACKS = attacks(ORIGINAL, CONNECTIONS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), web_threads=16) as service:
        assert post(service, LARGE, "image/bmp").status_code == 201
        yield service


def post(service: Service, content: bytes, media_type: str = "image/jpeg") -> httpx.Response:
    return http_client.post(f"{service.url}/images", content=content, headers={"Content-Type": media_type})


def port_of(service: Service) -> int:
    port = httpx.URL(service.url).port
    assert port
    return port


@pytest.mark.skipif(sys.platform != "linux", reason="strangers come from 127.0.0.2")
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_a_healthy_client_is_served_beside(service: Service, attack: Attack) -> None:
    with attacking(port_of(service), attack) as strangers:
        until(lambda: strangers.opened >= min(attack.connections, 60))
        if attack.name in ("idle connections", "half heads", "kept alive"):
            until(lambda: strangers.open >= CONNECTIONS)

        for _ in range(20):
            assert http_client.get(f"{service.url}/images", timeout=5).status_code == 200
        until(lambda: post(service, picture()).status_code == 201, SOON_S)
        until(lambda: http_client.get(f"{service.url}{ORIGINAL}").content == LARGE, SOON_S)


@pytest.mark.skipif(sys.platform != "linux", reason="strangers come from 127.0.0.2")
def test_a_healthy_client_has_its_turn_beside_those_who_ask_for_pages(service: Service) -> None:
    with hammering(port_of(service), 2 * (TURNS + TURNS_WAITED_FOR)) as hammer:
        for _ in range(10):
            assert http_client.get(f"{service.url}/images").status_code == 200
            assert post(service, picture()).status_code == 201

    assert hammer.answered["503"] > 0
    assert hammer.answered["200"] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="strangers come from 127.0.0.2")
def test_if_connections_are_short_idle_ones_are_ended(tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 512; exec "$0" -m vignette serve', sys.executable)
    with (
        running_service(tmp_path, command=few) as service,
        attacking(port_of(service), Attack("idle connections", 600)) as strangers,
    ):
        until(lambda: strangers.opened >= 600)

        for _ in range(5):
            assert http_client.get(f"{service.url}/images", timeout=5).status_code == 200
        assert post(service, picture()).status_code == 201
