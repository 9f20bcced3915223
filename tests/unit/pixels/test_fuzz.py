"""
Mutated pictures meet the code of the web process: no error but ours, no call that takes long or much memory.

`VIGNETTE_TEST_FUZZ=1` has other faults each time, as in continuous integration; `=100` goes on for a hundred times as
long. Without it, a short run is always the same. With `VIGNETTE_CORPUS` real pictures are mutated too. What fails tells
how to repeat it: a decorator to add, for a run with the same pictures.
"""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.makers import animation, bmp, heif, still, tiff, tiff_page
from tests.unit.pixels.publishing.test_public_copies import TALKATIVE
from tests.unit.pixels.test_preview import photo
from vignette.errors import VignetteError
from vignette.jail.confinement import confined
from vignette.limits import MIB
from vignette.model import ImageFacts
from vignette.pixels.inspection import inspect
from vignette.pixels.metadata import as_groups, as_privacy, as_text, describe
from vignette.pixels.preview import embedded_preview
from vignette.pixels.publishing import publish
from vignette.web.api.resources.metadata import in_brief

IS_ALWAYS_THE_SAME = "VIGNETTE_TEST_FUZZ" not in os.environ
LONGER = float(os.environ.get("VIGNETTE_TEST_FUZZ", "1"))
SHORT_RUN = 2000

# Of processor time. Real pictures take milliseconds, the slowest of 800,000 mutated ones took 40: this is far over what
# a busy machine makes of that.
MOST_SECONDS = 1.0
MOST_BYTES = 64 * MIB

# Lengths and counts that parsers stumble over.
LENGTHS = st.sampled_from([1, 4, 12, 60, 2000])
NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0", b"\0\0\0\x08", b"\xff\xff"]


def seeds() -> list[bytes]:
    made = [make() for make in TALKATIVE.values()]
    made += [photo(still("JPEG", 40, 30)), photo(still("JPEG", 40, 30, progressive=True), orientation=6)]
    made += [still("AVIF"), still("TIFF"), animation("TIFF", 3), still("TIFF", compression="tiff_lzw")]
    made += [tiff(tiff_page(tags={273: [16]}), data=bytes(12), is_big=True)]
    made += [heif(), still("BMP"), bmp(4, 4, pixels=bytes(48)), tiff(tiff_page(), tiff_page(), data=bytes(12))]
    if corpus := os.environ.get("VIGNETTE_CORPUS"):
        files = sorted(path for path in Path(corpus).glob("*/*") if path.stat().st_size < 300_000)
        made += [path.read_bytes() for path in files]
    return made


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a file, at a *place* from 0 (its beginning) to 1 (its end)."""

    kind: str
    place: float
    length: int
    content: bytes

    def done_to(self, file: bytes) -> bytes:
        at = int(self.place * len(file))
        match self.kind:
            case "overwrite":
                return file[:at] + self.content + file[at + len(self.content) :]
            case "insert":
                return file[:at] + self.content + file[at:]
            case "repeat":
                return file[:at] + file[max(0, at - self.length) : at] + file[at:]
            case "cut out":
                return file[:at] + file[at + self.length :]
            case _:
                return file[: max(at, 4)]


def faults(pictures: list[bytes]) -> st.SearchStrategy[list[Fault]]:
    """One to six: bytes, numbers, a piece cut out, doubled, or of another picture, the end. Most near the beginning."""
    pieces = st.builds(
        lambda other, place, length: other[int(place * len(other)) :][:length],
        st.sampled_from(pictures),
        st.floats(0, 1),
        LENGTHS,
    )
    fault = st.builds(
        Fault,
        kind=st.sampled_from(["overwrite", "overwrite", "insert", "repeat", "cut out", "end"]),
        place=st.one_of(st.floats(0, 0.1), st.floats(0, 1)),
        length=LENGTHS,
        content=st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(NUMBERS), pieces),
    )
    return st.lists(fault, min_size=1, max_size=6)


def show(description: dict[str, Any], facts: ImageFacts) -> None:
    """What the pages and the JSON of an image make of its stored metadata."""
    for group in [*as_groups(description), *as_privacy(description)]:
        for name, text in group.entries:
            f"{group.title}{name}{text}".encode()
    json.dumps(in_brief(description), allow_nan=False).encode()
    embedded_preview(description, facts)


def read(content: bytes) -> None:
    """All that the door and the web process do with a picture."""
    file = io.BytesIO(content)
    try:
        facts, blocks = inspect(file, len(content), max_pixels=10**8, max_frames=1000, max_memory_bytes=280 * MIB)
        description = describe(blocks)
        stored = json.dumps(description, allow_nan=False, ensure_ascii=False).encode()
        as_text(description).encode()
        show(json.loads(stored), facts)
        with publish(file, len(content)) as copy:
            copy.read()
    except VignetteError:
        pass


PICTURES = seeds()


@settings(
    max_examples=SHORT_RUN * max(1, round(LONGER)),
    derandomize=IS_ALWAYS_THE_SAME,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(number=st.sampled_from(range(len(PICTURES))), faults=faults(PICTURES))
def test_mutated_pictures_are_refused_or_read_in_bounded_time_and_memory(number: int, faults: list[Fault]) -> None:
    picture = PICTURES[number]
    for fault in faults:
        picture = fault.done_to(picture)
    begun = time.process_time()
    with confined(MOST_BYTES, cpu_seconds=60):
        read(picture)
    taken = time.process_time() - begun
    assert taken < MOST_SECONDS, f"{taken:.1f} s of processor time"
