"""
The OpenAPI document held to the service, and the service to it: every operation is asked in all ways that we can think
of; what comes must be declared, and what is declared must come.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.contract.asking import JSON
from tests.contract.exchanges import EXCHANGES
from tests.contract.exchanges.exchange import Asking
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import animation, jpeg_segment, jpeg_with
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.policy import Access, Policy
from vignette.recipes import Recipe
from vignette.use_cases.intake import IntakeLimits
from vignette.web.api.openapi import build_document
from vignette.web.api.operations import Answer, operation
from vignette.web.routes import docs

# Of every answer (RFC 9110), or of how it was sent: no operation's own.
_OF_HTTP = {"Content-Type", "Content-Length", "Date", "Connection"}

# What `web.http.headers` puts on every answer.
_PROTECTION = {
    "Content-Security-Policy",
    "Cross-Origin-Resource-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
}

# What a client may meet anywhere when a fault of ours shows: `default` says so.
_FAULTS = {"500"}


# What a name in a path stands for.
_NAMES = {
    "image_id": "0",
    **dict.fromkeys(("key_id", "link_id", "session_id", "ticket_id"), "0123456789abcdef"),
    "token": "vt_none",
    "code": "no-file",
}


@pytest.fixture
def ask(tmp_path: Any) -> Iterator[Asking]:
    """Of a service with image 0 that is ready, 1 that failed, 2 that was deleted, and 3 of which is no public copy."""
    limits = IntakeLimits(max_bytes=1_500_000, max_pixels=1_000_000, max_frames=20, max_memory_bytes=4_000_000)
    recipes = (Recipe("small", 256, 256, formats=("jpeg", "webp", "avif")),)
    # Nobody gives a place back while somebody waits for one here.
    with new_house(tmp_path, limits=limits, recipes=recipes, place_patience_s=0.01) as house:
        house.upload(animation("GIF", 3, 80, 60))
        house.upload(broken_pixels(), "broken.png")
        house.upload(picture())
        house.upload(jpeg_with(jpeg_segment(0xDD, b"\0\0 more"), content=picture()))
        house.work()
        house.removal.delete(NOBODY, 2)
        yield Asking(house)


def test_every_operation_is_asked(ask: Asking) -> None:
    declared = {(method, path) for path, item in ask.document["paths"].items() for method in item if method != "head"}

    assert declared == EXCHANGES.keys()


def differences(ask: Asking, template: str) -> Iterator[str]:
    """What came and is not declared; what is declared and did not come."""
    came: dict[tuple[str, str], dict[str, set[str]]] = {}
    for method, _, answer in ask.answers:
        seen = came.setdefault(
            (method, str(answer.status_code)), {"headers": set(), "content": set(), "problems": set()}
        )
        seen["headers"] |= {*answer.headers.keys()} - _OF_HTTP - _PROTECTION
        if answer.data:
            seen["content"].add(answer.mimetype)
        if answer.mimetype == "application/problem+json" and answer.data:
            seen["problems"].add(answer.json["type"])
    for method in {method for method, _, _ in ask.answers}:
        declared = ask.document["paths"][template][method]["responses"]
        for status in {status for of_method, status in came if of_method == method} - declared.keys() - _FAULTS:
            yield f"{method} {status} came and is not declared"
        for status, response in declared.items():
            if status == "default":
                continue
            seen = came.get((method, status), {})
            what = f"{method} {status}"
            if not seen:
                yield f"{what} is declared and did not come"
                continue
            content = response.get("content", {})
            yield from _apart(f"{what}: header", seen["headers"], set(response.get("headers", {})))
            yield from _apart(f"{what}: content", {_range(content, kind) for kind in seen["content"]}, set(content))
            if method != "head":
                named = set(re.findall("`((?:/problems/|https:)[^`]+)`", response["description"]))
                yield from _apart(f"{what}: problem", seen["problems"], named)


def _apart(what: str, came: set[str], declared: set[str]) -> Iterator[str]:
    yield from (f"{what} {name} came and is not declared" for name in came - declared)
    yield from (f"{what} {name} is declared and did not come" for name in declared - came)


def _range(content: dict[str, Any], media_type: str) -> str:
    """What *content* declares of *media_type*: its own entry, or that of its range."""
    any_of_its_kind = media_type.partition("/")[0] + "/*"
    return any_of_its_kind if any_of_its_kind in content else media_type


def misfits(ask: Asking) -> Iterator[str]:
    """Where the content of an answer is not what its schema says."""
    for method, template, answer in ask.answers:
        response = ask.document["paths"][template][method]["responses"].get(str(answer.status_code), {})
        schema = response.get("content", {}).get(answer.mimetype, {}).get("schema")
        if schema and answer.data:
            value = json.loads(answer.data) if answer.mimetype.endswith("json") else answer.text
            whole = {**schema, "components": ask.document["components"]}
            for error in Draft202012Validator(whole).iter_errors(value):
                yield f"{method} {answer.status_code} {answer.mimetype}: {error.message[:200]}"


@pytest.mark.parametrize("operation", EXCHANGES, ids=lambda operation: " ".join(operation))
def test_what_comes_is_declared_and_what_is_declared_comes(ask: Asking, operation: tuple[str, str]) -> None:
    method, template = operation
    path = template.format(**_NAMES)
    _, token = ask.house.keyholding.add(OPERATOR, "of no other site", [Scope.ADMIN])
    abroad = {"Authorization": f"Bearer {token}", "Origin": "https://app.example.org"}
    for headers in (
        {"Authorization": "Bearer vk_none"},
        {"Authorization": "Bearer vt_none"},
        abroad,
        {},
    ):  # without a key, only what needs one refuses
        if headers or {} not in ask.document["paths"][template][method]["security"]:
            for verb in (method, "head") if method == "get" else (method,):
                ask(verb.upper(), path, template, headers=headers)
    EXCHANGES[operation](ask)

    found = {*differences(ask, operation[1]), *misfits(ask)}
    assert not found, "\n".join(sorted(found))


def references(value: Any) -> Iterator[str]:
    """Every `$ref` that *value* holds, at whatever depth."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            else:
                yield from references(item)


def leads_somewhere(reference: str, document: dict[str, Any]) -> bool:
    place: Any = document
    for part in reference.removeprefix("#/").split("/"):
        place = place.get(part, {})
    return reference.startswith("#/") and bool(place)


@pytest.mark.parametrize("access", Access)
def test_every_reference_leads_to_a_part_of_the_document(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
    found = set(references(document))

    assert found
    assert {reference for reference in found if not leads_somewhere(reference, document)} == set()


@pytest.mark.parametrize("access", Access)
def test_what_is_declared_to_be_free_asks_nobody_for_a_key_and_nothing_else_is(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
        for template, item in document["paths"].items():
            for method, described in item.items():
                answer = house.client.open(template.format(**_NAMES), method=method.upper())
                is_free = {} in described["security"]
                assert ("WWW-Authenticate" not in answer.headers) == is_free, (method, template)


@pytest.mark.parametrize("access", Access)
def test_an_example_shows_a_key_where_one_is_needed(tmp_path: Any, access: Access) -> None:
    with new_house(tmp_path, access=access) as house:
        document = house.client.get("/openapi.json").json
        page = unescape(house.client.get("/docs").text)
    examples = [
        (described["x-curl"], {} in described["security"])
        for item in document["paths"].values()
        for described in item.values()
        if "x-curl" in described
    ]

    assert {is_free for _, is_free in examples} == {True, False}
    for example, is_free in examples:
        assert ('-H "Authorization: Bearer $KEY"' in example) != is_free, example
        assert "vk_" not in example
        assert f"<code>{example}</code>" in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            {None: "No key is needed", "": "It needs a key, whatever its rights", "ticket": "A ticket will do, too"},
        ),
        (
            "fr",
            {
                None: "Aucune clé n’est nécessaire",
                "": "Il faut une clé, quels que soient ses droits",
                "ticket": "Un ticket convient aussi",
            },
        ),
    ],
)
def test_the_page_tells_which_right_each_call_needs(tmp_path: Any, language: str, words: dict[str | None, str]) -> None:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        page = house.client.get("/docs", headers={"Accept-Language": language}).text
    by_operation = dict(re.findall('<section id="([a-z_]+)">(.*?)</section>', page, re.DOTALL))

    assert words[None] in by_operation["images_catalogue"]
    assert words[""] in by_operation["keys_mine"]
    assert "<code>upload</code>" in by_operation["uploads_upload"]
    assert words["ticket"] in by_operation["uploads_upload"]
    assert "<code>admin</code>" in by_operation["keys_add"]
    assert words["ticket"] not in by_operation["keys_add"]


def test_what_is_read_and_written_otherwise_has_a_schema_for_each() -> None:
    class Price(BaseModel):
        """It is read from a number or from text, and written as text."""

        amount: Decimal

    app = Flask("another")

    @app.post("/price")
    @operation("A price", Answer(200, "", JSON, Price), scope=None, bodies={JSON: Price})
    def price() -> str:
        return ""

    with app.test_request_context():
        document = build_document(app, "http://localhost", Policy(Access.OPEN))
    asked = document["paths"]["/price"]["post"]
    body, answer = (
        content[JSON]["schema"]["$ref"]
        for content in (asked["requestBody"]["content"], asked["responses"]["200"]["content"])
    )

    assert body != answer
    assert all(leads_somewhere(reference, document) for reference in references(document))


def test_every_kind_of_body_that_is_declared_is_taken_and_no_other(ask: Asking) -> None:
    boundary, form = encode_multipart({"file": FileStorage(io.BytesIO(picture()), "a.jpg")})
    bodies = {
        "multipart/form-data": (f"multipart/form-data; boundary={boundary}", form),
        "image/*": ("image/x-whatever", picture()),
        "application/octet-stream": ("application/octet-stream", picture()),
        "*/*": ("application/x-www-form-urlencoded", picture()),
    }
    assert bodies.keys() == ask.document["paths"]["/images"]["post"]["requestBody"]["content"].keys()

    for content_type, body in bodies.values():
        assert ask.house.client.post("/images", data=body, content_type=content_type).status_code == 201
    for content_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", "video/mp4"):
        assert ask.house.client.post("/images", data=b"words", content_type=content_type).status_code == 415


def test_an_image_s_number_is_declared_as_it_is_read(ask: Asking) -> None:
    (number, *_) = ask.document["paths"]["/images/{image_id}"]["get"]["parameters"]
    largest = number["schema"]["anyOf"][0]["maximum"]

    codes = [ask.house.client.get(f"/images/{value}").json["type"] for value in (largest, largest + 1, -1, "00")]

    assert codes == ["/problems/image-not-found"] + ["/problems/not-found"] * 3


def test_it_is_made_once_whatever_hosts_and_languages_are_asked_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs more than any other page, and anybody may ask for it as often as they like."""
    made: list[object] = []

    def counted(app: Flask, server_url: str, policy: Policy, *, is_rated: bool) -> dict[str, Any]:
        made.append(server_url)
        return build_document(app, server_url, policy, is_rated=is_rated)

    monkeypatch.setattr(docs, "build_document", counted)

    for port in range(1000, 1020):
        host = {"Host": f"localhost:{port}"}
        document = house.client.get("/openapi.json", headers=host).json
        page = house.client.get("/docs", headers=host | {"Accept-Language": f"fr, de;q=0.{port}"}).text

        with house.app.test_request_context():
            assert document == json.loads(
                json.dumps(build_document(house.app, f"http://localhost:{port}", house.context.policy))
            )
        assert f"http://localhost:{port}" in page
        assert ".invalid" not in page
    assert len(made) <= 3  # the document, and the page in each of two languages
