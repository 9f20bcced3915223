"""
Seconds from the first upload to the last vignette, beside `vipsthumbnail`: `vignette bench pipeline`.

Our time includes everything: clients that send, check, flush, metadata, catalogue, queue. `vipsthumbnail` makes the
same sizes and formats at the same quality from files on the disk, in two processes of one thread each. One call of it
takes several photos for each output, so that its start costs next to nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import State
from vignette.recipes import Recipe, VignetteFormat
from vignette.settings import Settings
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import (
    BenchUnavailable,
    bench_folder,
    catalogue_of,
    own_service,
    photo_folder,
    program,
    until_all_rendered,
    upload,
)
from vignette.trials.own_service import OwnService

PHOTOS: Final = 60
CLIENTS: Final = 4

# Our time over that of vipsthumbnail. `--check` fails above the goal by more than the margin, which was chosen from the
# spread in `docs/performance.md`.
GOAL: Final = 1.0
MARGIN: Final = 0.3

_PROCESSES: Final = 2

# How many photos one call of vipsthumbnail takes: so many that its start does not count, and so few that both processes
# end at about the same time.
_PHOTOS_IN_A_CALL: Final = 5

_LIMIT_S: Final = 600.0

_OUTPUTS: Final[dict[VignetteFormat, str]] = {
    "webp": "webp[Q={quality},strip]",
    "jpeg": "jpg[Q={quality},strip,optimize_coding,interlace]",
    "avif": "avif[Q={quality},strip]",
}


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """Seconds, a figure for each round."""

    photos: int
    bytes: int
    clients: int
    outputs: list[str]
    ours: list[float]
    vipsthumbnail: list[float]

    @property
    def ratio(self) -> float:
        """Our time over vipsthumbnail's; less is better."""
        return median_ratio(self.ours, self.vipsthumbnail)

    def shortfalls(self) -> list[str]:
        """What is behind its goal by more than the margin."""
        if self.ratio <= GOAL * (1 + MARGIN):
            return []
        return [f"{self.ratio:.2f} of vipsthumbnail's time is more than {MARGIN:.0%} behind the goal of {GOAL}"]

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"ratio": self.ratio, "goal": GOAL, "margin": MARGIN}, indent=1)

    def as_text(self) -> str:
        ours, theirs = statistics.median(self.ours), statistics.median(self.vipsthumbnail)
        size = f"{self.bytes / 1e6:.0f} MB"
        return "\n".join(
            (
                f"{self.photos} photos ({size}) from {self.clients} clients to {', '.join(self.outputs)}",
                f"seconds to the last vignette, median of {len(self.ours)} rounds",
                f"vignette {ours:.2f}, vipsthumbnail {theirs:.2f}, ratio {self.ratio:.2f}; goal: {GOAL} or less",
            )
        )


def find_photos(folder: Path) -> list[Path]:
    """
    The JPEGs of *folder*.

    Raises:
        BenchUnavailable: There are none.
    """
    found = sorted(photo_folder(folder).glob("*.jp*g"))
    if not found:
        raise BenchUnavailable(f"there are no JPEGs in {folder}")
    return found


def run(
    photos: Sequence[Path], *, count: int, rounds: int, done: Callable[[], object] = lambda: None
) -> PipelineReport:
    """
    Measure with *count* photos: *photos* again and again until there are so many.

    *done* is called after each half of a round.

    Raises:
        BenchUnavailable: A program is missing, or something does not start or goes wrong.
    """
    vipsthumbnail = program("vipsthumbnail")
    chosen = list(islice(cycle(photos), count))
    contents = {photo: photo.read_bytes() for photo in set(chosen)}
    recipes = Settings.model_fields["recipes"].default
    with (
        bench_folder() as folder,
        own_service(folder, render_processes=_PROCESSES) as service,
        closing(catalogue_of(service)) as catalogue,
    ):
        sent = [contents[photo] for photo in chosen]
        figures = interleaved(
            [
                lambda: _seconds(lambda: _all_the_way(service, catalogue, sent)),
                lambda: _seconds(lambda: _thumbnails(vipsthumbnail, chosen, recipes, folder / "vips")),
            ],
            rounds,
            done,
        )
    return PipelineReport(
        photos=count,
        bytes=sum(map(len, sent)),
        clients=CLIENTS,
        outputs=[f"{recipe.name}.{file_format}" for recipe in recipes for file_format in recipe.formats],
        ours=figures[0],
        vipsthumbnail=figures[1],
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _all_the_way(service: OwnService, catalogue: SqlCatalogue, contents: Sequence[bytes]) -> None:
    """Upload all; return when the last vignette is ready."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda content: upload(service.port, content), contents))
    until_all_rendered(catalogue, _LIMIT_S)
    if failed := catalogue.library.in_state(State.FAILED, 1):
        raise BenchUnavailable(f"of photo {failed[0]} no vignette can be made")


def _thumbnails(vipsthumbnail: str, photos: Sequence[Path], recipes: Sequence[Recipe], folder: Path) -> None:
    """Have vipsthumbnail make the same vignettes, in *folder*, which is made and removed."""
    folder.mkdir()
    calls = [
        [
            *(vipsthumbnail, "--size", f"{recipe.width}x{recipe.height}>", "--export-profile", "srgb"),
            *("--output", f"{folder}/{first}-%s-{recipe.name}.{_OUTPUTS[file_format].format(quality=recipe.quality)}"),
            *map(str, photos[first : first + _PHOTOS_IN_A_CALL]),
        ]
        for first in range(0, len(photos), _PHOTOS_IN_A_CALL)
        for recipe in recipes
        for file_format in recipe.formats
    ]
    with ThreadPoolExecutor(_PROCESSES) as processes:
        list(processes.map(_call, calls))
    shutil.rmtree(folder)


def _call(command: Sequence[str]) -> None:
    environment = dict(os.environ, VIPS_CONCURRENCY="1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchUnavailable(f"vipsthumbnail says: {done.stderr}")
