"""Reads an ICC profile: its header and the texts that name it (ICC.1:2022)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from vignette.limits import KIB
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields

_HEADER_BYTES: Final = 128
# The profiles of real devices have some fifty tags at most, and texts in some forty languages at most.
_MAX_TAGS: Final = 256
_MAX_LANGUAGES: Final = 256
# The texts are names and notices. The longest copyright that we have seen has 2,000 characters.
_MAX_TEXT_BYTES: Final = 64 * KIB
_MAX_TEXTS_BYTES: Final = 4 * _MAX_TEXT_BYTES

_LATIN_1, _UTF_16 = "latin-1", "utf-16-be"

_PROFILE_CLASSES: Final = {
    "scnr": "input device",
    "mntr": "display device",
    "prtr": "output device",
    "link": "device link",
    "spac": "colour space",
    "abst": "abstract",
    "nmcl": "named colour",
}
_RENDERING_INTENTS: Final = ("perceptual", "relative colorimetric", "saturation", "absolute colorimetric")
_TEXTS: Final = {"desc": "description", "cprt": "copyright", "dmnd": "manufacturer", "dmdd": "model"}


def read(profile: bytes, remarks: Remarks) -> Fields:
    """Return what the header says, and the texts that name the profile: the English one, or else the first one."""
    if len(profile) < _HEADER_BYTES or profile[36:40] != b"acsp":
        remarks.add("ICC: this is no ICC profile")
        return {}
    return {**_texts(profile, remarks), **_header(profile)}


def _header(profile: bytes) -> Fields:
    (intent,) = struct.unpack_from(">I", profile, 64)
    profile_class = _signature(profile, 12)
    found = {
        "colour_space": _signature(profile, 16),
        "profile_class": _PROFILE_CLASSES.get(profile_class, profile_class),
        "connection_space": _signature(profile, 20),
        "rendering_intent": _RENDERING_INTENTS[intent] if intent < len(_RENDERING_INTENTS) else str(intent),
        "version": f"{profile[8]}.{profile[9] >> 4}.{profile[9] & 15}",
        "created_at": _created_at(profile),
        "platform": _signature(profile, 40),
        "creator": _signature(profile, 80),
    }
    return {**{name: value for name, value in found.items() if value}, "size": len(profile)}


def _created_at(profile: bytes) -> str | None:
    try:
        return datetime(*struct.unpack_from(">6H", profile, 24)).isoformat()  # noqa: DTZ001  (it names no zone)
    except ValueError:
        return None


def _texts(profile: bytes, remarks: Remarks) -> dict[str, str]:
    found: dict[str, str] = {}
    if len(profile) < _HEADER_BYTES + 4:
        return found
    (told,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    start = _HEADER_BYTES + 4
    count = min(told, _MAX_TAGS, (len(profile) - start) // 12)
    if count < told:
        remarks.add(f"ICC: only {count} of {told} tags are read")
    elements = _Elements(profile, remarks)
    for signature, offset, length in struct.iter_unpack(">4sII", profile[start : start + count * 12]):
        name = _TEXTS.get(signature.decode("latin-1"))
        if name and name not in found and (text := elements.text(offset, length)):
            found[name] = text
    return {name: found[name] for name in _TEXTS.values() if name in found}


class _Elements:
    """
    The texts in the elements of a profile.

    Tags may share an element (ICC.1:2022, 7.3.1), and languages a text; elements may overlap. So an element is read
    once, and all texts together up to `_MAX_TEXTS_BYTES`.
    """

    def __init__(self, profile: bytes, remarks: Remarks) -> None:
        self._profile = profile
        self._remarks = remarks
        self._read: dict[tuple[int, int], str] = {}
        self._bytes_left = _MAX_TEXTS_BYTES

    def text(self, offset: int, length: int) -> str:
        """Return the text of the element of *length* bytes at *offset*; "" if it holds none, or too much."""
        place = offset, length
        if place not in self._read:
            element = self._profile[offset : offset + min(length, _MAX_TEXT_BYTES)]
            texts = (self._decoded(raw, encoding) for raw, encoding in _encoded(element))
            self._read[place] = next(filter(None, texts), "")
        return self._read[place]

    def _decoded(self, raw: bytes, encoding: str) -> str:
        if len(raw) > self._bytes_left:
            self._remarks.add(f"ICC: of the texts only {_MAX_TEXTS_BYTES:,} bytes are read")
            return ""
        self._bytes_left -= len(raw)
        return raw.decode(encoding, errors="replace").strip(None if encoding == _LATIN_1 else "\0 ")


def _encoded(element: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield the texts of an element of type `desc` (version 2), `mluc` (version 4) or `text`, the best one first."""
    kind, content = element[:4], element[8:]
    if kind == b"mluc":
        for raw in _localised(element):
            yield raw, _UTF_16
    elif kind == b"text":
        yield content.partition(b"\0")[0], _LATIN_1
    elif kind == b"desc" and len(content) >= 4:
        (length,) = struct.unpack_from(">I", content)
        yield content[4 : 4 + length].partition(b"\0")[0], _LATIN_1


def _localised(element: bytes) -> Iterator[bytes]:
    """Yield the English text of a multiLocalizedUnicodeType, then its first text, in UTF-16."""
    if len(element) < 16:
        return
    (count,) = struct.unpack_from(">I", element, 8)
    table = element[16 : 16 + 12 * min(count, _MAX_LANGUAGES)]
    records = list(struct.iter_unpack(">2s2xII", table[: len(table) // 12 * 12]))
    english = [record for record in records if record[0] == b"en"][:1]
    for _, length, offset in [*english, *records[:1]]:
        yield element[offset : offset + length]


def _signature(profile: bytes, offset: int) -> str:
    return profile[offset : offset + 4].decode("latin-1").strip("\0 ")
