"""What the door asks of the processor and of memory, whatever a file holds."""

from __future__ import annotations

import time

import pytest

from tests.unit.pixels.costly import KINDS, look_at
from vignette.jail.confinement import confined
from vignette.limits import MIB

MOST_SECONDS = 1.0
MOST_BYTES = 64 * MIB


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_costs_less_than_a_second_and_64_mib(kind: str) -> None:
    content = KINDS[kind]()

    begun = time.process_time()
    with confined(MOST_BYTES, cpu_seconds=60):
        look_at(content, max_frames=10**6)
    taken = time.process_time() - begun

    assert taken < MOST_SECONDS, f"{taken:.1f} s of processor time for {len(content):,} bytes"
