"""An upload whose key ends, or loses its right, while it comes: it is refused as at the door, and leaves nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from tests.contract.asking import OURS
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.access.quotas import Quota
from vignette.use_cases.ticketing import Terms

SCOPES: Final = (Scope.UPLOAD, Scope.READ, Scope.SHARE)


class Meanwhile(io.BytesIO):
    """A body, at whose first read something happens."""

    def __init__(self, content: bytes, act: Callable[[], object]) -> None:
        super().__init__(content)
        self._acts = [act]

    def read(self, size: int | None = -1, /) -> bytes:
        self._act()
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        self._act()
        return super().readinto(buffer)

    def _act(self) -> None:
        while self._acts:
            self._acts.pop()()


class Upload:
    """Somebody who sends pictures in one of several ways, by a key that may end meanwhile."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.key, self.token = house.keyholding.add(OPERATOR, "phone", SCOPES, quota=Quota(images=3))
        self.by_key = {"Authorization": f"Bearer {self.token}"}

    def send(self, way: str, act: Callable[[], object]) -> TestResponse:
        content, media_type, files = picture(), "image/jpeg", 1
        shown, options = self.by_key, {"CONTENT_LENGTH": str(len(content))}
        if way in ("form", "chunked"):
            files = 2 if way == "form" else 1
            parts = [FileStorage(io.BytesIO(picture(40 + n)), f"{n}.jpg") for n in range(files)]
            boundary, content = encode_multipart(MultiDict([("file", part) for part in parts]))
            media_type = f"multipart/form-data; boundary={boundary}"
            options = {"CONTENT_LENGTH": str(len(content))}
        if way == "chunked":
            options = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}  # type: ignore[dict-item]
        elif way == "session":
            assert self.house.client.post("/login", data={"key": self.token}, headers=OURS).status_code == 303
            shown = OURS
        elif way == "ticket":
            _, token = self.house.context.ticketing.add(self.key.actor, Terms())
            shown = {"Authorization": f"Bearer {token}"}
        return self.house.client.post(
            "/images",
            input_stream=Meanwhile(content, act),
            content_type=media_type,
            headers={"Accept": "application/json", **shown},
            environ_overrides=options,
        )

    def end(self, how: str) -> Callable[[], object]:
        if how == "removed":
            return lambda: self.house.keyholding.remove(OPERATOR, self.key.id)
        if how == "expired":
            past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp() * 1000)
            return lambda: self.house.sql(f"UPDATE access_key SET expires_at_ms = {past} WHERE id = '{self.key.id}'")
        changes: dict[str, Any] = {"scopes": [Scope.READ]} if how == "upload" else {"networks": ["192.0.2.0/24"]}
        return lambda: self.house.keyholding.change(OPERATOR, self.key.id, **changes)

    def has_left_nothing(self) -> bool:
        _, usage = self.house.context.allowances.standing(self.key.actor)
        nothing_reserved = not self.house.context.allowances._reserved
        kept = self.house.catalogue.index.next_id()
        return (kept, usage.images, usage.bytes) == (0, 0, 0) and self.house.is_clean() and nothing_reserved


@pytest.fixture(params=[Access.GALLERY, Access.OPEN])
def upload(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upload]:
    with new_house(tmp_path, access=request.param) as house:
        yield Upload(house)


@pytest.mark.parametrize("how", ["removed", "expired", "elsewhere"])
@pytest.mark.parametrize("way", ["single", "form", "chunked", "session"])
def test_by_a_key_that_is_not_valid_any_more_is_refused(upload: Upload, way: str, how: str) -> None:
    answer = upload.send(way, upload.end(how))

    assert answer.status_code == 401
    problems = [result["problem"] for result in answer.json["results"]] if way == "form" else [answer.json]
    assert {problem["type"] for problem in problems} == {"/problems/invalid-key"}
    at_the_door = upload.house.client.post("/images", data=picture(), headers=upload.by_key)
    assert {problem["detail"] for problem in problems} == {at_the_door.json["detail"]}
    assert answer.headers.get("WWW-Authenticate") == (
        None if way == "form" else at_the_door.headers["WWW-Authenticate"]
    )
    assert upload.has_left_nothing()


@pytest.mark.parametrize("way", ["single", "form", "chunked", "session"])
def test_by_a_key_that_may_not_upload_any_more_is_refused_where_that_needs_a_key(upload: Upload, way: str) -> None:
    answer = upload.send(way, upload.end("upload"))

    if upload.house.context.policy.access is Access.OPEN:
        assert answer.status_code == 201
        return
    assert answer.status_code == 403
    problems = [result["problem"] for result in answer.json["results"]] if way == "form" else [answer.json]
    for problem in problems:
        assert (problem["type"], problem["required"]) == ("/problems/missing-scope", "upload")
        assert problem["granted"] == ["read"]
    assert upload.has_left_nothing()


@pytest.mark.parametrize("how", ["removed", "expired", "upload"])
def test_by_a_ticket_of_such_a_key_is_refused(upload: Upload, how: str) -> None:
    answer = upload.send("ticket", upload.end(how))

    if how == "upload" and upload.house.context.policy.access is Access.OPEN:
        assert answer.status_code == 201
        return
    assert (answer.status_code, answer.json["type"]) == (401, "/problems/invalid-ticket")
    assert upload.has_left_nothing()


def test_by_a_key_of_which_something_else_changes_is_kept(upload: Upload) -> None:
    answer = upload.send("single", lambda: upload.house.keyholding.change(OPERATOR, upload.key.id, name="tablet"))

    assert answer.status_code == 201
