"""
The public copy of a picture: the same pixels, without anything that the file says of itself or of anybody.

Nothing is decoded and nothing is encoded anew. Plain Python walks along the structure, takes what makes the picture as
it stands, and leaves out everything else, known or not. The orientation and the colour profile stay, because without
them the picture would look different. So the copy says no more than one sees. What an encoder hid within the coded
pixels is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final, cast

from vignette.errors import NotPublishable, PublicCopyNotClean, Refused
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.reader import Reader
from vignette.pixels.decoder_file import mended_file
from vignette.pixels.formats import HEAD_BYTES, Format, sniff
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.metadata import describe
from vignette.pixels.pieces import Pieces, Splice
from vignette.pixels.publishing import gif, jpeg, png, webp
from vignette.pixels.publishing.kept import Kept, kept_of

__all__ = ["PUBLISHABLE", "Pieces", "Splice", "plan", "prove", "publish"]

_WRITERS: Final[dict[Format, Callable[[Reader, Kept], Pieces]]] = {
    formats.JPEG: jpeg.publish,
    formats.PNG: lambda reader, kept: png.publish(reader, kept, is_animated=False),
    formats.APNG: lambda reader, kept: png.publish(reader, kept, is_animated=True),
    formats.GIF: gif.publish,
    formats.WEBP: webp.publish,
}

# The other formats address their pixels by offset, from tables that hold metadata too: a copy would need new tables.
PUBLISHABLE: Final = tuple(_WRITERS)


def publish(source: BinaryIO, size: int, *, orientation: int | None = None) -> Splice:
    """
    Return the public copy of the picture of *size* bytes in *source*, by its `plan`, to be read at once.

    The copy reads *source* while it is read, and closes *source* when it is closed.
    """
    return Splice(source, plan(source, size, orientation=orientation), closes_source=True)


def plan(source: BinaryIO, size: int, *, orientation: int | None = None) -> Pieces:
    """
    Return what the public copy of the picture of *size* bytes in *source* is made of, proven clean.

    The plan holds for these bytes for ever. It takes three passes over them: a look at the picture, the plan, the
    proof. The copy is turned as *source* is, unless an *orientation* (1 to 8, as in EXIF) is given.

    Raises:
        NotPublishable: Pictures of this format cannot be copied without touching their pixels. No pass was made.
        PublicCopyNotClean: Read again, the copy is not what it should be, which is a fault of ours.
        Refused: *source* would not pass the door.
    """
    told = sniff(Reader(source, size).read(0, min(HEAD_BYTES, size), "the signature"))
    if told is not None and told not in _WRITERS:
        raise NotPublishable(
            f"the metadata of a file in {told.name} cannot be taken out without writing its pixels anew"
        )
    anatomy = read_anatomy(source, size)
    kept = kept_of(anatomy, orientation)
    file, size = mended_file(source, size, anatomy)
    made_of = _WRITERS[anatomy.format](Reader(file, size), kept)
    if anatomy.mended is not None:
        made_of = made_of.within(anatomy.mended)
    prove(Splice(source, made_of, closes_source=False), anatomy, kept)
    return made_of


def prove(copy: Splice, original: Anatomy, kept: Kept) -> None:
    """
    Read *copy* as if a stranger had sent it.

    Raises:
        PublicCopyNotClean: The copy is not the *original* picture, or says more than what is *kept*.
    """
    try:
        found = read_anatomy(cast(BinaryIO, copy), copy.size)
    except Refused as error:
        raise PublicCopyNotClean(f"the public copy is no sound picture: {error}") from error
    if found.mended is not None:
        raise PublicCopyNotClean("the public copy is no sound picture: it had to be mended")
    colour = kept.icc if isinstance(original.colour, bytes) else original.colour
    looks = (original.format, original.width, original.height, original.frames, colour)
    found_looks = (found.format, found.width, found.height, found.frames, found.colour)
    if found_looks != looks or found.orientation != kept.orientation:
        raise PublicCopyNotClean("the public copy is not the picture that it was made of")
    blocks = found.blocks
    if (blocks.exif, blocks.icc) != (kept.exif, kept.icc) or blocks.xmp or blocks.iptc or blocks.text:
        raise PublicCopyNotClean("the public copy still holds metadata")
    revealed = describe(blocks).get("privacy", {})
    if revealed:
        raise PublicCopyNotClean(f"the public copy still reveals {', '.join(revealed)}")
