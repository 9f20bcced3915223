"""What an actor sees (`access.policy.Sight`), as a condition on rows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice, repeat
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.policy import Sight
from vignette.adapters.sql.conditions import OUT_OF_QUARANTINE
from vignette.adapters.sql.tables import image_table, visibility_column
from vignette.model import State, Visibility

# `Sight` as a condition. Nobody sees what is being deleted, but for its owner.
IN_SIGHT: Final = sa.and_(
    OUT_OF_QUARANTINE,
    sa.or_(
        image_table.c.owner == sa.bindparam("owner"),
        sa.and_(
            *(image_table.c.state != state for state in (State.DELETING.value, State.DELETED.value)),
            sa.or_(
                *(image_table.c.visibility == sa.bindparam(f"seen_{number}") for number in range(len(Visibility) + 1))
            ),
        ),
    ),
)


def in_sight(owner: str | None, visibilities: frozenset[Visibility | None]) -> dict[str, str | None]:
    """Return the parameters of `IN_SIGHT`; NULL equals nothing."""
    seen = {visibility_column(each) for each in visibilities}
    return {"owner": owner} | {
        f"seen_{number}": value for number, value in enumerate(islice(chain(seen, repeat(None)), len(Visibility) + 1))
    }


def seen(
    query: sa.Select[Any], sight: Sight | None, values: Mapping[str, Any]
) -> tuple[sa.Select[Any], Mapping[str, Any]]:
    """Return *query* for what is in *sight*, and its parameters, among them *values*."""
    if sight is None:
        return query, values
    if sight.visibilities is None:
        return query.where(OUT_OF_QUARANTINE), values
    return query.where(IN_SIGHT), {**values, **in_sight(sight.owner, sight.visibilities)}
