"""
The secret of the service: 256 random bits, in the upload folder (`.service/secret`, for our own user alone). What is
made of it is good as long as the folder is, and in each copy of it.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from typing import Final

from vignette import layout
from vignette.access.keys import Key
from vignette.errors import CatalogueUnavailable, FileNotStored, StoreUnavailable
from vignette.ports.access import KeyCopies
from vignette.ports.store import ServiceFiles

_BYTES: Final = 32
_FORM: Final = re.compile(rb"[0-9a-f]{64}\n?")

logger = logging.getLogger(__name__)


class ServiceSecret:
    """The use case. Each method may run in any number of processes at once: all of them have the same secret."""

    def __init__(self, files: ServiceFiles, copies: KeyCopies) -> None:
        self._files = files
        self._copies = copies

    def derived(self, purpose: str) -> bytes | None:
        """
        Return a secret of 256 bits for this *purpose*, of which no other one can be told. The secret is made if there
        is none; None if that cannot be done now.
        """
        try:
            secret = self._read() or self._made()
        except (CatalogueUnavailable, StoreUnavailable) as error:
            logger.warning("there is no secret of the service, and none can be made: %s", error)
            return None
        return hmac.digest(secret, f"vignette\n{purpose}".encode(), "sha256")

    def _read(self) -> bytes | None:
        try:
            content = self._files.read_service(layout.SECRET)
        except FileNotStored:
            return None
        if not _FORM.fullmatch(content):
            logger.warning("%s/%s is damaged: another one takes its place", layout.SERVICE, layout.SECRET)
            return None
        return bytes.fromhex(content.decode())

    def _made(self) -> bytes:
        made: list[bytes] = []

        def make(_keys: Sequence[Key]) -> None:
            secret = self._read()  # another process may have made it by now
            if secret is None:
                secret = secrets.token_bytes(_BYTES)
                self._files.write_service(layout.SECRET, secret.hex().encode())
            made.append(secret)

        # Whoever changes keys holds a lock that all processes share, and so does this.
        self._copies.keep(make)
        return made[-1]
