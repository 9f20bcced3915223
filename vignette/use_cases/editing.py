"""Edit: what a person says of an image after it came."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

from vignette import layout
from vignette.access.actors import Actor, Scope
from vignette.access.events import What
from vignette.access.policy import Policy
from vignette.errors import EditedMeanwhile
from vignette.model import Edits, Image, ImageId, ImageRef, Visibility
from vignette.ports.catalogue import Editing as EditedRows
from vignette.ports.catalogue import Library
from vignette.ports.store import Editions, Files
from vignette.records import edits_to_json
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import admitted

logger = logging.getLogger(__name__)


class Editing:
    """The use case. Every method may run in any number of processes at once, and be repeated."""

    def __init__(
        self,
        files: Files,
        editions: Editions,
        library: Library,
        rows: EditedRows,
        policy: Policy,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        trail: Trail = NO_TRAIL,
    ) -> None:
        self._trail = trail
        self._files = files
        self._editions = editions
        self._library = library
        self._rows = rows
        self._policy = policy
        self._clock = clock

    def set_visibility(
        self, actor: Actor, ref: ImageRef, visibility: Visibility, editions: Collection[str] | None = None
    ) -> Image:
        """
        Say who sees the image, if it is one of these *editions* (`edition_of`), or whatever it is; return it as it
        stands then. When this returns, each process answers accordingly. An image that becomes private ends the signed
        links that were made before.

        Raises:
            NotAllowed: The actor may not change it.
            ImageNotFound: There never was one, or the actor may not see it.
            ImageDeleted: It was deleted.
            EditedMeanwhile: It is another edition by now.
            StoreFull, StoreUnavailable, FileNotStored: It cannot be written down; it is seen as before. If the file was
                written all the same, the sweep has the catalogue say what it says.
        """
        image = admitted(self._policy, self._library, actor, Scope.EDIT, ref)
        write = self._writing(image.id)

        def write_down(edits: Edits) -> None:
            self._trail.note(What.IMAGE_CHANGED, actor, image_id=image.id, detail=visibility.value)
            write(edits)

        def check(image: Image) -> None:
            if editions is not None and edition_of(image) not in editions:
                raise EditedMeanwhile(f"its edition is {edition_of(image)} by now")

        edits = self._rows.set_visibility(image.id, visibility, self._clock(), write_down, check)
        # Between the new file and the new row, a process may have found the former row in this edition of the folder.
        self._editions.renew_edition(image.id)
        logger.info("image made %s", visibility, extra={"image": image.id, **actor.in_log()})
        return replace(image, visibility=visibility, links_ended_at=edits.links_ended_at)

    def end_links(self, actor: Actor, ref: ImageRef) -> Image:
        """
        End all signed links to the image that were made before; return it. It raises what `set_visibility` does.
        *actor* needs `Scope.SHARE`.
        """
        image = admitted(self._policy, self._library, actor, Scope.SHARE, ref)
        edits = self._rows.end_links(image.id, self._clock(), self._writing(image.id))
        logger.info("links ended", extra={"image": image.id, **actor.in_log()})
        return replace(image, links_ended_at=edits.links_ended_at)

    def _writing(self, image_id: ImageId) -> Callable[[Edits], object]:
        return lambda edits: self._files.write(image_id, layout.EDITS, edits_to_json(edits))


def edition_of(image: Image) -> str:
    """Return sixteen hexadecimal digits that tell all that was said of *image*, and nothing that the worker adds."""
    ended_at = image.links_ended_at.isoformat() if image.links_ended_at else ""
    return hashlib.sha256(f"visibility {image.visibility or ''}\nlinks ended {ended_at}".encode()).hexdigest()[:16]
