"""What others say of a file before it is kept: a scanner, a service of the operator's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

from vignette.model import Record


class Verdict(StrEnum):
    """What becomes of a file."""

    ACCEPT = "accept"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class OnBlocked(StrEnum):
    """What becomes of a picture that is recognised."""

    QUARANTINE = "quarantine"
    REJECT = "reject"


class OnError(StrEnum):
    """What becomes of a file about which a check says nothing."""

    REFUSE = "refuse"
    QUARANTINE = "quarantine"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict, and the code of its reason (`records.REASON_CODE`)."""

    verdict: Verdict
    reason: str


class Check(Protocol):
    """Something that is asked about each file."""

    def ask(self, file: BinaryIO, record: Record) -> Said:
        """
        Show it the *file*, from where it stands to its end, with what *record* tells of it.

        This ends within a time that the check was made with, whatever the other side does.

        Raises:
            CheckUnavailable: It cannot be reached, says nothing in time, or something that is no verdict. The error is
                for the log: it may name the other side.
            StoreUnavailable: The file cannot be read.
        """
