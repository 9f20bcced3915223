"""What anybody may start again is bounded, and a refused wish writes nothing."""

from __future__ import annotations

import pytest

from tests.house import House, broken_pixels, picture
from vignette.limits import MOST_RESTARTED
from vignette.model import ImageId, State
from vignette.use_cases import renewal
from vignette.use_cases.renewal import _Restarts

ZERO = ImageId(0)


def fail(house: House) -> None:
    house.work()
    assert house.catalogue.library.get(ZERO).state is State.FAILED


@pytest.fixture
def failed(house: House) -> House:
    house.upload(broken_pixels())
    fail(house)
    return house


def retry(house: House) -> int:
    return house.client.post("/images/0/retry", headers={"Accept": "application/json"}).status_code


def test_an_image_that_fails_again_and_again_is_not_tried_at_the_pace_of_who_asks(failed: House) -> None:
    assert retry(failed) == 202
    fail(failed)
    before = failed.catalogue.library.get(ZERO)

    response = failed.client.post("/images/0/retry", headers={"Accept": "application/json"})

    assert response.status_code == 503
    assert response.json is not None
    assert (response.json["type"], response.json["limit"]) == ("/problems/overloaded", 10)
    assert int(response.headers["Retry-After"]) > 0
    assert failed.catalogue.library.get(ZERO) == before
    assert failed.jobs.hinted == []


def test_it_may_be_tried_again_later(failed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert retry(failed) == 202
    fail(failed)
    monkeypatch.setattr(renewal, "RESTART_PAUSE_S", 0)

    assert retry(failed) == 202


def test_nothing_is_started_while_many_images_wait(failed: House) -> None:
    row = failed.catalogue.library.get(ZERO)
    columns = "media_type, extension, width, height, frames, bytes, sha256, received_at_ms, attempts, recipe_set"
    failed.sql(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_RESTARTED})"
        f" INSERT INTO image (id, {columns}, state, hinted_at)"
        f" SELECT i, {columns.replace('attempts', '0')}, 'pending', 0 FROM n, image WHERE image.id = 0"
    )

    response = failed.client.post("/images/0/retry", headers={"Accept": "application/json"})

    assert (response.status_code, response.json and response.json["measured"]) == (503, MOST_RESTARTED)
    assert failed.catalogue.library.get(ZERO) == row
    assert failed.jobs.hinted == []


def test_a_lost_vignette_is_asked_for_once(house: House) -> None:
    house.upload(picture())
    house.work()
    for _ in range(3):
        for path in (house.uploads / "0").glob("vignette-*"):
            path.unlink()
        for _ in range(5):
            assert house.client.get("/vignette/0").status_code == 202
        if house.jobs.hinted:
            house.work()
            assert house.client.get("/vignette/0").status_code == 200
            restarted = True
    assert restarted
    assert house.jobs.hinted == []


def test_a_process_remembers_a_bounded_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "RESTARTS_REMEMBERED", 3)
    restarts = _Restarts()

    for number in range(10):
        restarts.seconds_since(ImageId(number))

    assert len(restarts._at) == 3
    assert restarts.seconds_since(ImageId(9)) < 10
