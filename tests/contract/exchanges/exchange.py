"""An operation is asked in every way that there is, and what came of it is noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, JSON, form
from tests.house import House
from vignette.access.actors import OPERATOR, Scope

FACES = ("*/*", JSON, BROWSER, "text/plain", "image/avif", "image/webp", "image/jpeg,image/png;q=0.5", "image/png")


class Asking:
    """Asks *house*, and notes what came of each operation."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.document: dict[str, Any] = house.client.get("/openapi.json").json
        self.answers: list[tuple[str, str, TestResponse]] = []
        self.lesser: dict[str, str] = {}
        # Where files are sent, and what that is in the document.
        self.uploads = "/images", "/images"
        # Who sends them, for what is kept without a request.
        self.sender: dict[str, Any] = {}

    def __call__(
        self, method: str, path: str, template: str | None = None, *, faces: tuple[str, ...] = FACES, **options: Any
    ) -> TestResponse:
        """Ask for *path*, *template* in the document, once with each of *faces* in `Accept`; the last answer."""
        headers = options.pop("headers", {})
        for face in faces:
            answer = self.house.client.open(path, method=method, headers={**headers, "Accept": face}, **options)
            self.answers.append((method.lower(), template or path.partition("?")[0], answer))
        return answer

    def both(self, path: str, template: str | None = None, **options: Any) -> None:
        """The same by GET and HEAD."""
        for method in ("GET", "HEAD"):
            self(method, path, template, **options)

    def send(self, *contents: bytes, faces: tuple[str, ...] = FACES, **headers: str) -> None:
        """Upload *contents* by a form."""
        for face in faces:
            files = form(*((content, f"{number}.jpg") for number, content in enumerate(contents)))
            self("POST", *self.uploads, faces=(face,), headers=headers, **files)

    def send_raw(self, content: bytes, content_type: str = "image/jpeg", **headers: str) -> None:
        self("POST", *self.uploads, data=content, content_type=content_type, headers=headers)


@contextmanager
def patched(holder: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, name, value)
        yield


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def small_body(ask: Asking, method: str, path: str, template: str | None = None, **options: Any) -> None:
    """One that finds no place, and one that ends early because it came too slowly."""
    options = {"content_type": "application/json", **options}
    capacity = ask.house.context.capacity
    with capacity.upload(), capacity.upload():
        ask(method, path, template, data=b"{}", **options)
    with patched(capacity.slow_clients, "has_cut_since", lambda _: True):
        ask(method, path, template, data=b"{", environ_overrides={"CONTENT_LENGTH": "100"}, **options)


def as_admin(exchange: Callable[[Asking, str, dict[str, str]], None]) -> Callable[[Asking], None]:
    """*exchange* is given the id of a key, and the header of one with all rights; others ask beforehand."""

    def with_keys(ask: Asking) -> None:
        keyholding = ask.house.keyholding
        key, token = keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
        _, lesser = keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        ask.lesser = {"Authorization": f"Bearer {lesser}"}
        exchange(ask, key.id, {"Authorization": f"Bearer {token}"})

    return with_keys


def page(path: str) -> Callable[[Asking], None]:
    return lambda ask: ask.both(path)


Exchanges = Mapping[tuple[str, str], Callable[[Asking], None]]
