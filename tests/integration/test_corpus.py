"""Every file of a folder of real pictures, good and hostile, through a running service."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.corpus import CORPUS, each, needs_corpus
from tests.running import Service, http_client, running_service, stop

pytestmark = needs_corpus


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("corpus")) as service:
        yield service
        # Whatever has gone through it, it is as healthy as before.
        assert http_client.get(f"{service.url}/readyz").json()["status"] == "ready"
        stop(service)


def upload(service: Service, row: dict[str, str]) -> httpx.Response:
    content = (CORPUS / row["path"]).read_bytes()
    accept = {"Accept": "application/json"}
    return http_client.post(f"{service.url}/images", files={"file": (row["path"], content)}, headers=accept, timeout=60)


def vignette_of(image: dict[str, Any]) -> httpx.Response:
    return http_client.get(
        image["links"]["vignette"], headers={"Prefer": "wait=20", "Accept": "image/webp"}, timeout=60
    )


@each("accept")
def test_what_is_to_be_accepted_is_served_right(service: Service, row: dict[str, str]) -> None:
    response = upload(service, row)

    assert response.status_code == 201, response.text
    image = response.json()
    width, height = int(row["width"]), int(row["height"])
    assert (image["width"], image["height"], image["sha256"]) == (width, height, row["sha256"])
    assert http_client.get(image["links"]["original"]).content == (CORPUS / row["path"]).read_bytes()
    served = vignette_of(image)
    assert served.status_code == 200, served.text
    scale = min(256 / width, 256 / height, 1)
    with Image.open(io.BytesIO(served.content)) as vignette:
        vignette.load()
        assert vignette.width == pytest.approx(width * scale, abs=1)
        assert vignette.height == pytest.approx(height * scale, abs=1)


@each("reject")
def test_what_is_to_be_refused_is_refused_with_a_problem(service: Service, row: dict[str, str]) -> None:
    response = upload(service, row)

    assert 400 <= response.status_code < 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]


@each("either")
def test_what_may_go_either_way_does_no_harm(service: Service, row: dict[str, str]) -> None:
    response = upload(service, row)

    assert response.status_code < 500
    if response.status_code == 201:
        served = vignette_of(response.json())
        assert served.status_code in (200, 422)
        original = http_client.get(response.json()["links"]["original"])
        assert original.headers["Content-Disposition"].startswith("attachment")
        assert original.headers["X-Content-Type-Options"] == "nosniff"
