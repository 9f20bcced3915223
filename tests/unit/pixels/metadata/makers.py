"""Makes the blocks that the tests read: TIFF streams, IPTC datasets, XMP packets, ICC profiles."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD = range(1, 14)
UTF_8 = 129

_CODES = dict(zip(range(1, 14), ["B", "B", "H", "I", "II", "b", "B", "h", "i", "ii", "f", "d", "I"], strict=True))

EXIF, GPS, INTEROP, SUB_IFDS = 0x8769, 0x8825, 0xA005, 0x014A


@dataclass
class Value:
    """A value of a type: bytes as they are, numbers packed, `directories` written and pointed at."""

    type: int
    content: Any = ()
    directories: Sequence[Directory] = field(default_factory=list)


Directory = Mapping[int, Value] | Sequence[tuple[int, Value]]


def text(content: str) -> Value:
    return Value(ASCII, content.encode() + b"\0")


def rationals(*pairs: tuple[int, int], signed: bool = False) -> Value:
    return Value(SRATIONAL if signed else RATIONAL, list(pairs))


def pointer(*directories: Directory) -> Value:
    return Value(LONG, directories=directories)


def tiff(*pages: Directory, order: str = "<") -> bytes:
    """A TIFF stream of the directories IFD0, IFD1 …; *order* is "<" or ">", as in `struct`."""
    stream = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    link = 4
    for page in pages:
        start, next_link = _write(stream, page, order)
        struct.pack_into(f"{order}I", stream, link, start)
        link = next_link
    return bytes(stream)


def _write(stream: bytearray, directory: Directory, order: str) -> tuple[int, int]:
    """Append *directory* to *stream*: where it starts, and where its pointer to the next one is."""
    entries = list(directory.items() if isinstance(directory, Mapping) else directory)
    start = len(stream)
    stream += struct.pack(f"{order}H", len(entries)) + bytes(12 * len(entries) + 4)
    for number, (tag, value) in enumerate(entries):
        if value.directories:
            value = Value(value.type, [_write(stream, each, order)[0] for each in value.directories])
        count, raw = _packed(value, order)
        at = start + 2 + 12 * number
        struct.pack_into(f"{order}HHI", stream, at, tag, value.type, count)
        if len(raw) <= 4:
            stream[at + 8 : at + 8 + len(raw)] = raw
        else:
            struct.pack_into(f"{order}I", stream, at + 8, len(stream))
            stream += raw
    return start, start + 2 + 12 * len(entries)


def _packed(value: Value, order: str) -> tuple[int, bytes]:
    if isinstance(value.content, bytes):
        return len(value.content), value.content
    items = value.content if isinstance(value.content, list) else [value.content]
    raw = b"".join(
        struct.pack(order + _CODES[value.type], *(item if isinstance(item, tuple) else (item,))) for item in items
    )
    return len(items), raw


def entry(tag: int, type_code: int, count: int, inline: int, order: str = "<") -> bytes:
    """An entry as it stands in a directory, for those that no honest writer makes."""
    return struct.pack(f"{order}HHII", tag, type_code, count, inline)


def raw_tiff(*entries: bytes, next_offset: int = 0, behind: bytes = b"") -> bytes:
    """A little-endian stream whose IFD0 holds *entries*, and *behind* after it."""
    return (
        struct.pack(f"<2sHIH{12 * len(entries)}sI", b"II", 42, 8, len(entries), b"".join(entries), next_offset) + behind
    )


def dataset(record: int, number: int, content: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(content)) + content


RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
XMP = "http://ns.adobe.com/xap/1.0/"


def xmp(properties: str, attributes: str = "") -> str:
    """A packet whose one description holds *properties* as elements, or as *attributes*."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" xmlns:dc="{DC}" xmlns:xmp="{XMP}" {attributes}>'
        f'{properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def icc(tags: Mapping[bytes, bytes], version: bytes = b"\x04\x30\0\0") -> bytes:
    """A profile for displays, RGB, with the elements *tags* under their signatures."""
    header = bytearray(128)
    header[8:12], header[12:16], header[16:20], header[20:24] = version, b"mntr", b"RGB ", b"XYZ "
    header[24:36] = struct.pack(">6H", 2022, 1, 2, 3, 4, 5)
    header[36:40], header[40:44], header[64:68], header[80:84] = b"acsp", b"APPL", bytes(4), b"appl"
    offset = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    for signature, element in tags.items():
        table += struct.pack(">4sII", signature, offset, len(element))
        offset += len(element)
    profile = bytes(header) + table + b"".join(tags.values())
    return struct.pack(">I", len(profile)) + profile[4:]


def localised(texts: Mapping[str, str]) -> bytes:
    """An element of type mluc: texts by language ("en")."""
    raw = [content.encode("utf-16-be") for content in texts.values()]
    offset = 16 + 12 * len(texts)
    records = b""
    for language, content in zip(texts, raw, strict=True):
        records += struct.pack(">2s2sII", language.encode(), b"XX", len(content), offset)
        offset += len(content)
    return struct.pack(">4s4xII", b"mluc", len(texts), 12) + records + b"".join(raw)


def note_at(at: int, directory: Directory, order: str = "<") -> bytes:
    """A directory of a maker's note, which will stand *at* so many bytes behind where its offsets count from."""
    stream = bytearray(at)
    _write(stream, directory, order)
    return bytes(stream[at:])


def with_note(make: str, note: Callable[[int], bytes], model: str = "", order: str = "<") -> bytes:
    """A TIFF stream with the maker's note that *note* makes for its place in the stream."""

    def stream(content: bytes) -> bytes:
        tags = {0x010F: text(make), 0x0110: text(model), EXIF: pointer({0x927C: Value(UNDEFINED, content)})}
        return tiff(tags, order=order)

    length = len(note(0))
    mark = b"\xa5" * length
    return stream(note(stream(mark).index(mark)))
