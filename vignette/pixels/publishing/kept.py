"""The metadata that stay in a public copy, because they change how the picture looks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vignette.errors import NotPublishable
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.publishing.profile import Unreadable, without_names

UPRIGHT: Final = 1

_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """`orientation` as in EXIF; `icc` is a whole profile that converts colours and names nobody."""

    orientation: int
    icc: bytes | None

    @property
    def exif(self) -> bytes | None:
        """A TIFF stream that says the orientation and nothing else; None for a picture that is upright anyway."""
        if self.orientation == UPRIGHT:
            return None
        return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION_TAG, _SHORT, 1, self.orientation, 0, 0)


def kept_of(anatomy: Anatomy, orientation: int | None) -> Kept:
    """
    Return what stays of the picture's metadata; an *orientation* that is given replaces its own.

    Raises:
        NotPublishable: Browsers may apply the profile of the picture, but it cannot be told from what it hides.
    """
    profile = anatomy.profile
    try:
        icc = None if profile is None else without_names(profile)
    except Unreadable as error:
        raise NotPublishable(f"the colour profile cannot be written without what it says: {error}") from error
    return Kept(anatomy.orientation if orientation is None else orientation, icc)
