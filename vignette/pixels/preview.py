"""Takes the small JPEG that cameras embed in EXIF, to show while the vignette is being made."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any, Final

from vignette.errors import VignetteError
from vignette.limits import KIB
from vignette.model import ImageFacts
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.publishing import publish

# DCF demands 160 × 120; some cameras write a few times that. Anything larger costs the client too much to decode.
_MAX_PIXELS: Final = 1_000_000

# In the EXIF of a JPEG there is no room for more bytes. To read these takes up to 80 ms, each time that a client asks.
_MAX_BASE64_CHARS: Final = 64 * KIB * 4 // 3

# A preview of another shape shows another picture: it was made before a crop, or has bars above and below.
_MAX_ASPECT_ERROR: Final = 0.03

# In other formats EXIF does not say how the picture is turned, or IFD1 is its second page.
_TURNED_BY_EXIF: Final = frozenset(kind.media_type for kind in (formats.JPEG, formats.PNG, formats.WEBP))


def embedded_preview(description: Mapping[str, Any], facts: ImageFacts) -> bytes | None:
    """
    Return the preview in the *description* of a picture's metadata; None if none has the shape of the picture.

    A stranger wrote the preview, a JPEG. So it has to pass the check at the door, and only its public copy is returned.
    The copy keeps the colour profile, if there is one; its only other metadata is the orientation, by which browsers
    turn it upright.
    """
    if facts.media_type not in _TURNED_BY_EXIF:
        return None
    match description:
        case {"exif": {"IFD1": {"ThumbnailImage": {"base64": str() as encoded}}} as directories}:
            pass
        case _:
            return None
    if len(encoded) > _MAX_BASE64_CHARS:
        return None
    match directories:
        case {"IFD0": {"Orientation": int() as orientation}} if 1 <= orientation <= 8:
            pass
        case _:
            orientation = 1
    try:
        content = base64.b64decode(encoded)
        anatomy = read_anatomy(io.BytesIO(content), len(content), Bounds(_MAX_PIXELS, max_frames=1))
        if anatomy.format is not formats.JPEG or not _is_of_shape(anatomy, orientation, facts):
            return None
        with publish(io.BytesIO(content), len(content), orientation=orientation) as preview:
            return preview.read()
    except (ValueError, VignetteError):
        return None


def _is_of_shape(anatomy: Anatomy, orientation: int, facts: ImageFacts) -> bool:
    width, height = anatomy.width, anatomy.height
    if orientation >= 5:
        width, height = height, width
    return abs(width * facts.height / (height * facts.width) - 1) <= _MAX_ASPECT_ERROR
