"""
Bodies of a few KiB: JSON objects, and the forms of pages.

A slow sender is not to hold up those who only ask. So each is read as an upload is: in a place for uploads, without a
turn, and no longer than anything comes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vignette.errors import MalformedRequest, Overloaded, UploadTooSlow
from vignette.limits import KIB
from vignette.misfits import plain_words
from vignette.tally import Announced, Tally
from vignette.web.context import web_context
from vignette.web.http.negotiation import JSON

MERGE_PATCH: Final = "application/merge-patch+json"
FORM: Final = "application/x-www-form-urlencoded"

UNREADABLE: Final = (MalformedRequest, UploadTooSlow, Overloaded)
"""What may be raised here."""

_MAX_JSON_BYTES: Final = 64 * KIB
_MAX_FORM_BYTES: Final = 8 * KIB
_MAX_FIELDS: Final = 20
_MAX_SHOWN_CHARS: Final = 60
_MAX_FAULTS: Final = 10

Body = TypeVar("Body", bound=BaseModel)


def read_json(kind: type[Body], media_types: Collection[str] = (JSON,)) -> Body:
    """
    Read the body of the request at hand, and end its turn.

    Raises:
        MalformedRequest: It has none of *media_types*, ends early, is longer than 64 KiB, or is no *kind*. What is
            wrong in it is told.
        UploadTooSlow: It comes too slowly.
        Overloaded: No place became free.
    """
    content = _read(media_types, _MAX_JSON_BYTES)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise MalformedRequest("; ".join(map(_explain, faults[:_MAX_FAULTS]))) from None


def read_form(fields: Collection[str]) -> dict[str, str]:
    """
    Read the form of the request at hand, at most 8 KiB, and end its turn; return those of *fields* that it has. It
    raises what `read_json` does, also for another field: curl sends JSON as a form unless it is told otherwise.
    """
    text = _read((FORM,), _MAX_FORM_BYTES).decode(errors="replace")
    try:
        form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise MalformedRequest("the form has too many fields", limit=_MAX_FIELDS) from None
    if unknown := sorted(form.keys() - set(fields)):
        raise MalformedRequest(
            f"{unknown[0][:_MAX_SHOWN_CHARS]!r} is no field of this form, which has {', '.join(fields)}"
        )
    return form


def _read(media_types: Collection[str], most_bytes: int) -> bytes:
    if request.mimetype not in media_types:
        wanted, sent = " or ".join(media_types), request.mimetype[:_MAX_SHOWN_CHARS]
        raise MalformedRequest(f"the body has to be {wanted}, not {sent!r}")
    tally = Tally(Announced(request.content_length))
    _require_short(request.content_length or 0, most_bytes)
    content, capacity = bytearray(), web_context().capacity
    with capacity.upload():
        source = capacity.slow_clients.watched(request)
        while chunk := source.read(most_bytes + 1):
            content += chunk
            tally.add(chunk)
            _require_short(tally.bytes, most_bytes)
    if tally.is_short:
        raise source.broken_off(tally)
    return bytes(content)


def _require_short(length: int, most_bytes: int) -> None:
    if length > most_bytes:
        raise MalformedRequest("the body is too long", measured=length, limit=most_bytes)


def _explain(item: ErrorDetails) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:_MAX_SHOWN_CHARS]}" for part in item["loc"])
    what = plain_words(item)
    return f"{where.lstrip('.')}: {what}" if where else what
