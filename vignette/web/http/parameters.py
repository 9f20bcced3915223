"""
The parameters of Content-Type and Content-Disposition, and the name of a file in them, as clients write them.

The standards differ (RFC 9110, 5.6.6, for headers; RFC 7578 and the HTML standard for the parts of a form), and clients
keep to none. So this reads what leaves no doubt: values without quotes that hold any character but ";", names in UTF-8
and in Windows-1252, RFC 8187 (`filename*`) with and without quotes, RFC 2231 (in pieces) and RFC 2047 (of mail).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.header import decode_header
from typing import Final
from urllib.parse import unquote_to_bytes

_PARAMETER: Final = re.compile(r';[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.DOTALL)
# Of all escapes only these two: a path of Windows has backslashes that escape nothing.
_ESCAPED: Final = re.compile(r'\\(["\\])')
_PIECE: Final = re.compile(r"filename\*(\d{1,2})(\*?)", re.ASCII)
_MAX_PIECES: Final = 100

_ENCODED_WORDS: Final = re.compile(r"(?:=\?[\w.:-]{1,40}\?[BQ]\?[^?\s]{0,400}\?=\s*){1,20}", re.ASCII | re.IGNORECASE)

# Encodings of text, by their names in MIME, that Python decodes in one pass.
_ENCODINGS: Final = frozenset(
    {"us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "iso-8859-2", "iso-8859-15", "latin1", "windows-1250"}
    | {"windows-1251", "windows-1252", "koi8-r", "shift_jis", "euc-jp", "iso-2022-jp", "gb2312", "gbk", "gb18030"}
    | {"big5", "euc-kr"}
)


def parameters(header: str) -> dict[str, str]:
    """Return the parameters of *header* by their names in small letters; the first of a name counts."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(header):
        value = _ESCAPED.sub(r"\1", quoted) if quoted else bare.strip(" \t").strip('"')
        found.setdefault(name.lower(), value)
    return found


def file_name(found: Mapping[str, str]) -> str | None:
    """
    Return the name of a file without its folders, by the parameters *found* of a Content-Disposition.

    Returns:
        "" if the name is empty; None if there is none. `filename*` comes before `filename`, wherever it stands
        (RFC 6266, 4.3).
    """
    extended = _extended(found.get("filename*")) or _in_pieces(found)
    plain = found.get("filename")
    name = extended if extended is not None else _plain(plain) if plain is not None else None
    # No name has a backslash in Windows, and hardly any elsewhere. Slashes stay: the label shows what was sent.
    return name and (name.rpartition("\\")[2] or name)


def text_of(raw: bytes) -> str:
    """Decode what names no encoding: UTF-8 if it is valid, else Windows-1252, or Latin-1 where that has nothing."""
    for encoding in ("utf-8", "cp1252"):
        decoded = _decoded(raw, encoding)
        if decoded is not None:
            return decoded
    return raw.decode("latin-1")


def header_text(value: str) -> str:
    """Return the text of a header that WSGI has decoded as Latin-1 (PEP 3333), whatever its sender encoded it in."""
    try:
        return text_of(value.encode("latin-1"))
    except UnicodeEncodeError:
        return value


def _plain(value: str) -> str:
    # Browsers write a quote in a name so (HTML, "multipart/form-data encoding algorithm").
    name = value.replace("%22", '"')
    if not _ENCODED_WORDS.fullmatch(name):
        return name
    try:
        words = [_decoded(word, charset or "ascii") for word, charset in _words(name)]
    except ValueError:
        return name
    return name if None in words else "".join(filter(None, words))


def _words(name: str) -> list[tuple[bytes, str | None]]:
    """Return the words of RFC 2047 in *name*, each with its encoding."""
    return [(word.encode() if isinstance(word, str) else word, charset) for word, charset in decode_header(name)]


def _extended(value: str | None) -> str | None:
    """Decode `charset'language'percent-encoded` (RFC 8187, 3.2); return None if its charset is unknown."""
    if value is None:
        return None
    if value.count("'") < 2:
        return value
    charset, _, rest = value.partition("'")
    raw = unquote_to_bytes(rest.partition("'")[2])
    if charset.lower() not in _ENCODINGS:
        return None
    decoded = _decoded(raw, charset.lower())
    return decoded if decoded is not None else text_of(raw)


def _in_pieces(found: Mapping[str, str]) -> str | None:
    """Join `filename*0`, `filename*1*` … (RFC 2231, 3 and 4)."""
    numbered = {int(match[1]): (found[name], match[2]) for name in found if (match := _PIECE.fullmatch(name))}
    pieces = [numbered[number] for number in range(_MAX_PIECES) if number in numbered]
    if not pieces or 0 not in numbered:
        return None
    charset, head = "utf-8''", pieces[0][0]
    if pieces[0][1] and head.count("'") >= 2:
        name, language, head = head.split("'", 2)
        charset = f"{name}'{language}'"
    texts = [(head, pieces[0][1]), *pieces[1:]]
    return _extended(charset + "".join(text if is_encoded else _percent(text) for text, is_encoded in texts))


def _percent(text: str) -> str:
    return text.replace("%", "%25")


def _decoded(raw: bytes, encoding: str) -> str | None:
    if encoding not in _ENCODINGS and encoding != "cp1252":
        return None
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None
