"""Pictures that hold up the plan of their public copy: who asks is told why, for good, and others get theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.house
from tests import misplanning
from tests.contract.asking import problem
from tests.house import House, picture
from tests.needs import LINUX
from tests.running import LIMIT_S
from vignette.adapters.planner.planner import CellPlanner
from vignette.limits import MIB
from vignette.model import ImageId

pytestmark = LINUX


@pytest.fixture(scope="module")
def planner() -> Iterator[CellPlanner]:
    work = "tests.misplanning:plan_or_misbehave"
    planner = CellPlanner(memory_bytes=64 * MIB, cpu_s=0.5, wall_s=LIMIT_S, work=work)
    yield planner
    planner.close()


@pytest.fixture
def house(tmp_path: Path, planner: CellPlanner) -> Iterator[House]:
    with tests.house.house(tmp_path, planner=planner) as house:
        yield house


@pytest.mark.parametrize(
    ("word", "limit", "detail"),
    [
        (misplanning.SPINS, 1, "the copy needs more than the 0.5 seconds of processor time that it may take"),
        (misplanning.EATS, 64 * MIB, "the copy needs more than the 64 MiB of memory that it may take"),
        (misplanning.CRASHES, None, "the process that makes the copy ended without a result"),
        (misplanning.LIES + "beyond the end", None, "the process that makes the copy ended without a result"),
    ],
)
def test_the_refusal_names_the_limit_and_is_remembered(house: House, word: str, limit: int | None, detail: str) -> None:
    house.upload(misplanning.that(word))
    house.upload(picture())

    first = house.client.get("/images/0/public")
    with tests.house.house(house.root) as other:
        other.jobs.publish_at_once = None
        second = other.client.get("/images/0/public")

        assert other.jobs.published == []
    for answer in (first, second):
        said = problem(answer)
        assert (answer.status_code, said["type"]) == (422, "/problems/not-publishable")
        assert (said.get("limit"), said["detail"]) == (limit, detail)
    assert house.client.get("/images/1/public").status_code == 200


def test_a_disk_that_fails_refuses_nothing_for_good(house: House) -> None:
    house.upload(misplanning.that(misplanning.CANNOT_BE_READ))

    with pytest.raises(OSError, match="Input/output error"):
        house.publishing.make(ImageId(0))

    assert "public.json" not in house.files(0)
