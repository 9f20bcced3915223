"""Signed links, and the pages by which they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import Asking, Exchanges, failing, patched, small_body
from vignette import errors
from vignette.adapters.stores.folder import FolderStore
from vignette.use_cases import linking

_LINKS = "/images/{image_id}/links"
_SHARE = "/images/{image_id}/share"
_A_LINK = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}


def new_link(ask: Asking) -> None:
    house = ask.house
    ask("POST", "/images/0/links", _LINKS, json={**_A_LINK, "revocable": True})
    ask("POST", "/images/0/links", _LINKS, json={**_A_LINK, "what": "vignette", "recipe": "small"})
    ask("POST", "/images/0/links", _LINKS, json={**_A_LINK, "place": "near"})
    ask("POST", "/images/0/links", _LINKS, json={**_A_LINK, "what": "vignette", "recipe": "none"})
    ask("POST", "/images/3/links", _LINKS, json={**_A_LINK, "what": "public"})
    for number in (2, 99):
        ask("POST", f"/images/{number}/links", _LINKS, json=_A_LINK)
    ask("POST", "/images/0/links", _LINKS, json=_A_LINK, headers={"Sec-Fetch-Site": "cross-site"})
    small_body(ask, "POST", "/images/0/links", _LINKS)
    with patched(linking, "MAX_LINKS_OF_AN_IMAGE", 1):
        ask("POST", "/images/0/links", _LINKS, json={**_A_LINK, "revocable": True})
    for fault in (errors.StoreUnavailable("read-only"), errors.StoreFull("no room")):
        with patched(FolderStore, "read_service", failing(fault)):
            ask("POST", "/images/0/links", _LINKS, json=_A_LINK)
    with no_catalogue(house):
        ask("POST", "/images/0/links", _LINKS, json=_A_LINK)


def link_list(ask: Asking) -> None:
    ask.house.client.post("/images/0/links", json={**_A_LINK, "revocable": True})
    for number in (0, 2, 99):
        ask.both(f"/images/{number}/links", _LINKS)
    with no_catalogue(ask.house):
        ask.both("/images/0/links", _LINKS)


def ending_all(method: str, template: str) -> Callable[[Asking], None]:
    def exchange(ask: Asking) -> None:
        path = template.format(image_id=0)
        for number in (0, 2, 99):
            ask(method, template.format(image_id=number), template)
        ask(method, path, template, headers={"Sec-Fetch-Site": "cross-site"})
        for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
            with patched(ask.house.store, "write", failing(fault)):
                ask(method, path, template)
        with no_catalogue(ask.house):
            ask(method, path, template)

    return exchange


def ending(method: str, template: str) -> Callable[[Asking], None]:
    def exchange(ask: Asking) -> None:
        made = ask.house.client.post("/images/0/links", json={**_A_LINK, "revocable": True}).json
        path = template.format(image_id=0, link_id=made["id"])
        for number in (0, 2, 99):
            ask(method, template.format(image_id=number, link_id=made["id"]), template)
        ask(method, template.format(image_id=0, link_id="none"), template)
        ask(method, path, template, headers={"Sec-Fetch-Site": "cross-site"})
        with patched(ask.house.catalogue.links, "remove", failing(errors.StoreFull("no room"))):
            ask(method, path, template)
        with no_catalogue(ask.house):
            ask(method, path, template)

    return exchange


def share_page(ask: Asking) -> None:
    ask.house.client.post("/images/0/share", data={"what": "page", "place": "none", "lasts": "day"})
    for number in (0, 2, 99):
        ask.both(f"/images/{number}/share?made=1", _SHARE)
    with no_catalogue(ask.house):
        ask.both("/images/0/share", _SHARE)


def share(ask: Asking) -> None:
    house, form = ask.house, {"what": "page", "place": "none", "lasts": "day", "revocable": "1"}
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/share", _SHARE, data=form)
    ask("POST", "/images/0/share", _SHARE, data={**form, "lasts": "date"})
    ask("POST", "/images/0/share", _SHARE, json={})
    ask("POST", "/images/0/share", _SHARE, data={**form, "what": "vignette", "size": "none"})
    ask("POST", "/images/0/share", _SHARE, data=form, headers={"Sec-Fetch-Site": "cross-site"})
    small_body(ask, "POST", "/images/0/share", _SHARE, content_type="application/x-www-form-urlencoded")
    with patched(linking, "MAX_LINKS_OF_AN_IMAGE", 1):
        ask("POST", "/images/0/share", _SHARE, data=form)
    for fault in (errors.StoreUnavailable("read-only"), errors.StoreFull("no room")):
        with patched(FolderStore, "read_service", failing(fault)):
            ask("POST", "/images/0/share", _SHARE, data=form)
    with no_catalogue(house):
        ask("POST", "/images/0/share", _SHARE, data=form)


EXCHANGES: Final[Exchanges] = {
    ("post", _LINKS): new_link,
    ("get", _LINKS): link_list,
    ("delete", _LINKS): ending_all("DELETE", _LINKS),
    ("delete", f"{_LINKS}/{{link_id}}"): ending("DELETE", f"{_LINKS}/{{link_id}}"),
    ("get", _SHARE): share_page,
    ("post", _SHARE): share,
    ("post", f"{_SHARE}/end"): ending_all("POST", f"{_SHARE}/end"),
    ("post", f"{_SHARE}/{{link_id}}/end"): ending("POST", f"{_SHARE}/{{link_id}}/end"),
}
