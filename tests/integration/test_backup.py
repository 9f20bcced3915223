"""A copy of the upload folder, taken by a real rsync while uploads go on, is a whole service."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import needs
from tests.house import picture
from tests.integration.test_commands import vignette
from tests.running import all_along, http_client, is_complete, running_service, until

pytestmark = needs.program("rsync", "rsync")

CLIENTS = 3

# rsync's: a file was gone when its turn came. Images are deleted and rendered while it runs.
VANISHED = 24


def rsync(uploads: Path, copy: Path) -> None:
    """The line of docs/durability.md."""
    line = ["rsync", "--archive", "--delete", "--include=/.service/***", "--exclude=/.*", f"{uploads}/", f"{copy}/"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode in (0, VANISHED), done.stderr


@contextmanager
def uploading(url: str) -> Iterator[dict[int, str]]:
    """A few clients that upload one picture after another; the SHA-256 of those that were acknowledged, by number."""
    acknowledged: dict[int, str] = {}

    def upload(client: int, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            content = picture(100 + client, 100 + number % 500)
            answer = http_client.post(f"{url}/images", files={"file": ("a", content)})
            assert answer.status_code == 201, answer.text
            acknowledged[int(answer.text)] = hashlib.sha256(content).hexdigest()

    with all_along(CLIENTS, upload):
        yield acknowledged


def test_a_copy_taken_during_uploads_is_a_whole_service(tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "uploads"
    copy.mkdir(parents=True)
    kept, revoked = (add_key(tmp_path / "origin", name) for name in ("kept", "revoked"))
    with running_service(tmp_path / "origin", render_processes=2) as origin, uploading(origin.url) as acknowledged:
        until(lambda: len(acknowledged) >= 10)
        rsync(origin.upload_folder, copy)
        assert http_client.delete(f"{origin.url}/images/0").status_code == 204
        assert vignette(tmp_path / "origin", "keys", "rm", revoked).returncode == 0
        # Pass after pass, so that many uploads come during one, and the last begins and ends in the midst of them.
        enough = len(acknowledged) + 20
        while len(acknowledged) < enough:
            promised = dict(acknowledged)
            rsync(origin.upload_folder, copy)
    del promised[0]

    assert vignette(tmp_path / "copy", "reindex").returncode == 0
    assert keys(tmp_path / "copy") == [kept]
    with running_service(tmp_path / "copy") as service:
        for number, sha256 in promised.items():
            original = http_client.get(f"{service.url}/images/{number}/original").content
            assert hashlib.sha256(original).hexdigest() == sha256
            until(lambda number=number: is_complete(service.url, number))
        assert http_client.get(f"{service.url}/images/0").status_code == 410
        highest = max(int(folder.name) for folder in copy.glob("[0-9]*"))
        assert http_client.post(f"{service.url}/images", files={"file": ("a", picture())}).text == f"{highest + 1}\n"
        report = json.loads(vignette(tmp_path / "copy", "fsck", "--json").stdout)
        assert [finding for finding in report["findings"] if finding["image"] in (0, *promised)] == []


def keys(folder: Path) -> list[str]:
    return [key["id"] for key in json.loads(vignette(folder, "keys", "ls", "--json").stdout)]


def add_key(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    assert vignette(folder, "keys", "add", name, "--scope", "upload").returncode == 0
    return keys(folder)[0]
