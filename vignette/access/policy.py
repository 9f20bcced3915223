"""
What an actor may do, and why not. Pure: it looks at nothing but its arguments.

| access  | who asks without a key                  | who has a key                                          |
| ------- | --------------------------------------- | ------------------------------------------------------ |
| open    | does everything but what `admin` does   | the same                                               |
| gallery | sees what is public                     | does what its scopes name, and changes what is its own |
| closed  | does nothing                            | the same                                               |

Who comes by a signed link reads its image, in each mode, and does nothing else. Who shows a ticket may upload, and sees
what he would see without it.

`admin` does everything, to each image. An image in quarantine is there for `admin` alone, in each mode.

Numbers tell how many images there are: but for `open`, only the owner of an image and `admin` may name it by its
number; all others by its public name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vignette.access.actors import NOBODY, Actor, Grant, Scope
from vignette.errors import ImageNotFound, KeyRequired, MissingScope, NotTheOwner, VignetteError
from vignette.model import Image, ImageRef, Visibility


class Access(StrEnum):
    OPEN = "open"
    GALLERY = "gallery"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What an actor sees, of all that is not in quarantine: images that `owner` has sent, and those of the `visibilities`,
    whose ever they are. Without `visibilities`, all of them.
    """

    owner: str | None
    visibilities: frozenset[Visibility | None] | None


@dataclass(frozen=True, slots=True)
class Policy:
    """
    `of_new` is who sees a new image if its sender does not say; `of_earlier`, who sees those of which nothing was said,
    as they came before anything could be.
    """

    access: Access
    of_earlier: Visibility = Visibility.PUBLIC
    of_new: Visibility = Visibility.PUBLIC

    def why_not(
        self, actor: Actor, scope: Scope, image: Image | None = None, *, by_number: bool = False
    ) -> VignetteError | None:
        """
        Tell why *actor* may not do what *scope* names to *image*, or, if that is None, to any image at all. None if it
        may. *by_number* tells that the actor has named the image by its number.

        An image that the actor may not see is `ImageNotFound`.
        """
        if actor.link is not None:
            return self._why_not_by_link(actor.link, scope, image)
        if not self._grants(actor, scope):
            return _lack(actor, scope)
        if image is None or actor.has(Scope.ADMIN):
            return None
        if image.quarantine is None and self.knows_number(actor, image):
            return None
        if image.quarantine is not None or by_number or not self._is_seen_by_others(image):
            return ImageNotFound(f"there is no image {image.id if by_number else image.public_name}")
        if scope is Scope.READ:
            return None
        return NotTheOwner(Scope.ADMIN, actor.scopes, f"image {image.public_name} is not of this key")

    def knows_number(self, actor: Actor, image: Image) -> bool:
        """Whether *actor* may learn the number of *image*, as its owner does. It may do all that its scopes name."""
        if actor.link is not None:
            return False
        if self.access is Access.OPEN or actor.has(Scope.ADMIN):
            return True
        return actor.key_id is not None and actor.key_id == image.record.owner

    def sight(self, actor: Actor, *, by_number: bool = False) -> Sight | None:
        """
        What *actor* sees, if it may read at all; None if that is everything. *by_number*: what it may name by a number.
        """
        if actor.link is not None:
            return Sight(None, frozenset())
        if actor.has(Scope.ADMIN):
            return None
        if self.access is Access.OPEN:
            return Sight(None, None)
        if by_number:
            return Sight(actor.key_id, frozenset())
        seen = {Visibility.PUBLIC} | ({None} if self.of_earlier is Visibility.PUBLIC else set())
        return Sight(actor.key_id, frozenset(seen))

    def sight_of(self, actor: Actor, ref: ImageRef) -> Sight | None:
        """As `sight`, where the one image *ref* is looked up. An actor with a link sees its image alone."""
        if actor.link is not None and actor.link.link.image == ref:
            return None
        return self.sight(actor, by_number=isinstance(ref, int))

    def _why_not_by_link(self, grant: Grant, scope: Scope, image: Image | None) -> VignetteError | None:
        if scope is not Scope.READ:
            return KeyRequired(scope)
        if image is None:
            return None
        link = grant.link
        is_theirs = link.image == image.public_name and not image.state.is_gone and image.quarantine is None
        if not is_theirs or link.is_ended_by(image.links_ended_at) or not self._may_share(grant.maker, image):
            return self.why_not(NOBODY, scope) or ImageNotFound(f"there is no image {link.image}")
        return None

    def _may_share(self, maker: Actor | None, image: Image) -> bool:
        return maker is None or self.why_not(maker, Scope.SHARE, image) is None

    def _grants(self, actor: Actor, scope: Scope) -> bool:
        if self.access is Access.OPEN and scope is not Scope.ADMIN:
            return True
        return actor.has(scope) or (self.access is Access.GALLERY and scope is Scope.READ)

    def _is_seen_by_others(self, image: Image) -> bool:
        # What a deleted image was, and whose, nobody knows any more.
        return not image.state.is_gone and (image.visibility or self.of_earlier) is Visibility.PUBLIC


def _lack(actor: Actor, scope: Scope) -> VignetteError:
    shows_nothing = actor.key_id is None and actor.ticket_id is None
    return KeyRequired(scope) if shows_nothing else MissingScope(scope, actor.scopes)
