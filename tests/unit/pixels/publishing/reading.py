"""How the tests of public copies make them, and compare what one sees."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageCms, ImageSequence, JpegImagePlugin

from tests.unit.pixels.reading import anatomy
from vignette.pixels.publishing import publish
from vignette.pixels.publishing.profile import without_names

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CLEAN_PROFILE = without_names(PROFILE)


def published(content: bytes) -> bytes:
    with publish(io.BytesIO(content), len(content)) as copy:
        whole = copy.read()
        assert len(whole) == copy.size
        return whole


def seen(content: bytes) -> dict[str, Any]:
    """Everything that changes how a picture looks: each frame's pixels and time, orientation, loop."""
    file = io.BytesIO(content)
    is_jpeg = content.startswith(b"\xff\xd8")
    # Not `Image.open`, which makes an MPO of a JPEG that has others behind it.
    with JpegImagePlugin.JpegImageFile(file) if is_jpeg else Image.open(file) as image:
        loop, orientation = image.info.get("loop"), image.getexif().get(0x0112, 1)
        frames = [
            (frame.mode, frame.size, frame.tobytes(), frame.info.get("duration"), frame.info.get("transparency"))
            for frame in ImageSequence.Iterator(image)
        ]
        palette = image.getpalette()
    return {"frames": frames, "palette": palette, "loop": loop, "orientation": orientation}


def profile_of(content: bytes) -> bytes | None:
    with Image.open(io.BytesIO(content)) as image:
        profile: bytes | None = image.info.get("icc_profile")
        return profile


def clean_profile_of(content: bytes) -> bytes | None:
    """The profile that a public copy of *content* should have."""
    profile = anatomy(content).profile
    return None if profile is None else without_names(profile)
