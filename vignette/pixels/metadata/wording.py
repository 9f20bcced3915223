"""Puts values of EXIF and TIFF tags into words and units for people: "1/125 s" for 0.008, "inch" for 2."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from vignette.pixels.metadata.values import as_number, as_numbers

_RESOLUTION_UNITS: Final = {1: "none", 2: "inch", 3: "cm"}
_LEVELS: Final = {0: "normal", 1: "low", 2: "high"}

_WORDS: Final[Mapping[str, Mapping[int, str]]] = {
    "ColorSpace": {1: "sRGB", 65535: "uncalibrated"},
    "CompositeImage": {
        0: "unknown",
        1: "not a composite image",
        2: "composite image",
        3: "composite image, captured while shooting",
    },
    "Compression": {
        1: "uncompressed",
        2: "CCITT 1D",
        3: "CCITT Group 3",
        4: "CCITT Group 4",
        5: "LZW",
        6: "JPEG (old style)",
        7: "JPEG",
        8: "Deflate",
        32773: "PackBits",
        32946: "Deflate",
        34892: "lossy JPEG",
        50000: "Zstandard",
        50001: "WebP",
        52546: "JPEG XL",
    },
    "Contrast": {0: "normal", 1: "soft", 2: "hard"},
    "CustomRendered": {0: "normal", 1: "custom"},
    "ExposureMode": {0: "automatic", 1: "manual", 2: "automatic bracket"},
    "ExposureProgram": {
        0: "not defined",
        1: "manual",
        2: "normal program",
        3: "aperture priority",
        4: "shutter priority",
        5: "creative program",
        6: "action program",
        7: "portrait mode",
        8: "landscape mode",
    },
    "FileSource": {0: "other", 1: "transparency scanner", 2: "reflex scanner", 3: "digital still camera"},
    "FocalPlaneResolutionUnit": _RESOLUTION_UNITS,
    # By EXIF 3.0, 0 and 1 refer to the ellipsoid, but few writers know that.
    "GPSAltitudeRef": {0: "above sea level", 1: "below sea level", 2: "above sea level", 3: "below sea level"},
    "GPSDifferential": {0: "without correction", 1: "with correction"},
    "GainControl": {0: "none", 1: "low gain up", 2: "high gain up", 3: "low gain down", 4: "high gain down"},
    "LightSource": {
        0: "unknown",
        1: "daylight",
        2: "fluorescent",
        3: "tungsten",
        4: "flash",
        9: "fine weather",
        10: "cloudy weather",
        11: "shade",
        12: "daylight fluorescent",
        13: "day white fluorescent",
        14: "cool white fluorescent",
        15: "white fluorescent",
        16: "warm white fluorescent",
        17: "standard light A",
        18: "standard light B",
        19: "standard light C",
        20: "D55",
        21: "D65",
        22: "D75",
        23: "D50",
        24: "ISO studio tungsten",
        255: "other",
    },
    "MeteringMode": {
        0: "unknown",
        1: "average",
        2: "centre-weighted average",
        3: "spot",
        4: "multi-spot",
        5: "pattern",
        6: "partial",
        255: "other",
    },
    "Orientation": {
        1: "upright",
        2: "mirrored",
        3: "turned by 180°",
        4: "mirrored and turned by 180°",
        5: "mirrored, to be turned by 270° clockwise",
        6: "to be turned by 90° clockwise",
        7: "mirrored, to be turned by 90° clockwise",
        8: "to be turned by 270° clockwise",
    },
    "PhotometricInterpretation": {
        0: "white is zero",
        1: "black is zero",
        2: "RGB",
        3: "palette",
        4: "transparency mask",
        5: "CMYK",
        6: "YCbCr",
        8: "CIELab",
        9: "ICCLab",
        32803: "colour filter array",
        34892: "linear raw",
    },
    "PlanarConfiguration": {1: "chunky", 2: "planar"},
    "ResolutionUnit": _RESOLUTION_UNITS,
    "Saturation": _LEVELS,
    "SceneCaptureType": {0: "standard", 1: "landscape", 2: "portrait", 3: "night scene"},
    "SceneType": {1: "directly photographed"},
    "SensingMethod": {
        1: "not defined",
        2: "one-chip colour area sensor",
        3: "two-chip colour area sensor",
        4: "three-chip colour area sensor",
        5: "colour sequential area sensor",
        7: "trilinear sensor",
        8: "colour sequential linear sensor",
    },
    "SensitivityType": {
        0: "unknown",
        1: "standard output sensitivity",
        2: "recommended exposure index",
        3: "ISO speed",
        4: "standard output sensitivity and recommended exposure index",
        5: "standard output sensitivity and ISO speed",
        6: "recommended exposure index and ISO speed",
        7: "standard output sensitivity, recommended exposure index and ISO speed",
    },
    "Sharpness": {0: "normal", 1: "soft", 2: "hard"},
    "SubjectDistanceRange": {0: "unknown", 1: "macro", 2: "close view", 3: "distant view"},
    "WhiteBalance": {0: "automatic", 1: "manual"},
    "YCbCrPositioning": {1: "centred", 2: "co-sited"},
}

_COMPONENTS: Final = {0: "-", 1: "Y", 2: "Cb", 3: "Cr", 4: "R", 5: "G", 6: "B"}


def wording(name: str, value: Any) -> str | None:
    """Put *value* of the tag *name* into words; return None if there are no better ones than the plain value."""
    if name in _WORDS:
        number = as_number(value)
        return _WORDS[name].get(int(number)) if number is not None else None
    phrase = _PHRASES.get(name)
    return phrase(value) if phrase else None


def plain(number: float) -> str:
    return f"{number:.7g}"


def seconds(value: Any) -> str | None:
    number = as_number(value)
    if number is None or number < 0:
        return None
    # Cameras write exposure times of up to a third of a second as fractions.
    return f"1/{round(1 / number)} s" if 1e-9 < number <= 0.3 else f"{plain(number)} s"


def aperture(value: Any) -> str | None:
    number = as_number(value)
    return f"f/{number:.3g}" if number is not None else None


def degrees(value: Any) -> str | None:
    """Write up to three numbers as degrees, minutes and seconds."""
    parts = as_numbers(value)
    known = [part for part in parts if part is not None]
    if len(parts) > 3 or len(known) != len(parts):
        return None
    return " ".join(plain(part) + mark for part, mark in zip(known, "°′″", strict=False))


def _unit(mark: str) -> Callable[[Any], str | None]:
    def phrase(value: Any) -> str | None:
        number = as_number(value)
        return f"{plain(number)}{mark}" if number is not None else None

    return phrase


def _signed_unit(mark: str) -> Callable[[Any], str | None]:
    def phrase(value: Any) -> str | None:
        number = as_number(value)
        return f"{number:+.3g}{mark}" if number is not None else None

    return phrase


def _shutter_speed(value: Any) -> str | None:
    """Convert from APEX: the time is 2 to the power of -*value* seconds."""
    number = as_number(value)
    return seconds(2**-number) if number is not None and abs(number) < 64 else None


def _apex_aperture(value: Any) -> str | None:
    """Convert from APEX: the f-number is 2 to the power of *value* / 2."""
    number = as_number(value)
    return aperture(2 ** (number / 2)) if number is not None and abs(number) < 64 else None


def _subject_distance(value: Any) -> str | None:
    if isinstance(value, Mapping) and value.get("numerator") == 0xFFFFFFFF:
        return "infinity"
    number = as_number(value)
    return None if number is None else "unknown" if number == 0 else f"{plain(number)} m"


def _flash(value: Any) -> str | None:
    """Tell the bits of EXIF tag 0x9209."""
    number = as_number(value)
    if number is None:
        return None
    bits = int(number)
    said = ["fired" if bits & 1 else "did not fire"]
    said += {2: ["return light not detected"], 3: ["return light detected"]}.get(bits >> 1 & 3, [])
    said += {1: ["switched on"], 2: ["switched off"], 3: ["automatic"]}.get(bits >> 3 & 3, [])
    said += ["no flash function"] if bits & 0x20 else []
    said += ["red-eye reduction"] if bits & 0x40 else []
    return ", ".join(said)


def _lens(value: Any) -> str | None:
    """Tell the four numbers of a lens: its shortest and longest focal length, and the least f-number at each."""
    numbers = as_numbers(value)
    if len(numbers) != 4 or numbers[0] is None:
        return None
    lengths = "-".join(dict.fromkeys(plain(number) for number in numbers[:2] if number))
    apertures = "-".join(dict.fromkeys(f"{number:.3g}" for number in numbers[2:] if number))
    return f"{lengths} mm" + (f" f/{apertures}" if apertures else "")


def _time_stamp(value: Any) -> str | None:
    parts = as_numbers(value)
    known = [part for part in parts if part is not None]
    if len(known) != 3 or len(parts) != 3:
        return None
    seconds_text = f"{known[2]:09.6f}".rstrip("0").rstrip(".")
    return f"{known[0]:02.0f}:{known[1]:02.0f}:{seconds_text} UTC"


def _components(value: Any) -> str | None:
    if not isinstance(value, Mapping) or value.get("type") != "bytes" or value.get("length") != 4:
        return None
    return " ".join(_COMPONENTS.get(code, "?") for code in base64.b64decode(value["base64"]))


_PHRASES: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "ApertureValue": _apex_aperture,
    "BrightnessValue": _signed_unit(" EV"),
    "ComponentsConfiguration": _components,
    "ExposureBiasValue": _signed_unit(" EV"),
    "ExposureTime": seconds,
    "FNumber": aperture,
    "Flash": _flash,
    "FocalLength": _unit(" mm"),
    "FocalLengthIn35mmFilm": _unit(" mm"),
    "GPSAltitude": _unit(" m"),
    "GPSDestBearing": _unit("°"),
    "GPSDestLatitude": degrees,
    "GPSDestLongitude": degrees,
    "GPSHPositioningError": _unit(" m"),
    "GPSImgDirection": _unit("°"),
    "GPSLatitude": degrees,
    "GPSLongitude": degrees,
    "GPSTimeStamp": _time_stamp,
    "GPSTrack": _unit("°"),
    "LensSpecification": _lens,
    "MaxApertureValue": _apex_aperture,
    "ShutterSpeedValue": _shutter_speed,
    "SubjectDistance": _subject_distance,
}
