"""Whoever shows a ticket, as the requests of the web know him."""

from __future__ import annotations

from dataclasses import replace

from flask import g, request

from vignette.access.policy import Access
from vignette.access.secrets import digest_of
from vignette.access.tickets import Ticket
from vignette.web.context import current_ticket, web_context
from vignette.web.http.clients import address_of_this_request
from vignette.web.request_log import note_ticket


def take_ticket(token: str) -> Ticket:
    """
    Return the ticket of this *token*. Whoever asks for the current request shows it from now on, and nothing else. It
    is looked up once for a request.

    Raises:
        InvalidTicket: There is none, or it is not valid.
    """
    ticket = current_ticket()
    if ticket is None or ticket.digest != digest_of(token):
        ticket = web_context().ticketing.authenticate(token)
    g.ticket, g.actor = ticket, replace(ticket.actor, address=address_of_this_request())
    note_ticket(request.environ, ticket.id)
    return ticket


def is_guest() -> bool:
    """Whether who asks is told only what a guest may know: he shows a ticket, where not everybody knows everything."""
    return current_ticket() is not None and web_context().policy.access is not Access.OPEN
