"""Who asks: the value that every use case is given first."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from vignette.access.links import Link


class Scope(StrEnum):
    """A right that a key may give. `ADMIN` gives all of them, over the images of everybody."""

    UPLOAD = "upload"
    READ = "read"
    EDIT = "edit"
    DELETE = "delete"
    SHARE = "share"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who asks, with all scopes that were granted. `key_id` is the id of the key that was shown, if one was; `ticket_id`
    that of the ticket. Whoever comes by a signed `link` has no scope, whatever else was shown: he reads what the link
    is for, and nothing else. `address` is the IP address from which somebody asks, where it is known: it makes nobody
    another actor. Of the pages of other sites, those of `origins` may ask for him.
    """

    key_id: str | None = None
    scopes: frozenset[Scope] = frozenset()
    link: Grant | None = None
    ticket_id: str | None = None
    address: str | None = field(default=None, compare=False)
    origins: frozenset[str] = frozenset()

    def has(self, scope: Scope) -> bool:
        """Whether the actor was granted *scope*, or `Scope.ADMIN`, which gives every other one."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def identity(self) -> str | None:
        """By what rates and turns know the actor: a session counts as its key. None: only by its address."""
        if self.ticket_id is not None:
            return f"ticket:{self.ticket_id}"
        return None if self.key_id is None else f"key:{self.key_id}"

    def in_log(self) -> dict[str, str]:
        """The fields by which a line of the log names the actor."""
        shown = {"key": self.key_id, "ticket": self.ticket_id}
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Grant:
    """
    What a signed link that holds gives. `maker` is the key that it was made by, as it is now: the link gives nothing
    that its maker may not share any more. None: the link has the authority of the service itself.
    """

    link: Link
    maker: Actor | None = None


NOBODY: Final = Actor()
"""Whoever shows nothing."""

OPERATOR: Final = Actor(None, frozenset(Scope))
"""Whoever runs commands on the machine: he can read and write the folder and the catalogue anyway."""
