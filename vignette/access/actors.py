"""Who asks: the value that every use case is given first."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


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
    Who asks, with all scopes that were granted. `key_id` is the id of the key that was shown, if one was. `address` is
    the IP address from which he asks, where it is known: it makes nobody another actor.
    """

    key_id: str | None = None
    scopes: frozenset[Scope] = frozenset()
    address: str | None = field(default=None, compare=False)

    def has(self, scope: Scope) -> bool:
        """Whether the actor was granted *scope*, or `Scope.ADMIN`, which gives every other one."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def in_log(self) -> dict[str, str]:
        """The fields by which a line of the log names the actor."""
        return {} if self.key_id is None else {"key": self.key_id}


NOBODY: Final = Actor()
"""Whoever shows nothing."""

OPERATOR: Final = Actor(None, frozenset(Scope))
"""Whoever runs commands on the machine: he can read and write the folder and the catalogue anyway."""
