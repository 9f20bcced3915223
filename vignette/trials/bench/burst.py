"""
Many small uploads at once, each looked for again at the end: `vignette bench burst`.

A client that is told to try again (503) does so until its upload is taken.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from vignette.model import State
from vignette.trials.bench.tools import (
    BenchUnavailable,
    bench_folder,
    catalogue_of,
    own_service,
    post,
    until_all_rendered,
)
from vignette.trials.own_service import OwnService
from vignette.trials.processes import command_line, marked

UPLOADS: Final = 10_000
CLIENTS: Final = 32

_PAUSE_S: Final = 0.1

# Far more than 10,000 vignettes take: reached only by a failure.
_LIMIT_S: Final = 3600.0

# The kind of a process, by a word of its command line.
_PARTS: Final = {"granian": "web", "celery": "worker", "valkey": "queue", "redis": "queue", "serve": "supervisor"}


@dataclass(frozen=True, slots=True)
class BurstReport:
    """
    Seconds are counted from the first upload: to the last 201, and to the last vignette.

    `peak_mb` is the most memory that one process of each kind took: "web", "worker", "queue", "supervisor". It is empty
    if there is no /proc.
    """

    uploads: int
    clients: int
    acknowledged_s: float
    rendered_s: float
    refusals: int
    numbers_given_twice: int
    originals_lost: int
    failed: int
    left_in_staging: int
    peak_mb: dict[str, float]

    def shortfalls(self) -> list[str]:
        """The promises that were broken."""
        broken = {
            "numbers were given twice": self.numbers_given_twice,
            "originals were lost or changed": self.originals_lost,
            "images have no vignette": self.failed,
            "uploads were left in staging": self.left_in_staging,
        }
        return [f"{count} {words}" for words, count in broken.items() if count]

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def as_text(self) -> str:
        peaks = ", ".join(f"{name} {size:.0f} MB" for name, size in sorted(self.peak_mb.items()))
        return "\n".join(
            (
                f"{self.uploads} uploads of {self.clients} clients, told to try again {self.refusals} times",
                f"all acknowledged after {self.acknowledged_s:.1f} s, all rendered after {self.rendered_s:.1f} s",
                f"most memory of one process: {peaks or 'not known here'}",
                "; ".join(self.shortfalls()) or "each original and each vignette is there, each number was given once",
            )
        )


class _Sent(NamedTuple):
    number: int
    image_id: int
    refusals: int


def run(place: Path, *, uploads: int, clients: int = CLIENTS, done: Callable[[], object] = lambda: None) -> BurstReport:
    """
    Send *uploads* to a service of its own on the disk that has *place*; call *done* after each.

    Raises:
        BenchUnavailable: The service does not start, refuses an upload for good, or does not render all in an hour.
    """
    with bench_folder(place) as folder, own_service(folder) as service:
        started = time.perf_counter()
        sent: list[_Sent] = []
        with ThreadPoolExecutor(clients) as pool:
            for one in pool.map(partial(_upload, service.port), range(uploads)):
                sent.append(one)
                done()
        acknowledged_s = time.perf_counter() - started
        with closing(catalogue_of(service)) as catalogue:
            until_all_rendered(catalogue, _LIMIT_S)
            rendered_s = time.perf_counter() - started
            failed = len(catalogue.library.in_state(State.FAILED, uploads))
        return BurstReport(
            uploads=uploads,
            clients=clients,
            acknowledged_s=acknowledged_s,
            rendered_s=rendered_s,
            refusals=sum(one.refusals for one in sent),
            numbers_given_twice=uploads - len({one.image_id for one in sent}),
            originals_lost=sum(not _is_kept(service, one) for one in sent),
            failed=failed,
            left_in_staging=len(list((service.upload_folder / ".staging").iterdir())),
            peak_mb=_peaks(service),
        )


def _upload(port: int, number: int) -> _Sent:
    refusals = 0
    while True:
        status, words = post(port, _picture(number))
        if status == http.client.CREATED:
            return _Sent(number, int(words), refusals)
        if status != http.client.SERVICE_UNAVAILABLE:
            raise BenchUnavailable(f"upload {number} was answered {status}: {words}")
        refusals += 1
        time.sleep(_PAUSE_S)


def _picture(number: int) -> bytes:
    """Return a JPEG whose size differs for each of a million numbers."""
    content = io.BytesIO()
    Image.new("RGB", (40 + number // 1000, 40 + number % 1000), "teal").save(content, "JPEG")
    return content.getvalue()


def _is_kept(service: OwnService, sent: _Sent) -> bool:
    original = service.upload_folder / str(sent.image_id) / "original.jpg"
    return original.is_file() and original.read_bytes() == _picture(sent.number)


def _peaks(service: OwnService) -> dict[str, float]:
    peaks: dict[str, float] = {}
    for process in marked(str(service.folder)):
        part = next((part for word, part in _PARTS.items() if word in command_line(process)), "other")
        peaks[part] = max(peaks.get(part, 0.0), _peak_mb(process))
    return peaks


def _peak_mb(process: int) -> float:
    """The most memory that a process has had; 0 if it has ended meanwhile."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0
