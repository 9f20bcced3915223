"""Look for pictures that look like one, by their perceptual hashes."""

from __future__ import annotations

from vignette.access.actors import Actor
from vignette.access.policy import Policy
from vignette.limits import LEAST_PDQ_QUALITY, MOST_PDQ_DISTANCE
from vignette.model import Image, ImageRef
from vignette.ports.catalogue import Alike
from vignette.use_cases.browsing import Browsing


class Likeness:
    """The use case."""

    def __init__(self, browsing: Browsing, alike: Alike, policy: Policy) -> None:
        self._browsing = browsing
        self._alike = alike
        self._policy = policy

    def like(self, actor: Actor, ref: ImageRef, limit: int) -> list[tuple[Image, int]]:
        """
        Return at most *limit* images that *actor* may see and that look like this one, the nearest first, each with the
        number of bits in which their perceptual hashes differ. None looks like an image with little to be known by, or
        that is not rendered yet.

        Raises:
            NotAllowed, ImageNotFound, ImageDeleted: As of `admitted`.
        """
        image = self._browsing.existing(actor, ref)
        if image.placeholder is None or image.placeholder.quality < LEAST_PDQ_QUALITY:
            return []
        return self._alike.like(image, MOST_PDQ_DISTANCE, limit, self._policy.sight(actor))
