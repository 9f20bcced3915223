"""`image_test/` holds what `script/make_image_test.py` makes: a photo as a phone writes it, and no image."""

from __future__ import annotations

import io

import pytest
from PIL import ExifTags, Image, ImageCms

from script import make_image_test

FOLDER = make_image_test.PROJECT_FOLDER / "image_test"


@pytest.fixture
def photo() -> Image.Image:
    return Image.open(io.BytesIO((FOLDER / "photo.jpg").read_bytes()))


def test_the_folder_holds_what_the_script_makes_byte_for_byte() -> None:
    made = dict(make_image_test.files())

    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == made


def test_the_photo_is_small_enough_to_be_kept_with_the_code() -> None:
    assert (FOLDER / "photo.jpg").stat().st_size < 400_000


def test_the_photo_is_stored_lying_on_its_side(photo: Image.Image) -> None:
    assert photo.size == (1600, 1200)
    assert photo.getexif()[ExifTags.Base.Orientation] == 6


@pytest.mark.parametrize(
    ("directory", "tags"),
    [
        (None, "Make Model Orientation XResolution YResolution ResolutionUnit Software DateTime"),
        (
            ExifTags.IFD.Exif,
            """
            ExposureTime FNumber ISOSpeedRatings ExifVersion DateTimeOriginal DateTimeDigitized OffsetTime
            OffsetTimeOriginal OffsetTimeDigitized SubsecTime SubsecTimeOriginal SubsecTimeDigitized
            ComponentsConfiguration ShutterSpeedValue ApertureValue BrightnessValue Flash FocalLength
            FocalLengthIn35mmFilm MakerNote UserComment ColorSpace ExifImageWidth ExifImageHeight SceneType
            LensSpecification LensModel
            """,
        ),
        (
            ExifTags.IFD.GPSInfo,
            """
            GPSVersionID GPSLatitudeRef GPSLatitude GPSLongitudeRef GPSLongitude GPSAltitudeRef GPSAltitude
            GPSTimeStamp GPSImgDirectionRef GPSImgDirection GPSDateStamp
            """,
        ),
        (ExifTags.IFD.Interop, "InteropIndex InteropVersion"),
        (ExifTags.IFD.IFD1, "Compression JpegIFOffset JpegIFByteCount"),
    ],
    ids=["IFD0", "Exif", "GPS", "Interoperability", "IFD1"],
)
def test_the_photo_says_what_a_phone_says(photo: Image.Image, directory: ExifTags.IFD | None, tags: str) -> None:
    exif = photo.getexif()
    found = exif if directory is None else exif.get_ifd(directory)
    names = (
        ExifTags.GPSTAGS
        if directory is ExifTags.IFD.GPSInfo
        else {**ExifTags.TAGS, 1: "InteropIndex", 2: "InteropVersion"}
    )

    assert set(tags.split()) <= {names[tag] for tag in found}


def test_some_of_its_values_are_awkward(photo: Image.Image) -> None:
    exif = photo.getexif().get_ifd(ExifTags.IFD.Exif)

    assert exif[ExifTags.Base.BrightnessValue] < 0
    assert exif[ExifTags.Base.ComponentsConfiguration] == b"\x01\x02\x03\x00"
    with pytest.raises(UnicodeDecodeError):
        exif[ExifTags.Base.MakerNote].decode()


def test_it_carries_a_thumbnail(photo: Image.Image) -> None:
    thumbnail = photo.getexif().get_ifd(ExifTags.IFD.IFD1)
    start, length = thumbnail[ExifTags.Base.JpegIFOffset], thumbnail[ExifTags.Base.JpegIFByteCount]
    tiff = photo.info["exif"].removeprefix(b"Exif\0\0")

    with Image.open(io.BytesIO(tiff[start : start + length])) as small:
        small.load()

    assert small.size == (160, 120)


def test_it_carries_an_xmp_packet_in_two_languages(photo: Image.Image) -> None:
    description = photo.getxmp()["xmpmeta"]["RDF"]["Description"]

    assert {title["lang"] for title in description["title"]["Alt"]["li"]} == {"x-default", "en", "fr"}
    assert description["Rating"] == "4"
    assert description["subject"]["Bag"]["li"] == ["lake", "sunset", "été"]


def test_it_carries_an_srgb_profile(photo: Image.Image) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.info["icc_profile"]))

    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_the_text_file_is_text() -> None:
    assert (FOLDER / "notes.txt").read_text(encoding="ascii").startswith("This file is no image.")
