"""The service in docs/checks.md does what the page says."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.test_checks import CONTENT, RECORD, SECRET, SOON_S
from tests.running import until
from vignette.adapters.checks.http_service import HttpCheck
from vignette.errors import CheckUnavailable
from vignette.ports.checks import Said, Verdict
from vignette.settings import PROJECT_FOLDER
from vignette.trials.own_port import free_port

BLOCKED = b"something that nobody wants"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Said]]:
    folder = tmp_path_factory.mktemp("service")
    page = (PROJECT_FOLDER / "docs" / "checks.md").read_text(encoding="utf-8")
    [program] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (folder / "check_service.py").write_text(program)
    (folder / "blocked.txt").write_text(hashlib.sha256(BLOCKED).hexdigest() + "\n")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "check_service.py", str(port), "blocked.txt"],
        cwd=folder,
        env={**os.environ, "SECRET": SECRET},
        stderr=subprocess.DEVNULL,
    )

    def ask(content: bytes, width: int = 40, secret: str = SECRET, sent: bytes | None = None) -> Said:
        record = replace(
            RECORD,
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            facts=replace(RECORD.facts, width=width),
        )
        check = HttpCheck("moderation", f"http://127.0.0.1:{port}/check", secret, SOON_S)
        return check.ask(io.BytesIO(content if sent is None else sent), record)

    until(lambda: _listens(port))
    yield ask
    process.kill()
    process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_accepts_rejects_and_suspects(ask: Callable[..., Said]) -> None:
    assert ask(CONTENT).verdict is Verdict.ACCEPT
    assert ask(BLOCKED) == Said(Verdict.REJECT, "blocked")
    assert ask(CONTENT, width=301) == Said(Verdict.QUARANTINE, "panorama")


def test_it_believes_nobody_without_the_secret(ask: Callable[..., Said]) -> None:
    with pytest.raises(CheckUnavailable, match="403"):
        ask(CONTENT, secret="another secret of 16")


def test_it_believes_no_other_bytes(ask: Callable[..., Said]) -> None:
    with pytest.raises(CheckUnavailable, match="400"):
        ask(CONTENT, sent=CONTENT[:-1] + b"!")


def test_the_example_of_the_settings_is_that_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vignette.settings import load_settings

    page = (PROJECT_FOLDER / "docs" / "checks.md").read_text(encoding="utf-8")
    block = re.search(r"((?:    .*\n|\n)+)", page[page.index("    [[checks]]") :])
    assert block is not None
    (tmp_path / "vignette.toml").write_text(re.sub(r"^    ", "", block[1], flags=re.MULTILINE))
    monkeypatch.setenv("VIGNETTE_CONFIG", str(tmp_path / "vignette.toml"))

    assert [check.name for check in load_settings().checks] == ["clamav", "moderation"]
