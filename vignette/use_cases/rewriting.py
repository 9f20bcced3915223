"""
Pictures that are written anew when somebody asks for them: the public copy of a format that cannot be copied otherwise,
and what viewers enlarge where browsers cannot decode the original.

The worker writes each once, and keeps it in the image's folder with a note that tells its SHA-256. Both can be made
again, so neither is flushed. Whoever reads a picture compares the digest: one that a crash of the machine has damaged
is made again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Final, Protocol

from pydantic import Field, TypeAdapter

from vignette import layout
from vignette.errors import (
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    NotPublishable,
    Overloaded,
    PublicCopyNotClean,
    Refused,
    RenderingFailed,
)
from vignette.limits import CHUNK_BYTES, KIB
from vignette.model import Failure, Image, ImageId
from vignette.pixels.pieces import Splice, put_together
from vignette.pixels.renditions import Rewritten
from vignette.ports.catalogue import Library, Removals
from vignette.ports.planner import Planner
from vignette.ports.store import Files
from vignette.recipes import RENDERER_EDITION, ZOOM, VignetteFormat
from vignette.use_cases.browsing import existing

_MAX_NOTE_BYTES: Final = 16 * KIB
_MAX_DETAIL_CHARS: Final = 4000

logger = logging.getLogger(__name__)


class Rewriter(Protocol):
    """See `pixels.rewriting.rewrite`; *upright* is the known width and height of the picture."""

    def __call__(
        self, file: BinaryIO, size: int, upright: tuple[int, int], most_edge_px: int | None, quality: int, /
    ) -> Rewritten: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What is made: its name in `layout`, its longest side at most, and the quality of its encoding."""

    name: str
    most_edge_px: int | None
    quality: int

    @property
    def edition(self) -> str:
        """What was made in another edition is made again."""
        return f"{RENDERER_EDITION}-{self.most_edge_px or 'whole'}-{self.quality}"


CLEAN: Final = Kind(layout.CLEAN, None, 92)
ZOOMED: Final = Kind(layout.ZOOM, ZOOM.width, ZOOM.quality)
KINDS: Final = {kind.name: kind for kind in (CLEAN, ZOOMED)}


@dataclass(frozen=True, slots=True)
class _Note:
    """
    The content of `clean.json` or `zoom.json`. `original` is the SHA-256 of the original; `sha256` and `bytes` are
    those of the picture. With an `error`, which is its code, there is none, for the reason `detail`.
    """

    edition: str
    original: str
    file_format: VignetteFormat = "jpeg"
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    detail: Annotated[str, Field(max_length=_MAX_DETAIL_CHARS)] = ""
    measured: int | None = None
    limit: int | None = None


_NOTES: Final = TypeAdapter(_Note)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that was written anew: the name of its file, and what was found of it."""

    name: str
    file_format: VignetteFormat
    sha256: str
    bytes: int


def kept(files: Files, image: Image, kind: Kind) -> Kept | Failure | None:
    """
    Return what is kept of this *kind*; or why none can be made. None if there is neither, of this edition and of this
    original, or if the picture is not what its note says.
    """
    try:
        with files.open(image.id, layout.note_of(kind.name)) as file:
            content = file.read(_MAX_NOTE_BYTES + 1)
        note = _NOTES.validate_json(content) if len(content) <= _MAX_NOTE_BYTES else None
        if note is None or (note.edition, note.original) != (kind.edition, image.record.sha256):
            return None
        if note.error:
            return Failure(note.error, note.detail, note.measured, note.limit)
        name = layout.written_anew(kind.name, note.file_format)
        with files.open(image.id, name) as file:
            is_sound = _digest_and_length(file) == (note.sha256, note.bytes)
    except (FileNotStored, ValueError):
        return None
    return Kept(name, note.file_format, note.sha256, note.bytes) if is_sound else None


class Rewriting:
    """The use case of the worker. Doing it twice does no harm."""

    def __init__(
        self, files: Files, library: Library, removals: Removals, rewriter: Rewriter, planner: Planner
    ) -> None:
        self._files = files
        self._library = library
        self._removals = removals
        self._rewriter = rewriter
        self._planner = planner

    def make(self, image_id: ImageId, kind: Kind) -> None:
        """Keep the picture of this *kind*, if it is not kept already; do nothing if the image is gone."""
        try:
            image = existing(self._library, image_id)
            if kept(self._files, image, kind) is None:
                written = self._written(image, kind)
                # A deletion that comes later finds the files, wherever this process dies.
                self._removals.unless_gone(image_id, lambda: self._files.write_all(image_id, written, flush=False))
        except (ImageNotFound, ImageDeleted):
            return
        except (FileNotStored, Overloaded) as error:
            logger.warning("no %s picture of image %d can be made now: %s", kind.name, image_id, error)

    def _written(self, image: Image, kind: Kind) -> dict[str, bytes]:
        """Return the files to keep. The note comes last: it tells what is there already."""
        try:
            file_format, content = self._made(image, kind)
        except (Refused, RenderingFailed, NotPublishable, PublicCopyNotClean) as error:
            logger.warning("image %d has no %s picture: %s", image.id, kind.name, error)
            return {layout.note_of(kind.name): _NOTES.dump_json(_failed(image, kind, error))}
        sha256 = hashlib.sha256(content).hexdigest()
        note = _Note(kind.edition, image.record.sha256, file_format, sha256, len(content))
        return {
            layout.written_anew(kind.name, file_format): content,
            layout.note_of(kind.name): _NOTES.dump_json(note),
        }

    def _made(self, image: Image, kind: Kind) -> tuple[VignetteFormat, bytes]:
        facts = image.record.facts
        with self._files.open(image.id, layout.original(facts)) as file:
            made = self._rewriter(
                file, image.record.bytes, (facts.width, facts.height), kind.most_edge_px, kind.quality
            )
        return made.file_format, self._proven_clean(made.content)

    def _proven_clean(self, content: bytes) -> bytes:
        """
        Return *content* as it is published. A decoder that a picture has taken over may have written anything: so what
        it wrote is taken for what a stranger has sent, and the public copy is made of that.
        """
        with _in_memory() as file:
            file.write(content)
            file.seek(0)
            made_of = put_together(self._planner.plan(file, len(content)), len(content))
            return Splice(file, made_of, closes_source=False).read()


def _failed(image: Image, kind: Kind, error: Refused | RenderingFailed | NotPublishable | PublicCopyNotClean) -> _Note:
    return _Note(
        kind.edition,
        image.record.sha256,
        error=error.code,
        detail=str(error)[:_MAX_DETAIL_CHARS],
        measured=error.measured,
        limit=error.limit,
    )


def _digest_and_length(file: BinaryIO) -> tuple[str, int]:
    digest, length = hashlib.sha256(), 0
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        length += len(chunk)
    return digest.hexdigest(), length


def _file_in_memory() -> BinaryIO:
    return os.fdopen(os.memfd_create("rewritten"), "w+b", buffering=0)


_in_memory: Final[Callable[[], BinaryIO]] = (
    _file_in_memory if hasattr(os, "memfd_create") else lambda: tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
)
"""Open a file without a name, which a cell can be given."""
