"""How the tests of the HTTP contract ask, and what they take for a problem."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from tests.house import House

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
JSON = "application/json"

# What a browser says of a form of ours.
OURS: Final = {"Origin": "http://localhost"}


def form(*files: tuple[bytes, str]) -> dict[str, Any]:
    """What a request has that sends *files*, which are contents with names, by a form."""
    parts = [FileStorage(io.BytesIO(content), name) for content, name in files]
    boundary, body = encode_multipart(MultiDict([("file", part) for part in parts]))
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def post(house: House, *files: tuple[bytes, str], accept: str = "*/*", **headers: str) -> TestResponse:
    return house.client.post("/images", **form(*files), headers={"Accept": accept, **headers})


def problem(response: TestResponse) -> dict[str, Any]:
    """The problem of *response*, which is checked to be a well-formed one."""
    assert response.mimetype == "application/problem+json", response.data
    body: dict[str, Any] = json.loads(response.data)
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return body


@contextmanager
def no_catalogue(house: House) -> Iterator[None]:
    """Take the catalogue of *house* away, for good."""
    house.close()
    for path in (house.root / "state").iterdir():
        path.write_bytes(b"This is no database. " * 100)
    yield
