"""What `ports.catalogue.Arrivals` promises of numbers and idempotency keys, on each database that we support."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.cataloguing import add, never, nothing, record
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import IdempotencyKeyReused
from vignette.model import Image, ImageId, State


def test_numbers_count_from_zero(catalogue: SqlCatalogue) -> None:
    assert [add(catalogue) for _ in range(3)] == [0, 1, 2]
    assert catalogue.index.next_id() == 3


def test_a_record_comes_back_as_it_was(catalogue: SqlCatalogue) -> None:
    image, is_new = catalogue.arrivals.add(record(key="cd" * 32), nothing, never)

    assert is_new
    assert image == Image(ImageId(0), record(key="cd" * 32), State.PENDING)
    assert catalogue.library.get(image.id) == image


def test_the_folder_is_in_place_before_anyone_sees_the_row(catalogue: SqlCatalogue) -> None:
    seen_meanwhile: list[int] = []

    catalogue.arrivals.add(record(), lambda _: seen_meanwhile.append(len(catalogue.library.newest(10))), never)

    assert seen_meanwhile == [0]


def test_uploads_at_the_same_time_get_numbers_without_a_gap(catalogue: SqlCatalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: add(catalogue), range(40)))

    assert sorted(numbers) == list(range(40))


ADD_TWENTY = """
import sys
from tests.contract.cataloguing import SqlCatalogue, add
catalogue = SqlCatalogue(sys.argv[1])
catalogue.migrate([])
print(*[add(catalogue) for _ in range(20)])
"""


def test_several_processes_may_start_and_add_at_once(url: str) -> None:
    """The first one to come makes the schema; nobody else fails, and no number is given twice."""
    command = [sys.executable, "-c", ADD_TWENTY, url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    outputs = [process.communicate()[0] for process in processes]

    assert sorted(int(number) for output in outputs for number in output.split()) == list(range(60))


def test_an_idempotency_key_that_comes_again_is_the_same_image(catalogue: SqlCatalogue) -> None:
    first, _ = catalogue.arrivals.add(record(key="k"), nothing, never)
    promoted: list[ImageId] = []

    again, is_new = catalogue.arrivals.add(record(key="k"), promoted.append, never)

    assert (again.id, is_new, promoted) == (first.id, False, [])
    assert add(catalogue) == 1


def test_an_idempotency_key_with_other_bytes_is_refused(catalogue: SqlCatalogue) -> None:
    catalogue.arrivals.add(record("aa" * 32, "k"), nothing, never)

    with pytest.raises(IdempotencyKeyReused):
        catalogue.arrivals.add(record("bb" * 32, "k"), nothing, never)

    assert add(catalogue) == 1


def test_the_same_key_at_the_same_time_is_one_image(catalogue: SqlCatalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: catalogue.arrivals.add(record(key="k"), nothing, never), range(16)))

    assert {image.id for image, _ in added} == {0}
    assert sum(is_new for _, is_new in added) == 1
