"""Further pictures behind the end of a JPEG: Multi-Picture Format (CIPA DC-007); phones index gain maps so too."""

from __future__ import annotations

import io
import struct
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.collector import MAX_PREVIEWS, Collector
from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Layout, read_directory

_PICTURES_TAG: Final = 0xB002


def note_pictures(index: bytes, start: int, file_bytes: int, collector: Collector) -> None:
    """
    Note the pictures of *index*, a TIFF stream, that the file holds beside the first.

    Their offsets count from *start*, where *index* stands in the file. A picture behind the end of the file, at
    *file_bytes*, is not noted: editors cut pictures off and leave their index.
    """
    reader = Reader(io.BytesIO(index), len(index))
    try:
        layout = Layout.of(reader)
        entry = read_directory(reader, layout, layout.first_directory).entries.get(_PICTURES_TAG)
        place = None if entry is None else entry.place(layout)
        if entry is None or place is None:
            return
        # For each picture: what it is, its length, its offset, two pictures that belong to it.
        record = struct.Struct(f"{layout.order}4xII4x")
        pictures = min(entry.length // record.size, MAX_PREVIEWS + 2)
        table = reader.read(place, pictures * record.size, "the list of pictures")
    except BrokenImage as error:
        collector.warn(f"the index of further pictures is damaged: {error}")
        return
    for number, (length, offset) in enumerate(record.iter_unpack(table), 1):
        if offset:  # that of the first is 0
            collector.add_preview(f"MPImage{number}", min(length, file_bytes - start - offset))
