"""What the bench of latency makes of its figures."""

from __future__ import annotations

import json
from dataclasses import replace

from vignette.trials.bench.latency import LIMIT, LatencyReport
from vignette.trials.bench.probing import Waits


def rounds(*waits: float) -> list[Waits]:
    return [Waits([0.001, 0.001, wait]) for wait in waits]


WELL = LatencyReport(80, 60, ours=rounds(0.02, 0.9, 0.02), nginx=rounds(0.01, 0.01, 0.01), late=rounds(0.0, 0.0, 0.0))


def test_one_round_in_which_the_machine_did_other_things_does_not_count() -> None:
    assert WELL.ratio == 2.0
    assert WELL.shortfalls() == []


def test_what_takes_longer_than_the_limit_is_a_shortcoming() -> None:
    behind = rounds(*[0.01 * (LIMIT + 1)] * 3)

    assert len(replace(WELL, ours=behind).shortfalls()) == 1


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    told = json.loads(WELL.as_json())

    assert (told["ratio"], told["median_ratio"], told["uploads"]) == (2.0, 1.0, 80)
    assert "2.00" in WELL.as_text()
    assert "900.00" in WELL.as_text()
