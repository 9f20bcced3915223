"""What every part of the service that can fail has to tell."""

from __future__ import annotations

from typing import Protocol


class Part(Protocol):
    """A part that an upload needs."""

    def probe(self) -> None:
        """Do what an upload would do, and leave nothing of it; raise the `Unavailable` that the upload would meet."""
