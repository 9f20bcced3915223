"""
Grown files meet the door: whatever structure is repeated or shared, a file costs little for each of its bytes.

`VIGNETTE_TEST_FUZZ` does what it does for `test_fuzz`. What fails tells how to repeat it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.makers import (
    animation,
    box,
    jpeg_segment,
    photoshop_resource,
    png_chunk,
    png_raw_profile,
    riff_chunk,
    still,
    tiff,
    tiff_page,
    vp8x,
    webp,
)
from tests.unit.pixels import costly
from vignette.jail.confinement import confined
from vignette.limits import MIB

IS_ALWAYS_THE_SAME = "VIGNETTE_TEST_FUZZ" not in os.environ
LONGER = float(os.environ.get("VIGNETTE_TEST_FUZZ", "1"))
SHORT_RUN = 40

# Of processor time: for any file, and for each MiB of it. The slowest of 4,000 took half of that.
SECONDS, SECONDS_PER_MIB = 0.5, 0.7
MOST_SECONDS = 1.0
MOST_BYTES = 64 * MIB

Numbers = tuple[int, int, int]
"""Each is used as a count, a length or a distance, as the kind of file has it."""

counts = st.one_of(st.integers(0, 100), st.integers(0, 5_000), st.sampled_from([255, 256, 4_000, 20_000, 65_535]))


def _many(head: bytes, piece: bytes, count: int, tail: bytes) -> bytes:
    """Repeat *piece*, up to 4 MiB of it."""
    return head + piece * min(count, 4 * MIB // max(len(piece), 1)) + tail


PNG, JPEG, WEBP = still("PNG"), still("JPEG"), still("WEBP")
APNG, GIF, TIFF, AVIF = animation("PNG", 2), animation("GIF", 2), tiff(tiff_page(), data=bytes(12)), still("AVIF")

GROWN: dict[str, Callable[[int, int, int], bytes]] = {
    "chunks of a PNG": lambda kind, count, length: _many(
        PNG[:33],
        png_chunk(
            [b"tEXt", b"iTXt", b"zTXt", b"iCCP", b"eXIf", b"gAMA", b"prVt"][kind % 7], b"k\0\0\0\0" + bytes(length)
        ),
        count,
        PNG[33:],
    ),
    "raw profiles": lambda kind, count, length: _many(
        PNG[:33],
        png_raw_profile(
            [b"exif", b"iptc", b"8bim", b"xmp"][kind % 4],
            [costly.exif(length + 1), costly.iptc(length), photoshop_resource(0x0404, b"") * length, b"<a/>" * length][
                kind % 4
            ],
        ),
        count,
        PNG[33:],
    ),
    "bombs": lambda kind, count, length: _many(
        PNG[:33],
        costly.compressed_text([b"k", b"XML:com.adobe.xmp"][kind % 2], b"\n<a>'" * length * 20),
        count,
        PNG[33:],
    ),
    "profiles": lambda tags, languages, length: _many(
        PNG[:33],
        costly.compressed_profile(costly.icc_of_shared_texts(tags % 400, languages % 400)),
        length % 3,
        PNG[33:],
    ),
    "segments of a JPEG": lambda code, count, length: _many(
        JPEG[:2], jpeg_segment(0xE0 + code % 31, b"Exif\0\0II*\0" + bytes(length % 60_000)), count, JPEG[2:]
    ),
    "codes of a JPEG": lambda length, side, components: costly.jpeg_unended(
        20 * length, width=side + 1, height=side + 1, components=[1, 3, 4][components % 3]
    ),
    "passes of a JPEG": lambda passes, side, restart: costly.jpeg_of_passes(
        passes % 98, side=side % 2_000 + 1, restart=restart
    ),
    "blocks of a GIF": lambda label, count, length: _many(
        GIF[:13], bytes([0x21, label % 256]) + b"\1a" * (length % 1000) + b"\0", count, GIF[13:]
    ),
    "codes of a GIF": lambda count, more, _: costly.gif_cut_in_codes(50 * (count + more)),
    "chunks of a WebP": lambda kind, count, length: webp(
        vp8x(40, 30, flags=0x2C if kind % 2 else 0),
        _many(b"", riff_chunk([b"EXIF", b"XMP ", b"ICCP", b"ABCD"][kind % 4], bytes(length)), count, WEBP[12:]),
    ),
    "directories": lambda count, entries, apart: (
        costly.directories(
            min(count, 20_000), entries % 1000 + 10, apart=apart * 100, reduced=bool(apart % 2), tag=(apart % 3) * 129
        )
        if count * (entries % 1000 + 10) < MIB
        else TIFF
    ),
    "pictures that share": lambda sharing, extents, units: costly.heif_of_shared_data(
        costly.av1_of(units=units % 9_000, headers=units % 99, padding=extents),
        sharing % 4_000,
        extents=1 + extents % 10_000,
        derived=bool(units % 2),
    ),
    "parameter sets": lambda sharing, sets, _: costly.heif_of_shared_data(
        costly.hevc_of(1 + sets % 2_000), sharing % 4_000, kind=b"hvc1"
    ),
    "boxes": lambda tracks, boxes, _: costly.films(tracks % 20, boxes % 10_000),
    "boxes of an AVIF": lambda kind, count, length: _many(
        AVIF, box([b"free", b"uuid", b"mdat"][kind % 3], bytes(length % 1000)), count, b""
    ),
    "tags": lambda entries, texts, length: (
        PNG[:33]
        + png_chunk(b"eXIf", costly.exif(min(entries, 40_000) + 1, [b"\n" * (length % 5_000)] * (texts % 400)))
        + PNG[33:]
    ),
    "packets": lambda elements, attributes, depth: (
        PNG[:33]
        + costly.xmp_chunk(
            costly.xmp(
                "<a:b>" * (depth % 70) + "<a:c>\n</a:c>" * elements + "</a:b>" * (depth % 70),
                " ".join(f"a:k{number}='\n'" for number in range(attributes)),
            )
        )
        + PNG[33:]
    ),
}


@settings(
    max_examples=max(1, round(SHORT_RUN * LONGER)),
    derandomize=IS_ALWAYS_THE_SAME,
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(kind=st.sampled_from(sorted(GROWN)), numbers=st.tuples(counts, counts, counts))
def test_grown_files_cost_little_for_each_byte(kind: str, numbers: Numbers) -> None:
    content = GROWN[kind](*numbers)

    most = min(MOST_SECONDS, SECONDS + SECONDS_PER_MIB * len(content) / MIB)
    taken = _cost(content)
    if taken >= most:  # what else the machine does takes caches and clock from us
        taken = min(_cost(content), _cost(content))
    assert taken < most, f"{taken:.2f} s of processor time for {len(content):,} bytes"


def _cost(content: bytes) -> float:
    """Look at *content*; return the seconds of processor time that this took."""
    begun = time.process_time()
    with confined(MOST_BYTES, cpu_seconds=60):
        costly.look_at(content)
    return time.process_time() - begun
