"""Keys, and what each may have here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from vignette.access.keys import Key
from vignette.web.api.resources.base import Resource, Timestamp


class QuotaResource(Resource):
    """What a key may have here, and send in a day (UTC); null: any number."""

    images: int | None
    bytes: int | None
    images_per_day: int | None


class KeyResource(Resource):
    """A key, without its token."""

    id: str = Field(examples=["0123456789abcdef"])
    name: str
    scopes: list[Literal["upload", "read", "edit", "delete", "share", "admin"]]
    created_at: Timestamp
    expires_at: Timestamp | None
    networks: list[str]
    origins: list[str]
    quota: QuotaResource
    last_used_at: Timestamp | None = Field(description="To the minute; null until it is used")


class KeyWithToken(KeyResource):
    token: str = Field(description="The secret to show: `Authorization: Bearer <token>`")


class KeyPage(Resource):
    """Keys, newest first; `next` is the URL of the page after this one, or null on the last."""

    keys: list[KeyResource]
    next: str | None


def key_resource(key: Key) -> KeyResource:
    return KeyResource(
        id=key.id,
        name=key.name,
        scopes=sorted(scope.value for scope in key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        networks=list(key.networks),
        origins=list(key.origins),
        quota=QuotaResource(**asdict(key.quota)),
        last_used_at=key.last_used_at,
    )
