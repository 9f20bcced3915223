"""
Catalogues of other releases: each one that was ever released opens in this one, and a newer one is refused.

`tests/fixtures/catalogue-*.sql` are what `sqlite3 catalogue.sqlite3 .dump` said of them, and are never changed.
PostgreSQL reads the same words.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.contract.conftest import new_database
from tests.running import LIMIT_S, http_client, running_service, started_service
from vignette.access.names import name_of_earlier
from vignette.access.policy import Sight
from vignette.adapters.sql import migrations
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.sql.tables import usage_table
from vignette.model import ImageId, Need, State, Visibility

FIXTURES: Final = Path(__file__).parent.parent / "fixtures"
FIRST: Final = FIXTURES / "catalogue-0001.sql"
THIRD: Final = FIXTURES / "catalogue-0003.sql"
FOURTH: Final = FIXTURES / "catalogue-0004.sql"


def lay_down(state_folder: Path, words: str) -> Path:
    state_folder.mkdir(parents=True, exist_ok=True)
    file = state_folder / "catalogue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # which a dump does not hold
        connection.executescript(words)
    return file


def laid_down(url: str, dump: Path) -> SqlCatalogue:
    """The catalogue of another release, brought up to date."""
    catalogue = SqlCatalogue(url)
    connection = catalogue.database._writer.raw_connection()
    try:
        if catalogue.database.is_sqlite:
            connection.executescript(dump.read_text())
        else:
            connection.execute(dump.read_text())
    finally:
        connection.close()
    catalogue.migrate(_not_to_be_read())
    return catalogue


def _not_to_be_read() -> Iterator[tuple[ImageId, None]]:
    raise AssertionError("a catalogue that is there is not made anew")
    yield


@pytest.fixture
def first(url: str) -> Iterator[SqlCatalogue]:
    catalogue = laid_down(url, FIRST)
    yield catalogue
    catalogue.close()


@pytest.fixture(params=[THIRD, FOURTH], ids=["third", "fourth"])
def later(request: pytest.FixtureRequest, url: str) -> Iterator[SqlCatalogue]:
    catalogue = laid_down(url, request.param)
    yield catalogue
    catalogue.close()


def test_what_keys_have_already_is_counted(url: str) -> None:
    catalogue = SqlCatalogue(url)
    with catalogue.database.write() as connection:
        script = ScriptDirectory(str(Path(migrations.__file__).parent))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "vignette.adapters.sql:migrations")
        command.upgrade(config, script.get_revision("0014").down_revision)
        for number, (owner, state) in enumerate([("a", "ready"), ("a", "pending"), ("a", "deleting"), (None, "ready")]):
            connection.exec_driver_sql(
                "INSERT INTO image (id, media_type, extension, width, height, frames, bytes, sha256, received_at_ms,"
                " owner, state, attempts, hinted_at)"
                f" VALUES ({number}, '', '', 1, 1, 1, 100, '', 0, {'NULL' if owner is None else repr(owner)},"
                f" '{state}', 0, 0)"
            )

    catalogue.migrate(_not_to_be_read())

    with catalogue.database.read() as connection:
        rows = connection.execute(sa.select(usage_table)).all()
    catalogue.close()
    assert [(row.owner, row.images, row.bytes) for row in rows] == [("a", 2, 200)]


class TestTheCatalogueOfTheFirstRelease:
    def test_has_all_its_images(self, first: SqlCatalogue) -> None:
        images = [first.library.get(ImageId(number)) for number in range(4)]

        assert [image.state for image in images] == [State.READY, State.FAILED, State.DELETED, State.PENDING]
        assert [image.record.name for image in images] == ["été.jpg", "broken.png", None, None]
        assert [image.id for image in first.library.newest(10)] == [3, 1, 0]
        failure = images[1].failure
        assert failure is not None
        assert (failure.code, failure.measured) == ("rendering-failed", None)
        assert images[0].record.received_at.isoformat() == "2026-11-22T12:00:00.123000+00:00"
        assert len(images[0].record.sha256) == 64

    def test_has_its_images_rendered_again_while_they_stay_ready(self, first: SqlCatalogue) -> None:
        assert first.waiting.renew("others", 10) == [0]

        assert (first.library.get(ImageId(0)).state, first.library.get(ImageId(0)).is_renewing) == (State.READY, True)

    def test_goes_on_counting(self, first: SqlCatalogue) -> None:
        record = replace(first.library.get(ImageId(3)).record, public_name=None)
        image, is_new = first.arrivals.add(record, lambda _: None, lambda: None)

        assert (image.id, is_new) == (4, True)

    def test_knows_its_idempotency_keys(self, first: SqlCatalogue) -> None:
        image, is_new = first.arrivals.add(first.library.get(ImageId(0)).record, lambda _: None, lambda: None)

        assert (image.id, is_new) == (0, False)

    def test_has_its_work_done(self, first: SqlCatalogue) -> None:
        claim = first.renderings.claim(ImageId(3), 60)

        assert claim is not None
        assert first.renderings.finish(claim, None)
        assert first.waiting.unfinished() == 0

    def test_serves(self, tmp_path: Path) -> None:
        lay_down(tmp_path / "state", FIRST.read_text())
        for number in range(4):
            (tmp_path / "uploads" / str(number)).mkdir(parents=True)

        with running_service(tmp_path) as service:
            assert [image["id"] for image in http_client.get(f"{service.url}/images").json()["images"]] == [3, 1, 0]


class TestALaterCatalogue:
    """
    The third version, whose column had another name, and the fourth, without any image that is ready and incomplete;
    with an image in each state: ready, failed, renewing, ready all the same, deleted, …
    """

    STATES: Final = ("ready", "failed", "ready", "ready", "deleted", "deleting", "processing", "processing", "pending")

    def test_has_all_its_images(self, later: SqlCatalogue) -> None:
        images = [later.library.get(ImageId(number)) for number in range(9)]

        assert tuple(image.state.value for image in images) == self.STATES
        assert [image.recipe_set for image in images] == ["aaaa"] * 3 + ["bbbb"] + ["aaaa"] * 2 + [""] * 3
        assert [image.id for image in images if image.is_renewing] == [2]
        assert [image.id for image in images if image.failure is not None] == [1, 3, 7]
        assert [image.id for image in images if image.placeholder is not None] == [0, 2, 3, 5]
        assert [image.id for image in later.library.newest(10)] == [8, 7, 6, 3, 2, 1, 0]

    def test_finds_its_images_in_each_state(self, later: SqlCatalogue) -> None:
        found = {state.value: later.library.in_state(state, 10) for state in State}

        assert found == {
            state: [number for number, it in enumerate(self.STATES) if it == state] for state in set(self.STATES)
        }

    def test_has_its_work_found_and_done(self, later: SqlCatalogue) -> None:
        assert later.waiting.unfinished() == 4
        assert later.waiting.renew("bbbb", 10) == [0]
        with later.database.write() as connection:
            connection.exec_driver_sql("UPDATE image SET hinted_at = 0")
            connection.exec_driver_sql("UPDATE image SET lease_until = 1 WHERE lease_until IS NOT NULL")

        assert later.waiting.unclaimed() == 5
        assert later.renderings.newcomers_wait()
        assert list(later.waiting.interrupted(10)) == [6, 7]
        assert list(later.waiting.forgotten(60, 10)) == [0, 2, 8]

    def test_has_every_size_of_what_is_ready_as_far_as_anybody_knows(self, later: SqlCatalogue) -> None:
        image = later.library.get(ImageId(0))

        assert (image.need, image.sizes, image.has("small")) == (None, None, True)

    def test_has_images_completed_from_now_on(self, later: SqlCatalogue) -> None:
        claim = later.renderings.claim(ImageId(8), 60)
        assert claim is not None

        assert later.renderings.publish(claim, None, "cccc", ("small",), goes_on=False) is not None

        assert later.waiting.forgotten(-1, 10)[ImageId(8)] is Need.REST

    def test_knows_its_idempotency_keys_and_goes_on_counting(self, later: SqlCatalogue) -> None:
        known = later.library.get(ImageId(0)).record

        assert later.arrivals.add(known, lambda _: None, lambda: None) == (later.library.get(ImageId(0)), False)
        another = replace(known, idempotency_key=None, public_name=None)
        assert later.arrivals.add(another, lambda _: None, lambda: None)[0].id == 9


def test_images_of_before_are_found_by_their_bytes(later: SqlCatalogue) -> None:
    images = later.library.newest(10)

    assert later.same_bytes.first_of_each([image.record.sha256 for image in images]) == images


def test_nobody_owns_what_came_before_there_were_keys(later: SqlCatalogue) -> None:
    assert [image.record.owner for image in later.library.newest(10)] == [None] * 7
    assert later.library.newest(10, sight=Sight("0123456789abcdef", frozenset())) == []


def test_what_came_before_has_a_name_and_nobody_has_said_who_sees_it(later: SqlCatalogue) -> None:
    images = later.library.newest(10)

    assert [image.public_name for image in images] == [
        name_of_earlier(image.id, replace(image.record, public_name=None)) for image in images
    ]
    assert all(later.library.named(image.public_name) == image for image in images if image.public_name)
    assert {image.visibility for image in images} == {None}
    assert later.library.newest(10, sight=Sight(None, frozenset({None}))) == images
    assert later.library.newest(10, sight=Sight(None, frozenset({Visibility.PUBLIC}))) == []


@pytest.mark.parametrize("dump", [FIRST, THIRD, FOURTH], ids=["first", "third", "fourth"])
def test_a_catalogue_of_any_release_has_the_schema_of_a_new_one(
    request: pytest.FixtureRequest, url: str, tmp_path: Path, dump: Path
) -> None:
    old = laid_down(url, dump)
    if old.database.is_sqlite:
        new = SqlCatalogue(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    else:
        new = SqlCatalogue(new_database(request.getfixturevalue("postgresql_url")))
    new.migrate([])

    assert schema(old) == schema(new)
    old.close()
    new.close()


def schema(catalogue: SqlCatalogue) -> dict[str, object]:
    with catalogue.database.read() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        inspector = sa.inspect(connection)
        of_sqlite = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
        indexes = connection.exec_driver_sql(of_sqlite).all() if catalogue.database.is_sqlite else []
        return {"indexes": list(map(tuple, indexes))} | {
            table: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
                ),
                sorted((index["name"] or "", index["column_names"]) for index in inspector.get_indexes(table)),
            )
            for table in inspector.get_table_names()
        }


def test_the_catalogue_of_a_newer_release_is_refused_with_one_line(tmp_path: Path) -> None:
    file = lay_down(tmp_path / "state", FIRST.read_text().replace("VALUES('0001')", "VALUES('9999')"))
    before = file.read_bytes()

    with started_service(tmp_path) as service:
        assert service.process.wait(LIMIT_S) == 1
        assert service.words() == (
            "vignette: the catalogue has version '9999', which this Vignette does not know: a newer one wrote it\n"
        )
    assert file.read_bytes() == before


def test_what_is_known_of_images_that_were_deleted_long_ago_is_forgotten(later: SqlCatalogue) -> None:
    record = later.library.get(ImageId(4)).record

    assert (record.name, record.sha256, record.bytes, record.facts.media_type) == (None, "", 0, "")
    assert record.received_at.timestamp() == 0
    assert len(later.library.get(ImageId(5)).record.sha256) == 64  # its deletion has not ended yet
