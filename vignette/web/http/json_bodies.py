"""A body that is a JSON object, read as one of our types."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, TypeVar

from flask import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vignette.errors import MalformedRequest
from vignette.limits import KIB
from vignette.web.http.negotiation import JSON

MERGE_PATCH: Final = "application/merge-patch+json"

_MAX_BYTES: Final = 64 * KIB
_MAX_SHOWN_CHARS: Final = 60
_MAX_FAULTS: Final = 10

Body = TypeVar("Body", bound=BaseModel)


def json_body(request: Request, kind: type[Body], media_types: Collection[str] = (JSON,)) -> Body:
    """
    Read the body of *request*.

    Raises:
        MalformedRequest: It has none of *media_types*, or is longer than 64 KiB, or is no *kind*. What is
            wrong in it is told.
    """
    if request.mimetype not in media_types:
        wanted, sent = " or ".join(media_types), request.mimetype[:_MAX_SHOWN_CHARS]
        raise MalformedRequest(f"the body has to be {wanted}, not {sent!r}")
    content = request.stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        length = request.content_length or len(content)
        raise MalformedRequest("the body is too long", measured=length, limit=_MAX_BYTES)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise MalformedRequest("; ".join(map(_explain, faults[:_MAX_FAULTS]))) from None


def _explain(item: ErrorDetails) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:_MAX_SHOWN_CHARS]}" for part in item["loc"])
    what = "is no field" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Input ")
    return f"{where.lstrip('.')}: {what}" if where else what
