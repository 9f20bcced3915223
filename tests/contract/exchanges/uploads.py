"""Where files are sent: `/images`, and the drop box of a ticket."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import FACES, Asking, Exchanges, failing, patched
from tests.house import picture
from tests.makers import animation
from vignette import errors
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.quotas import Quota
from vignette.model import Suspicion
from vignette.use_cases.allowances import Reservation
from vignette.use_cases.ticketing import Terms

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
    for face in FACES:
        key = {"Idempotency-Key": f"key {FACES.index(face)}"}
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
        for face in FACES:
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


EXCHANGES: Final[Exchanges] = {
    ("post", "/images"): upload,
    ("get", "/t/{token}"): drop_box,
    ("post", "/t/{token}"): drop,
    ("get", "/t/{token}/qr.svg"): qr,
}
