"""What is done at the door with one file. It is plain Python that runs no decoder; a cell of the door imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, BinaryIO, Final

from vignette.pixels import inspection
from vignette.pixels.metadata import describe, kept
from vignette.pixels.metadata.makers.lens_names import load_tables
from vignette.ports.inspector import Inspected

# A cell can load nothing any more. Python loads an encoding when it is first used: these are all that the readers of
# metadata name.
_ENCODINGS: Final = (
    *("ascii", "latin-1", "cp1252", "mac-roman", "shift_jis", "iso2022_jp_2"),
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"),
)
for _encoding in _ENCODINGS:
    b"\0\0\0\0".decode(_encoding)
load_tables()


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
    """Be the `zygote.Work` of the door: *values* are the arguments of `Inspector.inspect`, but for its file."""
    with open(descriptors[0], "rb", buffering=0, closefd=False) as file:
        try:
            found = InspectorHere().inspect(file, **values)
        except OSError as error:  # the disk fails: that is no fault of the file
            return {"errno": error.errno}, []
    return {"facts": astuple(found.facts)}, [found.metadata_json, found.metadata_text]
