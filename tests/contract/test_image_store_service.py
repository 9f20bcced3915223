"""What the store promises of the files of the service itself, which lie beside the folders of the images."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.test_image_store import ZERO, keep
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import FileNotStored, StoreUnavailable
from vignette.layout import KEYS, SERVICE
from vignette.limits import MIB


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def store(root: Path) -> FolderStore:
    store = FolderStore(root)
    store.make()
    return store


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_comes_back_and_is_replaced(store: FolderStore, root: Path) -> None:
    store.write_service(KEYS, b"first")
    store.write_service(KEYS, b"second")

    assert store.read_service(KEYS) == FolderStore(root).read_service(KEYS) == b"second"
    assert [path.name for path in (root / SERVICE).iterdir()] == [KEYS]
    assert list((root / ".staging").iterdir()) == []


def test_it_is_for_our_own_user_alone_whatever_the_umask_and_however_it_was_copied(
    store: FolderStore, root: Path
) -> None:
    with umask(0):
        store.write_service(KEYS, b"first")
    assert (mode(root / SERVICE), mode(root / SERVICE / KEYS)) == (0o700, 0o600)
    (root / SERVICE).chmod(0o755)
    (root / SERVICE / KEYS).chmod(0o644)

    store.write_service(KEYS, b"second")

    assert (mode(root / SERVICE), mode(root / SERVICE / KEYS)) == (0o700, 0o600)


def test_it_is_on_the_disk_with_its_folder_and_the_name_of_that(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        flushed.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", note)

    store.write_service(KEYS, b"first")

    assert flushed == [path.stat().st_ino for path in (root / SERVICE / KEYS, root / SERVICE, root)]


def test_what_is_not_there_is_said_to_be_missing(store: FolderStore, root: Path) -> None:
    with pytest.raises(FileNotStored, match="the service has no folder"):
        store.read_service(KEYS)
    (root / SERVICE).mkdir()
    with pytest.raises(FileNotStored, match=r"the service has no keys\.json"):
        store.read_service(KEYS)


def test_it_is_no_image_no_stranger_and_no_leftover(store: FolderStore) -> None:
    keep(store, ZERO)

    store.write_service(KEYS, b"{}")

    assert list(store.image_ids()) == [ZERO]
    assert store.strangers() == store.leftovers(-1) == []
    store.clear_staging(-1)
    assert store.read_service(KEYS) == b"{}"


def test_more_is_not_read_than_we_would_write(store: FolderStore, root: Path) -> None:
    store.write_service(KEYS, b"{}")
    with (root / SERVICE / KEYS).open("r+b") as file:
        file.truncate(96 * MIB + 1)

    with pytest.raises(FileNotStored, match=r"keys\.json of the service has 100663297 bytes, and at most 100663296"):
        store.read_service(KEYS)


class TestALinkInThePlaceOf:
    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Path:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        (folder / KEYS).write_bytes(b"another file of this machine")
        return folder

    def untouched(self, elsewhere: Path) -> bool:
        return [path.name for path in elsewhere.iterdir()] == [KEYS] and (
            (elsewhere / KEYS).read_bytes() == b"another file of this machine"
        )

    def test_the_folder_is_never_followed(self, store: FolderStore, root: Path, elsewhere: Path) -> None:
        (root / SERVICE).symlink_to(elsewhere)

        with pytest.raises(FileNotStored):
            store.read_service(KEYS)
        with pytest.raises(StoreUnavailable, match=r"\.service in the upload folder is a link or a file"):
            store.write_service(KEYS, b"ours")
        assert self.untouched(elsewhere)

    def test_the_file_is_replaced(self, store: FolderStore, root: Path, elsewhere: Path) -> None:
        (root / SERVICE).mkdir()
        (root / SERVICE / KEYS).symlink_to(elsewhere / KEYS)

        with pytest.raises(FileNotStored):
            store.read_service(KEYS)
        store.write_service(KEYS, b"ours")

        assert store.read_service(KEYS) == b"ours"
        assert self.untouched(elsewhere)


def test_nothing_is_written_where_the_disk_is_not_mounted(store: FolderStore, root: Path) -> None:
    root.rename(root.with_name("away"))
    root.mkdir()

    for use in (lambda: store.write_service(KEYS, b"{}"), lambda: store.read_service(KEYS)):
        with pytest.raises(StoreUnavailable, match="not mounted"):
            use()
    assert list(root.iterdir()) == []
