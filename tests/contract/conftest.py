"""Real databases for the catalogue's contract: SQLite always, PostgreSQL where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.house import new_catalogue
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.trials.own_port import free_port


def _postgresql_programs() -> Path | None:
    # Debian keeps them out of PATH.
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found:
        candidates.append(Path(found).resolve().parent)
    return next((folder for folder in candidates if (folder / "pg_isready").exists()), None)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """The URL of a server of our own, on a free port of the loopback interface, in a temporary folder."""
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="vignette-pg-") as folder, _postgresql(programs, Path(folder)) as port:
        _wait_until_ready(programs, port)
        yield f"postgresql://vignette@127.0.0.1:{port}/postgres"


@contextmanager
def _postgresql(programs: Path, folder: Path) -> Iterator[int]:
    """Run a server with all of its files in *folder*; yield its port."""
    port = free_port()
    # PostgreSQL refuses to run as root.
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    options = ["-D", folder / "db", "-A", "trust", "-U", "vignette", "--no-locale", "-E", "UTF8"]
    subprocess.run([*as_user, programs / "initdb", *options], check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [
            *as_user,
            programs / "postgres",
            *("-D", folder / "db", "-c", "listen_addresses=127.0.0.1", "-p", str(port)),
            *("-c", f"unix_socket_directories={folder}", "-c", "fsync=off"),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # SIGTERM would wait for connections that a failed test has left open
        server.wait()


def _wait_until_ready(programs: Path, port: int) -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL does not answer")
        time.sleep(0.05)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'catalogue.sqlite3'}"


@pytest.fixture
def sqlite_url_of_a_catalogue(sqlite_url: str) -> str:
    Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(new_catalogue())
    return sqlite_url


@pytest.fixture
def fresh_postgresql_url(postgresql_url: str) -> str:
    return new_database(postgresql_url)


@pytest.fixture(scope="session")
def migrated_database(postgresql_url: str) -> str:
    """The name of a database with a catalogue without any image, to copy: that is quicker than to migrate each anew."""
    url = new_database(postgresql_url)
    with closing(SqlCatalogue(url)) as catalogue:
        catalogue.migrate([])
    return url.rpartition("/")[2]


@pytest.fixture
def postgresql_url_of_a_catalogue(postgresql_url: str, migrated_database: str) -> str:
    return new_database(postgresql_url, template=migrated_database)


def new_database(postgresql_url: str, template: str = "template1") -> str:
    """The URL of a new database of that server: a copy of *template*, which by default holds nothing."""
    name = f"test_{datetime.now(UTC):%H%M%S%f}"
    admin = sa.create_engine(
        sa.make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    admin.dispose()
    return postgresql_url.rpartition("/")[0] + f"/{name}"


@pytest.fixture(
    params=[
        ("sqlite_url", "sqlite_url_of_a_catalogue"),
        pytest.param(("fresh_postgresql_url", "postgresql_url_of_a_catalogue"), marks=pytest.mark.postgresql),
    ],
    ids=["sqlite", "postgresql"],
)
def url(request: pytest.FixtureRequest) -> str:
    """Of a database that holds nothing; of a test that asks for its `catalogue`, that of the catalogue."""
    empty, of_a_catalogue = request.param
    chosen: str = request.getfixturevalue(of_a_catalogue if "catalogue" in request.fixturenames else empty)
    return chosen


@pytest.fixture
def catalogue(url: str) -> Iterator[SqlCatalogue]:
    with closing(SqlCatalogue(url)) as opened:
        yield opened
