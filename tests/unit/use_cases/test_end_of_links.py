"""When the links of an image were ended: the folder says it, the row repeats it, and a check sees where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from tests.unit.use_cases.test_checking import check, kinds
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.model import Edits, ImageId, Visibility
from vignette.records import edits_from_json, edits_to_json

NUMBER: Final = ImageId(0)
NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 0, UTC)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path) as house:
        house.upload(picture())
        house.work()
        yield house


@pytest.mark.parametrize("edits", [Edits(), Edits(Visibility.PRIVATE), Edits(Visibility.PUBLIC, NOON)])
def test_what_we_write_is_read(edits: Edits) -> None:
    assert edits_from_json(edits_to_json(edits)) == edits


@pytest.mark.parametrize("moment", ['"2026-11-29T12:00:00"', '"99999-01-01T00:00:00Z"', '"noon"', "7.5", "true", '""'])
def test_what_is_no_moment_that_we_would_write_is_not_read(moment: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        edits_from_json(b'{"visibility": "private", "links_ended_at": %s}' % moment.encode())


def test_folder_and_row_say_the_same(house: House) -> None:
    house.context.editing.set_visibility(NOBODY, NUMBER, Visibility.PRIVATE)
    house.context.editing.end_links(NOBODY, NUMBER)
    said = edits_from_json(house.store.read(NUMBER, layout.EDITS))

    row = house.catalogue.library.get(NUMBER)
    assert said == Edits(row.visibility, row.links_ended_at)
    assert said.links_ended_at is not None
    assert check(house) == []


def test_where_they_differ_the_folder_is_right(house: House) -> None:
    house.context.editing.end_links(NOBODY, NUMBER)
    said = house.catalogue.library.get(NUMBER)
    house.sql("UPDATE image SET links_ended_at_ms = NULL")

    assert kinds(check(house)) == ["row-differs"]
    assert [finding.is_repaired for finding in check(house, repair=True)] == [True]
    assert house.catalogue.library.get(NUMBER).links_ended_at == said.links_ended_at
    assert check(house) == []


def test_a_damaged_file_is_written_anew_as_the_row_says(house: House) -> None:
    house.context.editing.end_links(NOBODY, NUMBER)
    said = house.store.read(NUMBER, layout.EDITS)
    house.store.write(NUMBER, layout.EDITS, b"{")

    assert kinds(check(house, repair=True)) == ["edits-damaged"]
    assert house.store.read(NUMBER, layout.EDITS) == said


def test_nothing_of_it_stays_in_the_row_of_a_deleted_image(house: House) -> None:
    house.context.editing.end_links(NOBODY, NUMBER)
    house.removal.delete(NOBODY, NUMBER)

    assert house.catalogue.library.get(NUMBER).links_ended_at is None
