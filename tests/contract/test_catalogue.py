"""A catalogue as a whole, on each database that we support: it is made, brought up to date, probed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.contract.cataloguing import DRIVERS, add, record
from vignette.adapters.sql import migrations
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import CatalogueUnavailable
from vignette.model import Image, ImageId, State

FIRST_COLUMNS = "id, media_type, extension, width, height, frames, bytes, sha256, received_at_ms, state"
FIRST_ROW = "0, 'image/jpeg', 'jpg', 40, 30, 1, 500, 'ab', 0, 'ready'"


def test_a_catalogue_is_new_until_it_is_made(url: str) -> None:
    with closing(SqlCatalogue(url)) as catalogue:
        assert catalogue.is_new()
        catalogue.migrate([])
        assert not catalogue.is_new()


def test_a_catalogue_that_is_made_anew_begins_with_what_the_folders_hold(url: str) -> None:
    first = SqlCatalogue(url)
    first.migrate([(ImageId(4), Image(ImageId(4), record(), State.READY))])
    first.close()
    second = SqlCatalogue(url)
    second.migrate([(ImageId(9), None)])

    assert second.index.next_id() == 5
    second.close()


@pytest.mark.parametrize("revision", migrations.revisions()[:-1])
def test_a_catalogue_of_any_version_is_brought_up_to_date(url: str, revision: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "vignette.adapters.sql:migrations")
        command.upgrade(config, revision)
        connection.execute(sa.text(f"INSERT INTO image ({FIRST_COLUMNS}) VALUES ({FIRST_ROW})"))
        connection.execute(sa.text("UPDATE counter SET next = 1"))
    engine.dispose()
    newer = SqlCatalogue(url)

    newer.migrate([])

    assert (newer.library.get(ImageId(0)).state, newer.library.get(ImageId(0)).placeholder) == (State.READY, None)
    assert add(newer) == 1
    newer.close()


@pytest.mark.usefixtures("catalogue")
def test_a_catalogue_of_a_newer_release_is_refused(url: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    older = SqlCatalogue(url)

    with pytest.raises(CatalogueUnavailable, match="'9999'"):
        older.migrate([])
    older.close()


def test_workers_leave_signs_of_life(catalogue: SqlCatalogue) -> None:
    assert catalogue.workers.seconds_since_beat() is None

    catalogue.workers.beat("here:1")
    catalogue.workers.beat("here:1")

    silence = catalogue.workers.seconds_since_beat()
    assert silence is not None
    assert 0 <= silence < 5


def test_workers_that_are_long_gone_are_forgotten_by_the_next_sign_of_life(catalogue: SqlCatalogue) -> None:
    for number in range(20):
        catalogue.workers.beat(f"here:{number}")
    with catalogue.database.write() as connection:
        connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 90000 WHERE name <> 'here:7'")
        connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 3600 WHERE name = 'here:7'")

    silence = catalogue.workers.seconds_since_beat()
    assert silence is not None
    assert 3600 <= silence < 3700

    catalogue.workers.beat("here:20")

    with catalogue.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM worker ORDER BY name").scalars().all()
    assert names == ["here:20", "here:7"]


def test_a_probe_changes_nothing(catalogue: SqlCatalogue) -> None:
    catalogue.database.probe()

    assert add(catalogue) == 0


def test_a_database_that_cannot_be_opened_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "catalogue").write_text("This is no database. " * 100)
    broken = SqlCatalogue(f"sqlite:///{tmp_path / 'catalogue'}")

    with pytest.raises(CatalogueUnavailable) as caught:
        broken.database.probe()

    assert str(tmp_path) not in str(caught.value)
    broken.close()


def test_a_database_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnavailable):
        SqlCatalogue(f"sqlite:///{tmp_path / 'state' / 'catalogue.sqlite3'}", must_exist=True)

    assert list(tmp_path.iterdir()) == []


def test_the_revisions_are_one_line_of_versions() -> None:
    """Their files are numbered in the order in which Alembic applies them."""
    config = Config()
    config.set_main_option("script_location", "vignette.adapters.sql:migrations")

    applied = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert migrations.revisions() == list(reversed(applied))
