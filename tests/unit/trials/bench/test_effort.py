"""How long a bench measures: as the command line was told."""

from __future__ import annotations

import pytest

from vignette.cli.trials import bench
from vignette.trials.bench.effort import Effort


@pytest.mark.parametrize(
    ("options", "effort"), [([], Effort.FULL), (["--quick"], Effort.QUICK), (["--smoke"], Effort.SMOKE)]
)
@pytest.mark.parametrize("name", sorted(bench.commands))
def test_every_bench_takes_it(name: str, options: list[str], effort: Effort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGNETTE_CORPUS", ".")

    assert bench.commands[name].make_context(name, list(options)).params["effort"] is effort


def test_each_effort_has_its_numbers() -> None:
    assert [effort.choose(full=3, quick=2, smoke=1) for effort in Effort] == [3, 2, 1]
