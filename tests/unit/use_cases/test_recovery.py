"""What a crash of the machine takes of what was not flushed, and how it is made again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as house_below
from tests.running import LIMIT_S, until
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import CatalogueUnavailable, StoreUnavailable
from vignette.model import Failure, Fingerprint, ImageId, Need, Outcome, State
from vignette.recipes import Recipe
from vignette.records import outcome_from_json, outcome_to_json
from vignette.use_cases.recovery import Recovery

ZERO = ImageId(0)
LARGE = Recipe("large", 400, 400)
WEBP, JPEG = layout.vignette(SMALL, "webp"), layout.vignette(SMALL, "jpeg")


def crash(house: House) -> None:
    """Have the machine start again, as far as the catalogue can tell."""
    house.sql("UPDATE unflushed SET boot = 'an earlier start'")


def flush(house: House) -> None:
    house.recovery.advance()
    until(lambda: house.recovery.advance() or not notes(house))


def notes(house: House) -> list[int]:
    with house.catalogue.database.read() as connection:
        return list(connection.exec_driver_sql("SELECT image_id FROM unflushed").scalars())


def recover(house: House) -> bool:
    """Have the sweep look once; return whether anything is rendered again."""
    house.recovery.advance()
    found = bool(house.jobs.hinted)
    house.work()
    return found


def folder(house: House, image_id: int = 0) -> Path:
    return house.uploads / str(image_id)


def contents(house: House) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder(house).iterdir()}


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def zero(file: Path) -> None:
    """Fill it with zeros: some file systems know the length of a file before they have its blocks."""
    file.write_bytes(bytes(file.stat().st_size))


def zero_the_end(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


def lose(file: Path) -> None:
    file.unlink()


DAMAGES = [empty, cut, zero, zero_the_end, lose]


class TestAfterACrashOfTheMachine:
    @pytest.mark.parametrize("name", [WEBP, JPEG, layout.OUTCOME])
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_what_is_damaged_is_made_again(self, house: House, damage: Callable[[Path], None], name: str) -> None:
        house.upload(picture())
        house.work()
        before = contents(house)
        crash(house)
        damage(folder(house) / name)

        assert recover(house)

        assert contents(house) == before
        assert house.catalogue.library.get(ZERO).state is State.READY
        assert not recover(house)

    def test_all_of_many_images_are_looked_at(self, house: House) -> None:
        batch_of_two = Recovery(
            house.store, house.store, house.catalogue.library, house.catalogue.unflushed, house.renewal, batch=2
        )
        for _ in range(5):
            house.upload(picture())
        house.work()
        crash(house)
        for image_id in (0, 4):
            empty(folder(house, image_id) / WEBP)

        for _ in range(3):
            batch_of_two.advance()

        assert house.jobs.hinted == [0, 4]

    def test_what_is_whole_stays_as_it_is(self, house: House) -> None:
        for content in (picture(), broken_pixels()):
            house.upload(content)
        house.work()
        crash(house)

        assert not recover(house)
        assert notes(house) == []

    def test_an_image_that_is_being_completed_is_not_called_damaged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its worker writes a vignette before the outcome tells of it, and looks itself for what is damaged."""
        with house_below(tmp_path, recipes=[SMALL, LARGE]) as house:
            incomplete(house)
            crash(house)
            house.store.write(ZERO, layout.vignette(LARGE, "jpeg"), b"being made")
            queued = list(house.jobs.hinted)

            house.recovery.advance()

            assert (house.jobs.hinted, notes(house)) == (queued, [])
            assert "damaged" not in caplog.text

    def test_an_image_that_was_rendered_in_steps_is_looked_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with house_below(tmp_path, recipes=[SMALL, LARGE]) as house:
            house.upload(picture(640, 480))
            house.work()
            assert notes(house) == [0, 0]
            crash(house)
            read: list[str] = []
            read_file = house.store.read
            monkeypatch.setattr(house.store, "read", lambda i, name: read.append(name) or read_file(i, name))

            house.recovery.advance()

            assert len(read) == len(set(read)) == 1 + 4

    def test_an_image_that_failed_gets_its_outcome_back(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()
        crash(house)
        empty(folder(house) / layout.OUTCOME)

        assert recover(house)

        assert outcome_from_json((folder(house) / layout.OUTCOME).read_bytes()).failure is not None
        assert house.catalogue.library.get(ZERO).state is State.FAILED

    def test_earlier_vignettes_that_are_back_with_their_outcome_are_replaced(self, tmp_path: Path) -> None:
        with house_below(tmp_path) as house:
            house.upload(picture())
            house.work()
            flush(house)
            before = contents(house)
        with house_below(tmp_path, recipes=[Recipe("small", 64, 64)]) as house:
            house.renewal.advance()
            house.work()
            after = contents(house)
            crash(house)
            for name in after.keys() - before.keys():
                lose(folder(house) / name)
            for name, content in before.items():
                (folder(house) / name).write_bytes(content)

            assert recover(house)

            assert contents(house) == after

    def test_an_earlier_vignette_that_is_back_beside_the_new_ones_goes_again(self, house: House) -> None:
        house.upload(picture())
        house.work()
        before = contents(house)
        crash(house)
        (folder(house) / "vignette-old-1x1-inside-q80-00000000.webp").write_bytes(b"old")

        assert recover(house)

        assert contents(house) == before

    def test_what_is_deleted_stays_deleted(self, house: House) -> None:
        house.upload(picture())
        house.work()
        house.removal.delete(NOBODY, ZERO)
        crash(house)

        assert not recover(house)
        assert house.files(0) == {layout.TOMBSTONE}

    def test_what_waits_to_be_rendered_is_not_queued_twice(self, house: House) -> None:
        house.upload(picture())
        house.work()
        crash(house)
        empty(folder(house) / WEBP)
        house.catalogue.waiting.reset(ZERO)

        assert not recover(house)

    def test_a_note_of_an_image_that_the_catalogue_does_not_know_is_removed(self, house: House) -> None:
        house.sql("INSERT INTO unflushed (image_id, boot) VALUES (7, 'an earlier start')")

        assert not recover(house)
        assert notes(house) == []

    def test_notes_stay_as_long_as_the_folder_cannot_be_used(self, house: House) -> None:
        house.upload(picture())
        house.work()
        crash(house)
        house.uploads.rename(house.root / "away")

        with pytest.raises(StoreUnavailable):
            house.recovery.advance()

        (house.root / "away").rename(house.uploads)
        assert notes(house) == [0]

    def test_the_catalogue_made_anew_meanwhile_makes_no_difference(self, house: House) -> None:
        house.upload(picture())
        house.work()
        before = contents(house)
        crash(house)
        zero(folder(house) / WEBP)
        house.reindexing.rebuild()

        assert recover(house)

        assert contents(house) == before


class TestWithoutACrash:
    def test_nothing_is_read(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        house.upload(picture())
        house.work()
        read: list[str] = []
        monkeypatch.setattr(house.store, "read", lambda *asked: read.append(asked))
        monkeypatch.setattr(house.store, "names", lambda *asked: read.append(asked))

        recover(house)

        assert read == []


class TestTheFlush:
    def test_takes_the_notes_of_what_it_covers(self, house: House) -> None:
        house.upload(picture())
        house.work()
        assert notes(house) == [0]

        flush(house)
        crash(house)
        empty(folder(house) / WEBP)

        assert not recover(house)

    def test_leaves_the_note_of_a_rendering_that_ends_meanwhile(self, house: House) -> None:
        began, may_end = Event(), Event()

        class SlowDisk(FolderStore):
            def flush_all(self) -> None:
                began.set()
                may_end.wait(LIMIT_S)
                super().flush_all()

        slow = recovery(house, SlowDisk(house.uploads))
        house.upload(picture())
        house.work()
        slow.advance()
        assert began.wait(LIMIT_S)
        house.upload(picture())
        house.renewal.render_again(ZERO)
        house.work()
        slow.advance()  # does not wait for the disk
        may_end.set()

        until(lambda: slow.advance() or len(notes(house)) < 3)

        assert sorted(notes(house)) == [0, 1]

    def test_that_the_disk_refuses_has_an_image_rendered_again_that_is_not_complete(self, tmp_path: Path) -> None:
        """Its default vignette would be read back from memory, and pass for sound."""
        with house_below(tmp_path, recipes=[SMALL, LARGE]) as house:
            incomplete(house)
            refused = recovery(house, DiskThatRefusesOnce(house.uploads))

            until(lambda: refused.advance() or not notes(house))

            assert house.catalogue.library.get(ZERO).need is Need.AGAIN
            inode = (folder(house) / WEBP).stat().st_ino
            kept = (folder(house) / WEBP).open("rb")  # so that the number of the file is not used again
            with kept:
                house.work()
                assert (folder(house) / WEBP).stat().st_ino != inode
            assert house.catalogue.library.get(ZERO).need is None

    def test_that_the_disk_refuses_may_have_lost_what_was_written_while_it_ran(self, house: House) -> None:
        disk = DiskThatRefusesOnce(house.uploads)
        disk.may_end.clear()
        refused = recovery(house, disk)
        house.upload(picture())
        house.work()
        refused.advance()
        assert disk.began.wait(LIMIT_S)
        house.upload(picture())
        house.work()
        disk.may_end.set()

        until(lambda: refused.advance() or not notes(house))

        assert house.jobs.hinted == [0, 1]

    @pytest.mark.parametrize("call", ["last", "up_to", "forget"])
    def test_that_the_disk_refuses_is_not_forgotten_if_the_catalogue_cannot_be_used(
        self, house: House, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        for _ in range(2):
            house.upload(picture())
        house.work()
        disk = DiskThatRefusesOnce(house.uploads)
        refused = recovery(house, disk)
        refused.advance()

        def is_down(*_: object) -> None:
            raise CatalogueUnavailable("the catalogue is down")

        with monkeypatch.context() as patched:
            patched.setattr(house.catalogue.unflushed, call, is_down)
            with pytest.raises(CatalogueUnavailable):
                until(refused.advance)
        house.work()

        until(lambda: refused.advance() or not notes(house))

        assert set(house.jobs.hinted) == {0, 1}

    def test_that_the_disk_refuses_has_all_of_it_rendered_again(self, house: House) -> None:
        class RefusingDisk(FolderStore):
            def flush_all(self) -> None:
                raise StoreUnavailable("it has refused something")

        for content in (picture(), broken_pixels()):
            house.upload(content)
        house.work()
        refused = recovery(house, RefusingDisk(house.uploads))

        refused.advance()
        until(lambda: refused.advance() or not notes(house))

        assert house.jobs.hinted == [0, 1]

    def test_is_not_repeated_while_nothing_is_rendered(self, house: House) -> None:
        flushes: list[int] = []

        class CountingDisk(FolderStore):
            def flush_all(self) -> None:
                flushes.append(1)

        counting = recovery(house, CountingDisk(house.uploads))
        house.upload(picture())
        house.work()
        until(lambda: counting.advance() or not notes(house))

        for _ in range(5):
            counting.advance()

        assert len(flushes) == 1


class DiskThatRefusesOnce(FolderStore):
    """It refuses the first flush, once it may end, and then says that all is well."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.began, self.may_end = Event(), Event()
        self.may_end.set()

    def flush_all(self) -> None:
        if self.began.is_set():
            return
        self.began.set()
        self.may_end.wait(LIMIT_S)
        raise StoreUnavailable("it has refused something")


def incomplete(house: House) -> None:
    """Image 0 has its default vignettes; the others are still to come."""
    for _ in range(2):
        house.upload(picture(640, 480))
    house.rendering.render(house.jobs.take())


def recovery(house: House, disk: FolderStore) -> Recovery:
    return Recovery(
        house.store, disk, house.catalogue.library, house.catalogue.unflushed, house.renewal, flush_every_s=0
    )


class TestAnOutcome:
    def test_of_an_earlier_release_has_no_fingerprints(self) -> None:
        outcome = outcome_from_json(
            b'{"vignettes": ["vignette-a.webp"], "failure": null, "attempts": 1, "placeholder": null}'
        )

        assert (outcome.vignettes, outcome.fingerprints) == (("vignette-a.webp",), {})
        assert outcome.fits("vignette-a.webp", b"anything")
        assert not outcome.fits("vignette-a.webp", b"")

    def test_holds_the_length_and_the_checksum_of_each_vignette(self, house: House) -> None:
        house.upload(picture())
        house.work()

        outcome = outcome_from_json((folder(house) / layout.OUTCOME).read_bytes())

        assert outcome.fingerprints == {
            name: Fingerprint.of((folder(house) / name).read_bytes()) for name in (WEBP, JPEG)
        }

    def test_is_the_same_when_it_is_read_back(self) -> None:
        outcome = Outcome(
            ("vignette-a.webp",), Failure("a", "b"), 2, None, {"vignette-a.webp": Fingerprint(3, 2**32 - 1)}
        )

        assert outcome_from_json(outcome_to_json(outcome)) == outcome
