"""
The OpenAPI document held to the service, and the service to it: every operation is asked in all ways that we can think
of; what comes must be declared, and what is declared must come.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from PIL import Image as Pillow
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from tests.contract.asking import BROWSER, JSON, no_catalogue
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import animation, jpeg_segment, jpeg_with, still
from tests.unit.pixels.test_preview import photo
from vignette import errors
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.policy import Access, Policy
from vignette.access.quotas import Quota
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token
from vignette.adapters.stores.folder import FolderStore
from vignette.model import ImageId, Suspicion
from vignette.recipes import Recipe
from vignette.use_cases import linking
from vignette.use_cases.allowances import Reservation
from vignette.use_cases.intake import IntakeLimits
from vignette.use_cases.ticketing import Terms
from vignette.web.api.openapi import build_document
from vignette.web.api.operations import Answer, operation
from vignette.web.routes import docs

# Of every answer (RFC 9110), or of how it was sent: no operation's own.
_OF_HTTP = {"Content-Type", "Content-Length", "Date", "Connection"}
# What `web.http.headers` puts on every answer.
_PROTECTION = {
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
}
_FACES = ("*/*", JSON, BROWSER, "text/plain", "image/avif", "image/webp", "image/jpeg,image/png;q=0.5", "image/png")

# What a client may meet anywhere when a fault of ours shows: `default` says so.
_FAULTS = {"500"}


class Asking:
    """Asks *house*, and notes what came of each operation."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.document: dict[str, Any] = house.client.get("/openapi.json").json
        self.answers: list[tuple[str, str, TestResponse]] = []
        self.lesser: dict[str, str] = {}
        # Where files are sent, and what that is in the document.
        self.uploads = "/images", "/images"
        # Who sends them, for what is kept without a request.
        self.sender: dict[str, Any] = {}

    def __call__(
        self, method: str, path: str, template: str | None = None, *, faces: tuple[str, ...] = _FACES, **options: Any
    ) -> TestResponse:
        """Ask for *path*, *template* in the document, once with each of *faces* in `Accept`; the last answer."""
        headers = options.pop("headers", {})
        for face in faces:
            answer = self.house.client.open(path, method=method, headers={**headers, "Accept": face}, **options)
            self.answers.append((method.lower(), template or path.partition("?")[0], answer))
        return answer

    def both(self, path: str, template: str | None = None, **options: Any) -> None:
        """The same by GET and HEAD."""
        for method in ("GET", "HEAD"):
            self(method, path, template, **options)

    def send(self, *contents: bytes, faces: tuple[str, ...] = _FACES, **headers: str) -> None:
        """Upload *contents* by a form."""
        for face in faces:
            files = [FileStorage(io.BytesIO(content), f"{number}.jpg") for number, content in enumerate(contents)]
            boundary, body = encode_multipart(MultiDict([("file", file) for file in files]))
            self(
                "POST",
                *self.uploads,
                faces=(face,),
                data=body,
                content_type=f"multipart/form-data; boundary={boundary}",
                headers=headers,
            )

    def send_raw(self, content: bytes, content_type: str = "image/jpeg", **headers: str) -> None:
        self("POST", *self.uploads, data=content, content_type=content_type, headers=headers)


@contextmanager
def patched(holder: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, name, value)
        yield


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def noise(edge_px: int) -> bytes:
    """A PNG that does not compress."""
    content = io.BytesIO()
    Pillow.effect_noise((edge_px, edge_px), 60).save(content, "PNG")
    return content.getvalue()


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


# A digest of other bytes than any that are sent.
OTHER = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def upload(ask: Asking) -> None:
    terms = Terms(uses=1)
    spent, token = ask.house.context.ticketing.add(NOBODY, terms)
    ask.house.sql(f"UPDATE ticket SET spent = uses WHERE id = '{spent.id}'")
    ask.send(picture(), Authorization=f"Bearer {token}")
    _, token = ask.house.context.ticketing.add(NOBODY, terms)
    spend_meanwhile(ask, lambda: ask.send(picture(), picture(40, 31), Authorization=f"Bearer {token}"))
    with patched(ask.house.catalogue.arrivals, "add", failing(errors.InvalidKey())):
        ask.send(picture(), picture(40, 31))
        ask.send(picture())
    send_all_sorts(ask)


def spend_meanwhile(ask: Asking, send: Callable[[], None]) -> None:
    """*send*, while others use tickets up in the middle of each request."""
    with patched(ask.house.catalogue.arrivals, "add", failing(errors.TicketSpent())):
        send()


def drop(ask: Asking) -> None:
    template = "/t/{token}"
    ask.uploads = "/t/vt_none", template
    ask.send(picture())
    ask.send(picture(), **{"Sec-Fetch-Site": "cross-site"})
    ticket, token = ask.house.context.ticketing.add(NOBODY, Terms(uses=10_000))
    ask.uploads = f"/t/{token}", template
    ask.sender = {"actor": ticket.actor, "ticket": ticket}
    spend_meanwhile(ask, lambda: ask.send(picture(), picture(40, 31)))
    spend_meanwhile(ask, lambda: ask.send(picture()))
    with patched(ask.house.catalogue.arrivals, "add", failing(errors.InvalidTicket())):
        ask.send(picture(), picture(40, 31))
        ask.send(picture())
    uploads, sender = ask.uploads, ask.sender
    for quota in (Quota(images=0), Quota(images_per_day=0)):
        key, _ = ask.house.keyholding.add(OPERATOR, "full", [Scope.UPLOAD, Scope.SHARE], quota=quota)
        _, token = ask.house.context.ticketing.add(key.actor, Terms(uses=9))
        ask.uploads = f"/t/{token}", template
        ask.send(picture())
        ask.send(picture(), picture(40, 31))
    ask.uploads, ask.sender = uploads, sender
    send_all_sorts(ask)


def drop_box(ask: Asking) -> None:
    template = "/t/{token}"
    _, token = ask.house.context.ticketing.add(NOBODY, Terms(uses=10_000))
    ask.both("/t/vt_none", template)
    ask.both(f"/t/{token}", template)
    ask.both(f"/t/{token}?sent=..x.{'a' * 32}", template)
    with no_catalogue(ask.house):
        ask.both(f"/t/{token}", template)


def qr(ask: Asking) -> None:
    template = "/t/{token}/qr.svg"
    _, token = ask.house.context.ticketing.add(NOBODY, Terms(uses=10_000))
    ask.both("/t/vt_none/qr.svg", template)
    ask.both(f"/t/{token}/qr.svg", template)
    with no_catalogue(ask.house):
        ask.both(f"/t/{token}/qr.svg", template)


def send_all_sorts(ask: Asking) -> None:
    house = ask.house
    ask.send(picture())
    ask.send(picture(), picture())
    ask.send(picture(), b"words")
    ask.send(b"words", b"")
    ask.send(b"", b"words")
    ask.send(bytes(2_000_000), b"")
    ask.send()
    ask.send(*[picture()] * 6)
    ask.send(*[picture()] * 6, **{"Content-Digest": OTHER})  # so none is kept
    ask.send(picture()[:-100])
    ask.send(animation("GIF", 25))
    ask.send(picture(1000, 1000, "GIF"))
    ask.send(picture(), **{"Sec-Fetch-Site": "cross-site"})
    ask.send_raw(picture())
    ask.send_raw(picture(), "application/octet-stream", **{"Content-Disposition": 'attachment; filename="a.jpg"'})
    ask.send_raw(b"")
    ask.send_raw(b"{}", "application/json")
    ask.send_raw(picture(2000, 600, "PNG"))
    ask.send_raw(picture(), **{"Content-Digest": OTHER})
    ask.send_raw(picture(), **{"Repr-Digest": "sha-256"})
    part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Digest: {OTHER}\r\n\r\nx\r\n'
    ask("POST", *ask.uploads, data=f"{part * 2}--b--\r\n", content_type="multipart/form-data; boundary=b")
    ask.send_raw(bytes(2_000_000))
    for face in _FACES:
        key = {"Idempotency-Key": f"key {_FACES.index(face)}"}
        ask.send(picture(colour="red"), faces=(face,), **key)
        ask.send(picture(colour="blue"), faces=(face,), **key)
        number = house.catalogue.index.next_id() - 1
        house.removal.delete(NOBODY, number)
        ask.send(picture(colour="red"), faces=(face,), **key)
    house.removal.delete(NOBODY, house.upload(picture(), key="first", **ask.sender).id)
    house.removal.delete(NOBODY, house.upload(picture(), key="first\n1", **ask.sender).id)
    ask.send(picture(), picture(), **{"Idempotency-Key": "first"})
    with patched(house.store, "free_bytes", lambda: 10):
        ask.send(picture())
    with patched(house.store, "stage", failing(errors.StoreFull("no room"))):
        ask.send(picture(), picture())
    with patched(house.store, "stage", failing(errors.StoreUnavailable("read-only"))):
        ask.send(picture())
        ask.send(picture(), picture())
    capacity = house.context.capacity
    with capacity.upload(), capacity.upload():
        ask.send(picture())
    with patched(capacity.slow_clients, "has_cut_since", lambda _: True):
        for face in _FACES:
            ask(
                *("POST", *ask.uploads),
                faces=(face,),
                input_stream=io.BytesIO(picture()),
                content_type="image/jpeg",
                environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "100000"},
            )
    check(ask)
    for quota in (Quota(images=0), Quota(images_per_day=0)):
        _, token = house.keyholding.add(OPERATOR, "full", [Scope.UPLOAD], quota=quota)
        ask.send(picture(), Authorization=f"Bearer {token}")
        with patched(house.context.allowances, "reserve", lambda *_, **__: nullcontext(Reservation())):
            ask.send(picture(), picture(), Authorization=f"Bearer {token}")
    with no_catalogue(house):
        ask.send(picture())


def check(ask: Asking) -> None:
    """What others say of a file before it is kept, and what keeps the door from saying anything."""
    inspector = ask.house.context.intake._inspector
    for fault in (errors.TooLongToCheck("2 s"), errors.NotCheckable("it ended")):
        with patched(inspector, "inspect", failing(fault)):
            ask.send(picture())
            ask.send(picture(), picture())
    screening = ask.house.context.intake._screening
    suspicion = Suspicion("moderation", "nudity", datetime(2026, 1, 1, tzinfo=UTC))
    with patched(screening, "screen", lambda *_: suspicion):  # of pictures that no other exchange sends
        ask.send(picture(47, 31))
        ask.send(picture(47, 32), picture(47, 33))
        ask.send(picture(47, 34), b"words")
    for fault in (errors.CheckRefused("nudity"), errors.CheckUnavailable("away")):
        with patched(screening, "screen", failing(fault)):
            ask.send(picture())
            ask.send(picture(), picture())


def small_body(ask: Asking, method: str, path: str, template: str | None = None, **options: Any) -> None:
    """One that finds no place, and one that ends early because it came too slowly."""
    options = {"content_type": "application/json", **options}
    capacity = ask.house.context.capacity
    with capacity.upload(), capacity.upload():
        ask(method, path, template, data=b"{}", **options)
    with patched(capacity.slow_clients, "has_cut_since", lambda _: True):
        ask(method, path, template, data=b"{", environ_overrides={"CONTENT_LENGTH": "100"}, **options)


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


_TOO_MANY = ",".join(map(str, range(101)))


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


def delete(ask: Asking) -> None:
    template = "/images/{image_id}"
    for face in _FACES:
        number = ask.house.upload(picture()).id
        for _ in range(2):
            ask("DELETE", f"/images/{number}", template, faces=(face,))
    ask("DELETE", "/images/99", template)
    ask("DELETE", "/images/0?token=vd_none", template)
    ask("DELETE", "/images/0", template, headers={"Sec-Fetch-Site": "cross-site"})
    for face in _FACES:
        number = ask.house.upload(picture()).id
        with patched(ask.house.store, "write", failing(errors.StoreFull("no room"))):
            ask("DELETE", f"/images/{number}", template, faces=(face,))
    with no_catalogue(ask.house):
        ask("DELETE", "/images/1", template)


def delete_form(ask: Asking) -> None:
    template = "/images/{image_id}/delete"
    for face in _FACES:
        number = ask.house.upload(picture()).id
        for _ in range(2):
            ask("POST", f"/images/{number}/delete", template, faces=(face,))
    ask("POST", "/images/99/delete", template)
    ask("POST", "/images/0/delete?token=vd_none", template)
    ask("POST", f"/images/0/delete?ids={_TOO_MANY}", template)
    image = ask.house.upload(picture())
    token = ask.house.context.taking_back.token_for(NOBODY, image)
    ask("POST", f"/images/{image.id}/delete?token={token}", template, faces=(BROWSER,))
    ask("POST", "/images/0/delete", template, headers={"Sec-Fetch-Site": "cross-site"})
    for face in _FACES:
        number = ask.house.upload(picture()).id
        with patched(ask.house.store, "write", failing(errors.StoreFull("no room"))):
            ask("POST", f"/images/{number}/delete", template, faces=(face,))
    with no_catalogue(ask.house):
        ask("POST", "/images/1/delete", template)


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
    for face in _FACES:
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


def as_admin(exchange: Callable[[Asking, str, dict[str, str]], None]) -> Callable[[Asking], None]:
    """*exchange* is given the id of a key, and the header of one with all rights; others ask beforehand."""

    def with_keys(ask: Asking) -> None:
        keyholding = ask.house.keyholding
        key, token = keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
        _, lesser = keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        ask.lesser = {"Authorization": f"Bearer {lesser}"}
        exchange(ask, key.id, {"Authorization": f"Bearer {token}"})

    return with_keys


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


@as_admin
def one_key(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    template = "/keys/{key_id}"
    ask.both(f"/keys/{key_id}", template, headers=ask.lesser)
    ask.both(f"/keys/{key_id}", template, headers=admin)
    ask.both("/keys/none", template, headers=admin)
    with no_catalogue(ask.house):
        ask.both(f"/keys/{key_id}", template, headers=admin)


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


@as_admin
def key_removal(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    template = "/keys/{key_id}"
    ask("DELETE", f"/keys/{key_id}", template, headers=ask.lesser)
    for face in _FACES:
        other, _ = ask.house.keyholding.add(OPERATOR, "other", [Scope.READ])
        for _ in range(2):
            ask("DELETE", f"/keys/{other.id}", template, faces=(face,), headers=admin)
    ask("DELETE", f"/keys/{key_id}", template, headers={**admin, "Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
        with patched(ask.house.keyholding, "remove", failing(fault)):
            ask("DELETE", f"/keys/{key_id}", template, headers=admin)
    with no_catalogue(ask.house):
        ask("DELETE", f"/keys/{key_id}", template, headers=admin)


_KEY_REMOVAL = "/keys/{key_id}/remove"


_KEY_CHANGE = "/keys/{key_id}/change"


@as_admin
def key_change_page(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    ask.both(f"/keys/{key_id}/change", _KEY_CHANGE, headers=ask.lesser)
    ask.both(f"/keys/{key_id}/change", _KEY_CHANGE, headers=admin)
    ask.both("/keys/none/change", _KEY_CHANGE, headers=admin)
    with no_catalogue(ask.house):
        ask.both(f"/keys/{key_id}/change", _KEY_CHANGE, headers=admin)


@as_admin
def key_change_form(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    path, form = f"/keys/{key_id}/change", {"name": "tablet", "admin": "1", "lasts": "as-it-is"}
    ask("POST", path, _KEY_CHANGE, headers=ask.lesser, data=form)
    ask("POST", path, _KEY_CHANGE, headers=admin, data=form)
    ask("POST", path, _KEY_CHANGE, headers=admin, data={**form, "admin": ""})
    ask("POST", path, _KEY_CHANGE, headers=admin, data={**form, "lasts": "always"})
    ask("POST", "/keys/none/change", _KEY_CHANGE, headers=admin, data=form)
    ask("POST", path, _KEY_CHANGE, headers={**admin, "Sec-Fetch-Site": "cross-site"}, data=form)
    small_body(ask, "POST", path, _KEY_CHANGE, headers=admin, content_type="application/x-www-form-urlencoded")
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
        with patched(ask.house.keyholding, "change", failing(fault)):
            ask("POST", path, _KEY_CHANGE, headers=admin, data={**form, "name": "watch"})
    with no_catalogue(ask.house):
        ask("POST", path, _KEY_CHANGE, headers=admin, data=form)


@as_admin
def key_removal_page(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    ask.both(f"/keys/{key_id}/remove", _KEY_REMOVAL, headers=ask.lesser)
    ask.both(f"/keys/{key_id}/remove", _KEY_REMOVAL, headers=admin)
    ask.both("/keys/none/remove", _KEY_REMOVAL, headers=admin)
    with no_catalogue(ask.house):
        ask.both(f"/keys/{key_id}/remove", _KEY_REMOVAL, headers=admin)


@as_admin
def key_removal_form(ask: Asking, key_id: str, admin: dict[str, str]) -> None:
    path = f"/keys/{key_id}/remove"
    ask("POST", path, _KEY_REMOVAL, headers=ask.lesser)
    for face in _FACES:
        other, _ = ask.house.keyholding.add(OPERATOR, "other", [Scope.READ])
        for _ in range(2):
            ask("POST", f"/keys/{other.id}/remove", _KEY_REMOVAL, faces=(face,), headers=admin)
    ask("POST", path, _KEY_REMOVAL, headers={**admin, "Sec-Fetch-Site": "cross-site"})
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
        with patched(ask.house.keyholding, "remove", failing(fault)):
            ask("POST", path, _KEY_REMOVAL, headers=admin)
    with no_catalogue(ask.house):
        ask("POST", path, _KEY_REMOVAL, headers=admin)


@as_admin
def events(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.both("/audit", headers=ask.lesser)
    ask.both("/audit", headers=admin)
    ask.both("/audit?limit=1", headers=admin)
    ask.both("/audit?limit=0", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/audit", headers=admin)


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
    for face in _FACES:
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


@as_admin
def session_end(ask: Asking, _: str, admin: dict[str, str]) -> None:
    template, signing_in = "/sessions/{session_id}", ask.house.context.signing_in
    token = admin["Authorization"].partition(" ")[2]
    for face in _FACES:
        session, _ = signing_in.sign_in(token, None, None)
        for _ in range(2):
            ask("DELETE", f"/sessions/{session.id}", template, faces=(face,), headers=admin)
    ask("DELETE", "/sessions/none", template)
    ask("DELETE", "/sessions/none", template, headers={**admin, "Sec-Fetch-Site": "cross-site"})
    with patched(signing_in, "end", failing(errors.StoreFull("no room"))):
        ask("DELETE", "/sessions/none", template, headers=admin)
    with no_catalogue(ask.house):
        ask("DELETE", "/sessions/none", template, headers=admin)


@as_admin
def session_end_form(ask: Asking, _: str, admin: dict[str, str]) -> None:
    template, signing_in = "/sessions/{session_id}/end", ask.house.context.signing_in
    token = admin["Authorization"].partition(" ")[2]
    for face in _FACES:
        session, _ = signing_in.sign_in(token, None, None)
        for _ in range(2):
            ask("POST", f"/sessions/{session.id}/end", template, faces=(face,), headers=admin)
    ask("POST", "/sessions/none/end", template)
    ask("POST", "/sessions/none/end", template, headers={**admin, "Sec-Fetch-Site": "cross-site"})
    with patched(signing_in, "end", failing(errors.StoreFull("no room"))):
        ask("POST", "/sessions/none/end", template, headers=admin)
    with no_catalogue(ask.house):
        ask("POST", "/sessions/none/end", template, headers=admin)


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


@as_admin
def quarantine_page(ask: Asking, _: str, admin: dict[str, str]) -> None:
    ask.house.reviewing.suspect(ImageId(0), "moderation", "nudity")
    ask.both("/quarantine", headers=ask.lesser)
    ask.both("/quarantine", headers=admin)
    ask.both("/quarantine?before=x", headers=admin)
    ask.both(f"/quarantine?before={'a' * 26}", headers=admin)
    with no_catalogue(ask.house):
        ask.both("/quarantine", headers=admin)


@as_admin
def review(ask: Asking, _: str, admin: dict[str, str]) -> None:
    template, house = "/images/{image_id}/review", ask.house
    accept, reject = ({"json": {"decision": decision}} for decision in ("accept", "reject"))
    ask("POST", "/images/0/review", template, headers=ask.lesser, **accept)
    ask("POST", "/images/0/review", template, headers={**admin, "Sec-Fetch-Site": "cross-site"}, **accept)
    for number in (0, 2, 99):
        ask("POST", f"/images/{number}/review", template, headers=admin, **accept)
    small_body(ask, "POST", "/images/0/review", template, headers=admin)
    ask("POST", "/images/0/review", template, headers=admin, json={"decision": "maybe"})
    for body in (accept, reject, {"data": {"decision": "accept"}}):
        for face in _FACES:
            number = house.upload(picture()).id
            house.reviewing.suspect(number, "moderation", "nudity")
            ask("POST", f"/images/{number}/review", template, faces=(face,), headers=admin, **body)
    house.reviewing.suspect(ImageId(0), "moderation", "nudity")
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.FileNotStored("gone")):
        with patched(house.store, "write", failing(fault)):
            ask("POST", "/images/0/review", template, headers=admin, **accept)
    with no_catalogue(house):
        ask("POST", "/images/0/review", template, headers=admin, **accept)


def new_ticket(ask: Asking) -> None:
    ask("POST", "/tickets", json={"uses": 2})
    ask("POST", "/tickets", data={"uses": "2", "days": "3"})
    ask("POST", "/tickets", json={"uses": 0})
    ask("POST", "/tickets", headers={"Sec-Fetch-Site": "cross-site"}, json={})
    small_body(ask, "POST", "/tickets")
    for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only"), errors.TooManyTickets("1000")):
        with patched(ask.house.context.ticketing, "add", failing(fault)):
            ask("POST", "/tickets", json={})
    with no_catalogue(ask.house):
        ask("POST", "/tickets", json={})


def ticket_list(ask: Asking) -> None:
    for _ in range(2):
        ask.house.context.ticketing.add(NOBODY, Terms())
    for query in ("", "?limit=1", "?limit=0", "?after=none"):
        ask.both(f"/tickets{query}")
    with no_catalogue(ask.house):
        ask.both("/tickets")


def one_ticket(ask: Asking) -> None:
    template = "/tickets/{ticket_id}"
    ticket, token = ask.house.context.ticketing.add(NOBODY, Terms(uses=9))
    ask.house.client.post("/images", data=picture(), headers={"Authorization": f"Bearer {token}"})
    for path in (ticket.id, "none", f"{ticket.id}?before=0", f"{ticket.id}?before={'a' * 26}"):
        ask.both(f"/tickets/{path}", template)
    with no_catalogue(ask.house):
        ask.both(f"/tickets/{ticket.id}", template)


def revoking(method: str, template: str) -> Callable[[Asking], None]:
    def exchange(ask: Asking) -> None:
        ticketing = ask.house.context.ticketing
        ticket, _ = ticketing.add(NOBODY, Terms())
        path = template.format(ticket_id=ticket.id)
        ask(method, path, template)
        ask(method, template.format(ticket_id="none"), template)
        ask(method, path, template, headers={"Sec-Fetch-Site": "cross-site"})
        for fault in (errors.StoreFull("no room"), errors.StoreUnavailable("read-only")):
            with patched(ticketing, "revoke", failing(fault)):
                ask(method, path, template)
        with no_catalogue(ask.house):
            ask(method, path, template)

    return exchange


def page(path: str) -> Callable[[Asking], None]:
    return lambda ask: ask.both(path)


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


EXCHANGES: dict[tuple[str, str], Callable[[Asking], None]] = {
    ("post", "/images"): upload,
    ("get", "/images"): catalogue,
    ("get", "/images/{image_id}"): image,
    ("get", "/images/{image_id}/neighbours"): neighbours,
    ("delete", "/images/{image_id}"): delete,
    ("post", "/images/{image_id}/delete"): delete_form,
    ("get", "/images/{image_id}/take-back"): take_back,
    ("post", "/images/{image_id}/retry"): retry,
    ("post", "/images/{image_id}/visibility"): visibility_form,
    ("get", "/images/{image_id}/original"): file_of("original"),
    ("get", "/images/{image_id}/public"): file_of("public"),
    ("get", "/images/{image_id}/metadata.txt"): file_of("metadata.txt"),
    ("get", "/images/{image_id}/metadata.json"): file_of("metadata.json"),
    ("get", "/vignette/{image_id}"): vignette,
    ("get", "/"): front_page,
    ("get", "/limits"): own_limits,
    ("get", "/add"): page("/add"),
    ("get", "/favicon.ico"): page("/favicon.ico"),
    ("get", "/manifest.webmanifest"): page("/manifest.webmanifest"),
    ("post", "/language"): language,
    ("get", "/images.zip"): archive,
    ("post", "/images/delete"): several("/images/delete?"),
    ("post", "/images/visibility"): several("/images/visibility?visibility=private&"),
    ("get", "/healthz"): page("/healthz"),
    ("get", "/readyz"): readiness,
    ("get", "/openapi.json"): page("/openapi.json"),
    ("get", "/docs"): page("/docs"),
    ("get", "/problems"): page("/problems"),
    ("get", "/problems/{code}"): problem_page,
    ("patch", "/images/{image_id}"): visibility,
    ("post", "/keys"): new_key,
    ("get", "/keys"): key_list,
    ("get", "/keys/me"): own_key,
    ("get", "/keys/{key_id}"): one_key,
    ("patch", "/keys/{key_id}"): key_change,
    ("delete", "/keys/{key_id}"): key_removal,
    ("get", "/keys/{key_id}/change"): key_change_page,
    ("post", "/keys/{key_id}/change"): key_change_form,
    ("get", "/keys/{key_id}/remove"): key_removal_page,
    ("post", "/keys/{key_id}/remove"): key_removal_form,
    ("get", "/audit"): events,
    ("get", "/login"): login_page,
    ("post", "/login"): login,
    ("post", "/logout"): logout,
    ("get", "/first-key"): page("/first-key"),
    ("post", "/first-key"): first_key,
    ("post", "/images/{image_id}/links"): new_link,
    ("get", "/images/{image_id}/links"): link_list,
    ("delete", "/images/{image_id}/links"): links_end,
    ("delete", "/images/{image_id}/links/{link_id}"): link_end,
    ("get", "/images/{image_id}/share"): share_page,
    ("post", "/images/{image_id}/share"): share,
    ("post", "/images/{image_id}/share/end"): shares_end,
    ("post", "/images/{image_id}/share/{link_id}/end"): share_end,
    ("get", "/sessions"): session_list,
    ("delete", "/sessions/{session_id}"): session_end,
    ("post", "/sessions/{session_id}/end"): session_end_form,
    ("post", "/sessions/end-others"): other_sessions_end,
    ("get", "/quarantine"): quarantine_page,
    ("post", "/images/{image_id}/review"): review,
    ("post", "/tickets"): new_ticket,
    ("get", "/tickets"): ticket_list,
    ("get", "/tickets/{ticket_id}"): one_ticket,
    ("delete", "/tickets/{ticket_id}"): revoking("DELETE", "/tickets/{ticket_id}"),
    ("post", "/tickets/{ticket_id}/revoke"): revoking("POST", "/tickets/{ticket_id}/revoke"),
    ("get", "/t/{token}"): drop_box,
    ("post", "/t/{token}"): drop,
    ("get", "/t/{token}/qr.svg"): qr,
}

# What a name in a path stands for.
_NAMES = {
    "image_id": "0",
    **dict.fromkeys(("key_id", "link_id", "session_id", "ticket_id"), "0123456789abcdef"),
    "token": "vt_none",
    "code": "no-file",
}


@pytest.fixture
def ask(tmp_path: Any) -> Iterator[Asking]:
    """Of a service with image 0 that is ready, 1 that failed, 2 that was deleted, and 3 of which is no public copy."""
    limits = IntakeLimits(max_bytes=1_500_000, max_pixels=1_000_000, max_frames=20, max_memory_bytes=4_000_000)
    recipes = (Recipe("small", 256, 256, formats=("jpeg", "webp", "avif")),)
    # Nobody gives a place back while somebody waits for one here.
    with new_house(tmp_path, limits=limits, recipes=recipes, place_patience_s=0.01) as house:
        house.upload(animation("GIF", 3, 80, 60))
        house.upload(broken_pixels(), "broken.png")
        house.upload(picture())
        house.upload(jpeg_with(jpeg_segment(0xDD, b"\0\0 more"), content=picture()))
        house.work()
        house.removal.delete(NOBODY, 2)
        yield Asking(house)


def test_every_operation_is_asked(ask: Asking) -> None:
    declared = {(method, path) for path, item in ask.document["paths"].items() for method in item if method != "head"}

    assert declared == EXCHANGES.keys()


def differences(ask: Asking, template: str) -> Iterator[str]:
    """What came and is not declared; what is declared and did not come."""
    came: dict[tuple[str, str], dict[str, set[str]]] = {}
    for method, _, answer in ask.answers:
        seen = came.setdefault(
            (method, str(answer.status_code)), {"headers": set(), "content": set(), "problems": set()}
        )
        seen["headers"] |= {*answer.headers.keys()} - _OF_HTTP - _PROTECTION
        if answer.data:
            seen["content"].add(answer.mimetype)
        if answer.mimetype == "application/problem+json" and answer.data:
            seen["problems"].add(answer.json["type"])
    for method in {method for method, _, _ in ask.answers}:
        declared = ask.document["paths"][template][method]["responses"]
        for status in {status for of_method, status in came if of_method == method} - declared.keys() - _FAULTS:
            yield f"{method} {status} came and is not declared"
        for status, response in declared.items():
            if status == "default":
                continue
            seen = came.get((method, status), {})
            what = f"{method} {status}"
            if not seen:
                yield f"{what} is declared and did not come"
                continue
            content = response.get("content", {})
            yield from _apart(f"{what}: header", seen["headers"], set(response.get("headers", {})))
            yield from _apart(f"{what}: content", {_range(content, kind) for kind in seen["content"]}, set(content))
            if method != "head":
                named = set(re.findall("`((?:/problems/|https:)[^`]+)`", response["description"]))
                yield from _apart(f"{what}: problem", seen["problems"], named)


def _apart(what: str, came: set[str], declared: set[str]) -> Iterator[str]:
    yield from (f"{what} {name} came and is not declared" for name in came - declared)
    yield from (f"{what} {name} is declared and did not come" for name in declared - came)


def _range(content: dict[str, Any], media_type: str) -> str:
    """What *content* declares of *media_type*: its own entry, or that of its range."""
    any_of_its_kind = media_type.partition("/")[0] + "/*"
    return any_of_its_kind if any_of_its_kind in content else media_type


def misfits(ask: Asking) -> Iterator[str]:
    """Where the content of an answer is not what its schema says."""
    for method, template, answer in ask.answers:
        response = ask.document["paths"][template][method]["responses"].get(str(answer.status_code), {})
        schema = response.get("content", {}).get(answer.mimetype, {}).get("schema")
        if schema and answer.data:
            value = json.loads(answer.data) if answer.mimetype.endswith("json") else answer.text
            whole = {**schema, "components": ask.document["components"]}
            for error in Draft202012Validator(whole).iter_errors(value):
                yield f"{method} {answer.status_code} {answer.mimetype}: {error.message[:200]}"


@pytest.mark.parametrize("operation", EXCHANGES, ids=lambda operation: " ".join(operation))
def test_what_comes_is_declared_and_what_is_declared_comes(ask: Asking, operation: tuple[str, str]) -> None:
    method, template = operation
    path = template.format(**_NAMES)
    _, token = ask.house.keyholding.add(OPERATOR, "of no other site", [Scope.ADMIN])
    abroad = {"Authorization": f"Bearer {token}", "Origin": "https://app.example.org"}
    for headers in (
        {"Authorization": "Bearer vk_none"},
        {"Authorization": "Bearer vt_none"},
        abroad,
        {},
    ):  # without a key, only what needs one refuses
        if headers or {} not in ask.document["paths"][template][method]["security"]:
            for verb in (method, "head") if method == "get" else (method,):
                ask(verb.upper(), path, template, headers=headers)
    EXCHANGES[operation](ask)

    found = {*differences(ask, operation[1]), *misfits(ask)}
    assert not found, "\n".join(sorted(found))


def references(value: Any) -> Iterator[str]:
    """Every `$ref` that *value* holds, at whatever depth."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            else:
                yield from references(item)


def leads_somewhere(reference: str, document: dict[str, Any]) -> bool:
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place.get(part, {})
    return reference.startswith("#/") and bool(place)


@pytest.mark.parametrize("access", Access)
def test_every_reference_leads_to_a_part_of_the_document(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
    found = set(references(document))

    assert found
    assert {reference for reference in found if not leads_somewhere(reference, document)} == set()


@pytest.mark.parametrize("access", Access)
def test_what_is_declared_to_be_free_asks_nobody_for_a_key_and_nothing_else_is(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
        for template, item in document["paths"].items():
            for method, described in item.items():
                answer = house.client.open(template.format(**_NAMES), method=method.upper())
                is_free = {} in described["security"]
                assert ("WWW-Authenticate" not in answer.headers) == is_free, (method, template)


@pytest.mark.parametrize("access", Access)
def test_an_example_shows_a_key_where_one_is_needed(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
        page = unescape(house.client.get("/docs").text)
    examples = [
        (described["x-curl"], {} in described["security"])
        for item in document["paths"].values()
        for described in item.values()
        if "x-curl" in described
    ]

    assert {is_free for _, is_free in examples} == {True, False}
    for example, is_free in examples:
        assert ('-H "Authorization: Bearer $KEY"' in example) != is_free, example
        assert "vk_" not in example
        assert f"<code>{example}</code>" in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            {None: "No key is needed", "": "It needs a key, whatever its rights", "ticket": "A ticket will do, too"},
        ),
        (
            "fr",
            {
                None: "Aucune clé n’est nécessaire",
                "": "Il faut une clé, quels que soient ses droits",
                "ticket": "Un ticket convient aussi",
            },
        ),
    ],
)
def test_the_page_tells_which_right_each_call_needs(tmp_path: Any, language: str, words: dict[str | None, str]) -> None:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        page = house.client.get("/docs", headers={"Accept-Language": language}).text
    by_operation = dict(re.findall('<section id="([a-z_]+)">(.*?)</section>', page, re.DOTALL))

    assert words[None] in by_operation["images_catalogue"]
    assert words[""] in by_operation["keys_mine"]
    assert "<code>upload</code>" in by_operation["uploads_upload"]
    assert words["ticket"] in by_operation["uploads_upload"]
    assert "<code>admin</code>" in by_operation["keys_add"]
    assert words["ticket"] not in by_operation["keys_add"]


def test_what_is_read_and_written_otherwise_has_a_schema_for_each() -> None:
    class Price(BaseModel):
        """It is read from a number or from text, and written as text."""

        amount: Decimal

    app = Flask("another")

    @app.post("/price")
    @operation("A price", Answer(200, "", JSON, Price), scope=None, bodies={JSON: Price})
    def price() -> str:
        return ""

    with app.test_request_context():
        document = build_document(app, "http://localhost", Policy(Access.OPEN))
    asked = document["paths"]["/price"]["post"]
    body, answer = (
        content[JSON]["schema"]["$ref"]
        for content in (asked["requestBody"]["content"], asked["responses"]["200"]["content"])
    )

    assert body != answer
    assert all(leads_somewhere(reference, document) for reference in references(document))


def test_every_kind_of_body_that_is_declared_is_taken_and_no_other(ask: Asking) -> None:
    boundary, form = encode_multipart({"file": FileStorage(io.BytesIO(picture()), "a.jpg")})
    bodies = {
        "multipart/form-data": (f"multipart/form-data; boundary={boundary}", form),
        "image/*": ("image/x-whatever", picture()),
        "application/octet-stream": ("application/octet-stream", picture()),
        "*/*": ("application/x-www-form-urlencoded", picture()),
    }
    assert bodies.keys() == ask.document["paths"]["/images"]["post"]["requestBody"]["content"].keys()

    for content_type, body in bodies.values():
        assert ask.house.client.post("/images", data=body, content_type=content_type).status_code == 201
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", "video/mp4"):
        assert ask.house.client.post("/images", data=b"words", content_type=content_type).status_code == 415


def test_an_image_s_number_is_declared_as_it_is_read(ask: Asking) -> None:
    (number, *_) = ask.document["paths"]["/images/{image_id}"]["get"]["parameters"]
    largest = number["schema"]["anyOf"][0]["maximum"]

    codes = [ask.house.client.get(f"/images/{value}").json["type"] for value in (largest, largest + 1, -1, "00")]

    assert codes == ["/problems/image-not-found"] + ["/problems/not-found"] * 3


def test_it_is_made_once_whatever_hosts_and_languages_are_asked_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs more than any other page, and anybody may ask for it as often as they like."""
    made: list[object] = []

    def counted(app: Flask, server_url: str, policy: Policy, *, is_rated: bool) -> dict[str, Any]:
        made.append(server_url)
        return build_document(app, server_url, policy, is_rated=is_rated)

    monkeypatch.setattr(docs, "build_document", counted)

    for port in range(1000, 1020):
        host = {"Host": f"localhost:{port}"}
        document = house.client.get("/openapi.json", headers=host).json
        page = house.client.get("/docs", headers=host | {"Accept-Language": f"fr, de;q=0.{port}"}).text

        with house.app.test_request_context():
            assert document == json.loads(
                json.dumps(build_document(house.app, f"http://localhost:{port}", house.context.policy))
            )
        assert f"http://localhost:{port}" in page
        assert ".invalid" not in page
    assert len(made) <= 3  # the document, and the page in each of two languages
