"""
What the page after an upload tells of the files that were refused. The upload is answered with a redirect, so that
reloading sends nothing again; the redirect names what can be seen, and a cookie of ten minutes tells of the rest.
Nothing of it is kept here.
"""

from __future__ import annotations

import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from flask import Request, Response
from pydantic import BaseModel, Field, ValidationError

from vignette.limits import KIB
from vignette.records import REASON_CODE
from vignette.web.http.cookies import set_cookie

_NAME: Final = "vignette_sent"
_KEPT_S: Final = 600

# Browsers take cookies of 4 KiB.
_MAX_COOKIE_CHARS: Final = 3500
_MAX_BYTES: Final = 32 * KIB
_MAX_NAME_CHARS: Final = 80

_TOKEN_BYTES: Final = 6


class Refusal(BaseModel, frozen=True):
    """A file that was refused: its name, the code of the problem, what that compares, and the reason of a check."""

    name: str | None = Field(default=None, max_length=_MAX_NAME_CHARS)
    code: str = Field(max_length=100)
    measured: int | None = None
    limit: int | None = None
    reason: str | None = Field(default=None, pattern=rf"^{REASON_CODE.pattern}$")


class Sent(BaseModel, frozen=True):
    """
    What became of an upload: the `refusals`, as many as fit, and how many there were; and how many files are `waiting`
    in quarantine. `token` stands in the URL.
    """

    token: str
    refused: int = Field(ge=0)
    refusals: list[Refusal]
    waiting: int = Field(default=0, ge=0)


def sent(refusals: Sequence[Refusal], waiting: int = 0) -> Sent:
    return Sent(token=secrets.token_hex(_TOKEN_BYTES), refused=len(refusals), refusals=list(refusals), waiting=waiting)


def shortened(name: str | None) -> str | None:
    return name if name is None or len(name) <= _MAX_NAME_CHARS else f"{name[: _MAX_NAME_CHARS - 1]}…"


def set_sent(response: Response, request: Request, told: Sent) -> None:
    """Have the browser carry *told* to the page that *response* leads to."""
    while len(value := _packed(told)) > _MAX_COOKIE_CHARS:
        told = told.model_copy(update={"refusals": told.refusals[: len(told.refusals) * 3 // 4]})
    set_cookie(response, request, _NAME, value, kept_s=_KEPT_S, path=f"{request.script_root}/images")


def told_sent(request: Request, token: str) -> Sent | None:
    """Return what the browser carries for the page of this *token*; None if it does not, any more."""
    value = request.cookies.get(_NAME, "")
    try:
        inflating = zlib.decompressobj()
        found = Sent.model_validate_json(inflating.decompress(urlsafe_b64decode(value), _MAX_BYTES))
    except (ValueError, zlib.error, ValidationError):
        return None
    return found if found.token == token else None


def _packed(told: Sent) -> str:
    return urlsafe_b64encode(zlib.compress(told.model_dump_json(exclude_none=True).encode())).decode()
