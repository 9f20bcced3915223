"""Pages of other sites use a key from the origins that it names, and from no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from werkzeug.test import TestResponse

from tests.contract.asking import problem
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.web.cors import KnownOrigins

APP: Final = "https://app.example.org"
EVIL: Final = "https://evil.example.net"
SCOPES: Final = (Scope.UPLOAD, Scope.READ, Scope.DELETE)


class Site:
    def __init__(self, house: House) -> None:
        self.house = house
        self.key, self.token = house.keyholding.add(OPERATOR, "app", SCOPES, origins=[APP])
        _, self.other = house.keyholding.add(OPERATOR, "phone", SCOPES)

    def ask(self, method: str, path: str, origin: str, token: str | None) -> TestResponse:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = picture() if method == "POST" else b""
        return self.house.client.open(path, method=method, data=body, content_type="image/jpeg", headers=headers)

    def preflight(self, origin: str, path: str = "/images") -> TestResponse:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Sec-Fetch-Site": "cross-site",
        }
        return self.house.client.options(path, headers=headers)


@pytest.fixture(params=[Access.GALLERY, Access.OPEN])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with new_house(tmp_path, access=request.param) as house:
        yield Site(house)


def test_a_page_of_a_named_origin_uploads_and_reads_what_came_of_it(site: Site) -> None:
    sent = site.ask("POST", "/images", APP, site.token)
    image = sent.headers["Location"].removeprefix("http://localhost")
    refused = site.ask("GET", "/images/none", APP, site.token)

    assert (sent.status_code, refused.status_code) == (201, 404)
    for answer in (sent, refused, site.ask("GET", image, APP, site.token)):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Origin" in answer.vary
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_any_other_page_is_refused(site: Site, method: str) -> None:
    image = site.house.upload(picture(), actor=site.key.actor)
    path = "/images" if method == "POST" else f"/images/{image.id}"
    for origin, token in ((EVIL, site.token), (APP, site.other), ("null", site.token), (f"{APP}.net", site.token)):
        answer = site.ask(method, path, origin, token)

        assert problem(answer)["type"] == "/problems/cross-site-request"
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.house.catalogue.index.next_id() == 1


def test_a_key_that_is_none_opens_nothing_to_anybody(site: Site) -> None:
    answer = site.ask("POST", "/images", EVIL, "vk_none")

    assert answer.status_code == 401
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.ask("POST", "/images", APP, None).status_code == 403


@pytest.mark.parametrize("shown", ["Basic vk_none", "Token vk_none", "vk_none", "Bearer vt_none", "Bearer"])
def test_what_is_no_key_lets_no_page_do_what_anybody_may(site: Site, shown: str) -> None:
    headers = {"Origin": APP, "Authorization": shown}
    answer = site.house.client.post("/images", data=picture(), content_type="image/jpeg", headers=headers)

    assert answer.status_code in (401, 403)
    assert site.house.catalogue.index.next_id() == 0


def test_a_browser_that_asks_first_hears_of_origins_that_a_key_names(site: Site) -> None:
    known, unknown = site.preflight(APP), site.preflight(EVIL)

    assert (known.status_code, unknown.status_code) == (204, 204)
    assert known.headers["Access-Control-Allow-Origin"] == APP
    assert "Authorization" in known.headers["Access-Control-Allow-Headers"]
    assert "POST" in known.headers["Access-Control-Allow-Methods"]
    assert not [name for name, _ in unknown.headers if name.startswith("Access-Control")]


def test_a_question_that_is_no_preflight_is_answered_as_ever(site: Site) -> None:
    answer = site.house.client.options("/images", headers={"Authorization": f"Bearer {site.token}"})

    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]


def test_an_origin_that_was_taken_back_is_refused_at_once(site: Site) -> None:
    assert site.ask("GET", "/images", APP, site.token).status_code == 200

    site.house.keyholding.change(OPERATOR, site.key.id, origins=[])

    assert site.ask("GET", "/images", APP, site.token).status_code == 403


def test_the_page_of_the_service_itself_needs_no_permission(site: Site) -> None:
    answer = site.ask("GET", "/images", "http://localhost", site.other)

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_a_browser_that_asks_first_hears_is_looked_up_anew_after_some_seconds() -> None:
    now, named, asked = 0.0, {APP}, []

    def read() -> set[str]:
        asked.append(now)
        return set(named)

    known = KnownOrigins(read, clock=lambda: now)
    assert (APP in known, EVIL in known) == (True, False)
    named.clear()
    now = 4.9
    assert APP in known
    now = 5.0
    assert APP not in known
    assert asked == [0.0, 5.0]
