"""The keys in the folder follow those of the catalogue, and come back where the catalogue has none."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.house import House, start_the_service
from tests.running import PROJECT_FOLDER
from tests.unit.use_cases.test_checking import check
from vignette.access.actors import OPERATOR, Scope
from vignette.access.keys import Key
from vignette.access.secrets import new_token
from vignette.errors import InvalidKey, StoreUnavailable
from vignette.snapshots import keys_from_json, keys_to_json
from vignette.use_cases.findings import Finding, Kind, Remedy
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.service_snapshots import KeySnapshots
from vignette.wiring.use_cases import build_key_snapshots, build_keyholding

READ: Final = (Scope.READ,)

WRONG: Final = {
    "no JSON": b"\x00",
    "a stranger's scope": b'{"keys": [{"scopes": ["root"]}]}',
    "no list": b'{"keys": 7}',
    "cut short": b'{"keys": [{"id": "0123456789abcdef"',
}

# It is killed by itself at the worst moment: the keys are written down, and the change is not committed.
DIES_BETWEEN: Final = """
import os, sys
from pathlib import Path
from tests.house import house
from vignette.access.actors import OPERATOR, Scope
from vignette.use_cases.keyholding import Keyholding
from vignette.wiring.use_cases import build_key_snapshots

with house(Path(sys.argv[1])) as here:
    snapshots = build_key_snapshots(here.store, here.catalogue)

    def keep(keys):
        snapshots.write(keys)
        os._exit(9)

    keyholding = Keyholding(here.catalogue.keys, keep)
    if sys.argv[2] == "add":
        keyholding.add(OPERATOR, "another", [Scope.READ])
    else:
        keyholding.remove(OPERATOR, sys.argv[2])
"""


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.house = House(root)
        self.file = root / "uploads" / ".service" / "keys.json"

    @property
    def snapshots(self) -> KeySnapshots:
        return build_key_snapshots(self.house.store, self.house.catalogue)

    @property
    def keyholding(self) -> Keyholding:
        return build_keyholding(self.house.store, self.house.catalogue)

    @property
    def keys(self) -> list[Key]:
        return self.keyholding.all(OPERATOR)

    @property
    def written_down(self) -> list[Key]:
        return list(keys_from_json(self.file.read_bytes()))

    def start(self) -> None:
        start_the_service(self.root)

    def lose_the_catalogue(self) -> None:
        self.house.close()
        for file in (self.root / "state").iterdir():
            file.unlink()

    def keys_in_the_folder(self, keys: Sequence[Key]) -> None:
        self.house.store.write_service("keys.json", keys_to_json(keys))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.house.close()


def words_of(log: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in log.records if record.levelno >= logging.WARNING)


class TestAStart:
    def test_leaves_a_snapshot_that_is_right(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        place.keyholding.add(OPERATOR, "phone", READ)
        before = place.file.stat().st_ino

        place.start()

        assert place.file.stat().st_ino == before
        assert words_of(caplog) == ""

    @pytest.mark.parametrize("wrong", [None, b'{"keys": []}', *WRONG.values()], ids=["none", "without keys", *WRONG])
    def test_writes_one_that_is_wrong_anew(self, place: Place, wrong: bytes | None) -> None:
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.file.unlink()
        if wrong is not None:
            place.file.write_bytes(wrong)

        place.start()

        assert place.written_down == place.keys == [key]

    @pytest.mark.parametrize("change", ["add", "remove"])
    @pytest.mark.parametrize("mend", [Place.start, lambda place: place.house.sweeping.sweep()], ids=["start", "sweep"])
    def test_writes_it_anew_after_a_death_between_snapshot_and_commit(
        self, place: Place, change: str, mend: Callable[[Place], object]
    ) -> None:
        """So does the sweep: if a web process dies, no other part starts again."""
        key, token = place.keyholding.add(OPERATOR, "phone", READ)
        arguments = [str(place.root), "add" if change == "add" else key.id]
        died = subprocess.run([sys.executable, "-c", DIES_BETWEEN, *arguments], cwd=PROJECT_FOLDER, check=False)
        assert died.returncode == 9
        assert len(place.written_down) == (2 if change == "add" else 0)

        mend(place)

        assert place.written_down == place.keys == [key]
        assert place.keyholding.authenticate(token, None) == key.actor

    def test_brings_the_keys_back_with_a_catalogue_that_was_lost(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept, token = place.keyholding.add(OPERATOR, "phone", READ, networks=["10.0.0.0/8"])
        revoked, token_of_revoked = place.keyholding.add(OPERATOR, "lost phone", READ)
        place.keyholding.remove(OPERATOR, revoked.id)
        place.lose_the_catalogue()

        place.start()

        assert place.keys == [kept]
        assert place.keyholding.authenticate(token, "10.0.0.1") == kept.actor
        with pytest.raises(InvalidKey):
            place.keyholding.authenticate(token_of_revoked, None)
        assert ".service/keys.json has brought its keys back (1)" in words_of(caplog)

    def test_takes_no_key_into_a_catalogue_that_is_there(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """All keys were removed, and somebody has put an older copy of the folder in its place."""
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.keyholding.remove(OPERATOR, key.id)
        place.keys_in_the_folder([key])

        place.start()

        assert place.keys == []
        assert place.written_down == [key]
        assert ".service/keys.json is not taken: it holds keys (1), and the catalogue has none" in words_of(caplog)

    def test_goes_on_where_the_snapshot_cannot_be_written(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.file.unlink()
        place.file.parent.rmdir()
        place.file.parent.write_bytes(b"in its place")

        place.start()

        assert place.keys == [key]
        assert ".service/keys.json is not as the catalogue says; the next start tries it again" in words_of(caplog)

    def test_without_keys_says_and_makes_nothing(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        place.start()

        # The start makes keys that sign links; they are no keys of anybody.
        assert [file.name for file in place.file.parent.iterdir()] == ["signing-keys.json"]
        assert words_of(caplog) == ""


class TestBringingBack:
    def test_takes_the_keys_where_the_catalogue_has_none(self, place: Place) -> None:
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.keyholding.remove(OPERATOR, key.id)
        place.keys_in_the_folder([key])

        assert place.snapshots.bring_back() == 1

        assert place.keys == place.written_down == [key]

    def test_leaves_the_keys_of_the_catalogue_and_writes_them_down(self, place: Place) -> None:
        """A folder that comes from somebody else gives him nothing where there are keys."""
        stranger, token = place.keyholding.add(OPERATOR, "stranger", [Scope.ADMIN])
        place.keyholding.remove(OPERATOR, stranger.id)
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.keys_in_the_folder([stranger])

        assert place.snapshots.bring_back() == 0

        assert place.keys == place.written_down == [key]
        with pytest.raises(InvalidKey):
            place.keyholding.authenticate(token, None)

    @pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
    def test_takes_nothing_of_what_we_have_not_written_and_names_it(
        self, place: Place, caplog: pytest.LogCaptureFixture, wrong: bytes
    ) -> None:
        place.house.store.write_service("keys.json", wrong)

        assert place.snapshots.bring_back() == 0

        assert place.keys == []
        assert place.file.read_bytes() == wrong
        assert ".service/keys.json is not taken: it holds no keys that Vignette has written: " in words_of(caplog)
        assert len(words_of(caplog)) < 400

    def test_takes_all_or_nothing(self, place: Place) -> None:
        sound, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.keyholding.remove(OPERATOR, sound.id)
        place.house.store.write_service("keys.json", keys_to_json([sound]).replace(b"\n ]", b',\n  {"id": "f"}\n ]', 1))

        assert place.snapshots.bring_back() == 0

        assert place.keys == []

    def test_says_when_the_folder_cannot_be_used(self, place: Place) -> None:
        (place.root / "uploads").rename(place.root / "away")

        with pytest.raises(StoreUnavailable):
            place.snapshots.bring_back()


class TestFsck:
    def found(self, place: Place, *, repair: bool = False) -> list[Finding]:
        return [finding for finding in check(place.house, repair=repair) if finding.image_id is None]

    def test_finds_nothing_where_all_is_well_with_keys_or_without(self, place: Place) -> None:
        assert self.found(place) == []
        place.keyholding.add(OPERATOR, "phone", READ)
        assert self.found(place) == []

    @pytest.mark.parametrize("wrong", [None, *WRONG.values()], ids=["none", *WRONG])
    def test_writes_a_wrong_snapshot_anew(self, place: Place, wrong: bytes | None) -> None:
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.file.unlink()
        if wrong is not None:
            place.file.write_bytes(wrong)

        (found,) = self.found(place)
        assert (found.kind, found.name, found.remedy) == (Kind.KEYS_DIFFER, ".service/keys.json", Remedy.SERVICE)
        (found,) = self.found(place, repair=True)
        assert found.is_repaired

        assert place.written_down == [key]
        assert self.found(place) == []

    def test_brings_no_key_back_by_itself(self, place: Place) -> None:
        key, _ = place.keyholding.add(OPERATOR, "phone", READ)
        place.keyholding.remove(OPERATOR, key.id)
        place.keys_in_the_folder([key])

        (found,) = self.found(place, repair=True)

        assert (found.kind, found.is_repaired, found.remedy) == (Kind.KEYS_DIFFER, False, None)
        assert found.detail == (
            "it holds keys (1), and the catalogue has none; `vignette reindex` takes it if it can be read"
        )
        assert (place.keys, place.written_down) == ([], [key])


def test_no_token_opens_anything_by_the_snapshot_alone(place: Place) -> None:
    """What lies in the folder are digests: whoever reads a copy of it has no key."""
    _, token = place.keyholding.add(OPERATOR, "phone", READ)
    digest = place.written_down[0].digest

    for shown in (digest, f"vk_{digest}", new_token()):
        with pytest.raises(InvalidKey):
            place.keyholding.authenticate(shown, None)
    assert token not in place.file.read_text()
