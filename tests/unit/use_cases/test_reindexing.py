from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.house import House, picture
from tests.makers import animation
from tests.running import LIMIT_S
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import CatalogueUnavailable, StoreFull
from vignette.limits import MIB
from vignette.model import Failure, Image, ImageId, State, Visibility
from vignette.ports.store import Listing, StagedImage
from vignette.recipes import Recipe
from vignette.records import outcome_from_json, outcome_to_json
from vignette.use_cases import reindexing
from vignette.use_cases.progress import watched
from vignette.use_cases.reindexing import Reindexing


def populated(root: Path) -> House:
    """0 ready, 1 deleted, 2 pending, 3 deleted."""
    house = House(root)
    for number in range(4):
        house.upload(picture(colour="red"), f"{number}.jpg", key=str(number))
    house.rendering.render(ImageId(0))
    house.removal.delete(NOBODY, ImageId(1))
    house.removal.delete(NOBODY, ImageId(3))
    return house


def test_the_catalogue_is_rebuilt_from_the_folders_alone(tmp_path: Path) -> None:
    house = populated(tmp_path)
    before = house.catalogue.library.newest(10)

    count = house.reindexing.rebuild()

    assert count == 4
    assert house.catalogue.library.newest(10) == before
    assert [house.catalogue.library.get(ImageId(number)).state for number in range(4)] == [
        State.READY,
        State.DELETED,
        State.PENDING,
        State.DELETED,
    ]
    assert house.upload(picture()).id == 4
    house.close()


SIZES = (Recipe("small", 256, 256), Recipe("medium", 640, 640), Recipe("large", 1280, 1280))


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [Path.unlink, cut_short, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize(
    ("lost", "state"),
    [
        ("vignette-small-*", State.READY),
        ("vignette-*.webp", State.READY),
        ("vignette-*-moving.webp", State.READY),
        ("vignette-large-*[0-9a-f].*", State.READY),
        ("vignette-*", State.PENDING),
        ("vignette-*[0-9a-f].*", State.PENDING),
    ],
)
def test_vignettes_that_the_outcome_names_and_the_folder_has_not_are_made_again(
    tmp_path: Path, harm: Callable[[Path], object], lost: str, state: State
) -> None:
    """So is a folder that was copied while its vignettes were written, or brought back from half a backup."""
    house = House(tmp_path, recipes=SIZES)
    for content in (animation("GIF", 3), picture()):
        house.upload(content)
    house.work()
    folder = house.uploads / "0"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    files = list(folder.glob(lost))
    assert files
    for file in files:
        harm(file)

    house.reindexing.rebuild()

    image = house.catalogue.library.get(ImageId(0))
    assert (image.state, image.need is None) == (state, False)
    assert house.catalogue.library.get(ImageId(1)).need is None
    house.sweeping.sweep()
    house.work()
    assert house.catalogue.library.get(ImageId(0)).need is None
    assert {file.name: file.read_bytes() for file in folder.iterdir()}.items() >= {
        name: content for name, content in before.items() if layout.is_vignette(name)
    }.items()
    house.close()


@pytest.mark.parametrize("recipes", [[Recipe("small", 200, 200)], [SIZES[0], Recipe("medium", 600, 600)]])
def test_vignettes_that_are_replaced_while_they_are_looked_for_are_not_missed(
    tmp_path: Path, recipes: Sequence[Recipe]
) -> None:
    house = House(tmp_path, recipes=SIZES)
    house.upload(picture())
    house.work()
    later = House(tmp_path, recipes=recipes)

    class Survey(FolderStore):
        def listing(self, image_id: ImageId) -> Listing:
            listing = super().listing(image_id)
            # Once: the second time, the image waits for nothing.
            later.rendering.render(image_id)
            return listing

    later.renewal.render_again(ImageId(0))
    found = Reindexing(house.store, Survey(house.uploads), house.catalogue.index).read_images()

    image = dict(found)[ImageId(0)]
    assert image is not None
    assert (image.state, image.need) == (State.READY, None)
    assert image.recipe_set == layout.recipe_set(layout.vignettes(recipes))
    house.close()
    later.close()


def test_a_failure_is_one_whatever_its_outcome_names(house: House) -> None:
    """None of ours names anything then."""
    house.upload(picture())
    house.work()
    file = house.uploads / "0" / layout.OUTCOME
    failure = Failure("rendering-failed", "its decoder has a bad day")
    file.write_bytes(outcome_to_json(replace(outcome_from_json(file.read_bytes()), failure=failure)))
    for vignette in (house.uploads / "0").glob("vignette-*"):
        vignette.unlink()

    house.reindexing.rebuild()

    image = house.catalogue.library.get(ImageId(0))
    assert (image.state, image.failure, image.need) == (State.FAILED, failure, None)


@pytest.mark.parametrize("has_come", [["original.jpg"], ["record.json", "metadata.txt", "vignette-small.webp"]])
def test_a_deletion_that_was_copied_halfway_is_ended(house: House, has_come: list[str]) -> None:
    house.upload(picture())
    house.work()
    house.removal.delete(NOBODY, ImageId(0))
    for name in has_come:
        (house.uploads / "0" / name).write_bytes(b"what was to be gone")

    house.reindexing.rebuild()

    assert house.client.get("/images/0").status_code == 410
    house.sweeping.sweep()
    assert house.files(0) == {layout.TOMBSTONE}
    assert house.catalogue.library.get(ImageId(0)).state is State.DELETED


def test_a_rebuild_that_takes_long_tells_the_log_how_far_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        house.upload(picture())
    monkeypatch.setattr(reindexing, "watched", partial(watched, every_s=0))

    house.reindexing.rebuild()

    assert caplog.messages == [
        "reading the folders: 1 of 2, about 1 s left",
        "reading the folders: 2 of 2, about 1 s left",
    ]


def test_the_same_public_copy_is_planned_anew_for_a_new_catalogue(tmp_path: Path) -> None:
    house = populated(tmp_path)
    copy = house.client.get("/images/0/public").data
    house.close()
    shutil.rmtree(tmp_path / "state")

    house = House(tmp_path)

    assert house.client.get("/images/0/public").data == copy
    assert house.jobs.published == [ImageId(0)]
    house.close()


def test_a_lost_catalogue_is_rebuilt_before_any_number_is_given(tmp_path: Path) -> None:
    house = populated(tmp_path)
    before = house.catalogue.library.newest(10)
    house.close()
    shutil.rmtree(tmp_path / "state")

    reopened = House(tmp_path)

    assert reopened.catalogue.library.newest(10) == before
    assert reopened.upload(picture()).id == 4
    reopened.close()


def test_a_catalogue_from_an_old_backup_is_rebuilt(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    house.close()
    shutil.copytree(tmp_path / "state", tmp_path / "backup")
    house = House(tmp_path)
    house.upload(picture())
    house.upload(picture())
    house.close()
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "backup").rename(tmp_path / "state")
    house = House(tmp_path)

    assert house.reindexing.catch_up()

    assert house.upload(picture()).id == 3
    house.close()


def with_copies(root: Path, *numbers: int) -> House:
    """Image 0 is known; its folder was copied to each of *numbers*, which the catalogue has never given."""
    house = House(root)
    house.upload(picture())
    for number in numbers:
        shutil.copytree(house.uploads / "0", house.uploads / str(number))
    return house


@pytest.mark.parametrize("numbers", [(3, 4), (40,), (1, 40), (2**20 + 1,)], ids=str)
def test_folders_ahead_are_found_behind_a_gap_without_a_listing(
    tmp_path: Path, numbers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody removed the folder of the number that comes next, and the catalogue is from a backup."""
    house = with_copies(tmp_path, *numbers)
    listings: list[int] = []
    image_ids = house.store.image_ids
    monkeypatch.setattr(house.store, "image_ids", lambda: listings.append(1) or image_ids())

    assert house.reindexing.catch_up()

    assert house.catalogue.index.next_id() == numbers[-1] + 1
    assert {image.id for image in house.catalogue.library.newest(10)} == {0, *numbers}
    assert len(listings) <= 1  # to rebuild the catalogue
    assert not house.reindexing.catch_up()
    assert len(listings) <= 1
    house.close()


def test_a_look_for_folders_ahead_costs_the_same_however_many_there_are(house: House) -> None:
    for _ in range(3):
        house.upload(picture())

    def no_listing() -> None:
        raise AssertionError("the upload folder is listed")

    house.store.image_ids = no_listing  # type: ignore[assignment,method-assign]

    assert not house.reindexing.catch_up()


def test_a_folder_that_no_probe_meets_is_found_when_all_are_listed(tmp_path: Path) -> None:
    number = 1_000_003
    house = with_copies(tmp_path, number)
    assert not house.reindexing.catch_up()

    assert list(house.reindexing.catch_up_with_all()) == []

    assert house.catalogue.index.next_id() == number + 1
    assert house.catalogue.library.get(ImageId(number)).state is State.PENDING
    house.close()


def test_all_folders_are_listed_some_at_a_time(house: House) -> None:
    for number in range(25):
        (house.uploads / str(number)).mkdir()

    steps = house.reindexing.catch_up_with_all(step=10)

    assert len([next(steps), next(steps)]) == 2
    assert house.catalogue.index.next_id() == 0
    assert list(steps) == []
    assert house.catalogue.index.next_id() == 25


def test_uploads_that_come_while_it_looks_are_no_folders_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would look like a catalogue from a backup, and it would be rebuilt."""
    uploading, catching_up = House(tmp_path), House(tmp_path)
    holds = catching_up.store.holds

    def upload_first(image_id: ImageId) -> bool:
        if image_id < 3:
            uploading.upload(picture())
        return holds(image_id)

    monkeypatch.setattr(catching_up.store, "holds", upload_first)
    uploading.work()

    assert not catching_up.reindexing.catch_up()

    assert uploading.catalogue.index.next_id() == 3
    uploading.close()
    catching_up.close()


def one_folder_ahead(root: Path) -> House:
    """As after a crash between rename and commit: folder 1 is whole, its row was never committed."""
    house = House(root)
    house.upload(picture())
    house.upload(picture(colour="red"), "red.jpg", "once")
    house.sql("DELETE FROM image WHERE id = 1")
    house.sql("UPDATE counter SET next = 1")
    return house


def test_a_folder_whose_row_was_not_committed_is_indexed_by_the_next_upload(tmp_path: Path) -> None:
    """It may have been acknowledged, by a catalogue that was lost since: nothing in it tells."""
    house = one_folder_ahead(tmp_path)

    assert house.upload(picture()).id == 2

    assert house.catalogue.library.get(ImageId(1)).record.name == "red.jpg"
    assert (house.uploads / "1" / "original.jpg").read_bytes() == picture(colour="red")
    house.close()


def test_a_folder_whose_row_was_not_committed_is_indexed_at_the_next_start(tmp_path: Path) -> None:
    house = one_folder_ahead(tmp_path)

    assert house.reindexing.catch_up()

    assert house.catalogue.library.get(ImageId(1)).state is State.PENDING
    assert house.upload(picture(colour="red"), key="once").id == 1
    assert not house.reindexing.catch_up()
    house.close()


def test_a_folder_that_an_upload_withdraws_after_it_was_listed_is_not_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploading, catching_up = House(tmp_path), House(tmp_path)
    is_promoted, is_listed = threading.Event(), threading.Event()
    promote, catch_up = uploading.store.promote, catching_up.catalogue.index.catch_up

    def promote_and_fail(staged: StagedImage, image_id: ImageId) -> None:
        promote(staged, image_id)
        is_promoted.set()
        assert is_listed.wait(LIMIT_S)
        raise StoreFull("the folder of the folders cannot be flushed")

    def note_and_catch_up(images: Iterable[tuple[ImageId, Image | None]]) -> int:
        is_listed.set()
        return catch_up(images)

    monkeypatch.setattr(uploading.store, "promote", promote_and_fail)
    monkeypatch.setattr(catching_up.catalogue.index, "catch_up", note_and_catch_up)
    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(uploading.upload, picture())
        assert is_promoted.wait(LIMIT_S)
        catching_up.reindexing.catch_up()
        assert isinstance(refused.exception(), StoreFull)

    assert list(catching_up.store.image_ids()) == []
    assert catching_up.catalogue.library.newest(10) == []
    assert catching_up.upload(picture()).id == 0
    uploading.close()
    catching_up.close()


def test_a_number_whose_folder_was_removed_by_hand_is_not_given_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    house.upload(picture())
    shutil.rmtree(house.uploads / "1")

    house.reindexing.rebuild()

    assert house.upload(picture()).id == 2
    house.close()


def test_a_folder_that_was_copied_by_hand_is_an_image_of_its_own(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture(), key="once")
    shutil.copytree(house.uploads / "0", house.uploads / "5")

    assert house.reindexing.rebuild() == 2

    assert house.upload(picture(), key="once").id == 0
    assert house.upload(picture()).id == 6
    house.close()


def test_a_catalogue_that_is_removed_while_it_is_open_gives_no_number_twice(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(CatalogueUnavailable):
        house.upload(picture())

    restarted = House(tmp_path)

    assert restarted.upload(picture()).id == 1
    assert house.upload(picture()).id == 2
    assert house.catalogue.library.newest(10) == restarted.catalogue.library.newest(10)
    house.close()
    restarted.close()


def test_a_folder_without_a_readable_record_keeps_its_number(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    (house.uploads / "5").mkdir()
    (house.uploads / "5" / "record.json").write_text("{half of a rec")

    assert house.reindexing.rebuild() == 1

    assert house.upload(picture()).id == 6
    assert (house.uploads / "5" / "record.json").exists()
    house.close()


def test_an_idempotency_key_survives_the_loss_of_the_catalogue(tmp_path: Path) -> None:
    house = populated(tmp_path)

    house.reindexing.rebuild()

    assert house.upload(picture(colour="red"), key="0").id == 0
    house.close()


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, lambda path: path.symlink_to("record.json"), lambda path: path.write_bytes(b" " * 100 * MIB)],
    ids=["folder", "link", "long"],
)
def test_an_image_of_which_nobody_can_read_who_sees_it_is_private(
    house: House, make: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    house.upload(picture(), visibility=Visibility.PUBLIC)
    make(house.uploads / "0" / "edits.json")

    house.reindexing.rebuild()

    assert house.catalogue.library.get(ImageId(0)).visibility is Visibility.PRIVATE
    assert "image 0 is private from now on" in caplog.text


def test_an_image_whose_tombstone_cannot_be_read_is_not_brought_back(house: House) -> None:
    house.upload(picture())
    (house.uploads / "0" / "deleted.json").mkdir()  # as unreadable as on a broken disk

    assert house.reindexing.rebuild() == 0

    assert house.upload(picture()).id == 1
