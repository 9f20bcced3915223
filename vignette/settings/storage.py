"""Where things are kept: folders, the catalogue, the queue."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import Field, field_validator

from vignette.limits import MIB
from vignette.model import Durability
from vignette.settings.places import PROJECT_FOLDER
from vignette.settings.values import MOST_BYTES, Folder, Group, WholeNumber

# sockaddr_un holds 108 bytes with the closing zero (unix(7)); macOS has 104.
_MAX_SOCKET_PATH_BYTES: Final = 100


class Storage(Group):
    upload_folder: Folder = Path("static/uploads")
    state_folder: Folder = Path("instance")
    database_url: Annotated[str, Field(repr=False)] = ""
    broker_url: Annotated[str, Field(repr=False)] = ""
    durability: Durability = "full"
    min_free_bytes: Annotated[WholeNumber, Field(ge=0, le=MOST_BYTES)] = 64 * MIB

    @field_validator("upload_folder", "state_folder")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        try:
            return (PROJECT_FOLDER / folder.expanduser()).resolve()
        except RuntimeError as error:  # no such user's home, or symbolic links that go in a circle
            raise ValueError(str(error)) from error

    @field_validator("database_url")
    @classmethod
    def _a_database_that_we_speak(cls, url: str) -> str:
        if re.fullmatch(r"|sqlite:////.+|postgresql(\+psycopg)?://\S*", url):
            return url
        raise ValueError(
            "should be empty (SQLite in the state folder), sqlite:////an/absolute/path,"
            " or postgresql://user:password@host:port/database"
        )

    @field_validator("broker_url")
    @classmethod
    def _a_broker_that_we_speak(cls, url: str) -> str:
        if re.fullmatch(r"|rediss?://\S+|redis\+socket:///\S+", url):
            return url
        raise ValueError(
            "should be empty (the embedded server), redis://:password@host:port/number, rediss:// for the same"
            " over TLS, or redis+socket:///an/absolute/path"
        )

    @property
    def uses_embedded_broker(self) -> bool:
        return not self.broker_url

    @property
    def uses_sqlite(self) -> bool:
        return self.effective_database_url.startswith("sqlite")

    @property
    def is_alone(self) -> bool:
        """Whether nobody but one service, on one machine, uses this catalogue and this queue."""
        return self.uses_embedded_broker and self.uses_sqlite

    @property
    def broker_socket(self) -> Path:
        """
        Where the embedded Redis-compatible server listens: in the state folder, or, where that path is too long for a
        socket, in a folder of the user's own below the system's temporary one. The same for every process.
        """
        socket = self.state_folder / "broker.sock"
        if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH_BYTES:
            return socket
        digest = hashlib.sha256(os.fsencode(self.state_folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vignette-{os.getuid()}-{digest}" / "broker.sock"

    @property
    def first_key_file(self) -> Path:
        """What the start tells the web processes of the link for the first key that it prints."""
        return self.state_folder / "first-key.json"

    @property
    def effective_broker_url(self) -> str:
        return self.broker_url or f"redis+socket://{quote(str(self.broker_socket))}"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.state_folder / 'catalogue.sqlite3'}"
