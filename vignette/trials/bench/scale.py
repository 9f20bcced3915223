"""
What everything costs with a hundred times as many images: `vignette bench scale`.

Two catalogues are generated, and asked the same in turns, in this process. All is processor time: it does not depend on
what else the machine does.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vignette.access.actors import OPERATOR
from vignette.limits import SWEEP_BATCH
from vignette.model import ImageId, State
from vignette.recipes import Recipe
from vignette.settings import Settings
from vignette.trials.bench.generated import Queue, add_rows, generate
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import BenchUnavailable, bench_folder
from vignette.wiring.stores import open_and_catch_up, open_store_and_catalogue
from vignette.wiring.use_cases import build_checkup, build_reindexing, build_removal, build_renewal, build_sweeping
from vignette.wiring.web import build_web

# What the larger catalogue may cost, in terms of the smaller one. What reads every image is far beyond the margin.
GOAL: Final = 1.5
MARGIN: Final = 1.0

# Images of which `reindex` makes the rows in a second of processor time.
LEAST_PER_S: Final = 2000

_REINDEX: Final = "reindex"

# In each round, a question is asked so often.
_TIMES: Final = 5

# Deletions that are ended at a time: few, as there have to be some for every round.
_ENDED: Final = 10

# By which no image of the catalogues was made.
_OTHER_RECIPES: Final = (Recipe("other", 64, 64),)


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    How many images the two catalogues have; how many wait beside them in turn; how many whole folders there are for
    `reindex` and `fsck`.
    """

    few: int
    many: int
    waiting: int
    few_folders: int
    many_folders: int


FULL: Final = Sizes(10_000, 1_000_000, 100_000, 2_000, 20_000)
QUICK: Final = Sizes(10_000, 100_000, 10_000, 500, 5_000)
SMOKE: Final = Sizes(60, 120, 30, 2, 4)


@dataclass(frozen=True, slots=True)
class Line:
    """Processor time in milliseconds, a figure for each round. If it *is_linear*, it is that of a thousand images."""

    what: str
    few_ms: list[float]
    many_ms: list[float]
    is_linear: bool = False

    @property
    def ratio(self) -> float:
        """How much the larger catalogue costs, in terms of the smaller one."""
        return median_ratio(self.many_ms, self.few_ms)


@dataclass(frozen=True, slots=True)
class ScaleReport:
    sizes: Sizes
    lines: list[Line]

    @property
    def reindexed_per_s(self) -> float:
        """Of how many images `reindex` makes the rows in a second of processor time."""
        (line,) = (line for line in self.lines if line.what == _REINDEX)
        return 1e6 / statistics.median(line.many_ms)

    def shortfalls(self) -> list[str]:
        """What is behind its goal by more than the margin."""
        slow = [f"reindex makes {self.reindexed_per_s:,.0f} rows a second: the goal is {LEAST_PER_S:,}"]
        return (slow if self.reindexed_per_s < LEAST_PER_S / (1 + MARGIN) else []) + [
            f"{line.what}: {line.ratio:.2f} times as much is more than {MARGIN:.0%} behind the goal of {GOAL}"
            for line in self.lines
            if line.ratio > GOAL * (1 + MARGIN)
        ]

    def as_json(self) -> str:
        lines = [asdict(line) | {"ratio": line.ratio} for line in self.lines]
        goals = {"goal": GOAL, "margin": MARGIN, "reindexed_per_s": self.reindexed_per_s}
        return json.dumps({"sizes": asdict(self.sizes)} | goals | {"lines": lines}, indent=1)

    def as_text(self) -> str:
        sizes, rounds = self.sizes, len(self.lines[0].few_ms)
        flat = [_row(line) for line in self.lines if not line.is_linear]
        linear = [_row(line) for line in self.lines if line.is_linear]
        return "\n".join(
            (
                f"processor time in ms, median of {rounds} rounds; goal of each ratio: {GOAL} or less",
                f"{'':52}{sizes.few:>10,}{sizes.many:>12,}{'ratio':>8}",
                *flat,
                f"for a thousand images; of whole folders there are {sizes.few_folders:,} and {sizes.many_folders:,}",
                *linear,
                f"reindex makes {self.reindexed_per_s:,.0f} rows a second; the goal is {LEAST_PER_S:,} or more",
            )
        )


def _row(line: Line) -> str:
    few, many = statistics.median(line.few_ms), statistics.median(line.many_ms)
    return f"{line.what:52}{few:10.2f}{many:12.2f}{line.ratio:8.2f}"


class _Subject:
    """A service in this process, on a generated catalogue of *count* images."""

    def __init__(self, settings: Settings, count: int) -> None:
        self.settings, self.count, self._half = settings, count, count // 2
        self.store, self.catalogue = open_store_and_catalogue(settings)
        self.queue = Queue()
        # The lines of its log would stand between ours.
        self.client = build_web(settings.model_copy(update={"log_requests": False})).test_client()
        self.sweeping = build_sweeping(self.store, self.catalogue, self.queue)
        self.renewal = build_renewal(self.catalogue, self.queue, settings.recipes)
        self.rendering_all = build_renewal(self.catalogue, self.queue, _OTHER_RECIPES)
        self.removal = build_removal(self.store, self.catalogue)
        self._deleted = 0

    def close(self) -> None:
        self.catalogue.close()

    def get(self, path: str) -> None:
        answer = self.client.get(path, buffered=True)
        if answer.status_code != 200:
            raise BenchUnavailable(f"{path} was answered {answer.status}: {answer.text[:200]}")

    def start_process(self) -> None:
        open_store_and_catalogue(self.settings)[1].close()

    def start_service(self) -> None:
        _start(self.settings)

    def probe(self) -> None:
        self.store.probe()
        self.catalogue.database.probe()

    def sweep(self) -> None:
        self.sweeping.sweep()
        self.renewal.advance()

    def estimate(self) -> None:
        self.rendering_all.count_due()
        next(self.rendering_all.all_due())

    def let_wait(self, waiting: int) -> None:
        add_rows(self.catalogue, self.count, waiting, "pending", "")
        self.count += waiting
        self.queue.jobs = waiting

    def lose_jobs(self) -> None:
        self.queue.jobs = 0

    def delete_one(self) -> None:
        self.removal.delete(OPERATOR, ImageId(self.count // 4 + self._deleted))
        self._deleted += 1

    def set_newer_half(self, state: State) -> None:
        """The newer half of the images, and all that wait."""
        with self.catalogue.database.write() as connection:
            connection.exec_driver_sql("UPDATE image SET state = ? WHERE id >= ?", (str(state), self._half))

    def end_deletions(self) -> None:
        """What the sweep does in the catalogue to end deletions that were cut short; some of a batch."""
        for image_id in self.catalogue.library.in_state(State.DELETING, SWEEP_BATCH)[:_ENDED]:
            self.catalogue.removals.end_delete(image_id)


_Question = Callable[[_Subject], object]

# What is done to both catalogues first, and what is then asked of them.
_Phase = tuple[Callable[[_Subject], object], Mapping[str, _Question]]


def _phases(sizes: Sizes) -> Sequence[_Phase]:
    half, waiting = f"{sizes.many // 2 + sizes.waiting:,}", f"{sizes.waiting:,}"
    return (
        (
            lambda _: None,
            {
                "a process starts: folder and catalogue": _Subject.start_process,
                "the service starts: it catches up, ends leases": _Subject.start_service,
                "front page": lambda subject: subject.get("/"),
                "list, first page": lambda subject: subject.get("/images"),
                f"list, page {sizes.many // 100:,} (the middle)": (
                    lambda subject: subject.get(f"/images?before={subject.count // 2}")
                ),
                "one image": lambda subject: subject.get("/images/0"),
                "readiness of the folder and the catalogue": (_Subject.probe),
                "sweep, nothing waits": _Subject.sweep,
                "render --all: estimate and first page": _Subject.estimate,
                "deletion of one": _Subject.delete_one,
            },
        ),
        (partial(_Subject.let_wait, waiting=sizes.waiting), {f"sweep, {waiting} wait in the queue": _Subject.sweep}),
        (_Subject.lose_jobs, {f"sweep, the queue has lost {waiting}": _Subject.sweep}),
        (
            lambda subject: subject.set_newer_half(State.DELETING),
            {f"sweep ends {_ENDED} of {half} deletions": _Subject.end_deletions},
        ),
        (
            lambda subject: subject.set_newer_half(State.DELETED),
            {
                f"front page, the newest {half} deleted": lambda subject: subject.get("/"),
                f"list, the newest {half} deleted": lambda subject: subject.get("/images"),
                f"sweep, the newest {half} deleted": _Subject.sweep,
            },
        ),
    )


def run(place: Path, sizes: Sizes, *, rounds: int, done: Callable[[], object] = lambda: None) -> ScaleReport:
    """
    Generate the catalogues on the disk that has *place*, and measure *rounds* times; call *done* now and then.

    Raises:
        BenchUnavailable: The disk has no room, or a page is not answered.
    """
    with bench_folder(place) as folder, ExitStack() as held:
        subjects = []
        for count in (sizes.few, sizes.many):
            to_delete = range(count // 4, min(count // 4 + rounds * _TIMES, count - 1))
            settings = generate(folder / str(count), count, folders=[*to_delete, count - 1], done=done)
            subjects.append(held.enter_context(closing(_Subject(settings, count))))
        lines = []
        for prepare, questions in _phases(sizes):
            for subject in subjects:
                prepare(subject)
            for what, question in questions.items():
                works = [partial(_cost_ms, partial(question, subject), _TIMES) for subject in subjects]
                lines.append(_line(what, works, rounds, done))
        return ScaleReport(sizes, [*lines, *_with_folders(folder, sizes, max(1, rounds // 3), done)])


def _line(
    what: str,
    works: Sequence[Callable[[], float]],
    rounds: int,
    done: Callable[[], object],
    *,
    is_linear: bool = False,
) -> Line:
    few_ms, many_ms = interleaved(works, rounds, done)
    return Line(what, few_ms, many_ms, is_linear)


def _with_folders(folder: Path, sizes: Sizes, rounds: int, done: Callable[[], object]) -> list[Line]:
    counts = (sizes.few_folders, sizes.many_folders)
    places = [generate(folder / f"whole-{n}", n, folders=range(1, n), done=done) for n in counts]
    starts = [partial(_cost_ms, partial(_start, settings), _TIMES) for settings in places]
    beside = f"the service starts, beside {counts[0]:,} and {counts[1]:,} folders"
    lines = [_line(beside, starts, rounds, done)]
    for what, work in {"listing of all folders, in steps": _list_all, _REINDEX: _reindex, "fsck": _check}.items():
        works = [
            partial(_cost_of_each_ms, partial(work, settings, count), count)
            for settings, count in zip(places, counts, strict=True)
        ]
        lines.append(_line(what, works, rounds, done, is_linear=True))
    return lines


def _start(settings: Settings) -> None:
    _, catalogue = open_and_catch_up(settings)
    with closing(catalogue):
        catalogue.renderings.end_leases()


def _list_all(settings: Settings, _count: int) -> None:
    store, catalogue = open_store_and_catalogue(settings)
    with closing(catalogue):
        for _ in build_reindexing(store, catalogue).catch_up_with_all():
            pass


def _reindex(settings: Settings, count: int) -> None:
    store, catalogue = open_store_and_catalogue(settings)
    with closing(catalogue):
        if build_reindexing(store, catalogue).rebuild() != count:
            raise BenchUnavailable("the catalogue that was rebuilt lacks images")


def _check(settings: Settings, _count: int) -> None:
    store, catalogue = open_store_and_catalogue(settings)
    with closing(catalogue):
        checkup = build_checkup(store, catalogue, Queue(), settings.recipes, settle=lambda: None)
        for finding in checkup.run(checkup.image_ids()):
            raise BenchUnavailable(f"the generated images are not sound: {finding.kind}: {finding.detail}")


def _cost_of_each_ms(work: Callable[[], object], count: int) -> float:
    return _cost_ms(work, 1) / count * 1000


def _cost_ms(work: Callable[[], object], times: int) -> float:
    """The processor time that *work* takes in this process, if it is done so many *times*."""
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * 1000
