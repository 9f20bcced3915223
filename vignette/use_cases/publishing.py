"""
Make public copies. The worker makes the plan of each once, at the first wish, and keeps it in the image's folder.
Where a format cannot be copied without touching its pixels, it writes them anew (`rewriting`).

A plan tells which ranges of the original, and which bytes of ours, the copy is made of. To make and prove one takes
passes over the whole original in plain Python: a third of a second for 1 MB of JPEG. To serve a copy by its plan takes
none. The plan can be made again, so it is not flushed; one that is damaged, or of another edition, is made again.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Final

from pydantic import Base64Bytes, Field, TypeAdapter

from vignette import layout
from vignette.errors import (
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    NotPublishable,
    Overloaded,
    PublicCopyNotClean,
    Refused,
)
from vignette.limits import CHUNK_BYTES, MAX_COPY_PIECES, MIB
from vignette.model import Failure, Image, ImageId
from vignette.pixels.pieces import Pieces, Splice, put_together
from vignette.pixels.publishing import PUBLISHABLE
from vignette.ports.catalogue import Library, Removals
from vignette.ports.planner import Planner
from vignette.ports.store import Files
from vignette.use_cases.browsing import existing
from vignette.use_cases.rewriting import CLEAN, Kept, Rewriting, kept

EDITION: Final = 2
"""Raise it when `vignette.pixels.publishing` leaves out more, or less: plans of other editions are made again."""

# The plan of an ordinary picture takes some 100 bytes; a colour profile of a printer, a megabyte.
_MAX_PLAN_BYTES: Final = 4 * MIB
_MAX_DETAIL_CHARS: Final = 4000

_PUBLISHABLE: Final = frozenset(file_format.media_type for file_format in PUBLISHABLE)

_ERRORS: Final = {error.code: error for error in (NotPublishable, PublicCopyNotClean)}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Plan:
    """
    The content of `public.json`. `original` is the SHA-256 of the original; `sha256` and `bytes` are those of the copy.
    A piece is a range of the original (start, end), or bytes of ours. With an `error`, which is its code, there is no
    copy, for the reason `detail`; `measured` and `limit` are those of the error.
    """

    edition: int
    original: str
    sha256: str = ""
    bytes: int = 0
    pieces: Annotated[tuple[tuple[int, int] | Base64Bytes, ...], Field(max_length=MAX_COPY_PIECES)] = ()
    error: str = ""
    detail: Annotated[str, Field(max_length=_MAX_DETAIL_CHARS)] = ""
    measured: int | None = None
    limit: int | None = None


_PLANS: Final = TypeAdapter(_Plan)


@dataclass(frozen=True, slots=True)
class PublicCopy:
    """
    What a copy is made of, and the SHA-256 of its bytes, in hex: it tells nothing of the original.

    `source` is the file that it is made of: the original, or the picture that was written anew. Then `media_type` and
    `extension` are not those of the original.
    """

    made_of: Pieces
    sha256: str
    source: str
    media_type: str
    extension: str

    @property
    def memory_bytes(self) -> int:
        return self.made_of.memory_bytes


def has_same_pixels(media_type: str) -> bool:
    """Whether the public copy of such a picture has the very pixels of the original. All others are written anew."""
    return media_type in _PUBLISHABLE


def kept_copy(files: Files, image: Image) -> PublicCopy | None:
    """
    Return the public copy that is kept; None if there is none of this edition and of this original.

    Raises:
        NotPublishable: The worker found that there can be no copy.
        PublicCopyNotClean: The worker made one that did not come out clean.
    """
    if not has_same_pixels(image.record.facts.media_type):
        return _kept_anew(files, image)
    try:
        with files.open(image.id, layout.PUBLIC_COPY) as file:
            content = file.read(_MAX_PLAN_BYTES + 1)
        found = _PLANS.validate_json(content) if len(content) <= _MAX_PLAN_BYTES else None
    except (FileNotStored, ValueError):
        return None
    if found is None or (found.edition, found.original) != (EDITION, image.record.sha256):
        return None
    if found.error in _ERRORS:
        raise _ERRORS[found.error](found.detail, measured=found.measured, limit=found.limit)
    return _checked(found, image)


def _kept_anew(files: Files, image: Image) -> PublicCopy | None:
    match kept(files, image, CLEAN):
        case Kept(name, file_format, sha256, size):
            whole = put_together([(0, size)], size)
            return PublicCopy(whole, sha256, name, f"image/{file_format}", name.rpartition(".")[2])
        case Failure(PublicCopyNotClean.code, detail):
            raise PublicCopyNotClean(detail)
        case Failure(_, detail, measured, limit):
            raise NotPublishable(detail, measured=measured, limit=limit)
    return None


def _checked(found: _Plan, image: Image) -> PublicCopy | None:
    """Return the copy of a plan; None if the plan cannot be right. A folder may come from a stranger's backup."""
    try:
        made_of = put_together(found.pieces, image.record.bytes)
    except ValueError:
        return None
    is_digest = len(found.sha256) == 64 and found.sha256.isalnum() and found.sha256.isascii()
    if not is_digest or made_of.size != found.bytes or not found.bytes:
        return None
    facts = image.record.facts
    return PublicCopy(made_of, found.sha256, layout.original(facts), facts.media_type, facts.extension)


class Publishing:
    """The use case of the worker. Doing it twice does no harm."""

    def __init__(
        self, files: Files, library: Library, removals: Removals, planner: Planner, rewriting: Rewriting
    ) -> None:
        self._rewriting = rewriting
        self._files = files
        self._library = library
        self._removals = removals
        self._planner = planner

    def make(self, image_id: ImageId) -> None:
        """
        Keep the plan of the image's public copy, or the copy itself if its pixels have to be written anew. Do nothing
        if it is kept already, or if the image is gone.
        """
        try:
            image = existing(self._library, image_id)
            if not has_same_pixels(image.record.facts.media_type):
                self._rewriting.make(image_id, CLEAN)
            elif not self._is_kept(image):
                content = _to_json(image, self._plan(image))
                # A deletion that comes later finds the plan, wherever this process dies.
                self._removals.unless_gone(image_id, lambda: self._write(image_id, content))
        except (ImageNotFound, ImageDeleted):
            return
        except (FileNotStored, Refused, Overloaded) as error:
            logger.warning("no public copy of image %d can be made now: %s", image_id, error)

    def _is_kept(self, image: Image) -> bool:
        try:
            return kept_copy(self._files, image) is not None
        except (NotPublishable, PublicCopyNotClean):
            return True

    def _plan(self, image: Image) -> _Plan:
        with self._files.open(image.id, layout.original(image.record.facts)) as file:
            try:
                pieces = self._planner.plan(file, image.record.bytes)
            except (NotPublishable, PublicCopyNotClean) as error:
                logger.warning("image %d has no public copy: %s", image.id, error)
                return _failed(image, error)
            made_of = put_together(pieces, image.record.bytes)
            digest = _digest(file, made_of)
        return _Plan(EDITION, image.record.sha256, digest, made_of.size, pieces)

    def _write(self, image_id: ImageId, content: bytes) -> None:
        self._files.write_all(image_id, {layout.PUBLIC_COPY: content}, flush=False)


def _to_json(image: Image, found: _Plan) -> bytes:
    content = _PLANS.dump_json(found)
    if len(content) <= _MAX_PLAN_BYTES:
        return content
    words = f"the plan of the copy would take {len(content):,} bytes, and {_MAX_PLAN_BYTES / MIB:g} MiB are allowed"
    error = NotPublishable(words, measured=len(content), limit=_MAX_PLAN_BYTES)
    return _PLANS.dump_json(_failed(image, error))


def _failed(image: Image, error: NotPublishable | PublicCopyNotClean) -> _Plan:
    return _Plan(
        EDITION,
        image.record.sha256,
        error=error.code,
        detail=str(error)[:_MAX_DETAIL_CHARS],
        measured=error.measured,
        limit=error.limit,
    )


def _digest(file: BinaryIO, made_of: Pieces) -> str:
    digest = hashlib.sha256()
    copy = Splice(file, made_of, closes_source=False)
    while chunk := copy.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
