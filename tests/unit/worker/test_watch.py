"""Does the worker take work? What is seen is told look by look."""

from __future__ import annotations

import pytest

from vignette.worker.notes import Pulse
from vignette.worker.watch import Watch, patience_s

PATIENCE_S = 100.0


def look(watch: Watch, seconds: float, *, begun: int = 0, has_work: bool = True, longest_wait_s: float = 0) -> None:
    for _ in range(int(seconds / 2)):
        watch.look(Pulse(begun, longest_wait_s), has_work=has_work, since_last_look_s=2)


@pytest.fixture
def watch() -> Watch:
    return Watch(PATIENCE_S)


def test_a_worker_that_begins_nothing_although_jobs_wait_is_stuck_in_the_end(watch: Watch) -> None:
    look(watch, PATIENCE_S / 2)
    assert watch.takes_work

    look(watch, PATIENCE_S / 2)
    assert (watch.takes_work, watch.is_stuck) == (False, False)

    look(watch, 2)
    assert watch.is_stuck


def test_a_worker_of_which_nothing_is_heard_is_stuck_too(watch: Watch) -> None:
    for _ in range(60):
        watch.look(None, has_work=True, since_last_look_s=2)

    assert watch.is_stuck


def test_who_begins_something_now_and_then_takes_work(watch: Watch) -> None:
    for begun in range(10):
        look(watch, PATIENCE_S / 2, begun=begun)

        assert watch.takes_work


def test_who_has_nothing_to_do_is_not_stuck(watch: Watch) -> None:
    look(watch, 10 * PATIENCE_S, has_work=False)

    assert watch.takes_work


def test_who_begins_again_takes_work_again(watch: Watch) -> None:
    look(watch, PATIENCE_S)
    look(watch, 2, begun=1)

    assert watch.takes_work


def test_a_job_that_a_process_was_given_and_does_not_begin_is_as_bad_although_others_are_begun(watch: Watch) -> None:
    look(watch, 2, begun=5, longest_wait_s=PATIENCE_S - 1)
    assert (watch.takes_work, watch.is_stuck) == (False, False)

    look(watch, 2, begun=9, longest_wait_s=PATIENCE_S + 1)
    assert watch.is_stuck


@pytest.mark.parametrize(("render_seconds", "patience"), [(1, 90), (60, 130), (600, 1210)])
def test_the_patience_outlasts_a_reconnection_and_the_longest_rendering_twice(
    render_seconds: int, patience: float
) -> None:
    assert patience_s(render_seconds) == patience
