"""The secrets by which links are signed: one file, whole or not at all, noticed by every process at each use."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.house import House
from tests.house import house as new_house
from vignette import layout
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import KeyNotFound, MalformedRequest, StoreFull, StoreUnavailable, TooManyKeys
from vignette.limits import MAX_SIGNING_KEY_NAME_CHARS, MAX_SIGNING_KEYS
from vignette.use_cases.signing_keys import SigningKeys
from vignette.wiring.use_cases import build_signing_keys

ID: Final = "0" * 16


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path) as house:
        yield house


@pytest.fixture
def keys(house: House) -> SigningKeys:
    return build_signing_keys(house.store, house.catalogue)


def file_of(house: House) -> Path:
    return house.uploads / layout.SERVICE / layout.SIGNING_KEYS


def test_the_first_one_is_made_at_the_start_for_our_own_user_alone(house: House, keys: SigningKeys) -> None:
    assert keys.ring() is None
    keys.make_at_start()
    content = file_of(house).read_bytes()
    keys.make_at_start()

    assert file_of(house).read_bytes() == content
    assert stat.S_IMODE(file_of(house).stat().st_mode) == 0o600
    [key] = keys.all().keys
    assert keys.signing() == key
    assert keys.told(key.id) == key.secret
    assert len(key.secret) == 62


def test_of_processes_that_start_at_once_all_have_the_same(house: House) -> None:
    starting = threading.Barrier(4)
    found: list[str] = []

    def start() -> None:
        keys = build_signing_keys(FolderStore(house.uploads), house.catalogue)
        starting.wait()
        found.append(keys.signing().secret)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1


def test_each_process_notices_a_change_at_its_next_use(house: House, keys: SigningKeys) -> None:
    other = build_signing_keys(FolderStore(house.uploads), house.catalogue)
    first = keys.signing()
    assert other.signing() == first

    second = other.rotate()
    assert keys.signing() == second
    assert keys.secret_of(first.id) == first.secret
    other.remove(first.id)
    assert keys.secret_of(first.id) is None
    file_of(house).unlink()
    assert keys.secret_of(second.id) is None


def test_a_key_for_an_app_is_another_than_that_of_the_service(keys: SigningKeys) -> None:
    own = keys.signing()
    key = keys.add("  mon appli ")

    assert key.name == "mon appli"
    assert keys.signing() == own
    assert [each.id for each in keys.all().keys] == [key.id, own.id]


def test_where_there_is_none_the_first_that_is_added_signs_for_all(keys: SigningKeys) -> None:
    with pytest.raises(KeyNotFound, match="first start"):
        keys.all()
    assert keys.add("app") == keys.signing()


def test_the_one_that_signs_is_not_removed(keys: SigningKeys) -> None:
    key = keys.signing()

    with pytest.raises(MalformedRequest, match="rotate"):
        keys.remove(key.id)
    assert keys.signing() == key


def test_one_that_is_not_there_is_neither_removed_nor_told(keys: SigningKeys) -> None:
    keys.make_at_start()
    for act in (keys.remove, keys.told):
        with pytest.raises(KeyNotFound, match=ID):
            act(ID)


@pytest.mark.parametrize("name", ["", "  ", "a" * (MAX_SIGNING_KEY_NAME_CHARS + 1)])
def test_a_name_has_a_length(keys: SigningKeys, name: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        keys.add(name)
    assert (caught.value.measured, caught.value.limit) == (len(name.strip()), MAX_SIGNING_KEY_NAME_CHARS)


def test_there_are_so_many_and_no_more(keys: SigningKeys) -> None:
    keys.make_at_start()
    for number in range(1, MAX_SIGNING_KEYS):
        keys.add(str(number))
    for act in (keys.rotate, lambda: keys.add("one more")):
        with pytest.raises(TooManyKeys):
            act()
    assert len(keys.all().keys) == MAX_SIGNING_KEYS


def test_what_cannot_be_written_changes_nothing(
    house: House, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys.signing()
    with monkeypatch.context() as patch:
        patch.setattr(house.store._disk, "write", _fail)
        with pytest.raises(StoreFull):
            keys.rotate()
    assert keys.signing() == before


def _fail(*_: object, **__: object) -> None:
    raise StoreFull("no room")


def test_a_start_without_room_for_it_is_a_start_all_the_same(
    house: House, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(house.store._disk, "write", _fail)
    keys.make_at_start()

    assert "no link can be signed" in caplog.text
    assert keys.ring() is None


def changed(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda ring: ring["keys"][0].update(values)


@pytest.mark.parametrize(
    "damage",
    [
        changed(id="../x"),
        changed(id=7),
        changed(secret="vl_short"),
        changed(secret=None),
        changed(name="a\x1b"),
        changed(made_at="2026-11-29T12:00:00"),
        lambda ring: ring.update(signs=ID),
        lambda ring: ring.update(keys=[], signs=""),
        lambda ring: ring.update(keys=ring["keys"] * 2),
        lambda ring: ring.update(keys=ring["keys"] * (MAX_SIGNING_KEYS + 1)),
        lambda ring: ring.clear(),
    ],
)
def test_of_a_file_with_anything_wrong_in_it_nothing_is_taken_and_no_secret_told(
    house: House,
    keys: SigningKeys,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[dict[str, Any]], object],
) -> None:
    key = keys.signing()
    ring = json.loads(file_of(house).read_bytes())
    damage(ring)
    content = json.dumps(ring).encode()
    file_of(house).write_bytes(content)

    for act in (keys.signing, keys.rotate, lambda: keys.secret_of(key.id), lambda: keys.add("app")):
        with pytest.raises(StoreUnavailable, match="no signing keys that Vignette has written") as caught:
            act()
        assert caught.value.__cause__ is None
    keys.make_at_start()
    assert key.secret not in caplog.text
    assert file_of(house).read_bytes() == content
    assert build_signing_keys(house.store, house.catalogue)._known is None


@pytest.mark.parametrize("content", [b"", b"{", b'"vl_' + b"a" * 59 + b'"', b"\xff"])
def test_what_is_no_json_is_no_file_of_ours(house: House, keys: SigningKeys, content: bytes) -> None:
    keys.make_at_start()
    file_of(house).write_bytes(content)

    with pytest.raises(StoreUnavailable, match="no signing keys"):
        keys.ring()
