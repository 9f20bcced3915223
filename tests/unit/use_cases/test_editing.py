"""Who sees an image: the catalogue and the folder say the same, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from tests.running import until
from vignette import layout
from vignette.access.actors import NOBODY, OPERATOR
from vignette.errors import FileNotStored, ImageDeleted, StoreUnavailable, VignetteError
from vignette.model import Image, ImageId, Visibility
from vignette.records import edits_from_json
from vignette.use_cases.reindexing import read_anew

NUMBER = ImageId(0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, settling_s=0) as house:
        house.upload(picture())
        house.work()
        yield house


def index_anew(house: House) -> None:
    house.catalogue.index.index(NUMBER, lambda: read_anew(house.store, house.store, NUMBER))


def publish(house: House) -> None:
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PUBLIC)


@pytest.mark.parametrize(
    "other", [publish, lambda house: house.reindexing.rebuild(), index_anew], ids=["change", "reindex", "repair"]
)
def test_whatever_others_do_meanwhile_row_and_folder_agree(
    house: House, monkeypatch: pytest.MonkeyPatch, other: Callable[[House], object]
) -> None:
    write, meanwhile = house.store.write, threading.Thread(target=other, args=[house])

    def write_late(image_id: ImageId, name: str, content: bytes) -> None:
        if meanwhile.ident is None:
            meanwhile.start()
            meanwhile.join(0.5)  # where nothing holds it up, it is through by then
        write(image_id, name, content)

    monkeypatch.setattr(house.store, "write", write_late)
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PRIVATE)
    meanwhile.join()

    said = edits_from_json(house.store.read(NUMBER, layout.EDITS)).visibility
    assert house.catalogue.library.get(NUMBER).visibility is said
    assert said is (Visibility.PUBLIC if other is publish else Visibility.PRIVATE)


def test_a_deletion_meanwhile_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    write, deletion = house.store.write, threading.Thread(target=house.removal.delete, args=[NOBODY, NUMBER])

    def write_late(image_id: ImageId, name: str, content: bytes) -> None:
        if deletion.ident is None:
            deletion.start()
            deletion.join(0.5)
        write(image_id, name, content)

    monkeypatch.setattr(house.store, "write", write_late)
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PRIVATE)
    deletion.join()

    assert house.files(NUMBER) == {layout.TOMBSTONE}


@pytest.mark.parametrize("fault", [StoreUnavailable("read-only"), FileNotStored("no folder")])
def test_what_cannot_be_written_down_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: VignetteError
) -> None:
    def fail(*_: object) -> None:
        raise fault

    before = house.catalogue.library.get(NUMBER)
    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", fail)
        with pytest.raises(type(fault)):
            house.context.editing.set_visibility(OPERATOR, NUMBER, Visibility.PRIVATE)

    assert house.catalogue.library.get(NUMBER) == before
    assert layout.EDITS not in house.files(NUMBER)


def test_nothing_is_said_of_what_was_deleted(house: House) -> None:
    house.removal.delete(NOBODY, NUMBER)

    with pytest.raises(ImageDeleted):
        publish(house)
    assert house.files(NUMBER) == {layout.TOMBSTONE}


def test_what_a_process_has_found_between_the_folder_and_the_row_is_of_an_earlier_edition(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So a way that keeps answers by the edition of the folder gives none of before the change."""
    write, found = house.store.write, []

    def look() -> tuple[Image, object]:
        return house.catalogue.library.get(NUMBER), house.store.edition(NUMBER)

    def write_and_look(image_id: ImageId, name: str, content: bytes) -> None:
        write(image_id, name, content)
        found.append(look())
        until(is_later)

    def is_later() -> bool:
        probe = tmp_path / "probe"
        probe.write_bytes(b"")
        return probe.stat().st_ctime_ns > (house.uploads / str(NUMBER)).stat().st_ctime_ns

    monkeypatch.setattr(house.store, "write", write_and_look)
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PRIVATE)

    (image, edition), (now, new_edition) = found[-1], look()
    assert image.visibility is Visibility.PRIVATE or edition != new_edition
    assert now.visibility is Visibility.PRIVATE
