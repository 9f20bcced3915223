"""Commands on tickets: give one out, list them, revoke one."""

from __future__ import annotations

import json
from datetime import datetime

import click

from vignette.access.actors import OPERATOR
from vignette.access.tickets import Ticket, TicketState
from vignette.cli.ends import End, day, time
from vignette.limits import MAX_TICKET_USES
from vignette.model import Visibility
from vignette.settings import exit_with_words, load_settings
from vignette.use_cases.ticketing import Terms


@click.group()
def tickets() -> None:
    """
    Give out tickets, list and revoke them. The service may run: it takes and refuses them at once.

    Whoever has a ticket sends so many images without a key, and sees nothing.
    """


@tickets.command()
@click.option("--uses", default=1, show_default=True, type=click.IntRange(1, MAX_TICKET_USES), help="How many images.")
@click.option("--key", "owner", metavar="ID", help="The key whose images they will be. Needed unless access is open.")
@click.option("--expires", "expires_at", type=End(), help="When it ends: 30d, 12h, or a time. It never ends without.")
@click.option("--max-bytes", type=click.IntRange(1), help="Of a file, if less than the service takes.")
@click.option("--media-type", "media_types", multiple=True, help="As image/jpeg; give it several times. Any without.")
@click.option("--visibility", type=click.Choice(list(Visibility), case_sensitive=False), help="Who sees the images.")
@click.option("--external-id", help="What you call the images: kept with each.")
@click.option("--origin", "origins", multiple=True, help="Its pages may use the ticket, as https://app.example.")
@click.option("--note", help="Shown to guests.")
def add(
    uses: int,
    owner: str | None,
    expires_at: datetime | None,
    max_bytes: int | None,
    media_types: tuple[str, ...],
    visibility: Visibility | None,
    external_id: str | None,
    origins: tuple[str, ...],
    note: str | None,
) -> None:
    """
    Make a ticket.

    Its token is written to standard output, and nothing else. Nobody can show it again. The page for guests is at
    /t/TOKEN.
    """
    from vignette.wiring.commands import open_ticketing

    terms = Terms(uses, expires_at, max_bytes, media_types, visibility, external_id, origins, note)
    with exit_with_words():
        ticketing = open_ticketing(load_settings())
        ticket, token = ticketing.add(OPERATOR, terms, owner=owner)
        [state] = ticketing.states([ticket])
    click.echo(f"{_line(ticket, state)}\nKeep the token: it is shown this once.", err=True)
    click.echo(token)


@tickets.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ls(as_json: bool) -> None:
    """List all tickets, the newest first."""
    from vignette.wiring.commands import open_ticketing

    with exit_with_words():
        ticketing = open_ticketing(load_settings())
        found = ticketing.all(OPERATOR)
        states = ticketing.states(found)
    if as_json:
        click.echo(json.dumps(list(map(_as_object, found, states)), indent=1))
    else:
        for ticket, state in zip(found, states, strict=True):
            click.echo(_line(ticket, state))


@tickets.command()
@click.argument("ticket_id", metavar="ID")
def rm(ticket_id: str) -> None:
    """Revoke a ticket: from now on nothing comes by it. The images that came stay."""
    from vignette.wiring.commands import open_ticketing

    with exit_with_words():
        open_ticketing(load_settings()).revoke(OPERATOR, ticket_id)
    click.echo(f"ticket {ticket_id} is revoked", err=True)


def _line(ticket: Ticket, state: TicketState) -> str:
    parts = [
        ticket.id,
        state,
        f"{ticket.spent} of {ticket.uses}",
        f"key {ticket.owner}" if ticket.owner else "no key",
        f"made {day(ticket.created_at)}",
        "never expires" if ticket.expires_at is None else f"until {time(ticket.expires_at)}",
        *([json.dumps(ticket.note, ensure_ascii=False)] if ticket.note else []),
    ]
    return "  ".join(parts)


def _as_object(ticket: Ticket, state: TicketState) -> dict[str, object]:
    return {
        "id": ticket.id,
        "state": state,
        "uses": ticket.uses,
        "spent": ticket.spent,
        "owner": ticket.owner,
        "created_at": ticket.created_at.isoformat(),
        "expires_at": None if ticket.expires_at is None else ticket.expires_at.isoformat(),
        "revoked_at": None if ticket.revoked_at is None else ticket.revoked_at.isoformat(),
        "max_bytes": ticket.max_bytes,
        "media_types": ticket.media_types,
        "visibility": ticket.visibility,
        "external_id": ticket.external_id,
        "origins": ticket.origins,
        "note": ticket.note,
    }
