"""The door as the web process has it. It believes nothing that comes out of a cell before it has looked at it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from vignette.errors import (
    BrokenImage,
    NotCheckable,
    Overloaded,
    TooLongToCheck,
    TooManyFrames,
    TooManyPixels,
    TooMuchMemory,
    UnsupportedFormat,
)
from vignette.jail.cells import (
    CellDied,
    CellLimits,
    CellPool,
    NoCell,
    OutOfMemory,
    OutOfProcessorTime,
    OutOfTime,
)
from vignette.jail.messages import Malformed, Message, os_error, whole_number
from vignette.limits import DOOR_CPU_S, DOOR_MEMORY_BYTES, DOOR_WALL_S, MIB
from vignette.model import ImageFacts
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.pixels.metadata.keeping import most_bytes
from vignette.ports.inspector import Inspected
from vignette.records import metadata_from_json

WORK: Final = "vignette.adapters.door.inspecting:inspect_in_a_cell"

LIMITS: Final = CellLimits(cpu_s=DOOR_CPU_S, life_cpu_s=60, memory_bytes=DOOR_MEMORY_BYTES, sandbox="one thread")

# More files at a time would take a small machine's memory: each may take `DOOR_MEMORY_BYTES`.
_CELLS: Final = 8

# A fresh fork copies memory that it shares with the others, as it writes to it: some milliseconds. With this many files
# for each, that does not show.
_FILES_OF_A_CELL: Final = 500

# All cells may have a file that takes its time; somebody's patience ends later than that.
_WAIT_S: Final = 20.0

_REFUSALS: Final = (UnsupportedFormat, BrokenImage, TooManyPixels, TooManyFrames, TooMuchMemory)

_FORMATS: Final = frozenset((accepted.media_type, accepted.extension) for accepted in ACCEPTED_FORMATS)

logger = logging.getLogger(__name__)


class Door:
    """An `Inspector` whose work is done in cells. Safe to share between threads; it survives a fork."""

    def __init__(
        self, *, work: str = WORK, limits: CellLimits = LIMITS, cells: int = _CELLS, wall_s: float = DOOR_WALL_S
    ) -> None:
        self._pool = CellPool(
            work,
            limits,
            cells=cells,
            pieces=_FILES_OF_A_CELL,
            wall_s=wall_s,
            wait_s=_WAIT_S,
            errors=_REFUSALS,
        )

    def warm(self) -> None:
        """Start what the first file would have to wait for, and do not wait for it."""
        self._pool.warm()

    def close(self) -> None:
        """End all processes of the door for good."""
        self._pool.close()

    def inspect(
        self, file: BinaryIO, size: int, *, max_pixels: int, max_frames: int, max_memory_bytes: int
    ) -> Inspected:
        arguments = {
            "size": size,
            "max_pixels": max_pixels,
            "max_frames": max_frames,
            "max_memory_bytes": max_memory_bytes,
        }
        with self._our_errors():
            answer = self._pool.run(arguments, [file.fileno()], max_bytes=most_bytes(size))
            found = _checked(answer)
            if found.facts.width * found.facts.height > max_pixels or found.facts.frames > max_frames:
                raise Malformed("the door found more than it may let in")
            return found

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        limits = self._pool.limits
        try:
            yield
        except OutOfProcessorTime as error:
            words = f"the check needs more than the {limits.cpu_s:g} seconds of processor time that it may take"
            raise TooLongToCheck(words, limit=math.ceil(limits.cpu_s)) from error
        except OutOfMemory as error:
            memory = limits.memory_bytes
            words = f"the check needs more than the {memory / MIB:,.0f} MiB of memory that it may take"
            raise TooMuchMemory(words, limit=memory) from error
        except (CellDied, Malformed) as error:
            logger.error("a file cannot be checked: %s", error)  # noqa: TRY400 (the trace would be ours)
            raise NotCheckable("the check of the file ended without a result") from error
        except OutOfTime as error:
            # The check waits for nothing but a processor and the disk: that is no fault of the file.
            words = f"the check had no result within {self._pool.wall_s:g} seconds"
            raise Overloaded(words, limit=math.ceil(self._pool.wall_s)) from error
        except NoCell as error:
            logger.error("no file can be checked now: %s", error)  # noqa: TRY400 (the trace would be ours)
            raise Overloaded("the file cannot be checked now") from error.__cause__ or error


def _checked(answer: Message) -> Inspected:
    """Return what a cell has found; raise OSError if it could not read the file, `Malformed` if the answer is none."""
    match answer:
        case Message({"errno": number}):
            raise os_error(number)
        case Message(
            {"facts": [str() as media_type, str() as extension, width, height, frames], "cpu_us": cpu_us},
            (in_json, in_text),
        ):
            facts = ImageFacts(
                media_type, extension, *(whole_number(value, 1, 2**32 - 1) for value in (width, height, frames))
            )
        case _:
            raise Malformed("the door answered something else than what it found")
    if (media_type, extension) not in _FORMATS:
        raise Malformed("the door found a format that is not accepted")
    try:
        metadata_from_json(in_json)
        in_text.decode()
    except ValueError as error:
        raise Malformed("the description is no object in JSON, or the text not UTF-8") from error
    return Inspected(facts, in_json, in_text, whole_number(cpu_us, 0, 2**32 - 1) / 1e6)
