"""Public copies that are planned in this process and in a cell: both find the same, and a cell is believed nothing."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import misplanning
from tests.corpus import CORPUS, each, needs_corpus
from tests.house import picture
from tests.makers import animation
from tests.needs import LINUX, SECCOMP
from tests.running import LIMIT_S, until
from vignette.adapters.planner.planner import CellPlanner
from vignette.adapters.planner.planning import PlannerHere
from vignette.errors import BrokenImage, NotPublishable, Overloaded, VignetteError
from vignette.limits import MIB
from vignette.ports.planner import Plan, Planner
from vignette.trials.processes import children_of, command_line

pytestmark = LINUX

MISPLANNING = "tests.misplanning:plan_or_misbehave"


@pytest.fixture(scope="module")
def real() -> Iterator[CellPlanner]:
    planner = CellPlanner(memory_bytes=128 * MIB, cpu_s=LIMIT_S, wall_s=LIMIT_S)
    yield planner
    planner.close()


@pytest.fixture(scope="module")
def misplanner() -> Iterator[CellPlanner]:
    planner = CellPlanner(memory_bytes=64 * MIB, cpu_s=0.5, wall_s=LIMIT_S, work=MISPLANNING)
    yield planner
    planner.close()


def plan(planner: Planner, path: Path) -> Plan:
    with path.open("rb", buffering=0) as file:
        return planner.plan(file, path.stat().st_size)


def plan_of(planner: Planner, folder: Path, content: bytes) -> Plan:
    path = folder / "original"
    path.write_bytes(content)
    return plan(planner, path)


def found(planner: Planner, path: Path) -> Plan | tuple[type[VignetteError], str, int | None, int | None]:
    try:
        return plan(planner, path)
    except VignetteError as error:
        return type(error), str(error), error.measured, error.limit


@pytest.mark.parametrize(
    "content",
    [
        *(picture(file_format=name) for name in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")),
        animation("GIF", 3),
        animation("WEBP", 3),
        animation("PNG", 3),
        picture()[:-20],
        b"no picture at all",
    ],
    ids=["JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "moving GIF", "moving WebP", "APNG", "cut off", "none"],
)
def test_a_cell_finds_what_is_found_here(real: CellPlanner, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "original"
    path.write_bytes(content)

    assert found(real, path) == found(PlannerHere(), path)


class TestOnRealPictures:
    pytestmark = needs_corpus

    @each("accept")
    def test_a_cell_finds_what_is_found_here(self, real: CellPlanner, row: dict[str, str]) -> None:
        assert found(real, CORPUS / row["path"]) == found(PlannerHere(), CORPUS / row["path"])


@pytest.mark.parametrize(
    ("word", "words", "limit"),
    [
        (misplanning.SPINS, "needs more than the 0.5 seconds of processor time", 1),
        (misplanning.EATS, "needs more than the 64 MiB of memory", 64 * MIB),
        (misplanning.CRASHES, "ended without a result", None),
        (misplanning.ERRS, "ended without a result", None),
        pytest.param(misplanning.OPENS, "ended without a result", None, marks=SECCOMP),
        *((misplanning.LIES + lie, "ended without a result", None) for lie in misplanning.LIES_TOLD),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("it ") else "",
)
def test_what_goes_wrong_is_a_refusal_and_the_next_picture_is_planned(
    misplanner: CellPlanner, tmp_path: Path, word: str, words: str, limit: int | None
) -> None:
    with pytest.raises(NotPublishable, match=words) as caught:
        plan_of(misplanner, tmp_path, misplanning.that(word))

    assert caught.value.limit == limit
    assert plan_of(misplanner, tmp_path, picture()) == plan_of(PlannerHere(), tmp_path, picture())


def test_a_cell_that_dies_has_the_picture_tried_once_more(misplanner: CellPlanner, tmp_path: Path) -> None:
    content = misplanning.that(misplanning.CRASHES_ONCE)

    assert plan_of(misplanner, tmp_path, content) == plan_of(PlannerHere(), tmp_path, content)


def test_one_that_waits_without_an_end_is_refused(tmp_path: Path) -> None:
    planner = CellPlanner(memory_bytes=64 * MIB, cpu_s=60, wall_s=0.5, work=MISPLANNING)
    try:
        with pytest.raises(NotPublishable, match=r"within the 0\.5 seconds") as caught:
            plan_of(planner, tmp_path, misplanning.that(misplanning.SLEEPS))
    finally:
        planner.close()
    assert caught.value.limit == 1


def test_a_time_limit_that_comes_meanwhile_ends_the_cell_and_nothing_else(
    misplanner: CellPlanner, tmp_path: Path
) -> None:
    class TimeIsUp(BaseException):
        """As Celery's, it may come anywhere."""

    def interrupt(*_: object) -> None:
        raise TimeIsUp

    plan_of(misplanner, tmp_path, picture())
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(TimeIsUp):
            plan_of(misplanner, tmp_path, misplanning.that(misplanning.SLEEPS))
    finally:
        signal.signal(signal.SIGALRM, before)

    assert plan_of(misplanner, tmp_path, picture()) == plan_of(PlannerHere(), tmp_path, picture())


def test_a_disk_that_fails_is_no_fault_of_the_picture(misplanner: CellPlanner, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        plan_of(misplanner, tmp_path, misplanning.that(misplanning.CANNOT_BE_READ))


def test_a_file_that_became_shorter_is_no_fault_of_the_picture(real: CellPlanner, tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_bytes(picture()[:-100])

    with path.open("rb", buffering=0) as file, pytest.raises((OSError, BrokenImage)):
        real.plan(file, len(picture()))


def test_nothing_is_started_before_the_first_picture_and_nothing_is_kept_long_after_it(tmp_path: Path) -> None:
    def processes() -> list[int]:
        return [child for child in children_of(os.getpid()) if "zygote" in command_line(child)]

    before = set(processes())
    planner = CellPlanner(memory_bytes=128 * MIB, cpu_s=LIMIT_S, wall_s=LIMIT_S, idle_s=0.05)
    try:
        assert set(processes()) == before
        for _ in range(2):
            plan_of(planner, tmp_path, picture())
            until(lambda: set(processes()) == before)
    finally:
        planner.close()
    with pytest.raises(Overloaded):
        plan_of(planner, tmp_path, picture())
