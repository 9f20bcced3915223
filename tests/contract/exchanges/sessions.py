"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import FACES, Asking, Exchanges, as_admin, failing, page, patched, small_body
from vignette import errors
from vignette.access.actors import OPERATOR, Scope
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token


def login_page(ask: Asking) -> None:
    ask.both("/login")


def login(ask: Asking) -> None:
    _, token = ask.house.keyholding.add(OPERATOR, "laptop", [Scope.READ])
    ask("POST", "/login", data={"key": token}, headers={"Origin": "http://localhost"})
    ask.house.client.delete_cookie("vignette_session")
    ask("POST", "/login", data={"key": "vk_none"})
    ask("POST", "/login", json={})
    small_body(ask, "POST", "/login", content_type="application/x-www-form-urlencoded")
    ask("POST", "/login", data={"key": token}, headers={"Sec-Fetch-Site": "cross-site"})
    with patched(ask.house.context.signing_in, "sign_in", failing(errors.StoreFull("no room"))):
        ask("POST", "/login", data={"key": token})
    with no_catalogue(ask.house):
        ask("POST", "/login", data={"key": token})


def first_key(ask: Asking) -> None:
    first = ask.house.context.first_key
    for face in FACES:
        token = new_token(OFFER_PREFIX)
        first.offer(digest_of(token))
        ask("POST", "/first-key", faces=(face,), data={"token": token})
        ask.house.client.delete_cookie("vignette_session")
        for key in ask.house.keyholding.all(OPERATOR):
            ask.house.keyholding.remove(OPERATOR, key.id)
    ask("POST", "/first-key", data={"token": "vf_none"})
    ask("POST", "/first-key", json={})
    small_body(ask, "POST", "/first-key", content_type="application/x-www-form-urlencoded")
    ask("POST", "/first-key", data={"token": token}, headers={"Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("gone"), errors.CatalogueUnavailable("gone")):
        with patched(first, "take", failing(fault)):
            ask("POST", "/first-key", data={"token": token})


def logout(ask: Asking) -> None:
    ask("POST", "/logout")
    ask("POST", "/logout", headers={"Sec-Fetch-Site": "cross-site"})
    ask.house.client.set_cookie("vignette_session", "vs_none")
    for fault in (errors.StoreFull("no room"), errors.CatalogueUnavailable("gone")):
        with patched(ask.house.context.signing_in, "sign_out", failing(fault)):
            ask("POST", "/logout")


@as_admin
def session_list(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/sessions")
    ask.both("/sessions", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/sessions", headers=admin)


def ending(method: str, template: str) -> Callable[[Asking], None]:
    @as_admin
    def exchange(ask: Asking, _: str, admin: dict[str, str]) -> None:
        signing_in, none = ask.house.context.signing_in, template.format(session_id="none")
        token = admin["Authorization"].partition(" ")[2]
        for face in FACES:
            session, _ = signing_in.sign_in(token, None, None)
            for _ in range(2):
                ask(method, template.format(session_id=session.id), template, faces=(face,), headers=admin)
        ask(method, none, template)
        ask(method, none, template, headers={**admin, "Sec-Fetch-Site": "cross-site"})
        with patched(signing_in, "end", failing(errors.StoreFull("no room"))):
            ask(method, none, template, headers=admin)
        with no_catalogue(ask.house):
            ask(method, none, template, headers=admin)

    return exchange


@as_admin
def other_sessions_end(ask: Asking, _: str, admin: dict[str, str]) -> None:
    path, signing_in = "/sessions/end-others", ask.house.context.signing_in
    signing_in.sign_in(admin["Authorization"].partition(" ")[2], None, None)
    ask("POST", path)
    ask("POST", path, headers=admin)
    ask("POST", path, headers={**admin, "Sec-Fetch-Site": "cross-site"})
    with patched(signing_in, "end_others", failing(errors.StoreFull("no room"))):
        ask("POST", path, headers=admin)
    with no_catalogue(ask.house):
        ask("POST", path, headers=admin)


EXCHANGES: Final[Exchanges] = {
    ("get", "/login"): login_page,
    ("post", "/login"): login,
    ("post", "/logout"): logout,
    ("get", "/first-key"): page("/first-key"),
    ("post", "/first-key"): first_key,
    ("get", "/sessions"): session_list,
    ("delete", "/sessions/{session_id}"): ending("DELETE", "/sessions/{session_id}"),
    ("post", "/sessions/{session_id}/end"): ending("POST", "/sessions/{session_id}/end"),
    ("post", "/sessions/end-others"): other_sessions_end,
}
