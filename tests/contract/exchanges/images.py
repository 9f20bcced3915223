"""The catalogue, one image, its files and its vignettes."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from typing import Final

from PIL import Image as Pillow

from tests.contract.asking import BROWSER, JSON, no_catalogue
from tests.contract.exchanges.exchange import FACES, Asking, Exchanges, as_admin, failing, patched, small_body
from tests.house import broken_pixels, picture
from tests.makers import still
from tests.unit.pixels.test_preview import photo
from vignette import errors
from vignette.access.actors import NOBODY
from vignette.adapters.stores.folder import FolderStore

_TOO_MANY = ",".join(map(str, range(101)))
CONDITIONS = (
    {"If-None-Match": "*"},
    {"If-Match": '"another"'},
    {"If-Match": "*"},
)
RANGES = (
    {"Range": "bytes=0-9"},
    {"Range": "bytes=99999999-"},
    {"Range": "bytes=0-9,20-29"},
    {"Range": "bytes=0-9", "If-Range": '"another"'},
)


def noise(edge_px: int) -> bytes:
    """A PNG that does not compress."""
    content = io.BytesIO()
    Pillow.effect_noise((edge_px, edge_px), 60).save(content, "PNG")
    return content.getvalue()


def file_of(name: str) -> Callable[[Asking], None]:
    template = "/images/{image_id}/" + name

    def exchange(ask: Asking) -> None:
        path = f"/images/0/{name}"
        ask.both(path, template)
        for headers in (*CONDITIONS, *RANGES):
            ask.both(path, template, headers=headers)
        modified = ask.house.client.get(path).headers.get("Last-Modified")
        if modified:
            ask.both(path, template, headers={"If-Modified-Since": modified})
            ask.both(path, template, headers={"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"})
        ask.both(f"/images/2/{name}", template)
        ask.both(f"/images/99/{name}", template)
        ask.both(f"/images/3/{name}", template)
        if name == "public":
            jobs, new = ask.house.jobs, ask.house.upload(picture()).id
            make, jobs.publish_at_once = jobs.publish_at_once, None
            ask.both(f"/images/{new}/public", template, headers={"Prefer": "wait=0"})
            newer, jobs.is_down = ask.house.upload(picture()).id, True
            ask.both(f"/images/{newer}/public", template)
            jobs.publish_at_once, jobs.is_down = make, False
        if name in ("original", "public"):
            large = ask.house.upload(noise(700)).id
            capacity = ask.house.context.capacity
            with capacity.download(), capacity.download():
                ask("GET", f"/images/{large}/{name}", template, faces=("*/*", BROWSER))
        closed = failing(errors.StoreUnavailable("closed to us"))
        with patched(FolderStore, "open", closed), patched(FolderStore, "read", closed):
            ask.both(path, template)
        for path in (ask.house.uploads / "0").iterdir():
            if path.name.startswith(name) or name == "public":
                path.unlink()
        ask.both(f"/images/0/{name}", template)
        with no_catalogue(ask.house):
            ask.both(f"/images/1/{name}", template)

    return exchange


def vignette(ask: Asking) -> None:
    house, template = ask.house, "/vignette/{image_id}"
    ask.both("/vignette/0", template)
    ask.both("/vignette/0?size=small&v=none&still=1", template)
    for headers in CONDITIONS:
        ask.both("/vignette/0", template, headers=headers)
    ask.both("/vignette/1", template)
    ask.both("/vignette/2", template)
    ask.both("/vignette/3", template)
    ask.both("/vignette/99", template)
    ask.both("/vignette/0?size=none", template)
    for verdict in (errors.TooMuchTime("5 s"), errors.TooMuchMemory("1 GB"), errors.FileNotStored("lost")):
        number = house.upload(picture()).id
        with patched(house.rendering, "_renderer", failing(verdict)):
            house.work()
        ask.both(f"/vignette/{number}", template)
    waiting = house.upload(picture())
    house.jobs.hinted.clear()
    ask.both(f"/vignette/{waiting.id}", template)
    with_preview = house.upload(photo(still("JPEG", 160, 120), orientation=1, width=640, height=480))
    ask("GET", f"/vignette/{with_preview.id}", template, faces=("image/jpeg,image/png;q=0.5",))
    with patched(house.catalogue.library, "get", failing(errors.CatalogueUnavailable("gone"))):
        ask.both("/vignette/0", template)
    ask.both(f"/vignette/{waiting.id}", template, headers={"Prefer": "wait=1"}, faces=("*/*",))
    for method in ("GET", "HEAD"):
        number = house.upload(picture()).id
        with patched(time, "sleep", lambda _: house.work()):  # the worker is done while the client waits
            ask(method, f"/vignette/{number}", template, headers={"Prefer": "wait=9"}, faces=("*/*",))


def image(ask: Asking) -> None:
    template = "/images/{image_id}"
    for number in (0, 1, 2, 99):
        ask.both(f"/images/{number}", template)
    ask.both(f"/images/0?ids={_TOO_MANY}", template)
    for headers in CONDITIONS:
        # A page of an image has no tag; its refusal is a page to who takes those beside JSON.
        ask.both("/images/0", template, headers=headers, faces=("*/*", JSON, f"{JSON},text/html;q=0.5"))
    with no_catalogue(ask.house):
        ask.both("/images/0", template)


def take_back(ask: Asking) -> None:
    template, image = "/images/{image_id}/take-back", ask.house.upload(picture())
    token = ask.house.context.taking_back.token_for(NOBODY, image)
    for number in (image.id, 2, 99):
        ask.both(f"/images/{number}/take-back?token={token}", template)
    ask.both(f"/images/{image.id}/take-back", template)
    with no_catalogue(ask.house):
        ask.both(f"/images/{image.id}/take-back?token={token}", template)


def neighbours(ask: Asking) -> None:
    template = "/images/{image_id}/neighbours"
    for number in (0, 1, 2, 99):
        ask.both(f"/images/{number}/neighbours", template)
    ask.both("/images/0/neighbours?limit=0", template)
    ask.both(f"/images/0/neighbours?ids={_TOO_MANY}", template)
    with no_catalogue(ask.house):
        ask.both("/images/0/neighbours", template)


def deleting(method: str, template: str) -> Callable[[Asking], None]:
    def exchange(ask: Asking) -> None:
        for face in FACES:
            path = template.format(image_id=ask.house.upload(picture()).id)
            for _ in range(2):
                ask(method, path, template, faces=(face,))
        ask(method, template.format(image_id=99), template)
        path = template.format(image_id=0)
        ask(method, f"{path}?token=vd_none", template)
        ask(method, path, template, headers={"Sec-Fetch-Site": "cross-site"})
        for face in FACES:
            path = template.format(image_id=ask.house.upload(picture()).id)
            with patched(ask.house.store, "write", failing(errors.StoreFull("no room"))):
                ask(method, path, template, faces=(face,))
        with no_catalogue(ask.house):
            ask(method, template.format(image_id=1), template)

    return exchange


def delete_form(ask: Asking) -> None:
    template = "/images/{image_id}/delete"
    ask("POST", f"/images/0/delete?ids={_TOO_MANY}", template)
    image = ask.house.upload(picture())
    token = ask.house.context.taking_back.token_for(NOBODY, image)
    ask("POST", f"/images/{image.id}/delete?token={token}", template, faces=(BROWSER,))
    deleting("POST", template)(ask)


def visibility_form(ask: Asking) -> None:
    template = "/images/{image_id}/visibility"
    deleted = ask.house.upload(picture()).id
    ask.house.removal.delete(NOBODY, deleted)
    number = ask.house.upload(picture()).id
    for path in (f"/images/{asked}/visibility" for asked in (number, deleted, 99)):
        ask("POST", f"{path}?visibility=private", template)
    url = f"/images/{number}/visibility?visibility=private"
    for said in ("", "?visibility=secret"):
        ask("POST", f"/images/{number}/visibility{said}", template)
    ask("POST", url, template, headers={"Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(ask.house.store, "write", failing(fault)):
            ask("POST", url, template)
    with no_catalogue(ask.house):
        ask("POST", url, template)


def retry(ask: Asking) -> None:
    template = "/images/{image_id}/retry"
    for face in FACES:
        number = ask.house.upload(broken_pixels(), "broken.png").id
        ask.house.work()
        ask("POST", f"/images/{number}/retry", template, faces=(face,))
    ask.house.work()
    ask("POST", f"/images/{number}/retry", template)  # too soon
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/retry", template)
    ask("POST", f"/images/1/retry?ids={_TOO_MANY}", template)
    ask("POST", "/images/1/retry", template, headers={"Sec-Fetch-Site": "cross-site"})
    with no_catalogue(ask.house):
        ask("POST", "/images/1/retry", template)


def visibility(ask: Asking) -> None:
    template = "/images/{image_id}"
    patch = {"json": {"visibility": "private"}, "headers": {"If-Match": "*"}}
    ask("PATCH", "/images/0", template, json={"visibility": "private"})
    ask("PATCH", "/images/0", template, json={"visibility": "private"}, headers={"If-Match": '"another"'})
    for number in (0, 2, 99):
        ask("PATCH", f"/images/{number}", template, **patch)
    ask("PATCH", "/images/0", template, json={"visibility": "secret"}, headers={"If-Match": "*"})
    small_body(ask, "PATCH", "/images/0", template, headers={"If-Match": "*"})
    ask("PATCH", "/images/0", template, headers={"Sec-Fetch-Site": "cross-site"}, json={})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(ask.house.store, "write", failing(fault)):
            ask("PATCH", "/images/0", template, **patch)
    with no_catalogue(ask.house):
        ask("PATCH", "/images/1", template, **patch)


@as_admin
def catalogue(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/images")
    ask.both("/images?limit=1")
    ask.both("/images?limit=1&before=1")
    ask.both("/images?limit=0")
    ask.both("/images?ids=0,1,99")
    ask.both(f"/images?ids={_TOO_MANY}")
    ask.both(f"/images?before={'a' * 26}")
    for like in ("0", "1", "2", "99", "x"):
        ask.both(f"/images?like={like}")
    for digests in (hashlib.sha256(picture()).hexdigest(), f"{'a' * 64},{'B' * 64}", "", "x"):
        ask.both(f"/images?sha256={digests}")
    for headers in ({}, ask.lesser, admin):
        ask.both("/images?state=quarantined", headers=headers)
    ask.both("/images?state=none")
    with no_catalogue(ask.house):
        ask.both("/images")


def archive(ask: Asking) -> None:
    ask.both("/images.zip?ids=0,1,3")
    ask.both("/images.zip?ids=0,3&copies=clean")
    ask.both("/images.zip?ids=99")
    ask.both("/images.zip?ids=0&copies=none")
    capacity = ask.house.context.capacity
    with capacity.download(), capacity.download():
        ask.both("/images.zip?ids=0")
    with no_catalogue(ask.house):
        ask.both("/images.zip?ids=0")


def several(path: str) -> Callable[[Asking], None]:
    def exchange(ask: Asking) -> None:
        template = path.partition("?")[0]
        ask("POST", f"{path}ids=0,99", template)
        ask("POST", path, template)
        ask("POST", f"{path}ids=0", template, headers={"Sec-Fetch-Site": "cross-site"})

    return exchange


EXCHANGES: Final[Exchanges] = {
    ("get", "/images"): catalogue,
    ("get", "/images/{image_id}"): image,
    ("get", "/images/{image_id}/neighbours"): neighbours,
    ("delete", "/images/{image_id}"): deleting("DELETE", "/images/{image_id}"),
    ("post", "/images/{image_id}/delete"): delete_form,
    ("get", "/images/{image_id}/take-back"): take_back,
    ("post", "/images/{image_id}/retry"): retry,
    ("post", "/images/{image_id}/visibility"): visibility_form,
    ("get", "/images/{image_id}/original"): file_of("original"),
    ("get", "/images/{image_id}/public"): file_of("public"),
    ("get", "/images/{image_id}/metadata.txt"): file_of("metadata.txt"),
    ("get", "/images/{image_id}/metadata.json"): file_of("metadata.json"),
    ("get", "/vignette/{image_id}"): vignette,
    ("get", "/images.zip"): archive,
    ("post", "/images/delete"): several("/images/delete?"),
    ("post", "/images/visibility"): several("/images/visibility?visibility=private&"),
    ("patch", "/images/{image_id}"): visibility,
}
