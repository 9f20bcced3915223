"""Reads an ICC profile: its header and the texts that name it (ICC.1:2022)."""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Final

from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields

_HEADER_BYTES: Final = 128
# The profiles of real devices have some fifty tags at most, and texts in some forty languages at most.
_MAX_TAGS: Final = 256
_MAX_LANGUAGES: Final = 256
# The texts are names and notices. The longest copyright that we have seen has 2,000 characters.
_MAX_TEXT_BYTES: Final = 64 * 1024

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
    for signature, offset, length in struct.iter_unpack(">4sII", profile[start : start + count * 12]):
        name = _TEXTS.get(signature.decode("latin-1"))
        text = _text(profile[offset : offset + min(length, _MAX_TEXT_BYTES)]) if name else ""
        if name and text:
            found.setdefault(name, text)
    return {name: found[name] for name in _TEXTS.values() if name in found}


def _text(element: bytes) -> str:
    """Return the text of an element of type `desc` (version 2), `mluc` (version 4) or `text`; "" of any other."""
    kind, content = element[:4], element[8:]
    if kind == b"mluc":
        return _localised(element)
    if kind == b"desc" and len(content) >= 4:
        (length,) = struct.unpack_from(">I", content)
        content = content[4 : 4 + length]
    elif kind != b"text":
        return ""
    return content.partition(b"\0")[0].decode("latin-1").strip()


def _localised(element: bytes) -> str:
    """Return the English text of a multiLocalizedUnicodeType; without one, its first text."""
    if len(element) < 16:
        return ""
    (count,) = struct.unpack_from(">I", element, 8)
    records = element[16 : 16 + 12 * min(count, _MAX_LANGUAGES)]
    texts: dict[bytes, str] = {}
    for language, length, offset in struct.iter_unpack(">2s2xII", records[: len(records) // 12 * 12]):
        raw = element[offset : offset + length]
        texts.setdefault(language, raw.decode("utf-16-be", errors="replace").strip("\0 "))
    return texts.get(b"en") or next(iter(texts.values()), "")


def _signature(profile: bytes, offset: int) -> str:
    return profile[offset : offset + 4].decode("latin-1").strip("\0 ")
