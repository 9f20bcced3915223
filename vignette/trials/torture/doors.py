"""
What must not be got at a service that is tortured: private images without a key, anything with a key taken back, more
by a ticket than it allows.
"""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Final, Protocol

from vignette.model import Visibility
from vignette.trials.torture.ledger import Ledger, Upload
from vignette.trials.torture.pictures import Fate

# Paths of an image, by its name.
_PATHS: Final = ("/images/{}", "/images/{}/original", "/images/{}/metadata.json", "/vignette/{}")

_AS_JSON: Final = {"Content-Type": "application/json"}

# A part of the service is away, or the disk is full: ask again.
NOT_NOW: Final = (503, 507)


NO_ANSWER: Final = (OSError, http.client.HTTPException)

# A guest who hears nothing sends again so often.
_TRIES: Final = 3


class Ask(Protocol):
    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
        *,
        key: str | None = None,
    ) -> tuple[int, bytes]:
        """Ask with the client's own key, or with *key*, or with none if that is empty; return status and body."""


class Doors:
    """Changes who sees an image, and who has a key; then tries them. Nobody else changes the images of this client."""

    def __init__(self, ask: Ask, ledger: Ledger, random: Random) -> None:
        self._ask = ask
        self._ledger = ledger
        self._random = random

    def change(self, upload: Upload) -> None:
        """Say who sees the image. Until that is answered nobody knows."""
        wanted = self._random.choice(list(Visibility))
        upload.visibility = None
        body = json.dumps({"visibility": wanted}).encode()
        status, answer = self._ask("PATCH", f"/images/{upload.number}", body, {**_AS_JSON, "If-Match": "*"})
        if status == 200:
            upload.visibility = wanted
        elif status not in NOT_NOW:
            self._ledger.violated(f"making image {upload.number} {wanted} was answered {status}: {answer!r}")

    def look(self, upload: Upload) -> None:
        """Look at the image as a stranger does."""
        status, _ = self._ask("GET", f"/images/{upload.number}", key="")
        if status not in (404, *NOT_NOW):
            self._ledger.violated(f"a stranger asked for number {upload.number}, and was answered {status}")
        if upload.visibility is None:
            return
        for path in _PATHS:
            status, _ = self._ask("GET", path.format(upload.name), key="")
            is_seen = status != 404
            if status not in NOT_NOW and is_seen != (upload.visibility is Visibility.PUBLIC):
                self._ledger.violated(
                    f"image {upload.number} is {upload.visibility}, and a stranger was answered {status} at {path}"
                )

    def lend(self) -> None:
        """Make a key, use it, take it back, and use it again."""
        body = json.dumps({"name": "lent", "scopes": ["read"]}).encode()
        status, answer = self._ask("POST", "/keys", body, _AS_JSON)
        if status != 201:
            if status not in NOT_NOW:
                self._ledger.violated(f"a key could not be made: {status} {answer!r}")
            return
        key = json.loads(answer)
        self._use(key["token"], 200)
        status, answer = self._ask("DELETE", f"/keys/{key['id']}")
        if status == 204:
            self._use(key["token"], 401)
        elif status not in NOT_NOW:
            self._ledger.violated(f"a key could not be taken back: {status} {answer!r}")

    def invite(self, pictures: Sequence[bytes]) -> None:
        """Make a ticket for fewer images than there are *pictures*, and have a guest for each send it at once."""
        uses = len(pictures) - 1
        status, answer = self._ask("POST", "/tickets", json.dumps({"uses": uses}).encode(), _AS_JSON)
        if status != 201:
            if status not in NOT_NOW:
                self._ledger.violated(f"a ticket could not be made: {status} {answer!r}")
            return
        ticket = json.loads(answer)
        self._ledger.give_out(ticket["id"], uses)
        with ThreadPoolExecutor(len(pictures)) as guests:
            kept = sum(guests.map(partial(self._send_by, ticket), pictures))
        if kept > uses:
            self._ledger.violated(f"{kept} images were acknowledged by a ticket for {uses}")

    def _send_by(self, ticket: Mapping[str, str], content: bytes) -> bool:
        """Send *content* by the ticket until something has become of it; return whether it was acknowledged."""
        digest = hashlib.sha256(content).hexdigest()
        upload = Upload(digest, len(content), Fate.READY, key=digest[:16])
        self._ledger.send(upload)
        headers = {"Content-Type": "image/png", "Accept": "application/json", "Idempotency-Key": digest[:16]}
        for _ in range(_TRIES):
            try:
                status, answer = self._ask("POST", "/images", content, headers, key=ticket["token"])
            except NO_ANSWER:
                continue
            if status == 201:
                self._ledger.admitted(ticket["id"])
                return True
            if status == 403 and json.loads(answer)["type"].endswith("/ticket-spent"):
                upload.is_refused = True
                return False
            if status not in NOT_NOW:
                self._ledger.violated(f"an upload by a ticket was answered {status}: {answer!r}")
                return False
        return False

    def _use(self, token: str, expected: int) -> None:
        status, _ = self._ask("GET", "/images?limit=1", key=token)
        if status not in (expected, *NOT_NOW):
            self._ledger.violated(f"a key was to be answered {expected}, and was answered {status}")
