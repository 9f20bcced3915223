"""The small JPEG that cameras embed in EXIF, to be shown while the vignette is being made."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from typing import Any, Final

from vignette.errors import VignetteError
from vignette.model import ImageFacts
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.publishing import publish

# DCF has 160 × 120; some write a few times that. More is no preview, and the client's to decode.
_MAX_PIXELS: Final = 1_000_000

# A picture that was cropped since, or bars above and below it: neither is what is coming.
_MAX_ASPECT_ERROR: Final = 0.03

# In the others a block of EXIF does not say how the picture is turned, or IFD1 is its second page.
_TURNED_BY_EXIF: Final = frozenset(kind.media_type for kind in (formats.JPEG, formats.PNG, formats.WEBP))


def embedded_preview(description: Mapping[str, Any], facts: ImageFacts) -> bytes | None:
    """
    The preview in the *description* of a picture's metadata; None if there is none that has the shape of the picture.

    It is a JPEG that says nothing but the orientation that turns it upright: whoever shows it turns it. A stranger
    wrote it, so it has been through the door, and through the making of a public copy.
    """
    if facts.media_type not in _TURNED_BY_EXIF:
        return None
    directories = description.get("exif", {})
    told = directories.get("IFD0", {}).get("Orientation")
    orientation = told if isinstance(told, int) and 1 <= told <= 8 else 1
    try:
        content = base64.b64decode(directories["IFD1"]["ThumbnailImage"]["base64"])
        anatomy = read_anatomy(io.BytesIO(content), len(content), Bounds(_MAX_PIXELS, max_frames=1))
        if anatomy.format is not formats.JPEG or not _is_of_shape(anatomy, orientation, facts):
            return None
        with publish(io.BytesIO(content), len(content), orientation=orientation) as preview:
            return preview.read()
    except (KeyError, TypeError, binascii.Error, VignetteError):
        return None


def _is_of_shape(anatomy: Anatomy, orientation: int, facts: ImageFacts) -> bool:
    width, height = anatomy.width, anatomy.height
    if orientation >= 5:
        width, height = height, width
    return abs(width * facts.height / (height * facts.width) - 1) <= _MAX_ASPECT_ERROR
