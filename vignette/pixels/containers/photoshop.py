"""
IPTC, EXIF and thumbnails in Photoshop's image resources (Adobe Photoshop File Formats Specification, "Image Resource
Blocks").
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from vignette.pixels.containers.collector import Collector

_IPTC_RESOURCE: Final = 0x0404
_EXIF_RESOURCE: Final = 0x0422
# The first is that of Photoshop 4, whose colours stand in another order.
_THUMBNAIL_RESOURCES: Final = (0x0409, 0x040C)
# Before the thumbnail: its format, width, height, lengths, depth.
_THUMBNAIL_HEADER_BYTES: Final = 28
# Photoshop's own, ImageReady's, PhotoDeluxe's, Lightroom's and ExifTool's.
_SIGNATURES: Final = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")
_HEADER: Final = struct.Struct(">4sHB")
_LENGTH: Final = struct.Struct(">I")
_ZEROS: Final = re.compile(rb"\0*")

# Photoshop writes some dozens.
_MAX_RESOURCES: Final = 1000


def take(resources: bytes, collector: Collector, *, with_iptc: bool = True) -> None:
    """
    Note the thumbnails in *resources*; collect the first EXIF block in them, and, unless *with_iptc* is false, all IPTC
    datasets: some programs write a second resource of them.
    """
    datasets = []
    for number, content, length in _resources(memoryview(resources), collector):
        if number == _IPTC_RESOURCE and length and with_iptc:
            if len(content) < length:
                collector.warn(f"IPTC block of {length:,} bytes is cut short after {len(content):,}")
            datasets.append(content)
        elif number == _EXIF_RESOURCE and content:
            collector.set_lesser_exif(bytes(content))
        elif number in _THUMBNAIL_RESOURCES:
            collector.add_preview("PhotoshopThumbnail", len(content) - _THUMBNAIL_HEADER_BYTES)
    if datasets:
        collector.set_iptc(b"".join(datasets))


def _resources(resources: memoryview, collector: Collector) -> Iterator[tuple[int, memoryview, int]]:
    """Yield the number of each resource, as much of its content as is there, and the length that it should have."""
    offset = 0
    for _ in range(_MAX_RESOURCES):
        if offset + _HEADER.size > len(resources):
            return
        signature, number, name_length = _HEADER.unpack_from(resources, offset)
        if signature not in _SIGNATURES:
            if not _ZEROS.fullmatch(resources, offset):
                collector.warn(f"Photoshop resources are damaged at byte {offset:,} of {len(resources):,}")
            return
        # The name is a Pascal string; its length byte counts towards making it even.
        offset += 6 + (1 + name_length + 1) // 2 * 2
        if offset + _LENGTH.size > len(resources):
            break
        (length,) = _LENGTH.unpack_from(resources, offset)
        offset += _LENGTH.size
        yield number, resources[offset : offset + length], length
        offset += (length + 1) // 2 * 2
    collector.warn("Photoshop resources are damaged: no end found")
