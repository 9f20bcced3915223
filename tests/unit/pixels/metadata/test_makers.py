"""The lens and the serial numbers in makers' notes."""

from __future__ import annotations

import json
import random
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.pixels.metadata.makers import (
    ASCII,
    BYTE,
    EXIF,
    IFD,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Directory,
    Value,
    note_at,
    pointer,
    rationals,
    text,
    tiff,
    with_note,
    xmp,
)
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.metadata import as_text, describe
from vignette.pixels.metadata.makers import nikon
from vignette.pixels.metadata.makers.lens_names import Numbers, lens_name, table
from vignette.pixels.metadata.makers.note import MAX_ENTRIES

TABLES = ("canon", "canon_rf", "nikon", "nikon_z", "olympus", "sony")
MAKERS = ("Canon", "NIKON CORPORATION", "SONY", "FUJIFILM", "OLYMPUS CORPORATION", "OM Digital Solutions", "Panasonic")


def told(stream: bytes) -> dict[str, Any]:
    description = describe(MetadataBlocks(exif=stream))
    assert "warnings" not in description
    return description


def note_of(stream: bytes) -> dict[str, Any]:
    return told(stream).get("maker_note", {})


# Canon: the offsets count from the TIFF stream.


def canon(tags: Directory, model: str = "Canon EOS 40D") -> bytes:
    return with_note("Canon", lambda at: note_at(at, tags), model)


def settings(lens_type: int, shortest: int = 0, longest: int = 0, aperture: int = 0, units: int = 1) -> Value:
    words = [80, *([0] * 39)]
    words[22:27] = [lens_type, longest, shortest, units, aperture]
    return Value(SHORT, words)


def file_info(lens_type: int) -> Value:
    words = [0] * 80
    words[61] = lens_type
    return Value(SHORT, words)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({1: settings(237, 24, 105)}, "Canon EF 24-105mm f/4L IS USM", id="a lens of its own number"),
        pytest.param({1: settings(137, 8, 16)}, "Sigma 8-16mm f/4.5-5.6 DC HSM", id="by its focal lengths"),
        pytest.param({1: settings(10, 50, 50, 84)}, "Canon EF 50mm f/2.5 Macro", id="by its aperture"),
        pytest.param({1: settings(10, 50, 50, 96)}, "Sigma 50mm f/2.8 EX", id="by its other aperture"),
        pytest.param(
            {1: settings(137, 17, 50, 96)},
            "Sigma 17-50mm f/2.8 OS HSM or Tamron SP 17-50mm f/2.8 XR Di II VC (B005)",
            id="one of two",
        ),
        pytest.param({1: settings(137, 180, 1000, 3, 10)}, "18-100mm", id="a number of lenses that it is not"),
        pytest.param({1: settings(0xFFFF, 18, 55)}, "18-55mm", id="unknown, with focal lengths"),
        pytest.param({1: settings(0xFFFF, 231, 742, units=32)}, "7.2-23.2mm", id="a compact camera"),
        pytest.param(
            {1: settings(0), 0x95: text("EF24-105mm f/4L IS USM")}, "Canon EF24-105mm f/4L IS USM", id="by name"
        ),
        pytest.param({1: settings(0), 0x95: text("35mm F1.4 DG HSM | Art 012")}, "35mm F1.4 DG HSM | Art 012"),
        pytest.param(
            {1: settings(61182, 24, 70), 0x93: file_info(263)}, "Canon RF 24-70mm F2.8L IS USM", id="of the RF mount"
        ),
        pytest.param({1: settings(61182, 1, 2), 0x93: file_info(9999)}, "1-2mm", id="of the RF mount, unknown"),
        pytest.param({1: settings(3, 189, 189)}, "Canon EF 135mm f/2.8 Soft + 1.4x", id="a teleconverter"),
        pytest.param({1: Value(SHORT, [40, *([0] * 19)])}, None, id="settings cut short"),
        pytest.param({1: Value(ASCII, b"x" * 80)}, None, id="settings of another type"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_lens_of_a_canon_is_named(tags, expected):
    assert note_of(canon(tags)).get("Lens") == expected
    assert told(canon(tags)).get("summary", {}).get("lens") == expected


@pytest.mark.parametrize(
    ("model", "written", "expected"),
    [
        ("Canon EOS 40D", 560018150, "0560018150"),
        ("Canon EOS-1D Mark III", 500292, "500292"),
        ("Canon EOS D30", 0x0123_0045, "012300069"),
        ("Canon EOS 40D", 0, None),
    ],
)
def test_the_serial_number_of_a_canon_is_that_on_its_body(model, written, expected):
    assert note_of(canon({0x0C: Value(LONG, written)}, model)).get("SerialNumber") == expected


def test_the_other_numbers_and_the_owner_of_a_canon_are_there():
    tags = {
        0x09: text("Ada"),
        0x96: Value(ASCII, b"FQ0006711\0\xff\xff"),
        0x4019: Value(UNDEFINED, bytes.fromhex("8003000482") + bytes(20)),
    }

    assert note_of(canon(tags)) == {
        "OwnerName": "Ada",
        "InternalSerialNumber": "FQ0006711",
        "LensSerialNumber": "8003000482",
    }
    assert note_of(canon({**tags, 0x4019: Value(UNDEFINED, bytes(30))}, "Canon EOS 5D")) == {"OwnerName": "Ada"}


# Nikon: a stream of its own.


def nikon_note(tags: Directory, order: str = ">") -> bytes:
    mark = b"II" if order == "<" else b"MM"
    return b"Nikon\0\2\x11\0\0" + mark + struct.pack(f"{order}HI", 42, 8) + note_at(8, tags, order)


def nikon_stream(tags: Directory, model: str = "NIKON D200", order: str = ">") -> bytes:
    return with_note("NIKON CORPORATION", lambda _: nikon_note(tags, order), model)


def lens_data(version: bytes, at: int, content: bytes, length: int = 60) -> bytes:
    return (version + bytes(at - len(version)) + content).ljust(length, b"\0")


def enciphered(data: bytes, serial: int, count: int) -> bytes:
    """As Nikon's cameras do it; the cipher is its own inverse."""
    key = count & 0xFF ^ count >> 8 & 0xFF ^ count >> 16 & 0xFF ^ count >> 24
    step, state = nikon._BY_SERIAL[serial & 0xFF], nikon._BY_COUNT[key]
    out = bytearray(data[:4])
    for number, byte in enumerate(data[4:]):
        state = (state + step * (0x60 + number & 0xFF)) & 0xFF
        out.append(byte ^ state)
    return bytes(out)


AF_50_D = bytes.fromhex("7658505014147A")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("version", "at"), [(b"0100", 6), (b"0101", 11), (b"0201", 11), (b"0202", 11), (b"0203", 11), (b"0204", 12)]
)
def test_the_lens_of_a_nikon_is_named_by_its_eight_numbers(version, at, order):
    data = lens_data(version, at, AF_50_D)
    if version >= b"0200":
        data = enciphered(data, 3001006, 70_000)
    tags = {
        0x1D: text("3001006"),
        0x83: Value(BYTE, 2),
        0x98: Value(UNDEFINED, data),
        0xA7: Value(LONG, 70_000),
    }

    assert note_of(nikon_stream(tags, order=order)) == {"Lens": "AF Nikkor 50mm f/1.8D", "SerialNumber": "3001006"}


@pytest.mark.parametrize(("model", "serial", "key"), [("NIKON D50", "a1", 0x22), ("NIKON D40X", "a1", 0x60)])
def test_a_serial_number_with_letters_is_no_key_but_its_camera_has_one(model, serial, key):
    data = enciphered(lens_data(b"0202", 11, AF_50_D), key, 5)
    tags = {0x1D: text(serial), 0x83: Value(BYTE, 2), 0x98: Value(UNDEFINED, data), 0xA7: Value(LONG, 5)}

    assert note_of(nikon_stream(tags, model))["Lens"] == "AF Nikkor 50mm f/1.8D"


@pytest.mark.parametrize(
    ("version", "at", "content", "expected"),
    [
        (b"0400", 0x18A, b"1 NIKKOR VR 10-30mm f/3.5-5.6", "1 NIKKOR VR 10-30mm f/3.5-5.6"),
        (b"0402", 0x18B, b"1 NIKKOR 18.5mm f/1.8", "1 NIKKOR 18.5mm f/1.8"),
        (b"0403", 0x2AC, b"1 NIKKOR 32mm f/1.2", "1 NIKKOR 32mm f/1.2"),
        (b"0800", 0x30, struct.pack("<HB", 13, 1), "Nikkor Z 24-70mm f/2.8 S"),
        (b"0801", 0x0D, AF_50_D, "AF Nikkor 50mm f/1.8D"),
        (b"0801", 0x30, bytes(3), None),
        (b"0999", 0x10, b"x", None),
    ],
)
def test_the_lens_of_a_mirrorless_nikon_is_named(version, at, content, expected):
    data = enciphered(lens_data(version, at, content, 800), 6078248, 1234)
    tags = {0x1D: text("6078248"), 0x83: Value(BYTE, 2), 0x98: Value(UNDEFINED, data), 0xA7: Value(LONG, 1234)}

    assert note_of(nikon_stream(tags)).get("Lens") == expected


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param({0x98: None}, id="no LensData"),
        pytest.param({0xA7: None}, id="no shutter count"),
        pytest.param({0x1D: None}, id="no serial number"),
        pytest.param({0x98: Value(UNDEFINED, b"0204")}, id="LensData cut short"),
        pytest.param({0x98: Value(UNDEFINED, b"02")}, id="LensData of nothing"),
    ],
)
def test_a_lens_of_nikon_that_cannot_be_deciphered_is_told_by_its_numbers(missing):
    tags = {
        0x1D: text("3001006"),
        0x83: Value(BYTE, 0x0E),
        0x84: rationals((18, 1), (105, 1), (35, 10), (56, 10)),
        0x98: Value(UNDEFINED, enciphered(lens_data(b"0204", 12, bytes(7)), 3001006, 7)),
        0xA7: Value(LONG, 7),
    }
    kept = {tag: value for tag, value in {**tags, **missing}.items() if value}

    assert note_of(nikon_stream(kept))["Lens"] == "18-105mm f/3.5-5.6 G VR"


def test_an_old_nikon_has_no_header_or_no_lens():
    tags = {0x84: rationals((18, 1), (35, 1), (35, 10), (45, 10)), 0xA0: text("NO= 2000a12")}

    assert note_of(with_note("NIKON", lambda at: note_at(at, tags, ">"), order=">")) == {
        "Lens": "18-35mm f/3.5-4.5",
        "SerialNumber": "2000a12",
    }
    assert note_of(with_note("NIKON", lambda at: b"Nikon\0\1\0" + note_at(at + 8, tags))) == {}


# Sony: the offsets count from the TIFF stream.


def sony(tags: Directory, header: bytes = b"SONY DSC \0\0\0") -> bytes:
    return with_note("SONY", lambda at: header + note_at(at + len(header), tags))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param({0xB027: Value(LONG, 1)}, "Minolta AF 80-200mm F2.8 HS-APO G", id="a number"),
        pytest.param(
            {0xB027: Value(LONG, 52), 0xB02A: Value(BYTE, list(bytes.fromhex("0000700300405600")))},
            "Tamron SP 70-300mm F4-5.6 Di USD",
            id="by its specification",
        ),
        pytest.param({0xB027: Value(LONG, 24)}, None, id="a number of many, without a specification"),
        pytest.param(
            {0xB027: Value(LONG, 65535), 0xB02A: Value(BYTE, list(bytes.fromhex("8300180055355600")))},
            "E 18-55mm F3.5-5.6 OSS",
            id="of the E mount, by its specification",
        ),
        pytest.param(
            {0xB02A: Value(BYTE, list(bytes.fromhex("0200850085141408")))}, "FE 85mm F1.4 G", id="a fixed lens"
        ),
        pytest.param(
            {0xB02A: Value(BYTE, list(bytes.fromhex("c300160050355600")))},
            "E PZ 16-50mm F3.5-5.6 OSS",
            id="a power zoom",
        ),
        pytest.param({0xB027: Value(LONG, 65535), 0xB02A: Value(BYTE, [0] * 8)}, None, id="no lens"),
        pytest.param({0xB027: Value(LONG, 0)}, None, id="a camera without a mount"),
        pytest.param({0xB02A: Value(BYTE, list(bytes.fromhex("00a0180055355600")))}, None, id="no digits"),
        pytest.param({0xB02A: Value(BYTE, [1] * 7)}, None, id="too short"),
    ],
)
def test_the_lens_of_a_sony_is_named(tags, expected):
    assert note_of(sony(tags)).get("Lens") == expected


# Fujifilm: the offsets count from the note.


def test_the_serial_number_of_a_sony_is_that_on_its_body():
    assert note_of(sony({0x2031: text("78563412")})) == {"SerialNumber": "12345678"}


def test_the_lens_and_number_of_a_fujifilm_are_there():
    signed = [Value(10, [pair]) for pair in ((18, 1), (55, 1), (28, 10), (4, 1))]
    tags = {0x10: text("FFDT22794526"), **dict(zip(range(0x1404, 0x1408), signed, strict=True))}
    stream = with_note("FUJIFILM", lambda _: b"FUJIFILM" + struct.pack("<I", 12) + note_at(12, tags), order=">")

    assert note_of(stream) == {"Lens": "18-55mm f/2.8-4", "InternalSerialNumber": "FFDT22794526"}


# Olympus: the offsets count from the note, or, in old cameras, from the stream.

EQUIPMENT = {
    0x101: text("BJMA03234  "),
    0x102: text("0171612001128001"),
    0x201: Value(BYTE, [0, 0, 1, 0, 0, 0]),
    0x202: text("050105886"),
    0x203: text("OLYMPUS 50mm Lens"),
    0x302: text("77"),
}
OF_EQUIPMENT = {
    "Lens": "Olympus Zuiko Digital ED 50mm F2.0 Macro",
    "LensModel": "OLYMPUS 50mm Lens",
    "SerialNumber": "BJMA03234",
    "InternalSerialNumber": "0171612001128001",
    "LensSerialNumber": "050105886",
    "ExtenderSerialNumber": "77",
}


@pytest.mark.parametrize(
    ("header", "counts_from_note"),
    [
        (b"OLYMPUS\0II\3\0", True),
        (b"OM SYSTEM\0\0\0II\4\0", True),
        (b"OLYMP\0\2\0", False),
    ],
)
@pytest.mark.parametrize("kind", [IFD, LONG])
def test_the_lens_and_the_numbers_of_an_olympus_are_there(header, counts_from_note, kind):
    tags = {0x2010: Value(kind, directories=[EQUIPMENT])}

    def note(at: int) -> bytes:
        return header + note_at(len(header) + (0 if counts_from_note else at), tags)

    assert note_of(with_note("OLYMPUS", note)) == OF_EQUIPMENT


def test_the_equipment_of_an_olympus_may_be_a_block():
    header = b"OLYMPUS\0II\3\0"
    # The block stands behind the directory: its own offsets count from the note too.
    block_at = len(header) + 2 + 12 + 4
    block = note_at(block_at, EQUIPMENT)
    directory = note_at(len(header), {0x2010: Value(UNDEFINED, block)})

    assert note_of(with_note("OLYMPUS", lambda _: header + directory)) == OF_EQUIPMENT


def test_an_olympus_without_a_number_of_its_lens_has_its_name():
    tags = {0x2010: Value(IFD, directories=[{0x203: text("M.1mm"), 0x201: Value(BYTE, [9] * 6)}]), 0x404: text("C905")}

    assert note_of(with_note("OLYMPUS", lambda _: b"OLYMPUS\0II\3\0" + note_at(12, tags))) == {
        "Lens": "M.1mm",
        "LensModel": "M.1mm",
        "SerialNumber": "C905",
    }


# Panasonic: the offsets count from the TIFF stream.


@pytest.mark.parametrize(
    "header", [b"Panasonic\0\0\0", b"LEICA\0\0\0", b"LEICA CAMERA AG\0\0\0"], ids=["Panasonic", "Leica", "D-Lux"]
)
def test_the_lens_and_the_numbers_of_a_panasonic_are_there(header):
    tags = {
        0x25: Value(UNDEFINED, b"S000407190102\0\0\0"),
        0x51: text("LUMIX G VARIO 14-42/F3.5-5.6     "),
        0x52: text("12345678901"),
        0x54: text("0000000"),
    }

    assert note_of(with_note("Panasonic", lambda at: header + note_at(at + len(header), tags))) == {
        "Lens": "LUMIX G VARIO 14-42/F3.5-5.6",
        "InternalSerialNumber": "S000407190102",
        "LensSerialNumber": "12345678901",
    }


def test_a_panasonic_without_a_lens_names_none():
    stream = with_note("Panasonic", lambda at: b"Panasonic\0\0\0" + note_at(at + 12, {0x51: text("NO-LENS")}))

    assert note_of(stream) == {}


# What all of them have in common.


@pytest.mark.parametrize("moved", [-5000, 1000, 70_000])
def test_a_note_that_was_moved_is_read_all_the_same(moved):
    tags = {1: settings(237, 24, 105), 0x95: text("EF24-105mm f/4L IS USM"), 0x0C: Value(LONG, 9)}

    found = note_of(with_note("Canon", lambda at: note_at(at + max(moved, -at), tags)))

    assert found["Lens"] == "Canon EF 24-105mm f/4L IS USM"
    assert found["LensModel"] == "EF24-105mm f/4L IS USM"


def test_a_note_that_was_moved_by_nobody_knows_how_much_tells_no_wrong_lens():
    tags = {0x0C: Value(LONG, 9), 1: settings(237, 24, 105), 0x95: text("EF24-105mm f/4L IS USM")}

    def moved(at: int) -> bytes:
        """The values stand 2 bytes behind where their offsets point at."""
        whole, end = note_at(at + 70_000, tags), 2 + 12 * 3 + 4
        return whole[:end] + bytes(2) + whole[end:]

    assert note_of(with_note("Canon", moved, "Canon EOS 40D")) == {"SerialNumber": "0000000009"}
    assert note_of(with_note("Canon", moved, "Canon EOS 20D"))["Lens"] == "Canon EF 24-105mm f/4L IS USM"


def test_a_note_may_have_another_byte_order_than_the_stream():
    tags = {1: settings(237, 24, 105)}

    assert note_of(with_note("Canon", lambda at: note_at(at, tags, ">")))["Lens"] == "Canon EF 24-105mm f/4L IS USM"


def test_a_name_in_exif_or_xmp_comes_before_that_of_the_note():
    note = {1: settings(237, 24, 105)}
    packet = xmp("", 'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:Lens="Biotar"').encode()

    assert describe(MetadataBlocks(exif=canon(note), xmp=(packet,)))["summary"]["lens"] == "Biotar"


def test_the_name_of_the_note_comes_before_mere_numbers():
    packet = xmp("", 'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:Lens="24-105mm"').encode()
    described = describe(MetadataBlocks(exif=canon({1: settings(237, 24, 105)}), xmp=(packet,)))

    assert described["summary"]["lens"] == "Canon EF 24-105mm f/4L IS USM"


def test_what_a_note_reveals_is_told():
    described = told(canon({0x09: text("Ada"), 0x0C: Value(LONG, 560018150)}))

    assert described["privacy"]["serial_numbers"] == ["/maker_note/SerialNumber"]
    assert described["privacy"]["people"] == ["/maker_note/OwnerName"]
    assert "Serial numbers  SerialNumber: 0560018150" in as_text(described)
    assert "OwnerName     Ada" in as_text(described)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"Nikon\0\2",
        b"FUJIFILM",
        b"OLYMPUS\0",
        b"OLYMPUS\0XX",
        b"Panasonic\0",
        b"SONY DSC \0\0\0",
        b"\0\0",
        b"PENTAX",
    ],
)
@pytest.mark.parametrize("make", [*MAKERS, "", "Nobody"])
def test_a_note_of_nothing_is_no_fault(make, note):
    stream = tiff({0x010F: text(make), EXIF: pointer({0x927C: Value(UNDEFINED, note)})})

    assert note_of(stream) == {}


def samples() -> dict[str, bytes]:
    equipment = {0x2010: Value(IFD, directories=[EQUIPMENT])}
    data = enciphered(lens_data(b"0204", 12, AF_50_D), 3001006, 7)
    nikon_tags = {0x1D: text("3001006"), 0x83: Value(BYTE, 2), 0x98: Value(UNDEFINED, data), 0xA7: Value(LONG, 7)}
    lumix = {0x51: text("LUMIX G VARIO 14-42/F3.5-5.6"), 0x52: text("12345678901")}
    fujifilm = {0x10: text("FFDT22794526"), 0x1404: Value(RATIONAL, [(18, 1)])}
    spec = Value(BYTE, list(bytes.fromhex("8300180055355600")))
    return {
        "Canon": canon({1: settings(137, 18, 200, 119), 0x95: text("EF1mm"), 0x93: file_info(265)}),
        "Nikon": nikon_stream(nikon_tags),
        "Sony": sony({0xB027: Value(LONG, 255), 0xB02A: spec, 0x2031: text("12345678")}),
        "Fujifilm": with_note(
            "FUJIFILM", lambda _: b"FUJIFILM" + struct.pack("<I", 12) + note_at(12, fujifilm), order=">"
        ),
        "Olympus": with_note("OLYMPUS", lambda _: b"OLYMPUS\0II\3\0" + note_at(12, equipment)),
        "Panasonic": with_note("Panasonic", lambda at: b"Panasonic\0\0\0" + note_at(at + 12, lumix)),
    }


@pytest.mark.parametrize("maker", samples())
def test_a_damaged_note_is_described(maker):
    chance = random.Random(20051104)  # the same damage in each run
    whole = samples()[maker]

    for _ in range(1500):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            damaged[chance.randrange(8, len(damaged))] = chance.choice([0, 1, 255, chance.randrange(256)])
        description = describe(
            MetadataBlocks(exif=bytes(damaged[: chance.choice([None, chance.randrange(len(whole))])]))
        )

        json.dumps(description, allow_nan=False, ensure_ascii=False).encode()
        assert not [warning for warning in description.get("warnings", []) if "cannot be read" in warning]
        assert len(json.dumps(description.get("maker_note", {}))) < 5000


def hostile(entries: int, kind: int, count: int) -> Callable[[int], bytes]:
    """A note of *entries* entries of tags that are read, each of a long value in the same place."""
    tags = [0x0001, 0x0009, 0x0093, 0x0095, 0x0096, 0x4019, 0x0098, 0x0084]

    def note(at: int) -> bytes:
        table = b"".join(struct.pack("<HHII", tags[n % len(tags)], kind, count, at) for n in range(entries))
        return struct.pack("<H", entries) + table + bytes(4) + bytes(200_000)

    return note


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
def test_a_note_of_many_long_values_costs_no_more_than_its_bounds(kind):
    begun = time.process_time()
    for entries in (MAX_ENTRIES, 65_535):
        described = describe(MetadataBlocks(exif=with_note("Canon", hostile(entries, kind, 20_000))))
        assert len(json.dumps(described.get("maker_note", {}))) < 5000

    assert time.process_time() - begun < 5


def test_a_note_that_is_a_circle_ends():
    # The directory within the note of an Olympus points at the note's own directory.
    tags = {0x2010: Value(IFD, 12), 0x404: text("C905")}

    assert note_of(with_note("OLYMPUS", lambda _: b"OLYMPUS\0II\3\0" + note_at(12, tags))) == {"SerialNumber": "C905"}


@pytest.mark.parametrize("name", TABLES)
def test_each_table_has_numbers_and_names(name):
    rows = table(name)

    assert len(rows) >= 30
    for key, names in rows.items():
        assert key.strip()
        assert all(lens == lens.strip() and lens for lens in names)
        assert len(set(names)) == len(names)


def test_more_lenses_than_three_are_no_answer():
    assert len(table("canon")["137"]) > 3
    assert lens_name("canon", "137") == ""
    assert lens_name("canon", "137", Numbers(8, 16)) == "Sigma 8-16mm f/4.5-5.6 DC HSM"
