"""The whole service in one process, on a real folder and a real SQLite. Its queue is a list, which `work` empties."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, cached_property, partial
from pathlib import Path
from types import CodeType
from typing import Any, BinaryIO

from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from PIL import Image as Pillow
from werkzeug.test import TestResponse

from tests.doubles import ListJobs
from vignette.access.actors import NOBODY, Actor
from vignette.access.policy import Access, Policy
from vignette.access.tickets import Ticket
from vignette.adapters.door.inspecting import InspectorHere
from vignette.adapters.planner.planning import PlannerHere
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.adapters.stores.offer_file import OfferFile
from vignette.limits import PLACE_PATIENCE_S
from vignette.model import Image, Visibility
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Rewritten
from vignette.pixels.rewriting import rewrite
from vignette.ports.inspector import Inspector
from vignette.ports.planner import Planner
from vignette.recipes import Recipe
from vignette.settings import load_settings
from vignette.use_cases.auditing import Trail
from vignette.use_cases.intake import IntakeLimits
from vignette.use_cases.publishing import Publishing
from vignette.use_cases.rating import Rating
from vignette.use_cases.rendering import PAUSE_WITHOUT_ROOM_S, Renderer, Rendering
from vignette.use_cases.rewriting import ZOOMED, Rewriting
from vignette.use_cases.screening import NO_CHECKS, Screening
from vignette.use_cases.sweeping import HINT_MAX_AGE_S
from vignette.web import create_app
from vignette.web.capacity import Capacity
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.http.bodies import RequestLimits
from vignette.wiring.stores import open_and_catch_up
from vignette.wiring.use_cases import (
    build_recovery,
    build_reindexing,
    build_renewal,
    build_sweeping,
    build_verdicts,
)
from vignette.wiring.web import build_context

SMALL = Recipe("small", 256, 256)


@cache
def new_catalogue() -> bytes:
    """Return the SQLite file of a catalogue without any image: to copy it is much quicker than to migrate each anew."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalogue.sqlite3"
        with closing(SqlCatalogue(f"sqlite:///{file}")) as catalogue:
            catalogue.migrate([])
        return file.read_bytes()


class CompiledOnce(BytecodeCache):
    """Templates as Python code, for all applications of a process: to compile those of one page takes 70 ms."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


TEMPLATES = CompiledOnce()


class ReadingClient(FlaskClient):
    """A client that reads each answer to its end, so that no file stays open if a test does not read the answer."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        return super().open(*arguments, **{"buffered": True, **options})


class House:
    """
    The service in folders below *root*. A second house on the same *root* finds what the first has left.

    Public copies, and what is zoomed, are made as soon as somebody asks for them.
    """

    def __init__(
        self,
        root: Path,
        *,
        limits: IntakeLimits | None = None,
        request_limits: RequestLimits | None = None,
        recipes: Sequence[Recipe] = (SMALL,),
        max_attempts: int = 3,
        renderer: Renderer = render_in_steps,
        pause_without_room_s: float = PAUSE_WITHOUT_ROOM_S,
        hint_max_age_s: float = HINT_MAX_AGE_S,
        settling_s: float = 2.5,
        public_url: str = "",
        others_may_embed: bool = False,
        cache_vignettes_s: int = 60,
        access: Access = Access.OPEN,
        visibility: Visibility = Visibility.PUBLIC,
        place_patience_s: float = PLACE_PATIENCE_S,
        rating: Rating | None = None,
        uploads_of_key: int = 0,
        inspector: Inspector = InspectorHere(),  # noqa: B008 (it has no state)
        planner: Planner = PlannerHere(),  # noqa: B008 (it has no state)
        rewriter: Callable[[BinaryIO, int, int | None, int], Rewritten] = rewrite,
        screening: Screening = NO_CHECKS,
    ) -> None:
        self.root = root
        self.uploads = root / "uploads"
        file = root / "state" / "catalogue.sqlite3"
        if not self.uploads.exists() and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(new_catalogue())
        self.store = FolderStore(self.uploads, settling_s=settling_s)
        self.store.make()
        self.catalogue = SqlCatalogue(f"sqlite:///{file}", boot=self.store.boot)
        self.reindexing = build_reindexing(self.store, self.catalogue)
        self.catalogue.migrate(self.reindexing.read_images())
        self.jobs = ListJobs()
        self.sweeping = build_sweeping(self.store, self.catalogue, self.jobs, hint_max_age_s=hint_max_age_s)
        self.recovery = build_recovery(
            self.store, self.catalogue, build_renewal(self.catalogue, self.jobs, recipes), flush_every_s=0
        )
        self.verdicts = build_verdicts(self.store, self.catalogue, recipes, max_attempts=max_attempts)
        self.rendering = Rendering(
            self.store,
            self.catalogue.renderings,
            self.verdicts,
            self.jobs,
            recipes,
            renderer,
            lease_s=60,
            pause_without_room_s=pause_without_room_s,
        )
        self.rewriting = Rewriting(
            self.store,
            self.catalogue.library,
            self.catalogue.removals,
            lambda file, size, _upright, edge, quality: rewriter(file, size, edge, quality),
            planner,
        )
        self.publishing = Publishing(
            self.store, self.catalogue.library, self.catalogue.removals, planner, self.rewriting
        )
        self.jobs.publish_at_once = self.publishing.make
        self.jobs.enlarge_at_once = partial(self.rewriting.make, kind=ZOOMED)
        self.context = build_context(
            self.store,
            self.catalogue,
            self.jobs,
            inspector,
            recipes,
            limits or IntakeLimits(max_bytes=1_000_000, max_pixels=1_000_000, max_frames=20),
            request_limits or RequestLimits(max_bytes=5_000_000, max_files=5),
            Capacity(
                SlowClients(window_s=30),
                uploads=2,
                downloads=2,
                waiters=1,
                patience_s=place_patience_s,
                uploads_of_key=uploads_of_key,
            ),
            Policy(access, of_new=visibility),
            OfferFile(root / "state" / "first-key.json"),
            screening=screening,
            cache_vignettes_s=cache_vignettes_s,
            trail=Trail(self.catalogue.audit),
            rating=rating,
        )
        self.intake, self.removal, self.renewal = self.context.intake, self.context.removal, self.context.renewal
        self.keyholding, self.reviewing = self.context.keyholding, self.context.reviewing
        self._create_app = partial(
            create_app, self.context, public_url=public_url, languages=("en", "fr"), others_may_embed=others_may_embed
        )

    @cached_property
    def app(self) -> Flask:
        """The web application; most tests of use cases need none, and it takes longer to make than all the rest."""
        app = self._create_app()
        app.test_client_class = ReadingClient
        app.jinja_env.bytecode_cache = TEMPLATES
        return app

    @cached_property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def upload(
        self,
        content: bytes,
        name: str | None = "photo.jpg",
        key: str | None = None,
        actor: Actor = NOBODY,
        visibility: Visibility | None = None,
        ticket: Ticket | None = None,
    ) -> Image:
        with self.intake.begin() as upload:
            upload.append(content)
            return self.intake.keep(actor, upload, name, key, visibility=visibility, ticket=ticket)

    def work(self) -> None:
        """Render the images that wait in the queue, as the worker would."""
        while self.jobs.hinted:
            self.rendering.render(self.jobs.take())

    def sql(self, statement: str) -> None:
        """Run *statement* in the database of the catalogue, which does not notice."""
        with self.catalogue.database.write() as connection:
            connection.exec_driver_sql(statement)

    def end_leases(self) -> None:
        """End all leases, as time would after the death of the workers that hold them."""
        self.sql("UPDATE image SET lease_until = 0 WHERE lease_until IS NOT NULL")

    def files(self, image_id: int) -> set[str]:
        return {path.name for path in (self.uploads / str(image_id)).iterdir()}

    def is_clean(self) -> bool:
        """Whether the staging folder is empty: no upload has left anything there."""
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


def start_the_service(root: Path) -> None:
    """Open what a service opens at its start, before its processes, in the house at *root*, and close it."""
    state = root / "state"
    settings = load_settings(
        upload_folder=root / "uploads", state_folder=state, database_url=f"sqlite:///{state / 'catalogue.sqlite3'}"
    )
    open_and_catch_up(settings)[1].close()


def picture(width: int = 40, height: int = 30, file_format: str = "JPEG", colour: str = "teal") -> bytes:
    """Encode a plain picture of *width* × *height* pixels."""
    content = io.BytesIO()
    Pillow.new("RGB", (width, height), colour).save(content, file_format)
    return content.getvalue()


def broken_pixels() -> bytes:
    """Make a PNG, as long as `picture(200, 200, "PNG")`, with a filter that there is not: only a decoder finds out."""
    content = picture(200, 200, "PNG")
    start = content.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", content, start)
    data = zlib.compress(b"\x09" * 200 * (1 + 3 * 200))
    room = bytes(length - len(data) - 12)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IDAT", data), (b"vpAg", room))
    )
    return content[:start] + chunks + content[start + length + 12 :]
