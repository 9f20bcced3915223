"""
Seconds from the first upload to the last vignette, beside `vipsthumbnail`: `vignette bench pipeline`.

Our time includes everything: clients that send, check, flush, metadata, catalogue, queue. `vipsthumbnail` makes the
same sizes and formats at the same quality from files on the disk. Two services run all the time, one of them with the
default settings, one that makes a single JPEG of each photo; each has its turn in each round.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from vignette.recipes import Recipe
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.bench.clients import Client, Photo, each_by_a_client
from vignette.trials.bench.progress import Progress
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import bench_folder, catalogue_of, own_service, program
from vignette.trials.bench.vipsthumbnail import PROCESSES, make_vignettes
from vignette.trials.own_service import OwnService
from vignette.trials.processes import cpu_s, marked, with_descendants

PHOTOS: Final = 60
CLIENTS: Final = 4

# What both sides make where they do the same work.
ONE_JPEG: Final = (Recipe("small", 256, 256, formats=("jpeg",)),)


@dataclass(frozen=True, slots=True)
class Race:
    """What is compared. `--check` fails if the ratio is more than `limit`, which leaves room for a busy machine."""

    name: str
    goal: float
    limit: float


SAME_WORK: Final = Race("one JPEG of each: the last", goal=1.2, limit=3.0)
DEFAULT_VIGNETTE: Final = Race("default settings: the last default vignette", goal=1.6, limit=4.0)
ALL_VIGNETTES: Final = Race("default settings: the last of all", goal=0.55, limit=1.3)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds to the last vignette that `race` names, and those of vipsthumbnail: a figure for each round."""

    race: Race
    outputs: list[str]
    ours: list[float]
    vipsthumbnail: list[float]

    @property
    def ratio(self) -> float:
        """Our time over vipsthumbnail's; less is better."""
        return median_ratio(self.ours, self.vipsthumbnail)


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """`clients_share` is the part of our processor time that the clients took, who share the cores with the service."""

    photos: int
    bytes: int
    clients: int
    clients_share: float
    outcomes: list[Outcome]

    def shortfalls(self) -> list[str]:
        """What is beyond its limit."""
        return [
            f"{one.race.name}: {one.ratio:.2f} of vipsthumbnail's time is more than {one.race.limit}, "
            f"and the goal is {one.race.goal}"
            for one in self.outcomes
            if one.ratio > one.race.limit
        ]

    def as_json(self) -> str:
        ratios = [{"race": one.race.name, "ratio": one.ratio} for one in self.outcomes]
        return json.dumps(asdict(self) | {"ratios": ratios}, indent=1)

    def as_text(self) -> str:
        sent = f"{self.photos} photos ({self.bytes / 1e6:.0f} MB) from {self.clients} clients"
        lines = [
            f"{sent}, who took {self.clients_share:.1%} of our processor time",
            f"seconds, median of {len(self.outcomes[0].ours)} rounds",
            f"{'':48}{'vignette':>10}{'vipsthumbnail':>15}{'ratio':>8}{'goal':>8}",
            *map(_line, self.outcomes),
        ]
        return "\n".join(lines)


def _line(one: Outcome) -> str:
    ours, theirs = statistics.median(one.ours), statistics.median(one.vipsthumbnail)
    return f"{one.race.name:48}{ours:10.2f}{theirs:15.2f}{one.ratio:8.2f}{f'≤ {one.race.goal}':>8}"


def run(
    photos: Sequence[Path], *, count: int, rounds: int, done: Callable[[], object] = lambda: None
) -> PipelineReport:
    """
    Measure with *count* photos: *photos* again and again until there are so many.

    *done* is called after each quarter of a round.

    Raises:
        BenchUnavailable: A program is missing, or something does not start or goes wrong.
    """
    vipsthumbnail = program("vipsthumbnail")
    chosen = list(islice(cycle(photos), count))
    with (
        bench_folder() as folder,
        _competitor(folder / "one", ONE_JPEG) as one_jpeg,
        _competitor(folder / "all", DEFAULT_RECIPES) as by_default,
        _opened(chosen) as sent,
    ):
        their_work = partial(_seconds, make_vignettes, vipsthumbnail, chosen)
        figures = interleaved(
            [
                lambda: one_jpeg.run(sent),
                lambda: their_work(ONE_JPEG, folder / "vips"),
                lambda: by_default.run(sent),
                lambda: their_work(DEFAULT_RECIPES, folder / "vips"),
            ],
            rounds,
            done,
        )
        return PipelineReport(
            photos=count,
            bytes=sum(photo.bytes for photo in sent),
            clients=CLIENTS,
            clients_share=statistics.median(one_jpeg.clients_shares + by_default.clients_shares),
            outcomes=[
                Outcome(SAME_WORK, _outputs(ONE_JPEG), figures[0], figures[1]),
                Outcome(DEFAULT_VIGNETTE, _outputs(DEFAULT_RECIPES[:1]), by_default.default_s, figures[1]),
                Outcome(ALL_VIGNETTES, _outputs(DEFAULT_RECIPES), figures[2], figures[3]),
            ],
        )


class _Competitor:
    """A service of ours; a figure for each run in `default_s` and `clients_shares`."""

    def __init__(self, service: OwnService, progress: Progress) -> None:
        self._service = service
        self._progress = progress
        self.default_s: list[float] = []
        self.clients_shares: list[float] = []

    def run(self, photos: Sequence[Photo]) -> float:
        """Upload *photos*; return the seconds to the last vignette, and note those to the last default vignette."""
        served_s, clients_s = self._cpu_s(), time.process_time()
        began = time.perf_counter()
        images = list(each_by_a_client(self._service.port, CLIENTS, Client.upload, photos))
        self._progress.until_default(images)
        self.default_s.append(time.perf_counter() - began)
        self._progress.until_all(images)
        ended = time.perf_counter()
        clients_s = time.process_time() - clients_s
        self.clients_shares.append(clients_s / (clients_s + self._cpu_s() - served_s))
        return ended - began

    def _cpu_s(self) -> float:
        return sum(map(cpu_s, with_descendants(marked(str(self._service.folder)))))


@contextmanager
def _competitor(folder: Path, recipes: Sequence[Recipe]) -> Iterator[_Competitor]:
    folder.mkdir()
    as_setting = json.dumps([asdict(recipe) for recipe in recipes])
    with (
        own_service(folder, render_processes=PROCESSES, recipes=as_setting) as service,
        closing(catalogue_of(service)) as catalogue,
    ):
        yield _Competitor(service, Progress(service, catalogue, recipes))


@contextmanager
def _opened(paths: Sequence[Path]) -> Iterator[list[Photo]]:
    photos = {path: Photo(path) for path in set(paths)}
    try:
        yield [photos[path] for path in paths]
    finally:
        for photo in photos.values():
            photo.close()


def _outputs(recipes: Sequence[Recipe]) -> list[str]:
    return [f"{recipe.name}.{file_format}" for recipe in recipes for file_format in recipe.formats]


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began
