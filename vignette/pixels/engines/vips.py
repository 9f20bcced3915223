"""The library libvips, set up for a process of the worker."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any


@cache
def library() -> Any:
    """Return the module `pyvips`. A process must not call this before it forks."""
    import pyvips

    # The worker has as many processes as the machine has processors: more threads would only get in their way.
    pyvips.concurrency_set(1)
    # A cache would be of no use: no picture is decoded twice.
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    # pyvips logs a warning for anything odd in a file; real faults are raised.
    logging.getLogger("pyvips").setLevel(logging.ERROR)
    return pyvips
