"""Values of tags in words and units."""

from __future__ import annotations

from typing import Any

import pytest

from vignette.pixels.metadata import values
from vignette.pixels.metadata.wording import wording


def ratio(numerator: int, denominator: int = 1) -> dict[str, Any]:
    return values.rational(numerator, denominator)


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        ("ExposureTime", ratio(1, 125), "1/125 s"),
        ("ExposureTime", ratio(8, 1000), "1/125 s"),
        ("ExposureTime", ratio(3, 10), "1/3 s"),
        ("ExposureTime", ratio(1, 2), "0.5 s"),
        ("ExposureTime", ratio(30), "30 s"),
        ("ExposureTime", ratio(0), "0 s"),
        ("ExposureTime", ratio(1, 4294967295), "2.328306e-10 s"),
        ("ExposureTime", ratio(0, 0), None),
        ("ExposureTime", ratio(-1, 5), None),
        ("FNumber", ratio(28, 10), "f/2.8"),
        ("FNumber", ratio(1, 0), None),
        ("ApertureValue", ratio(4), "f/4"),
        ("ApertureValue", ratio(4294967295), None),
        ("ShutterSpeedValue", ratio(7), "1/128 s"),
        ("ShutterSpeedValue", ratio(-2), "4 s"),
        ("ShutterSpeedValue", ratio(-2147483648), None),
        ("ExposureBiasValue", ratio(1, 3), "+0.333 EV"),
        ("ExposureBiasValue", ratio(-2), "-2 EV"),
        ("FocalLength", ratio(346, 100), "3.46 mm"),
        ("SubjectDistance", ratio(0xFFFFFFFF), "infinity"),
        ("SubjectDistance", ratio(0), "unknown"),
        ("SubjectDistance", ratio(5, 2), "2.5 m"),
        ("LensSpecification", [ratio(24), ratio(70), ratio(28, 10), ratio(4)], "24-70 mm f/2.8-4"),
        ("LensSpecification", [ratio(50), ratio(50), ratio(14, 10), ratio(14, 10)], "50 mm f/1.4"),
        ("LensSpecification", [ratio(200), ratio(200), ratio(0, 0), ratio(0, 0)], "200 mm"),
        ("LensSpecification", [ratio(200)], None),
        ("Flash", 0, "did not fire"),
        ("Flash", 0x19, "fired, automatic"),
        ("Flash", 0x5F, "fired, return light detected, automatic, red-eye reduction"),
        ("Flash", 0x20, "did not fire, no flash function"),
        ("Orientation", 1, "upright"),
        ("Orientation", 9, None),
        ("ResolutionUnit", 2, "inch"),
        ("ColorSpace", 65535, "uncalibrated"),
        ("MeteringMode", [5], "pattern"),
        ("MeteringMode", "spot", None),
        ("ComponentsConfiguration", values.binary(b"\1\2\3\0"), "Y Cb Cr -"),
        ("ComponentsConfiguration", values.binary(b"\4\5\6\7"), "R G B ?"),
        ("ComponentsConfiguration", values.binary(b""), None),
        ("ComponentsConfiguration", 3, None),
        ("GPSLatitude", [ratio(52), ratio(31), ratio(123, 10)], "52° 31′ 12.3″"),
        ("GPSLatitude", [ratio(52), ratio(312, 10)], "52° 31.2′"),
        ("GPSLatitude", [ratio(0, 0)] * 3, None),
        ("GPSTimeStamp", [ratio(5), ratio(2), ratio(22)], "05:02:22 UTC"),
        ("GPSTimeStamp", [ratio(5), ratio(2), ratio(724, 100)], "05:02:07.24 UTC"),
        ("GPSTimeStamp", [ratio(5)], None),
        ("GPSAltitudeRef", 1, "below sea level"),
        ("GPSImgDirection", ratio(1945, 10), "194.5°"),
        ("Make", "Nikon", None),
    ],
)
def test_a_value_is_said_as_people_say_it(tag, value, expected):
    assert wording(tag, value) == expected
