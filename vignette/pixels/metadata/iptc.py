"""Reads IPTC-IIM datasets (IPTC-NAA Information Interchange Model 4.2): 0x1C, record, dataset, length, value."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from vignette.limits import KIB, MIB
from vignette.pixels.metadata import legacy_text, moments, values
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields

_MARKER: Final = 0x1C
# Some pictures have hundreds of keywords.
MAX_DATASETS: Final = 10_000
# The longest dataset is the preview, of 256,000 bytes at most (IIM 4.2, 2:202).
MAX_VALUE_BYTES: Final = 256 * KIB
MAX_VALUES_BYTES: Final = MIB

_PADDING: Final = re.compile(rb"[\0 ]*")
_UTF_8: Final = b"\x1b%G"

# The names of the specification, in exiftool's spelling.
_NAMES: Final = {
    (1, 0): "EnvelopeRecordVersion",
    (1, 5): "Destination",
    (1, 20): "FileFormat",
    (1, 22): "FileVersion",
    (1, 30): "ServiceIdentifier",
    (1, 40): "EnvelopeNumber",
    (1, 50): "ProductID",
    (1, 60): "EnvelopePriority",
    (1, 70): "DateSent",
    (1, 80): "TimeSent",
    (1, 90): "CodedCharacterSet",
    (1, 100): "UniqueObjectName",
    (1, 120): "ARMIdentifier",
    (1, 122): "ARMVersion",
    (2, 0): "ApplicationRecordVersion",
    (2, 3): "ObjectTypeReference",
    (2, 4): "ObjectAttributeReference",
    (2, 5): "ObjectName",
    (2, 7): "EditStatus",
    (2, 8): "EditorialUpdate",
    (2, 10): "Urgency",
    (2, 12): "SubjectReference",
    (2, 15): "Category",
    (2, 20): "SupplementalCategories",
    (2, 22): "FixtureIdentifier",
    (2, 25): "Keywords",
    (2, 26): "ContentLocationCode",
    (2, 27): "ContentLocationName",
    (2, 30): "ReleaseDate",
    (2, 35): "ReleaseTime",
    (2, 37): "ExpirationDate",
    (2, 38): "ExpirationTime",
    (2, 40): "SpecialInstructions",
    (2, 42): "ActionAdvised",
    (2, 45): "ReferenceService",
    (2, 47): "ReferenceDate",
    (2, 50): "ReferenceNumber",
    (2, 55): "DateCreated",
    (2, 60): "TimeCreated",
    (2, 62): "DigitalCreationDate",
    (2, 63): "DigitalCreationTime",
    (2, 65): "OriginatingProgram",
    (2, 70): "ProgramVersion",
    (2, 75): "ObjectCycle",
    (2, 80): "By-line",
    (2, 85): "By-lineTitle",
    (2, 90): "City",
    (2, 92): "Sub-location",
    (2, 95): "Province-State",
    (2, 100): "Country-PrimaryLocationCode",
    (2, 101): "Country-PrimaryLocationName",
    (2, 103): "OriginalTransmissionReference",
    (2, 105): "Headline",
    (2, 110): "Credit",
    (2, 115): "Source",
    (2, 116): "CopyrightNotice",
    (2, 118): "Contact",
    (2, 120): "Caption-Abstract",
    (2, 121): "LocalCaption",
    (2, 122): "Writer-Editor",
    (2, 125): "RasterizedCaption",
    (2, 130): "ImageType",
    (2, 131): "ImageOrientation",
    (2, 135): "LanguageIdentifier",
    (2, 150): "AudioType",
    (2, 151): "AudioSamplingRate",
    (2, 152): "AudioSamplingResolution",
    (2, 153): "AudioDuration",
    (2, 154): "AudioOutcue",
    (2, 184): "JobID",
    (2, 185): "MasterDocumentID",
    (2, 186): "ShortDocumentID",
    (2, 187): "UniqueDocumentID",
    (2, 188): "OwnerID",
    (2, 200): "ObjectPreviewFileFormat",
    (2, 201): "ObjectPreviewFileVersion",
    (2, 202): "ObjectPreviewData",
    (2, 221): "Prefs",
    (2, 225): "ClassifyState",
    (2, 228): "SimilarityIndex",
    (2, 230): "DocumentNotes",
    (2, 231): "DocumentHistory",
    (2, 232): "ExifCameraInfo",
    (2, 255): "CatalogSets",
    (7, 10): "SizeMode",
    (7, 20): "MaxSubfileSize",
    (7, 90): "ObjectSizeAnnounced",
    (7, 95): "MaximumObjectSize",
    (8, 10): "SubFile",
    (9, 10): "ConfirmedObjectSize",
}
_NUMBERS: Final = frozenset(
    {(1, 0), (1, 20), (1, 22), (1, 120), (1, 122), (2, 0), (2, 200), (2, 201), (7, 10), (7, 20)}
)
_BINARIES: Final = frozenset({(2, 125), (2, 202), (8, 10)})
_DATES: Final = frozenset({(1, 70), (2, 30), (2, 37), (2, 47), (2, 55), (2, 62)})
_TIMES: Final = frozenset({(1, 80), (2, 35), (2, 38), (2, 60), (2, 63)})
# The specification lets these occur more than once, so they are lists even when they occur once.
_REPEATABLE: Final = frozenset(
    {(1, 5), (1, 50), (2, 4), (2, 12), (2, 20), (2, 25), (2, 26), (2, 27), (2, 45), (2, 47), (2, 50), (2, 80), (2, 85)}
    | {(2, 118), (2, 122), (2, 255), (8, 10)}
)


def read(block: bytes, remarks: Remarks) -> Fields:
    """
    Return the datasets by name; the name of an unknown dataset is "record:dataset", both as numbers.

    Text counts as UTF-8 if it is valid UTF-8, else as what all such texts of the block together look like, whatever
    1:90 says.
    """
    kept = _kept(block, remarks)
    decode = legacy_text.decoder(raw for key, raw in kept if isinstance(raw, bytes) and key not in _BINARIES | _NUMBERS)
    found: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
    for key, raw in kept:
        found[key].append(_value(key, raw, decode) if isinstance(raw, bytes) else values.left_out(raw))
    return {_NAMES.get(key) or f"{key[0]}:{key[1]}": _one_or_all(key, items) for key, items in found.items()}


def _kept(block: bytes, remarks: Remarks) -> list[tuple[tuple[int, int], bytes | int]]:
    """Return the datasets by their numbers; of one that is too long, only its length."""
    kept: list[tuple[tuple[int, int], bytes | int]] = []
    bytes_left = MAX_VALUES_BYTES
    for number, (key, raw) in enumerate(_datasets(block, remarks)):
        if number == MAX_DATASETS:
            remarks.add(f"IPTC: only the first {MAX_DATASETS} datasets are read")
            break
        if len(raw) > min(MAX_VALUE_BYTES, bytes_left):
            remarks.add(f"IPTC: dataset {key[0]}:{key[1]} is left out: {len(raw):,} bytes; the original holds them")
            kept.append((key, len(raw)))
        else:
            bytes_left -= len(raw)
            kept.append((key, raw.tobytes()))
    return kept


def _one_or_all(key: tuple[int, int], items: list[Any]) -> Any:
    """
    Return the one value of a dataset, or the list of all.

    Photoshop repeats datasets that the specification allows once. They become a list only if their values differ.
    """
    is_list = key in _REPEATABLE or any(item != items[0] for item in items)
    return items if is_list else items[0]


def _datasets(block: bytes, remarks: Remarks) -> Iterator[tuple[tuple[int, int], memoryview]]:
    view = memoryview(block)
    at = 0
    while at + 5 <= len(block) and block[at] == _MARKER:
        key = block[at + 1], block[at + 2]
        length = int.from_bytes(block[at + 3 : at + 5])
        at += 5
        if length & 0x8000:
            # An extended dataset: the other 15 bits say how many bytes the length itself takes.
            width = length & 0x7FFF
            length = int.from_bytes(block[at : at + min(width, 8)])
            at += width
        if at + length > len(block):
            remarks.add(f"IPTC: dataset {key[0]}:{key[1]} is cut off")
            return
        yield key, view[at : at + length]
        at += length
    if _PADDING.fullmatch(block, at) is None:
        remarks.add(f"IPTC: what follows byte {at} are no datasets")


def _value(key: tuple[int, int], raw: bytes, decode: Callable[[bytes], str]) -> Any:
    if key in _BINARIES:
        return values.binary(raw)
    if key in _NUMBERS and 0 < len(raw) <= 4:
        return int.from_bytes(raw)
    if key == (1, 90):
        return "UTF-8" if raw == _UTF_8 else raw.decode("latin-1")
    # 1:90 says UTF-8, or names character sets that nobody writes. The bytes themselves tell more.
    text = decode(raw.rstrip(b"\0"))
    if key in _DATES:
        return moments.day(text)
    if key in _TIMES:
        return moments.time_of_day(text)
    return text
