"""A check's word over HTTP: what a sender is told, what `admin` sees and does, and what nobody else gets."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import Client, TestResponse

from tests.check_services import Service, http_service, listening, port_of
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.adapters.checks.http_service import HttpCheck
from vignette.model import ImageId
from vignette.ports.checks import OnError
from vignette.use_cases.screening import Screen, Screening
from vignette.web.fast_path import FastPath

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}
SUSPECT = {"verdict": "quarantine", "reason": "nudity"}


def screening(service: Service, on_error: OnError = OnError.REFUSE) -> Screening:
    return Screening([Screen("moderation", HttpCheck("moderation", service.url, "s" * 16, 20), on_error)])


@pytest.fixture
def service() -> Iterator[Service]:
    with http_service(answer=SUSPECT) as service:
        yield service


@pytest.fixture
def here(tmp_path: Path, service: Service) -> Iterator[House]:
    with new_house(tmp_path, screening=screening(service), settling_s=0) as house:
        yield house


def admin(house: House) -> dict[str, str]:
    _, token = house.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
    return {"Authorization": f"Bearer {token}"}


def send(house: House, *contents: bytes, **options: Any) -> TestResponse:
    files = [FileStorage(io.BytesIO(content), f"{number}.jpg") for number, content in enumerate(contents)]
    return house.client.post("/images", data=MultiDict([("file", file) for file in files]), **options)


class TestTheSender:
    def test_is_told_that_it_waits_and_not_why(self, here: House) -> None:
        answer = send(here, picture(), headers=JSON)

        assert answer.status_code == 202
        assert (answer.json["state"], answer.json["quarantine"], answer.json["id"]) == ("quarantined", None, 0)
        assert "nudity" not in answer.text
        assert "Location" not in answer.headers

    def test_is_told_so_in_each_form(self, here: House) -> None:
        text, answer = send(here, picture()), send(here, picture(), headers=HTML)
        page = here.client.get(answer.headers["Location"], headers=HTML)

        assert (text.status_code, text.text) == (202, "quarantined 0 0.jpg\n")
        assert (answer.status_code, page.status_code) == (303, 200)
        assert "1 waits for a decision" in page.text
        assert "/images/1" not in page.text

    def test_is_told_of_each_of_several_files(self, here: House, service: Service) -> None:
        both = send(here, picture(), picture())
        mixed = send(here, picture(), b"words", headers=JSON)
        page = send(here, picture(), b"words", headers=HTML, follow_redirects=True)

        assert (both.status_code, both.text) == (202, "quarantined 0 0.jpg\nquarantined 1 1.jpg\n")
        assert mixed.status_code == 207
        assert [result["status"] for result in mixed.json["results"]] == [202, 415]
        assert "1 waits for a decision, 1 refused" in page.text
        service.answer = {"verdict": "accept"}
        assert send(here, picture(), picture()).status_code == 201

    def test_is_told_the_same_when_it_is_sent_again(self, here: House, service: Service) -> None:
        key = {"Idempotency-Key": "k", **JSON}
        first = send(here, picture(), headers=key)
        service.answer = {"verdict": "accept"}

        again = send(here, picture(), headers=key)
        assert (again.status_code, again.json) == (202, first.json)
        here.client.post("/images/0/review", json={"decision": "accept"}, headers=admin(here))
        accepted = send(here, picture(), headers=key)
        assert (accepted.status_code, accepted.json["state"]) == (201, "pending")

    def test_hears_of_a_rejection_when_it_is_sent_again(self, here: House) -> None:
        key = {"Idempotency-Key": "k"}
        send(here, picture(), headers=key)
        here.client.post("/images/0/review", json={"decision": "reject"}, headers=admin(here))

        assert send(here, picture(), headers=key).status_code == 410

    def test_is_told_the_reason_of_a_refusal(self, here: House, service: Service) -> None:
        service.answer = {"verdict": "reject", "reason": "no-cats"}
        answer, page = send(here, picture()), send(here, picture(), headers=HTML)

        assert (answer.status_code, answer.json["reason"]) == (422, "no-cats")
        assert answer.json["type"] == "/problems/check-refused"
        assert "<code>no-cats</code>" in page.text
        several = send(here, picture(), picture(), headers=HTML, follow_redirects=True)
        assert several.text.count("<code>no-cats</code>") == 2
        assert here.catalogue.index.next_id() == 0

    def test_is_told_to_come_back_if_the_check_is_away(self, here: House, service: Service) -> None:
        service.status = 500
        answer = send(here, picture())

        assert (answer.status_code, answer.json["type"]) == (503, "/problems/check-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert service.url.split("/")[2] not in answer.text
        assert here.is_clean()

    def test_is_let_go_in_time_by_a_check_that_never_answers(self, tmp_path: Path) -> None:
        with listening(lambda _, ended: ended.wait()) as listener:
            check = HttpCheck("slow", f"http://127.0.0.1:{port_of(listener)}/", "s" * 16, 0.3)
            with new_house(tmp_path, screening=Screening([Screen("slow", check, OnError.REFUSE)])) as house:
                # There are two places: more uploads one after the other show that each was given back.
                assert [send(house, picture()).status_code for _ in range(4)] == [503] * 4
                assert house.is_clean()

    def test_waits_once_for_a_check_that_never_answers_however_many_files_come(self, tmp_path: Path) -> None:
        asked = []
        with listening(lambda _, ended: (asked.append(1), ended.wait())) as listener:
            check = HttpCheck("slow", f"http://127.0.0.1:{port_of(listener)}/", "s" * 16, 1.2)
            with new_house(tmp_path, screening=Screening([Screen("slow", check, OnError.REFUSE)])) as house:
                assert send(house, *[picture()] * 5).status_code == 503

        assert len(asked) == 1


class TestAdmin:
    def test_lists_what_waits_newest_first_with_why(self, here: House) -> None:
        key = admin(here)
        for _ in range(3):
            send(here, picture())
        first = here.client.get("/images?state=quarantined&limit=2", headers=key)
        second = here.client.get(first.json["next"], headers=key)

        assert [image["id"] for image in first.json["images"]] == [2, 1]
        assert [image["id"] for image in second.json["images"]] == [0]
        assert second.json["next"] is None
        found = first.json["images"][0]["quarantine"]
        assert (found["check"], found["reason"], found["since"][-1]) == ("moderation", "nudity", "Z")

    @pytest.mark.parametrize("state", ["", "ready", "QUARANTINED"])
    def test_asks_for_no_other_state(self, here: House, state: str) -> None:
        assert here.client.get(f"/images?state={state}", headers=admin(here)).status_code == 400

    def test_sees_a_preview_and_the_original(self, here: House) -> None:
        key = admin(here)
        send(here, picture())
        here.work()
        for path in ("/images/0", "/vignette/0", "/images/0/original", "/images/0/metadata.txt", "/images/0/public"):
            assert here.client.get(path, headers=key).status_code == 200
            assert here.client.get(path).status_code == 404

    def test_what_admin_is_told_is_in_no_shared_cache(self, here: House) -> None:
        """With open doors, too, where others are told that there is nothing."""
        key = admin(here)
        send(here, picture())
        here.work()
        for path in ("/images/0", "/vignette/0", "/images/0/original", "/images?state=quarantined", "/quarantine"):
            caching = here.client.get(path, headers=key).headers["Cache-Control"]
            assert caching in ("private, no-cache", "no-store")

    def test_accepts(self, here: House) -> None:
        key = admin(here)
        send(here, picture())
        here.work()
        answer = here.client.post("/images/0/review", json={"decision": "accept", "reason": "art"}, headers=key)

        assert (answer.status_code, answer.json["state"], answer.json["quarantine"]) == (200, "ready", None)
        assert here.client.get("/vignette/0").status_code == 200
        again = here.client.post("/images/0/review", json={"decision": "accept"}, headers=key)
        assert (again.status_code, again.json["type"]) == (409, "/problems/image-not-quarantined")

    def test_rejects(self, here: House) -> None:
        key = admin(here)
        send(here, picture())
        answer = here.client.post("/images/0/review", json={"decision": "reject"}, headers=key)

        assert (answer.status_code, answer.data) == (204, b"")
        assert here.client.get("/images/0").status_code == 410
        assert here.client.get("/images?state=quarantined", headers=key).json["images"] == []

    @pytest.mark.parametrize(
        "body", [{}, {"decision": "maybe"}, {"decision": "accept", "reason": "x" * 501}, {"decision": "accept", "x": 1}]
    )
    def test_decides_nothing_by_what_is_no_decision(self, here: House, body: dict[str, object]) -> None:
        key = admin(here)
        send(here, picture())
        for sent in ({"json": body}, {"data": body}):
            answer = here.client.post("/images/0/review", headers=key, **sent)  # type: ignore[arg-type]
            assert answer.status_code == 400
            assert here.catalogue.library.get(ImageId(0)).quarantine is not None

    def test_an_image_that_was_never_in_quarantine_is_not_decided_about(self, here: House, service: Service) -> None:
        service.answer = {"verdict": "accept"}
        send(here, picture())
        for decision in ("accept", "reject"):
            answer = here.client.post("/images/0/review", json={"decision": decision}, headers=admin(here))
            assert answer.status_code == 409
        assert here.client.get("/images/0").status_code == 200


class TestThePage:
    @pytest.fixture
    def browser(self, here: House) -> Client:
        """One that has signed in as admin."""
        _, token = here.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
        here.client.post("/login", data={"key": token}, headers={"Origin": "http://localhost"})
        return here.client

    def test_shows_each_image_with_its_reason_and_two_buttons(self, here: House, browser: Client) -> None:
        send(here, picture(), headers={"Origin": "http://localhost"})
        here.work()
        for language, words in (("en", ("Accept", "Reject and delete")), ("fr", ("Accepter", "Refuser et supprimer"))):
            page = browser.get("/quarantine", headers={**HTML, "Accept-Language": language})
            assert page.status_code == 200
            assert 'action="/images/0/review"' in page.text
            assert all(f">{word}</button>" in page.text for word in words)
            assert "<code>nudity</code>" in page.text
            assert "/vignette/0?" in page.text
            assert page.headers["Cache-Control"] == "no-store"

    def test_its_buttons_work(self, here: House, browser: Client) -> None:
        for number, decision, status in ((0, "accept", 200), (1, "reject", 410)):
            send(here, picture(), headers={"Origin": "http://localhost"})
            answer = browser.post(
                f"/images/{number}/review", data={"decision": decision}, headers={"Origin": "http://localhost"}
            )
            assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/quarantine")
            assert browser.get(f"/images/{number}").status_code == status

    @pytest.mark.parametrize(
        "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_no_other_page_presses_them(self, here: House, browser: Client, headers: dict[str, str]) -> None:
        send(here, picture(), headers={"Origin": "http://localhost"})
        answer = browser.post("/images/0/review", data={"decision": "accept"}, headers=headers)

        assert answer.status_code == 403
        assert here.catalogue.library.get(ImageId(0)).quarantine is not None

    def test_the_page_of_the_image_has_them_too(self, here: House, browser: Client) -> None:
        send(here, picture(), headers={"Origin": "http://localhost"})
        here.work()
        page = browser.get("/images/0", headers=HTML).text

        assert 'action="/images/0/review"' in page
        assert "In quarantine since" in page

    def test_has_pages_of_its_own(self, here: House, browser: Client) -> None:
        for _ in range(51):
            here.upload(picture())
        page = browser.get("/quarantine", headers=HTML).text

        assert "/quarantine?before=1" in page
        assert 'action="/images/0/review"' in browser.get("/quarantine?before=1", headers=HTML).text
        assert browser.get("/quarantine?before=x", headers=HTML).status_code == 400

    def test_only_admin_is_led_there(self, here: House, browser: Client) -> None:
        assert 'href="/quarantine"' in browser.get("/images", headers=HTML).text
        assert 'href="/quarantine"' not in here.app.test_client().get("/images", headers=HTML).text


def test_what_is_kept_for_everybody_is_never_an_answer_for_admin(here: House, service: Service) -> None:
    """Nor is an answer given any more that was kept before the image came into quarantine."""
    service.answer = {"verdict": "accept"}
    send(here, picture())
    here.work()
    client = Client(FastPath(here.app.wsgi_app, here.store.edition))
    _, token = here.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
    client.post("/login", data={"key": token}, headers={"Origin": "http://localhost"})
    visitor = Client(client.application)
    for _ in range(3):
        assert client.get("/vignette/0").headers["Cache-Control"] == "private, no-cache"
    for _ in range(3):
        assert visitor.get("/vignette/0").headers["Cache-Control"].startswith("public")

    here.reviewing.suspect(ImageId(0), "block-list", "known")

    for _ in range(3):
        assert visitor.get("/vignette/0").status_code == 404
        assert client.get("/vignette/0").status_code == 200


def test_an_owner_is_told_of_it_in_the_answer_alone(tmp_path: Path, service: Service) -> None:
    with new_house(tmp_path, screening=screening(service), access=Access.CLOSED) as house:
        _, token = house.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD, Scope.READ, Scope.DELETE])
        key = {"Authorization": f"Bearer {token}"}
        answer = send(house, picture(), headers={**key, **JSON})
        name = answer.json["public_name"]

        assert (answer.status_code, answer.json["state"]) == (202, "quarantined")
        assert house.client.get(f"/images/{name}", headers=key).status_code == 404
        assert house.client.delete(f"/images/{name}", headers=key).status_code == 404
        assert house.client.get("/images", headers=key).json["images"] == []
        house.client.post(f"/images/{name}/review", json={"decision": "accept"}, headers=admin(house))
        assert house.client.get(f"/images/{name}", headers=key).status_code == 200
