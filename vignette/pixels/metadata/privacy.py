"""
Lists the entries of a description that reveal something of people, places or devices, by kind.

An entry is recognised by its name, in whatever part or namespace it stands: EXIF, XMP and the makers' own namespaces
use the same few names for a serial number. An entry of another name is not listed, nor is a block that no reader here
understands. The public copy, made by `vignette.pixels.publishing`, leaves out those too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

# A person looks through the list. The description itself has all entries.
MAX_ENTRIES_OF_A_KIND: Final = 100

# To an entry: its part and name, and between these a directory of EXIF.
_STEPS: Final = (2, 3)

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "position": (
        *("GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSDestLatitude", "GPSDestLongitude", "GPSAreaInformation"),
        # DJI's drones spell them so.
        *("GpsLatitude", "GpsLongitude", "GpsLongtitude", "AbsoluteAltitude"),
        *("City", "Sub-location", "Province-State", "Country-PrimaryLocationName", "ContentLocationName"),
        *("State", "Country", "CountryCode", "Location", "LocationCreated", "LocationShown"),
        # Where the camera looked, and which way it moved.
        *("GPSImgDirection", "GPSTrack", "GPSSpeed", "GPSDestBearing", "GPSDestDistance", "GPSPosition"),
        *("Country-PrimaryLocationCode", "ContentLocationCode"),
    ),
    "time": (
        *("DateTimeOriginal", "DateTimeDigitized", "DateTime", "GPSDateStamp", "GPSTimeStamp"),
        *("DateCreated", "TimeCreated", "DigitalCreationDate", "CreateDate", "Creation Time"),
        *("ModifyDate", "MetadataDate"),
        *("date:create", "date:modify", "date:timestamp"),
    ),
    "people": (
        *("Artist", "Author", "XPAuthor", "CameraOwnerName", "OwnerName", "Owner", "OwnerID", "Photographer"),
        *("ImageEditor", "Copyright", "CopyrightNotice", "HostComputer", "creator", "rights", "CreatorContactInfo"),
        *("By-line", "Writer-Editor", "Contact", "Credit", "CaptionWriter", "AuthorsPosition", "PersonInImage"),
        # The names of faces: Metadata Working Group, Microsoft, Apple.
        *("Regions", "RegionInfo", "PeopleKeywords"),
    ),
    "serial_numbers": (
        *("BodySerialNumber", "LensSerialNumber", "CameraSerialNumber", "SerialNumber", "InternalSerialNumber"),
        *("LensID", "DroneSerialNumber", "ExtenderSerialNumber", "AccessorySerialNumber"),
    ),
    "maker_note": ("MakerNote", "DNGPrivateData"),
    "preview": ("ThumbnailImage", "ObjectPreviewData", "Thumbnails", "PreviewImage"),
    "history": (
        *("Software", "ProcessingSoftware", "ImageHistory", "RAWDevelopingSoftware", "ImageEditingSoftware"),
        *("MetadataEditingSoftware", "OriginatingProgram", "DocumentHistory", "CreatorTool", "History", "Ingredients"),
        *("DocumentAncestors", "DerivedFrom", "RawFileName", "OriginalRawFileName", "PreservedFileName"),
    ),
    "ids": (
        *("ImageUniqueID", "RawDataUniqueID", "DocumentID", "InstanceID", "OriginalDocumentID", "UniqueDocumentID"),
        *("MasterDocumentID", "DigImageGUID", "GUID", "ContentIdentifier"),
    ),
    "comments": (
        *("UserComment", "ImageDescription", "XPComment", "XPSubject", "XPTitle", "XPKeywords", "Keywords", "subject"),
        *("description", "title", "Caption-Abstract", "Headline", "ObjectName", "SpecialInstructions", "DocumentNotes"),
    ),
}

_PROFILE: Final = "colour_profile"

KINDS: Final = (*_NAMES, _PROFILE)
"""The kinds, in the order of `reveals`."""

# The texts of a colour profile. The profile of a screen that somebody has measured may name its computer and its owner;
# those that come with programs say the same in millions of files.
_TEXTS_OF_A_PROFILE: Final = ("description", "manufacturer", "model", "copyright")
_WIDESPREAD: Final = re.compile(
    r"colour profile|none|c2|Public Domain|No copyright, use freely|"
    r"sRGB( built-in| Color Space Profile| IEC61966[-.]2[-.]1( black scaled)?)?|Display P3|Image P3|DCI-P3[-_0-9D]*|"
    r"Adobe RGB \(1998\)|Apple RGB|ProPhoto RGB|Generic (RGB|Gray|CMYK)( Gamma 2\.2)? Profile|Dot Gain \d\d%|"
    r"Gray Gamma \d\.\d|U\.S\. Web Coated \(SWOP\) v2|(Coated|Uncoated) FOGRA\d\d[ (),:/0-9A-Z]{0,30}|"
    r"IEC http://www\.iec\.ch|IEC 61966-2[-.]1 Default RGB colour space - sRGB|"
    r"(Copyright )?(\(c\) )?(\d{4} )?(Hewlett-Packard Company|Google Inc\.|Adobe Systems Incorporated|"
    r"Apple Inc\.|Apple Computer, Inc\.|International Color Consortium)(,? (\d{4}|all rights reserved\.?))*",
    re.IGNORECASE | re.ASCII,
)

_KIND_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names}


def reveals(parts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, by kind, JSON Pointers (RFC 6901) to the entries that reveal something in *parts* of a description."""
    found: dict[str, list[str]] = {}
    for kind, pointer in _entries(parts):
        found.setdefault(kind, []).append(pointer)
    return {kind: found[kind][:MAX_ENTRIES_OF_A_KIND] for kind in KINDS if kind in found}


def pointed_at(pointers: Iterable[str]) -> list[tuple[str, ...]]:
    """
    Return where *pointers* lead: the names of the steps to each entry, once.

    Whoever wrote the pointers may be a stranger. Those that lead to more than an entry, deep into one, or again to the
    same are left out, as are those beyond `MAX_ENTRIES_OF_A_KIND`: to tell all of them takes no longer than to tell the
    description.
    """
    some = islice(pointers, MAX_ENTRIES_OF_A_KIND)
    paths = (tuple(step.replace("~1", "/").replace("~0", "~") for step in one.split("/")[1:]) for one in some)
    return [path for path in dict.fromkeys(paths) if len(path) in _STEPS]


def value_at(description: Any, path: Iterable[str]) -> tuple[str, Any]:
    """
    Return the name and the value of the entry at the end of *path*, one of `pointed_at`, in *description*.

    Raises:
        LookupError: There is none.
    """
    name, value = "", description
    for name in path:
        value = value[_index(name)] if isinstance(value, list) else value[name]
    if isinstance(value, dict) and set(value) == {"keyword", "text"}:
        return value["keyword"], value["text"]
    return name, value


def _index(name: str) -> int:
    """Return the number that *name* is, which has one spelling (RFC 6901, 4)."""
    index = int(name) if name.isdecimal() else -1
    if str(index) != name:
        raise LookupError(f"{name[:40]!r} is no index of a list")
    return index


def _entries(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for directory, fields in parts.get("exif", {}).items():
        yield from _named(fields, "exif", directory)
    yield from _named(parts.get("maker_note", {}), "maker_note")
    yield from _named(parts.get("xmp", {}), "xmp")
    yield from _named(parts.get("iptc", {}), "iptc")
    for index, item in enumerate(parts.get("text", [])):
        if not _is_blank(item["text"]):
            # A text of any other keyword is still something that somebody wrote.
            yield _kind_of(item["keyword"]) or "comments", _pointer("text", str(index))
    for name, value in parts.get("icc", {}).items():
        if name in _TEXTS_OF_A_PROFILE and not _is_blank(value) and not _WIDESPREAD.fullmatch(value):
            yield _PROFILE, _pointer("icc", name)
    for name in parts.get("previews", {}):
        yield "preview", _pointer("previews", name)


def _named(fields: Mapping[str, Any], *place: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        kind = _kind_of(name.partition("#")[0])  # "Artist#2": a repeated name is numbered
        if name == "HostComputer" and value == fields.get("Model"):
            continue  # a phone is its own computer: nobody's name, as a computer's may be
        if kind is not None and not _is_blank(value):
            yield kind, _pointer(*place, name)


def _kind_of(name: str) -> str | None:
    return _KIND_OF.get(name) or _KIND_OF.get(name.rpartition(":")[2])  # "aux:SerialNumber"


def _is_blank(value: Any) -> bool:
    """Whether *value* is empty or blank: cameras fill a text that nobody wrote with blanks."""
    if isinstance(value, str):
        return not value.strip("\0 \t\r\n")
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return False


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
