"""Makes the description of a file: calls the reader of each block, and bounds the size of what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from vignette.limits import KIB, MIB
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.metadata import exif, gps, icc, iptc, makers, privacy, summary, values, xmp
from vignette.pixels.metadata.fitting import BEGINNING_CHARS, fit
from vignette.pixels.metadata.remarks import Remarks

_Reading = TypeVar("_Reading")

# The texts of a PNG. The files of scientific cameras have dozens.
MAX_TEXTS: Final = 1000

# Each part may take this much as JSON. The largest description of a camera's file that we know takes 37 KB. A TIFF may
# have a thousand pages with twenty tags each. Phones put depth maps of megabytes into XMP; those are cut.
MAX_PART_BYTES: Final = {
    "summary": 64 * KIB,
    "exif": 2 * MIB,
    "xmp": MIB,
    "xmp_namespaces": 64 * KIB,
    "iptc": MIB,
}
MAX_TEXT_PART_BYTES: Final = MIB
# A longer text is no text for people.
MAX_TEXT_CHARS: Final = 512 * KIB


def describe(blocks: MetadataBlocks) -> dict[str, Any]:
    """
    Describe the metadata of a file, ready for JSON, in the shape that `docs/metadata.md` documents.

    This never raises, whatever the blocks hold: "warnings" tells what could not be read. A part that the file lacks is
    left out, so the description of a file without metadata is empty.
    """
    remarks = Remarks()
    for warning in blocks.warnings:
        remarks.add(_storable(warning))
    tags = _guarded("EXIF", exif.read, blocks.exif, remarks) or exif.Exif()
    packets = _guarded("XMP", xmp.read, blocks.xmp, remarks)
    parts: dict[str, Any] = {
        "exif": tags.directories,
        "gps": _position(tags.directories, remarks),
        "maker_note": _guarded("Maker's note", makers.read, tags.maker_note, remarks) or {},
        "xmp": packets.properties if packets else {},
        "xmp_namespaces": packets.namespaces if packets else {},
        "iptc": _guarded("IPTC", iptc.read, blocks.iptc, remarks) or {},
        "icc": _guarded("ICC", icc.read, blocks.icc, remarks) or {},
        "text": _texts(blocks.text, remarks),
        "previews": _previews(blocks.previews),
    }
    facts = _guarded("Summary", _summarise, parts, remarks) or {}
    fitted = {name: _fitted(name, part, remarks) for name, part in parts.items()}
    revealed = _guarded("Privacy", _reveal, fitted, remarks) or {}
    description = {"summary": _fitted("summary", facts, remarks), "privacy": revealed, **fitted}
    return {name: part for name, part in {**description, "warnings": remarks.as_list()}.items() if part}


def _fitted(name: str, part: Any, remarks: Remarks) -> Any:
    return _within(name, part, MAX_PART_BYTES[name], remarks) if part and name in MAX_PART_BYTES else part


def _within(name: str, part: Any, max_bytes: int, remarks: Remarks) -> Any:
    """
    Return as much of *part* as fits into *max_bytes* of JSON.

    At first only texts of over `MAX_TEXT_CHARS` are cut. If *part* does not fit then, all texts of over
    `BEGINNING_CHARS` are cut, and values that still do not fit are left out.
    """
    fitted = fit(part, max_bytes, MAX_TEXT_CHARS)
    if fitted.left_out:
        fitted = fit(part, max_bytes, BEGINNING_CHARS)
    if fitted.cut or fitted.left_out:
        remarks.add(
            f"{name}: {fitted.cut:,} long values are cut and {fitted.left_out:,} left out to keep within "
            f"{max_bytes:,} bytes; the original holds them"
        )
    return fitted.value


def _guarded(part: str, read: Callable[[Any, Remarks], _Reading], block: Any, remarks: Remarks) -> _Reading | None:
    """
    Return what *read* makes of *block*; None if there is no block, or if *read* raises.

    No reader should raise. If one does, the upload must not fail: a picture is worth more than a part of its metadata.
    """
    if not block:
        return None
    try:
        return read(block, remarks)
    except Exception:
        remarks.add(f"{part}: cannot be read")
        return None


def _position(directories: Mapping[str, Any], remarks: Remarks) -> dict[str, Any]:
    return _guarded("GPS", lambda fields, _: gps.position(fields), directories.get("GPS"), remarks) or {}


def _summarise(parts: Mapping[str, Any], _: Remarks) -> dict[str, Any]:
    return summary.summarise(parts)


def _reveal(parts: Mapping[str, Any], _: Remarks) -> dict[str, list[str]]:
    return privacy.reveals(parts)


def _texts(texts: tuple[tuple[str, str], ...], remarks: Remarks) -> list[dict[str, str]]:
    if len(texts) > MAX_TEXTS:
        remarks.add(f"Text: only the first {MAX_TEXTS} of {len(texts)} texts are kept")
    # Cut the texts before `_storable` copies them: a text may be as large as the file.
    pairs = _within("text", [list(pair) for pair in texts[:MAX_TEXTS]], MAX_TEXT_PART_BYTES, remarks)
    return [{"keyword": _storable(pair[0]), "text": _storable(pair[1])} for pair in pairs if len(pair) == 2]


def _previews(previews: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    found = values.UniqueNames()
    for name, length in previews:
        found.put(name, values.left_out(length))
    return found.fields


def _storable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
