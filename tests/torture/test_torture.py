"""Nothing acknowledged is lost, whatever is killed: a short plan; `vignette torture --minutes 30` is a long one."""

from __future__ import annotations

import sys

import pytest

from vignette.trials.torture.session import torture

# Long enough for each part to be killed, alone and with its children, and the queue to be wiped, with this seed.
SECONDS = 25
SEED = 8365


@pytest.mark.skipif(sys.platform != "linux", reason="it finds its processes in /proc")
def test_what_was_acknowledged_is_there_whatever_was_killed() -> None:
    result = torture(SECONDS, SEED)

    assert result.violations == [], result.as_text()
    assert result.kills > 0
    assert result.forks > 0
    assert result.uploads["acknowledged"] > 0
