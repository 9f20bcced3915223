"""The pages of keys: `admin` makes, changes and removes keys by forms without JavaScript, owners look at their own."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER
from tests.house import House, picture
from tests.house import house as new_house
from tests.running import until
from vignette.access.actors import OPERATOR, Actor, Scope
from vignette.access.events import What
from vignette.access.policy import Access
from vignette.access.quotas import Quota
from vignette.limits import MIB

OURS: Final = {"Origin": "http://localhost", "Accept": BROWSER}
END: Final = datetime(2099, 1, 1, tzinfo=UTC)
FORM: Final = {"name": "Anna’s phone", "read": "1", "upload": "1", "lasts": "month", "date": ""}


class Keys:
    """A gallery, whoever manages it, and a guest with a key of few rights: each with a browser."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.own, token = house.keyholding.add(OPERATOR, "caretaker", [Scope.ADMIN])
        self.theirs, self.their_token = house.keyholding.add(
            OPERATOR,
            "<guest>",
            [Scope.READ, Scope.UPLOAD],
            expires_at=END,
            networks=["127.0.0.0/8"],
            quota=Quota(5, 3 * MIB + 1, 2),
        )
        self.client, self.guest = self.browser(token), self.browser(self.their_token)

    def browser(self, token: str | None = None) -> FlaskClient:
        client: FlaskClient = self.house.app.test_client()
        if token is not None:
            assert client.post("/login", data={"key": token}, headers=OURS).status_code == 303
        return client

    def send(self, **said: str) -> TestResponse:
        form = {name: value for name, value in {**FORM, **said}.items() if value}
        return self.client.post("/keys", data=form, headers=OURS)

    def filled_in(self, path: str) -> dict[str, str]:
        """What a browser would send if nobody touched the form of the page at *path*."""
        page = self.client.get(path, headers=OURS).text.partition('class="fields key-form"')[2]
        fields = re.findall(r'name="(\w+)"[^>]* value="([^"]*)"(?! *>[^<]*<span>)', page)
        ticked = re.findall(r'name="(\w+)" value="1" checked', page)
        texts = re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)<', page)
        chosen = re.findall(r'<option value="([\w-]+)" selected', page)
        return {
            **{name: html.unescape(value) for name, value in [*fields, *texts] if name not in list(Scope)},
            **dict.fromkeys(ticked, "1"),
            "lasts": chosen[0],
        }

    def change(self, key_id: str, **said: str) -> TestResponse:
        path = f"/keys/{key_id}/change"
        form = {**self.filled_in(path), **said}
        return self.client.post(path, data={name: value for name, value in form.items() if value}, headers=OURS)

    def page(self, path: str, client: FlaskClient | None = None) -> str:
        answer = (client or self.client).get(path, headers={"Accept": BROWSER})
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Accept" in answer.headers["Vary"] or path.endswith(("change", "remove"))
        return html.unescape(answer.text)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield Keys(house)


def test_a_new_key_is_shown_once_and_opens_what_was_chosen(keys: Keys) -> None:
    answer = keys.send(
        networks="127.0.0.1 ::1\r\n192.0.2.0/24",
        origins="https://app.example.org/",
        images="7",
        mib="3",
        images_per_day="2",
    )

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    (token,) = re.findall(r'id="token" readonly value="(vk_[a-z2-7]+)"', answer.text)
    key = keys.house.keyholding.authenticate(token, "127.0.0.1").key_id
    assert key is not None
    made = keys.house.keyholding.get(OPERATOR, key)
    assert answer.headers["Location"] == f"http://localhost/keys/{key}"
    assert (made.name, made.scopes) == ("Anna’s phone", {Scope.READ, Scope.UPLOAD})
    assert made.networks == ("127.0.0.1/32", "::1/128", "192.0.2.0/24")
    assert made.origins == ("https://app.example.org",)
    assert made.quota == Quota(7, 3 * MIB, 2)
    assert made.expires_at is not None
    assert abs(made.expires_at - made.created_at - timedelta(days=30)) < timedelta(minutes=1)
    for path in ("/keys", f"/keys/{key}"):
        assert token not in keys.page(path)


@pytest.mark.parametrize(
    ("lasts", "date", "days"), [("quarter", "", 90), ("year", "", 365), ("ever", "", None), ("date", "2099-12-31", 0)]
)
def test_it_expires_as_was_chosen(keys: Keys, lasts: str, date: str, days: int | None) -> None:
    keys.send(lasts=lasts, date=date)

    made = keys.house.keyholding.all(OPERATOR)[0]
    expected = {None: None, 0: datetime(2100, 1, 1, tzinfo=UTC)}
    if days in expected:
        assert made.expires_at == expected[days]
    else:
        assert made.expires_at is not None
        assert days is not None
        assert abs(made.expires_at - made.created_at - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        *(({"name": name}, "name") for name in ("", " ", "a" * 201)),
        ({"read": "", "upload": ""}, "scopes"),
        *(({"lasts": "date", "date": day}, "date") for day in ("", "2001-02-03", "soon")),
        *(({"networks": text}, "networks") for text in ("10.0.0.0/33", "home", "192.0.2.1/24", "fe80::1%eth0")),
        ({"networks": "\n".join(f"10.0.0.{number}" for number in range(51))}, "networks"),
        *(({"origins": text}, "origins") for text in ("https://app.example.org/page", "*")),
        ({"origins": "\n".join(f"https://{number}.example.org" for number in range(21))}, "origins"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_makes_no_key_is_told_at_its_field_and_nothing_else_is_lost(
    keys: Keys, said: dict[str, str], field: str
) -> None:
    answer = keys.send(**{"share": "1" if field != "scopes" else "", **said})

    assert answer.status_code == 400
    assert re.findall(r'id="([a-z]+)-error" role="alert"', answer.text) == [field]
    if field != "name":
        assert 'value="Anna’s phone"' in html.unescape(answer.text)
    ticked = re.findall(r'name="([a-z]+)" value="1" checked', answer.text)
    assert ticked == ([] if field == "scopes" else ["read", "upload", "share"])
    assert len(keys.house.keyholding.all(OPERATOR)) == 2


@pytest.mark.parametrize(
    "said",
    [{"lasts": "always"}, {"lasts": "as-it-is"}, {"images": "many"}, {"mib": "-1"}, {"images": "9" * 18}],
    ids=str,
)
def test_what_no_form_of_ours_says_is_refused(keys: Keys, said: dict[str, str]) -> None:
    assert keys.send(**said).status_code == 400
    assert len(keys.house.keyholding.all(OPERATOR)) == 2


def test_the_list_has_all_and_leads_to_each(keys: Keys) -> None:
    page = keys.page("/keys")

    for key in (keys.own, keys.theirs):
        assert f'href="/keys/{key.id}"' in page
        assert f'href="/keys/{key.id}/remove"' in page
    answer = keys.client.get("/keys?limit=1", headers=OURS)
    assert 'rel="next"' in answer.headers["Link"]
    assert 'rel="next"' in answer.text


def test_its_page_tells_what_it_may_and_what_it_has(keys: Keys) -> None:
    keys.house.upload(picture(), actor=Actor(keys.theirs.id, keys.theirs.scopes))
    for page in (keys.page(f"/keys/{keys.theirs.id}"), keys.page("/keys/me", keys.guest)):
        for words in ("Send pictures", "Look at pictures", "127.0.0.0/8"):
            assert words in page
        for words in ("1 of 5 pictures", "of 3\u00a0MiB", "1 of 2 pictures today", keys.theirs.id):
            assert words in page
        assert "Delete them" not in page


def test_what_its_owner_calls_it_is_no_markup(keys: Keys) -> None:
    for page in ("", f"/{keys.theirs.id}", f"/{keys.theirs.id}/change", f"/{keys.theirs.id}/remove"):
        path = f"/keys{page}"
        text = keys.client.get(path, headers=OURS).text
        assert "&lt;guest&gt;" in text
        assert "<guest>" not in text


def test_what_is_not_touched_stays_as_it_is(keys: Keys) -> None:
    answer = keys.change(keys.theirs.id)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"http://localhost/keys/{keys.theirs.id}")
    after = keys.house.keyholding.get(OPERATOR, keys.theirs.id)
    assert replace(after, last_used_at=None) == keys.theirs
    assert What.KEY_CHANGED not in [event.what for _, event in keys.house.context.auditing.newest(OPERATOR, 9)]


def test_what_is_changed_holds_from_then_on(keys: Keys) -> None:
    keys.change(
        keys.theirs.id,
        name="Berta",
        upload="",
        share="1",
        lasts="ever",
        networks="",
        origins="http://b.test",
        images="",
    )

    after = keys.house.keyholding.get(OPERATOR, keys.theirs.id)
    assert (after.name, after.scopes) == ("Berta", {Scope.READ, Scope.SHARE})
    assert (after.expires_at, after.networks, after.origins) == (None, (), ("http://b.test",))
    assert after.quota == Quota(None, 3 * MIB + 1, 2)
    assert keys.guest.post("/images", data=picture(), headers=OURS).status_code == 403
    keys.change(keys.theirs.id, mib="2", images_per_day="0", lasts="date", date="2099-12-31")
    after = keys.house.keyholding.get(OPERATOR, keys.theirs.id)
    assert after.quota == Quota(None, 2 * MIB, 0)
    assert after.expires_at == datetime(2100, 1, 1, tzinfo=UTC)


def test_what_makes_no_key_of_it_is_told_at_its_field_and_changes_nothing(keys: Keys) -> None:
    answer = keys.change(keys.theirs.id, name="Berta", networks="home")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "no-store")
    assert re.findall(r'id="([a-z]+)-error" role="alert"', answer.text) == ["networks"]
    assert 'value="Berta"' in answer.text
    assert ">home</textarea>" in answer.text
    assert keys.house.keyholding.get(OPERATOR, keys.theirs.id).name == "<guest>"


def test_a_key_that_has_expired_can_get_another_name(tmp_path: Path) -> None:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        keys = Keys(house)
        clock = datetime.now(UTC)
        old, _ = house.keyholding.add(OPERATOR, "old", [Scope.READ], expires_at=clock + timedelta(milliseconds=1))
        until(lambda: not old.is_valid_at(datetime.now(UTC)))
        assert "expired" in keys.page("/keys")

        assert keys.change(old.id, name="very old").status_code == 303

        after = house.keyholding.get(OPERATOR, old.id)
        assert (after.name, after.expires_at) == ("very old", old.expires_at)


def test_who_takes_admin_from_his_own_key_is_told_and_looks_at_it(keys: Keys) -> None:
    assert "signed in with" in keys.page(f"/keys/{keys.own.id}/change")
    assert "signed in with" not in keys.page(f"/keys/{keys.theirs.id}/change")

    answer = keys.change(keys.own.id, admin="", read="1")

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/keys/me")
    assert "caretaker" in keys.page("/keys/me")
    assert keys.client.get("/keys", headers=OURS).status_code == 403


def test_a_page_asks_before_a_key_is_taken_back(keys: Keys) -> None:
    path = f"/keys/{keys.theirs.id}/remove"
    assert f'action="{path}"' in keys.page(path)
    assert "you will be signed out" not in keys.page(path)
    assert keys.guest.get("/keys/me").status_code == 200

    answer = keys.client.post(path, headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/keys")
    assert keys.guest.get("/keys/me").status_code == 401
    assert keys.client.post(path, headers=OURS).status_code == 404


def test_who_takes_back_his_own_key_is_told_and_leaves(keys: Keys) -> None:
    path = f"/keys/{keys.own.id}/remove"
    assert "you will be signed out" in keys.page(path)

    answer = keys.client.post(path, headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/")
    assert keys.client.get("/keys").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/keys", "/keys/{}/change", "/keys/{}/remove"])
@pytest.mark.parametrize("is_there", [True, False])
def test_only_admin_gets_there_and_nobody_else_learns_which_keys_there_are(
    keys: Keys, method: str, path: str, is_there: bool
) -> None:
    key_id = keys.theirs.id if is_there else "0123456789abcdef"
    for client, status in ((keys.browser(), 401), (keys.guest, 403)):
        answer = client.open(path.format(key_id), method=method, data=FORM, headers=OURS)
        assert answer.status_code == status
        assert answer.mimetype == "text/html"
    assert len(keys.house.keyholding.all(OPERATOR)) == 2


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_no_other_site_makes_changes_or_takes_back_one(keys: Keys, headers: dict[str, str]) -> None:
    for path in ("/keys", f"/keys/{keys.theirs.id}/change", f"/keys/{keys.theirs.id}/remove"):
        answer = keys.client.post(path, data=FORM, headers=headers)
        assert (answer.status_code, answer.json["type"]) == (403, "/problems/cross-site-request")
    assert {key.name for key in keys.house.keyholding.all(OPERATOR)} == {"caretaker", "<guest>"}


def test_a_program_gets_json_as_before(keys: Keys) -> None:
    for path in ("/keys", "/keys/me", f"/keys/{keys.own.id}"):
        assert keys.client.get(path).mimetype == "application/json"


def test_the_menu_leads_to_the_pages_that_each_may_see(keys: Keys) -> None:
    def links(client: FlaskClient) -> set[str]:
        header = client.get("/", headers={"Accept": BROWSER}).text.partition("</header>")[0]
        return {path for path in ("/keys", "/keys/me", "/sessions") if f'href="{path}"' in header}

    assert links(keys.client) == {"/keys", "/keys/me", "/sessions"}
    assert links(keys.guest) == {"/keys/me", "/sessions"}
    assert links(keys.browser()) == set()
