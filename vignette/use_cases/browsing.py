"""Browse: look up images that are not deleted, and read what their files say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vignette import layout
from vignette.access.actors import NOBODY, Actor, Scope
from vignette.access.policy import Policy
from vignette.errors import FileNotStored, ImageDeleted, ImageNotFound
from vignette.limits import MAX_DESCRIPTION_BYTES
from vignette.model import Image, ImageId, ImageRef, RenderingWarning, State
from vignette.ports.catalogue import Library, Sights
from vignette.ports.store import Files
from vignette.records import metadata_from_json, outcome_from_json


@dataclass(frozen=True, slots=True)
class Page:
    """Some images, newest first; `has_more` tells whether there are older ones."""

    images: list[Image]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The images next to one in a list that begins with the newest; the nearest comes first in both."""

    newer: list[Image]
    older: list[Image]


MOST_COUNTED: Final = 10_000
"""What there are more of is not counted any further."""


class Browsing:
    """The use case."""

    def __init__(self, files: Files, library: Library, policy: Policy) -> None:
        self._files = files
        self._library = library
        self._policy = policy

    def existing(self, actor: Actor, ref: ImageRef) -> Image:
        """Return the image for *actor* to read; see `admitted`."""
        return admitted(self._policy, self._library, actor, Scope.READ, ref)

    def newest(self, actor: Actor, limit: int, before: ImageRef | None = None, *, place: ImageId | None = None) -> Page:
        """
        Return at most *limit* images that *actor* may see, newest first: those with lower numbers than *before*, which
        is any number for an actor who sees all, and an image that he may see for any other. *place* is a number that a
        page before has told him in disguise (`access.cursors`): whether he may see that image now does not matter.

        Raises:
            NotAllowed: The actor may see none.
            ImageNotFound, ImageDeleted: He may not see the image *before*, or there is none.
        """
        require(self._policy, actor, Scope.READ)
        sight = self._policy.sight(actor)
        sees_all = sight is None or sight.visibilities is None
        if place is None and before is not None:
            place = before if sees_all and isinstance(before, int) else self.existing(actor, before).id
        # If one image more than asked for is found, there is another page.
        found = self._library.newest(limit + 1, place, sight)
        return Page(found[:limit], has_more=len(found) > limit)

    def several(self, actor: Actor, refs: Sequence[ImageRef]) -> list[Image]:
        """
        Return those of the images named by *refs* that *actor* may see, in the order of *refs*; of those that were
        deleted or that he may not see, nothing tells that there is or was one.

        Raises:
            NotAllowed: The actor may see none.
        """
        require(self._policy, actor, Scope.READ)
        numbers = {ref for ref in refs if isinstance(ref, int)}
        names = {ref for ref in refs if not isinstance(ref, int)}
        sights = Sights(self._policy.sight(actor, by_number=True), self._policy.sight(actor))
        found = self._library.living(numbers, names, sights)
        by_ref: dict[ImageRef, Image] = {image.id: image for image in found}
        by_ref |= {image.public_name: image for image in found if image.public_name}
        return list({by_ref[ref].id: by_ref[ref] for ref in refs if ref in by_ref}.values())

    def neighbours(self, actor: Actor, image: Image, each: int, among: Sequence[ImageRef] | None = None) -> Neighbours:
        """
        Return at most *each* images before and behind *image* that *actor* may see: of all, or of those named *among*,
        in that order. An image that is not *among* them has no neighbours.

        Raises:
            NotAllowed: The actor may see none.
        """
        require(self._policy, actor, Scope.READ)
        if among is not None:
            listed = self.several(actor, among)
            at = next((place for place, one in enumerate(listed) if one.id == image.id), None)
            return Neighbours([], []) if at is None else Neighbours(listed[:at][::-1][:each], listed[at + 1 :][:each])
        sight = self._policy.sight(actor)
        newer = self._library.next_newer(each, image.id, sight)
        return Neighbours(newer, self._library.newest(each, image.id, sight))

    def count(self, actor: Actor) -> int:
        """Return how many images *actor* sees, or `MOST_COUNTED`: to count takes some 0.3 ms for each thousand."""
        require(self._policy, actor, Scope.READ)
        return self._library.count(MOST_COUNTED, self._policy.sight(actor))

    def metadata(self, image: Image) -> dict[str, Any]:
        """
        Return what the file says of itself; if that is lost or damaged, return a warning in its place.

        So it does if it is longer than Vignette writes it, as in a backup of a stranger: to read that would take long.
        """
        try:
            with self._files.open(image.id, layout.METADATA_JSON) as file:
                content = file.read(MAX_DESCRIPTION_BYTES + 1)
            if len(content) > MAX_DESCRIPTION_BYTES:
                return {"warnings": [f"{layout.METADATA_JSON} is too long to be shown here"]}
            return metadata_from_json(content)
        except (FileNotStored, ValueError):
            return {"warnings": [f"{layout.METADATA_JSON} is missing from the folder, or damaged"]}

    def warnings(self, image: Image) -> Sequence[RenderingWarning]:
        """Return what the rendering of a ready image passed over, as far as this release knows it."""
        if image.state is not State.READY:
            return ()
        try:
            outcome = outcome_from_json(self._files.read(image.id, layout.OUTCOME))
        except (FileNotStored, ValueError):
            return ()
        return [warning for warning in RenderingWarning if warning in outcome.warnings]

    def metadata_json(self, image: Image) -> bytes:
        """Return the metadata as kept for programs; raise `FileNotStored` if they are lost."""
        return self._files.read(image.id, layout.METADATA_JSON)

    def metadata_text(self, image: Image) -> bytes:
        """Return the metadata as kept for people; raise `FileNotStored` if they are lost."""
        return self._files.read(image.id, layout.METADATA_TEXT)


def require(policy: Policy, actor: Actor, scope: Scope) -> None:
    """Raise why *actor* may do what *scope* names to no image at all; see `Policy.why_not`."""
    if refusal := policy.why_not(actor, scope):
        raise refusal


def admitted(policy: Policy, library: Library, actor: Actor, scope: Scope, ref: ImageRef) -> Image:
    """
    Return the image with this number or public name, to which *actor* may do what *scope* names.

    Raises:
        NotAllowed: It may not.
        ImageNotFound: There never was one, or the actor may not see it.
        ImageDeleted: It was deleted, or is being deleted.
    """
    require(policy, actor, scope)
    sight = policy.sight_of(actor, ref)
    try:
        image = library.get(ref, sight) if isinstance(ref, int) else library.named(ref, sight)
    except ImageNotFound:
        if actor.link is not None:  # it has ended: he hears what he would without it
            require(policy, NOBODY, scope)
        raise
    if refusal := policy.why_not(actor, scope, image, by_number=isinstance(ref, int)):
        raise refusal
    return not_deleted(image, ref)


def existing(library: Library, image_id: ImageId) -> Image:
    """
    Return the image with this number, for what the service does by itself.

    Raises:
        ImageNotFound: There never was one.
        ImageDeleted: It was deleted, or is being deleted.
    """
    return not_deleted(library.get(image_id), image_id)


def not_deleted(image: Image, ref: ImageRef) -> Image:
    """
    Return *image*; raise `ImageDeleted` if it was deleted, or is being deleted. Its words call the image *ref*, as
    whoever asks does: not everybody may know its number.
    """
    if image.state.is_gone:
        raise ImageDeleted(f"image {ref} was deleted")
    return image
