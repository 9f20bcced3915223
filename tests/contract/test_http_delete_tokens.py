"""Whoever has sent an image without a key takes it back by its delete token, and nobody does so without."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER, JSON
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.delete_tokens import token_for
from vignette.access.names import new_name
from vignette.access.policy import Access
from vignette.adapters.sql import library
from vignette.errors import StoreUnavailable
from vignette.model import Image
from vignette.web.request_log import RequestLog
from vignette.wiring.use_cases import build_service_secret

REFUSED = "/problems/invalid-delete-token"


@pytest.fixture(params=list(Access))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=request.param) as built:
        yield built


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path) as built:
        yield built


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=Access.CLOSED) as built:
        yield built


def send(house: House, accept: str = JSON, content: bytes | None = None, **headers: str) -> TestResponse:
    return house.client.post(
        "/images", data=content or picture(), content_type="image/jpeg", headers={"Accept": accept, **headers}
    )


def unowned(house: House) -> tuple[Image, str]:
    """An image without an owner, and its token."""
    image = house.upload(picture(), actor=OPERATOR)
    secret = build_service_secret(house.store, house.catalogue).derived("delete tokens")
    assert secret is not None
    assert image.public_name is not None
    return image, token_for(secret, image.public_name)


class TestTheAnswerToAnUpload:
    @pytest.mark.parametrize("accept", [JSON, "text/plain", BROWSER])
    def test_tells_it_in_a_header(self, open_house: House, accept: str) -> None:
        answer = send(open_house, accept)

        assert re.fullmatch(r"vd_[a-z2-7]{59}", answer.headers["Delete-Token"])
        assert answer.headers["Cache-Control"] == "no-store"
        assert (
            open_house.client.delete("/images/0", headers={"Delete-Token": answer.headers["Delete-Token"]}).status_code
            == 204
        )

    def test_tells_it_in_json_of_each_file(self, open_house: House) -> None:
        one = send(open_house)
        several = open_house.client.post(
            "/images",
            data={"file": [(io.BytesIO(picture()), "a.jpg"), (io.BytesIO(b"words"), "b.jpg")]},
            headers={"Accept": JSON},
        )

        assert one.json["delete_token"] == one.headers["Delete-Token"]
        first, refused = several.json["results"]
        assert first["image"]["delete_token"].startswith("vd_")
        assert first["image"]["delete_token"] != one.json["delete_token"]
        assert refused["image"] is None

    def test_tells_none_to_who_shows_a_key(self, house: House) -> None:
        _, token = house.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        answer = send(house, Authorization=f"Bearer {token}")

        assert answer.status_code == 201
        assert answer.json["delete_token"] is None
        assert "Delete-Token" not in answer.headers

    def test_is_the_same_when_it_is_sent_again(self, open_house: House) -> None:
        first, again = (send(open_house, **{"Idempotency-Key": "k"}) for _ in range(2))

        assert first.json["public_name"] == again.json["public_name"]
        assert first.json["delete_token"] == again.json["delete_token"]

    def test_tells_none_of_an_image_that_somebody_has_sent_with_a_key(self, open_house: House) -> None:
        key, _ = open_house.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        open_house.upload(picture(), key="k", actor=key.actor)

        assert send(open_house, **{"Idempotency-Key": "k"}).json["id"] == 1  # another one, of nobody

    def test_comes_without_it_where_no_secret_can_be_kept(
        self, open_house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise StoreUnavailable("read-only")

        monkeypatch.setattr(open_house.store, "write_service", fail)
        answer = send(open_house)

        assert (answer.status_code, answer.json["delete_token"]) == (201, None)


WAYS = {
    "header": lambda ref, token: ("DELETE", f"/images/{ref}", {"Delete-Token": token}),
    "query": lambda ref, token: ("DELETE", f"/images/{ref}?token={token}", {}),
    "form": lambda ref, token: ("POST", f"/images/{ref}/delete?token={token}", {"Accept": BROWSER}),
}


def ask(house: House, way: str, ref: object, token: str, **headers: str) -> TestResponse:
    method, path, of_way = WAYS[way](ref, token)
    return house.client.open(path, method=method, headers={**of_way, **headers})


@pytest.mark.parametrize("way", WAYS)
class TestWhoeverHasIt:
    def test_deletes_the_image_in_each_mode_and_once(self, house: House, way: str) -> None:
        image, token = unowned(house)

        assert ask(house, way, image.public_name, token).status_code == (200 if way == "form" else 204)
        assert house.catalogue.library.get(image.id).state.is_gone
        assert ask(house, way, image.public_name, token).status_code == 404

    def test_hears_no_number_while_a_worker_keeps_the_deletion_from_its_end(self, closed: House, way: str) -> None:
        image, token = unowned(closed)
        assert closed.catalogue.renderings.claim(image.id, 60) is not None

        assert ask(closed, way, image.public_name, token).status_code in (200, 204)

        again = ask(closed, way, image.public_name, token, Accept=JSON)
        assert (again.status_code, again.json["detail"]) == (410, f"image {image.public_name} was deleted")

    def test_needs_no_right_even_with_a_key(self, closed: House, way: str) -> None:
        image, token = unowned(closed)
        _, key = closed.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        answer = ask(closed, way, image.public_name, token, Authorization=f"Bearer {key}")

        assert answer.status_code in (200, 204)

    def test_deletes_no_other_one(self, house: House, way: str) -> None:
        image, _ = unowned(house)
        _, others = unowned(house)
        for ref in (image.public_name, image.id):
            answer = ask(house, way, ref, others)

            assert answer.status_code == 403
            assert REFUSED in answer.text
            assert not house.catalogue.library.get(image.id).state.is_gone

    def test_deletes_nothing_that_has_an_owner(self, house: House, way: str) -> None:
        key, _ = house.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        image = house.upload(picture(), actor=key.actor)
        secret = build_service_secret(house.store, house.catalogue).derived("delete tokens")
        assert secret is not None
        assert image.public_name is not None
        answer = ask(house, way, image.public_name, token_for(secret, image.public_name))

        assert answer.status_code == 403
        assert not house.catalogue.library.get(image.id).state.is_gone

    def test_names_it_by_its_number_only_where_everybody_may(self, house: House, way: str) -> None:
        image, token = unowned(house)
        is_open = house.context.policy.access is Access.OPEN

        assert ask(house, way, image.id, token).status_code == (403 if not is_open else 200 if way == "form" else 204)

    def test_a_page_of_another_site_cannot_use_it(self, house: House, way: str) -> None:
        image, token = unowned(house)
        answer = ask(house, way, image.public_name, token, Origin="https://evil.example")

        assert answer.status_code == 403
        assert REFUSED not in answer.text


def whole(answer: TestResponse) -> tuple[Any, ...]:
    return answer.status_code, sorted((n, v) for n, v in answer.headers if n != "Date"), answer.data


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_one_tells_nothing_of_any_image(closed: House, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    image, token = unowned(closed)
    deleted, of_deleted = unowned(closed)
    closed.removal.delete(OPERATOR, deleted.id)
    expected = whole(ask(closed, way, new_name(), of_deleted))
    assert expected[0] == 403
    monkeypatch.setattr(library, "from_row", pytest.fail)
    for wrong in ("vd_", "x", of_deleted, token[:-1]):
        for ref in (image.public_name, image.id, deleted.id, 99, new_name()):
            assert whole(ask(closed, way, ref, wrong)) == expected


@pytest.mark.parametrize("way", WAYS)
def test_of_what_is_in_quarantine_no_number_tells(open_house: House, way: str) -> None:
    image, token = unowned(open_house)
    open_house.reviewing.suspect(image.id, "moderation", "nudity")

    for shown in (token, "vd_"):
        hidden, absent = (ask(open_house, way, number, shown) for number in (image.id, 99))
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text.replace(f"image {image.id}", "it") == absent.text.replace("image 99", "it")


def test_an_empty_one_is_none(closed: House) -> None:
    image, _ = unowned(closed)

    assert closed.client.delete(f"/images/{image.public_name}?token=").status_code == 401


@pytest.mark.parametrize("path", ["", "/original", "/metadata.json"])
def test_it_opens_nothing_else(closed: House, path: str) -> None:
    image, token = unowned(closed)
    for url in (f"/images/{image.public_name}{path}", f"/images/{image.public_name}{path}?token={token}"):
        assert closed.client.get(url, headers={"Delete-Token": token}).status_code == 401
    for method, url in (("PATCH", ""), ("POST", "/retry"), ("POST", "/visibility?visibility=private")):
        answer = closed.client.open(f"/images/{image.public_name}{url}", method=method, headers={"Delete-Token": token})
        assert answer.status_code == 401


class TestABrowser:
    def test_that_has_sent_the_image_finds_a_link_to_keep_on_its_page(self, open_house: House) -> None:
        answer = send(open_house, BROWSER)
        token = answer.headers["Delete-Token"]
        cookie = answer.headers["Set-Cookie"]

        assert all(part in cookie for part in (token, "Path=/images/0", "HttpOnly", "SameSite=Strict"))
        page = open_house.client.get("/images/0", headers={"Accept": BROWSER})
        link = re.search(r'href="http://localhost(/images/[a-z2-7]{26}/take-back\?token=[^"]+)"', page.text)
        assert link is not None
        assert page.headers["Cache-Control"] == "no-store"
        form = open_house.client.get(link[1], headers={"Accept": BROWSER})
        assert form.headers["Cache-Control"] == "no-store"
        action = re.search(r'action="http://localhost([^"]+)"', form.text)
        assert action is not None
        assert "The image is gone." in open_house.client.post(action[1], headers={"Accept": BROWSER}).text
        assert open_house.client.get(link[1], headers={"Accept": BROWSER}).status_code == 404

    @pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False)])
    def test_shows_its_cookie_over_https_alone_if_it_came_so(
        self, tmp_path: Path, scheme: str, is_secure: bool
    ) -> None:
        with new_house(tmp_path, public_url=f"{scheme}://pictures.example") as house:
            assert ("; Secure;" in send(house, BROWSER).headers["Set-Cookie"]) is is_secure

    def test_that_has_not_finds_none(self, open_house: House) -> None:
        send(open_house, BROWSER)
        send(open_house, JSON)
        other = open_house.app.test_client()
        for client, path in ((other, "/images/0"), (open_house.client, "/images/1")):
            assert "vd_" not in client.get(path, headers={"Accept": BROWSER}).text

    def test_with_a_wrong_cookie_gets_the_page_without_a_link(self, open_house: House) -> None:
        open_house.upload(picture())
        open_house.client.set_cookie("vignette_delete_token", "vd_none")

        page = open_house.client.get("/images/0", headers={"Accept": BROWSER})
        assert (page.status_code, "take-back" in page.text) == (200, False)

    def test_with_a_wrong_link_learns_nothing(self, closed: House) -> None:
        image, _ = unowned(closed)
        answers = [
            closed.client.get(f"/images/{ref}/take-back?token=vd_none", headers={"Accept": BROWSER})
            for ref in (image.public_name, image.id, new_name(), 99)
        ]

        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.data for answer in answers}) == 1


def test_it_stands_in_no_list_no_other_answer_and_no_log(open_house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lines: list[str] = []
    client = Client(RequestLog(open_house.app.wsgi_app, "text", write=lines.append))
    posted = client.post("/images", data=picture(), content_type="image/jpeg", headers={"Accept": JSON}, buffered=True)
    token = posted.json["delete_token"]
    others = [
        client.get(path, headers={"Accept": accept}, buffered=True).text
        for path in ("/", "/images", "/images/0", "/vignette/0")
        for accept in (JSON, BROWSER)
    ]
    client.delete(f"/images/0?token={token}", buffered=True)

    assert len(lines) == 10
    assert token not in "".join([*lines, *others, caplog.text])
    assert not any(token.encode() in path.read_bytes() for path in open_house.root.rglob("*") if path.is_file())
