"""Renew: what other recipes have made than those in force is rendered again, and served until the new is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vignette import keys
from vignette.errors import QueueUnavailable
from vignette.limits import SWEEP_BATCH
from vignette.model import ImageId, Recipe
from vignette.ports import Catalogue, Jobs, Lane

logger = logging.getLogger(__name__)


class Renewal:
    """The use case. Every method may run in any number of processes at once, and be repeated."""

    def __init__(self, catalogue: Catalogue, jobs: Jobs, recipes: Sequence[Recipe]) -> None:
        self._catalogue = catalogue
        self._jobs = jobs
        self._recipes = keys.set_digest(keys.vignettes(recipes))

    def advance(self) -> None:
        """
        Queue some of the images that are due, in the slow lane: so many that no more than `limits.SWEEP_BATCH` wait,
        with those that have no vignette at all. Where more wait than that, none is added.
        """
        room = SWEEP_BATCH - self._catalogue.unfinished()
        if room <= 0:
            return
        image_ids = self._catalogue.renew(self._recipes, room)
        if image_ids:
            logger.info("rendering %d images again that other recipes have made", len(image_ids))
            self._queue(image_ids)

    def _queue(self, image_ids: Sequence[ImageId]) -> None:
        try:
            self._jobs.hint_all(image_ids, Lane.BULK)
        except QueueUnavailable as error:
            logger.warning("%d images wait for the sweep: %s", len(image_ids), error)
