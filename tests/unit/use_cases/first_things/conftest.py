"""The fixtures of these tests: they take the place of the house that other use cases have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House
from tests.house import house as house_below
from tests.unit.use_cases.first_things.stepwise import SIZES, Decoder


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


@pytest.fixture
def house(tmp_path: Path, decoder: Decoder) -> Iterator[House]:
    with house_below(tmp_path, recipes=SIZES, renderer=decoder, hint_max_age_s=-1) as house:
        yield house
