"""
Makes the two files that are kept of a description, and bounds them together by the size of the file that it tells of.

Compressed texts make megabytes of a kilobyte, so whoever sends small files could fill the disk. The metadata of real
pictures are far within the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from vignette.limits import KIB, MAX_DESCRIPTION_BYTES
from vignette.pixels.metadata import privacy
from vignette.pixels.metadata.fitting import BEGINNING_CHARS, fit
from vignette.pixels.metadata.text import as_text
from vignette.pixels.metadata.writing import as_json

# Of a corpus of real files, none has more than 50,000 bytes of metadata, and none that is small more than 8,000.
_BASE_BYTES: Final = 64 * KIB
# An entry of a TIFF directory has 12 bytes, and becomes a line with its name in each of the two files.
_FOR_EACH_BYTE: Final = 4

# Of what there is room for, at least a quarter is the text's.
_SHARE_OF_JSON: Final = 0.75

# Within the share of the JSON: for what is told of the other parts.
_WARNINGS_BYTES: Final = 8 * KIB
_PRIVACY_BYTES: Final = 8 * KIB

_LAST_LINES: Final = "…\nFurther lines are in the JSON.\n"


class Kept(NamedTuple):
    """The contents of `metadata.json` and `metadata.txt`."""

    json: bytes
    text: bytes


def most_bytes(file_bytes: int) -> int:
    """Return how many bytes may be kept of the metadata of a file of *file_bytes* bytes, in both files together."""
    return min(_BASE_BYTES + _FOR_EACH_BYTE * file_bytes, MAX_DESCRIPTION_BYTES)


def kept(description: Mapping[str, Any], file_bytes: int) -> Kept:
    """
    Return what to keep of the *description* of a file of *file_bytes* bytes; together it is within `most_bytes`.

    If the whole does not fit, long values are cut and others left out; a warning in both tells so.
    """
    most = most_bytes(file_bytes)
    for_json = int(most * _SHARE_OF_JSON)
    content = as_json(description)
    if len(content) > for_json:
        description = _shortened(description, for_json, file_bytes)
        content = as_json(description)
    return Kept(content, _cut(as_text(description), most - len(content)))


def _shortened(description: Mapping[str, Any], max_bytes: int, file_bytes: int) -> dict[str, Any]:
    parts = {name: part for name, part in description.items() if name not in ("privacy", "warnings")}
    fitted = fit(parts, max_bytes - _WARNINGS_BYTES - _PRIVACY_BYTES, BEGINNING_CHARS)
    # A text of a PNG is told as a whole, with its keyword, or not at all.
    texts = fitted.value.get("text", [])
    fitted.value["text"] = [item for item in texts if len(item) == 2]
    told = (
        f"{fitted.cut:,} long values are cut and {fitted.left_out:,} left out: a file of {file_bytes:,} bytes may have"
        f" {max_bytes:,} bytes of metadata here; the original holds them"
    )
    warnings = fit([told, *description.get("warnings", [])], _WARNINGS_BYTES, BEGINNING_CHARS).value
    # What was left out cannot be pointed at.
    revealed = fit(privacy.reveals(fitted.value), _PRIVACY_BYTES, BEGINNING_CHARS).value
    known = {**fitted.value, "privacy": revealed, "warnings": warnings}
    return {name: known[name] for name in (*description, "warnings") if known.get(name)}


def _cut(text: str, max_bytes: int) -> bytes:
    whole = text.encode()
    if len(whole) <= max_bytes:
        return whole
    begun = whole[: max_bytes - len(_LAST_LINES.encode())]
    # At the end of a line, which is also the end of a character.
    return begun[: begun.rfind(b"\n") + 1] + _LAST_LINES.encode()
