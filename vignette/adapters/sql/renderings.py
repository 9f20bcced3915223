"""`ports.catalogue.Renderings` in SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import UNFINISHED_STATES, is_free, leased, unclaimed
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import (
    COMPLETING,
    NEEDS,
    RENEWING,
    Now,
    from_row,
    image_table,
    placeholder_columns,
    sizes_column,
    unflushed_table,
)
from vignette.model import Failure, Image, ImageId, Need, Placeholder, State
from vignette.ports.catalogue import Claim

# Made once: to put such a statement together takes longer than the rest.
_CLAIM: Final = (
    sa.update(image_table)
    .where(image_table.c.id == sa.bindparam("image_id"), image_table.c.state.in_(UNFINISHED_STATES), is_free())
    .values(
        state=sa.case(
            (image_table.c.state.in_([COMPLETING, RENEWING]), image_table.c.state), else_=State.PROCESSING.value
        ),
        attempts=image_table.c.attempts + 1,
        lease_until=Now() + sa.bindparam("lease_s", type_=sa.Float),
    )
    .returning(image_table)
)
_CLAIM_BUT_TO_COMPLETE: Final = _CLAIM.where(image_table.c.state != COMPLETING)
# These set the columns that are named in their parameters beside those of `_at`.
_HELD: Final = sa.update(image_table).where(
    image_table.c.id == sa.bindparam("image_id"),
    image_table.c.state == sa.bindparam("state_held"),
    image_table.c.attempts == sa.bindparam("attempt_held"),
    image_table.c.lease_until == sa.bindparam("lease_held"),
)
_IN_HAND: Final = sa.select(image_table).where(
    image_table.c.id == sa.bindparam("image_id"),
    image_table.c.state.in_([State.PROCESSING, COMPLETING, RENEWING]),
    image_table.c.attempts > 0,
    image_table.c.lease_until.is_not(None),
)
_PUBLISH: Final = _HELD.returning(image_table)
_PUBLISH_AND_QUEUE: Final = _HELD.values(hinted_at=Now()).returning(image_table)
_NOTE: Final = sa.insert(unflushed_table)
_END_LEASES: Final = sa.update(image_table).where(image_table.c.id.in_(leased())).values(lease_until=Now())
_NEWCOMERS_WAIT: Final = unclaimed([state for state, need in NEEDS.items() if need is Need.FIRST], at_most=1)


class SqlRenderings:
    """
    A lease is a time in the row, not a lock: nothing is held open while an image is rendered.

    Each change is a conditional UPDATE. `lease_until` and `attempts` tell whether a claim is still the last: if a claim
    is taken over in the millisecond in which it began, only `attempts` differs.
    """

    def __init__(self, database: Database, boot: str | None) -> None:
        self._database = database
        self._boot = boot

    def claim(self, image_id: ImageId, lease_s: float, *, to_complete: bool = True) -> Claim | None:
        claim = _CLAIM if to_complete else _CLAIM_BUT_TO_COMPLETE
        with self._database.write() as connection:
            row = connection.execute(claim, {"image_id": image_id, "lease_s": lease_s}).one_or_none()
        return _claim(row)

    def in_hand(self, image_id: ImageId) -> Claim | None:
        with self._database.read() as connection:
            return _claim(connection.execute(_IN_HAND, {"image_id": image_id}).one_or_none())

    def newcomers_wait(self) -> bool:
        with self._database.read() as connection:
            return connection.execute(_NEWCOMERS_WAIT).scalar_one() > 0

    def publish(
        self,
        claim: Claim,
        placeholder: Placeholder | None,
        recipe_set: str,
        sizes: tuple[str, ...],
        *,
        goes_on: bool,
        vignette_bytes: int = 0,
    ) -> Claim | None:
        values = {
            "state": COMPLETING,
            "failure": None,
            "recipe_set": recipe_set,
            "sizes": sizes_column(sizes),
            "vignette_bytes": vignette_bytes,
            **({} if placeholder is None else placeholder_columns(placeholder)),
            # The rest has attempts of its own. If it goes on at once, this is the first of them.
            **({"attempts": 1} if goes_on else {"attempts": 0, "lease_until": None}),
        }
        publish = _PUBLISH if goes_on else _PUBLISH_AND_QUEUE
        with self._database.write() as connection:
            row = connection.execute(publish, _held(claim) | values).one_or_none()
            if row is None:
                _end_lease_of_deleted(connection, claim)
            else:
                self._note(connection, claim.image.id)
        return _claim(row)

    def finish(
        self,
        claim: Claim,
        failure: Failure | None,
        placeholder: Placeholder | None = None,
        recipe_set: str = "",
        sizes: tuple[str, ...] | None = None,
        vignette_bytes: int = 0,
    ) -> bool:
        was_ready = claim.image.state is State.READY
        keeps = was_ready and failure is not None
        values = {
            "state": State.READY if failure is None or was_ready else State.FAILED,
            "failure": None if failure is None else asdict(failure),
            "lease_until": None,
            "recipe_set": recipe_set,
            **({} if was_ready and placeholder is None else placeholder_columns(placeholder)),
            **({} if keeps else {"sizes": sizes_column(sizes), "vignette_bytes": vignette_bytes}),
        }
        with self._database.write() as connection:
            if connection.execute(_HELD, _held(claim) | values).rowcount == 1:
                self._note(connection, claim.image.id)
                return True
            _end_lease_of_deleted(connection, claim)
            return False

    def _note(self, connection: sa.Connection, image_id: ImageId) -> None:
        if self._boot is not None:
            connection.execute(_NOTE, {"image_id": image_id, "boot": self._boot})

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        release = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.in_([State.PROCESSING, COMPLETING, RENEWING]))
            .values(failure=asdict(failure), lease_until=Now() + pause_s)
        )
        with self._database.write() as connection:
            connection.execute(release)

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        values = {"attempts": claim.attempt - 1, "failure": asdict(failure)}
        with self._database.write() as connection:
            connection.execute(_HELD.values(lease_until=Now() + pause_s), _held(claim) | values)

    def end_leases(self) -> None:
        with self._database.write() as connection:
            connection.execute(_END_LEASES)


def _claim(row: sa.Row[Any] | None) -> Claim | None:
    return None if row is None else Claim(from_row(row), row.attempts, row.lease_until)


def _held(claim: Claim) -> dict[str, object]:
    """Return the parameters by which a statement finds the row, if *claim* still holds."""
    return _at(claim, _state_in_hand(claim.image))


def _state_in_hand(image: Image) -> str:
    """What stands in `state` of an image in the hands of a worker."""
    if image.is_completing:
        return COMPLETING
    return RENEWING if image.is_renewing else State.PROCESSING


def _at(claim: Claim, state: str) -> dict[str, object]:
    return {
        "image_id": claim.image.id,
        "state_held": state,
        "attempt_held": claim.attempt,
        "lease_held": claim.lease_until,
    }


def _end_lease_of_deleted(connection: sa.Connection, claim: Claim) -> None:
    """End the lease if the image was deleted while *claim* held: its worker writes no more."""
    connection.execute(_HELD, _at(claim, State.DELETING) | {"lease_until": None})
