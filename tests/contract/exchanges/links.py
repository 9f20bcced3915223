"""Signed links, and the pages by which they are made."""

from __future__ import annotations

from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import Asking, Exchanges, failing, patched, small_body
from vignette import errors
from vignette.adapters.stores.folder import FolderStore
from vignette.use_cases import linking

_LINKS = "/images/{image_id}/links"
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


def links_end(ask: Asking) -> None:
    for number in (0, 2, 99):
        ask("DELETE", f"/images/{number}/links", _LINKS)
    ask("DELETE", "/images/0/links", _LINKS, headers={"Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(ask.house.store, "write", failing(fault)):
            ask("DELETE", "/images/0/links", _LINKS)
    with no_catalogue(ask.house):
        ask("DELETE", "/images/0/links", _LINKS)


def link_end(ask: Asking) -> None:
    template = f"{_LINKS}/{{link_id}}"
    made = ask.house.client.post("/images/0/links", json={**_A_LINK, "revocable": True}).json
    for number in (0, 2, 99):
        ask("DELETE", f"/images/{number}/links/{made['id']}", template)
    ask("DELETE", f"/images/0/links/{made['id']}", template, headers={"Sec-Fetch-Site": "cross-site"})
    with patched(ask.house.catalogue.links, "remove", failing(errors.StoreFull("no room"))):
        ask("DELETE", f"/images/0/links/{made['id']}", template)
    with no_catalogue(ask.house):
        ask("DELETE", f"/images/0/links/{made['id']}", template)


_SHARE = "/images/{image_id}/share"


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


def shares_end(ask: Asking) -> None:
    template = f"{_SHARE}/end"
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/share/end", template)
    ask("POST", "/images/0/share/end", template, headers={"Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(ask.house.store, "write", failing(fault)):
            ask("POST", "/images/0/share/end", template)
    with no_catalogue(ask.house):
        ask("POST", "/images/0/share/end", template)


def share_end(ask: Asking) -> None:
    template = f"{_SHARE}/{{link_id}}/end"
    made = ask.house.client.post("/images/0/links", json={**_A_LINK, "revocable": True}).json
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/share/{made['id']}/end", template)
    ask("POST", "/images/0/share/none/end", template)
    ask("POST", f"/images/0/share/{made['id']}/end", template, headers={"Sec-Fetch-Site": "cross-site"})
    with patched(ask.house.catalogue.links, "remove", failing(errors.StoreFull("no room"))):
        ask("POST", f"/images/0/share/{made['id']}/end", template)
    with no_catalogue(ask.house):
        ask("POST", f"/images/0/share/{made['id']}/end", template)


EXCHANGES: Final[Exchanges] = {
    ("post", "/images/{image_id}/links"): new_link,
    ("get", "/images/{image_id}/links"): link_list,
    ("delete", "/images/{image_id}/links"): links_end,
    ("delete", "/images/{image_id}/links/{link_id}"): link_end,
    ("get", "/images/{image_id}/share"): share_page,
    ("post", "/images/{image_id}/share"): share,
    ("post", "/images/{image_id}/share/end"): shares_end,
    ("post", "/images/{image_id}/share/{link_id}/end"): share_end,
}
