"""Images in a catalogue, for tests of what `ports.catalogue` promises."""

from __future__ import annotations

from datetime import UTC, datetime

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Failure, ImageFacts, ImageId, Placeholder, Record
from vignette.ports.catalogue import Claim, Due

PLACEHOLDER = Placeholder("WdcJNQJleX+HJ4hHiISoiHdwZzYG", "#546876")
FAILURE = Failure("broken-image", "it ends too soon", 5, 10)
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def record(sha256: str = "ab" * 32, key: str | None = None) -> Record:
    facts = ImageFacts("image/jpeg", "jpg", 4032, 3024, 1)
    return Record("photo.jpg", facts, 2_122_886, sha256, datetime(2026, 11, 22, 19, 5, 11, 402_000, UTC), key)


def nothing(_: ImageId) -> None:
    """A promotion that succeeds."""


def never() -> None:
    """What undoes a promotion that succeeds."""
    raise AssertionError("what was promoted and indexed is never withdrawn")


def add(catalogue: SqlCatalogue, count: int = 1) -> ImageId:
    for _ in range(count):
        image, _is_new = catalogue.arrivals.add(record(), nothing, never)
    return image.id


def due(catalogue: SqlCatalogue, recipe_set: str | None, limit: int = 100) -> list[ImageId]:
    """All that are due, a page after another."""
    found: list[Due] = []
    while page := catalogue.waiting.due(recipe_set, limit, found[-1] if found else None):
        found += page
    return [one.image_id for one in found]


def finished(catalogue: SqlCatalogue, recipe_set: str, failure: Failure | None = None) -> ImageId:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    assert catalogue.renderings.finish(claim, failure, None if failure else PLACEHOLDER, recipe_set)
    return image_id


def published(catalogue: SqlCatalogue, *, goes_on: bool = False) -> Claim:
    claim = catalogue.renderings.claim(add(catalogue), 60)
    assert claim is not None
    claim = catalogue.renderings.publish(claim, PLACEHOLDER, "default", ("small",), goes_on=goes_on)
    assert claim is not None
    return claim
