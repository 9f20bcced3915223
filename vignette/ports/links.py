"""Signed links that can be revoked, in the database of the catalogue. Whoever loses them loses the links."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from vignette.access.links import Link
from vignette.model import PublicName


class Links(Protocol):
    """
    Every change is one transaction, and raises as those of `ports.catalogue`.

    The row of a link that was removed, or whose time is over, or whose image was deleted, is gone.
    """

    def add(self, link: Link, now: datetime, *, at_most: int) -> None:
        """
        Add *link*, which has an id; rows of links whose time is over *now* are removed.

        Raises:
            TooManyLinks: The image has *at_most* links already.
        """

    def is_of(self, link_id: str, image: PublicName) -> bool:
        """Whether there is a link with this id, and it is one to *image*."""

    def of_image(self, image: PublicName, now: datetime) -> list[Link]:
        """The links to *image* that are valid *now*, the newest first. Which key signed them is not known."""

    def remove(self, link_id: str, image: PublicName) -> bool:
        """Remove the link if it is one to *image*; return whether it was there."""

    def remove_all(self, image: PublicName) -> None:
        """Remove all links to *image*."""


class Alone(Protocol):
    """For what no two processes may do at once, on whatever machines they run."""

    def alone(self, act: Callable[[], None]) -> None:
        """
        Do *act* while nobody else does anything by this method. On SQLite all writers wait meanwhile, so *act* has to
        be short, and must not use the catalogue.
        """
