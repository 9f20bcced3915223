"""What the door asks of the processor and of memory, whatever a file holds."""

from __future__ import annotations

import io
import time
from contextlib import suppress

import pytest

from tests.unit.pixels.costly import KINDS
from vignette.errors import VignetteError
from vignette.jail.confinement import confined
from vignette.limits import MIB
from vignette.pixels.inspection import inspect
from vignette.pixels.metadata import as_json, as_text, describe

MOST_SECONDS = 1.0
MOST_BYTES = 64 * MIB


def look_at(content: bytes) -> None:
    """All that is done for an upload before it is stored."""
    with suppress(VignetteError):
        _, blocks = inspect(io.BytesIO(content), len(content), max_pixels=10**8, max_frames=10**6)
        description = describe(blocks)
        as_json(description)
        as_text(description).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_costs_less_than_a_second_and_64_mib(kind: str) -> None:
    content = KINDS[kind]()

    begun = time.process_time()
    with confined(MOST_BYTES, cpu_seconds=60):
        look_at(content)
    taken = time.process_time() - begun

    assert taken < MOST_SECONDS, f"{taken:.1f} s of processor time for {len(content):,} bytes"
