"""
Tickets, in the database of the catalogue. What the folders hold does not bring them back: see `TicketCopies`.

Every change is one transaction, and raises as those of `ports.catalogue`. A use is counted by `ports.catalogue`, in the
transaction of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from vignette.access.tickets import Ticket
from vignette.model import Image, ImageId

Keep = Callable[[Sequence[Ticket]], None]
"""Writes down elsewhere all tickets that can still be used, the newest first, and raises if that cannot be done."""


class Tickets(Protocol):
    """
    For those who look tickets up and change them.

    Each change takes a *keep*, and calls it with the tickets as they are to be, before it commits: what was written
    down is never behind what was committed, but for the uses. If *keep* raises, nothing changes. If it was called and
    the change fails all the same, *keep* is called once more, with the tickets that there are, and that may fail. No
    two changes happen at once.
    """

    def add(self, ticket: Ticket, keep: Keep, *, at_most: int, at_most_of_owner: int, forget_before: datetime) -> None:
        """
        Add *ticket*, whose id and digest no other has. Tickets that ended or were spent *forget_before* are removed;
        so are others that have ended, are spent, or are those of a key that was removed, the oldest first, where there
        would be more than *at_most*.

        Raises:
            TooManyTickets: There are *at_most* that can still be used, or *at_most_of_owner* of its owner.
        """

    def get(self, ticket_id: str) -> Ticket:
        """Return the ticket; raise `TicketNotFound` if there is none of this id."""

    def with_digest(self, digest: str) -> Ticket | None:
        """Return the ticket whose token has this *digest*; None if there is none."""

    def all(self, limit: int, after: str | None = None, *, owner: str | None = None) -> list[Ticket]:
        """
        Return at most *limit* tickets, the newest first: those that follow the ticket with the id *after*; with
        *owner*, only those that this key has made.

        Raises:
            TicketNotFound: There is no ticket with the id *after*, any more.
        """

    def revoke(self, ticket_id: str, at: datetime, keep: Keep) -> Ticket:
        """
        Revoke the ticket, unless it is already; return it as it is then.

        Raises:
            TicketNotFound: There is no ticket of this id.
        """

    def may_use(self, origin: str, at: datetime) -> bool:
        """Whether pages of this *origin* may use a ticket that has neither ended *at* this time nor is spent."""

    def origins(self, at: datetime) -> frozenset[str]:
        """Return the origins of which `may_use` is true."""


class TicketCopies(Protocol):
    """For those who hold the tickets against what was written down of them."""

    def is_empty(self) -> bool:
        """Whether there is no ticket, not even one that was revoked."""

    def kept(self) -> list[Ticket]:
        """All tickets that can still be used, the newest first: neither revoked nor spent, and not expired."""

    def ended(self, ticket_ids: Collection[str]) -> set[str]:
        """Return those of these tickets that are there and not revoked, and cannot be used any more all the same."""

    def keep(self, keep: Keep) -> None:
        """Call *keep* with these, while none can be added or revoked."""

    def restore(self, read: Callable[[], Sequence[Ticket]]) -> int:
        """
        If there is no ticket, add those that *read* returns, and return how many they are; 0 otherwise. The uses of
        each are those that the catalogue's images tell. *read* is called while none can be added.
        """


class TicketImages(Protocol):
    """For those who look up what came by a ticket."""

    def of_ticket(self, ticket_id: str, limit: int, before: ImageId | None = None) -> list[Image]:
        """
        Return at most *limit* images that came by this ticket and are not deleted, newest first, with numbers below
        *before*.
        """

    def sent_by(self, ticket_id: str, beginnings: Iterable[str]) -> list[Image]:
        """
        Return the images that came by this ticket, are not deleted, and whose SHA-256 in hex begins with one of these
        *beginnings*; one at most for each, in their order.
        """
