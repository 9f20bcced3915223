"""`vignette keys`, and keys in a copy of the upload folder, in processes of their own."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, house
from tests.integration.test_commands import vignette
from vignette.access.actors import Actor, Scope
from vignette.access.quotas import Quota
from vignette.access.secrets import is_well_formed
from vignette.use_cases.keyholding import Keyholding
from vignette.wiring.use_cases import build_keyholding


def listed(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vignette(folder, "keys", "ls", "--json").stdout)
    return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as here:
        yield here


def holding(here: House) -> Keyholding:
    return build_keyholding(here.store, here.catalogue)


def add(folder: Path, name: str, *options: str) -> str:
    """Return the token."""
    done = vignette(folder, "keys", "add", name, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_token_is_alone_on_standard_output_and_opens_at_once(here: House, tmp_path: Path) -> None:
    done = vignette(tmp_path, "keys", "add", "le téléphone", "--scope", "upload", "--scope", "READ")

    token = done.stdout.removesuffix("\n")
    assert done.returncode == 0
    assert is_well_formed(token)
    assert token not in done.stderr
    actor = holding(here).authenticate(token, None)
    assert actor.scopes == {Scope.UPLOAD, Scope.READ}
    assert re.fullmatch(
        rf'{actor.key_id}  "le téléphone"  upload,read  made \S+  never expires  never used\n'
        r"Keep the token: it is shown this once\.\n",
        done.stderr,
    )


@pytest.mark.parametrize(
    ("expires", "away"),
    [("30d", timedelta(days=30)), ("12h", timedelta(hours=12))],
)
def test_a_key_ends_after_the_time_that_was_said(tmp_path: Path, here: House, expires: str, away: timedelta) -> None:
    before = datetime.now(UTC)
    add(tmp_path, "guest", "--scope", "upload", "--expires", expires)

    (key,) = here.catalogue.keys.all(10)
    assert key.expires_at is not None
    assert before + away - timedelta(seconds=1) < key.expires_at < datetime.now(UTC) + away


@pytest.mark.parametrize(
    ("expires", "end"),
    [
        ("2999-01-31", datetime(2999, 1, 31, tzinfo=UTC)),
        ("2999-01-31T12:00", datetime(2999, 1, 31, 12, tzinfo=UTC)),
        ("2999-01-31T12:00:00+02:00", datetime(2999, 1, 31, 10, tzinfo=UTC)),
        ("2999-01-31T12:00Z", datetime(2999, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_a_key_ends_at_the_time_that_was_said(tmp_path: Path, here: House, expires: str, end: datetime) -> None:
    add(tmp_path, "guest", "--scope", "upload", "--expires", expires)

    assert [key.expires_at for key in here.catalogue.keys.all(10)] == [end]


def test_a_key_is_for_the_networks_that_were_said(tmp_path: Path, here: House) -> None:
    add(tmp_path, "office", "--scope", "read", "--network", "10.0.0.0/8", "--network", "2001:DB8::/32")

    assert [key.networks for key in here.catalogue.keys.all(10)] == [("10.0.0.0/8", "2001:db8::/32")]


def test_a_key_has_the_quota_and_the_origins_that_were_said(tmp_path: Path, here: House) -> None:
    bounds = ("--max-images", "10", "--max-bytes", "5000", "--max-images-per-day", "3")
    add(tmp_path, "app", "--scope", "upload", *bounds, "--origin", "https://App.example.org")

    (key,) = here.catalogue.keys.all(10)
    assert (key.quota, key.origins) == (Quota(10, 5000, 3), ("https://app.example.org",))
    (told,) = listed(tmp_path)
    assert told["quota"] == {"images": 10, "bytes": 5000, "images_per_day": 3}
    assert "for pages of https://app.example.org  at most 10 images" in vignette(tmp_path, "keys", "ls").stdout


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ((), 2, "Missing option '--scope'"),
        (("--scope", "root"), 2, "'root' is not one of 'upload', 'read', 'edit', 'delete', 'share', 'admin'"),
        (("--scope", "read", "--expires", "never"), 2, "'never' is neither a time, as 2027-01-31T12:00Z, nor an age"),
        (("--scope", "read", "--expires", "2020-01-01"), 1, "vignette: expires_at has passed already"),
        (("--scope", "read", "--expires", "99999d"), 0, ""),
        (("--scope", "read", "--origin", "*"), 1, "vignette: origins: '*' is no origin"),
        (("--scope", "read", "--max-images", "-1"), 2, "-1 is not in the range"),
        (("--scope", "read", "--network", "home"), 1, "vignette: networks: 'home' does not appear to be an IPv4"),
    ],
)
def test_what_makes_no_sense_is_told_and_makes_no_key(
    tmp_path: Path, here: House, options: tuple[str, ...], status: int, words: str
) -> None:
    done = vignette(tmp_path, "keys", "add", "phone", *options)

    assert done.returncode == status
    assert words in " ".join(done.stderr.split())
    assert len(here.catalogue.keys.all(10)) == (status == 0)
    assert "Traceback" not in done.stderr


def test_a_list_shows_all_but_secrets_for_a_person_and_for_a_program(tmp_path: Path, here: House) -> None:
    first = add(tmp_path, "phone", "--scope", "upload")
    add(tmp_path, "office", "--scope", "admin", "--expires", "30d", "--network", "10.0.0.0/8")
    actor = holding(here).authenticate(first, None)

    text = vignette(tmp_path, "keys", "ls")
    office, phone = listed(tmp_path)

    assert text.stderr == ""
    assert [line.split("  ")[1:3] for line in text.stdout.splitlines()] == [
        ['"office"', "admin"],
        ['"phone"', "upload"],
    ]
    assert set(phone) == {
        "id",
        "name",
        "scopes",
        "created_at",
        "expires_at",
        "networks",
        "last_used_at",
        "quota",
        "origins",
    }
    assert (phone["id"], phone["scopes"], phone["expires_at"]) == (actor.key_id, ["upload"], None)
    assert phone["last_used_at"] is not None
    assert (office["networks"], office["last_used_at"]) == (["10.0.0.0/8"], None)


def test_a_key_that_was_removed_opens_nothing_from_then_on(tmp_path: Path, here: House) -> None:
    token = add(tmp_path, "phone", "--scope", "upload")
    keyholding = holding(here)
    actor = keyholding.authenticate(token, None)

    done = vignette(tmp_path, "keys", "rm", str(actor.key_id))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"key {actor.key_id} is removed\n")
    with pytest.raises(Exception, match="it is unknown, was removed"):
        keyholding.authenticate(token, None)
    again = vignette(tmp_path, "keys", "rm", str(actor.key_id))
    assert (again.returncode, again.stderr) == (1, f"vignette: there is no key '{actor.key_id}'\n")


def test_reindex_brings_the_keys_back_in_a_copy_of_the_folder_alone(tmp_path: Path) -> None:
    origin, copy = tmp_path / "origin", tmp_path / "copy"
    with house(origin) as there:
        token = add(origin, "phone", "--scope", "upload")
        actor = holding(there).authenticate(token, None)
    (copy / "uploads").mkdir(parents=True)
    shutil.copytree(origin / "uploads" / ".service", copy / "uploads" / ".service")

    done = vignette(copy, "reindex")

    assert done.returncode == 0
    assert ".service/keys.json has brought its keys back (1): `vignette keys ls` lists them" in done.stderr
    assert [key["id"] for key in listed(copy)] == [actor.key_id]
    with house(copy) as here:
        assert holding(here).authenticate(token, None) == Actor(actor.key_id, frozenset({Scope.UPLOAD}))


def test_reindex_takes_no_keys_where_there_are_some(tmp_path: Path) -> None:
    """Somebody has put the folder of a stranger, whose key is an admin's, in the place of ours."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    add(theirs, "stranger", "--scope", "admin")
    add(ours, "phone", "--scope", "upload")
    before = listed(ours)
    shutil.rmtree(ours / "uploads" / ".service")
    shutil.copytree(theirs / "uploads" / ".service", ours / "uploads" / ".service")

    assert vignette(ours, "reindex").returncode == 0

    assert listed(ours) == before
    assert b"stranger" not in (ours / "uploads" / ".service" / "keys.json").read_bytes()


def test_reindex_names_a_snapshot_that_it_does_not_take_and_indexes_all_the_same(tmp_path: Path) -> None:
    service = tmp_path / "uploads" / ".service"
    service.mkdir(parents=True)
    (service / "keys.json").write_bytes(b'{"keys": [{"scopes": ["root"]}]}')

    done = vignette(tmp_path, "reindex")

    assert (done.returncode, done.stdout) == (0, f"0 images in the catalogue, from {tmp_path / 'uploads'}\n")
    assert ".service/keys.json is not taken: it holds no keys that Vignette has written" in done.stderr
    assert listed(tmp_path) == []


def test_who_made_and_removed_a_key_is_told_by_a_command(tmp_path: Path) -> None:
    add(tmp_path, "phone", "--scope", "upload")
    [key] = listed(tmp_path)
    vignette(tmp_path, "keys", "rm", key["id"])

    lines = [
        json.loads(line) for line in vignette(tmp_path, "audit", "--actor", "operator", "--json").stdout.splitlines()
    ]

    assert [(line["what"], line["subject"]) for line in lines] == [("key-removed", key["id"]), ("key-made", key["id"])]
    one = vignette(tmp_path, "audit", "--limit", "1", "--after", "2026-01-01").stdout
    assert re.fullmatch(rf"[0-9-]+ [0-9:]+ UTC  key-removed  by operator  {key['id']}\n", one)
    assert vignette(tmp_path, "audit", "--after", "tomorrow").returncode == 2
    assert vignette(tmp_path, "audit", "--what", "image-deleted").stdout == ""
    made = vignette(tmp_path, "audit", "--what", lines[1]["what"], "--json").stdout
    assert json.loads(made) == lines[1]


def test_help_shows_a_command_as_it_is_typed(tmp_path: Path) -> None:
    told = vignette(tmp_path, "keys", "add", "--help", command=(sys.executable, "-m", "vignette")).stdout

    assert told.startswith("Usage: script/vignette keys add ")
    assert "--expires 30d|TIME" in told
