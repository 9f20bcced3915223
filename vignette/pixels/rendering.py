"""
Makes vignettes of a picture: upright, in sRGB, with its transparency, never enlarged, without its metadata.

The picture is decoded once for all still vignettes that are asked for together; each is made from the next larger one.
Only the worker calls this, because decoders run here on what strangers send.
"""

from __future__ import annotations

import base64
import io
import logging
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError

from vignette.errors import BrokenImage, RenderingFailed
from vignette.limits import ANIMATION_SECONDS
from vignette.model import Placeholder, RenderingWarning
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.animation import animations, moves
from vignette.pixels.animation import vignette as vignette_of_frame
from vignette.pixels.colour import as_profile
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.cropping import cropped
from vignette.pixels.decoder_file import mended_file
from vignette.pixels.encoding import decoder_of, encoded
from vignette.pixels.engines import decode
from vignette.pixels.frames.film import first_picture
from vignette.pixels.geometry import Plan, plan, within
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.likeness import likeness
from vignette.pixels.noticing import notice, noticing
from vignette.pixels.pdq import Pdq
from vignette.pixels.renditions import Rendition, Step, Told
from vignette.pixels.resampling import resized
from vignette.pixels.thumbhash import MAX_EDGE_PX, mean_colour, thumbhash
from vignette.recipes import Recipe

logger = logging.getLogger(__name__)

# The door has checked the limits; and libvips, which decodes PNG, compares the checksums.
_BOUNDS: Final = Bounds(checksums=False)

# What decoders raise on damaged input. `Exception` would include the worker's time limit, which is no verdict on the
# picture.
_DECODER_ERRORS: Final = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

# How decoders say that there are too few data.
_ENDS_EARLY: Final = re.compile(r"truncat|premature|unexpected end|end of (file|data|stream)|not enough", re.IGNORECASE)


def render(
    file: BinaryIO, size: int, recipes: Sequence[Recipe], animation_seconds: float = ANIMATION_SECONDS
) -> list[Rendition]:
    """Make all vignettes of the picture of *size* bytes in *file*: see `render_in_steps`."""
    told = render_in_steps(file, size, recipes, recipes, animation_seconds)
    return list(chain.from_iterable(step for step in told if isinstance(step, list)))


def render_in_steps(
    file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float
) -> Iterator[Told]:
    """
    Make vignettes of the picture of *size* bytes in *file*: the still ones of each of *stills*, one recipe a step and
    in that order; then, of a picture that moves, those of *moving* that move.

    An animation that takes more than *animation_seconds*, or has a fault in a later frame, gets no vignette that moves.
    That is told by a warning, and so is what the decoding of the picture passed over, before the first step.

    Raises:
        Refused: The picture would not pass the door.
        RenderingFailed: Not all pixels of the picture can be decoded.
    """
    anatomy = read_anatomy(file, size, _BOUNDS)
    file, size = mended_file(file, size, anatomy)
    told: set[RenderingWarning] = set()
    if stills:
        with _decoder_errors(anatomy):
            for step in _stills(file, size, anatomy, _plans(anatomy, stills)):
                if isinstance(step, RenderingWarning):
                    told.add(step)
                yield step
    if moves(anatomy):
        plans = _plans(anatomy, [recipe for recipe in moving if recipe.moves])
        with noticing() as noticed:
            animated = list(_animations(file, size, anatomy, plans, animation_seconds))
        yield from (warning for warning in noticed if warning not in told)
        if animated:
            yield animated


def whole_picture(file: BinaryIO, size: int, most_edge_px: int | None) -> Image.Image:
    """
    Decode the picture of *size* bytes in *file*, or the first of several: upright, in sRGB, as large as it is, or with
    *most_edge_px* at its longer side. Its mode is L, LA, RGB or RGBA, and its `info` is empty.

    Raises:
        Refused: The picture would not pass the door.
        RenderingFailed: Not all pixels of the picture can be decoded.
    """
    anatomy = read_anatomy(file, size, _BOUNDS)
    file, size = mended_file(file, size, anatomy)
    wanted = within(*anatomy.upright_size, most_edge_px)
    with _decoder_errors(anatomy):
        image = _picture(first_picture(file, size, anatomy), anatomy, wanted)
        image.info = {}
        return resized(image, wanted)


def _plans(anatomy: Anatomy, recipes: Sequence[Recipe]) -> list[Plan]:
    return [plan(*anatomy.upright_size, recipe) for recipe in recipes]


def _stills(file: BinaryIO, size: int, anatomy: Anatomy, plans: Sequence[Plan]) -> Iterator[Told]:
    with noticing() as noticed:
        pictures = _shrunk(file, size, anatomy, plans)
    yield from noticed
    for planned in plans:
        recipe = planned.recipe
        # Not kept while the next one is encoded.
        picture = pictures.pop(recipe.name)
        vignette = cropped(picture, planned.size, recipe.crop)
        step = [
            Rendition(recipe, file_format, *planned.size, encoded(vignette, file_format, recipe.quality))
            for file_format in recipe.formats
        ]
        if planned is plans[0]:
            step[0] = replace(step[0], placeholder=_placeholder_of(step, likeness(picture)))
        yield step


def _shrunk(file: BinaryIO, size: int, anatomy: Anatomy, plans: Sequence[Plan]) -> dict[str, Image.Image]:
    """Decode the picture once, and return it as large as each of *plans* needs it, by the name of the recipe."""
    largest_first = sorted(plans, key=lambda plan: plan.whole, reverse=True)
    image = _picture(first_picture(file, size, anatomy), anatomy, largest_first[0].whole)
    # Encoders fall back on `info`, which holds the original's EXIF, XMP and profile.
    image.info = {}
    pictures = {}
    for planned in largest_first:
        image = pictures[planned.recipe.name] = resized(image, planned.whole)
    return pictures


def _picture(shown: BinaryIO | Image.Image, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    if isinstance(shown, Image.Image):
        return vignette_of_frame(shown, anatomy, size, as_profile(anatomy.colour, shown))
    return decode(shown, anatomy, size)


def _animations(
    file: BinaryIO, size: int, anatomy: Anatomy, plans: Sequence[Plan], seconds: float
) -> Iterator[Rendition]:
    try:
        for planned, content in animations(file, size, anatomy, plans, seconds):
            yield Rendition(planned.recipe, "webp", *planned.size, content, moves=True)
    except TimeoutError as error:
        notice(RenderingWarning.ANIMATION_TOO_COSTLY)
        logger.info("an animation has a still vignette only: %s", error)
    except (BrokenImage, *_DECODER_ERRORS) as error:
        # The first frame is sound, and the still vignette made from it is there already.
        notice(RenderingWarning.ANIMATION_DAMAGED)
        logger.info("an animation has a still vignette only: %s", error or type(error).__name__)


def _placeholder_of(stills: Step, known_by: Pdq) -> Placeholder:
    """Return what stands for the picture until the vignette is there, made from the *stills* of a recipe."""
    # JPEG has no alpha, so it is the last choice.
    smallest = min(stills, key=lambda still: (still.width * still.height, still.file_format == "jpeg"))
    scale = min(MAX_EDGE_PX / max(smallest.width, smallest.height), 1)
    size = max(1, round(smallest.width * scale)), max(1, round(smallest.height * scale))
    with Image.open(io.BytesIO(smallest.content), formats=[decoder_of(smallest.file_format)]) as vignette:
        vignette.draft("RGB", size)  # of a JPEG this leaves out most of the decoding
        image = vignette.convert("RGBa" if vignette.has_transparency_data else "RGB")
    # Only means count here, and the cheapest filter gives them as well as any.
    pixels = image.resize(size, Image.Resampling.BOX).convert("RGBA").tobytes()
    return Placeholder(
        thumbhash=base64.b64encode(thumbhash(*size, pixels)).decode("ascii"),
        colour="#" + "".join(f"{round(255 * value):02x}" for value in mean_colour(pixels)),
        pdq=known_by.bits,
        quality=known_by.quality,
    )


@contextmanager
def _decoder_errors(anatomy: Anatomy) -> Iterator[None]:
    """Turn what decoders raise into a `RenderingFailed` in our words; theirs are for the log."""
    try:
        yield
    except _DECODER_ERRORS as error:
        theirs = str(error) or type(error).__name__
        logger.info("a decoder gave up a %s: %s", anatomy.format.name, theirs)
        raise RenderingFailed(f"the {anatomy.format.name} cannot be decoded: {_reason(error, theirs)}") from error


def _reason(error: Exception, theirs: str) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is in a variety that no decoder here knows"
    if _ENDS_EARLY.search(theirs):
        return "it ends before all of its pixels"
    return "its pixels are damaged, or coded in a way that no decoder here knows"
