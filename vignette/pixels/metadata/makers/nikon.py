"""
Nikon: a TIFF stream of its own behind "Nikon\\0\\2" (ExifTool, Nikon Tags).

From LensData 0201 on, the lens is enciphered with the serial number and the count of the shutter, by a scheme that is
known since 2005 (ExifTool's Nikon.pm, ProcessNikonEncrypted).
"""

from __future__ import annotations

from typing import Final

from vignette.pixels.metadata import lens
from vignette.pixels.metadata.makers.lens_names import lens_name, table
from vignette.pixels.metadata.makers.note import Directory, Note
from vignette.pixels.metadata.values import Fields

_SERIAL, _LENS_TYPE, _LENS, _LENS_DATA, _SERIAL_OLD, _SHUTTER_COUNT = 0x001D, 0x0083, 0x0084, 0x0098, 0x00A0, 0x00A7

_TYPE_3: Final = b"Nikon\0\2"
_TYPE_1: Final = b"Nikon\0\1"
_HEADER_BYTES: Final = 10

_VERSION_BYTES: Final = 4
# Where the seven bytes of the lens begin in LensData, by its version.
_ID_AT: Final = {b"0100": 6, b"0101": 11, b"0201": 11, b"0202": 11, b"0203": 11, b"0204": 12}
_ID_BYTES: Final = 7
# Where cameras of the series 1 have the name.
_NAME_AT: Final = {b"0400": 0x18A, b"0401": 0x18A, b"0402": 0x18B, b"0403": 0x2AC}
_NAME_BYTES: Final = 64
# The series Z has the lens of an adapter as before, and that of its own mount behind it.
_Z_VERSIONS: Final = (b"0800", b"0801", b"0802")
_Z_OLD_AT, _Z_OLD_ID_AT, _Z_NEW_AT, _Z_ID_AT = 0x03, 0x0D, 0x2F, 0x30
_Z_BLOCK_BYTES: Final = 17
_PLAIN: Final = (b"0100", b"0101")

# The marks of LensType, from bit 0 on.
_MARKS: Final = ((0x04, "G"), (0x08, "VR"))

_BY_SERIAL: Final = bytes.fromhex(
    "c1bf6d0d59c5139d83616b4fc77f3d3d5359e3c7e92f95a7951fdf7f2b29c70d"
    "df07ef71893d133d3b13fb0d89c1651fb30d6b29e3fbefa36b477f9535a7474f"
    "c7f1599535112961f13db32b0d4389c19d9d8965f1e9dfbf3d7f5397e5e99517"
    "1d3d8bfbc7e367a707f171a753b52989e52ba71729e94fc5656d6bef0d89492f"
    "b34353651d49a3138959ef6bef651d0b5913e34f9db329432b071d95595947fb"
    "e5e961472f357f177fef7f959571d3a30b71a3ad0b3bb5fba3bf4f831dade92f"
    "7165a3e507353d0db5e9e5473b9def35a3bfb3df53d397534971073561712f43"
    "2f11df1797fb953b7f6bd325bfadc7c5c5b58bef2fd3076b25499525496d71c7"
)
_BY_COUNT: Final = bytes.fromhex(
    "a7bcc9ad91df85e5d478d517467c294c4d03e925681186b3bdf76f6122a22634"
    "2abe1e4614689d4418c240f47e5f1bad0b94b667b40be1ea959c66dce75d6c05"
    "dad5df7aeff6db1f824cc06847a1bdee3950564adddfa5f8c6daca90ca01429d"
    "8b0c7343750594de24b38034e52cdc9b3fca3345d0db5ff552c321dae222726b"
    "3ed05ba8878c065d0fdd091993d0b9fc8b0f8460331c9b45f1f0a3943a127733"
    "4d4478283c9efd655716946bfb59d0c82236dbd2639843a1048786f7a626bbd6"
    "594dbf6a2eaa2befe678b64ee02fdc7cbe5719327e2ad0b8ba29003c527da849"
    "3b2deb2549faa3aa39a7c5a7501136fbc6674af5a512657eb0dfaf4eb3617f2f"
)
_CIPHER_START: Final = 0x60


def read(note: Note) -> Fields:
    found = _directory(note)
    if found is None:
        return {}
    return {
        "Lens": _by_data(found, note.model) or _by_numbers(found),
        "SerialNumber": found[_SERIAL].text or found[_SERIAL_OLD].text.removeprefix("NO=").strip(),
    }


def _directory(note: Note) -> Directory | None:
    if note.begins(_TYPE_3):
        base = note.start + _HEADER_BYTES
        order = note.own_order(base)
        return note.directory(base + note.number(base + 4, order), base, order) if order else None
    # Type 1, of the first cameras, tells of no lens. The D1 has no header.
    return None if note.begins(_TYPE_1) else note.directory(note.start, 0)


def _by_data(found: Directory, model: str) -> str:
    raw = found[_LENS_DATA].raw
    version = raw[:_VERSION_BYTES]
    data = raw if version in _PLAIN else _deciphered(raw, found, model)
    if version in _NAME_AT:
        name = data[_NAME_AT[version] : _NAME_AT[version] + _NAME_BYTES].partition(b"\0")[0].decode("latin-1").strip()
        return name if name.isprintable() else ""
    if version in _Z_VERSIONS:
        return _by_z(data, found)
    return _by_id(data[_ID_AT[version] :], found) if version in _ID_AT else ""


def _by_z(data: bytes, found: Directory) -> str:
    if any(data[_Z_NEW_AT + 1 : _Z_NEW_AT + _Z_BLOCK_BYTES]):
        return lens_name("nikon_z", str(int.from_bytes(data[_Z_ID_AT : _Z_ID_AT + 2], "little")))
    if any(data[_Z_OLD_AT + 1 : _Z_OLD_AT + _Z_BLOCK_BYTES]):
        return _by_id(data[_Z_OLD_ID_AT:], found)
    return ""


def _by_id(data: bytes, found: Directory) -> str:
    """Return the lens by the seven bytes at the beginning of *data*, and LensType."""
    types = found[_LENS_TYPE].numbers
    if len(data) < _ID_BYTES or not types or not any(data[:_ID_BYTES]):
        return ""
    key = bytes([*data[:_ID_BYTES], types[0] & 0xFF]).hex(" ").upper()
    # Some makers change the second byte (the stops of the aperture) within a model.
    return lens_name("nikon", key) or next(
        (lens_name("nikon", other) for other in table("nikon") if other[:2] == key[:2] and other[5:] == key[5:]), ""
    )


def _by_numbers(found: Directory) -> str:
    words = lens.by_numbers(found[_LENS].quotients)
    types = found[_LENS_TYPE].numbers
    marks = [mark for bit, mark in _MARKS if types and types[0] & bit]
    return " ".join([words, *marks]) if words else ""


def _deciphered(raw: bytes, found: Directory, model: str) -> bytes:
    """Return LensData with what follows its version deciphered; nothing if a key is missing."""
    counts, serial = found[_SHUTTER_COUNT].numbers, found[_SERIAL].text
    if not counts or not serial:
        return b""
    key = int(serial) if serial.isascii() and serial.isdigit() else 0x22 if model.endswith("D50") else 0x60
    step = _BY_SERIAL[key & 0xFF]
    count = counts[0] & 0xFFFFFFFF
    state = _BY_COUNT[count >> 24 ^ count >> 16 & 0xFF ^ count >> 8 & 0xFF ^ count & 0xFF]
    plain = bytearray(raw[:_VERSION_BYTES])
    for place, byte in enumerate(raw[_VERSION_BYTES:], _CIPHER_START):
        state = state + step * (place & 0xFF) & 0xFF
        plain.append(byte ^ state)
    return bytes(plain)
