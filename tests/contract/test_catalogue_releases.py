"""
Catalogues of other releases: each one that was ever released opens in this one, and a newer one is refused.

`tests/fixtures/catalogue-*.sql` are what `sqlite3 catalogue.sqlite3 .dump` said of them, and are never changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.running import LIMIT_S, http_client, running_service, started_service
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import ImageId, State

FIRST = Path(__file__).parent.parent / "fixtures" / "catalogue-0001.sql"


def lay_down(state_folder: Path, words: str) -> Path:
    state_folder.mkdir(parents=True, exist_ok=True)
    file = state_folder / "catalogue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # which a dump does not hold
        connection.executescript(words)
    return file


@pytest.fixture
def first(tmp_path: Path) -> Iterator[SqlCatalogue]:
    catalogue = SqlCatalogue(f"sqlite:///{lay_down(tmp_path, FIRST.read_text())}")
    catalogue.migrate(_not_to_be_read())
    yield catalogue
    catalogue.close()


def _not_to_be_read() -> Iterator[tuple[ImageId, None]]:
    raise AssertionError("a catalogue that is there is not made anew")
    yield


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
        image, is_new = first.arrivals.add(first.library.get(ImageId(3)).record, lambda _: None, lambda: None)

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


def test_the_catalogue_of_a_newer_release_is_refused_with_one_line(tmp_path: Path) -> None:
    file = lay_down(tmp_path / "state", FIRST.read_text().replace("VALUES('0001')", "VALUES('9999')"))
    before = file.read_bytes()

    with started_service(tmp_path) as service:
        assert service.process.wait(LIMIT_S) == 1
        assert service.words() == (
            "vignette: the catalogue has version '9999', which this Vignette does not know: a newer one wrote it\n"
        )
    assert file.read_bytes() == before
