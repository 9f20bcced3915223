"""
Tells apart what the bytes of a text mean that names no encoding and is no UTF-8: Latin-1, Windows-1252 or Mac Roman.

Latin-1 has controls (C1) at 0x80 to 0x9F, which nobody writes. A text with such bytes is of Windows, where most of them
are punctuation (unicode.org, VENDORS/MICSFT/WINDOWS/CP1252.TXT), or of an old Macintosh, where all of them are letters
(VENDORS/APPLE/ROMAN.TXT).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import Final

# So much of the texts is judged. A few words tell.
_SAMPLE_BYTES: Final = 4096

_CONTROLS: Final = re.compile(rb"[\x80-\x9f]")

# The five bytes that Windows-1252 lacks stay controls.
_WINDOWS: Final = {
    byte: character for byte in range(0x80, 0xA0) if (character := bytes([byte]).decode("cp1252", errors="ignore"))
}

_BEYOND_ASCII: Final = re.compile(r"[^\0-\x7f]")
_OPENING: Final = "“‘«„‚‹¿¡"
_CLOSING: Final = "”’»›…™"
_STANDING: Final = "–—•€£"
# What only looks like a word with an apostrophe ("don’t", "l’été") or a ligature ("œuvre") in it.
_CONTRACTION: Final = re.compile(r"’(?:s|t|d|m|ll|re|ve)\b|\b(?:[ldjmnstc]|qu)’(?=\w)|[Œœ](?=[uidn])", re.IGNORECASE)


def decoder(texts: Iterable[bytes]) -> Callable[[bytes], str]:
    """Return what decodes each of *texts*, which one writer wrote, and each text that is UTF-8."""
    sample = b"\n".join(raw[:_SAMPLE_BYTES] for raw in texts if not _is_utf_8(raw))[:_SAMPLE_BYTES]
    legacy = _judge(sample) if _CONTROLS.search(sample) else _latin_1

    def decode(raw: bytes) -> str:
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode("utf-8")
        return legacy(raw)

    return decode


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _judge(sample: bytes) -> Callable[[bytes], str]:
    return _windows if _likeness(_windows(sample)) > _likeness(_mac_roman(sample)) else _mac_roman


def _latin_1(raw: bytes) -> str:
    return raw.decode("latin-1")


def _windows(raw: bytes) -> str:
    return raw.decode("latin-1").translate(_WINDOWS)


def _mac_roman(raw: bytes) -> str:
    return raw.decode("mac-roman")


def _likeness(text: str) -> int:
    """Count how many of the characters of *text* beyond ASCII stand where a writer would put them, less the others."""
    padded = f" {text} "
    points = sum(
        _points(padded[found.start() - 1], found.group(), padded[found.end()])
        for found in _BEYOND_ASCII.finditer(padded)
    )
    return points + 3 * sum(1 for _ in _CONTRACTION.finditer(text))


def _points(before: str, character: str, behind: str) -> int:
    if character.isalpha():
        within = before.isalpha() and character.isupper() and (before.islower() or behind.islower())
        stands_alone = not before.isalpha() and not behind.isalpha() and character not in "àÀéÉóyYåÅ"
        lowers_a_name = character.islower() and behind.isupper()
        return -1 if within or stands_alone or lowers_a_name else 1
    if character in _OPENING:
        return 1 if not before.isalnum() and behind.isalnum() else -1
    if character in _CLOSING:
        return 1 if not before.isspace() and not behind.isalnum() else -1
    if character in _STANDING:
        return 1 if not before.isalpha() and not behind.isalpha() else -1
    return -2
