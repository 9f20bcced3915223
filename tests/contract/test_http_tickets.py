"""Tickets over HTTP: made by whoever shares, shown by guests; and what guests are told."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, JSON
from tests.doubles import Numbers
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.access.rates import Rate
from vignette.access.secrets import TICKET_PREFIX, new_token
from vignette.access.tickets import Ticket
from vignette.limits import MAX_TICKETS_OF_A_KEY
from vignette.model import ImageId, Visibility
from vignette.ports.jobs import Lane
from vignette.use_cases.rating import Rates, Rating
from vignette.web.request_log import RequestLog

MAKER = (Scope.UPLOAD, Scope.SHARE, Scope.READ)
APP = "https://app.example"


class Party:
    """A service behind doors, its host with a key, and guests with tickets."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.key, token = house.keyholding.add(OPERATOR, "host", MAKER)
        self.host = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.house.client.open(path, method=method, **options)

    def make(self, **terms: Any) -> dict[str, Any]:
        made = self.ask("POST", "/tickets", json=terms, headers=self.host)
        assert made.status_code == 201, made.data
        ticket: dict[str, Any] = made.json
        return ticket

    def state(self, ticket: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/tickets/{ticket['id']}", headers=self.host).json
        return told

    def send(
        self, ticket: dict[str, Any], *contents: bytes, by_url: bool = False, accept: str = JSON, **headers: str
    ) -> TestResponse:
        files = [FileStorage(io.BytesIO(content), f"{number}.jpg") for number, content in enumerate(contents)]
        path, shown = "/images", {"Authorization": f"Bearer {ticket['token']}"}
        if by_url:
            path, shown = f"/t/{ticket['token']}", {}
        path += headers.pop("query", "")
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, data={"file": files}, headers={**shown, "Accept": accept, **headers})


@pytest.fixture(params=[Access.GALLERY, Access.CLOSED])
def party(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Party]:
    with new_house(tmp_path, access=request.param) as house:
        yield Party(house)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Party]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield Party(house)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Party]:
    """With open doors."""
    with new_house(tmp_path) as house:
        yield Party(house)


def code(answer: TestResponse) -> str:
    return str(answer.json["type"]).rpartition("/")[2]


class TestMaking:
    def test_is_told_once_with_its_token_and_its_address(self, party: Party) -> None:
        answer = party.ask("POST", "/tickets", json={"uses": 3, "note": "x"}, headers=party.host)
        ticket = answer.json

        assert re.fullmatch(r"vt_[a-z2-7]{59}", ticket["token"])
        assert ticket["url"] == f"http://localhost/t/{ticket['token']}"
        assert (ticket["state"], ticket["uses"], ticket["spent"], ticket["owner"]) == ("open", 3, 0, party.key.id)
        assert answer.headers["Location"] == f"http://localhost/tickets/{ticket['id']}"
        assert answer.headers["Cache-Control"] == "no-store"
        for path in ("/tickets", f"/tickets/{ticket['id']}"):
            assert ticket["token"] not in party.ask("GET", path, headers=party.host).text

    @pytest.mark.parametrize(
        "body",
        [
            *({"uses": 0}, {"uses": "1"}, {"uses": 10_001}, {"expires_at": "2999-01-01"}, {"visibility": "all"}),
            *({"origins": ["*"]}, {"media_types": ["text/html"]}, {"note": "a" * 201}, {"max_bytes": 0}, {"x": 1}, []),
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, gallery: Party, body: Any) -> None:
        answer = gallery.ask("POST", "/tickets", json=body, headers=gallery.host)

        assert (answer.status_code, code(answer)) == (400, "malformed-request")

    def test_a_key_has_so_many_at_most_and_another_has_its_own(self, party: Party) -> None:
        house = party.house
        tickets = [
            Ticket(f"{number:016x}", f"{number:064x}", party.key.id, 1, party.key.created_at)
            for number in range(MAX_TICKETS_OF_A_KEY)
        ]
        house.catalogue.tickets.restore(lambda: tickets)
        _, admin = house.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])

        refused = party.ask("POST", "/tickets", json={}, headers=party.host)

        assert (refused.status_code, code(refused)) == (409, "too-many-tickets")
        assert (refused.json["measured"], refused.json["limit"]) == (MAX_TICKETS_OF_A_KEY + 1, MAX_TICKETS_OF_A_KEY)
        made = party.ask("POST", "/tickets", json={}, headers={"Authorization": f"Bearer {admin}"})
        assert made.status_code == 201
        described = party.ask("GET", "/openapi.json").json["paths"]["/tickets"]["post"]["description"]
        assert f"{MAX_TICKETS_OF_A_KEY:,} tickets" in described

    def test_needs_upload_beside_share(self, gallery: Party) -> None:
        _, token = gallery.house.keyholding.add(OPERATOR, "sharer", [Scope.SHARE])
        answer = gallery.ask("POST", "/tickets", json={}, headers={"Authorization": f"Bearer {token}"})

        assert (answer.status_code, answer.json["required"], answer.json["granted"]) == (403, "upload", ["share"])

    def test_by_a_form_shows_the_address_and_its_qr_code(self, gallery: Party) -> None:
        form = {"uses": "200", "days": "", "note": "<b>Noces</b>", "visibility": "private"}
        page = gallery.ask("POST", "/tickets", data=form, headers=gallery.host)

        assert page.status_code == 201
        url = re.search(r"http://localhost/t/(vt_[a-z2-7]{59})", page.text)
        assert url is not None
        assert "&lt;b&gt;Noces" in page.text
        assert f'src="/t/{url[1]}/qr.svg"' in page.text
        qr = gallery.ask("GET", f"/t/{url[1]}/qr.svg")
        assert (qr.mimetype, qr.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
        names = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(qr.data).iter()}
        assert names == {"svg", "path"}
        assert b"style" not in qr.data
        [ticket] = gallery.ask("GET", "/tickets", headers=gallery.host).json["tickets"]
        assert (ticket["uses"], ticket["expires_at"], ticket["visibility"]) == (200, None, "private")


class TestLooking:
    def test_lists_go_on(self, gallery: Party) -> None:
        made = [gallery.make(note=str(number))["id"] for number in range(3)]
        found, url = [], "/tickets?limit=2"
        while url:
            page = gallery.ask("GET", url, headers=gallery.host).json
            found += [ticket["id"] for ticket in page["tickets"]]
            url = page["next"]

        assert sorted(found) == sorted(made)

    def test_tells_where_it_stands_and_which_images_it_became(self, party: Party) -> None:
        ticket = party.make(uses=2, external_id="order 7")
        assert party.state(ticket)["state"] == "open"
        party.send(ticket, picture(40, 30), picture(40, 31))

        told = party.state(ticket)

        assert (told["state"], told["spent"]) == ("spent", 2)
        assert [(image["name"], image["external_id"]) for image in told["images"]] == [
            ("1.jpg", "order 7"),
            ("0.jpg", "order 7"),
        ]
        assert {image["ticket"] for image in told["images"]} == {ticket["id"]}
        html = {**party.host, "Accept": "text/html"}
        page = party.ask("GET", f"/tickets/{ticket['id']}", headers=html).text
        assert "2 of 2 pictures" in page
        assert told["images"][0]["public_name"] in page
        assert "2 of 2 pictures" in party.ask("GET", "/tickets", headers=html).text

    def test_others_see_neither_the_ticket_nor_what_its_maker_calls_the_images(self, gallery: Party) -> None:
        ticket = gallery.make(external_id="order 7")
        name = gallery.send(ticket, picture()).json["public_name"]
        _, token = gallery.house.keyholding.add(OPERATOR, "other", MAKER)
        other = {"Authorization": f"Bearer {token}"}

        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/revoke")):
            answer = gallery.ask(method, f"/tickets/{ticket['id']}{path}", headers=other)
            assert (answer.status_code, code(answer)) == (404, "ticket-not-found")
        assert gallery.ask("GET", "/tickets", headers=other).json["tickets"] == []
        for headers in (other, {}):
            image = gallery.ask("GET", f"/images/{name}", headers=headers).json
            assert (image["ticket"], image["external_id"]) == (None, None)
        image = gallery.ask("GET", f"/images/{name}", headers=gallery.host).json
        assert (image["ticket"], image["external_id"]) == (ticket["id"], "order 7")

    def test_revoked_it_is_obeyed_no_more_and_its_images_stay(self, party: Party) -> None:
        for by_form in (False, True):
            ticket = party.make(uses=9)
            kept = party.send(ticket, picture(40, 30 + by_form))
            assert kept.status_code == 201
            path = f"/tickets/{ticket['id']}"
            revoked = (
                party.ask("POST", f"{path}/revoke", headers=party.host)
                if by_form
                else party.ask("DELETE", path, headers=party.host)
            )
            assert revoked.status_code == (303 if by_form else 204)

            for by_url, status, problem in ((False, 401, "invalid-ticket"), (True, 404, "ticket-not-found")):
                answer = party.send(ticket, picture(), by_url=by_url)
                assert (answer.status_code, code(answer)) == (status, problem)
            told = party.state(ticket)
            assert (told["state"], len(told["images"])) == ("revoked", 1)


class TestAGuest:
    @pytest.mark.parametrize("by_url", [False, True])
    def test_sends_without_a_key_and_hears_no_number(self, party: Party, by_url: bool) -> None:
        ticket = party.make(uses=9, visibility="public")
        is_gallery = party.house.context.policy.access is Access.GALLERY
        answer = party.send(ticket, picture(), by_url=by_url)

        name = party.state(ticket)["images"][0]["public_name"]
        page = f"http://localhost/images/{name}" if is_gallery else None
        assert answer.status_code == 201
        told = {each: value for each, value in answer.json.items() if each != "take_back_url"}
        assert told == {"name": "0.jpg", "state": "pending", "public_name": name, "url": page}
        assert answer.headers.get("Location") == page
        assert party.send(ticket, picture(40, 31), by_url=by_url, accept="*/*").text != "1\n"
        several = party.send(ticket, picture(40, 32), b"words", by_url=by_url, accept="*/*")
        assert several.status_code == 207
        assert re.fullmatch(r"[a-z2-7]{26}\nrefused 415 unsupported-format 1.jpg\n", several.text)

    @pytest.mark.parametrize("by_url", [False, True])
    def test_of_a_private_image_hears_only_that_it_was_kept(self, gallery: Party, by_url: bool) -> None:
        ticket = gallery.make(uses=9, visibility="private")
        answer = gallery.send(ticket, picture(), by_url=by_url)

        told = {each: value for each, value in answer.json.items() if each != "take_back_url"}
        assert told == {"name": "0.jpg", "state": "pending", "public_name": None, "url": None}
        assert "Location" not in answer.headers
        assert gallery.send(ticket, picture(40, 31), by_url=by_url, accept="*/*").text == "kept\n"
        several = gallery.send(ticket, picture(40, 32), picture(40, 33), by_url=by_url).json["results"]
        assert [result["image"]["public_name"] for result in several] == [None, None]

    def test_with_open_doors_hears_what_everybody_hears(self, home: Party) -> None:
        ticket = home.ask("POST", "/tickets", json={}).json
        assert ticket["owner"] is None

        answer = home.send(ticket, picture())

        assert (answer.json["id"], answer.json["ticket"]) == (0, ticket["id"])
        assert answer.headers["Location"] == "http://localhost/images/0"

    def test_sees_nothing_of_what_the_host_sees(self, party: Party) -> None:
        private = party.house.upload(picture(), actor=party.key.actor, visibility=Visibility.PRIVATE)
        ticket = party.make()
        shown = {"Authorization": f"Bearer {ticket['token']}"}

        for path in ("/images/0", f"/images/{private.public_name}", f"/images/{private.public_name}/original"):
            assert party.ask("GET", path, headers=shown).status_code in (403, 404)
        for method, path in (("GET", "/tickets"), ("POST", "/tickets"), ("GET", "/keys")):
            answer = party.ask(method, path, headers=shown)
            assert (answer.status_code, answer.json["granted"]) == (403, ["upload"])
        assert party.ask("GET", "/keys/me", headers=shown).status_code == 401
        images = party.ask("GET", "/images", headers=shown)
        assert images.status_code == 403 or images.json["images"] == []

    def test_may_not_choose_who_sees_it(self, gallery: Party) -> None:
        ticket = gallery.make(visibility="private", uses=9)
        answer = gallery.send(ticket, picture(), query="?visibility=public")

        assert (answer.status_code, code(answer)) == (400, "malformed-request")
        assert gallery.send(ticket, picture(), query="?visibility=private").status_code == 201

    def test_the_last_use_is_counted_once_and_the_rest_is_refused_one_by_one(self, party: Party) -> None:
        ticket = party.make(uses=2)
        answer = party.send(ticket, b"words", *(picture(40, 30 + number) for number in range(3)))

        assert answer.status_code == 207
        assert [result["status"] for result in answer.json["results"]] == [415, 201, 201, 403]
        assert answer.json["results"][3]["problem"]["type"].endswith("/ticket-spent")
        assert party.house.is_clean()
        early = party.send(ticket, picture(), picture())
        assert (early.status_code, code(early)) == (403, "ticket-spent")
        assert "limit" not in early.json

    def test_repeats_what_had_no_answer(self, party: Party) -> None:
        ticket = party.make(uses=2)
        contents = [b"words", picture(40, 30), picture(40, 31)]
        for again in range(2):
            answer = party.send(ticket, *contents, Idempotency_Key="7f3a")
            assert [result["status"] for result in answer.json["results"]] == [415, 201, 201], again

        assert party.state(ticket)["spent"] == 2
        other = party.send(ticket, picture(40, 30), Idempotency_Key="another")
        assert (other.status_code, code(other)) == (403, "ticket-spent")

    def test_hears_no_number_in_a_refusal_either(self, party: Party) -> None:
        ticket = party.make(uses=9)
        name = party.send(ticket, picture(), Idempotency_Key="k").json["public_name"]
        reused = party.send(ticket, picture(40, 31), Idempotency_Key="k")
        party.house.removal.delete(OPERATOR, 0)
        deleted = party.send(ticket, picture(), Idempotency_Key="k")

        for answer, status in ((reused, 422), (deleted, 410)):
            assert answer.status_code == status
            assert not re.search(rf"[0-9]|{name}", answer.json["detail"])

    @pytest.mark.parametrize("by_url", [False, True])
    def test_keeps_to_the_terms(self, party: Party, by_url: bool) -> None:
        ticket = party.make(max_bytes=2000, media_types=["image/png"], uses=9)
        raw = {"Authorization": f"Bearer {ticket['token']}", "Content-Type": "image/png"}
        for content, status, problem in (
            (bytes(2001), 413, "upload-too-large"),
            (picture(), 415, "unsupported-format"),
        ):
            answer = party.send(ticket, content, by_url=by_url)
            assert (answer.status_code, code(answer)) == (status, problem)
        early = party.ask("POST", "/images", data=bytes(2001), headers=raw)
        assert (early.status_code, early.json["measured"], early.json["limit"]) == (413, 2001, 2000)
        assert party.send(ticket, picture(file_format="PNG"), by_url=by_url).status_code == 201

    @pytest.mark.parametrize("visibility", ["public", "private"])
    @pytest.mark.parametrize("by_url", [False, True])
    def test_may_take_back_what_was_sent_and_nothing_else(self, party: Party, visibility: str, by_url: bool) -> None:
        ticket = party.make(uses=2, visibility=visibility)
        sent, other = (party.send(ticket, picture(40 + n, 30), by_url=by_url) for n in range(2))
        way_back = sent.json["take_back_url"].removeprefix("http://localhost")
        token = sent.headers["Delete-Token"]
        assert sent.headers["Cache-Control"] == "no-store"
        assert party.ask("GET", way_back).status_code == 200
        names = [answer.json["take_back_url"].split("/")[4] for answer in (sent, other)]

        assert party.ask("DELETE", f"/images/{names[1]}?token={token}").status_code == 403
        assert party.ask("DELETE", f"/images/{names[0]}?token={token}").status_code == 204
        assert [image["public_name"] for image in party.state(ticket)["images"]] == [names[1]]
        assert party.send(ticket, picture(50, 30), by_url=by_url).status_code == 403  # a deletion gives no use back

    @pytest.mark.parametrize("by_url", [False, True])
    def test_with_the_bytes_of_another_takes_nothing_back(self, gallery: Party, by_url: bool) -> None:
        """What is public, everybody can send."""
        ticket = gallery.make(uses=2, visibility="public")
        first = gallery.send(ticket, picture(), by_url=by_url, Idempotency_Key="mine")
        again = gallery.send(ticket, picture(), by_url=by_url, Idempotency_Key="mine")
        other = gallery.send(ticket, picture(), by_url=by_url)
        several = gallery.send(ticket, picture(), picture(), by_url=by_url).json["results"]

        assert first.headers["Delete-Token"] == again.headers["Delete-Token"]
        assert (other.status_code, other.json["public_name"]) == (201, first.json["public_name"])
        assert "Delete-Token" not in other.headers
        assert [told["take_back_url"] for told in (other.json, *(each["image"] for each in several))] == [None] * 3

    @pytest.mark.parametrize("quota", [{"images": 1}, {"bytes": 900}, {"images_per_day": 1}])
    def test_is_not_told_what_the_key_of_the_host_may_have(self, gallery: Party, quota: dict[str, int]) -> None:
        ticket = gallery.make(uses=9)
        gallery.send(ticket, picture())
        gallery.house.keyholding.change(OPERATOR, gallery.key.id, quota=quota)
        # With an idempotency key it may have come before: then it is refused when it is there.
        for headers in ({}, {"Idempotency_Key": "once"}):
            refused = gallery.send(ticket, picture(40, 31), **headers)

            assert (refused.status_code, code(refused)) == (403, "ticket-spent")
            assert refused.json.keys().isdisjoint({"measured", "limit"})
            assert "key" not in refused.json["detail"]

    def test_is_refused_before_his_bytes_come(self, gallery: Party, monkeypatch: pytest.MonkeyPatch) -> None:
        ticket = gallery.make(uses=9)
        gallery.house.keyholding.change(OPERATOR, gallery.key.id, quota={"bytes": len(picture()) // 2})
        monkeypatch.setattr(gallery.house.store, "stage", lambda: pytest.fail("they came"))

        for by_url in (False, True):
            assert code(gallery.send(ticket, picture(), by_url=by_url)) == "ticket-spent"

    def test_cannot_delete_what_is_in_quarantine_nor_hears_its_name(self, gallery: Party) -> None:
        ticket = gallery.make(uses=2)
        sent = gallery.send(ticket, picture())
        gallery.house.reviewing.suspect(ImageId(0), "moderation", "nudity")
        again = gallery.send(ticket, picture())
        assert (again.status_code, again.json["state"]) == (202, "quarantined")
        assert (again.json["public_name"], again.json["url"]) == (None, None)
        path = sent.json["take_back_url"].removeprefix("http://localhost")

        assert gallery.ask("GET", path).status_code == 403
        assert gallery.ask("DELETE", path.replace("/take-back", "")).status_code == 403

    def test_is_told_of_what_was_sent_for_an_hour(self, gallery: Party, monkeypatch: pytest.MonkeyPatch) -> None:
        """By then others may have learned its digest, if it was public for some time."""
        ticket = gallery.make(visibility="private")
        gallery.send(ticket, picture())
        page = f"/t/{ticket['token']}?sent={hashlib.sha256(picture()).hexdigest()[:32]}"
        assert "0.jpg" in gallery.ask("GET", page).text
        clock = gallery.house.context.ticketing._clock
        monkeypatch.setattr(gallery.house.context.ticketing, "_clock", lambda: clock() + timedelta(hours=2))
        assert "0.jpg" not in gallery.ask("GET", page).text

    def test_has_an_address_in_the_audit_on_each_way_in(self, gallery: Party) -> None:
        ticket = gallery.make(uses=2)
        for number, by_url in enumerate((False, True)):
            gallery.send(ticket, picture(40 + number, 30), by_url=by_url)

        events = [event for _, event in gallery.house.catalogue.audit.newest(2)]
        assert [(event.actor, event.address) for event in events] == [(f"ticket:{ticket['id']}", "127.0.0.0/24")] * 2

    def test_sees_no_image_by_a_key_that_may_not_read(self, party: Party) -> None:
        _, token = party.house.keyholding.add(OPERATOR, "blind", [Scope.SHARE, Scope.UPLOAD])
        blind = {"Authorization": f"Bearer {token}"}
        ticket = party.ask("POST", "/tickets", json={"uses": 2}, headers=blind).json
        party.send(ticket, picture())

        told = party.ask("GET", f"/tickets/{ticket['id']}", headers=blind).json
        is_gallery = party.house.context.policy.access is Access.GALLERY  # everybody reads there
        assert (told["spent"], len(told["images"])) == (1, 1 if is_gallery else 0)

    @pytest.mark.parametrize(
        "token", ["vt_", "vt_" + "a" * 59, new_token(TICKET_PREFIX)], ids=["too short", "mistyped", "unknown"]
    )
    def test_with_a_ticket_that_is_none_is_refused(self, party: Party, token: str) -> None:
        answer = party.send({"token": token}, picture())

        assert (answer.status_code, code(answer)) == (401, "invalid-ticket")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vignette", error="invalid_token"'
        for path in (f"/t/{token}", f"/t/{token}/qr.svg"):
            assert code(party.ask("GET", path)) == "ticket-not-found"


class TestThePage:
    def test_is_a_form_and_nothing_else(self, party: Party) -> None:
        ticket = party.make(uses=3, note="Noces <3", media_types=["image/jpeg"])
        page = party.ask("GET", f"/t/{ticket['token']}", headers={"Accept": BROWSER})

        assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
        assert "Noces &lt;3" in page.text
        assert 'accept="image/jpeg,.jpg"' in page.text
        assert 'data-max-files="3"' in page.text
        links = set(re.findall(r'<a [^>]*href="([^"]+)"', page.text))
        assert links == {"#content"}
        assert set(re.findall(r'<form [^>]*action="([^"?]+)', page.text)) == {f"/t/{ticket['token']}"}
        french = party.ask("GET", f"/t/{ticket['token']}", headers={"Accept-Language": "fr"}).text
        assert "Vos images vont à la personne qui vous a donné cette adresse." in french

    def test_tells_what_became_of_what_was_sent_and_of_nothing_else(self, gallery: Party) -> None:
        ticket = gallery.make(uses=9, visibility="private")
        gallery.send(ticket, picture(40, 50))
        sent = gallery.send(ticket, picture(40, 30), picture(40, 31), by_url=True, accept=BROWSER)
        assert sent.status_code == 303
        where = sent.headers["Location"].removeprefix("http://localhost")

        page = gallery.ask("GET", where).text
        assert page.count("Its vignette is being made") == 2
        gallery.house.work()
        assert gallery.ask("GET", where).text.count("It has arrived.<") == 2
        other = gallery.make()
        query = where.partition("?")[2]
        assert "0.jpg" not in gallery.ask("GET", f"/t/{other['token']}?{query}").text
        # Nobody finds what others have sent by a part of its digest.
        for guess in (f"../0.0..{'a' * 32}", ".", *"0123456789abcdef"):
            assert "0.jpg" not in gallery.ask("GET", f"/t/{ticket['token']}?sent={guess}").text
        for image in gallery.state(ticket)["images"]:  # they are private
            assert image["public_name"] not in where + page

    def test_a_form_that_is_sent_again_stores_nothing_twice(self, party: Party) -> None:
        ticket = party.make(uses=1)
        page = party.ask("GET", f"/t/{ticket['token']}").text
        action = re.search(r'action="/t/[^"?]+(\?key=[0-9a-f]+)"', page)
        assert action is not None
        for _ in range(2):
            sent = party.send(ticket, picture(), by_url=True, accept=BROWSER, query=action[1])
            assert sent.status_code == 303
        assert party.state(ticket)["spent"] == 1
        after = party.ask("GET", sent.headers["Location"].removeprefix("http://localhost"))
        assert (after.status_code, "<form" in after.text) == (200, False)
        assert "0.jpg" in after.text

    def test_tells_a_browser_why_something_was_refused(self, party: Party) -> None:
        ticket = party.make(uses=1)
        for contents, status, words in (
            ([b"words"], 415, "not an image of an accepted format"),
            ([], 400, "The request holds no file"),
            ([picture(), picture(40, 31)], 207, "This ticket is spent"),
            ([picture(40, 32)], 403, "No more pictures are taken here"),
        ):
            page = party.send(ticket, *contents, by_url=True, accept=BROWSER)
            assert (page.status_code, page.mimetype) == (status, "text/html")
            assert words in page.text
            assert set(re.findall(r'<a [^>]*href="([^"]+)"', page.text)) <= {"#content"} | set(
                re.findall(r'href="(http://localhost/images/[a-z2-7]{26})"', page.text)
            )

    def test_is_the_same_for_its_host(self, gallery: Party) -> None:
        """Who is signed in sends as a guest too: the address decides."""
        ticket = gallery.make()
        gallery.house.client.post(
            "/login", data={"key": gallery.host["Authorization"][7:]}, headers={"Origin": "http://localhost"}
        )
        answer = gallery.send(ticket, picture(), by_url=True, Origin="http://localhost")

        assert answer.json.keys() == {"name", "state", "public_name", "url", "take_back_url"}
        assert gallery.state(ticket)["spent"] == 1


class TestPagesOfOtherOrigins:
    def beforehand(self, party: Party, path: str, origin: str, method: str = "POST") -> TestResponse:
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        return party.ask("OPTIONS", path, headers={**asked, "Access-Control-Request-Headers": "authorization"})

    def test_that_the_ticket_names_may_use_it(self, party: Party) -> None:
        ticket = party.make(uses=9, origins=[APP])
        for by_url, path in ((False, "/images"), (True, f"/t/{ticket['token']}")):
            before = self.beforehand(party, path, APP)
            assert before.status_code == 204
            assert before.headers["Access-Control-Allow-Origin"] == APP
            assert before.headers["Access-Control-Allow-Methods"] == "POST"
            assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
            for content, status in ((picture(40, 30 + by_url), 201), (b"words", 415)):
                answer = party.send(ticket, content, by_url=by_url, Origin=APP, Sec_Fetch_Site="cross-site")
                assert answer.status_code == status
                assert answer.headers["Access-Control-Allow-Origin"] == APP
                assert "Origin" in answer.headers["Vary"]
                assert "Access-Control-Allow-Credentials" not in answer.headers

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "*", "", "https://app.example.evil.example"])
    def test_that_it_does_not_name_may_not(self, party: Party, origin: str) -> None:
        ticket = party.make(uses=9, origins=[APP])
        for by_url, path in ((False, "/images"), (True, f"/t/{ticket['token']}")):
            answers = [
                self.beforehand(party, path, origin),
                party.send(ticket, picture(), by_url=by_url, Origin=origin, Sec_Fetch_Site="cross-site"),
            ]
            assert (answers[1].status_code, code(answers[1])) == (403, "cross-site-request")
            for answer in answers:
                assert not any(name.startswith("Access-Control") for name, _ in answer.headers)
        assert party.house.catalogue.index.next_id() == 0

    def test_use_the_ticket_that_names_them_and_no_other(self, party: Party) -> None:
        party.make(origins=[APP])
        other = party.make()
        for ticket in (other, {"token": new_token(TICKET_PREFIX)}, {"token": party.host["Authorization"][7:]}):
            answer = party.send(ticket, picture(), Origin=APP, Sec_Fetch_Site="cross-site")
            assert (answer.status_code, code(answer)) == (403, "cross-site-request")

    def test_may_do_nothing_but_upload(self, party: Party) -> None:
        ticket = party.make(uses=9, origins=[APP])
        shown = {"Authorization": f"Bearer {ticket['token']}", "Origin": APP}
        for method, path in (("POST", "/tickets"), ("DELETE", "/images/0"), ("POST", "/keys")):
            answer = party.ask(method, path, headers=shown)
            assert code(answer) == "cross-site-request"
        assert "Access-Control-Allow-Origin" not in party.ask("GET", "/images", headers=shown).headers
        for path, method in (("/keys", "POST"), ("/images", "GET"), ("/images", "DELETE")):
            assert "Access-Control-Allow-Origin" not in self.beforehand(party, path, APP, method).headers

    def test_are_told_nothing_once_it_has_ended(self, party: Party) -> None:
        ticket = party.make(origins=[APP])
        party.ask("DELETE", f"/tickets/{ticket['id']}", headers=party.host)

        assert "Access-Control-Allow-Origin" not in self.beforehand(party, "/images", APP).headers
        assert party.send(ticket, picture(), Origin=APP).status_code == 403


class TestTooMuch:
    def test_a_guest_is_told_on_the_page_how_long_to_wait(self, tmp_path: Path) -> None:
        numbers, lines = Numbers(), list[str]()
        rating = Rating(numbers, Rates(of_key=Rate("key", 50, 60)))
        with new_house(tmp_path, access=Access.GALLERY, rating=rating) as house:
            party = Party(house)
            ticket = party.make()
            house.app.wsgi_app = RequestLog(house.app.wsgi_app, "text", write=lines.append)  # type: ignore[method-assign]
            numbers.spent["key", f"ticket:{ticket['id']}"] = 49

            page = party.send(ticket, picture(), by_url=True, accept=BROWSER)

        assert (page.status_code, page.mimetype) == (429, "text/html")
        assert int(page.headers["Retry-After"]) >= 1
        assert "You have asked for too much in a short time" in page.text
        assert "problem=quota-exceeded" in lines[-1]

    def test_a_guest_who_sends_slowly_keeps_no_other_one_from_sending(self, tmp_path: Path) -> None:
        with new_house(tmp_path, access=Access.GALLERY, uploads_of_key=1) as house:
            party = Party(house)
            ticket, meanwhile = party.make(uses=3), list[int]()

            def send(address: str, body: io.BytesIO) -> int:
                return (
                    house.app.test_client()
                    .post(
                        f"/t/{ticket['token']}",
                        input_stream=body,
                        content_type="image/jpeg",
                        environ_base={"REMOTE_ADDR": address},
                        environ_overrides={"CONTENT_LENGTH": str(len(body.getvalue()))},
                    )
                    .status_code
                )

            class Slow(io.BytesIO):
                def readinto(self, buffer: Any) -> int:
                    if not meanwhile:
                        meanwhile.append(0)
                        of_his_own = send("192.0.2.1", io.BytesIO(picture(colour="red")))
                        meanwhile[:] = [of_his_own, send("192.0.2.2", io.BytesIO(picture(colour="blue")))]
                    return super().readinto(buffer)

            assert send("192.0.2.1", Slow(picture())) == 201
            assert meanwhile == [429, 201]

    def test_a_guest_who_sends_many_delays_no_first_one_of_another(self, gallery: Party) -> None:
        ticket = gallery.make(uses=4)
        for number, address in enumerate(("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")):
            sent = gallery.ask(
                "POST",
                f"/t/{ticket['token']}",
                data=picture(40, 30 + number),
                content_type="image/jpeg",
                environ_base={"REMOTE_ADDR": address},
            )
            assert sent.status_code == 201

        assert list(gallery.house.jobs.lanes.values()) == [Lane.FAST, Lane.BULK, Lane.BULK, Lane.FAST]


class TestTheLog:
    @pytest.mark.parametrize("form", ["text", "json"])
    def test_names_the_ticket_and_never_its_token(
        self, party: Party, form: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        lines: list[str] = []
        caplog.set_level(logging.INFO)
        ticket = party.make(uses=9)
        app = party.house.app
        app.wsgi_app = RequestLog(app.wsgi_app, form, write=lines.append)  # type: ignore[method-assign]
        token = ticket["token"]
        party.send(ticket, picture())
        party.send(ticket, picture(40, 31), by_url=True)
        for path in (f"/t/{token}", f"/t/{token}/qr.svg", f"//t/{token}", f"/t/{token}/none", f"/x/{token[3:]}"):
            party.ask("GET", path)
        party.house.close()
        (party.house.root / "state" / "catalogue.sqlite3").write_bytes(b"no database" * 100)
        party.ask("GET", f"/t/{token}")

        told = "\n".join([*lines, *(record.getMessage() for record in caplog.records)])
        assert token not in told
        assert told.count(token[3:]) == 1  # without its prefix it is no token
        assert "/t/vt_..." in lines[1]
        for line in lines[:2]:
            assert (json.loads(line)["ticket"] if form == "json" else line) == ticket["id"] or ticket["id"] in line
