"""The planner as a process of the worker's pool has it. It believes nothing that comes out of a cell."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from vignette.adapters.planner import answer
from vignette.errors import (
    BrokenImage,
    NotPublishable,
    Overloaded,
    PublicCopyNotClean,
    TooManyFrames,
    TooManyPixels,
    TooMuchMemory,
    UnsupportedFormat,
)
from vignette.jail.cells import CellDied, CellLimits, CellPool, NoCell, OutOfMemory, OutOfProcessorTime, OutOfTime
from vignette.jail.messages import Malformed, Message, os_error
from vignette.limits import MIB
from vignette.pixels.pieces import put_together
from vignette.ports.planner import Plan

WORK: Final = "vignette.adapters.planner.planning:plan_in_a_cell"

# A flaw in a parser reaches the files of others that come after it in the same cell.
_FILES_OF_A_CELL: Final = 16

# Few people ask for public copies. The two processes take 20 MB meanwhile, and a quarter of a second to start.
_IDLE_S: Final = 60.0

_ERRORS: Final = (
    *(NotPublishable, PublicCopyNotClean),
    *(UnsupportedFormat, BrokenImage, TooManyPixels, TooManyFrames, TooMuchMemory),
)

logger = logging.getLogger(__name__)


class CellPlanner:
    """A `Planner` whose work is done in a cell. It starts none before the first file; it survives a fork."""

    def __init__(
        self,
        *,
        memory_bytes: int,
        cpu_s: float,
        wall_s: float,
        work: str = WORK,
        idle_s: float = _IDLE_S,
    ) -> None:
        """One file may take *memory_bytes*, *cpu_s* seconds of processor time, and *wall_s* seconds in all."""
        life_cpu_s = _FILES_OF_A_CELL * math.ceil(cpu_s)
        self._pool = CellPool(
            work,
            CellLimits(cpu_s=cpu_s, life_cpu_s=life_cpu_s, memory_bytes=memory_bytes, sandbox="one thread"),
            cells=1,
            pieces=_FILES_OF_A_CELL,
            wall_s=wall_s,
            wait_s=wall_s,
            errors=_ERRORS,
            idle_s=idle_s,
        )

    def close(self) -> None:
        """End the processes for good. Repeating it does nothing."""
        self._pool.close()

    def plan(self, file: BinaryIO, size: int) -> Plan:
        with self._our_errors():
            return _checked(self._pool.run({"size": size}, [file.fileno()], max_bytes=answer.MAX_BYTES), size)

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        limits = self._pool.limits
        try:
            yield
        except OutOfProcessorTime as error:
            words = f"the copy needs more than the {limits.cpu_s:g} seconds of processor time that it may take"
            raise NotPublishable(words, limit=math.ceil(limits.cpu_s)) from error
        except OutOfMemory as error:
            words = f"the copy needs more than the {limits.memory_bytes / MIB:,.0f} MiB of memory that it may take"
            raise NotPublishable(words, limit=limits.memory_bytes) from error
        except OutOfTime as error:
            words = f"the copy was not made within the {self._pool.wall_s:g} seconds that it may take"
            raise NotPublishable(words, limit=math.ceil(self._pool.wall_s)) from error
        except (CellDied, Malformed) as error:
            logger.error("a public copy cannot be made: %s", error)  # noqa: TRY400 (the trace would be ours)
            raise NotPublishable("the process that makes the copy ended without a result") from error
        except NoCell as error:
            raise Overloaded(f"no public copy can be made now: {error}") from error


def _checked(told: Message, size: int) -> Plan:
    """Return the plan that a cell has made; raise OSError if it could not read the file, `Malformed` if it is none."""
    match told:
        case Message({"errno": number}):
            raise os_error(number)
        case Message(_, (table, written)):
            plan = answer.unpacked(table, written)
        case _:
            raise Malformed("the planner answered something else than a plan")
    try:
        put_together(plan, size)
    except ValueError as error:
        raise Malformed(str(error)) from error
    return plan
