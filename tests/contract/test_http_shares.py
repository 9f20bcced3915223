"""The page of the signed links to an image: its forms work without JavaScript, and tell a new link once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.model import Visibility

OURS: Final = {"Origin": "http://localhost", "Accept": BROWSER}
FORM: Final = {"what": "page", "lasts": "week", "place": "none", "size": "small", "date": ""}
A_WEEK_S: Final = 7 * 24 * 3600


class Desk:
    """A gallery with a private picture, and the browser of whoever has sent it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.key, token = house.keyholding.add(OPERATOR, "owner", set(Scope) - {Scope.ADMIN})
        self.image = house.upload(picture(), "cat.jpg", actor=self.key.actor, visibility=Visibility.PRIVATE)
        house.work()
        self.page = f"/images/{self.image.public_name}/share"
        self.client = self.browser(token)

    def browser(self, token: str | None = None) -> FlaskClient:
        client: FlaskClient = self.house.app.test_client()
        if token is not None:
            assert client.post("/login", data={"key": token}, headers=OURS).status_code == 303
        return client

    def browser_of(self, *scopes: Scope) -> FlaskClient:
        return self.browser(self.house.keyholding.add(OPERATOR, "other", scopes)[1])

    def send(self, **said: str) -> TestResponse:
        return self.client.post(self.page, data={**FORM, **said}, headers=OURS)

    def make(self, **said: str) -> str:
        """The URL of a new link, as the page that the form leads to tells it."""
        answer = self.send(**said)
        assert answer.status_code == 303, answer.text
        return self.url_on(self.client.get(answer.headers["Location"], headers=OURS).text)

    @staticmethod
    def url_on(page: str) -> str:
        (url,) = re.findall(r'id="new-link-url" readonly value="([^"]+)"', page)
        return html.unescape(url)

    def status_of(self, url: str) -> int:
        split = urlsplit(url)
        return self.browser().get(f"{split.path}?{split.query}", headers={"Accept": BROWSER}).status_code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield Desk(house)


def said_by(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize(
    ("what", "path"),
    [("page", ""), ("public", "/public"), ("original", "/original"), ("vignette", None)],
)
def test_a_link_to_each_representation_opens_it_to_whoever_has_it(desk: Desk, what: str, path: str | None) -> None:
    url = desk.make(what=what)

    name = desk.image.public_name
    assert urlsplit(url).path == (f"/vignette/{name}" if path is None else f"/images/{name}{path}")
    assert desk.status_of(url) == 200
    assert desk.status_of(url.replace("signature=", "signature=A")) == 404


@pytest.mark.parametrize(
    ("lasts", "seconds"), [("hour", 3600), ("day", 24 * 3600), ("week", A_WEEK_S), ("month", 30 * 24 * 3600)]
)
def test_it_lasts_as_long_as_was_chosen(desk: Desk, lasts: str, seconds: int) -> None:
    said = said_by(desk.make(lasts=lasts))

    assert abs(int(said["expires"]) - int(said["made"]) - seconds) <= 1


def test_it_lasts_to_the_end_of_a_day_of_one_s_own(desk: Desk) -> None:
    said = said_by(desk.make(lasts="date", date="2099-12-31"))

    assert datetime.fromtimestamp(int(said["expires"]), UTC) == datetime(2100, 1, 1, tzinfo=UTC)
    today = datetime.now(UTC).date()
    assert int(said_by(desk.make(lasts="date", date=today.isoformat()))["expires"]) > datetime.now(UTC).timestamp()


@pytest.mark.parametrize("day", ["", "tomorrow", "2001-02-03", "2099-02-30", "9999-12-31"])
def test_a_day_that_is_over_or_none_gets_the_form_again_as_it_was_sent(desk: Desk, day: str) -> None:
    answer = desk.send(what="vignette", lasts="date", date=day)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert '<option value="vignette" selected>' in answer.text
    assert '<option value="date" selected>' in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("place", ["none", "coarse", "exact"])
def test_what_a_page_tells_of_the_place_is_chosen(desk: Desk, place: str) -> None:
    assert said_by(desk.make(place=place))["place"] == place


def test_only_a_page_and_the_original_tell_of_the_place(desk: Desk) -> None:
    told = {what: said_by(desk.make(what=what, place="exact"))["place"] for what in ("public", "vignette")}

    assert told == {"public": "none", "vignette": "none"}
    assert said_by(desk.make(what="original", place="none"))["place"] == "exact"


@pytest.mark.parametrize("said", [{"what": "all"}, {"lasts": "ever"}, {"place": "near"}, {"what": ""}], ids=str)
def test_what_no_form_of_ours_says_is_refused(desk: Desk, said: dict[str, str]) -> None:
    assert desk.send(**said).status_code == 400
    assert desk.send(what="vignette", size="none").status_code == 404


def test_the_new_link_is_told_on_one_page_of_this_browser_alone(desk: Desk) -> None:
    answer = desk.send()
    location = answer.headers["Location"]

    assert location == f"http://localhost{desk.page}?made=1"
    assert "signature" not in location
    cookie = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", f"Path={desk.page}", "Max-Age=600"} <= set(cookie)
    told = desk.client.get(location, headers=OURS)
    assert told.headers["Cache-Control"] == "no-store"
    assert desk.url_on(told.text)
    assert "signature=" not in desk.client.get(desk.page, headers=OURS).text
    other = desk.browser_of(Scope.ADMIN)
    assert "signature=" not in other.get(location, headers=OURS).text


@pytest.mark.parametrize("value", ["", "none", "é", "d2hhdD1hbGw=", "d2hhdD1wYWdl", "A" * 2000])
def test_a_cookie_that_carries_no_link_of_ours_tells_none(desk: Desk, value: str) -> None:
    desk.client.set_cookie("vignette_link", value, path=desk.page)

    answer = desk.client.get(f"{desk.page}?made=1", headers=OURS)

    assert answer.status_code == 200
    assert "new-link" not in answer.text.replace("data-new-link", "")


def test_the_page_has_the_link_as_a_qr_code(desk: Desk) -> None:
    page = desk.client.get(desk.send().headers["Location"], headers=OURS).text

    (code,) = re.findall(r"<svg.*?</svg>", page)
    assert [path.tag for path in ElementTree.fromstring(code)] == ["path", "path"]


def test_links_that_can_be_ended_are_listed_and_end_one_by_one(desk: Desk) -> None:
    kept, ended = desk.make(revocable="1"), desk.make(what="public", revocable="1")
    desk.make(what="original")
    page = desk.client.get(desk.page, headers=OURS).text
    ends = {f"{desk.page}/{said_by(link)['link']}/end" for link in (kept, ended)}
    assert set(re.findall(rf'action="({desk.page}/[0-9a-f]+/end)"', page)) == ends

    end = f"{desk.page}/{said_by(ended)['link']}/end"
    answer = desk.client.post(end, headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"http://localhost{desk.page}")
    assert (desk.status_of(kept), desk.status_of(ended)) == (200, 404)
    assert desk.client.post(end, headers=OURS).status_code == 404


def test_all_end_at_once_also_those_that_are_not_listed(desk: Desk) -> None:
    links = [desk.make(), desk.make(revocable="1")]

    answer = desk.client.post(f"{desk.page}/end", headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, f"http://localhost{desk.page}")
    assert [desk.status_of(link) for link in links] == [404, 404]
    assert desk.status_of(desk.make()) == 200


def test_a_link_that_was_ended_is_not_shown_any_more(desk: Desk) -> None:
    made = desk.send(revocable="1").headers["Location"]
    desk.client.post(f"{desk.page}/end", headers=OURS)

    assert "signature=" not in desk.client.get(made, headers=OURS).text


PATHS: Final = (("GET", ""), ("POST", ""), ("POST", "/end"), ("POST", "/0123456789abcdef/end"))


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_who_may_not_share_gets_nothing_of_it(desk: Desk, method: str, path: str) -> None:
    def ask(client: FlaskClient) -> int:
        return client.open(f"{desk.page}{path}", method=method, data=FORM, headers=OURS).status_code

    assert ask(desk.browser()) == 401
    assert ask(desk.browser_of(Scope.READ, Scope.UPLOAD)) == 403
    assert ask(desk.browser_of(Scope.SHARE, Scope.READ)) == 404  # it is private


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
@pytest.mark.parametrize("path", [path for method, path in PATHS if method == "POST"])
def test_no_other_site_makes_or_ends_one(desk: Desk, path: str, headers: dict[str, str]) -> None:
    link = desk.make(revocable="1")

    answer = desk.client.post(f"{desk.page}{path}", data=FORM, headers=headers)

    assert (answer.status_code, answer.json["type"]) == (403, "/problems/cross-site-request")
    assert desk.status_of(link) == 200


def test_the_form_is_on_the_page_of_a_picture_for_those_alone_who_may_share_it(desk: Desk) -> None:
    desk.house.context.editing.set_visibility(OPERATOR, desk.image.id, Visibility.PUBLIC)
    path = f"/images/{desk.image.public_name}"

    def has_form(client: FlaskClient) -> bool:
        page = client.get(path, headers=OURS)
        assert page.status_code == 200
        return f'action="{desk.page}"' in page.text

    assert has_form(desk.client)
    assert has_form(desk.browser_of(Scope.ADMIN))
    assert not has_form(desk.browser_of(Scope.SHARE, Scope.READ))
    assert not has_form(desk.browser())


def test_with_open_doors_everybody_shares(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        image = house.upload(picture())
        house.work()
        answer = house.client.post("/images/0/share", data=FORM, headers=OURS)

        page = house.client.get(answer.headers["Location"], headers=OURS)
        assert urlsplit(Desk.url_on(page.text)).path == f"/images/{image.public_name}"


def test_below_a_path_the_cookie_is_for_that_page(tmp_path: Path) -> None:
    address: dict[str, Any] = {"public_url": "https://pictures.example/below"}
    with new_house(tmp_path, **address) as house:
        house.upload(picture())
        headers = {"Origin": "https://pictures.example", "Host": "pictures.example", "Accept": BROWSER}
        answer = house.client.post("/images/0/share", data=FORM, headers=headers)

        assert {"Path=/below/images/0/share", "Secure"} <= set(answer.headers["Set-Cookie"].split("; "))


def test_a_link_that_has_ended_by_itself_is_not_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk.send(lasts="hour").headers["Location"]
    later = datetime.now(UTC) + timedelta(hours=2)
    monkeypatch.setattr(desk.house.context.linking, "_clock", lambda: later)

    assert "signature=" not in desk.client.get(made, headers=OURS).text
