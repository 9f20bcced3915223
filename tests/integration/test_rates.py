"""The real service: its processes count together, and go on without the server by which they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import httpx

from tests.house import picture
from tests.running import Service, http_client, running_service, until
from vignette.access.secrets import new_token

ASKED: Final = 40


def statuses(service: Service, path: str, **headers: str) -> list[int]:
    """Ask over many connections, so that each web process has some of them."""
    return [httpx.get(f"{service.url}{path}", headers=headers).status_code for _ in range(ASKED)]


def rates(service: Service) -> list[tuple[str, int, int]]:
    told = http_client.get(f"{service.url}/limits").json().get("rates", [])
    return [(rate["policy"], rate["units"], rate["window_s"]) for rate in told]


def test_all_processes_together_give_an_address_what_it_may_have(tmp_path: Path) -> None:
    limits = {"limit_rates": "always", "units_per_minute_of_address": 20, "requests_per_second": 0}
    with running_service(tmp_path, web_processes=2, **limits) as service:
        # On a busy machine the server may answer too late, and a process tells its share.
        until(lambda: rates(service) == [("address", 20, 60)])

        asked = statuses(service, "/images")
        # Each process may have some requests answered by its share, which is half; but never by all of both windows.
        assert asked.count(200) < 40
        assert {429} <= set(asked) <= {200, 429, 503}
        assert http_client.get(f"{service.url}/healthz").status_code == 200


def test_without_the_queue_the_service_answers_and_limits_all_the_same(tmp_path: Path) -> None:
    limits = {"limit_rates": "always", "units_per_minute_of_address": 20, "broker_url": "redis://127.0.0.1:1/0"}
    with running_service(tmp_path, web_processes=2, **limits) as service:
        answers = [httpx.get(f"{service.url}/images", headers={"Accept": "application/json"}) for _ in range(ASKED)]

        assert answers[0].status_code == 200
        assert {answer.status_code for answer in answers} == {200, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.json()["type"].endswith("#temporary-reduced-capacity")


def test_keys_that_are_not_valid_and_requests_without_number_end(tmp_path: Path) -> None:
    limits = {"limit_rates": "always", "wrong_keys_of_address": 5, "requests_per_second": 10}
    with running_service(tmp_path, web_processes=1, access="gallery", **limits) as service:
        words = service.words()
        assert re.search("first-key", words)

        def guess() -> int:
            return http_client.get(
                f"{service.url}/images", headers={"Authorization": f"Bearer {new_token()}"}
            ).status_code

        guessed = [guess() for _ in range(10)]
        assert guessed[:5] == [401] * 5
        assert guessed[-1] == 429
        assert http_client.get(f"{service.url}/images").status_code == 200

        until(lambda: http_client.get(f"{service.url}/assets/vignette.css").status_code == 429)
        refused = http_client.post(f"{service.url}/images", content=picture(), headers={"Content-Type": "image/jpeg"})
        assert refused.status_code in (401, 429)
