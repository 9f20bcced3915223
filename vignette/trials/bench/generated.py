"""Catalogues of any number of images, made much faster than by uploads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from vignette import layout
from vignette.access.actors import OPERATOR
from vignette.access.policy import Access, Policy
from vignette.adapters.door.inspecting import InspectorHere
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import ImageId, Outcome, Placeholder
from vignette.ports.jobs import Lane
from vignette.records import outcome_to_json
from vignette.settings import Settings
from vignette.trials.bench.tools import BenchUnavailable
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.use_cases.reindexing import read_image
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.use_cases import build_reindexing

_FOLDERS_AT_A_TIME: Final = 1000


class Queue:
    """A queue that holds as many jobs as one says. It stands for Redis, whose cost does not depend on the images."""

    def __init__(self) -> None:
        self.jobs = 0

    def hint(self, image_id: ImageId, lane: Lane) -> None: ...

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None: ...

    def backlog(self) -> int:
        return self.jobs


def generate(root: Path, count: int, *, folders: Iterable[int], done: Callable[[], object]) -> Settings:
    """
    Make a catalogue of *count* ready images in *root*; return the settings of its service.

    Only image 0 and those of *folders* have their folder: to make and remove a million takes a busy disk half an hour.
    *done* is called now and then.

    Raises:
        BenchUnavailable: The disk has no room.
    """
    settings = Settings(upload_folder=root / "uploads", state_folder=root / "state", durability="fast")
    try:
        _first_image(settings)
        done()
        _folders(settings.upload_folder, folders, done)
    except OSError as error:
        raise BenchUnavailable(f"the folders cannot be made in {root}: {error.strerror}") from error
    store, catalogue = open_store_and_catalogue(settings)
    try:
        first = read_image(store, store, ImageId(0))
        if first is None:
            raise BenchUnavailable("the first image cannot be read")
        catalogue.index.restore([(first.id, first)])
        add_rows(catalogue, 1, count - 1, "ready", first.recipe_set)
    finally:
        catalogue.close()
    done()
    return settings


def _first_image(settings: Settings) -> None:
    """Upload an image, and write what the worker would have written; the vignettes have no pixels."""
    store, catalogue = open_store_and_catalogue(settings)
    try:
        reindexing = build_reindexing(store, catalogue)
        limits = IntakeLimits(settings.max_upload_bytes, settings.max_pixels, settings.max_frames, 2**31)
        intake = Intake(
            store, store, catalogue.arrivals, reindexing, Queue(), InspectorHere(), limits, Policy(Access.CLOSED)
        )
        content = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(content, "JPEG")
        with intake.begin() as upload:
            upload.append(content.getvalue())
            image = intake.keep(OPERATOR, upload, "photo.jpg", None)
        names = sorted(layout.vignettes(settings.recipes))
        for name in names:
            store.write(image.id, name, b"no pixels")
        outcome = Outcome(tuple(names), placeholder=Placeholder("WdcJNQJleX+HJ4hHiISoiHdwZzYG", "#546876"))
        store.write(image.id, layout.OUTCOME, outcome_to_json(outcome))
    finally:
        catalogue.close()


def _folders(uploads: Path, numbers: Iterable[int], done: Callable[[], object]) -> None:
    """Folders with the files of the first one."""
    names = os.listdir(uploads / "0")  # noqa: PTH208 (names alone)
    for number in numbers:
        folder = f"{uploads}/{number}"
        os.mkdir(folder)  # noqa: PTH102 (thousands of them)
        for name in names:
            os.link(f"{uploads}/0/{name}", f"{folder}/{name}")
        if number % _FOLDERS_AT_A_TIME == 0:
            done()


def add_rows(catalogue: SqlCatalogue, first: int, count: int, state: str, recipe_set: str) -> None:
    """Add *count* rows from number *first* on, all in the stored *state*, and take their numbers."""
    now = datetime.now(UTC).timestamp()
    with catalogue.database.write() as connection:
        connection.exec_driver_sql(
            """
            WITH RECURSIVE number (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM number WHERE i < ?)
            INSERT INTO image (id, name, media_type, extension, width, height, frames, bytes, sha256, received_at_ms,
                               idempotency_key, state, attempts, recipe_set, hinted_at, thumbhash, colour,
                               public_name, visibility)
            SELECT i, 'photo ' || i || '.jpg', 'image/jpeg', 'jpg', 4032, 3024, 1, 2000000 + i,
                   lower(hex(randomblob(32))), ?, lower(hex(randomblob(32))), ?, 1, ?, ?,
                   'WdcJNQJleX+HJ4hHiISoiHdwZzYG', '#546876',
                   replace(replace(replace(replace(lower(hex(randomblob(13))),
                           '0', 'g'), '1', 'h'), '8', 'i'), '9', 'j'), 'public' FROM number
            """,
            (first, first + count - 1, round(now * 1000), state, recipe_set, now - 60),
        )
        connection.exec_driver_sql("UPDATE counter SET next = max(next, ?)", (first + count,))
