"""The work of the door, for files that say what goes wrong while they are read. Cells of the tests import this."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from vignette.adapters.door.inspecting import inspect_in_a_cell

SPINS = b"it spins"
EATS = b"it eats memory"
SLEEPS = b"it sleeps"
CRASHES = b"it crashes"
ERRS = b"it meets an oversight"
LIES = b"it lies: "
RAVES = b"it raves: "
CANNOT_BE_READ = b"it cannot be read"


def inspect_or_misbehave(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Do the work of the door, unless the file begins with one of the words above."""
    beginning = os.pread(descriptors[0], 4096, 0)
    if beginning.startswith(SPINS):
        _spin()
    if beginning.startswith(EATS):
        return {"eaten": len(b"\1" * (1 << 30))}, []
    if beginning.startswith(SLEEPS):
        time.sleep(1000)
    if beginning.startswith(CRASHES):
        os.kill(os.getpid(), signal.SIGSEGV)
    if beginning.startswith(ERRS):
        raise ZeroDivisionError("an oversight")
    if beginning.startswith(LIES):
        return {"facts": LYING_FACTS[int(beginning.removeprefix(LIES))]}, [b"{}", b""]
    if beginning.startswith(RAVES):
        return {"facts": ["image/jpeg", "jpg", 40, 30, 1]}, RAVINGS[int(beginning.removeprefix(RAVES))]
    if beginning.startswith(CANNOT_BE_READ):
        return {"errno": errno.EIO}, []
    return inspect_in_a_cell(values, descriptors)


LYING_FACTS: tuple[object, ...] = (
    7,
    [],
    ["image/jpeg", "jpg", 40, 30],
    ["image/jpeg", "jpg", 0, 30, 1],
    ["image/jpeg", "jpg", 2**32, 30, 1],
    ["image/jpeg", "jpg", "40", 30, 1],
    ["image/jpeg", "jpg", 40.5, 30, 1],
    ["image/jpeg", "jpg", True, 30, 1],
    ["image/jpeg", "../../jpg", 40, 30, 1],
    ["text/html", "html", 40, 30, 1],
    ["image/jpeg", "jpg", 40_000, 30_000, 1],
    ["image/jpeg", "jpg", 40, 30, 40_000],
)

# Descriptions as JSON and as text.
RAVINGS: tuple[Sequence[bytes], ...] = (
    [b"{"],
    [b"[]", b""],
    [b"{}", b"\xff"],
    [b'{"x": NaN}', b""],
    [b'{"x": "\\ud800"}', b""],
    [b'{"x": %s}' % (b"[" * 500 + b"]" * 500), b""],
    [b"{}", b"x" * 70_000],
)


def _spin() -> NoReturn:
    while True:
        with suppress(BaseException):
            sum(range(1000))
