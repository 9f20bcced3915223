"""
Has vignettes made by processes that hold nothing: a file to read, and a connection for what comes out.

The process of the worker's pool that uses a `Decoder` loads no library that decodes. It believes nothing that comes
back: not which vignettes, nor how large they are, nor that they are pictures of the format that they should have.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, BinaryIO, Final, NoReturn

from vignette.errors import Overloaded, Refused, RenderingFailed, TooMuchMemory, TooMuchTime
from vignette.jail.cell import CellLimits
from vignette.jail.cells import (
    CellDied,
    CellPool,
    CellTrouble,
    NoCell,
    OutOfMemory,
    OutOfProcessorTime,
    Session,
)
from vignette.jail.confinement import LARGE_PAGES
from vignette.jail.messages import Malformed, Message, line, whole_number
from vignette.limits import KIB, MAX_ANIMATION_PIXELS, MIB
from vignette.model import Placeholder, RenderingWarning
from vignette.pixels.geometry import within
from vignette.pixels.renditions import Rendition, Rewritten, Step, Told
from vignette.recipes import Recipe, VignetteFormat

WORK: Final = "vignette.adapters.decoder.decoding:do"

# A cell decodes this many pictures at most. A flaw in a decoder reaches the pictures of others that come after it in
# the same cell. A new cell takes 5 ms of processor time to begin and to end, 2 ms to enter the sandbox, and 6 ms for
# memory that its first picture no longer shares with the others (measured on two busy processors): of that each
# picture pays a sixteenth, 0.8 ms.
PICTURES_OF_A_CELL: Final = 16

# A process of Celery's pool of forks decodes one picture at a time. With `--pool threads` there is one process, and
# each of its threads decodes one. Celery bounds them.
_MOST_AT_ONCE: Final = 256

# What a cell may keep of pictures before, and what it needs to tell that a picture took too much.
_KEPT_BYTES: Final = 64 * MIB

# glibc sets aside 64 MiB for each heap, without taking them; the threads of a process share at most eight heaps for
# each processor (malloc/arena.c).
_HEAP_BYTES: Final = 64 * MIB
_HEAPS_PER_PROCESSOR: Final = 8

# What a cell may need after the time of a step was up, in seconds: to say so. The kernel then ends it.
_AFTERWARDS_S: Final = 5

# No vignette is larger than this: what its pixels take without compression, twice, and its head. Of the pixels of one
# that moves, all its frames count.
_BYTES_PER_PIXEL: Final = 8
_HEAD_BYTES: Final = 64 * KIB
_MOST_BYTES_OF_MOVING: Final = 2 * MAX_ANIMATION_PIXELS

# How the formats begin: RFC 9649, section 2.4; ITU-T T.81, section B.1.1.3; ISO/IEC 23008-12, after a box length.
_BEGINS: Final[Mapping[VignetteFormat, re.Pattern[bytes]]] = {
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "avif": re.compile(rb"....ftypavi[fs]", re.DOTALL),
}

# What the store reads at once.
_MOST_BYTES_OF_REWRITTEN: Final = 256 * MIB

_MAX_THUMBHASH_CHARS: Final = 64
_THUMBHASH: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_PDQ_CHARS: Final = 64
_PDQ: Final = re.compile(r"[0-9a-f]{64}")

logger = logging.getLogger(__name__)


class DecoderDied(Exception):
    """The process that decoded the picture died, hung, or told what cannot be. Another attempt may do better."""


class Decoder:
    """
    Makes vignettes as `pixels.rendering.render_in_steps` does, and raises what it raises, in a cell of this process.
    The libraries are loaded by each process that decodes, or once for a process that `share`s and its forks.

    A file has at most *max_file_bytes*. A step may take *memory_bytes* and *cpu_seconds* of processor time; all of it,
    *wall_s* seconds of waiting. *work* is the name of a `decoding.Decoding`. Each thread that decodes has a cell.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        cpu_seconds: float,
        wall_s: float,
        max_file_bytes: int = 100 * MIB,
        work: str = WORK,
    ) -> None:
        self._limits = {"memory_bytes": memory_bytes, "cpu_seconds": cpu_seconds}
        self._pool = CellPool(
            work,
            CellLimits(
                cpu_s=cpu_seconds + _AFTERWARDS_S,
                life_cpu_s=PICTURES_OF_A_CELL * int(2 * wall_s + _AFTERWARDS_S),
                memory_bytes=memory_bytes + _KEPT_BYTES,
                mapped_bytes=2 * max_file_bytes + _HEAP_BYTES * _HEAPS_PER_PROCESSOR * (os.cpu_count() or 1),
                sandbox="threads",
            ),
            cells=_MOST_AT_ONCE,
            keeps_spare=False,
            pieces=PICTURES_OF_A_CELL,
            wall_s=wall_s,
            wait_s=0,
            errors=_kinds(Refused, RenderingFailed),
            environment=LARGE_PAGES,
        )

    def __call__(
        self, file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float
    ) -> Iterator[Told]:
        """
        Make the vignettes of the picture of *size* bytes in *file*, which has a descriptor.

        Raises:
            Refused: The picture would not pass the door.
            TooMuchMemory: It needs more memory than it may take.
            TooMuchTime: It needs more processor time than it may take.
            RenderingFailed: Not all pixels of the picture can be decoded.
            DecoderDied: The decoder came to no end.
            Overloaded: No process can be started.
        """
        begin = {
            "do": "begin",
            "size": size,
            "stills": [asdict(recipe) for recipe in stills],
            "moving": [asdict(recipe) for recipe in moving],
            "animation_seconds": animation_seconds,
            **self._limits,
        }
        try:
            with self._pool.session() as session:
                yield from _Answers(session, stills, moving).steps(begin, file.fileno())
        except CellTrouble as error:
            self._explain(error)

    def rewrite(
        self, file: BinaryIO, size: int, upright: tuple[int, int], most_edge_px: int | None, quality: int
    ) -> Rewritten:
        """
        Write the picture of *size* bytes in *file* anew, as `pixels.rewriting.rewrite` does. Its width and height are
        known to be *upright*. If the decoder comes to no end, another one tries it.

        Raises:
            Refused, TooMuchMemory, TooMuchTime, Overloaded: As above.
            RenderingFailed: Not all of its pixels can be decoded, or no decoder comes to an end.
        """
        order = {"do": "rewrite", "size": size, "most_edge_px": most_edge_px, "quality": quality, **self._limits}
        wanted = within(*upright, most_edge_px)
        try:
            return self._rewritten_once(order, file.fileno(), wanted)
        except DecoderDied as error:
            logger.warning("a picture is decoded once more: %s", error)
        try:
            return self._rewritten_once(order, file.fileno(), wanted)
        except DecoderDied as error:
            raise RenderingFailed("the process that decodes it ended without a result") from error

    def _rewritten_once(self, order: dict[str, Any], descriptor: int, wanted: tuple[int, int]) -> Rewritten:
        most = min(_BYTES_PER_PIXEL * wanted[0] * wanted[1] + _HEAD_BYTES, _MOST_BYTES_OF_REWRITTEN)
        try:
            with self._pool.session() as session:
                return _rewritten(session.ask(order, [descriptor], max_bytes=most), wanted)
        except CellTrouble as error:
            self._explain(error)

    def warm(self) -> None:
        """Have a cell ready, and the libraries loaded if they are not, and do not wait for it."""
        self._pool.warm()

    def share(self) -> None:
        """As `CellPool.share`: have the libraries loaded once, for this process and its forks."""
        self._pool.share()

    def keep(self) -> None:
        """As `CellPool.keep`."""
        self._pool.keep()

    def close(self) -> None:
        """End the processes. Repeating it does nothing."""
        self._pool.close()

    def _explain(self, error: CellTrouble) -> NoReturn:
        match error:
            case NoCell():
                raise Overloaded(str(error)) from error
            case OutOfMemory():
                limit = self._limits["memory_bytes"]
                words = f"rendering needs more than the {limit / MIB:,.0f} MiB of memory that it may take"
                raise TooMuchMemory(words, limit=int(limit)) from error
            case OutOfProcessorTime():
                limit = self._limits["cpu_seconds"]
                words = f"rendering needs more than the {limit:g} seconds of processor time that it may take"
                raise TooMuchTime(words, limit=int(limit)) from error
            case _:
                raise DecoderDied(str(error)) from error


class _Answers:
    """What a cell tells of one picture, checked."""

    def __init__(self, session: Session, stills: Sequence[Recipe], moving: Sequence[Recipe]) -> None:
        self._session = session
        self._stills = list(stills)
        self._moving = {recipe.name: recipe for recipe in moving if recipe.moves}
        self._warnings_left = list(RenderingWarning)

    def steps(self, begin: dict[str, Any], descriptor: int) -> Iterator[Told]:
        """Yield the steps. Leaving early has the cell forget the picture; it does so itself after the last one."""
        answer = self._ask(begin, [descriptor])
        try:
            while answer.blocks or "warning" in answer.values:
                yield self._step(answer) if answer.blocks else self._warning(answer)
                if not self._is_more_to_come:
                    return
                answer = self._ask({"do": "next"}, [])
        except GeneratorExit:
            if self._is_more_to_come:
                with suppress(CellTrouble):
                    self._session.ask({"do": "forget"})
            raise
        if self._stills:
            raise CellDied("not all vignettes were made")

    @property
    def _is_more_to_come(self) -> bool:
        return bool(self._stills or self._moving)

    def _ask(self, values: dict[str, Any], descriptors: Sequence[int]) -> Message:
        most = _most_bytes(self._stills[0]) if self._stills else _MOST_BYTES_OF_MOVING if self._moving else 0
        return self._session.ask(values, descriptors, max_bytes=most)

    def _step(self, answer: Message) -> Step:
        try:
            step = [self._rendition(*pair) for pair in zip(answer.values["vignettes"], answer.blocks, strict=True)]
            self._check_order(step)
            placeholder = answer.values["placeholder"]
            if placeholder is not None:
                step[0] = replace(step[0], placeholder=_placeholder(placeholder))
        except (Malformed, LookupError, TypeError, ValueError) as error:
            raise CellDied(f"the vignettes are not those that were asked for ({error})") from error
        return step

    def _warning(self, answer: Message) -> RenderingWarning:
        try:
            warning = RenderingWarning(answer.values["warning"])
            self._warnings_left.remove(warning)
        except ValueError as error:
            raise CellDied(f"it warns of nothing, or twice of one thing ({error})") from error
        return warning

    def _rendition(self, told: dict[str, Any], content: bytes) -> Rendition:
        moves = told["moves"]
        recipe = self._moving[told["recipe"]] if moves is True else self._stills[0]
        if told["recipe"] != recipe.name:
            raise Malformed(f"another recipe stands where {recipe.name} does")
        file_format = "webp" if moves is True else recipe.formats[recipe.formats.index(told["format"])]
        width, height = whole_number(told["width"], 1, recipe.width), whole_number(told["height"], 1, recipe.height)
        if not _BEGINS[file_format].match(content):
            raise Malformed(f"{recipe.name} is no {file_format}")
        if moves is not True and len(content) > _BYTES_PER_PIXEL * width * height + _HEAD_BYTES:
            raise Malformed(f"{len(content)} bytes are too many for {recipe.name}")
        return Rendition(recipe, file_format, width, height, content, moves=moves is True)

    def _check_order(self, step: Step) -> None:
        """See that these are all vignettes of the next recipe, or some that move and were not there before."""
        if len({made.moves for made in step}) > 1:
            raise Malformed("only some of a step move")
        if step[0].moves:
            for made in step:
                del self._moving[made.recipe.name]
        elif tuple(made.file_format for made in step) != self._stills.pop(0).formats:
            raise Malformed("a recipe has other formats")


def _rewritten(answer: Message, wanted: tuple[int, int]) -> Rewritten:
    match answer:
        case Message(
            {"format": "jpeg" | "webp" as file_format, "width": int() as width, "height": int() as height}, (content,)
        ) if (width, height) == wanted and _BEGINS[file_format].match(content):
            return Rewritten(file_format, width, height, content)
    raise CellDied("the picture was not written anew as it was asked for")


def _placeholder(told: dict[str, Any]) -> Placeholder:
    thumbhash, colour = line(told["thumbhash"], _MAX_THUMBHASH_CHARS), line(told["colour"], len("#rrggbb"))
    if not (_THUMBHASH.fullmatch(thumbhash) and _COLOUR.fullmatch(colour)):
        raise Malformed("the placeholder is none")
    pdq, quality = line(told["pdq"], _PDQ_CHARS), whole_number(told["quality"], 0, 100)
    if not _PDQ.fullmatch(pdq):
        raise Malformed("the perceptual hash is none")
    return Placeholder(thumbhash, colour, pdq, quality)


def _most_bytes(recipe: Recipe) -> int:
    return len(recipe.formats) * (_BYTES_PER_PIXEL * recipe.width * recipe.height + _HEAD_BYTES)


def _kinds(*bases: type[Any]) -> list[type[Any]]:
    """Return *bases* and all classes below them that have a code of their own."""
    kinds = [kind for base in bases for kind in (base, *_kinds(*base.__subclasses__()))]
    return [kind for kind in kinds if "code" in vars(kind)]
