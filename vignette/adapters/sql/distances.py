"""Images that look alike: those whose hashes differ in few bits; see migration 0018."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vignette.adapters.sql.tables import image_table

_PARTS: Final = 16
_DIGITS: Final = 4

MOST_OF_A_PART: Final = 1000
"""Images that are looked at for each part: if more have it, they are most probably one picture."""

# As the indexes have it: a database uses an index of some of the rows for no other condition.
_KNOWN: Final = sa.text("pdq IS NOT NULL AND pdq_quality >= 50")


def _having(part: int) -> sa.Select[Any]:
    digits: sa.ColumnElement[str] = sa.literal_column(f"substr(pdq, {1 + part * _DIGITS}, {_DIGITS})", sa.Text)
    values: sa.BindParameter[Any] = sa.bindparam("values", expanding=True)
    return sa.select(image_table.c.id, image_table.c.pdq).where(digits.in_(values), _KNOWN).limit(MOST_OF_A_PART)


# Made once: to make such a statement costs more than to execute it.
_HAVING: Final = [_having(part) for part in range(_PARTS)]


def distances(connection: sa.Connection, pdq: str, most: int) -> dict[int, int]:
    """Return the numbers of images whose hashes differ from *pdq* in at most *most* bits, up to 31, and in how many."""
    wanted, found = int(pdq, 16), dict[int, int]()
    for part, query in enumerate(_HAVING):
        value = int(pdq[part * _DIGITS : (part + 1) * _DIGITS], 16)
        near = [f"{other:04x}" for other in (value, *(value ^ 1 << bit for bit in range(4 * _DIGITS)))]
        for row in connection.execute(query, {"values": near}):
            if (distance := (int(row.pdq, 16) ^ wanted).bit_count()) <= most:
                found[row.id] = distance
    return found
