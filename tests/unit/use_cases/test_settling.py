"""A change that died at its commit: the folder is ahead of the row, and the sweep sets the row right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.house import House, picture
from tests.house import house as new_house
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import CatalogueUnavailable, EditedMeanwhile, ImageDeleted, StoreUnavailable
from vignette.model import ImageId, Visibility
from vignette.use_cases.settling import Settling

NUMBER = ImageId(0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, settling_s=0) as house:
        house.upload(picture())
        house.work()
        yield house


@contextmanager
def no_commit(house: House) -> Iterator[None]:
    """Commits fail once a file of the image was written."""
    written: list[bytes] = []
    write, engine = house.store.write, house.catalogue.database._writer

    def write_and_note(image_id: ImageId, name: str, content: bytes) -> None:
        write(image_id, name, content)
        written.append(content)

    def fail(_connection: object) -> None:
        if written:
            raise sa.exc.OperationalError("COMMIT", {}, Exception("disk I/O error"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.store, "write", write_and_note)
        sa.event.listen(engine, "commit", fail)
        try:
            yield
        finally:
            sa.event.remove(engine, "commit", fail)


def make_private(house: House, editions: list[str] | None = None) -> None:
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PRIVATE, editions)


def settle(house: House, after_s: float = 0) -> None:
    Settling(house.store, house.store, house.store, house.catalogue.editing, after_s=after_s).settle()


def seen_by(house: House) -> Visibility | None:
    return house.catalogue.library.get(NUMBER).visibility


def test_the_sweep_sets_the_row_right(house: House) -> None:
    before = house.store.edition(NUMBER)
    with no_commit(house), pytest.raises(CatalogueUnavailable):
        make_private(house)
    assert seen_by(house) is Visibility.PUBLIC

    house.sql("UPDATE edit_under_way SET begun_at = begun_at - 60")
    house.sweeping.sweep()

    assert seen_by(house) is Visibility.PRIVATE
    assert house.store.edition(NUMBER) != before
    assert house.catalogue.editing.under_way(0, 10) == []
    assert house.catalogue.library.get(NUMBER).sizes == ("small",)  # all else is as it was


def test_nobody_meddles_with_a_change_that_began_just_now(house: House) -> None:
    with no_commit(house), pytest.raises(CatalogueUnavailable):
        make_private(house)
    house.sweeping.sweep()

    assert seen_by(house) is Visibility.PUBLIC
    assert house.catalogue.editing.under_way(0, 10) == [NUMBER]


def test_a_change_that_comes_to_its_end_leaves_nothing_to_settle(house: House) -> None:
    make_private(house)
    with pytest.raises(EditedMeanwhile):
        make_private(house, ["another"])
    house.removal.delete(NOBODY, NUMBER)
    with pytest.raises(ImageDeleted):
        make_private(house)

    assert house.catalogue.editing.under_way(0, 10) == []


def test_a_file_that_may_be_there_in_spite_of_an_error_counts_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = house.store.write

    def write_and_fail(image_id: ImageId, name: str, content: bytes) -> None:
        write(image_id, name, content)
        raise StoreUnavailable("it cannot be flushed")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", write_and_fail)
        with pytest.raises(StoreUnavailable):
            make_private(house)
    settle(house)

    assert seen_by(house) is Visibility.PRIVATE


def test_what_cannot_be_read_is_private(house: House) -> None:
    with no_commit(house), pytest.raises(CatalogueUnavailable):
        make_private(house)
    house.store.write(NUMBER, layout.EDITS, b"damaged")
    settle(house)

    assert seen_by(house) is Visibility.PRIVATE


def test_an_image_that_was_deleted_meanwhile_stays_so(house: House) -> None:
    with no_commit(house), pytest.raises(CatalogueUnavailable):
        make_private(house)
    house.removal.delete(NOBODY, NUMBER)
    settle(house)

    assert house.catalogue.library.get(NUMBER).state.is_gone
    assert house.files(NUMBER) == {layout.TOMBSTONE}
    assert house.catalogue.editing.under_way(0, 10) == []


def test_a_folder_that_cannot_be_read_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    second = house.upload(picture(40, 31)).id
    for number in (NUMBER, second):
        with no_commit(house), pytest.raises(CatalogueUnavailable):
            house.context.editing.set_visibility(NOBODY, number, Visibility.PRIVATE)
    read = house.store.read

    def reads(image_id: ImageId, name: str) -> bytes:
        if image_id == NUMBER:
            raise StoreUnavailable("I/O error")
        return read(image_id, name)

    monkeypatch.setattr(house.store, "read", reads)
    settle(house)

    assert house.catalogue.library.get(second).visibility is Visibility.PRIVATE
    assert house.catalogue.editing.under_way(0, 10) == [NUMBER]
