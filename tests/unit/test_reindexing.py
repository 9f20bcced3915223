from __future__ import annotations

import shutil
from pathlib import Path

from tests.house import House, picture
from vignette.model import ImageId, State
from vignette.reindexing import reindex, reindex_if_behind


def populated(root: Path) -> House:
    """0 ready, 1 deleted, 2 pending, 3 deleted."""
    house = House(root)
    for number in range(4):
        house.upload(picture(colour="red"), f"{number}.jpg", key=str(number))
    house.thumbnails.render(ImageId(0))
    house.upkeep.delete(ImageId(1))
    house.upkeep.delete(ImageId(3))
    return house


def test_the_catalogue_is_rebuilt_from_the_folders_alone(tmp_path: Path) -> None:
    house = populated(tmp_path)
    before = house.catalogue.newest(10)

    count = reindex(house.store, house.catalogue)

    assert count == 4
    assert house.catalogue.newest(10) == before
    assert [house.catalogue.get(ImageId(number)).state for number in range(4)] == [
        State.READY,
        State.DELETED,
        State.PENDING,
        State.DELETED,
    ]
    assert house.upload(picture()).id == 4
    house.close()


def test_a_lost_catalogue_is_rebuilt_before_any_number_is_given(tmp_path: Path) -> None:
    house = populated(tmp_path)
    before = house.catalogue.newest(10)
    house.close()
    shutil.rmtree(tmp_path / "state")

    reopened = House(tmp_path)

    assert reopened.catalogue.newest(10) == before
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

    assert reindex_if_behind(house.store, house.catalogue)

    assert house.upload(picture()).id == 3
    house.close()


def test_the_folder_of_an_upload_that_a_crash_cut_short_is_no_sign_of_an_old_catalogue(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    staged = house.store.stage()
    staged.append(b"never acknowledged")
    staged.complete("original.jpg", {})
    house.store.promote(staged, ImageId(1))

    assert not reindex_if_behind(house.store, house.catalogue)

    assert house.upload(picture()).id == 1
    assert (house.uploads / "1" / "original.jpg").read_bytes() == picture()
    house.close()


def test_a_folder_without_a_readable_record_keeps_its_number(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.upload(picture())
    (house.uploads / "5").mkdir()
    (house.uploads / "5" / "record.json").write_text("{half of a rec")

    assert reindex(house.store, house.catalogue) == 1

    assert house.upload(picture()).id == 6
    assert (house.uploads / "5" / "record.json").exists()
    house.close()


def test_an_idempotency_key_survives_the_loss_of_the_catalogue(tmp_path: Path) -> None:
    house = populated(tmp_path)

    reindex(house.store, house.catalogue)

    assert house.upload(picture(colour="red"), key="0").id == 0
    house.close()
