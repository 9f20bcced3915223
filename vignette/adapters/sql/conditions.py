"""
The conditions by which images are looked for, each with an index that answers it (migrations 0004, 0005 and 0015).

A database uses an index of some of the rows only for statements with the same condition. SQLite compares the two word
by word, and a parameter might be anything; so the states in these conditions are written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from vignette.adapters.sql.tables import COMPLETING, NEEDS, RENEWING, Now, image_table
from vignette.model import ImageId, State

# The most urgent comes first.
UNFINISHED_STATES: Final = tuple(NEEDS)

_state, _hinted_at, _lease_until = image_table.c.state, image_table.c.hinted_at, image_table.c.lease_until


def _written_out(state: str) -> sa.BindParameter[str]:
    return sa.literal(str(state), sa.Text, literal_execute=True)


LIVING: Final = _state.not_in([_written_out(State.DELETING), _written_out(State.DELETED)])

# The indexes `image_shown`, `image_owned` and `image_seen` (migration 0015); and `image_quarantined`.
OUT_OF_QUARANTINE: Final = image_table.c.quarantine.is_(None)
SHOWN: Final = sa.and_(LIVING, OUT_OF_QUARANTINE)
QUARANTINED: Final = sa.and_(LIVING, image_table.c.quarantine.is_not(None))

# The index `image_ready`.
READY: Final = _state == _written_out(State.READY)

# The index `image_failed_again` (migration 0007).
FAILED_AGAIN: Final = sa.and_(READY, image_table.c.failure.is_not(None))

# The indexes `image_queued` and `image_leased`. Each unfinished image is in one of the two: if it was leased since its
# job was queued, it needs another job when the lease has ended; else when the job has been queued for too long.
UNFINISHED: Final = _state.in_([_written_out(state) for state in ("pending", "processing", "completing", "renewing")])
QUEUED: Final = sa.and_(UNFINISHED, sa.or_(_lease_until.is_(None), _lease_until <= _hinted_at))
LEASED: Final = sa.and_(UNFINISHED, _hinted_at < _lease_until)


def is_free() -> sa.ColumnElement[bool]:
    """The condition that no lease on the image runs."""
    return sa.or_(_lease_until.is_(None), _lease_until < Now())


def stored_as(state: State) -> Sequence[str]:
    """What may stand in the column `state` of an image in *state*."""
    return (State.READY.value, COMPLETING, RENEWING) if state is State.READY else (state.value,)


def numbers_in(states: Sequence[str], limit: int, after: ImageId | None = None) -> sa.Select[int]:
    """Select the numbers of at most *limit* images in these stored *states*, the lowest first, above *after*."""
    # The index `image_state` has numbers in order within each state: so many of each, and then the lowest of all these.
    numbers = _numbers_in_each(states, limit, after)
    return sa.select(numbers.c.id).order_by(numbers.c.id).limit(limit)


def count_in(states: Sequence[str], at_most: int | None) -> sa.Select[int]:
    """Select the count of images in these stored *states*, up to *at_most*."""
    counted = sa.select(_numbers_in_each(states, at_most).c.id).limit(at_most).subquery()
    return sa.select(sa.func.count()).select_from(counted)


def unclaimed(states: Sequence[str], at_most: int | None) -> sa.Select[int]:
    """Select the count of images in these stored *states*, of the unfinished ones, without a lease that runs."""
    by_state = [_state == _written_out(state) for state in states]
    queued = [ordered(sa.and_(QUEUED, state), _hinted_at) for state in by_state]
    ended = [ordered(sa.and_(LEASED, _lease_until < Now(), state), _lease_until) for state in by_state]
    numbers = [query.limit(at_most).subquery() for query in (*queued, *ended)]
    counted = sa.union_all(*(sa.select(each.c.id) for each in numbers)).subquery()
    return sa.select(sa.func.count()).select_from(sa.select(counted.c.id).limit(at_most).subquery())


def leased() -> sa.CompoundSelect[int]:
    """Select the numbers of all images with a lease that runs: also of those that were deleted while it ran."""
    runs = _lease_until > Now()
    held = [sa.and_(LEASED, runs, _state == _written_out(state)) for state in UNFINISHED_STATES]
    deleted = sa.and_(runs, _state == _written_out(State.DELETING))
    return sa.union_all(*(sa.select(image_table.c.id).where(condition) for condition in (*held, deleted)))


def ordered(condition: sa.ColumnElement[bool], by: sa.ColumnElement[Any]) -> sa.Select[int]:
    """Select numbers in the order that the index of this condition has."""
    return sa.select(image_table.c.id).where(condition).order_by(by, image_table.c.id)


def _numbers_in_each(states: Sequence[str], limit: int | None, after: ImageId | None = None) -> sa.Subquery:
    of_each = [_numbers_in_one(state, limit, after).subquery() for state in states]
    return sa.union_all(*(sa.select(of_one.c.id) for of_one in of_each)).subquery()


def _numbers_in_one(state: str, limit: int | None, after: ImageId | None) -> sa.Select[int]:
    # Not `state = …`: PostgreSQL might then read the images of all states by number, to have them in order, if it
    # expects to come across enough of this state soon.
    begins = _state >= state if after is None else sa.tuple_(_state, image_table.c.id) > (state, after)
    query = sa.select(image_table.c.id).where(begins, _state <= state)
    return query.order_by(_state, image_table.c.id).limit(limit)
