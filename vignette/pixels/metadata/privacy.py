"""
What the metadata of a file reveal of people, places and devices: for each kind the entries that do.

It goes by the names of entries, whatever part or namespace they stand in: a serial number is called that in EXIF, in
XMP and in the namespaces of makers. What no reader here understands is not named; `vignette.pixels.publishing` leaves
it out all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

# For a person to look through; the parts themselves hold all of them.
MAX_ENTRIES_OF_A_KIND: Final = 100

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "position": (
        *("GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSDestLatitude", "GPSDestLongitude", "GPSAreaInformation"),
        # Those of DJI's drones, as they write them.
        *("GpsLatitude", "GpsLongitude", "GpsLongtitude", "AbsoluteAltitude"),
        *("City", "Sub-location", "Province-State", "Country-PrimaryLocationName", "ContentLocationName"),
        *("State", "Country", "CountryCode", "Location", "LocationCreated", "LocationShown"),
    ),
    "time": (
        *("DateTimeOriginal", "DateTimeDigitized", "DateTime", "GPSDateStamp", "GPSTimeStamp"),
        *("DateCreated", "TimeCreated", "DigitalCreationDate", "CreateDate", "Creation Time"),
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
        *("LensID", "DroneSerialNumber"),
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

KINDS: Final = tuple(_NAMES)
"""In the order in which they are told."""

_KIND_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names}


def reveals(parts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Returns JSON Pointers (RFC 6901) into *parts*, the other parts of a description, by kind (see `KINDS`)."""
    found: dict[str, list[str]] = {}
    for kind, pointer in _entries(parts):
        found.setdefault(kind, []).append(pointer)
    return {kind: found[kind][:MAX_ENTRIES_OF_A_KIND] for kind in KINDS if kind in found}


def value_at(description: Any, pointer: str) -> tuple[str, Any]:
    """The name and the value of the entry of *description* that one of our pointers leads to."""
    name, value = "", description
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    if isinstance(value, dict) and set(value) == {"keyword", "text"}:
        return value["keyword"], value["text"]
    return name, value


def _entries(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for directory, fields in parts.get("exif", {}).items():
        yield from _named(fields, "exif", directory)
    yield from _named(parts.get("xmp", {}), "xmp")
    yield from _named(parts.get("iptc", {}), "iptc")
    for index, item in enumerate(parts.get("text", [])):
        if not _is_blank(item["text"]):
            # Whatever a text is about, somebody wrote it.
            yield _kind_of(item["keyword"]) or "comments", _pointer("text", str(index))
    for name in parts.get("previews", {}):
        yield "preview", _pointer("previews", name)


def _named(fields: Mapping[str, Any], *place: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        kind = _kind_of(name.partition("#")[0])  # the second of its name is "Artist#2"
        if kind is not None and not _is_blank(value):
            yield kind, _pointer(*place, name)


def _kind_of(name: str) -> str | None:
    return _KIND_OF.get(name) or _KIND_OF.get(name.rpartition(":")[2])  # "aux:SerialNumber"


def _is_blank(value: Any) -> bool:
    """Whether *value* says nothing: cameras fill texts that nobody wrote with blanks."""
    if isinstance(value, str):
        return not value.strip("\0 \t\r\n")
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return False


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
