"""Nothing acknowledged is lost, whatever is killed: a short plan; `vignette torture --minutes 30` is a long one."""

from __future__ import annotations

import sys
from random import Random

import pytest

from vignette.trials.torture.adversary import plan
from vignette.trials.torture.session import torture

# A seed whose plan is short and has all that the next test asks for. The rarest deeds take half a minute by most seeds.
SECONDS = 14
SEED = 437


def test_the_plan_kills_each_part_alone_and_with_its_children_and_empties_the_queue() -> None:
    planned, ends_s = set(), 0.0
    for deed in plan(Random(SEED)):
        ends_s += deed.pause_s
        if ends_s > 0.9 * SECONDS:
            break
        planned.add(deed.what)

    parts = ["web server", "web server and children", "web server child", "broker", "supervisor", "sweep"]
    parts += ["worker", "worker and children", "worker child", "decoders"]
    assert {f"kill {part}" for part in parts} | {"flush queue", "restart", "freeze worker"} <= planned


@pytest.mark.skipif(sys.platform != "linux", reason="it finds its processes in /proc")
def test_what_was_acknowledged_is_there_whatever_was_killed() -> None:
    result = torture(SECONDS, SEED)

    assert result.violations == [], result.as_text()
    assert result.kills > 0
    assert result.forks > 0
    assert result.uploads["acknowledged"] > 0
