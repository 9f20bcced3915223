"""What is kept in `.service/`: keys, and tickets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vignette import layout
from vignette.access.keys import Key
from vignette.access.tickets import Ticket
from vignette.ports.access import KeyCopies
from vignette.ports.store import ServiceFiles
from vignette.ports.tickets import TicketCopies
from vignette.snapshots import (
    keys_from_json,
    keys_to_json,
    tickets_from_json,
    tickets_to_json,
    without_spent_uses,
    without_uses,
)
from vignette.use_cases.snapshotting import Form, Snapshots

KEYS: Final = Form("keys", layout.KEYS, keys_to_json, keys_from_json, without_uses, "vignette keys ls")
TICKETS: Final = Form(
    "tickets", layout.TICKETS, tickets_to_json, tickets_from_json, without_spent_uses, "vignette tickets ls"
)


class KeySnapshots(Snapshots[Key]):
    """All keys, in `.service/keys.json`."""

    def __init__(self, copies: KeyCopies, files: ServiceFiles) -> None:
        super().__init__(KEYS, copies, files)


class TicketSnapshots(Snapshots[Ticket]):
    """
    All tickets that can still be used, in `.service/tickets.json`; those that were spent or have expired since are in
    it until the next change. Uses are not in it: the folders of the images tell them, also those of deleted ones.
    """

    def __init__(self, copies: TicketCopies, files: ServiceFiles) -> None:
        super().__init__(TICKETS, copies, files)
        self._tickets = copies

    def differ(self, written: Sequence[Ticket], values: Sequence[Ticket]) -> bool:
        usable, there = set(without_spent_uses(values)), set(written)
        surplus = {ticket.id for ticket in there - usable}
        return not usable <= there or self._tickets.ended(surplus) != surplus
