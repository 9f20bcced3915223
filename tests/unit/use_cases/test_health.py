from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.house import House
from tests.running import until
from vignette.errors import StoreUnavailable
from vignette.use_cases.health import Health, worker_is_heard


def up() -> None:
    pass


def down() -> None:
    raise StoreUnavailable("the disk is gone")


@pytest.mark.parametrize(
    ("needed", "helpful", "readiness"),
    [(up, up, "ready"), (up, down, "degraded"), (down, up, "unavailable"), (down, down, "unavailable")],
)
def test_each_part_is_told_apart(needed: Callable[[], None], helpful: Callable[[], None], readiness: str) -> None:
    report = Health(needed={"folder": up, "catalogue": needed}, helpful={"queue": helpful}).report()

    assert report.readiness == readiness
    assert {name: part.is_up for name, part in report.parts.items()} == {
        "folder": True,
        "catalogue": needed is up,
        "queue": helpful is up,
    }
    assert {part.trouble for part in report.parts.values() if not part.is_up} <= {"the disk is gone"}


def test_those_who_ask_at_once_wait_for_one_look() -> None:
    looks: list[int] = []
    may_end = threading.Event()

    def slow() -> None:
        looks.append(len(looks))
        assert may_end.wait(30)

    health = Health(needed={"folder": slow}, helpful={}, holds_s=60, patience_s=60)
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(health.report) for _ in range(16)]
        until(lambda: looks)
        assert not any(report.done() for report in asked)
        may_end.set()
        reports = [report.result(30) for report in asked]

    assert looks == [0]
    assert {report.readiness for report in reports} == {"ready"}


def test_those_who_ask_while_a_part_hangs_do_not_wait_for_it() -> None:
    hangs, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert may_end.wait(30)

    health = Health(needed={"folder": up, "catalogue": hang}, helpful={}, patience_s=0.1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(health.report)
        assert hangs.wait(30)
        report = health.report()
        may_end.set()
        assert first.result(30).readiness == "ready"

    assert report.readiness == "unavailable"
    assert report.parts["catalogue"].trouble == "it has not answered for 0.1 seconds"


def test_a_report_is_looked_for_again_once_it_no_longer_holds() -> None:
    looks: list[int] = []
    health = Health(needed={"folder": lambda: looks.append(1)}, helpful={}, holds_s=0)

    health.report()
    health.report()

    assert len(looks) == 2


def test_a_look_that_ends_in_a_fault_of_ours_is_not_kept() -> None:
    answers = iter([RuntimeError("a fault of ours")])

    def probe() -> None:
        for error in answers:
            raise error

    health = Health(needed={"folder": probe}, helpful={}, holds_s=60)

    with pytest.raises(RuntimeError):
        health.report()
    assert health.report().readiness == "ready"


def test_a_worker_is_known_by_its_signs_of_life(house: House) -> None:
    health = Health(needed={}, helpful={"worker": worker_is_heard(house.catalogue.workers)}, holds_s=0)
    assert health.report().parts["worker"].trouble == "no worker has ever been here"

    house.catalogue.workers.beat("here:1")
    assert health.report().readiness == "ready"

    house.sql("UPDATE worker SET seen_at = seen_at - 100")
    assert health.report().parts["worker"].trouble == "no worker has been heard of for 100 seconds"
