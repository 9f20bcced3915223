"""What `ports.FolderStore` promises. A new adapter is one more parameter, and inherits every test."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from tests.memory import most_memory
from tests.running import until
from vignette.adapters.stores import write_back
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import FileNotStored, NumberTaken, StoreFull, StoreUnavailable
from vignette.limits import KIB
from vignette.model import ImageId

ZERO = ImageId(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture(params=[FolderStore], ids=["folder"])
def store(request: pytest.FixtureRequest, root: Path) -> FolderStore:
    store: FolderStore = request.param(root)
    store.make()
    return store


def keep(store: FolderStore, image_id: ImageId, content: bytes = b"picture") -> None:
    staged = store.stage()
    staged.append(content)
    staged.complete("original.jpg", {"record.json": b"{}"})
    store.promote(staged, image_id)


def test_an_original_is_kept_byte_for_byte(store: FolderStore) -> None:
    staged = store.stage()
    staged.append(b"one ")
    staged.append(b"two")
    staged.complete("original.jpg", {})

    store.promote(staged, ZERO)

    assert store.read(ZERO, "original.jpg") == b"one two"


def test_what_is_staged_can_be_read_before_it_is_complete(store: FolderStore) -> None:
    staged = store.stage()
    staged.append(b"picture")

    with staged.open_original() as file:
        assert file.read() == b"picture"

    staged.discard()


def test_what_is_staged_has_no_number(store: FolderStore) -> None:
    staged = store.stage()

    assert list(store.image_ids()) == []
    staged.discard()


def test_a_discarded_upload_leaves_nothing(store: FolderStore, root: Path) -> None:
    staged = store.stage()
    staged.append(b"picture")

    staged.discard()

    assert [path for path in root.rglob("*") if path.is_file() and path.parent.name != ".vignette"] == []


def test_an_upload_is_discarded_where_no_more_file_can_be_opened(store: FolderStore, root: Path) -> None:
    staged = store.stage()
    staged.complete("original.jpg", {"record.json": b"{}"})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        with suppress(OSError):
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))

        staged.discard()
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert list((root / ".staging").iterdir()) == []


def test_discarding_a_promoted_folder_does_nothing(store: FolderStore) -> None:
    staged = store.stage()
    staged.append(b"picture")
    staged.complete("original.jpg", {})
    store.promote(staged, ZERO)

    staged.discard()

    assert store.read(ZERO, "original.jpg") == b"picture"


def test_a_withdrawn_folder_is_gone(store: FolderStore, root: Path) -> None:
    staged = store.stage()
    staged.append(b"picture")
    staged.complete("original.jpg", {"record.json": b"{}"})
    store.promote(staged, ZERO)

    staged.withdraw()
    staged.withdraw()

    assert list(store.image_ids()) == []
    assert list((root / ".staging").iterdir()) == []


def test_withdrawing_what_was_never_promoted_does_nothing(store: FolderStore) -> None:
    staged = store.stage()

    staged.withdraw()

    staged.complete("original.jpg", {})
    store.promote(staged, ZERO)
    assert list(store.image_ids()) == [ZERO]


def test_withdrawing_does_nothing_to_the_upload_that_has_the_number_by_now(store: FolderStore, root: Path) -> None:
    staged = store.stage()
    staged.append(b"not indexed")
    staged.complete("original.jpg", {})
    store.promote(staged, ZERO)
    (root / "0").rename(root / "elsewhere")
    keep(store, ZERO, b"new")

    staged.withdraw()

    assert store.read(ZERO, "original.jpg") == b"new"


def test_a_folder_that_is_there_is_never_replaced(store: FolderStore) -> None:
    keep(store, ZERO, b"first")

    with pytest.raises(NumberTaken):
        keep(store, ZERO, b"second")

    assert store.read(ZERO, "original.jpg") == b"first"


def test_a_file_is_replaced_whole(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)

    store.write(ZERO, "outcome.json", b"first, and longer")
    store.write(ZERO, "outcome.json", b"second")

    assert store.read(ZERO, "outcome.json") == b"second"
    assert sorted(path.name for path in (root / "0").iterdir()) == ["original.jpg", "outcome.json", "record.json"]


def test_several_files_are_written_in_their_order_and_their_folder_is_flushed_once(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, ZERO)
    flushed: list[tuple[str, set[str]]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append((kind, set(store.names(ZERO)) - {"original.jpg", "record.json"}))

    monkeypatch.setattr(os, "fsync", note)

    store.write_all(ZERO, {"b.webp": b"first", "a.jpg": b"second"})

    assert flushed == [("file", set()), ("file", {"b.webp"}), ("folder", {"b.webp", "a.jpg"})]
    assert (store.read(ZERO, "b.webp"), store.read(ZERO, "a.jpg")) == (b"first", b"second")


class TestWhatCanBeMadeAgain:
    def test_is_written_without_a_flush(self, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
        keep(store, ZERO)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", _never)

            store.write_all(ZERO, {"a.jpg": b"first", "b.webp": b"second"}, flush=False)
            store.remove(ZERO, "b.webp", flush=False)

        assert store.read(ZERO, "a.jpg") == b"first"
        store.flush_all()

    def test_is_flushed_at_once_where_not_all_can_be_flushed_later(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As on a system without `syncfs`, or on a file system that does not keep its promise.
        monkeypatch.setattr(write_back, "_SYNCED_AS_A_WHOLE", frozenset())
        store = FolderStore(root)
        store.make()
        keep(store, ZERO)
        flushed: list[int] = []
        monkeypatch.setattr(os, "fsync", flushed.append)

        store.write_all(ZERO, {"a.jpg": b"first"}, flush=False)
        assert (store.boot, len(flushed)) == (None, 2)

        store.remove(ZERO, "a.jpg", flush=False)
        assert len(flushed) == 3

    def test_is_in_the_memory_of_this_start_of_the_machine(self, store: FolderStore) -> None:
        assert store.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def test_is_not_flushed_where_the_disk_is_gone(self, store: FolderStore, root: Path) -> None:
        root.rename(root.with_name("away"))

        with pytest.raises(StoreUnavailable):
            store.flush_all()

    def test_lies_where_a_folder_that_is_still_to_be_made_will_lie(self, root: Path, tmp_path: Path) -> None:
        assert FolderStore(root / "not" / "made").boot == FolderStore(tmp_path).boot


def _never(*_: object) -> NoReturn:
    raise AssertionError("this is not to be flushed")


@pytest.mark.parametrize("name", ["original.jpg", "outcome.json"])
def test_a_file_that_is_not_there_is_said_to_be_missing(store: FolderStore, name: str) -> None:
    with pytest.raises(FileNotStored):
        store.read(ZERO, name)


def test_nothing_is_written_where_there_is_no_folder(store: FolderStore) -> None:
    with pytest.raises(FileNotStored):
        store.write(ZERO, "outcome.json", b"{}")


def test_removing_leaves_the_one_file_that_is_named(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)
    store.write(ZERO, "deleted.json", b"{}")

    store.remove_all_but(ZERO, "deleted.json")
    store.remove_all_but(ZERO, "deleted.json")

    assert [path.name for path in (root / "0").iterdir()] == ["deleted.json"]


def test_removing_takes_folders_along_that_others_have_put_there(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)
    (root / "0" / "@eaDir" / "thumbs").mkdir(parents=True)

    store.remove_all_but(ZERO, "record.json")

    assert [path.name for path in (root / "0").iterdir()] == ["record.json"]


def test_a_staging_folder_that_somebody_removed_is_made_again(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)
    for use in (
        store.probe,
        lambda: store.write(ZERO, "outcome.json", b"{}"),
        lambda: store.clear_staging(0),
        lambda: store.stage().discard(),
    ):
        (root / ".staging").rmdir()
        use()


def test_numbers_are_those_of_the_folders(store: FolderStore, root: Path) -> None:
    for number in (0, 7, 12):
        keep(store, ImageId(number))
    for stranger in ("notes", "007", "-1", "1.5", "²", "9" * 20):
        (root / stranger).mkdir()
    (root / "40").touch()

    # A file that is called by a number takes it too: no upload could get its folder there.
    assert sorted(store.image_ids()) == [0, 7, 12, 40]
    assert "40" in store.strangers()


def test_staging_is_cleared_of_what_is_old(store: FolderStore, root: Path) -> None:
    staged = store.stage()

    assert store.clear_staging(max_age_s=3600) == 0
    assert store.clear_staging(max_age_s=-1) == 1
    assert list((root / ".staging").iterdir()) == []
    staged.discard()


def test_staging_is_cleared_of_the_part_of_a_file_that_a_killed_process_left(store: FolderStore, root: Path) -> None:
    (root / ".staging" / "part-1234").write_bytes(b"half of a vig")

    assert store.clear_staging(max_age_s=3600) == 0
    assert store.clear_staging(max_age_s=-1) == 1


def test_a_slow_upload_is_not_taken_for_an_old_one(store: FolderStore, root: Path) -> None:
    staged = store.stage()
    an_hour_ago = time.time() - 3600
    folder = next((root / ".staging").iterdir())
    os.utime(folder, (an_hour_ago, an_hour_ago))

    assert store.clear_staging(max_age_s=60) == 0

    staged.discard()


def test_leftovers_are_what_clearing_would_remove(store: FolderStore, root: Path) -> None:
    staged = store.stage()

    assert store.leftovers(min_age_s=3600) == []
    assert store.leftovers(min_age_s=-1) == [path.name for path in (root / ".staging").iterdir()]
    assert len(list((root / ".staging").iterdir())) == 1
    staged.discard()


def test_a_folder_lists_all_that_lies_in_it(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)
    (root / "0" / ".hidden").touch()

    assert store.names(ZERO) == [".hidden", "original.jpg", "record.json"]
    with pytest.raises(FileNotStored):
        store.names(ImageId(1))


def test_one_file_is_removed_and_twice_is_no_error(store: FolderStore) -> None:
    keep(store, ZERO)

    store.remove(ZERO, "record.json")
    store.remove(ZERO, "record.json")

    assert store.names(ZERO) == ["original.jpg"]


def test_strangers_are_neither_numbers_nor_hidden(store: FolderStore, root: Path) -> None:
    keep(store, ZERO)
    for name in ("notes", "007", ".hidden", "lost+found"):
        (root / name).mkdir()

    assert store.strangers() == ["007", "notes"]


def test_strangers_are_looked_for_without_a_list_of_all_folders(store: FolderStore, root: Path) -> None:
    for number in range(5000):
        (root / str(number)).mkdir()
    (root / "notes").mkdir()

    with most_memory() as memory:
        assert store.strangers() == ["notes"]

    # A list of their names alone takes ten times as much.
    assert memory.peak_bytes < 30 * KIB


def test_a_probe_leaves_nothing(store: FolderStore, root: Path) -> None:
    store.probe()

    assert list((root / ".staging").iterdir()) == []


def test_a_folder_that_is_a_file_is_said_to_be_unusable(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("no folder")

    with pytest.raises(StoreUnavailable):
        FolderStore(tmp_path / "uploads").make()


class TestItsDiskIsNotMounted:
    """What is at the place of the folder then is an empty one, its mount point; or one that was used by mistake."""

    @pytest.fixture(params=["empty", "used"])
    def away(self, request: pytest.FixtureRequest, store: FolderStore, root: Path) -> Path:
        """Where the folder is now, with image 0."""
        keep(store, ZERO)
        away = root.with_name("away")
        root.rename(away)
        root.mkdir()
        if request.param == "used":
            FolderStore(root).make()
        return away

    @pytest.mark.parametrize(
        "use",
        [
            pytest.param(lambda store: store.stage(), id="stage"),
            pytest.param(lambda store: store.open(ZERO, "original.jpg"), id="open"),
            pytest.param(lambda store: store.read(ZERO, "original.jpg"), id="read"),
            pytest.param(lambda store: store.write(ZERO, "deleted.json", b"{}"), id="write"),
            pytest.param(lambda store: store.names(ZERO), id="names"),
            pytest.param(lambda store: store.remove(ZERO, "original.jpg"), id="remove"),
            pytest.param(lambda store: store.remove_all_but(ZERO, "deleted.json"), id="remove all but one"),
            pytest.param(lambda store: list(store.image_ids()), id="list"),
            pytest.param(lambda store: store.clear_staging(0), id="clear"),
            pytest.param(lambda store: store.probe(), id="probe"),
        ],
    )
    def test_no_use_of_it_is_taken_for_an_empty_folder_and_nothing_is_made(
        self, store: FolderStore, root: Path, away: Path, use: Callable[[FolderStore], object]
    ) -> None:
        before = sorted(root.rglob("*"))

        with pytest.raises(StoreUnavailable):
            use(store)

        assert sorted(root.rglob("*")) == before
        root.rename(root.with_name("mount point"))
        away.rename(root)
        keep(store, ImageId(1))
        assert store.read(ZERO, "original.jpg") == b"picture"

    def test_an_upload_that_was_on_its_way_is_not_promoted(self, store: FolderStore, root: Path) -> None:
        staged = store.stage()
        staged.complete("original.jpg", {"record.json": b"{}"})
        away = root.with_name("away")
        root.rename(away)
        FolderStore(root).make()
        (root / ".staging").rmdir()
        (away / ".staging").rename(root / ".staging")  # as if it had begun there

        with pytest.raises(StoreUnavailable, match="not mounted"):
            store.promote(staged, ZERO)

        staged.withdraw()
        assert not (root / "0").exists()

    def test_a_copy_of_the_folder_gets_a_seal_of_its_own(self, store: FolderStore, root: Path) -> None:
        keep(store, ZERO)
        copy = root.with_name("copy")
        copy.mkdir()
        (root / "0").rename(copy / "0")

        copied = FolderStore(copy)
        assert not copied.is_sealed
        copied.seal()

        assert copied.is_sealed
        assert FolderStore(copy).is_sealed
        assert copied.read(ZERO, "original.jpg") == b"picture"


def test_opening_makes_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "mounts" / "uploads")

    with pytest.raises(StoreUnavailable):
        store.stage()
    with pytest.raises(StoreUnavailable):
        store.seal()
    assert list(tmp_path.iterdir()) == []


def test_making_makes_its_parents_too_and_may_be_repeated(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "mounts" / "uploads")

    store.make()
    FolderStore(tmp_path / "mounts" / "uploads").make()

    keep(store, ZERO)
    assert len(list((tmp_path / "mounts" / "uploads" / ".vignette").iterdir())) == 1


def test_a_full_disk_is_said_to_be_full(store: FolderStore) -> None:
    """A limit on the size of files stands for the disk: the write fails at the same place, in the same way."""
    staged = store.stage()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StoreFull) as caught:
            staged.append(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        staged.discard()

    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG


def test_what_is_said_of_an_error_names_no_path(store: FolderStore, root: Path) -> None:
    (root / ".staging").rmdir()
    (root / ".staging").write_text("in the way")

    with pytest.raises(StoreUnavailable) as caught:
        store.stage()

    assert str(root) not in str(caught.value)


KILLED_IN_PROMOTE = """
import os, signal, sys
from pathlib import Path
from vignette.adapters.stores.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
staged = store.stage()
staged.append(b"picture")
if sys.argv[2] == "staged":
    os.kill(os.getpid(), signal.SIGKILL)
staged.complete("original.jpg", {"record.json": b"{}"})
if sys.argv[2] == "complete":
    os.kill(os.getpid(), signal.SIGKILL)
store.promote(staged, 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


KILLED_IN_WITHDRAW = """
import os, signal, sys
from pathlib import Path
from vignette.adapters.stores.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
staged = store.stage()
staged.append(b"picture")
staged.complete("original.jpg", {"record.json": b"{}"})
store.promote(staged, 0)
unlink = os.unlink
def unlink_and_die(*arguments, **options):
    unlink(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)
os.unlink = unlink_and_die
staged.withdraw()
"""


KILLED_IN_WRITE = """
import os, signal, sys
from pathlib import Path
from vignette.adapters.stores.folder import FolderStore
store = FolderStore(Path(sys.argv[1]))
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
store.write(0, "outcome.json", b"second, and longer")
"""


def test_a_process_that_dies_while_it_writes_a_file_leaves_nothing_in_the_folder(
    store: FolderStore, root: Path
) -> None:
    keep(store, ZERO)
    store.write(ZERO, "outcome.json", b"first")
    before = store.names(ZERO)

    died = subprocess.run([sys.executable, "-c", KILLED_IN_WRITE, str(root)], check=False)

    assert died.returncode == -signal.SIGKILL
    assert store.names(ZERO) == before
    assert store.read(ZERO, "outcome.json") == b"first"
    assert store.clear_staging(max_age_s=3600) == 0
    assert store.clear_staging(max_age_s=-1) == 1
    assert list((root / ".staging").iterdir()) == []


@pytest.mark.parametrize(("moment", "numbers"), [("staged", []), ("complete", []), ("promoted", [0])])
def test_a_folder_is_there_whole_or_not_at_all_whenever_its_process_dies(
    store: FolderStore, root: Path, moment: str, numbers: list[int]
) -> None:
    subprocess.run([sys.executable, "-c", KILLED_IN_PROMOTE, str(root), moment], check=False)

    assert list(store.image_ids()) == numbers
    for number in numbers:
        assert store.read(ImageId(number), "original.jpg") == b"picture"
        assert store.read(ImageId(number), "record.json") == b"{}"


def test_a_process_that_dies_while_it_withdraws_a_folder_leaves_no_image_that_lacks_files(
    store: FolderStore, root: Path
) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED_IN_WITHDRAW, str(root)], check=False)

    assert died.returncode == -signal.SIGKILL
    assert list(store.image_ids()) == []
    assert store.clear_staging(max_age_s=-1) == 1


class TestEdition:
    """What tells whether a folder is as it was; a short pause, so that these tests need not wait for the usual one."""

    @pytest.fixture
    def store(self, root: Path) -> FolderStore:
        store = FolderStore(root, settling_s=0.05)
        store.make()
        return store

    def settled(self, store: FolderStore) -> Hashable:
        until(lambda: store.edition(ZERO) is not None)
        return store.edition(ZERO)

    def test_it_stays_as_long_as_nothing_changes(self, store: FolderStore) -> None:
        keep(store, ZERO)
        edition = self.settled(store)

        store.read(ZERO, "original.jpg")
        store.names(ZERO)

        assert store.edition(ZERO) == edition

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda store: store.write(ZERO, "new", b""), id="a file is added"),
            pytest.param(lambda store: store.write(ZERO, "record.json", b"{}"), id="replaced"),
            pytest.param(lambda store: store.remove(ZERO, "record.json"), id="removed"),
            pytest.param(lambda store: store.remove_all_but(ZERO, "record.json"), id="all but one"),
            pytest.param(lambda store: store.renew_edition(ZERO), id="renewed"),
        ],
    )
    def test_any_change_makes_it_another_one_at_once(
        self, store: FolderStore, root: Path, change: Callable[[FolderStore], None]
    ) -> None:
        keep(store, ZERO)
        edition = self.settled(store)

        change(FolderStore(root))

        assert store.edition(ZERO) != edition
        assert self.settled(store) != edition

    def test_a_folder_that_has_just_changed_has_none(self, root: Path) -> None:
        store = FolderStore(root, settling_s=3600)
        store.make()
        keep(store, ZERO)

        assert store.edition(ZERO) is None

    def test_no_folder_has_none(self, store: FolderStore) -> None:
        store.renew_edition(ZERO)

        assert store.edition(ZERO) is None
