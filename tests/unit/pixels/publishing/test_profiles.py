"""The profile of a public copy converts colours as that of the original does, and names nobody."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from tests import profiles
from tests.makers import still
from tests.unit.pixels.publishing.reading import PROFILE, profile_of, published
from tests.unit.pixels.reading import anatomy
from vignette.errors import NotPublishable, VignetteError
from vignette.pixels.containers import icc
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.metadata import describe
from vignette.pixels.metadata import icc as icc_texts
from vignette.pixels.metadata.privacy import reveals
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.publishing.profile import Unreadable, without_names

SECRET = b"SECRET"
MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
SRGB = ImageCms.createProfile("sRGB")
D50 = (63190, 65536, 54061)

IDENTITY = struct.pack(">9i", *(65536 * (index % 4 == 0) for index in range(9)))
LINE = b"para" + bytes(4) + struct.pack(">Hxxi", 0, 65536)
SQUARE = b"curv" + bytes(4) + struct.pack(">IHxx", 1, 512)


def xyz(*values: int) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *values)


def corners(size: int) -> bytes:
    """A grid of two points in each of three dimensions: red stays red and so on, a little darker."""
    most = 250 if size == 1 else 64000
    values = [(most * (index >> shift & 1)) for index in range(8) for shift in (2, 1, 0)]
    return struct.pack(f">{len(values)}{'B' if size == 1 else 'H'}", *values)


def stages(kind: bytes) -> bytes:
    """All five stages of a lutAToBType, with words between them."""
    parts = [
        (LINE + b"") * 3,
        IDENTITY + bytes(12),
        SQUARE * 3,
        bytes([2, 2, 2]).ljust(16, b"S") + b"\2SEC" + corners(2),
        LINE * 3,
    ]
    offsets, body = [], SECRET + b"12"
    for part in parts:
        offsets.append(32 + len(body))
        body += part + SECRET + b"12"
    return kind + b"SECR" + bytes([3, 3]) + b"SE" + struct.pack(">5I", *offsets) + body


def lookup(kind: bytes) -> bytes:
    if kind == b"mft1":
        tables, grid, counts = bytes(range(256)) * 3, corners(1), b""
    else:
        tables, grid, counts = struct.pack(">HHH", 0, 30000, 65535) * 3, corners(2), struct.pack(">HH", 3, 3)
    return kind + b"SECR" + bytes([3, 3, 2]) + b"S" + IDENTITY + counts + tables + grid + tables


def talkative(
    tags: Mapping[bytes, bytes], *, model: bytes = b"RGB ", connection: bytes = b"XYZ ", version: int = 4
) -> bytes:
    """A profile of *tags* with words in each field and place that no colour needs."""
    told = dict(tags) | {
        b"desc": b"text" + bytes(4) + SECRET,
        b"cprt": b"text" + bytes(4) + SECRET,
        b"dmnd": b"text" + bytes(4) + SECRET,
        b"mmod": b"mmod" + SECRET,
        b"targ": b"text" + bytes(4) + SECRET,
        b"vcgt": SECRET,
        b"priv": SECRET,
    }
    start = 128 + 4 + 12 * len(told)
    table, body = b"", b""
    for name, content in told.items():
        content += SECRET
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + SECRET
        body += bytes(-len(body) % 4)
    header = struct.pack(">I4sBB2s4s4s4s", start + len(body), b"SECR", version, 0x20, b"SE", b"mntr", model, connection)
    header += struct.pack(">6H4s", 2024, 5, 17, 10, 11, 12, b"acsp") + b"SECRSECRSECRSECRSECRSECR" + bytes(4)
    header += struct.pack(">3i", *D50)
    return header.ljust(128, b"S") + struct.pack(">I", len(told)) + table + body


WHITE = {b"wtpt": xyz(*D50), b"chad": b"sf32" + b"SECR" + IDENTITY}
COLUMNS = {b"rXYZ": xyz(28578, 14629, 911), b"gXYZ": xyz(25241, 46981, 6362), b"bXYZ": xyz(9376, 3964, 46805)}
TABLE_CURVE = b"curv" + b"SECR" + struct.pack(">I5H", 5, 0, 4000, 20000, 40000, 65535)
FUNCTION = b"para" + b"SECR" + struct.pack(">H2s5i", 3, b"SE", 157286, 62119, 3417, 5072, 2654)


def curves(curve: bytes) -> dict[bytes, bytes]:
    return dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)


TALKATIVE = {
    "matrix and powers": talkative(WHITE | COLUMNS | curves(SQUARE)),
    "matrix and tables": talkative(WHITE | COLUMNS | curves(TABLE_CURVE), version=2),
    "matrix and functions": talkative(WHITE | COLUMNS | curves(FUNCTION)),
    "grey": talkative(WHITE | {b"kTRC": TABLE_CURVE}, model=b"GRAY"),
    "table of 8 bits": talkative(WHITE | {b"A2B0": lookup(b"mft1")}, connection=b"Lab ", version=2),
    "table of 16 bits": talkative(WHITE | {b"A2B0": lookup(b"mft2")}, connection=b"Lab ", version=2),
    "stages": talkative(WHITE | {b"A2B0": stages(b"mAB "), b"B2A0": stages(b"mBA ")}, connection=b"Lab "),
    "a table back that is damaged": talkative(WHITE | COLUMNS | curves(SQUARE) | {b"B2A0": b"mft1SECRET"}),
}


def shown(profile: bytes, intent: ImageCms.Intent) -> bytes:
    """What LittleCMS makes of a spread of colours in this profile."""
    mode = MODES[profile[16:20]]
    steps = (37, 91, 151, 211)[: len(mode)]
    colours = bytes(index * step % 256 for index in range(4096) for step in steps)
    transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, mode, "RGB", intent)
    return ImageCms.applyTransform(Image.frombytes(mode, (64, 64), colours), transform).tobytes()


@pytest.mark.parametrize("name", TALKATIVE)
def test_it_converts_colours_in_the_same_way_and_says_nothing(name: str) -> None:
    profile = TALKATIVE[name]

    clean = without_names(profile)

    assert b"SEC" in profile
    assert b"SEC" not in clean
    assert icc.fault(clean, tuple(MODES)) is None
    for intent in ImageCms.Intent:
        assert shown(clean, intent) == shown(profile, intent)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(PROFILE, id="of LittleCMS"),
        pytest.param(profiles.rgb_profile(profiles.DISPLAY_P3), id="of RGB"),
        pytest.param(profiles.grey_profile(1.8), id="of grey"),
        pytest.param(profiles.cmyk_profile([(55, -37, -50), (48, 74, -3), (89, -5, 93), (16, 0, 0)]), id="of CMYK"),
    ],
)
def test_a_clean_one_is_a_sound_one_and_is_cleaned_once(profile: bytes) -> None:
    clean = without_names(profile)

    assert without_names(clean) == clean
    for intent in ImageCms.Intent:
        assert shown(clean, intent) == shown(profile, intent)


def test_what_it_still_says_is_the_same_of_all() -> None:
    said = [icc_texts.read(without_names(profile), Remarks()) for profile in TALKATIVE.values()]

    for texts in said:
        assert (texts["description"], texts["copyright"]) == ("colour profile", "none")
        assert not {"created_at", "creator", "platform", "manufacturer", "model"} & set(texts)


def test_the_copy_of_each_format_has_it() -> None:
    profile = TALKATIVE["matrix and powers"]

    for file_format in ("JPEG", "PNG", "WEBP"):
        assert profile_of(published(still(file_format, icc_profile=profile))) == without_names(profile)


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param({b"rTRC": b"curv" + bytes(4) + struct.pack(">I", 2**31)}, id="a curve longer than its tag"),
        pytest.param({b"rTRC": b"SECRETkind"}, id="a curve of no known type"),
        pytest.param({b"gXYZ": b"XYZ "}, id="a colour cut off"),
        pytest.param({b"A2B0": b"mft1" + bytes(4) + b"\x0f\x0f\xff\0" + bytes(40)}, id="a huge grid"),
        pytest.param({b"A2B0": b"mAB " + bytes(4) + b"\3\3\0\0" + struct.pack(">5I", 2**32 - 1, 0, 0, 0, 0)}, id="far"),
    ],
)
def test_a_picture_whose_profile_cannot_be_read_has_no_copy(damaged: dict[bytes, bytes]) -> None:
    profile = talkative(WHITE | COLUMNS | curves(SQUARE) | damaged)

    with pytest.raises(Unreadable):
        without_names(profile)
    with pytest.raises(NotPublishable, match="profile") as refusal:
        published(still("JPEG", icc_profile=profile))
    assert not re.search(r"\bb['\"]", str(refusal.value))


def test_a_profile_of_many_segments_is_put_together_again() -> None:
    """The table of a printer is larger than a segment of a JPEG."""
    straight = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 17, 0]) + IDENTITY + straight * 4 + bytes(3 * 17**4) + straight * 3
    profile = talkative(WHITE | {b"A2B0": table}, model=b"CMYK", connection=b"Lab ", version=2)

    assert profile_of(published(still("JPEG", mode="CMYK", icc_profile=profile))) == without_names(profile)


@pytest.mark.skipif("VIGNETTE_CORPUS" not in os.environ, reason="VIGNETTE_CORPUS names no folder of real pictures")
def test_profiles_of_real_pictures_show_the_same_colours() -> None:
    found = set()
    for path in Path(os.environ["VIGNETTE_CORPUS"]).rglob("*"):
        try:
            with path.open("rb") as file:
                found.add(read_anatomy(file, path.stat().st_size).profile)
        except (OSError, VignetteError):
            continue
    found.discard(None)

    assert found
    for profile in filter(None, found):
        clean = without_names(profile)
        assert len(clean) <= len(profile) + 200
        for intent in ImageCms.Intent:
            assert shown(clean, intent) == shown(profile, intent), icc_texts.read(profile, Remarks())


def test_its_texts_are_told_as_what_the_file_reveals_unless_they_are_widespread() -> None:
    told = still("JPEG", icc_profile=TALKATIVE["matrix and powers"])

    revealed = describe(anatomy(told).blocks)["privacy"]["colour_profile"]

    assert revealed == ["/icc/description", "/icc/copyright", "/icc/manufacturer"]
    assert "privacy" not in describe(anatomy(published(told)).blocks)
    for words in ("sRGB IEC61966-2.1", "Display P3", "Adobe RGB (1998)", "Copyright Apple Inc., 2022", "c2"):
        assert reveals({"icc": {"description": words}}) == {}
    for words in ("sRGB of Anna", "Display P3 for Anna: room 12", "ANNA-IMAC calibrated 2024-05-17"):
        assert reveals({"icc": {"description": words}}) == {"colour_profile": ["/icc/description"]}
