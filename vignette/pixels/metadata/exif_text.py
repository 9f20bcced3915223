"""Decodes the texts in EXIF: values of the type ASCII, and those of tags that have encodings of their own."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from vignette.pixels.metadata import values

_CODE_BYTES: Final = 8
# Copyright holds two texts, InkNames one for each ink.
_MAX_LIST: Final = 64


def ascii_text(raw: bytes) -> str:
    """Return the text up to its NUL. EXIF allows only ASCII, but writers also use UTF-8 and Latin-1."""
    return values.utf_8_or_latin_1(raw.partition(b"\0")[0])


def ascii_list(raw: bytes) -> str | list[str]:
    """Return the texts that NULs separate, as a list; a single one as a string."""
    texts = [values.utf_8_or_latin_1(part) for part in raw.rstrip(b"\0").split(b"\0", _MAX_LIST - 1)]
    return texts[0] if len(texts) == 1 else texts


def utf_16_text(raw: bytes) -> str:
    """Decode a value of Windows' XP… tags: UTF-16LE, with or without NULs at the end."""
    return raw.decode("utf-16-le", errors="replace").rstrip("\0")


def coded_text(raw: bytes, *, little_endian: bool) -> Any:
    """
    Decode a value whose first eight bytes name the encoding of the rest (EXIF tag 0x9286).

    Returns:
        A string; or the bytes as `values.binary` has them, if they are no text.
    """
    code, content = raw[:_CODE_BYTES].rstrip(b"\0 ").upper(), raw[_CODE_BYTES:]
    if code == b"ASCII":
        return values.utf_8_or_latin_1(content.rstrip(b"\0"))
    if code == b"UNICODE":
        return _unicode_text(content, little_endian=little_endian)
    if code == b"JIS":
        return _japanese_text(content)
    if not code:
        return _text_or_bytes(content, whole=raw)
    # Some writers forget the code: their text begins at the first byte.
    return _text_or_bytes(raw, whole=raw)


def _unicode_text(content: bytes, *, little_endian: bool) -> str:
    """
    Decode UTF-16.

    A byte order mark decides the byte order; without one, the zero bytes of Western text; without those, the byte order
    of the stream.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").rstrip("\0")
    even_zeros, odd_zeros = content[0::2].count(0), content[1::2].count(0)
    if even_zeros != odd_zeros:
        little_endian = odd_zeros > even_zeros
    return content.decode("utf-16-le" if little_endian else "utf-16-be", errors="replace").rstrip("\0")


def _japanese_text(content: bytes) -> Any:
    for encoding in ("iso2022_jp_2", "shift_jis"):
        with contextlib.suppress(UnicodeDecodeError):
            return content.rstrip(b"\0").decode(encoding)
    return values.binary(content)


def _text_or_bytes(content: bytes, *, whole: bytes) -> Any:
    trimmed = content.rstrip(b"\0")
    with contextlib.suppress(UnicodeDecodeError):
        text = trimmed.decode("utf-8")
        if text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable():
            return text
    return values.binary(whole)
