"""`ports.tickets` in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.tickets import Ticket
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import (
    Now,
    key_table,
    milliseconds,
    moment_column,
    moment_of,
    moment_or_none,
    ticket_origin_table,
    ticket_table,
    words_column,
    words_of,
)
from vignette.adapters.sql.ticket_uses import recount, unended
from vignette.adapters.sql.written_down import WrittenDown
from vignette.errors import TicketNotFound, TooManyTickets
from vignette.model import Visibility
from vignette.ports.tickets import Keep

# Any number of our own: under it PostgreSQL keeps the lock of those who change tickets.
_TICKETS_LOCK: Final = 0x76746963

# Parameters of a statement.
_BATCH: Final = 500

_WITH_DIGEST: Final = sa.select(ticket_table).where(ticket_table.c.digest == sa.bindparam("digest"))
_GET: Final = sa.select(ticket_table).where(ticket_table.c.id == sa.bindparam("ticket_id"))
_NEWEST_FIRST: Final = sa.select(ticket_table).order_by(ticket_table.c.created_at_ms.desc(), ticket_table.c.id.desc())
_IS_SPENT: Final = ticket_table.c.spent >= ticket_table.c.uses
_HAS_EXPIRED: Final = sa.and_(ticket_table.c.expires_at_ms.is_not(None), ticket_table.c.expires_at_ms <= Now() * 1000)
_KEPT: Final = _NEWEST_FIRST.where(ticket_table.c.revoked_at_ms.is_(None), sa.not_(_IS_SPENT), sa.not_(_HAS_EXPIRED))
_ORIGINS: Final = (
    sa.select(ticket_origin_table.c.origin)
    .join_from(ticket_origin_table, ticket_table, ticket_origin_table.c.ticket_id == ticket_table.c.id)
    .where(
        ticket_table.c.revoked_at_ms.is_(None),
        unended(ticket_table.c.expires_at_ms),
        sa.not_(_IS_SPENT),
    )
    .distinct()
)
_MAY_USE: Final = _ORIGINS.where(ticket_origin_table.c.origin == sa.bindparam("origin")).limit(1)


class SqlTickets:
    """Both ports of `ports.tickets`. Whoever rebuilds the index leaves the tickets as they are, but for their uses."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = WrittenDown(database, ticket_table, _KEPT, _TICKETS_LOCK, _to_row, _from_row)

    def add(self, ticket: Ticket, keep: Keep, *, at_most: int, at_most_of_owner: int, forget_before: datetime) -> None:
        with self._rows.changing(keep) as connection:
            _require_room_of_owner(connection, ticket, at_most_of_owner)
            _forget(connection, _ended_before(forget_before))
            _make_room(connection, ticket.created_at, at_most - 1)
            connection.execute(sa.insert(ticket_table), _to_row(ticket))
            _insert_origins(connection, [ticket])

    def get(self, ticket_id: str) -> Ticket:
        with self._database.read() as connection:
            return _get(connection, ticket_id)

    def with_digest(self, digest: str) -> Ticket | None:
        with self._database.read() as connection:
            row = connection.execute(_WITH_DIGEST, {"digest": digest}).one_or_none()
        return None if row is None else _from_row(row)

    def all(self, limit: int, after: str | None = None, *, owner: str | None = None) -> list[Ticket]:
        query = _NEWEST_FIRST.limit(limit)
        if owner is not None:
            query = query.where(ticket_table.c.owner == owner)
        with self._database.read() as connection:
            if after is not None:
                place = (milliseconds(_get(connection, after).created_at), after)
                query = query.where(sa.tuple_(ticket_table.c.created_at_ms, ticket_table.c.id) < place)
            return [_from_row(row) for row in connection.execute(query)]

    def revoke(self, ticket_id: str, at: datetime, keep: Keep) -> Ticket:
        with self._rows.changing(keep) as connection:
            ticket = _get(connection, ticket_id)
            if ticket.revoked_at is None:
                ticket = replace(ticket, revoked_at=at)
                this = ticket_table.c.id == ticket_id
                connection.execute(sa.update(ticket_table).where(this).values(revoked_at_ms=milliseconds(at)))
        return ticket

    def may_use(self, origin: str, at: datetime) -> bool:
        with self._database.read() as connection:
            return connection.execute(_MAY_USE, {"origin": origin, "at": milliseconds(at)}).first() is not None

    def origins(self, at: datetime) -> frozenset[str]:
        with self._database.read() as connection:
            return frozenset(connection.execute(_ORIGINS, {"at": milliseconds(at)}).scalars())

    def is_empty(self) -> bool:
        return self._rows.is_empty()

    def kept(self) -> list[Ticket]:
        return self._rows.all()

    def ended(self, ticket_ids: Collection[str]) -> set[str]:
        query = sa.select(ticket_table.c.id).where(
            ticket_table.c.revoked_at_ms.is_(None), sa.or_(_IS_SPENT, _HAS_EXPIRED)
        )
        ids, found = list(ticket_ids), set[str]()
        with self._database.read() as connection:
            for first in range(0, len(ids), _BATCH):
                these = query.where(ticket_table.c.id.in_(ids[first : first + _BATCH]))
                found.update(connection.execute(these).scalars())
        return found

    def keep(self, keep: Keep) -> None:
        self._rows.keep(keep)

    def restore(self, read: Callable[[], Sequence[Ticket]]) -> int:
        return self._rows.restore(read, _insert_origins_and_count)


def _insert_origins(connection: sa.Connection, tickets: Iterable[Ticket]) -> None:
    rows = [{"origin": origin, "ticket_id": ticket.id} for ticket in tickets for origin in ticket.origins]
    if rows:
        connection.execute(sa.insert(ticket_origin_table), rows)


def _insert_origins_and_count(connection: sa.Connection, tickets: Sequence[Ticket]) -> None:
    _insert_origins(connection, tickets)
    for first in range(0, len(tickets), _BATCH):
        recount(connection, [ticket.id for ticket in tickets[first : first + _BATCH]])


def _ended_before(moment: datetime) -> sa.ColumnElement[bool]:
    ms, columns = milliseconds(moment), ticket_table.c
    return sa.or_(
        columns.revoked_at_ms < ms, columns.expires_at_ms < ms, sa.and_(_IS_SPENT, columns.last_used_at_ms < ms)
    )


def _useless(ms: int) -> sa.ColumnElement[bool]:
    """The condition that a ticket cannot be used any more, whatever becomes of its key."""
    columns = ticket_table.c
    return sa.or_(
        columns.revoked_at_ms.is_not(None),
        sa.and_(columns.expires_at_ms.is_not(None), columns.expires_at_ms <= ms),
        _IS_SPENT,
    )


def _require_room_of_owner(connection: sa.Connection, ticket: Ticket, most: int) -> None:
    usable = (
        sa.select(sa.func.count())
        .select_from(ticket_table)
        .where(
            ticket_table.c.owner.is_not_distinct_from(ticket.owner), sa.not_(_useless(milliseconds(ticket.created_at)))
        )
    )
    count = connection.execute(usable).scalar_one()
    if count >= most:
        whose = "of this key" if ticket.owner is not None else "that were made without a key"
        raise TooManyTickets(
            f"there are {count} tickets {whose} that can still be used, the limit is {most}",
            measured=count + 1,
            limit=most,
        )


def _make_room(connection: sa.Connection, now: datetime, most: int) -> None:
    """
    Remove tickets that cannot be used any more, the oldest first, until there are at most so many. A key that was
    removed does not come back, and leaves none that can.
    """
    surplus = connection.execute(sa.select(sa.func.count()).select_from(ticket_table)).scalar_one() - most
    if surplus <= 0:
        return
    columns = ticket_table.c
    is_orphan = sa.and_(columns.owner.is_not(None), columns.owner.not_in(sa.select(key_table.c.id)))
    useless = sa.or_(_useless(milliseconds(now)), is_orphan)
    oldest = sa.select(columns.id).where(useless).order_by(columns.created_at_ms, columns.id).limit(surplus)
    if _forget(connection, columns.id.in_(oldest)) < surplus:
        raise TooManyTickets(f"there are {most + 1} tickets that can still be used", measured=most + 2, limit=most + 1)


def _forget(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    those = sa.select(ticket_table.c.id).where(condition)
    connection.execute(sa.delete(ticket_origin_table).where(ticket_origin_table.c.ticket_id.in_(those)))
    return connection.execute(sa.delete(ticket_table).where(condition)).rowcount


def _get(connection: sa.Connection, ticket_id: str) -> Ticket:
    row = connection.execute(_GET, {"ticket_id": ticket_id}).one_or_none()
    if row is None:
        raise TicketNotFound(f"there is no ticket {ticket_id[:40]!r}")
    return _from_row(row)


def _to_row(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "digest": ticket.digest,
        "owner": ticket.owner,
        "uses": ticket.uses,
        "spent": ticket.spent,
        "created_at_ms": milliseconds(ticket.created_at),
        "expires_at_ms": moment_column(ticket.expires_at),
        "revoked_at_ms": moment_column(ticket.revoked_at),
        "max_bytes": ticket.max_bytes,
        "media_types": words_column(ticket.media_types),
        "visibility": ticket.visibility,
        "external_id": ticket.external_id,
        "origins": words_column(ticket.origins),
        "note": ticket.note,
    }


def _from_row(row: sa.Row[Any]) -> Ticket:
    return Ticket(
        id=row.id,
        digest=row.digest,
        owner=row.owner,
        uses=row.uses,
        created_at=moment_of(row.created_at_ms),
        expires_at=moment_or_none(row.expires_at_ms),
        revoked_at=moment_or_none(row.revoked_at_ms),
        max_bytes=row.max_bytes,
        media_types=words_of(row.media_types),
        visibility=None if row.visibility is None else Visibility(row.visibility),
        external_id=row.external_id,
        origins=words_of(row.origins),
        note=row.note,
        spent=row.spent,
    )
