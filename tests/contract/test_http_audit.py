"""What is noted of requests, and who may read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, JSON
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.policy import Access
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token

ALL = frozenset(Scope)
ADDRESS = "127.0.0.0/24"


class Watched:
    def __init__(self, house: House) -> None:
        self.house = house
        self.admin, self._token = house.keyholding.add(OPERATOR, "the admin", [Scope.ADMIN])
        self.phone, self._phones = house.keyholding.add(OPERATOR, "a phone", [Scope.UPLOAD, Scope.READ])

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self._token}", **options.pop("headers", {})}
        return self.house.client.open(path, method=method, headers=headers, **options)

    def as_phone(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.ask(method, path, self._phones, **options)

    def events(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/audit{query}").json["events"]
        return found

    def last(self) -> tuple[Any, ...]:
        event = self.events("?limit=1")[0]
        return tuple(event[name] for name in ("what", "actor", "image", "subject", "detail", "address"))


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield Watched(house)


def test_each_change_of_an_image_is_there(watched: Watched) -> None:
    ask, admin, phone = watched.ask, watched.admin.id, watched.phone.id
    posted = watched.as_phone("POST", "/images", data=picture(), content_type="image/jpeg", headers={"Accept": JSON})
    name = posted.json["public_name"]
    assert watched.last() == ("image-received", phone, 0, None, None, ADDRESS)
    ask("PATCH", f"/images/{name}", json={"visibility": "private"}, headers={"If-Match": "*"})
    assert watched.last() == ("image-changed", admin, 0, None, "private", ADDRESS)
    ask("POST", f"/images/{name}/visibility?visibility=public")
    assert watched.last() == ("image-changed", admin, 0, None, "public", ADDRESS)
    ask("DELETE", f"/images/{name}")
    assert watched.last() == ("image-deleted", admin, 0, None, None, ADDRESS)
    broken = watched.house.upload(broken_pixels(), actor=watched.phone.actor)
    watched.house.work()
    ask("POST", f"/images/{broken.public_name}/retry")
    assert watched.last() == ("image-retried", admin, 1, None, None, ADDRESS)
    unowned = watched.house.upload(picture(), actor=OPERATOR)
    assert watched.last() == ("image-received", "operator", 2, None, None, None)
    token = watched.house.context.taking_back.token_for(NOBODY, unowned)
    watched.house.client.delete(f"/images/{unowned.public_name}?token={token}")
    assert watched.last() == ("image-deleted", "nobody", 2, None, "delete-token", ADDRESS)


def test_what_is_shared_and_decided_is_there(watched: Watched) -> None:
    ask, admin, house = watched.ask, watched.admin.id, watched.house
    image = house.upload(picture(), actor=watched.admin.actor)
    link = {"what": "page", "expires_at": "2999-01-01T00:00:00Z", "revocable": True}
    made = ask("POST", f"/images/{image.public_name}/links", json=link).json["id"]
    assert watched.last() == ("link-made", admin, 0, made, "page", ADDRESS)
    ask("DELETE", f"/images/{image.public_name}/links/{made}")
    assert watched.last() == ("link-ended", admin, 0, made, None, ADDRESS)
    ask("DELETE", f"/images/{image.public_name}/links")
    assert watched.last() == ("link-ended", admin, 0, None, "all", ADDRESS)
    house.reviewing.suspect(image.id, "moderation", "nudity")
    ask("POST", "/images/0/review", json={"decision": "accept"})
    assert watched.last() == ("image-accepted", admin, 0, None, None, ADDRESS)
    house.reviewing.suspect(image.id, "moderation", "violence")
    ask("POST", "/images/0/review", json={"decision": "reject"})
    assert watched.last() == ("image-rejected", admin, 0, None, None, ADDRESS)


def test_tickets_are_there_and_what_came_by_them(watched: Watched) -> None:
    made = watched.ask("POST", "/tickets", json={"uses": 1}).json
    assert watched.last() == ("ticket-made", watched.admin.id, None, made["id"], None, ADDRESS)
    sent = watched.ask("POST", "/images", made["token"], data=picture(), content_type="image/jpeg")
    assert sent.status_code == 201
    assert watched.last() == ("image-received", f"ticket:{made['id']}", 0, None, None, ADDRESS)
    assert [event["image"] for event in watched.events(f"?actor=ticket:{made['id']}")] == [0]
    watched.ask("DELETE", f"/tickets/{made['id']}")
    assert watched.last() == ("ticket-revoked", watched.admin.id, None, made["id"], None, ADDRESS)


def test_an_upload_that_is_sent_again_changes_nothing(watched: Watched) -> None:
    for _ in range(2):
        watched.as_phone("POST", "/images", data=picture(), content_type="image/jpeg", headers={"Idempotency-Key": "k"})

    assert [event["image"] for event in watched.events("?what=image-received")] == [0]


def test_each_change_of_a_key_is_there(watched: Watched) -> None:
    admin = watched.admin.id
    made = watched.ask("POST", "/keys", json={"name": "tablet", "scopes": ["upload", "read"]}).json["id"]
    assert watched.last() == ("key-made", admin, None, made, "upload,read", ADDRESS)
    watched.ask("PATCH", f"/keys/{made}", json={"name": "other", "expires_at": None})
    assert watched.last() == ("key-changed", admin, None, made, "name,expires_at", ADDRESS)
    watched.ask("DELETE", f"/keys/{made}")
    assert watched.last() == ("key-removed", admin, None, made, None, ADDRESS)
    watched.ask("DELETE", f"/keys/{made}")
    assert len(watched.events("?what=key-removed")) == 1


def test_who_makes_the_first_key_is_there(tmp_path: Path) -> None:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        offer = new_token(OFFER_PREFIX)
        house.context.first_key.offer(digest_of(offer))
        house.client.post("/first-key", data={"token": offer})
        [key] = house.keyholding.all(OPERATOR)

        events = [event for _, event in house.context.auditing.newest(OPERATOR, 9)]
        assert [(event.what, event.actor, event.subject, event.address) for event in events] == [
            ("session-begun", key.id, events[0].subject, ADDRESS),
            ("key-made", "nobody", key.id, ADDRESS),
        ]


def test_sessions_are_there_from_beginning_to_end(watched: Watched) -> None:
    ours, phone = {"Origin": "http://localhost"}, watched.phone.id
    client = watched.house.app.test_client()
    client.post("/login", data={"key": watched._phones}, headers=ours)
    begun = watched.last()
    assert begun == ("session-begun", phone, None, begun[3], None, ADDRESS)
    client.post("/logout", headers=ours)
    assert watched.last() == ("session-ended", phone, None, begun[3], None, ADDRESS)
    client.post("/login", data={"key": watched._phones}, headers=ours)
    session = watched.last()[3]
    watched.as_phone("DELETE", f"/sessions/{session}")
    assert watched.last() == ("session-ended", phone, None, session, None, ADDRESS)
    client.post("/login", data={"key": "vk_none"}, headers=ours)
    assert watched.last() == ("sign-in-refused", "nobody", None, None, "invalid-key", ADDRESS)


def test_refusals_of_a_right_are_there(watched: Watched) -> None:
    image = watched.house.upload(picture(), actor=watched.admin.actor)
    phone, path = watched.phone.id, f"/images/{image.public_name}"
    watched.as_phone("GET", "/keys")
    assert watched.last() == ("refused", phone, None, None, "missing-scope admin", ADDRESS)
    watched.as_phone("DELETE", path)
    assert watched.last() == ("refused", phone, None, None, "missing-scope delete", ADDRESS)
    watched.house.client.delete(path)
    assert watched.last() == ("refused", "nobody", None, None, "key-required delete", ADDRESS)
    watched.house.client.delete(f"{path}?token=vd_none")
    assert watched.last() == ("refused", "nobody", None, None, "invalid-delete-token", ADDRESS)
    watched.house.client.get("/images", headers={"Authorization": "Bearer vk_none"})
    assert watched.last() == ("refused", "nobody", None, None, "invalid-key", ADDRESS)
    watched.ask("DELETE", path, headers={"Origin": "https://evil.example"})
    assert watched.last() == ("refused", watched.admin.id, None, None, "cross-site-request", ADDRESS)


def test_a_visitor_who_is_asked_for_a_key_is_no_event(watched: Watched) -> None:
    before = watched.events()
    for path in ("/keys", "/audit", "/images/7"):
        watched.house.client.get(path, headers={"Accept": BROWSER})

    assert watched.events() == before


def test_it_is_for_who_administers_alone(watched: Watched) -> None:
    for answer, status in ((watched.house.client.get("/audit"), 401), (watched.as_phone("GET", "/audit"), 403)):
        assert answer.status_code == status
        assert "events" not in answer.json


def test_pages_follow_each_other_with_their_filters(watched: Watched) -> None:
    for _ in range(5):
        watched.house.upload(picture(), actor=watched.phone.actor)
    url: str | None = f"/audit?limit=2&actor={watched.phone.id}&what=image-received&after=2020-01-01T00:00:00Z"
    found = []
    while url:
        answer = watched.ask("GET", url)
        assert answer.headers["Cache-Control"] == "no-store"
        found += [event["image"] for event in answer.json["events"]]
        url = answer.json["next"]
        assert (f'<{url}>; rel="next"' == answer.headers.get("Link")) == (url is not None)

    assert found == [4, 3, 2, 1, 0]
    assert [event["what"] for event in watched.events("?image=3")] == ["image-received"]
    assert watched.events("?after=2100-01-01T00:00:00%2B02:00") == []
    assert len(watched.events("?after=2000-01-01T00:00:00+02:00")) == 7


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "before=1", "before=-", "before=9999999999999999-1", "actor=me", "image=-1"),
        *("what=all", "after=now", "after=2026-01-01", "after=9999-12-31T23:59:59-23:59", "actor=" + "a" * 5000),
    ],
)
def test_what_cannot_be_read_is_refused(watched: Watched, query: str) -> None:
    answer = watched.ask("GET", f"/audit?{query}")

    assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed-request")
    assert len(answer.json["detail"]) < 300


def test_no_token_and_no_name_is_there(watched: Watched) -> None:
    watched.as_phone(
        "POST",
        "/images",
        data=picture(),
        content_type="image/jpeg",
        headers={"Content-Disposition": 'attachment; filename="our-secret-party.jpg"'},
    )
    watched.ask("GET", "/images", token="vk_" + "a" * 59)
    watched.ask("POST", "/keys", json={"name": "tablet", "scopes": ["upload"]})
    text = watched.ask("GET", "/audit").text

    assert not re.search(r"v[kdsf]_|party|a phone|tablet", text)
