"""Requests at a fixed rate while something else goes on, by a process of their own (`vignette.trials.bench.probe`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vignette.settings import PROJECT_FOLDER
from vignette.trials.bench.beside_nginx import ACCEPT, Served
from vignette.trials.bench.probe import READY
from vignette.trials.bench.tools import BenchUnavailable


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that requests waited for their answers, a figure for each."""

    seconds: list[float]

    def percentile(self, percent: float) -> float:
        """The wait that *percent* of all requests do not exceed (nearest rank)."""
        rank = -(-len(self.seconds) * percent // 100)
        return sorted(self.seconds)[max(0, int(rank) - 1)]

    @property
    def longest(self) -> float:
        return max(self.seconds)


def together(rounds: Sequence[Waits]) -> Waits:
    return Waits([wait for waits in rounds for wait in waits.seconds])


@dataclass(slots=True)
class Probed:
    """What a probe found, once the block of `probing` has ended: the waits for each target, and its own lateness."""

    waits: list[Waits] = field(default_factory=list)
    late: Waits = field(default_factory=lambda: Waits([]))


@contextmanager
def probing(rate: float, *targets: Served) -> Iterator[Probed]:
    """
    Ask each of *targets* *rate* times a second while the block runs, in a process of its own.

    Raises:
        BenchUnavailable: A request was not answered 200, or not within a minute, or the probe does not run.
    """
    words = [str(word) for target in targets for word in (target.port, target.path)]
    probed = Probed()
    with subprocess.Popen(
        [sys.executable, "-m", "vignette.trials.bench.probe", str(rate), ACCEPT, *words],
        cwd=PROJECT_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != READY:
                raise BenchUnavailable("the probe does not start")
            yield probed
            answer, _ = process.communicate()
        finally:
            process.kill()
    found = json.loads(answer or '{"error": "the probe has died"}')
    if "error" in found:
        raise BenchUnavailable(f"a ready vignette: {found['error']}")
    probed.waits = [Waits(seconds) for seconds in found["waits_s"]]
    probed.late = Waits(found["late_s"])
