"""Keys, and what was done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import FACES, Asking, Exchanges, as_admin, failing, patched, small_body
from vignette import errors
from vignette.access.actors import OPERATOR, Scope

NEW_KEY = {"name": "phone", "scopes": ["upload"], "networks": ["10.0.0.0/8"]}


@as_admin
def new_key(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask("POST", "/keys", headers=ask.lesser, json=NEW_KEY)
    ask("POST", "/keys", headers=admin, json=NEW_KEY)
    ask("POST", "/keys", headers=admin, json={**NEW_KEY, "scopes": []})
    ask("POST", "/keys", headers=admin, data={"name": "phone", "upload": "1", "lasts": "month"})
    ask("POST", "/keys", headers=admin, data={"name": "phone", "lasts": "month"})
    ask("POST", "/keys", headers={**admin, "Sec-Fetch-Site": "cross-site"}, json=NEW_KEY)
    small_body(ask, "POST", "/keys", headers=admin)
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.TooManyKeys("1000")):
        with patched(ask.house.keyholding, "add", failing(fault)):
            ask("POST", "/keys", headers=admin, json=NEW_KEY)
    with no_catalogue(ask.house):
        ask("POST", "/keys", headers=admin, json=NEW_KEY)


@as_admin
def key_list(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/keys", headers=ask.lesser)
    ask.both("/keys", headers=admin)
    ask.both("/keys?limit=1", headers=admin)
    ask.both("/keys?limit=0", headers=admin)
    ask.both("/keys?after=none", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/keys", headers=admin)


@as_admin
def own_key(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/keys/me")
    ask.both("/keys/me", headers=admin)
    with patched(ask.house.keyholding, "mine", failing(errors.KeyNotFound("removed meanwhile"))):
        ask.both("/keys/me", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/keys/me", headers=admin)


def reading(template: str) -> Callable[[Asking], None]:
    @as_admin
    def exchange(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
        path = template.format(key_id=key_id)
        ask.both(path, template, headers=ask.lesser)
        ask.both(path, template, headers=admin)
        ask.both(template.format(key_id="none"), template, headers=admin)
        with no_catalogue(ask.house):
            ask.both(path, template, headers=admin)

    return exchange


@as_admin
def key_change(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    template, patch = "/keys/{key_id}", {"json": {"name": "laptop"}}
    ask("PATCH", f"/keys/{key_id}", template, headers=ask.lesser, **patch)
    ask("PATCH", f"/keys/{key_id}", template, headers=admin, **patch)
    ask("PATCH", f"/keys/{key_id}", template, headers=admin, json={"name": ""})
    ask("PATCH", "/keys/none", template, headers=admin, **patch)
    ask("PATCH", f"/keys/{key_id}", template, headers={**admin, "Sec-Fetch-Site": "cross-site"}, **patch)
    small_body(ask, "PATCH", f"/keys/{key_id}", template, headers=admin)
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
        with patched(ask.house.keyholding, "change", failing(fault)):
            ask("PATCH", f"/keys/{key_id}", template, headers=admin, **patch)
    with no_catalogue(ask.house):
        ask("PATCH", f"/keys/{key_id}", template, headers=admin, **patch)


def removing(method: str, template: str) -> Callable[[Asking], None]:
    @as_admin
    def exchange(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
        path = template.format(key_id=key_id)
        ask(method, path, template, headers=ask.lesser)
        for face in FACES:
            other, _ = ask.house.keyholding.add(OPERATOR, "other", [Scope.READ])
            for _ in range(2):
                ask(method, template.format(key_id=other.id), template, faces=(face,), headers=admin)
        ask(method, path, template, headers={**admin, "Sec-Fetch-Site": "cross-site"})
        for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
            with patched(ask.house.keyholding, "remove", failing(fault)):
                ask(method, path, template, headers=admin)
        with no_catalogue(ask.house):
            ask(method, path, template, headers=admin)

    return exchange


@as_admin
def key_change_form(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    template, path = "/keys/{key_id}/change", f"/keys/{key_id}/change"
    form = {"name": "tablet", "admin": "1", "lasts": "as-it-is"}
    ask("POST", path, template, headers=ask.lesser, data=form)
    ask("POST", path, template, headers=admin, data=form)
    ask("POST", path, template, headers=admin, data={**form, "admin": ""})
    ask("POST", path, template, headers=admin, data={**form, "lasts": "always"})
    ask("POST", "/keys/none/change", template, headers=admin, data=form)
    ask("POST", path, template, headers={**admin, "Sec-Fetch-Site": "cross-site"}, data=form)
    small_body(ask, "POST", path, template, headers=admin, content_type="application/x-www-form-urlencoded")
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
        with patched(ask.house.keyholding, "change", failing(fault)):
            ask("POST", path, template, headers=admin, data={**form, "name": "watch"})
    with no_catalogue(ask.house):
        ask("POST", path, template, headers=admin, data=form)


@as_admin
def events(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/audit", headers=ask.lesser)
    ask.both("/audit", headers=admin)
    ask.both("/audit?limit=1", headers=admin)
    ask.both("/audit?limit=0", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/audit", headers=admin)


EXCHANGES: Final[Exchanges] = {
    ("post", "/keys"): new_key,
    ("get", "/keys"): key_list,
    ("get", "/keys/me"): own_key,
    ("get", "/keys/{key_id}"): reading("/keys/{key_id}"),
    ("patch", "/keys/{key_id}"): key_change,
    ("delete", "/keys/{key_id}"): removing("DELETE", "/keys/{key_id}"),
    ("get", "/keys/{key_id}/change"): reading("/keys/{key_id}/change"),
    ("post", "/keys/{key_id}/change"): key_change_form,
    ("get", "/keys/{key_id}/remove"): reading("/keys/{key_id}/remove"),
    ("post", "/keys/{key_id}/remove"): removing("POST", "/keys/{key_id}/remove"),
    ("get", "/audit"): events,
}
