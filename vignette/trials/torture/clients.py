"""Clients that upload, look and delete, and write what they were told into the ledger."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from random import Random
from typing import Any, Final

from vignette.model import Visibility
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.torture.doors import NO_ANSWER, NOT_NOW, Doors
from vignette.trials.torture.ledger import Ledger, Upload
from vignette.trials.torture.pictures import Fate, any_picture

# Longer than all freezes but the longest, which is rare.
_TIMEOUT_S: Final = 15.0

_FIRST_SIZE: Final = DEFAULT_RECIPES[0].name


class Client:
    """
    A client that works until *stopping*, with the key *token*. What it does depends on *random* and on the answers
    alone.
    """

    def __init__(
        self, port: int, ledger: Ledger, random: Random, stopping: threading.Event, *, token: str = ""
    ) -> None:
        self._port = port
        self._token = token
        self._ledger = ledger
        self._random = random
        self._stopping = stopping
        self._kept: list[Upload] = []
        self._doors = Doors(self._ask, ledger, random)

    def run(self) -> None:
        while not self._stopping.is_set():
            self._upload()
            chance = self._random.random()
            if chance < 0.05:
                self._delete()
            elif chance < 0.10:
                self._look()
            elif chance < 0.12:
                self._hang_up()
            elif chance < 0.20:
                self._try_doors()
            self._stopping.wait(self._random.uniform(0, 0.06))

    def _upload(self) -> None:
        picture = any_picture(self._random)
        key = self._random.randbytes(8).hex() if self._random.random() < 0.7 else None
        digest = hashlib.sha256(picture.content).hexdigest()
        visibility = Visibility.PRIVATE if self._random.random() < 0.3 else Visibility.PUBLIC
        upload = Upload(digest, len(picture.content), picture.fate, key, visibility=visibility)
        self._ledger.send(upload)
        while not self._sent(upload, picture.content) and key is not None:
            # Without a key it is not sent again: it may have been kept, and would be there twice.
            if self._stopping.wait(0.2):
                return

    def _sent(self, upload: Upload, content: bytes) -> bool:
        """Send the upload; return whether an answer settled what has become of it."""
        headers = {"Content-Type": "image/png", "Accept": "application/json"}
        if upload.key is not None:
            headers["Idempotency-Key"] = upload.key
        try:
            status, body = self._ask("POST", f"/images?visibility={upload.visibility}", content, headers)
        except NO_ANSWER:
            return False
        if status in NOT_NOW:
            return False
        if status == 201:
            self._acknowledged(upload, json.loads(body))
        elif 400 <= status < 500:
            upload.is_refused = True
            if upload.fate is not Fate.REFUSED:
                self._ledger.violated(f"a sound upload {upload.sha256} was refused: {status} {body!r}")
        else:
            self._ledger.violated(f"an upload was answered {status}: {body!r}")
        return True

    def _acknowledged(self, upload: Upload, resource: dict[str, Any]) -> None:
        upload.number, upload.name = resource["id"], resource["public_name"]
        if resource["visibility"] != upload.visibility:
            self._ledger.violated(f"image {upload.number} was to be {upload.visibility}: {resource['visibility']}")
        if upload.fate is Fate.REFUSED:
            self._ledger.violated(f"image {upload.number} should have been refused")
        if resource["sha256"] != upload.sha256:
            self._ledger.violated(f"image {upload.number} was acknowledged with another digest")
        self._kept.append(upload)

    def _delete(self) -> None:
        if not self._kept:
            return
        upload = self._kept.pop(self._random.randrange(len(self._kept)))
        assert upload.number is not None
        self._ledger.delete(upload.number, is_answered=False)
        try:
            status, body = self._ask("DELETE", f"/images/{upload.number}")
        except NO_ANSWER:
            return
        if status in (204, 410):
            self._ledger.delete(upload.number, is_answered=True)
        elif status not in NOT_NOW:
            self._ledger.violated(f"deleting image {upload.number} was answered {status}: {body!r}")

    def _look(self) -> None:
        if not self._kept:
            return
        upload = self._random.choice(self._kept)
        try:
            status, body = self._ask("GET", f"/images/{upload.number}/original")
            shown, _ = self._ask("GET", f"/vignette/{upload.number}", headers={"Prefer": "wait=1"})
            self._look_at_sizes(upload)
        except NO_ANSWER:
            return
        if status == 200 and hashlib.sha256(body).hexdigest() != upload.sha256:
            self._ledger.violated(f"image {upload.number} came back with other bytes")
        if status not in (200, *NOT_NOW):
            self._ledger.violated(f"the original of image {upload.number} was answered {status}: {body!r}")
        if shown not in (200, 202, 422, *NOT_NOW):
            self._ledger.violated(f"the vignette of image {upload.number} was answered {shown}")

    def _try_doors(self) -> None:
        try:
            chance = self._random.random()
            if chance < 0.2:
                self._doors.lend()
            elif chance < 0.5:
                self._doors.invite(list(islice(self._sound_pictures(), self._random.randint(2, 4))))
            elif self._kept:
                upload = self._random.choice(self._kept)
                if self._random.random() < 0.5:
                    self._doors.change(upload)
                self._doors.look(upload)
        except NO_ANSWER:
            return

    def _sound_pictures(self) -> Iterator[bytes]:
        while True:
            picture = any_picture(self._random)
            if picture.fate is Fate.READY:
                yield picture.content

    def _look_at_sizes(self, upload: Upload) -> None:
        """What is ready has each size that it tells of, the first one among them."""
        status, body = self._ask("GET", f"/images/{upload.number}", headers={"Accept": "application/json"})
        if status != 200 or (image := json.loads(body))["state"] != "ready":
            return
        there = image["links"]["vignettes"]
        if _FIRST_SIZE not in there:
            self._ledger.violated(f"image {upload.number} is ready without {_FIRST_SIZE}: {sorted(there)}")
        for size in there:
            status, _ = self._ask("GET", f"/vignette/{upload.number}?size={size}")
            if status not in (200, *NOT_NOW):
                self._ledger.violated(f"size {size} of image {upload.number} is there, and was answered {status}")

    def _hang_up(self) -> None:
        """Announce more bytes than are sent, and hang up. Nothing of that may be kept, not even a whole picture."""
        content = any_picture(self._random).content
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.putrequest("POST", "/images")
            connection.putheader("Content-Type", "image/png")
            connection.putheader("Authorization", f"Bearer {self._token}")
            connection.putheader("Content-Length", str(len(content) + 1000))
            connection.endheaders()
            connection.send(content[: self._random.choice((500, len(content)))])
            time.sleep(self._random.uniform(0, 0.05))
        except NO_ANSWER:
            return
        finally:
            connection.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
        *,
        key: str | None = None,
    ) -> tuple[int, bytes]:
        token = self._token if key is None else key
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, {**headers, **shown})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
