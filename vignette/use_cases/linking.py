"""Share one image by a signed link: make such links, end them, tell what one gives."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from vignette.access.actors import Actor, Grant, Scope
from vignette.access.events import What
from vignette.access.links import (
    Kept,
    Link,
    Place,
    Representation,
    fault_of,
    first_second_after,
    is_signed,
    kept_of,
    query_of,
    read_link,
    signature_of,
)
from vignette.access.policy import Policy
from vignette.errors import (
    KeyNotFound,
    LinkNotFound,
    MalformedRequest,
    RecipeNotFound,
    StoreUnavailable,
)
from vignette.limits import MAX_LINKS_OF_AN_IMAGE
from vignette.model import ImageRef, PublicName
from vignette.ports.catalogue import Library
from vignette.ports.links import Links
from vignette.recipes import Recipe
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import admitted
from vignette.use_cases.checked import checked_end
from vignette.use_cases.editing import Editing
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.signing_keys import SigningKeys

# What the column of a time and the pattern of a link's times can hold.
_NO_SUCH_TIME: Final = datetime(5000, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What somebody wants a link to. `recipe` is the name of one, for a vignette; None: the first one. One that is
    `revocable` has an id, by which it can be ended before its time.
    """

    what: Representation
    expires_at: datetime
    place: Place
    recipe: str | None = None
    keep: Iterable[Kept] = ()
    revocable: bool = False


class Linking:
    """
    The use case. Links end with their time, with their image, when they are revoked, when the image is made private
    after they were made (or all of its links are ended), when the key that signed them is removed, and when the key
    that they were made by may not share the image any more.
    """

    def __init__(
        self,
        library: Library,
        links: Links,
        keyholding: Keyholding,
        signing_keys: SigningKeys,
        editing: Editing,
        policy: Policy,
        recipes: Sequence[Recipe],
        *,
        trail: Trail = NO_TRAIL,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._trail = trail
        self._library = library
        self._links = links
        self._keyholding = keyholding
        self._signing_keys = signing_keys
        self._editing = editing
        self._policy = policy
        self._recipes = frozenset(recipe.name for recipe in recipes)
        self._clock = clock

    def make(self, actor: Actor, ref: ImageRef, wanted: Wanted) -> Link:
        """
        Make a link; `query` signs it.

        Raises:
            NotAllowed: The actor may not share the image.
            ImageNotFound: There never was one, or the actor may not see it.
            ImageDeleted: It was deleted.
            MalformedRequest: There can be no such link, or it would have expired already.
            RecipeNotFound: There is no such recipe.
            TooManyLinks: The image has as many revocable links as it may have.
        """
        image = admitted(self._policy, self._library, actor, Scope.SHARE, ref)
        now = self._clock()
        if wanted.recipe is not None and wanted.what is Representation.VIGNETTE and wanted.recipe not in self._recipes:
            raise RecipeNotFound(f"there is no size {wanted.recipe[:40]!r}, only {', '.join(sorted(self._recipes))}")
        assert image.public_name is not None
        link = Link(
            what=wanted.what,
            image=image.public_name,
            key=self._signing_keys.signing().id,
            made=first_second_after(image.links_ended_at, now),
            expires=_end(wanted.expires_at, now),
            place=wanted.place,
            size=wanted.recipe or "",
            keep=kept_of(wanted.keep),
            id=secrets.token_hex(8) if wanted.revocable else "",
            by=actor.key_id or "",
        )
        if fault := fault_of(link):
            raise MalformedRequest(fault)
        if link.id:
            self._links.add(link, now, at_most=MAX_LINKS_OF_AN_IMAGE)
        self._trail.note_afterwards(
            What.LINK_MADE, actor, image_id=image.id, subject=link.id or None, detail=link.what.value
        )
        logger.info("link made to the %s", link.what, extra={"image": image.id, **actor.in_log()})
        return link

    def query(self, link: Link) -> dict[str, str]:
        """
        Return the query parameters of the URL of *link*, with its signature.

        Raises:
            KeyNotFound: Its signing key was removed.
            StoreUnavailable: The signing keys cannot be read.
        """
        secret = self._signing_keys.secret_of(link.key)
        if secret is None:
            raise KeyNotFound(f"there is no signing key {link.key}")
        return query_of(link, signature_of(link, secret))

    def of_image(self, actor: Actor, ref: ImageRef) -> list[Link]:
        """
        The revocable links to the image that may still hold, the newest first. It raises what `make` does of the actor
        and the image.
        """
        image = admitted(self._policy, self._library, actor, Scope.SHARE, ref)
        assert image.public_name is not None
        found = self._links.of_image(image.public_name, self._clock())
        return [link for link in found if not link.is_ended_by(image.links_ended_at)]

    def revoke(self, actor: Actor, ref: ImageRef, link_id: str) -> None:
        """
        End a link at once. It raises what `make` does of the actor and the image.

        Raises:
            LinkNotFound: The image has no link of this id.
        """
        image = admitted(self._policy, self._library, actor, Scope.SHARE, ref)
        assert image.public_name is not None
        if not self._links.remove(link_id, image.public_name):
            raise LinkNotFound(f"the image has no link {link_id[:40]!r}")
        self._trail.note_afterwards(What.LINK_ENDED, actor, image_id=image.id, subject=link_id)
        logger.info("link revoked", extra={"image": image.id, **actor.in_log()})

    def end_all(self, actor: Actor, ref: ImageRef) -> None:
        """End all links to the image that were made before. It raises what `Editing.end_links` does."""
        image = self._editing.end_links(actor, ref)
        if image.public_name is not None:
            self._links.remove_all(image.public_name)
        self._trail.note_afterwards(What.LINK_ENDED, actor, image_id=image.id, detail="all")

    def grant(self, what: Representation, image: PublicName, query: Mapping[str, Sequence[str]]) -> Grant | None:
        """
        Return what a URL with this *query* gives; None if it is no link that holds. The image itself was not looked at:
        the policy does that.
        """
        try:
            link, signature = read_link(what, image, query)
            secret = self._signing_keys.secret_of(link.key)
        except ValueError:
            return None
        except StoreUnavailable as error:
            logger.warning("no link is believed: %s", error)
            return None
        if secret is None or not is_signed(link, secret, signature):
            return None
        now = self._clock()
        if not link.is_valid_at(now) or (link.id and not self._links.is_of(link.id, image)):
            return None
        if not link.by:
            return Grant(link)
        maker = self._keyholding.rights_of(link.by)
        return None if maker is None else Grant(link, maker)

    def left_s(self, link: Link) -> int:
        """Return for how many whole seconds *link* will hold, if nothing ends it before."""
        return max(0, int(link.expires - self._clock().timestamp()))

    def of_page(self, link: Link, recipe: Recipe) -> Link:
        """Return the link to a vignette that stands on the page of *link*: it holds as long as that does."""
        return replace(link, what=Representation.VIGNETTE, size=recipe.name, keep=())


def _end(expires_at: datetime, now: datetime) -> int:
    """Return the whole second in which the link ends."""
    return int(checked_end(expires_at.replace(microsecond=0), now, before=_NO_SUCH_TIME).timestamp())
