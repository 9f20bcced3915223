"""
Mutated pictures meet the code of the door: no error but ours, no call that takes long or much memory.

`VIGNETTE_TEST_FUZZ_SECONDS` is how long it goes on, with another seed each time, which is told; without it, a short run
that is always the same. With `VIGNETTE_CORPUS` real pictures are mutated too.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import time
from pathlib import Path

from tests.makers import animation, bmp, heif, still, tiff, tiff_page
from tests.unit.pixels.publishing.test_public_copies import TALKATIVE
from vignette.errors import VignetteError
from vignette.limits import MIB
from vignette.pixels.inspection import inspect
from vignette.pixels.metadata import as_text, describe
from vignette.pixels.publishing import publish

SECONDS = float(os.environ.get("VIGNETTE_TEST_FUZZ_SECONDS", "0"))
SHORT_RUN = 3000

# Of processor time. Real pictures take milliseconds; this is far over what a busy machine makes of that.
MOST_SECONDS = 1.0
MOST_BYTES = 64 * MIB

# Lengths and counts that parsers stumble over.
NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0", b"\0\0\0\x08", b"\xff\xff"]


def seeds() -> list[bytes]:
    made = [make() for make in TALKATIVE.values()]
    made += [still("AVIF"), still("TIFF"), animation("TIFF", 3), still("TIFF", compression="tiff_lzw")]
    made += [heif(), still("BMP"), bmp(4, 4, pixels=bytes(48)), tiff(tiff_page(), tiff_page(), data=bytes(12))]
    if corpus := os.environ.get("VIGNETTE_CORPUS"):
        files = sorted(path for path in Path(corpus).glob("*/*") if path.stat().st_size < 300_000)
        made += [path.read_bytes() for path in files]
    return made


def mutated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """*content* with one to six faults: bytes, numbers, a piece cut out, doubled, or of another picture, the end."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        end = len(changed) if chance.random() < 0.5 else min(len(changed), 400)
        at, length = chance.randrange(end + 1), chance.choice([1, 4, 12, 60, 2000])
        match chance.randrange(7):
            case 0:
                changed[at : at + 1] = chance.randbytes(1)
            case 1:
                changed[at : at + 1] = bytes([changed[at] ^ 1 << chance.randrange(8)]) if at < len(changed) else b""
            case 2:
                number = chance.choice(NUMBERS)
                changed[at : at + len(number)] = number
            case 3:
                changed[at:at] = changed[max(0, at - length) : at]
            case 4:
                del changed[at : at + length]
            case 5:
                other = chance.choice(others)
                there = chance.randrange(len(other))
                changed[at : at + length] = other[there : there + length]
            case _:
                del changed[max(at, 4) :]
    return bytes(changed)


def read(content: bytes) -> None:
    """All that the door and the web process do with a picture."""
    file = io.BytesIO(content)
    try:
        _, blocks = inspect(file, len(content), max_pixels=10**8, max_frames=1000, max_memory_bytes=280 * MIB)
        description = describe(blocks)
        json.dumps(description, allow_nan=False, ensure_ascii=False).encode()
        as_text(description).encode()
        with publish(file, len(content)) as copy:
            copy.read()
    except VignetteError:
        pass


def test_mutated_pictures_are_refused_or_read_in_bounded_time_and_memory() -> None:
    seed = random.SystemRandom().randrange(2**32) if SECONDS else 20181116
    chance = random.Random(seed)
    pictures = seeds()
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    end = time.monotonic() + SECONDS
    runs = 0

    while time.monotonic() < end if SECONDS else runs < SHORT_RUN:
        content = mutated(chance.choice(pictures), pictures, chance)
        begun = time.process_time()
        try:
            read(content)
        except Exception as error:
            error.add_note(f"seed {seed}, run {runs}, {len(content)} bytes: {content[:4000].hex()}")
            raise
        taken = time.process_time() - begun
        assert taken < MOST_SECONDS, f"{taken:.1f} s: seed {seed}, run {runs}, {content[:4000].hex()}"
        runs += 1

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - peak_before
    print(f"{runs:,} mutated pictures, seed {seed}, {grown / MIB:.0f} MiB at most")  # noqa: T201 (what a long run is for)
    assert grown < MOST_BYTES
