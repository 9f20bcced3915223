"""The whole house in one process: a real folder, a real SQLite, the queue as a list that `work` empties."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from flask.testing import FlaskClient
from PIL import Image as Pillow
from werkzeug.test import TestResponse

from tests.doubles import ListJobs
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.model import Image
from vignette.pixels.rendering import render
from vignette.recipes import Recipe
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.use_cases.rendering import PAUSE_WITHOUT_ROOM_S, Renderer, Rendering
from vignette.use_cases.sweeping import HINT_MAX_AGE_S
from vignette.web import WebContext, create_app
from vignette.web.capacity.admission import Admission
from vignette.web.capacity.downloads import Downloads
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.http.bodies import RequestLimits
from vignette.wiring.use_cases import build_reindexing, build_removal, build_renewal, build_sweeping, build_verdicts

SMALL = Recipe("small", 256, 256)


class ReadingClient(FlaskClient):
    """A client that reads each answer to its end, so that no file stays open behind one that a test does not read."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        return super().open(*arguments, **{"buffered": True, **options})


class House:
    """Built below *root*; a second one on the same root finds what the first has left."""

    def __init__(
        self,
        root: Path,
        *,
        limits: IntakeLimits | None = None,
        request_limits: RequestLimits | None = None,
        recipes: Sequence[Recipe] = (SMALL,),
        max_attempts: int = 3,
        confined: Callable[[], AbstractContextManager[None]] = nullcontext,
        renderer: Renderer = render,
        pause_without_room_s: float = PAUSE_WITHOUT_ROOM_S,
        hint_max_age_s: float = HINT_MAX_AGE_S,
        settling_s: float = 2.5,
    ) -> None:
        self.root = root
        self.uploads = root / "uploads"
        self.store = FolderStore(self.uploads, settling_s=settling_s)
        self.catalogue = SqlCatalogue(f"sqlite:///{root / 'state' / 'catalogue.sqlite3'}")
        self.reindexing = build_reindexing(self.store, self.catalogue)
        self.catalogue.migrate(self.reindexing.read_images())
        self.jobs = ListJobs()
        limits = limits or IntakeLimits(max_bytes=1_000_000, max_pixels=1_000_000, max_frames=20)
        self.intake = Intake(self.store, self.catalogue.arrivals, self.reindexing, self.jobs, limits)
        self.removal = build_removal(self.store, self.catalogue)
        self.sweeping = build_sweeping(self.store, self.catalogue, self.jobs, hint_max_age_s=hint_max_age_s)
        self.verdicts = build_verdicts(self.store, self.catalogue, recipes, max_attempts=max_attempts)
        self.rendering = Rendering(
            self.store,
            self.catalogue.renderings,
            self.verdicts,
            recipes,
            lease_s=60,
            confined=confined,
            pause_without_room_s=pause_without_room_s,
            renderer=renderer,
        )
        self.renewal = build_renewal(self.catalogue, self.jobs, recipes)
        slow_clients = SlowClients(window_s=30)
        self.app = create_app(
            WebContext(
                intake=self.intake,
                removal=self.removal,
                renewal=self.renewal,
                files=self.store,
                library=self.catalogue.library,
                workers=self.catalogue.workers,
                database=self.catalogue.database,
                jobs=self.jobs,
                recipes=tuple(recipes),
                request_limits=request_limits or RequestLimits(max_bytes=5_000_000, max_files=5),
                admission=Admission(self.store, places=2),
                slow_clients=slow_clients,
                downloads=Downloads(slow_clients, places=2),
                waiting_rooms=BoundedSemaphore(1),
            ),
            public_url="",
            languages=("en", "fr"),
        )
        self.app.test_client_class = ReadingClient
        self.client = self.app.test_client()

    def upload(self, content: bytes, name: str | None = "photo.jpg", key: str | None = None) -> Image:
        with self.intake.begin() as upload:
            upload.append(content)
            return self.intake.keep(upload, name, key)

    def work(self) -> None:
        """Do what the worker would do with the jobs that wait."""
        while self.jobs.hinted:
            self.rendering.render(self.jobs.hinted.pop(0))

    def sql(self, statement: str) -> None:
        """Change the catalogue behind its back."""
        with self.catalogue.database.write() as connection:
            connection.exec_driver_sql(statement)

    def end_leases(self) -> None:
        """As time would, after the death of who held them."""
        self.sql("UPDATE image SET lease_until = 0 WHERE lease_until IS NOT NULL")

    def files(self, image_id: int) -> set[str]:
        return {path.name for path in (self.uploads / str(image_id)).iterdir()}

    def is_clean(self) -> bool:
        """Whether no upload has left anything in the staging folder."""
        return not any((self.uploads / ".staging").iterdir())

    def close(self) -> None:
        self.catalogue.close()


@contextmanager
def house(root: Path, **options: object) -> Iterator[House]:
    built = House(root, **options)  # type: ignore[arg-type]
    try:
        yield built
    finally:
        built.close()


def picture(width: int = 40, height: int = 30, file_format: str = "JPEG", colour: str = "teal") -> bytes:
    """A plain picture of *width* × *height* pixels."""
    content = io.BytesIO()
    Pillow.new("RGB", (width, height), colour).save(content, file_format)
    return content.getvalue()


def broken_pixels() -> bytes:
    """A PNG whose structure is whole and whose pixels are not: only a decoder finds out."""
    content = picture(200, 200, "PNG")
    start = content.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", content[start - 8 : start - 4])
    zeros = bytes(length)
    checksum = struct.pack(">I", zlib.crc32(b"IDAT" + zeros))
    return content[:start] + zeros + checksum + content[start + length + 4 :]
