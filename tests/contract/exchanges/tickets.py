"""Tickets, as whoever makes them sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.contract.asking import no_catalogue
from tests.contract.exchanges.exchange import Asking, Exchanges, failing, patched, small_body
from tests.house import picture
from vignette import errors
from vignette.access.actors import NOBODY
from vignette.use_cases.ticketing import Terms


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


EXCHANGES: Final[Exchanges] = {
    ("post", "/tickets"): new_ticket,
    ("get", "/tickets"): ticket_list,
    ("get", "/tickets/{ticket_id}"): one_ticket,
    ("delete", "/tickets/{ticket_id}"): revoking("DELETE", "/tickets/{ticket_id}"),
    ("post", "/tickets/{ticket_id}/revoke"): revoking("POST", "/tickets/{ticket_id}/revoke"),
}
