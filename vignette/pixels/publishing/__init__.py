"""
The public copy of a picture: the same pixels, without anything that the file says of itself or of anybody.

Nothing is decoded and nothing encoded anew: structure is walked in plain Python, what makes the picture is taken as it
stands, and all else is left out, known or not. Orientation and colour profile stay, for without them the picture would
look another way; so the copy says no more than what one sees. What an encoder hid within the coded pixels is not looked
at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final, cast

from vignette.errors import NotPublishable, PublicCopyNotClean, Refused
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import Format
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.metadata import describe
from vignette.pixels.pieces import Pieces, Splice
from vignette.pixels.publishing import gif, jpeg, png, webp
from vignette.pixels.publishing.kept import Kept, kept_of

__all__ = ["PUBLISHABLE", "Splice", "prove", "publish"]

_WRITERS: Final[dict[Format, Callable[[Reader, Kept], Pieces]]] = {
    formats.JPEG: jpeg.publish,
    formats.PNG: lambda reader, kept: png.publish(reader, kept, is_animated=False),
    formats.APNG: lambda reader, kept: png.publish(reader, kept, is_animated=True),
    formats.GIF: gif.publish,
    formats.WEBP: webp.publish,
}

# The rest address their pixels by offset, from tables that hold metadata too: to be moved they must be written anew.
PUBLISHABLE: Final = tuple(_WRITERS)


def publish(source: BinaryIO, size: int, *, orientation: int | None = None) -> Splice:
    """
    The public copy of the picture of *size* bytes in *source*, proven clean.

    It reads *source* while it is read, and closes it when it is closed. It is turned as *source* is, unless an
    *orientation* (1 to 8, as in EXIF) is given for it.

    Raises:
        NotPublishable: Pictures of its format cannot be copied without touching their pixels.
        PublicCopyNotClean: Read again, the copy is not what it should be: a fault of ours.
        Refused: *source* would not pass the door.
    """
    anatomy = read_anatomy(source, size)
    writer = _WRITERS.get(anatomy.format)
    if writer is None:
        raise NotPublishable(
            f"the metadata of a file in {anatomy.format.name} cannot be taken out without writing its pixels anew"
        )
    kept = kept_of(anatomy, orientation)
    copy = Splice(source, writer(Reader(source, size), kept), closes_source=True)
    prove(copy, anatomy, kept)
    copy.seek(0)
    return copy


def prove(copy: Splice, original: Anatomy, kept: Kept) -> None:
    """
    Read *copy* as if a stranger had sent it.

    Raises:
        PublicCopyNotClean: It is not the *original* picture, or says more than what is *kept*.
    """
    try:
        found = read_anatomy(cast(BinaryIO, copy), copy.size)
    except Refused as error:
        raise PublicCopyNotClean(f"the public copy is no sound picture: {error}") from error
    looks = (original.format, original.width, original.height, kept.orientation, original.frames)
    if (found.format, found.width, found.height, found.orientation, found.frames) != looks:
        raise PublicCopyNotClean("the public copy is not the picture that it was made of")
    blocks = found.blocks
    if (blocks.exif, blocks.icc) != (kept.exif, kept.icc) or blocks.xmp or blocks.iptc or blocks.text:
        raise PublicCopyNotClean("the public copy still holds metadata")
    revealed = describe(blocks).get("privacy", {})
    if revealed:
        raise PublicCopyNotClean(f"the public copy still reveals {', '.join(revealed)}")
