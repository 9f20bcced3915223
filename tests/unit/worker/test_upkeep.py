"""What the process that sweeps does, in this process, until the worker closes its end of the notes."""

from __future__ import annotations

import os
import select
import time

import pytest

from tests.house import House, picture
from vignette.limits import SWEEP_INTERVAL_S
from vignette.model import ImageId, State
from vignette.worker.notes import Interrupted, Note, Stopping, to_line
from vignette.worker.upkeep import Upkeep, UpkeepServices
from vignette.worker.watch import Watch

PATIENCE_S = 1000.0


def run(house: House, *notes: Note, watch: Watch | None = None) -> int:
    """Let it read *notes*, and return how often it has swept."""
    reader, writer = os.pipe()
    for note in notes:
        os.write(writer, to_line(note))
    os.close(writer)
    sweeps: list[int] = []
    services = UpkeepServices(
        house.verdicts, house.sweeping, house.recovery, house.renewal, house.reindexing, house.catalogue.workers
    )
    Upkeep(
        lambda: services,
        worker=os.getppid(),
        notes=reader,
        swept=lambda: sweeps.append(1),
        watch=watch or Watch(PATIENCE_S),
    ).run()
    os.close(reader)
    return len(sweeps)


def test_it_sweeps_and_tells_that_the_worker_lives(house: House) -> None:
    assert run(house) == 1

    silence_s = house.catalogue.workers.seconds_since_beat()
    assert silence_s is not None
    assert silence_s < 60


def test_it_sleeps_while_the_worker_stops(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    look = select.select

    def noted(readers: list[int], writers: list[int], others: list[int], timeout_s: float) -> object:
        looks.append(timeout_s)
        if len(looks) == 3:
            os.close(writer)  # the worker is gone
        return look(readers, writers, others, min(timeout_s, 0.01))

    monkeypatch.setattr(select, "select", noted)
    reader, writer = os.pipe()
    os.write(writer, to_line(Stopping()))
    services = UpkeepServices(
        house.verdicts, house.sweeping, house.recovery, house.renewal, house.reindexing, house.catalogue.workers
    )
    watch = Watch(PATIENCE_S)
    Upkeep(lambda: services, worker=os.getppid(), notes=reader, swept=lambda: time.sleep(0.01), watch=watch).run()
    os.close(reader)

    assert looks[1:] == [SWEEP_INTERVAL_S] * (len(looks) - 1)


def test_a_worker_that_takes_no_work_is_not_said_to_live(house: House) -> None:
    watch = Watch(PATIENCE_S)
    watch.look(None, has_work=True, since_last_look_s=PATIENCE_S / 2 + 1)

    run(house, watch=watch)

    assert house.catalogue.workers.seconds_since_beat() is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "Worker exited prematurely: signal 9 (SIGKILL) Job: 5.",
            "rendering was cut short: signal 9 ended its process",
        ),
        ("Worker exited prematurely: exitcode 7 Job: 5.", "rendering was cut short: its process ended with status 7"),
        ("AttributeError", "rendering was cut short by a fault of the worker, which is in its log"),
    ],
    ids=["a signal", "a status", "a fault of ours"],
)
def test_it_notes_the_death_of_a_rendering_in_our_words(house: House, reason: str, words: str) -> None:
    house.upload(picture())
    house.catalogue.renderings.claim(ImageId(0), lease_s=60)

    run(house, Interrupted(0, reason))

    failure = house.catalogue.library.get(ImageId(0)).failure
    assert failure is not None
    assert failure.detail == words


def test_what_outlasts_its_time_is_told_with_the_limit(house: House) -> None:
    house.upload(picture())
    house.catalogue.renderings.claim(ImageId(0), lease_s=60)

    run(house, Interrupted(0, "", time_limit_s=60))

    failure = house.catalogue.library.get(ImageId(0)).failure
    assert failure is not None
    assert (failure.code, failure.limit) == ("too-much-time", 60)


def test_the_interruption_of_an_image_that_is_not_there_ends_nothing(house: House) -> None:
    house.upload(picture())
    house.catalogue.renderings.claim(ImageId(0), lease_s=60)

    run(house, Interrupted(99, "signal 9"), Interrupted(0, "signal 9"), Stopping())

    assert house.catalogue.library.get(ImageId(0)).failure is not None


def test_folders_ahead_of_the_catalogue_are_indexed_at_its_start(house: House) -> None:
    house.upload(picture())
    house.sql("DELETE FROM image")
    house.sql("UPDATE counter SET next = 0")

    run(house)

    assert house.catalogue.library.get(ImageId(0)).state is State.PENDING


def test_nothing_ends_it(house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.sweeping, "sweep", fail)

    assert run(house) == 1
    assert "ZeroDivisionError" in caplog.text


def test_it_has_no_life_without_the_worker(house: House) -> None:
    reader, writer = os.pipe()
    upkeep = Upkeep(
        lambda: pytest.fail("it swept"), worker=os.getpid(), notes=reader, swept=lambda: None, watch=Watch(PATIENCE_S)
    )

    upkeep.run()

    os.close(reader)
    os.close(writer)
    assert house.catalogue.workers.seconds_since_beat() is None
