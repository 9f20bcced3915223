"""What a key has is counted in the transaction of each image, on each database that we support."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.names import new_name
from vignette.access.quotas import Quota, Usage
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import InvalidKey, QuotaExceeded, StorageQuotaExceeded, VignetteError
from vignette.model import Image, ImageFacts, ImageId, Record, State

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
OWNER: Final = "0123456789abcdef"


def a_record(size: int = 100, owner: str | None = OWNER, at: datetime = NOON, key: str | None = None) -> Record:
    return Record("a.jpg", ImageFacts("image/jpeg", "jpg", 4, 3, 1), size, "ab" * 32, at, key, owner, new_name())


def give(catalogue: SqlCatalogue, quota: Quota) -> None:
    key = Key(OWNER, "ab" * 32, "phone", frozenset({Scope.UPLOAD}), NOON, quota=quota)
    catalogue.keys.add(key, lambda _: None)


def send(catalogue: SqlCatalogue, record: Record, metadata_bytes: int = 10) -> Image:
    return catalogue.arrivals.add(record, lambda _: None, lambda: None, metadata_bytes=metadata_bytes)[0]


def usage(catalogue: SqlCatalogue, at: datetime = NOON) -> Usage:
    return catalogue.quotas.standing(OWNER, at)[1]


def test_an_image_counts_with_its_metadata_and_its_vignettes(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota())
    assert usage(catalogue) == Usage(0, 0, 0)
    image = send(catalogue, a_record())
    assert usage(catalogue) == Usage(1, 110, 1)

    claim = catalogue.renderings.claim(image.id, 60)
    assert claim is not None
    claim = catalogue.renderings.publish(claim, None, "a", ("small",), goes_on=True, vignette_bytes=5)
    assert usage(catalogue).bytes == 115
    assert claim is not None
    assert catalogue.renderings.finish(claim, None, None, "a", ("large", "small"), 30)
    assert usage(catalogue) == Usage(1, 140, 1)


def test_what_is_deleted_is_given_back_but_for_today(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota(images=1, bytes=110))
    image = send(catalogue, a_record())

    assert catalogue.removals.begin_delete(image.id)
    assert usage(catalogue) == Usage(0, 0, 1)
    catalogue.removals.end_delete(image.id)
    assert usage(catalogue) == Usage(0, 0, 1)
    send(catalogue, a_record())
    assert usage(catalogue) == Usage(1, 110, 2)


@pytest.mark.parametrize(
    ("quota", "kind"),
    [
        (Quota(images=1), StorageQuotaExceeded),
        (Quota(bytes=219), StorageQuotaExceeded),
        (Quota(images_per_day=1), QuotaExceeded),
    ],
)
def test_what_goes_over_is_refused_and_takes_no_number(
    catalogue: SqlCatalogue, quota: Quota, kind: type[VignetteError]
) -> None:
    give(catalogue, quota)
    send(catalogue, a_record(key="11" * 32))
    promoted: list[ImageId] = []

    with pytest.raises(kind):
        catalogue.arrivals.add(a_record(), promoted.append, lambda: None, metadata_bytes=10)

    assert promoted == []
    assert catalogue.index.next_id() == 1
    assert usage(catalogue) == Usage(1, 110, 1)
    assert send(catalogue, a_record(key="11" * 32)).id == 0, "what comes again takes no more"
    assert send(catalogue, a_record(owner=None)).id == 1, "others are not concerned"


def test_a_new_day_brings_as_many_again(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota(images_per_day=1))
    send(catalogue, a_record(at=NOON))
    tomorrow = NOON + timedelta(hours=12)

    send(catalogue, a_record(at=tomorrow))

    assert usage(catalogue, tomorrow) == Usage(2, 220, 1)
    with pytest.raises(QuotaExceeded):
        send(catalogue, a_record(at=tomorrow))


def test_uploads_at_once_never_overdraw(url: str, catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota(images=5))

    def try_to_send(_: int) -> bool:
        with closing(SqlCatalogue(url)) as another:
            try:
                send(another, a_record())
            except StorageQuotaExceeded:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(try_to_send, range(16)))

    assert sum(sent) == 5
    assert usage(catalogue) == Usage(5, 550, 5)


def test_whoever_rebuilds_the_index_counts_anew(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota())
    kept, gone = send(catalogue, a_record()), send(catalogue, a_record())
    catalogue.removals.begin_delete(gone.id)
    ready = replace(kept, state=State.READY, metadata_bytes=10, vignette_bytes=7)

    for _ in range(2):
        catalogue.index.restore([(kept.id, ready), (gone.id, None)])
        assert usage(catalogue) == Usage(1, 117, 1)
    catalogue.index.index(kept.id, lambda: replace(ready, vignette_bytes=8))
    assert usage(catalogue) == Usage(1, 118, 1)
    catalogue.index.index(kept.id, lambda: None)
    assert usage(catalogue) == Usage(0 + 1, 118, 1), "a folder that cannot be read changes nothing"


def test_without_its_key_nobody_has_a_quota(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota(images=0))
    catalogue.keys.remove(OWNER, lambda _: None)

    assert send(catalogue, a_record()).id == 0
    assert catalogue.quotas.standing(OWNER, NOON) == (Quota(), Usage())


def test_the_key_is_asked_for_once_more_with_the_image(catalogue: SqlCatalogue) -> None:
    give(catalogue, Quota(images=9))
    asked: list[Key | None] = []

    def admit(key: Key | None) -> None:
        asked.append(key)
        if key is None:
            raise InvalidKey("it was removed")

    def add(owner: str | None = OWNER) -> Image:
        return catalogue.arrivals.add(a_record(owner=owner), lambda _: None, lambda: None, admit=admit)[0]

    assert add().id == 0
    assert asked == [catalogue.keys.get(OWNER)]
    catalogue.keys.remove(OWNER, lambda _: None)
    with pytest.raises(InvalidKey):
        add()
    assert asked[1:] == [None]
    assert catalogue.index.next_id() == 1
    assert add(owner=None).id == 1
    assert len(asked) == 2, "of an image without an owner there is no key to ask"
