"""
The counter of numbers: a table of one row, which is also the lock of everything that gives numbers or takes them.

Whoever has updated the row holds the lock until the transaction ends. PostgreSQL locks the row; SQLite has one writer
at a time anyway.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.tables import counter_table
from vignette.model import ImageId

# Made once: to make a statement costs more than to execute it, and each upload and each deletion takes the lock.
_ADD: Final = (
    sa.update(counter_table)
    .values(next=counter_table.c.next + sa.bindparam("added", type_=sa.BigInteger))
    .returning(counter_table.c.next)
)


def take_number(connection: sa.Connection) -> ImageId:
    """Take the next number, and the lock. The number is free again if the transaction is rolled back."""
    return ImageId(_add(connection, 1) - 1)


def lock_numbers(connection: sa.Connection) -> ImageId:
    """Take the lock, and no number; return the one that comes next."""
    return ImageId(_add(connection, 0))


def pass_number(connection: sa.Connection, image_id: ImageId) -> None:
    """Take the lock, and have the next number be past *image_id*, unless it is already."""
    following = sa.case((counter_table.c.next <= image_id, image_id + 1), else_=counter_table.c.next)
    connection.execute(sa.update(counter_table).values(next=following))


def _add(connection: sa.Connection, count: int) -> int:
    following: int = connection.execute(_ADD, {"added": count}).scalar_one()
    return following
