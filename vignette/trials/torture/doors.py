"""What must not be got at a service that is tortured: private images without a key, anything with a key taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Final, Protocol

from vignette.model import Visibility
from vignette.trials.torture.ledger import Ledger, Upload

# Paths of an image, by its name.
_PATHS: Final = ("/images/{}", "/images/{}/original", "/images/{}/metadata.json", "/vignette/{}")

_AS_JSON: Final = {"Content-Type": "application/json"}

# A part of the service is away, or the disk is full: ask again.
NOT_NOW: Final = (503, 507)


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

    def _use(self, token: str, expected: int) -> None:
        status, _ = self._ask("GET", "/images?limit=1", key=token)
        if status not in (expected, *NOT_NOW):
            self._ledger.violated(f"a key was to be answered {expected}, and was answered {status}")
