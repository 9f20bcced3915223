"""What is done at the door with one file. It is plain Python that runs no decoder; a cell of the door imports it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, BinaryIO

from vignette.pixels import inspection
from vignette.pixels.metadata import describe, kept
from vignette.pixels.metadata.loading import load_all
from vignette.ports.inspector import Inspected

# A cell can load nothing any more.
load_all()


class InspectorHere:
    """An `Inspector` in this very process, for bytes that this process may read."""

    def inspect(
        self, file: BinaryIO, size: int, *, max_pixels: int, max_frames: int, max_memory_bytes: int
    ) -> Inspected:
        facts, blocks = inspection.inspect(
            file, size, max_pixels=max_pixels, max_frames=max_frames, max_memory_bytes=max_memory_bytes
        )
        metadata = kept(describe(blocks), size)
        return Inspected(facts, metadata.json, metadata.text)


def inspect_in_a_cell(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Be the `cell.Work` of the door: *values* are the arguments of `Inspector.inspect`, but for its file."""
    began_s = time.process_time()
    with open(descriptors[0], "rb", buffering=0, closefd=False) as file:
        try:
            found = InspectorHere().inspect(file, **values)
        except OSError as error:  # the disk fails: that is no fault of the file
            return {"errno": error.errno}, []
    cpu_us = round((time.process_time() - began_s) * 1e6)
    return {"facts": astuple(found.facts), "cpu_us": cpu_us}, [found.metadata_json, found.metadata_text]
