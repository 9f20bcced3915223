"""What `ports.catalogue.Unflushed` promises, on each database that we support."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.contract.cataloguing import FAILURE, add
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Failure, ImageId
from vignette.ports.catalogue import Note


class TestTheNotesOfWhatIsNotFlushed:
    @pytest.fixture
    def here(self, url: str) -> Iterator[SqlCatalogue]:
        with closing(SqlCatalogue(url, waits_for_disk=False, boot="here")) as catalogue:
            catalogue.migrate([])
            yield catalogue

    @staticmethod
    def render(catalogue: SqlCatalogue, failure: Failure | None = None) -> ImageId:
        image_id = add(catalogue)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert catalogue.renderings.finish(claim, failure)
        return image_id

    def test_each_rendering_that_ends_adds_one(self, here: SqlCatalogue) -> None:
        assert here.unflushed.last() is None
        self.render(here)
        self.render(here, FAILURE)

        assert [note.image_id for note in here.unflushed.up_to(10, 10)] == [0, 1]
        assert here.unflushed.last() == 2

    def test_a_rendering_that_no_longer_counts_adds_none(self, here: SqlCatalogue) -> None:
        claim = here.renderings.claim(add(here), 60)
        assert claim is not None
        here.removals.begin_delete(ImageId(0))

        assert not here.renderings.finish(claim, None)

        assert here.unflushed.last() is None

    def test_a_machine_that_flushes_at_once_adds_none(self, catalogue: SqlCatalogue) -> None:
        self.render(catalogue)

        with catalogue.database.read() as connection:
            assert connection.exec_driver_sql("SELECT * FROM unflushed").all() == []

    def test_those_up_to_a_number_are_forgotten(self, here: SqlCatalogue, url: str) -> None:
        with closing(SqlCatalogue(url, boot="there")) as there:
            self.render(there)
            for _ in range(3):
                self.render(here)

            here.unflushed.forget_up_to(3)

            assert here.unflushed.up_to(10, 10) == [Note(4, ImageId(3))]
            assert there.unflushed.up_to(10, 10) == [Note(1, ImageId(0))]

    def test_no_number_is_used_twice(self, here: SqlCatalogue) -> None:
        self.render(here)
        here.unflushed.forget_up_to(1)
        self.render(here)

        assert here.unflushed.last() == 2

    def test_an_earlier_start_of_the_machine_has_crashed(self, here: SqlCatalogue, url: str) -> None:
        with closing(SqlCatalogue(url, boot="earlier")) as earlier:
            for _ in range(3):
                self.render(earlier)
        self.render(here)

        notes = here.unflushed.of_crashed_machines(2)
        here.unflushed.forget(notes)

        assert notes == [Note(1, ImageId(0)), Note(2, ImageId(1))]
        assert here.unflushed.of_crashed_machines(2) == [Note(3, ImageId(2))]

    def test_another_machine_has_crashed_once_nothing_was_heard_of_it_for_a_minute(
        self, here: SqlCatalogue, url: str
    ) -> None:
        with closing(SqlCatalogue(url, boot="there")) as there:
            there.workers.beat("there:1")
            self.render(there)
        # SQLite is for one machine, which has no two starts at once.
        assert len(here.unflushed.of_crashed_machines(9)) == (1 if here.database.is_sqlite else 0)

        with here.database.write() as connection:
            connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 61")

        assert len(here.unflushed.of_crashed_machines(9)) == 1

    def test_they_outlast_a_catalogue_that_is_made_anew(self, here: SqlCatalogue) -> None:
        self.render(here)

        here.index.restore([])

        assert here.unflushed.last() == 1


class TestACatalogueThatDoesNotWaitForTheDisk:
    def test_has_its_commits_flushed_later(self, url: str) -> None:
        asked = "PRAGMA synchronous" if url.startswith("sqlite") else "SHOW synchronous_commit"
        for waits, answer in ((True, {2, "on"}), (False, {1, "off"})):
            with (
                closing(SqlCatalogue(url, waits_for_disk=waits)) as catalogue,
                catalogue.database.write() as connection,
            ):
                assert connection.exec_driver_sql(asked).scalar_one() in answer
