"""Collects remarks on what could not be read, for the "warnings" of a description."""

from __future__ import annotations

from typing import Final

# The first remarks tell what is wrong; nobody needs a million lines on a file with a million faults.
MAX_REMARKS: Final = 100
# Remarks quote names and texts from the file, which may be as long as the file.
MAX_REMARK_CHARS: Final = 500


class Remarks:
    """Takes any number of remarks, keeps the first `MAX_REMARKS` that differ, and counts the others."""

    def __init__(self) -> None:
        self._kept: dict[str, None] = {}
        self._left_out = 0

    def add(self, remark: str) -> None:
        shortened = remark if len(remark) <= MAX_REMARK_CHARS else remark[: MAX_REMARK_CHARS - 1] + "…"
        if shortened in self._kept:
            return
        if len(self._kept) < MAX_REMARKS:
            self._kept[shortened] = None
        else:
            self._left_out += 1

    def as_list(self) -> list[str]:
        more = [f"… and {self._left_out} more"] if self._left_out else []
        return [*self._kept, *more]
