"""The most memory that the processes of a service take while something else goes on."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vignette.trials.own_service import OwnService
from vignette.trials.processes import command_line, marked, name_of, with_descendants
from vignette.worker.sweeper import PROCESS_NAME

# The kernel keeps the peak of a process for as long as it lives. The pool replaces its processes now and then.
_LOOK_EVERY_S: Final = 2.0

# The kind of a process, by a word of its name or command line.
_PARTS: Final = {
    "adapters.decoder": "decoder",
    "granian": "web",
    PROCESS_NAME: "sweep",
    "celery": "worker",
    "valkey": "queue",
    "redis": "queue",
    "serve": "supervisor",
}


@contextmanager
def peaks_of(service: OwnService) -> Iterator[dict[str, float]]:
    """
    Yield what becomes, while the block runs, the most memory (MB) that one process of each kind has had: "web",
    "worker", "decoder", "sweep", "queue", "supervisor". It stays empty if there is no /proc.
    """
    peaks: dict[str, float] = {}
    is_over = threading.Event()

    def look() -> None:
        for process in with_descendants(marked(str(service.folder))):
            part = next(
                (part for word, part in _PARTS.items() if word in f"{name_of(process)} {command_line(process)}"),
                "other",
            )
            peaks[part] = max(peaks.get(part, 0.0), _peak_mb(process))

    def watch() -> None:
        while not is_over.wait(_LOOK_EVERY_S):
            look()

    watching = threading.Thread(target=watch, name="peaks")
    watching.start()
    try:
        yield peaks
        look()
    finally:
        is_over.set()
        watching.join()


def _peak_mb(process: int) -> float:
    """The most memory that a process has had; 0 if it has ended meanwhile."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0
