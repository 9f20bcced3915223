"""The page of one's sessions: what each is, which of them asks, and how they are ended without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient

from tests.contract.asking import BROWSER
from tests.house import House
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.events import What
from vignette.access.policy import Access

OURS: Final = {"Origin": "http://localhost", "Accept": BROWSER}
FIREFOX: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Sessions:
    """A closed service, with a key that is shown by several browsers, and one of somebody else."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.token = house.keyholding.add(OPERATOR, "laptop", [Scope.READ])[1]
        self.here, self.there, self.elsewhere = (self.browser(self.token) for _ in range(3))
        self.other = self.browser(house.keyholding.add(OPERATOR, "other", [Scope.READ])[1])

    def browser(self, token: str | None = None, agent: str = FIREFOX) -> FlaskClient:
        client: FlaskClient = self.house.app.test_client()
        if token is not None:
            client.post("/login", data={"key": token}, headers={**OURS, "User-Agent": agent})
        return client

    def page(self, client: FlaskClient) -> str:
        answer = client.get("/sessions", headers=OURS)
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.text

    def is_signed_in(self, client: FlaskClient) -> bool:
        return client.get("/sessions").status_code == 200


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        yield Sessions(house)


def test_the_browser_that_asks_is_marked_and_signs_out(sessions: Sessions) -> None:
    page = sessions.page(sessions.here)

    assert page.count("Firefox on Windows") == 3
    assert page.count("this browser") == 1
    assert len(re.findall(r'action="/sessions/[0-9a-f]{16}/end"', page)) == 2
    assert 'action="/sessions/end-others"' in page


def test_one_is_ended(sessions: Sessions) -> None:
    (_, theirs) = re.findall(r'action="(/sessions/[0-9a-f]{16}/end)"', sessions.page(sessions.here))

    answer = sessions.here.post(theirs, headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/sessions")
    assert sessions.is_signed_in(sessions.here)
    assert [sessions.is_signed_in(client) for client in (sessions.there, sessions.elsewhere)].count(True) == 1
    assert sessions.here.post(theirs, headers=OURS).status_code == 404


def test_all_others_are_ended_and_those_of_other_keys_go_on(sessions: Sessions) -> None:
    answer = sessions.here.post("/sessions/end-others", headers=OURS)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/sessions")
    everybody = (sessions.here, sessions.there, sessions.elsewhere, sessions.other)
    assert [sessions.is_signed_in(client) for client in everybody] == [True, False, False, True]
    page = sessions.page(sessions.here)
    assert "end-others" not in page
    events = [event for _, event in sessions.house.context.auditing.newest(OPERATOR, 9)]
    assert len({event.subject for event in events if event.what is What.SESSION_ENDED}) == 2


def test_a_program_that_shows_the_key_ends_them_all(sessions: Sessions) -> None:
    program = sessions.house.app.test_client()
    program.post("/sessions/end-others", headers={"Authorization": f"Bearer {sessions.token}"})

    assert not any(sessions.is_signed_in(client) for client in (sessions.here, sessions.there, sessions.elsewhere))
    assert sessions.is_signed_in(sessions.other)


def test_nobody_ends_the_session_of_another_key(sessions: Sessions) -> None:
    theirs = re.findall(r'action="(/sessions/[0-9a-f]{16}/end)"', sessions.page(sessions.here))[0]

    assert sessions.other.post(theirs, headers=OURS).status_code == 404
    assert sessions.browser().post(theirs, headers=OURS).status_code == 401
    assert sessions.browser().post("/sessions/end-others", headers=OURS).status_code == 401
    assert sessions.is_signed_in(sessions.there)


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_no_other_site_ends_one(sessions: Sessions, headers: dict[str, str]) -> None:
    theirs = re.findall(r'action="(/sessions/[0-9a-f]{16}/end)"', sessions.page(sessions.here))[0]
    for path in (theirs, "/sessions/end-others"):
        answer = sessions.here.post(path, headers=headers)
        assert (answer.status_code, answer.json["type"]) == (403, "/problems/cross-site-request")
    assert sessions.is_signed_in(sessions.there)


def test_what_a_browser_says_of_itself_is_no_markup(sessions: Sessions) -> None:
    sessions.browser(sessions.token, "<b>me</b>")

    page = sessions.page(sessions.here)

    assert "&lt;b&gt;me&lt;/b&gt;" in page
    assert "<b>me" not in page


def test_who_is_not_signed_in_is_led_there(sessions: Sessions) -> None:
    answer = sessions.browser().get("/sessions", headers=OURS)

    assert answer.status_code == 401
    assert "/login?next=/sessions" in answer.text
