from __future__ import annotations

from vignette.despair import Despair


def test_a_process_ends_once_it_has_failed_for_long_without_a_success() -> None:
    now = 0.0
    despair = Despair(after_s=30, clock=lambda: now)

    assert not despair.failed()
    now = 29
    assert not despair.failed()
    now = 30
    assert despair.failed()


def test_a_success_begins_the_count_anew() -> None:
    now = 0.0
    despair = Despair(after_s=30, clock=lambda: now)
    despair.failed()
    now = 29
    despair.succeeded()

    now = 40

    assert not despair.failed()


def test_a_single_failure_is_none_to_end_for() -> None:
    assert not Despair(after_s=0).failed()
