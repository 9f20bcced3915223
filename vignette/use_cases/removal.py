"""Remove: an image is deleted, and its number stays taken."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial

from vignette import layout
from vignette.access.actors import Actor, Scope
from vignette.access.events import What
from vignette.access.policy import Policy
from vignette.errors import FileNotStored, StoreFull
from vignette.model import Image, ImageId, ImageRef
from vignette.ports.catalogue import Library, Removals
from vignette.ports.store import Files
from vignette.records import tombstone_to_json
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import admitted, not_deleted

logger = logging.getLogger(__name__)


class Removal:
    """The use case. Every method may run in any number of processes at once, and be repeated."""

    def __init__(
        self, files: Files, library: Library, removals: Removals, policy: Policy, *, trail: Trail = NO_TRAIL
    ) -> None:
        self._trail = trail
        self._files = files
        self._library = library
        self._removals = removals
        self._policy = policy

    def delete(self, actor: Actor, ref: ImageRef) -> None:
        """
        Delete the image. Its number stays taken, and its folder keeps only a tombstone.

        Raises:
            NotAllowed: The actor may not delete it.
            ImageNotFound: There never was one, or the actor may not see it.
            ImageDeleted: It was deleted before, or is being deleted.
        """
        self.carry_out(actor, admitted(self._policy, self._library, actor, Scope.DELETE, ref))

    def carry_out(self, actor: Actor, image: Image, by: str | None = None) -> None:
        """
        Delete the image for *actor*, who may do so *by* something else than a scope, if that is said; raise as `delete`
        does if there is none.
        """
        # First the row, so that the image stops answering; then the tombstone, so that no reindexing brings it back.
        event = partial(self._trail.note, What.IMAGE_DELETED, actor, image_id=image.id, detail=by)
        if self._removals.begin_delete(image.id, event):
            self.finish(image.id)
            how = {} if by is None else {"by": by}
            logger.info("image deleted", extra={"image": image.id, **actor.in_log(), **how})
        else:
            # Raises the reason why there is none to delete.
            not_deleted(self._library.get(image.id), image.public_name or image.id)

    def finish(self, image_id: ImageId) -> None:
        """
        Remove what is left of an image whose deletion was begun.

        After a crash anywhere the image is still `DELETING`, and the sweep does all of this again. It does so too as
        long as a worker has a lease on the image: that may write to the folder, and be killed before it tidies up.
        """
        try:
            if layout.TOMBSTONE not in self._files.names(image_id):
                self._write_tombstone(image_id, self._library.get(image_id).record.ticket)
        except FileNotStored:
            logger.warning("image %d had no folder", image_id)
        self._files.remove_all_but(image_id, layout.TOMBSTONE)
        self._removals.end_delete(image_id)

    def resume(self, image_id: ImageId) -> None:
        """Delete an image whose tombstone or whose row says that it was deleted, whatever the other says."""
        self._removals.begin_delete(image_id)
        self.finish(image_id)

    def clear_traces(self) -> None:
        """Have the catalogue's files lose what deleted images have left in them; repeat this from time to time."""
        self._removals.clear_traces()

    def _write_tombstone(self, image_id: ImageId, ticket: str | None) -> None:
        tombstone = tombstone_to_json(datetime.now(UTC), ticket)
        try:
            self._files.write(image_id, layout.TOMBSTONE, tombstone)
        except StoreFull:
            # Make room: the vignettes go first, as they could be made again. Once they are gone, no web process gives
            # an answer that it has kept.
            for name in self._files.names(image_id):
                if layout.is_vignette(name):
                    self._files.remove(image_id, name)
            self._files.write(image_id, layout.TOMBSTONE, tombstone)
