"""Tell whether the bytes of a file are kept already."""

from __future__ import annotations

from collections.abc import Sequence

from vignette.access.actors import Actor, Scope
from vignette.access.policy import Policy
from vignette.model import Image
from vignette.ports.catalogue import SameBytes
from vignette.use_cases.browsing import require


class Deduplication:
    """The use case."""

    def __init__(self, same_bytes: SameBytes, policy: Policy) -> None:
        self._same_bytes = same_bytes
        self._policy = policy

    def first_of_each(self, actor: Actor, digests: Sequence[str]) -> list[Image]:
        """
        Return, of each of these SHA-256 *digests*, the image with the lowest number that *actor* sees in lists, in the
        order of *digests*; of images that he does not see, nothing tells that there are any.

        Raises:
            NotAllowed: The actor may see none.
        """
        require(self._policy, actor, Scope.READ)
        return self._same_bytes.first_of_each(digests, self._policy.sight(actor))
