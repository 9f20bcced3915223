"""The queue of renderings. It is a hint: it may lose everything, and the sweep finds the work again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from vignette.model import ImageId


class Lane(Enum):
    """
    How urgent a job is, the most urgent first. `FAST` and `BULK` are first vignettes: a person at the screen waits for
    those of the fast lane. `REST` is for what is still to come of images that are ready, `RENEWAL` for what is rendered
    again.
    """

    FAST = "fast"
    BULK = "bulk"
    REST = "rest"
    RENEWAL = "renewal"


class Jobs(Protocol):
    """The queue. It is a hint: it may lose everything, and then the sweep finds the work again in the catalogue."""

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        """Queue a job that renders the image; raise `QueueUnavailable` within half a second if that cannot be done."""

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        """Do as `hint` for each image, over one connection."""

    def backlog(self) -> int:
        """
        Return how many jobs wait that no worker has taken.

        Raises:
            QueueUnavailable: The queue does not answer within half a second, or would take no job: it is full, or
                read-only.
        """


class Copyists(Protocol):
    """The queue of what is made on demand. It is a hint too: whoever asks again queues it again."""

    def publish(self, image_id: ImageId) -> None:
        """Queue a job that makes the public copy of the image, which somebody waits for; raises as `hint`."""

    def enlarge(self, image_id: ImageId) -> None:
        """Queue a job that makes the vignette of `recipes.ZOOM`, which somebody waits for; raises as `hint`."""


class AllJobs(Jobs, Copyists, Protocol):
    """What a web process queues."""
