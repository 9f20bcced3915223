"""What the public copy of a picture is made of."""

from __future__ import annotations

from typing import BinaryIO, Protocol, TypeAlias

Plan: TypeAlias = tuple[tuple[int, int] | bytes, ...]
"""The pieces in order: a range of the original (offsets of its start and its end), or bytes of ours."""


class Planner(Protocol):
    """Reads what a stranger has sent."""

    def plan(self, file: BinaryIO, size: int) -> Plan:
        """
        Plan the public copy of the picture of *size* bytes in *file*, which has a descriptor, and prove it clean.

        The ranges lie within the picture, none is empty, and together they are no longer than it.

        Raises:
            NotPublishable: There can be no copy, or to plan it takes more than it may, or ends without a result.
            PublicCopyNotClean: The copy is not what it should be, which is a fault of ours.
            Refused: The picture would not pass the door.
            Overloaded: It cannot be planned now.
            OSError: The file cannot be read.
        """
