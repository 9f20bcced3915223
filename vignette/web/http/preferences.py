"""What a client would rather have (`Prefer`, RFC 7240)."""

from __future__ import annotations

import re

from flask import Request
from werkzeug.http import parse_options_header

from vignette.web.http.negotiation import beginning


def preferred_wait_s(request: Request) -> int | None:
    """Return how many seconds the client would wait (`Prefer: wait=N`); None if it does not say."""
    for sent in request.headers.getlist("Prefer"):
        for preference in (beginning(sent) or "").split(","):
            name, _, value = parse_options_header(preference)[0].partition("=")
            if name.strip().lower() == "wait" and re.fullmatch(r"\s*[0-9]{1,6}\s*", value, re.ASCII):
                return int(value)
    return None
