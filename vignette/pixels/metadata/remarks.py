"""What could not be read, collected for the description's "warnings"."""

from __future__ import annotations

from typing import Final

# The first ones tell what is wrong; a file with a million faults needs no million lines.
MAX_REMARKS: Final = 100
# Names and texts of the file are quoted in remarks, and may be as long as the file.
MAX_REMARK_CHARS: Final = 500


class Remarks:
    """Takes any number of remarks and keeps the first `MAX_REMARKS` different ones."""

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
