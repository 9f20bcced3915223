"""What the service says of itself."""

from __future__ import annotations

from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import Asking, Exchanges, as_admin, page


@as_admin
def own_limits(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/limits")
    ask.both("/limits", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/limits", headers=admin)


def front_page(ask: Asking) -> None:
    ask.both("/")
    with no_catalogue(ask.house):
        ask.both("/")


def problem_page(ask: Asking) -> None:
    ask.both("/problems/no-file", "/problems/{code}")
    ask.both("/problems/none", "/problems/{code}")


def readiness(ask: Asking) -> None:
    ask.both("/readyz")
    ask.house.app.extensions["vignette"].health._report = None
    with no_catalogue(ask.house):
        ask.both("/readyz")


def language(ask: Asking) -> None:
    ask("POST", "/language?to=fr")
    ask("POST", "/language?to=en", headers={"Referer": "http://localhost/limits"})
    ask("POST", "/language?to=none")
    ask("POST", "/language?to=fr", headers={"Sec-Fetch-Site": "cross-site"})


EXCHANGES: Final[Exchanges] = {
    ("get", "/"): front_page,
    ("get", "/limits"): own_limits,
    ("get", "/add"): page("/add"),
    ("get", "/favicon.ico"): page("/favicon.ico"),
    ("get", "/manifest.webmanifest"): page("/manifest.webmanifest"),
    ("post", "/language"): language,
    ("get", "/healthz"): page("/healthz"),
    ("get", "/readyz"): readiness,
    ("get", "/openapi.json"): page("/openapi.json"),
    ("get", "/docs"): page("/docs"),
    ("get", "/problems"): page("/problems"),
    ("get", "/problems/{code}"): problem_page,
}
