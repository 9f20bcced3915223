"""The check of an upload, and the description of what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from vignette.model import ImageFacts


@dataclass(frozen=True, slots=True)
class Inspected:
    """
    What was found: the facts, and what goes into `metadata.json` and `metadata.txt`. `cpu_s` is the processor time that
    it took; 0 if nobody has measured it.
    """

    facts: ImageFacts
    metadata_json: bytes
    metadata_text: bytes
    cpu_s: float = 0.0


class Inspector(Protocol):
    """Reads what a stranger has sent."""

    def inspect(
        self, file: BinaryIO, size: int, *, max_pixels: int, max_frames: int, max_memory_bytes: int
    ) -> Inspected:
        """
        Check and describe the picture of *size* bytes in *file*, which has a descriptor. The limits are those of
        `pixels.inspection.inspect`.

        Raises:
            Refused: As `pixels.inspection.inspect`. Also `TooMuchMemory`, `TooLongToCheck` or `NotCheckable` if the
                check itself took too much, or cannot be done.
            Overloaded: The file cannot be checked now.
            OSError: The file cannot be read.
        """
