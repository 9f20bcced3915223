"""What is kept in `.service/`: keys, and tickets."""

from __future__ import annotations

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
    All tickets that are not revoked, in `.service/tickets.json`. Their uses are not in it: the folders of the images
    tell them, also those of deleted ones.
    """

    def __init__(self, copies: TicketCopies, files: ServiceFiles) -> None:
        super().__init__(TICKETS, copies, files)
