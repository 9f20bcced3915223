"""
How fast a ready vignette goes out, beside nginx with the same file: `vignette bench serve`.

Both run all the time, each with its default number of processes; wrk asks them in turns. Our answers carry the state
of the image, `ETag`, `Vary`, negotiation and security headers; nginx's carry what it says of a file. Both write a line
to a log for each. Each is asked for a 304 by the tag that it gave.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from vignette.trials.bench.beside_nginx import ACCEPT, beside_nginx
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, program

CONNECTIONS: Final = 32

# The share of nginx's requests a second. `--check` fails below the goal by more than the margin, which was chosen from
# the spread in `docs/performance.md`.
GOAL: Final = 0.5
MARGIN: Final = 0.5

# How many 304 we give in the time of a 200.
GOAL_304: Final = 1.0
MARGIN_304: Final = 0.25


@dataclass(frozen=True, slots=True)
class ServeReport:
    """Requests a second, a figure for each round."""

    connections: int
    vignette_bytes: int
    ours: list[float]
    ours_304: list[float]
    nginx: list[float]
    nginx_304: list[float]

    @property
    def ratio(self) -> float:
        """Our requests a second over nginx's; more is better."""
        return median_ratio(self.ours, self.nginx)

    @property
    def ratio_304(self) -> float:
        return median_ratio(self.ours_304, self.nginx_304)

    @property
    def gain_of_304(self) -> float:
        """How many 304 we give in the time of a 200."""
        return median_ratio(self.ours_304, self.ours)

    def shortfalls(self) -> list[str]:
        """What is behind its goal by more than the margin."""
        found = []
        if self.ratio < GOAL * (1 - MARGIN):
            found.append(f"{self.ratio:.2f} of nginx is more than {MARGIN:.0%} behind the goal of {GOAL}")
        if self.gain_of_304 < GOAL_304 * (1 - MARGIN_304):
            found.append(f"a 304 costs more than a 200: {self.gain_of_304:.2f} of them in its time")
        return found

    def as_json(self) -> str:
        ratios = {"ratio": self.ratio, "ratio_304": self.ratio_304, "gain_of_304": self.gain_of_304}
        return json.dumps(asdict(self) | ratios | {"goal": GOAL, "margin": MARGIN}, indent=1)

    def as_text(self) -> str:
        lines = [
            f"a vignette of {self.vignette_bytes} bytes, {self.connections} connections",
            f"requests a second, median of {len(self.ours)} rounds",
            f"{'':6}{'vignette':>10}{'nginx':>10}{'ratio':>8}",
            _line("200", self.ours, self.nginx, self.ratio),
            _line("304", self.ours_304, self.nginx_304, self.ratio_304),
            f"304 to 200: {self.gain_of_304:.2f}; goal of the first ratio: {GOAL} or more",
        ]
        return "\n".join(lines)


def _line(status: str, ours: list[float], nginx: list[float], ratio: float) -> str:
    return f"{status:6}{statistics.median(ours):10.0f}{statistics.median(nginx):10.0f}{ratio:8.2f}"


def run(*, rounds: int, seconds: float, done: Callable[[], object] = lambda: None) -> ServeReport:
    """
    Measure *rounds* times, each of the four kinds of request for *seconds*; call *done* after each.

    Raises:
        BenchUnavailable: A program is missing, or something does not start.
    """
    wrk = program("wrk")
    with bench_folder() as folder, beside_nginx(folder) as (_, ours, theirs, content):
        ask = partial(_ask, wrk, seconds)
        figures = interleaved(
            [
                lambda: ask(ours.url),
                lambda: ask(theirs.url),
                lambda: ask(ours.url, ours.etag),
                lambda: ask(theirs.url, theirs.etag),
            ],
            rounds,
            done,
        )
    return ServeReport(CONNECTIONS, len(content), figures[0], figures[2], figures[1], figures[3])


def _ask(wrk: str, seconds: float, url: str, etag: str | None = None) -> float:
    """Requests a second, as wrk counts them; raise `BenchUnavailable` if an answer was 400 or more, or none came."""
    condition = [] if etag is None else ["-H", f"If-None-Match: {etag}"]
    command = [wrk, f"-c{CONNECTIONS}", "-t1", f"-d{seconds:g}s", "-H", f"Accept: {ACCEPT}", *condition, url]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"Requests/sec:\s+([\d.]+)", words)
    if match is None or "Non-2xx" in words or "Socket errors" in words:
        raise BenchUnavailable(f"wrk says: {words}")
    return float(match[1])
