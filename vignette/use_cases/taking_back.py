"""Take back: whoever has sent an image without a key deletes it by the token that the answer to the upload told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vignette.access.actors import NOBODY, Actor
from vignette.access.delete_tokens import is_good_for, is_token_for, is_told_to, token_for
from vignette.access.policy import Access, Policy
from vignette.errors import InvalidDeleteToken
from vignette.model import Image, ImageRef
from vignette.ports.catalogue import Library
from vignette.use_cases.browsing import not_deleted
from vignette.use_cases.removal import Removal

# One and the same, so that nobody learns whether there is such an image.
_NOT_VALID: Final = "it is mistyped, or is not that of this image"


class TakingBack:
    """The use case. *secret* returns the secret of which tokens are made; None if there is none now."""

    def __init__(self, library: Library, removal: Removal, policy: Policy, secret: Callable[[], bytes | None]) -> None:
        self._library = library
        self._removal = removal
        self._policy = policy
        self._secret = secret

    def token_for(self, actor: Actor, image: Image) -> str | None:
        """Return the token of *image*, which *actor* has sent just now; None if he is told none."""
        if image.public_name is None or not is_told_to(actor, image.record):
            return None
        secret = self._secret()
        return None if secret is None else token_for(secret, image.public_name)

    def find(self, ref: ImageRef, token: str) -> Image:
        """
        Return the image of this *token*, whatever else its sender may do.

        Raises:
            InvalidDeleteToken: The token is not that of this image. No row was read for that, unless everybody may
                read all of them; so it takes as long as for an image that does not exist.
            ImageNotFound, ImageDeleted: It was deleted.
        """
        secret = self._secret()
        if isinstance(ref, int):
            if self._policy.access is not Access.OPEN:  # nobody without a key may name it by its number
                raise InvalidDeleteToken(_NOT_VALID)
            image = not_deleted(self._library.get(ref, self._policy.sight(NOBODY)), ref)
        else:
            if secret is None or not is_token_for(secret, ref, token):
                raise InvalidDeleteToken(_NOT_VALID)
            image = not_deleted(self._library.named(ref), ref)
        name = image.public_name
        if secret is None or name is None or not is_token_for(secret, name, token) or not is_good_for(image.record):
            raise InvalidDeleteToken(_NOT_VALID)
        if image.quarantine is not None:  # there for `admin` alone, who may need it as it is
            raise InvalidDeleteToken(_NOT_VALID)
        return image

    def take_back(self, actor: Actor, ref: ImageRef, token: str) -> None:
        """Delete the image of this *token* for *actor*; raise as `find` does."""
        self._removal.carry_out(actor, self.find(ref, token), by="delete-token")
