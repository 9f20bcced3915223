"""
How long a ready vignette takes while others upload, beside nginx with the same file: `vignette bench latency`.

Four clients upload photos, more than the worker can render meanwhile, so the cores are busy. A probe asks Vignette and
nginx in turns, at a fixed rate (`vignette.trials.bench.probe`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

from vignette.trials.bench.beside_nginx import beside_nginx
from vignette.trials.bench.clients import Client, Photo
from vignette.trials.bench.probing import Waits, probing, together
from vignette.trials.bench.rounds import median_ratio
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, catalogue_of

CLIENTS: Final = 4

# Requests a second, of each of both servers.
RATE: Final = 100.0

# Seconds from one photo of a client to its next, at least. At full speed the load would grow with each gain in the
# cost of an upload, and the photos would soon fill a disk.
_PAUSE_S: Final = 0.1

# Our 99th percentile over nginx's. `--check` fails above the limit, which leaves room for a busy machine.
GOAL: Final = 3.0
LIMIT: Final = 12.0

# Each client has been answered, and the worker has begun.
_UPLOADS_BEFORE: Final = 2 * CLIENTS
_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """
    `uploads` were taken meanwhile, and `waiting` images had no vignettes yet at the end. The waits of `ours` and
    `nginx` are those of each round. `late` is how much later than due the requests were sent.
    """

    uploads: int
    waiting: int
    ours: list[Waits]
    nginx: list[Waits]
    late: list[Waits]

    @property
    def ratio(self) -> float:
        """Our 99th percentile over nginx's, the median of the rounds; less is better."""
        return self.ratio_at(99)

    def ratio_at(self, percent: float) -> float:
        ours, theirs = ([waits.percentile(percent) for waits in rounds] for rounds in (self.ours, self.nginx))
        return median_ratio(ours, theirs)

    def shortfalls(self) -> list[str]:
        """What is beyond its limit."""
        if self.ratio <= LIMIT:
            return []
        return [f"the 99th percentile is {self.ratio:.1f} times nginx's, more than {LIMIT}; the goal is {GOAL}"]

    def as_json(self) -> str:
        ratios = {"ratio": self.ratio, "median_ratio": self.ratio_at(50), "goal": GOAL, "limit": LIMIT}
        return json.dumps(asdict(self) | ratios, indent=1)

    def as_text(self) -> str:
        load = f"{CLIENTS} clients uploaded {self.uploads} photos, and {self.waiting} images waited at the end"
        requests = sum(len(waits.seconds) for waits in self.ours)
        lines = [
            f"{requests} requests to each in {len(self.ours)} rounds; meanwhile {load}",
            f"{'ms':12}{'median':>10}{'99 %':>10}{'longest':>10}",
            _line("vignette", self.ours),
            _line("nginx", self.nginx),
            f"{'ratio':12}{self.ratio_at(50):10.2f}{self.ratio:10.2f}   median of the rounds; goal: 99 % ≤ {GOAL}",
            _line("sent late", self.late),
        ]
        return "\n".join(lines)


def _line(name: str, rounds: list[Waits]) -> str:
    waits = together(rounds)
    figures = (waits.percentile(50), waits.percentile(99), waits.longest)
    return f"{name:12}" + "".join(f"{1000 * figure:10.2f}" for figure in figures)


def run(
    photos: Sequence[Path], *, rounds: int, seconds: float, done: Callable[[], object] = lambda: None
) -> LatencyReport:
    """
    Measure in *rounds* of so many *seconds*; call *done* after each.

    Raises:
        BenchUnavailable: nginx is missing, or something does not start or goes wrong.
    """
    with (
        bench_folder() as folder,
        beside_nginx(folder) as (service, ours, theirs, _),
        closing(catalogue_of(service)) as catalogue,
        _uploading(service.port, photos) as load,
    ):
        load.until_taken(_UPLOADS_BEFORE)
        before = load.taken
        found = []
        for _ in range(rounds):
            with probing(RATE, ours, theirs) as probed:
                load.stopping.wait(seconds)
            found.append(probed)
            done()
        uploads, waiting = load.taken - before, catalogue.waiting.unfinished()
    to_us, to_nginx = ([probed.waits[which] for probed in found] for which in (0, 1))
    return LatencyReport(uploads, waiting, to_us, to_nginx, [probed.late for probed in found])


@dataclass(slots=True)
class _Load:
    """What the clients have uploaded by now; `stopping` is set when they are to end, or when one of them failed."""

    stopping: threading.Event = field(default_factory=threading.Event)
    taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def took_one(self) -> None:
        with self._lock:
            self.taken += 1

    def until_taken(self, count: int) -> None:
        deadline = time.monotonic() + _LIMIT_S
        while self.taken < count and not self.stopping.wait(0.02):
            if time.monotonic() > deadline:
                raise BenchUnavailable(f"{count} uploads take more than {_LIMIT_S:.0f} s")


@contextmanager
def _uploading(port: int, paths: Sequence[Path]) -> Iterator[_Load]:
    """Have the clients upload *paths* again and again while the block runs."""
    load = _Load()
    photos = [Photo(path) for path in paths]

    def work(number: int) -> None:
        try:
            with Client(port) as client:
                for photo in cycle(photos[number % len(photos) :] + photos[: number % len(photos)]):
                    due = time.monotonic() + _PAUSE_S
                    client.upload(photo)
                    load.took_one()
                    if load.stopping.wait(max(0.0, due - time.monotonic())):
                        return
        finally:
            load.stopping.set()

    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work, number) for number in range(CLIENTS)]
        try:
            yield load
        finally:
            load.stopping.set()
        for one in working:
            one.result()
    for photo in photos:
        photo.close()
