"""Signing in with a browser: what the session may do, when it ends, and that no other site can use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, OURS
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token
from vignette.access.sessions import ENDS_AFTER, IDLE_ENDS_AFTER, Session
from vignette.limits import MAX_SESSIONS_OF_A_KEY


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        yield house


@pytest.fixture
def token(closed: House) -> str:
    return closed.keyholding.add(OPERATOR, "laptop", [Scope.READ, Scope.UPLOAD, Scope.DELETE])[1]


def sign_in(client: FlaskClient, token: str, **form: str) -> TestResponse:
    return client.post("/login", data={"key": token, **form}, headers={**OURS, "Accept": BROWSER})


def test_a_browser_that_has_shown_a_key_may_do_what_the_key_may(closed: House, token: str) -> None:
    assert closed.client.get("/images").status_code == 401

    answer = sign_in(closed.client, token)

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/")
    assert closed.client.get("/images").status_code == 200
    kept = closed.client.post("/images", data=picture(), content_type="image/jpeg", headers=OURS)
    assert kept.status_code == 201
    [image] = closed.client.get("/images").json["images"]
    assert (image["id"], image["visibility"]) == (0, "public")
    patch = closed.client.patch("/images/0", json={"visibility": "private"}, headers=OURS)
    assert (patch.status_code, patch.json["required"]) == (403, "edit")
    assert closed.client.delete("/images/0", headers=OURS).status_code == 204


def test_the_cookie_is_for_this_service_alone_and_for_no_script(closed: House, token: str) -> None:
    cookie = sign_in(closed.client, token).headers["Set-Cookie"]

    name, *attributes = cookie.split("; ")
    assert name.startswith("vignette_session=vs_")
    assert {"HttpOnly", "Path=/", "SameSite=Lax", f"Max-Age={int(ENDS_AFTER.total_seconds())}"} <= set(attributes)
    assert not any(part.startswith("Domain") for part in attributes)
    assert "Secure" not in attributes


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("https://pictures.example", "__Host-vignette_session", "/"),
        ("https://pictures.example/below", "vignette_session", "/below"),
    ],
)
def test_over_https_it_goes_over_https_alone(tmp_path: Path, url: str, name: str, path: str) -> None:
    with new_house(tmp_path, access=Access.CLOSED, public_url=url) as house:
        _, token = house.keyholding.add(OPERATOR, "laptop", [Scope.READ])
        headers = {"Sec-Fetch-Site": "same-origin", "Host": "pictures.example"}
        answer = house.client.post("/login", data={"key": token}, headers=headers)

        assert answer.headers["Location"] == f"{url}/"
        cookie = answer.headers["Set-Cookie"].split("; ")
        assert cookie[0].startswith(f"{name}=vs_")
        assert {"Secure", f"Path={path}"} <= set(cookie)


@pytest.mark.parametrize("key", ["", "vk_", "secret", "vk_" + "a" * 59, "é" * 100])
def test_a_key_that_is_none_gets_the_form_again(closed: House, key: str) -> None:
    answer = sign_in(closed.client, key, next="/images")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vignette", error="invalid_token"'
    assert "Set-Cookie" not in answer.headers
    assert "This key is not valid here" in answer.text
    assert 'value="/images"' in answer.text
    assert len(key) < 4 or key not in answer.text


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/images/0?a=b", "/images/0?a=b"),
        ("//evil.example", "http://localhost/"),
        ("/\\\\evil.example", "http://localhost/"),
        ("https://evil.example/", "http://localhost/"),
        ("javascript:alert(1)", "http://localhost/"),
        ("/a\r\nSet-Cookie: a=b", "http://localhost/"),
        ("/" + "a" * 1000, "http://localhost/"),
        ("", "http://localhost/"),
    ],
)
def test_it_leads_to_a_page_of_ours(closed: House, token: str, wanted: str, path: str) -> None:
    assert sign_in(closed.client, token, next=wanted).headers["Location"] == path
    assert "evil" not in closed.client.get("/login", query_string={"next": wanted}).text


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_no_other_site_does_anything_with_it(closed: House, token: str, headers: dict[str, str]) -> None:
    sign_in(closed.client, token)
    closed.client.post("/images", data=picture(), content_type="image/jpeg", headers=OURS)

    for method, path in (
        ("DELETE", "/images/0"),
        ("POST", "/images/0/delete"),
        ("POST", "/images"),
        ("POST", "/logout"),
    ):
        answer = closed.client.open(path, method=method, headers=headers)
        assert answer.status_code == 403
        assert answer.json["type"] == "/problems/cross-site-request"
    assert closed.client.get("/images/0").status_code == 200


def test_a_link_for_the_first_key_that_was_used_says_so(closed: House) -> None:
    token = new_token(OFFER_PREFIX)
    closed.context.first_key.offer(digest_of(token))
    headers = {**OURS, "Accept": BROWSER}
    answers = [closed.client.post("/first-key", data={"token": token}, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 401]
    assert "This link makes no key any more" in answers[1].text
    assert "Sign in with a key that you have." in answers[1].text


def test_pages_that_show_an_offer_or_a_first_key_are_kept_by_nobody(closed: House) -> None:
    token = new_token(OFFER_PREFIX)
    closed.context.first_key.offer(digest_of(token))

    form = closed.client.get(f"/first-key?token={token}")
    made = closed.client.post("/first-key", data={"token": token}, headers=OURS)

    assert (form.status_code, made.status_code) == (200, 201)
    assert (token in form.text, "vk_" in made.text) == (True, True)
    assert form.headers["Cache-Control"] == made.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}])
def test_no_other_site_signs_a_visitor_in(closed: House, token: str, headers: dict[str, str]) -> None:
    assert closed.client.post("/login", data={"key": token}, headers=headers).status_code == 403


def test_behind_a_proxy_that_speaks_https_and_was_not_named_the_page_tells_the_scheme(
    closed: House, token: str
) -> None:
    headers = {"Origin": "https://localhost", "Host": "localhost"}
    signed_in = closed.client.post("/login", data={"key": token}, headers=headers)
    signed_out = closed.client.post("/logout", headers=headers)

    assert (signed_in.status_code, signed_out.status_code) == (303, 303)
    for answer in (signed_in, signed_out):
        name, *attributes = answer.headers["Set-Cookie"].split("; ")
        assert name.startswith("vignette_session=")
        assert "Secure" in attributes


def test_signing_out_ends_it_for_whoever_has_copied_the_cookie(closed: House, token: str) -> None:
    sign_in(closed.client, token)
    [cookie] = [closed.client.get_cookie("vignette_session")]
    answer = closed.client.post("/logout", headers=OURS)

    assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (303, '"cache"')
    assert closed.client.get_cookie("vignette_session") is None
    closed.client.set_cookie("vignette_session", cookie.value)
    assert closed.client.get("/images").status_code == 401


def test_each_sign_in_is_a_session_of_its_own_and_ends_the_former(closed: House, token: str) -> None:
    tokens = []
    for _ in range(3):
        sign_in(closed.client, token)
        tokens.append(closed.client.get_cookie("vignette_session").value)

    assert len(set(tokens)) == 3
    former = closed.app.test_client()
    former.set_cookie("vignette_session", tokens[0])
    assert former.get("/images").status_code == 401
    assert closed.client.get("/images").status_code == 200


def test_it_ends_with_its_key(closed: House, token: str) -> None:
    sign_in(closed.client, token)
    [key] = closed.keyholding.all(OPERATOR)
    closed.keyholding.change(OPERATOR, key.id, scopes=[Scope.SHARE])
    assert closed.client.get("/images").status_code == 403
    closed.keyholding.change(OPERATOR, key.id, scopes=[Scope.READ], networks=["10.0.0.0/8"])
    for address, status in (("192.0.2.7", 401), ("10.1.2.3", 200)):
        asked = closed.client.get("/images", environ_overrides={"REMOTE_ADDR": address})
        assert asked.status_code == status
    closed.keyholding.change(OPERATOR, key.id, networks=[])
    assert closed.client.get("/images").status_code == 200
    closed.keyholding.remove(OPERATOR, key.id)
    assert closed.client.get("/images").status_code == 401


def test_it_ends_when_its_key_expires(closed: House, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(closed.client, token)
    [key] = closed.keyholding.all(OPERATOR)
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    closed.keyholding.change(OPERATOR, key.id, expires_at=ends_at)
    assert closed.client.get("/images").status_code == 200
    monkeypatch.setattr(closed.keyholding, "_clock", lambda: ends_at + timedelta(milliseconds=1))
    assert closed.client.get("/images").status_code == 401


@pytest.mark.parametrize("step", [timedelta(days=6), IDLE_ENDS_AFTER + timedelta(seconds=1)])
def test_it_ends_when_it_was_not_used_for_a_week_or_is_a_month_old(
    closed: House, token: str, step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(closed.context.signing_in, "_clock", clock)
    begun = clock.now
    sign_in(closed.client, token)
    lasted = timedelta(0)
    while closed.client.get("/images").status_code == 200 and lasted < timedelta(days=60):
        lasted = clock.now - begun
        clock.now += step

    assert lasted == (timedelta(0) if step > IDLE_ENDS_AFTER else timedelta(days=24))
    sign_in(closed.client, token)
    assert len(closed.context.signing_in.mine(closed.keyholding.all(OPERATOR)[0].actor)) == 1


def test_its_owner_lists_and_ends_them(closed: House, token: str) -> None:
    phone, laptop = closed.app.test_client(), closed.app.test_client()
    for client in (phone, laptop):
        sign_in(client, token)
    other = closed.keyholding.add(OPERATOR, "other", [Scope.ADMIN])[1]
    stranger = {"Authorization": f"Bearer {other}"}
    assert closed.client.get("/sessions").status_code == 401
    assert closed.client.get("/sessions", headers=stranger).json == {"sessions": []}

    listed = phone.get("/sessions").json["sessions"]
    assert len(listed) == 2
    for session in listed:
        assert closed.client.delete(f"/sessions/{session['id']}", headers=stranger).status_code == 404
        assert phone.delete(f"/sessions/{session['id']}", headers=OURS).status_code in (204, 401)

    assert laptop.get("/images").status_code == phone.get("/images").status_code == 401


def test_a_key_has_a_bounded_number(closed: House, token: str) -> None:
    first = closed.app.test_client()
    sign_in(first, token)
    for _ in range(MAX_SESSIONS_OF_A_KEY):
        closed.context.signing_in.sign_in(token, None, "x" * 10_000)

    assert first.get("/images").status_code == 401
    listed = closed.context.signing_in.mine(closed.keyholding.all(OPERATOR)[0].actor)
    assert len(listed) == MAX_SESSIONS_OF_A_KEY
    assert all(len(session.agent or "") < 1000 for session in listed)


def test_a_cookie_that_is_none_is_nobody_without_a_look_up(closed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed.catalogue.sessions, "with_digest", pytest.fail)
    for value in ("", "vs_", "x" * 4000, "vs_" + "a" * 59):
        closed.client.set_cookie("vignette_session", value)
        assert closed.client.get("/images").status_code == 401
        assert closed.client.get("/login").status_code == 200


def test_one_of_another_digest_than_was_asked_for_is_nobody(
    closed: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a database would answer whose comparison is not exact."""
    sign_in(closed.client, token)
    find = closed.catalogue.sessions.with_digest

    def almost(digest: str) -> Session:
        found = find(digest)
        assert found is not None
        return replace(found, digest=f"{digest[:-1]}{'1' if digest.endswith('0') else '0'}")

    assert closed.client.get("/images").status_code == 200
    monkeypatch.setattr(closed.catalogue.sessions, "with_digest", almost)
    assert closed.client.get("/images").status_code == 401


def test_pages_offer_what_the_visitor_may_do(closed: House, token: str) -> None:
    refused = closed.client.get("/images?limit=2", headers={"Accept": BROWSER})
    assert refused.status_code == 401
    assert 'href="/login?next=/images"' in refused.text
    assert "Sign in with a key." in refused.text
    assert refused.text.count('<a class="button"') == 1  # without a key the start, too, leads here
    assert "Sign in" in closed.client.get("/docs").text
    # What a form was to do is not done by coming back: where it leads to is no page.
    form = closed.client.post("/images/0/retry", headers={**OURS, "Accept": BROWSER})
    assert form.status_code == 401
    assert "/login?next" not in form.text
    sign_in(closed.client, token)

    page = closed.client.get("/", headers={"Accept": BROWSER})
    assert "Sign out" in page.text
    assert 'id="upload"' in page.text
    reading = closed.keyholding.add(OPERATOR, "reader", [Scope.READ])[1]
    sign_in(closed.client, reading)
    assert 'id="upload"' not in closed.client.get("/", headers={"Accept": BROWSER}).text


def test_a_page_that_is_kept_is_not_that_of_another(closed: House, token: str) -> None:
    stranger = closed.app.test_client()
    sign_in(closed.client, token)
    for _ in range(2):
        assert "Sign out" in closed.client.get("/docs").text
        assert "Sign out" not in stranger.get("/docs").text


@pytest.mark.parametrize(
    ("host", "is_told"),
    [
        *((host, False) for host in ("localhost", "localhost:5000", "127.0.0.1:5000", "127.0.0.2", "[::1]:5000")),
        *((host, True) for host in ("192.168.1.20:5000", "pictures.example", "[2001:db8::1]:5000", "[fd00::2]")),
    ],
)
def test_over_a_plain_network_the_form_says_what_that_means(closed: House, host: str, is_told: bool) -> None:
    assert ("not encrypted" in closed.client.get("/login", base_url=f"http://{host}").text) == is_told
    assert "not encrypted" not in closed.client.get("/login", base_url=f"https://{host}").text


def test_who_signs_in_anew_has_ended_the_former_session(closed: House, token: str) -> None:
    other = closed.keyholding.add(OPERATOR, "other", [Scope.READ])[1]
    sign_in(closed.client, token)
    former = closed.client.get_cookie("vignette_session")
    assert former is not None
    assert sign_in(closed.client, "vk_none").status_code == 401
    assert closed.client.get("/images").status_code == 200

    sign_in(closed.client, other)

    assert closed.client.get("/images").status_code == 200
    closed.client.set_cookie("vignette_session", former.value)
    assert closed.client.get("/images").status_code == 401


def test_a_form_that_is_none_is_refused(closed: House) -> None:
    for body, content_type in (
        (b"{}", "application/json"),
        (b"key=" + b"a" * 9000, "application/x-www-form-urlencoded"),
    ):
        answer = closed.client.post("/login", data=body, content_type=content_type, headers=OURS)
        assert answer.status_code == 400
