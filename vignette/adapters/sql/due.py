"""
The images that are due to be rendered again, in pages. Each kind of them has a range of an index (migration 0007), and
a page is read from where the last one ended.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from vignette.adapters.sql.conditions import FAILED_AGAIN, READY, stored_as
from vignette.adapters.sql.tables import image_table
from vignette.model import ImageId, State
from vignette.ports.catalogue import Due

_id, _state, _recipe_set = image_table.c.id, image_table.c.state, image_table.c.recipe_set


def page(connection: sa.Connection, recipe_set: str | None, limit: int, after: Due | None) -> list[Due]:
    """`ports.catalogue.Waiting.due`."""
    found: list[Due] = []
    for kind, query in enumerate(_kinds(recipe_set)):
        if after is not None and kind < after.kind:
            continue
        if after is not None and kind == after.kind:
            query = query.where(sa.tuple_(*query.selected_columns) > after.place)
        rows = connection.execute(query.limit(limit - len(found)))
        found += [Due(ImageId(row[1]), kind, (row[0], row[1])) for row in rows]
    return found


def count(recipe_set: str | None, at_most: int) -> sa.Select[int]:
    """`ports.catalogue.Waiting.count_due`."""
    numbers = [query.limit(at_most).subquery() for query in _kinds(recipe_set)]
    counted = sa.union_all(*(sa.select(each.c.id) for each in numbers)).subquery()
    return sa.select(sa.func.count()).select_from(sa.select(counted.c.id).limit(at_most).subquery())


def failed_again(recipe_set: str) -> sa.Select[str, int]:
    """Select the ready images that could not be rendered or completed by *recipe_set*, in the order of the index."""
    # Not `=`: PostgreSQL might then read all images by number.
    return _by_set().where(FAILED_AGAIN, _recipe_set >= recipe_set, _recipe_set <= recipe_set)


def _kinds(recipe_set: str | None) -> Iterator[sa.Select[str, int]]:
    """
    A query for each kind. Its columns are the place of a row in the index, and their order is that of the index.

    What was tried moves on to an earlier kind, or leaves them all; so whoever reads page after page and has them
    rendered meanwhile sees an image twice only while it is being rendered.
    """
    if recipe_set is None:
        yield _of_state(State.READY)
    else:
        yield failed_again(recipe_set)
        yield _by_set().where(READY, _recipe_set < recipe_set)
        yield _by_set().where(READY, _recipe_set > recipe_set)
    for state in stored_as(State.READY):
        if state != State.READY:
            yield _of_state(state)


def _by_set() -> sa.Select[str, int]:
    return sa.select(_recipe_set, _id).order_by(_recipe_set, _id)


def _of_state(state: str) -> sa.Select[str, int]:
    return sa.select(_state, _id).where(_state >= str(state), _state <= str(state)).order_by(_state, _id)
