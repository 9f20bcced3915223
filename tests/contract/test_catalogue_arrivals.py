"""
An upload is a folder and a row. Where the database refuses the row, or breaks off, no row is left without its folder,
whoever comes at the same moment.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.contract.cataloguing import DRIVERS, add, never, nothing, record
from tests.doubles import ListJobs
from tests.house import picture
from vignette.access.actors import NOBODY
from vignette.access.policy import Access, Policy
from vignette.adapters.door.inspecting import InspectorHere
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.adapters.stores.staged import StagedFolder
from vignette.errors import CatalogueUnavailable, StoreFull
from vignette.model import Image, ImageId
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.wiring.use_cases import build_reindexing

# SQLSTATE 53100 (disk_full), which PostgreSQL may say of a statement as well as of a commit.
_POSTGRESQL_IS_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no room for this row' USING ERRCODE = '53100'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON image {when} FOR EACH ROW EXECUTE FUNCTION refuse();
"""

# SQLite looks at a deferred foreign key when it commits, and refuses the commit.
_SQLITE_REFUSES_THE_COMMIT = """
PRAGMA foreign_keys = ON;
CREATE TABLE creditor (id INTEGER PRIMARY KEY);
CREATE TABLE debt (owed INTEGER REFERENCES creditor (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER refuse AFTER INSERT ON image BEGIN INSERT INTO debt VALUES (1); END;
"""

# More than a page of SQLite, so that a row with it needs another one.
_LONG_NAME = "n" * 8000


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "uploads")
    store.make()
    return store


@pytest.fixture
def upload(store: FolderStore, catalogue: SqlCatalogue) -> Callable[[str], Image]:
    """Upload a picture under a name."""
    limits = IntakeLimits(max_bytes=1_000_000, max_pixels=1_000_000, max_frames=20)
    intake = Intake(
        store,
        store,
        catalogue.arrivals,
        build_reindexing(store, catalogue),
        ListJobs(),
        InspectorHere(),
        limits,
        Policy(Access.OPEN),
    )

    def upload(name: str) -> Image:
        with intake.begin() as upload:
            upload.append(picture())
            return intake.keep(NOBODY, upload, name)

    return upload


def _change(catalogue: SqlCatalogue, script: str) -> None:
    """On the one connection that SQLite is written over: what a PRAGMA says holds for that."""
    connection = catalogue.database._writer.raw_connection()
    try:
        if catalogue.database.is_sqlite:
            connection.executescript(script)
        else:
            connection.execute(script)
            connection.commit()
    finally:
        connection.close()


@pytest.fixture(params=["the row", "the commit"])
def make_room(request: pytest.FixtureRequest, catalogue: SqlCatalogue) -> Callable[[], None]:
    """The database has no room for another row, and says so at once or at the commit; until this makes room."""
    at_commit = request.param == "the commit"
    if not catalogue.database.is_sqlite:
        _change(catalogue, _POSTGRESQL_IS_FULL.format(when="DEFERRABLE INITIALLY DEFERRED" if at_commit else ""))
        return lambda: _change(catalogue, "DROP TRIGGER refuse ON image")
    if at_commit:
        _change(catalogue, _SQLITE_REFUSES_THE_COMMIT)
        return lambda: _change(catalogue, "DROP TRIGGER refuse")
    _change(catalogue, "PRAGMA max_page_count = 1")  # no less than there are already
    return lambda: _change(catalogue, "PRAGMA max_page_count = 1000000")


@pytest.fixture
def rival(
    upload: Callable[[str], Image], make_room: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Image]]:
    """
    Another upload, which finds room. It comes at the worst moment, if that ever is: when an upload that was refused
    has a number's folder, and the number can be given once more.
    """
    withdraw = StagedFolder.withdraw
    begun: list[Future[Image]] = []

    def upload_once_there_is_room() -> Image:
        make_room()
        return upload("rival.jpg")

    def begin() -> Future[Image]:
        if not begun:
            begun.append(pool.submit(upload_once_there_is_room))
        return begun[0]

    def withdraw_after_the_rival(staged: StagedFolder) -> None:
        if threading.current_thread() is threading.main_thread():
            wait([begin()], timeout=0.5)  # it never ends if it has to wait for us
        withdraw(staged)

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(StagedFolder, "withdraw", withdraw_after_the_rival)
        yield lambda: begin().result()


def test_of_a_refused_upload_no_row_is_left_by_another_that_comes_at_the_same_moment(
    catalogue: SqlCatalogue, store: FolderStore, upload: Callable[[str], Image], rival: Callable[[], Image]
) -> None:
    with pytest.raises((StoreFull, CatalogueUnavailable)):
        upload(_LONG_NAME)

    kept = rival()

    assert {image.id for image in catalogue.library.newest(10)} == set(store.image_ids())
    assert catalogue.library.newest(10) == [kept]
    assert kept.id == 0


class Folders:
    """Where `add` puts a folder into place, and whether anybody could be given a number when that was undone."""

    def __init__(self, url: str, failure: Exception | None = None) -> None:
        self.numbers: list[ImageId] = []
        self.was_locked: list[bool] = []
        self._url = url
        self._failure = failure

    def promote(self, image_id: ImageId) -> None:
        self.numbers.append(image_id)
        if self._failure is not None:
            raise self._failure

    def withdraw(self) -> None:
        self.numbers.clear()
        self.was_locked.append(_is_locked(self._url))


def _is_locked(url: str) -> bool:
    """Whether somebody holds the lock under which numbers are given."""
    engine = sa.create_engine(sa.make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]))
    ask = "BEGIN IMMEDIATE" if url.startswith("sqlite") else "SELECT next FROM counter FOR UPDATE NOWAIT"
    try:
        with engine.connect() as connection:
            if url.startswith("sqlite"):
                connection.exec_driver_sql("PRAGMA busy_timeout = 0")
            connection.exec_driver_sql(ask)
    except sa.exc.OperationalError:
        return True
    finally:
        engine.dispose()
    return False


def test_a_promotion_that_fails_half_way_is_undone_before_its_number_is_free(catalogue: SqlCatalogue, url: str) -> None:
    folders = Folders(url, RuntimeError("the disk is gone"))

    with pytest.raises(RuntimeError):
        catalogue.arrivals.add(record(), folders.promote, folders.withdraw)

    assert (folders.numbers, folders.was_locked) == ([], [True])
    assert add(catalogue) == 0


def test_what_the_database_refuses_is_undone_while_nobody_can_be_given_its_number(
    catalogue: SqlCatalogue, url: str, make_room: Callable[[], None]
) -> None:
    folders = Folders(url)

    with pytest.raises((StoreFull, CatalogueUnavailable)):
        catalogue.arrivals.add(replace(record(), name=_LONG_NAME), folders.promote, folders.withdraw)

    assert folders.numbers == []
    assert all(folders.was_locked)
    make_room()
    assert add(catalogue) == 0


def test_nothing_is_undone_where_the_key_came_before(catalogue: SqlCatalogue, url: str) -> None:
    catalogue.arrivals.add(record(key="k"), nothing, never)
    folders = Folders(url)

    catalogue.arrivals.add(record(key="k"), folders.promote, folders.withdraw)

    assert (folders.numbers, folders.was_locked) == ([], [])


class Wire:
    """
    A connection to PostgreSQL that breaks when the first COMMIT is sent: before the server has had it, or once the
    server has answered.
    """

    def __init__(self, server_port: int, *, commit_arrives: bool, mends: bool) -> None:
        self._server = ("127.0.0.1", server_port)
        self._commit_arrives = commit_arrives
        self._mends = mends
        self._is_broken = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                if self._is_broken and not self._mends:
                    client.close()
                    continue
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        is_cut = threading.Event()
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            answers = threading.Thread(target=_carry_answers, args=(server, client, is_cut), daemon=True)
            answers.start()
            while words := client.recv(65536):
                if b"COMMIT\0" in words and not self._is_broken:
                    self._is_broken = True
                    is_cut.set()
                    if self._commit_arrives:
                        server.sendall(words)
                    server.shutdown(socket.SHUT_WR)
                    answers.join()  # the server has committed, or rolled back, and hung up
                    return
                server.sendall(words)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # ends `accept` too
        self._listener.close()


def _carry_answers(server: socket.socket, client: socket.socket, is_cut: threading.Event) -> None:
    with suppress(OSError):
        while words := server.recv(65536):
            if not is_cut.is_set():
                client.sendall(words)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("commit_arrives", "mends", "stays"),
    [
        pytest.param(True, True, True, id="the row is there"),
        pytest.param(True, False, True, id="the row is there and nobody knows"),
        pytest.param(False, True, False, id="the row is not there"),
        pytest.param(False, False, True, id="the row is not there and nobody knows"),
    ],
)
def test_a_folder_whose_commit_broke_off_stays_unless_its_row_is_known_not_to_be_there(
    fresh_postgresql_url: str, commit_arrives: bool, mends: bool, stays: bool
) -> None:
    direct = SqlCatalogue(fresh_postgresql_url)
    direct.migrate([])
    url = sa.make_url(fresh_postgresql_url)
    assert url.port is not None
    wire = Wire(url.port, commit_arrives=commit_arrives, mends=mends)
    behind_it = SqlCatalogue(url.set(port=wire.port).render_as_string())
    folders = Folders(fresh_postgresql_url)

    with pytest.raises(CatalogueUnavailable):
        behind_it.arrivals.add(record(), folders.promote, folders.withdraw)

    assert folders.numbers == ([0] if stays else [])
    assert all(folders.was_locked)
    assert [image.id for image in direct.library.newest(10)] == ([0] if commit_arrives else [])
    behind_it.close()
    direct.close()
    wire.close()
