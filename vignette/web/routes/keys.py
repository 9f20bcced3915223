"""`/keys`: keys are made, looked at, changed and taken back, by programs and on pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from flask import Blueprint, Response, make_response, render_template, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    KeyNotFound,
    KeyRequired,
    MalformedRequest,
    TooManyKeys,
)
from vignette.limits import MAX_KEY_NAME_CHARS, MAX_KEY_NETWORKS, MAX_KEY_ORIGINS, MAX_QUOTA
from vignette.use_cases.keyholding import KeyChanges
from vignette.web.api.headers import Parameter, limit
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.keys import KeyPage, KeyResource, KeyWithToken, key_resource
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, page_or_json, unstored, with_next
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import PAGE_SIZE, page_size
from vignette.web.pages.key_form import BLANK, FORM_SCHEMA, MOST_MIB, RefusedField, wanted_key
from vignette.web.small_bodies import FORM, MERGE_PATCH, UNREADABLE, read_form, read_json

keys = Blueprint("keys", __name__, url_prefix="/keys")


Name = Annotated[str, Field(min_length=1, max_length=MAX_KEY_NAME_CHARS, description="A label, to know the key by")]
Scopes = Annotated[
    frozenset[Scope], Field(min_length=1, description="What it allows; `admin` allows all, for the images of everybody")
]
End = Annotated[AwareDatetime | None, Field(description="From then on it is not valid; null: it does not expire")]
Networks = Annotated[
    tuple[str, ...],
    Field(
        max_length=MAX_KEY_NETWORKS,
        description="The IP addresses and networks from which it may be shown; none: from everywhere",
        examples=[["192.0.2.0/24"]],
    ),
]
Origins = Annotated[
    tuple[str, ...],
    Field(
        max_length=MAX_KEY_ORIGINS,
        description="The origins of other sites whose pages may use the key; none: no page of another site",
        examples=[["https://app.example.org"]],
    ),
]
Most = Annotated[int | None, Field(ge=0, le=MAX_QUOTA)]


class QuotaBody(BaseModel):
    """What the key may have here, and send in a day (UTC); null: any number. A patch leaves what it does not name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    images: Most = None
    bytes: Most = None
    images_per_day: Most = None


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Name
    scopes: Scopes
    expires_at: End = None
    networks: Networks = ()
    origins: Origins = ()
    quota: QuotaBody = QuotaBody()


class KeyPatch(BaseModel):
    """What is to be changed (RFC 7396); what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    # Defaults that the description does not tell: what is left out is not changed to them.
    name: Name = Field(default_factory=str)
    scopes: Scopes = Field(default_factory=frozenset)
    expires_at: End = Field(default_factory=lambda: None)
    networks: Networks = Field(default_factory=tuple)
    origins: Origins = Field(default_factory=tuple)
    quota: QuotaBody = Field(default_factory=QuotaBody)

    def changes(self) -> KeyChanges:
        said: KeyChanges = self.model_dump(exclude_unset=True)  # type: ignore[assignment]
        return said


@keys.post("")
@operation(
    "Make a key",
    Answer(201, "The key. Its token is told here and never again", JSON, KeyWithToken, ("Location", "Cache-Control")),
    Answer(201, "", HTML),
    scope=Scope.ADMIN,
    problems=(CrossSiteRequest, *UNREADABLE, TooManyKeys, *UNWRITABLE),
    bodies={JSON: NewKey, FORM: {"schema": FORM_SCHEMA}},
    curl='--json \'{{"name": "phone", "scopes": ["upload"]}}\' {server}/keys',
)
def add() -> Response:
    """A form gets a page with the token."""
    if request.mimetype == FORM:
        return _add_by_form(read_form(FORM_SCHEMA["properties"]))
    wanted = read_json(NewKey, (JSON, FORM))
    key, token = web_context().keyholding.add(
        current_actor(),
        wanted.name,
        wanted.scopes,
        expires_at=wanted.expires_at,
        networks=wanted.networks,
        origins=wanted.origins,
        quota=Quota(**wanted.quota.model_dump()),
    )
    return _made(key, as_json(KeyWithToken(**key_resource(key).model_dump(), token=token), 201))


def _add_by_form(form: Mapping[str, str]) -> Response:
    try:
        wanted = wanted_key(form, datetime.now(UTC))
    except RefusedField as refused:
        return unstored(make_response(_list_page(_page_after(None, PAGE_SIZE), form, refused.name), 400))
    key, token = web_context().keyholding.add(current_actor(), **wanted._asdict())
    return _made(key, make_response(render_template("key_made.html", key=key_resource(key), token=token), 201))


def _made(key: Key, response: Response) -> Response:
    response.headers["Location"] = absolute_url("keys.show", key_id=key.id)
    return unstored(response)


@keys.get("")
@operation(
    "The keys, newest first",
    Answer(200, "A page of them, without their tokens", JSON, KeyPage, ("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.ADMIN,
    problems=(MalformedRequest, KeyNotFound, CatalogueUnavailable),
    parameters=(
        limit("Keys"),
        Parameter("after", "Only keys that are older than the one of this id", {"type": "string"}),
    ),
    curl="{server}/keys",
)
def catalogue() -> Response:
    size = page_size(request.args)
    page = _page_after(request.args.get("after"), size)
    return with_next(unstored(page_or_json(lambda: _list_page(page), lambda: page)), page.next)


def _page_after(after: str | None, size: int) -> KeyPage:
    found = web_context().keyholding.all(current_actor(), size + 1, after)
    page = found[:size]
    following = absolute_url("keys.catalogue", limit=size, after=page[-1].id) if len(found) > size else None
    return KeyPage(keys=[key_resource(key) for key in page], next=following)


def _list_page(page: KeyPage, form: Mapping[str, str] = BLANK, refused: str | None = None) -> str:
    """Return the HTML of *page*, beside *form*, one field of which may have been *refused*."""
    return render_template(
        "keys.html",
        keys=page.keys,
        next_url=page.next,
        form=form,
        refused=refused,
        now=datetime.now(UTC),
        most=MAX_QUOTA,
        most_mib=MOST_MIB,
    )


@keys.get("/me")
@operation(
    "The key that was shown",
    Answer(200, "The key, without its token", JSON, KeyResource, ("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=None,
    problems=(KeyRequired, KeyNotFound, CatalogueUnavailable),
    curl="{server}/keys/me",
)
def mine() -> Response:
    actor = current_actor()
    if actor.key_id is None:
        raise KeyRequired(None, detail="show a key: Authorization: Bearer vk_…")
    return _page_of(web_context().keyholding.mine(actor))


@keys.get("/<key_id>")
@operation(
    "One key",
    Answer(200, "The key, without its token", JSON, KeyResource, ("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.ADMIN,
    problems=(KeyNotFound, CatalogueUnavailable),
    curl="{server}/keys/0123456789abcdef",
)
def show(key_id: str) -> Response:
    return _page_of(web_context().keyholding.get(current_actor(), key_id))


def _page_of(key: Key) -> Response:
    def page() -> str:
        _, usage = web_context().allowances.standing(key.actor)
        return render_template(
            "key.html",
            key=key_resource(key),
            usage=usage,
            is_mine=key.id == current_actor().key_id,
            now=datetime.now(UTC),
        )

    return unstored(page_or_json(page, lambda: key_resource(key)))


@keys.patch("/<key_id>")
@operation(
    "Change a key",
    Answer(200, "The key as it is now", JSON, KeyResource, ("Cache-Control",)),
    scope=Scope.ADMIN,
    problems=(CrossSiteRequest, *UNREADABLE, KeyNotFound, *UNWRITABLE),
    bodies=dict.fromkeys((MERGE_PATCH, JSON), KeyPatch),
    curl='-X PATCH --json \'{{"scopes": ["upload", "read"]}}\' {server}/keys/0123456789abcdef',
)
def change(key_id: str) -> Response:
    patch = read_json(KeyPatch, (MERGE_PATCH, JSON))
    key = web_context().keyholding.change(current_actor(), key_id, **patch.changes())
    return unstored(as_json(key_resource(key)))


@keys.delete("/<key_id>")
@operation(
    "Take a key back: from now on it is not valid",
    Answer(204, "It is gone"),
    scope=Scope.ADMIN,
    problems=(CrossSiteRequest, KeyNotFound, *UNWRITABLE),
    curl="-X DELETE {server}/keys/0123456789abcdef",
)
def remove(key_id: str) -> Response:
    end_turn()
    web_context().keyholding.remove(current_actor(), key_id)
    return no_content()
