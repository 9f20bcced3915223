"""
What a vignette costs, beside libvips: `vignette bench pixels`.

For each picture two processes take turns, ours and one of libvips: whatever else the machine does slows down both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from vignette.jail.confinement import LARGE_PAGES
from vignette.pixels import formats
from vignette.pixels.formats import Format
from vignette.trials.bench.effort import Effort
from vignette.trials.bench.fidelity import decibels, on_white, reference
from vignette.trials.bench.photos import Photo, photos
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, photo_folder

# Goals for the processor time of a vignette, decoded and shrunk, over that of libvips.
GOALS: Final[dict[Format, float]] = {
    formats.JPEG: 0.85,
    formats.PNG: 1.0,
    formats.APNG: 1.0,
    formats.GIF: 1.0,
    formats.WEBP: 1.0,
    formats.AVIF: 0.45,
    formats.TIFF: 1.0,
}
LEAST_DECIBELS: Final = 40.0

# `--check` complains of a ratio over this many times its goal: on a busy machine two processes differ that much.
MARGIN: Final = 1.25

_TINY: Final = "tiny.png"


_TITLES: Final = [
    "format",
    "pictures",
    "MP",
    "CPU ms, ours / libvips",
    "ratio",
    "goal",
    "wall",
    "with WebP",
    "MB over the process",
    "least dB",
]


@dataclass(frozen=True, slots=True)
class Side:
    """What one vignette costs, as medians of the rounds: `encode` with the encoding as WebP, `shrink` without it."""

    shrink_cpu_s: float
    shrink_wall_s: float
    encode_cpu_s: float
    peak_mb: float
    decibels: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`libvips` is None where it cannot read the picture."""

    photo: Photo
    ours: Side
    libvips: Side | None


@dataclass(frozen=True, slots=True)
class Row:
    """All pictures of a format together. A ratio is the sum of our figures over the sum of libvips'."""

    format: Format
    comparisons: Sequence[Comparison]

    @property
    def both(self) -> list[tuple[Side, Side]]:
        return [(one.ours, one.libvips) for one in self.comparisons if one.libvips is not None]

    def ratio(self, figure: Callable[[Side], float]) -> float | None:
        both = self.both
        return sum(figure(ours) for ours, _ in both) / sum(figure(other) for _, other in both) if both else None

    def shortfalls(self) -> Iterator[str]:
        """Words on each ratio that is over its goal by more than the margin, and on each picture below the least dB."""
        ratio, goal = self.ratio(lambda side: side.shrink_cpu_s), GOALS.get(self.format)
        if ratio is not None and goal is not None and ratio > goal * MARGIN:
            yield f"{self.format.name} takes {ratio:.2f} of libvips' processor time, the goal is {goal:.2f}"
        for one in self.comparisons:
            if one.ours.decibels < LEAST_DECIBELS:
                yield f"{one.photo.path.name} is at {one.ours.decibels:.1f} dB, the least is {LEAST_DECIBELS:.0f}"


@dataclass(frozen=True, slots=True)
class PixelsReport:
    comparisons: Sequence[Comparison]

    @property
    def rows(self) -> list[Row]:
        kinds = [
            (kind, [one for one in self.comparisons if one.photo.format is kind]) for kind in formats.ACCEPTED_FORMATS
        ]
        return [Row(kind, comparisons) for kind, comparisons in kinds if comparisons]

    def shortfalls(self) -> list[str]:
        return [words for row in self.rows for words in row.shortfalls()]

    def as_text(self) -> str:
        """A table in Markdown."""
        lines = [_TITLES, ["---"] * len(_TITLES), *map(_cells, self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def as_json(self) -> str:
        pictures = [
            {
                "picture": one.photo.path.name,
                "format": one.photo.format.name,
                "megapixels": round(one.photo.megapixels, 2),
                "ours": asdict(one.ours),
                "libvips": None if one.libvips is None else asdict(one.libvips),
            }
            for one in self.comparisons
        ]
        ratios = {row.format.name: row.ratio(lambda side: side.shrink_cpu_s) for row in self.rows}
        return json.dumps({"ratios": ratios, "shortfalls": self.shortfalls(), "pictures": pictures}, indent=2)


def _cells(row: Row) -> list[str]:
    sizes = sorted(one.photo.megapixels for one in row.comparisons)
    goal = GOALS.get(row.format)
    return [
        row.format.name,
        str(len(row.comparisons)),
        f"{sizes[0]:.0f}–{sizes[-1]:.0f}" if len(sizes) > 1 else f"{sizes[0]:.0f}",
        _pair(row, lambda side: side.shrink_cpu_s * 1000, statistics.fmean, ".1f"),
        _number(row.ratio(lambda side: side.shrink_cpu_s)),
        "" if goal is None else f"≤ {goal:.2f}",
        _number(row.ratio(lambda side: side.shrink_wall_s)),
        _number(row.ratio(lambda side: side.encode_cpu_s)),
        _pair(row, lambda side: side.peak_mb, max, ".0f"),
        _pair(row, lambda side: side.decibels, min, ".1f"),
    ]


def _number(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _pair(row: Row, figure: Callable[[Side], float], of: Callable[[list[float]], float], form: str) -> str:
    ours = of([figure(one.ours) for one in row.comparisons])
    others = [figure(other) for _, other in row.both]
    return f"{ours:{form}} / " + (f"{of(others):{form}}" if others else "–")


def run(folder: Path, effort: Effort, *, done: Callable[[], object] = lambda: None) -> PixelsReport:
    """
    Compare on the pictures of *folder*; call *done* after each.

    Raises:
        BenchUnavailable: There is no photo, or one that we cannot render.
    """
    with bench_folder() as scratch:
        comparisons = []
        for photo in photos(photo_folder(folder), scratch, effort):
            comparisons.append(compare(photo, scratch, effort))
            done()
    return PixelsReport(comparisons)


class _Process:
    """A running contestant."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, request: str, argument: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{request} {argument}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def _contestant(name: str, photo: Photo, scratch: Path) -> Iterator[_Process]:
    command = [sys.executable, "-m", "vignette.trials.bench.contestant", name, str(photo.path), str(scratch / _TINY)]
    # Each runs as it does in use: ours as the worker is started, libvips as a program finds it.
    environment = {**os.environ, **(LARGE_PAGES if name == "ours" else {})}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _Process(process)
        finally:
            process.kill()


def compare(photo: Photo, scratch: Path, effort: Effort) -> Comparison:
    """
    Measure the vignettes of one picture; files go to *scratch*.

    Raises:
        BenchUnavailable: We cannot render it.
    """
    rounds = effort.choose(full=7, quick=3, smoke=1)
    job_s = effort.choose(full=0.15, quick=0.06, smoke=0.0)  # many times the tick of any clock, except for smoke
    Image.new("RGB", (9, 9)).save(scratch / _TINY)
    with ExitStack() as stack:
        processes = {name: stack.enter_context(_contestant(name, photo, scratch)) for name in ("ours", "libvips")}
        first = {name: process.ask("picture", scratch / f"{name}.png") for name, process in processes.items()}
        if "error" in first["ours"]:
            raise BenchUnavailable(f"{photo.path.name} cannot be rendered: {first['ours']['error']}")
        processes = {name: process for name, process in processes.items() if "error" not in first[name]}
        costs: dict[str, dict[str, list[dict[str, float]]]] = {name: {"shrink": [], "encode": []} for name in processes}
        for _ in range(rounds):
            for job in ("shrink", "encode"):
                for name, process in processes.items():
                    costs[name][job].append(process.ask(job, job_s))
    sides = {
        name: Side(
            shrink_cpu_s=statistics.median(cost["cpu_s"] for cost in costs[name]["shrink"]),
            shrink_wall_s=statistics.median(cost["wall_s"] for cost in costs[name]["shrink"]),
            encode_cpu_s=statistics.median(cost["cpu_s"] for cost in costs[name]["encode"]),
            peak_mb=first[name]["peak_mb"],
            decibels=_decibels(photo, scratch / f"{name}.png"),
        )
        for name in processes
    }
    return Comparison(photo, sides["ours"], sides.get("libvips"))


def _decibels(photo: Photo, vignette: Path) -> float:
    with Image.open(vignette) as image:
        picture = on_white(image)
    return decibels(picture, reference(photo.path, picture.size))
