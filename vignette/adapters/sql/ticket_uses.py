"""The uses of tickets: counted with the image, and counted anew from images that were indexed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vignette.access.tickets import ENDED_MEANWHILE
from vignette.adapters.sql.tables import image_table, key_table, milliseconds, ticket_table
from vignette.errors import InvalidTicket, TicketSpent

_AT: Final = sa.bindparam("at", type_=sa.BigInteger)


def unended(expires_at_ms: sa.Column[int]) -> sa.ColumnElement[bool]:
    """The condition that something has not expired at the parameter "at"."""
    return sa.or_(expires_at_ms.is_(None), expires_at_ms > _AT)


_VALID_KEYS: Final = sa.select(key_table.c.id).where(unended(key_table.c.expires_at_ms))

# Both databases let one transaction at a time change the row, and the second one sees what the first has counted.
_SPEND: Final = (
    sa.update(ticket_table)
    .where(
        ticket_table.c.id == sa.bindparam("ticket_id"),
        ticket_table.c.spent < ticket_table.c.uses,
        ticket_table.c.revoked_at_ms.is_(None),
        unended(ticket_table.c.expires_at_ms),
        sa.or_(ticket_table.c.owner.is_(None), ticket_table.c.owner.in_(_VALID_KEYS)),
    )
    .values(spent=ticket_table.c.spent + 1, last_used_at_ms=_AT)
)
_USES: Final = sa.select(ticket_table.c.uses, ticket_table.c.spent).where(
    ticket_table.c.id == sa.bindparam("ticket_id")
)

_CAME: Final = (
    sa.select(sa.func.count())
    .where(image_table.c.ticket == ticket_table.c.id)
    .correlate(ticket_table)
    .scalar_subquery()
)


def spend(connection: sa.Connection, ticket_id: str, at: datetime) -> None:
    """
    Count a use of the ticket, in the transaction of *connection*.

    Raises:
        TicketSpent: As many images came by it as may.
        InvalidTicket: It was revoked or has expired meanwhile, or its key is gone.
    """
    if connection.execute(_SPEND, {"ticket_id": ticket_id, "at": milliseconds(at)}).rowcount:
        return
    row = connection.execute(_USES, {"ticket_id": ticket_id}).one_or_none()
    if row is not None and row.spent >= row.uses:
        raise TicketSpent("as many images came by this ticket as may")
    raise InvalidTicket(ENDED_MEANWHILE)


def recount(connection: sa.Connection, ticket_ids: Collection[str]) -> None:
    """Have each of these tickets tell as many uses as images came by it, if it tells of fewer."""
    if ticket_ids:
        fewer = sa.and_(ticket_table.c.id.in_(ticket_ids), ticket_table.c.spent < _CAME)
        connection.execute(sa.update(ticket_table).where(fewer).values(spent=_CAME))
