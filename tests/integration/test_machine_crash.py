"""
A crash of the machine, as far as a test can have one: the service is killed, what renderings have written is damaged
behind its back, and the notes of what is not flushed are of another start of the machine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from tests.house import broken_pixels, picture
from tests.running import Service, http_client, running_service, until
from vignette import layout
from vignette.records import outcome_from_json
from vignette.settings import DEFAULT_RECIPES, Settings
from vignette.use_cases.findings import Finding
from vignette.wiring.commands import open_checkup

VIGNETTES: Final = sorted(layout.vignettes(DEFAULT_RECIPES))


def truncate(file: Path) -> None:
    os.truncate(file, 0)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def zero_a_block(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


def remove(file: Path) -> None:
    file.unlink()


# Each of them for an image of its own.
DAMAGES: Final[list[tuple[str, Callable[[Path], None]]]] = [
    (name, damage)
    for name in (layout.OUTCOME, VIGNETTES[0], VIGNETTES[-1])
    for damage in (truncate, cut, zero, zero_a_block, remove)
]
FAILED: Final = len(DAMAGES)


def test_all_that_was_damaged_is_made_again_by_itself(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        fill(service)
        before = all_files(service)
    for number, (name, damage) in enumerate(DAMAGES):
        damage(tmp_path / "uploads" / str(number) / name)
    truncate(tmp_path / "uploads" / str(FAILED) / layout.OUTCOME)
    write_notes(tmp_path, boot="an earlier start", count=FAILED + 1)

    with running_service(tmp_path) as service:
        until(lambda: are_settled(service) and all_files(service) == before)

    assert findings(tmp_path) == []


def test_without_a_crash_nothing_is_looked_at(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        fill(service)
    cut(tmp_path / "uploads" / "0" / VIGNETTES[0])
    write_notes(tmp_path, boot=Path("/proc/sys/kernel/random/boot_id").read_text().strip(), count=FAILED + 1)

    with running_service(tmp_path) as service:
        until(lambda: are_settled(service))
        assert "a crash of the machine" not in service.words()

    assert [(finding.image_id, finding.name) for finding in findings(tmp_path)] == [(0, VIGNETTES[0])]


def fill(service: Service) -> None:
    for number in range(FAILED):
        send(service, picture(60 + number, 50))
    send(service, broken_pixels())
    until(lambda: asked(service, "SELECT count(*) FROM image WHERE state IN ('ready', 'failed')") == FAILED + 1)


def send(service: Service, content: bytes) -> None:
    assert http_client.post(f"{service.url}/images", files={"file": ("a.jpg", content)}).status_code == 201


def all_files(service: Service) -> dict[str, object]:
    files = service.upload_folder.glob("[0-9]*/*")
    return {str(file.relative_to(service.upload_folder)): content_of(file) for file in files}


def content_of(file: Path) -> object:
    """The bytes of *file*. An outcome says the same in another order if the sizes were made in another one."""
    content = file.read_bytes()
    if file.name != layout.OUTCOME:
        return content
    with suppress(ValueError):
        outcome = outcome_from_json(content)
        return sorted(outcome.fingerprints.items()), sorted(outcome.vignettes), outcome.failure
    return content


def are_settled(service: Service) -> bool:
    unsettled = (
        "SELECT (SELECT count(*) FROM unflushed) + (SELECT count(*) FROM image WHERE state NOT IN ('ready', 'failed'))"
    )
    return asked(service, unsettled) == 0


def asked(service: Service, question: str) -> int:
    with closing(sqlite3.connect(service.state_folder / "catalogue.sqlite3")) as connection:
        return int(connection.execute(question).fetchone()[0])


def write_notes(folder: Path, *, boot: str, count: int) -> None:
    with closing(sqlite3.connect(folder / "state" / "catalogue.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM unflushed")
        connection.executemany(
            "INSERT INTO unflushed (image_id, boot) VALUES (?, ?)", [(number, boot) for number in range(count)]
        )


def findings(folder: Path) -> list[Finding]:
    checkup = open_checkup(
        Settings(upload_folder=folder / "uploads", state_folder=folder / "state"), settle=lambda: None
    )
    return list(checkup.run(checkup.image_ids()))
