"""`vignette quarantine`, and checks as the settings name them, in processes of their own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.check_services import Clamd, http_service, listening
from tests.house import House, picture
from tests.house import house as new_house
from tests.integration.test_commands import vignette
from tests.running import http_client, running_service, until
from tests.unit.pixels.pdq_pictures import PICTURES
from vignette import layout
from vignette.model import ImageId

HOSTILE = "a\x1b[2J\n.jpg"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    """With images 0, 1 and 2, of which the last two are in quarantine."""
    with new_house(tmp_path) as house:
        for number in range(3):
            house.upload(picture(), HOSTILE)
            if number:
                house.reviewing.suspect(ImageId(number), "clamav", "malware")
        yield house


def test_it_lists_what_waits(here: House) -> None:
    plain, as_json = vignette(here.root, "quarantine", "ls"), vignette(here.root, "quarantine", "ls", "--json")

    lines = plain.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["2", "1"]
    assert lines[0].split("  ")[2:4] == ["clamav", "malware"]
    assert "\x1b" not in plain.stdout
    assert [found["id"] for found in json.loads(as_json.stdout)] == [2, 1]


def test_it_accepts_and_rejects_once(here: House) -> None:
    accepted = vignette(here.root, "quarantine", "accept", "1", "--reason", "a statue")
    rejected = vignette(here.root, "quarantine", "reject", "2")

    assert (accepted.returncode, accepted.stdout) == (0, "1\n")
    assert (rejected.returncode, rejected.stdout) == (0, "2\n")
    assert here.client.get("/images/1").status_code == 200
    assert "a statue" in (here.uploads / "1" / layout.REVIEW).read_text()
    assert here.client.get("/images/2").status_code == 410
    for number in ("0", "1", "2", "99"):
        again = vignette(here.root, "quarantine", "accept", number)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr.startswith("vignette: ")
    assert vignette(here.root, "quarantine", "ls").stdout == ""


def test_a_long_reason_is_refused(here: House) -> None:
    refused = vignette(here.root, "quarantine", "accept", "1", "--reason", "x" * 501)

    assert refused.returncode == 2
    assert "501" in refused.stderr
    assert here.catalogue.library.get(ImageId(1)).quarantine is not None


def test_a_service_asks_the_checks_of_its_settings(short_path: Path) -> None:
    """Real processes: what is in quarantine is in none of them, and what was decided by command is in each at once."""
    daemon, place = Clamd(b"EICAR"), short_path / "clamd.sock"
    with listening(daemon, place), http_service(answer={"verdict": "quarantine", "reason": "nudity"}) as moderation:
        checks = [
            {"name": "clamav", "clamd": str(place)},
            {"name": "moderation", "url": moderation.url, "secret": "0123456789abcdef"},
        ]
        with running_service(short_path, checks=checks) as service:
            malware = http_client.post(f"{service.url}/images", content=picture() + b"EICAR")
            suspect = http_client.post(f"{service.url}/images", content=picture())
            assert (malware.status_code, malware.json()["reason"]) == (422, "malware")
            assert (suspect.status_code, suspect.text) == (202, "quarantined 0 \n")
            assert [asked.body for asked in moderation.asked] == [picture()]
            for _ in range(8):
                assert http_client.get(f"{service.url}/images/0").status_code == 404
                assert http_client.get(f"{service.url}/vignette/0").status_code == 404

            assert vignette(short_path, "quarantine", "accept", "0").returncode == 0

            until(lambda: http_client.get(f"{service.url}/vignette/0").status_code == 200)
            for _ in range(8):
                assert http_client.get(f"{service.url}/images/0").status_code == 200
            assert "0123456789abcdef" not in service.words()


@pytest.mark.parametrize(("on_blocked", "status"), [("quarantine", 404), ("reject", 410)])
def test_a_worker_knows_the_pictures_of_its_block_list(
    tmp_path: Path, short_path: Path, on_blocked: str, status: int
) -> None:
    drawn, block_list = io.BytesIO(), tmp_path / "blocked.txt"
    PICTURES["waves"](320, 240).convert("RGB").save(drawn, "JPEG")
    with new_house(tmp_path / "elsewhere") as elsewhere:
        known = elsewhere.upload(drawn.getvalue()).id
        elsewhere.work()
        placeholder = elsewhere.catalogue.library.get(known).placeholder
        assert placeholder is not None
        block_list.write_text(f"{placeholder.pdq}  # waves\n")
    with running_service(short_path, block_list=str(block_list), on_blocked=on_blocked) as service:
        for content in (drawn.getvalue(), picture()):
            assert http_client.post(f"{service.url}/images", content=content).status_code == 201

        until(lambda: http_client.get(f"{service.url}/vignette/1").status_code == 200)
        until(lambda: http_client.get(f"{service.url}/vignette/0").status_code == status)
