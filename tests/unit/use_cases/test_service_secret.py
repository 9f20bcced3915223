"""The secret of the service: one for all processes, in the folder, and made anew only if it is gone."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from tests.house import House
from tests.house import house as new_house
from vignette import layout
from vignette.errors import StoreUnavailable
from vignette.wiring.use_cases import build_service_secret


def test_all_processes_make_the_same_one_however_they_meet(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=10)
    read, first = house.store.read_service, threading.local()

    def read_together(name: str) -> bytes:
        if not hasattr(first, "time"):
            first.time = True
            both.wait()
        return read(name)

    monkeypatch.setattr(house.store, "read_service", read_together)
    found: list[bytes | None] = []

    def derive() -> None:
        found.append(build_service_secret(house.store, house.catalogue).derived("a test"))

    threads = [threading.Thread(target=derive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 2
    assert None not in found
    assert len(set(found)) == 1


def test_it_is_for_our_own_user_alone_and_is_found_again_in_a_copy(house: House, tmp_path: Path) -> None:
    made = build_service_secret(house.store, house.catalogue).derived("a test")
    place = house.uploads / layout.SERVICE / layout.SECRET

    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with new_house(tmp_path / "copy") as copy:
        copy.store.write_service(layout.SECRET, place.read_bytes())
        assert build_service_secret(copy.store, copy.catalogue).derived("a test") == made
        assert build_service_secret(copy.store, copy.catalogue).derived("another") != made


def test_a_damaged_one_is_replaced(house: House, caplog: pytest.LogCaptureFixture) -> None:
    secret = build_service_secret(house.store, house.catalogue)
    made = secret.derived("a test")
    house.store.write_service(layout.SECRET, b"")

    replaced = secret.derived("a test")

    assert replaced not in (None, made)
    assert secret.derived("a test") == replaced
    assert "secret is damaged" in caplog.text


def test_there_is_none_where_none_can_be_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("read-only")

    monkeypatch.setattr(house.store, "write_service", fail)

    assert build_service_secret(house.store, house.catalogue).derived("a test") is None
