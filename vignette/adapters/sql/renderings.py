"""`ports.catalogue.Renderings` in SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import UNFINISHED_STATES, is_free
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import RENEWING, Now, from_row, image_table, placeholder_columns, unflushed_table
from vignette.model import Failure, ImageId, Placeholder, State
from vignette.ports.catalogue import Claim

# Made once: to put such a statement together takes half of the time that it takes.
_CLAIM: Final = (
    sa.update(image_table)
    .where(image_table.c.id == sa.bindparam("image_id"), image_table.c.state.in_(UNFINISHED_STATES), is_free())
    .values(
        state=sa.case((image_table.c.state == RENEWING, RENEWING), else_=State.PROCESSING.value),
        attempts=image_table.c.attempts + 1,
        lease_until=Now() + sa.bindparam("lease_s", type_=sa.Float),
    )
    .returning(image_table)
)
# Sets the columns that are named in its parameters beside those of `_holds`.
_HELD: Final = sa.update(image_table).where(
    image_table.c.id == sa.bindparam("image_id"),
    image_table.c.state == sa.bindparam("state_held"),
    image_table.c.attempts == sa.bindparam("attempt_held"),
)
_NOTE: Final = sa.insert(unflushed_table)


class SqlRenderings:
    """
    A lease is a time in the row, not a lock: nothing is held open while an image is rendered.

    Each method is a conditional UPDATE. `attempts` counts the claims, so it tells whether a claim is still the last.
    """

    def __init__(self, database: Database, boot: str | None) -> None:
        self._database = database
        self._boot = boot

    def claim(self, image_id: ImageId, lease_s: float) -> Claim | None:
        with self._database.write() as connection:
            row = connection.execute(_CLAIM, {"image_id": image_id, "lease_s": lease_s}).one_or_none()
        return None if row is None else Claim(from_row(row), row.attempts)

    def finish(
        self, claim: Claim, failure: Failure | None, placeholder: Placeholder | None = None, recipe_set: str = ""
    ) -> bool:
        is_ready = failure is None or claim.image.is_renewing
        keeps_placeholder = failure is not None and claim.image.is_renewing
        values = {
            "state": State.READY if is_ready else State.FAILED,
            "failure": None if failure is None else asdict(failure),
            "lease_until": None,
            "recipe_set": recipe_set,
            **({} if keeps_placeholder else placeholder_columns(placeholder)),
        }
        was_deleted = sa.and_(
            image_table.c.id == claim.image.id,
            image_table.c.state == State.DELETING,
            image_table.c.attempts == claim.attempt,
        )
        with self._database.write() as connection:
            if connection.execute(_HELD, _holds(claim) | values).rowcount == 1:
                if self._boot is not None:
                    connection.execute(_NOTE, {"image_id": claim.image.id, "boot": self._boot})
                return True
            connection.execute(sa.update(image_table).where(was_deleted).values(lease_until=None))
            return False

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        release = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.in_([State.PROCESSING, RENEWING]))
            .values(failure=asdict(failure), lease_until=Now() + pause_s)
        )
        with self._database.write() as connection:
            connection.execute(release)

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        values = {"attempts": claim.attempt - 1, "failure": asdict(failure)}
        with self._database.write() as connection:
            connection.execute(_HELD.values(lease_until=Now() + pause_s), _holds(claim) | values)


def _holds(claim: Claim) -> dict[str, object]:
    """Return the parameters by which `_HELD` finds the row, if *claim* still holds."""
    state = RENEWING if claim.image.is_renewing else State.PROCESSING
    return {"image_id": claim.image.id, "state_held": state, "attempt_held": claim.attempt}
