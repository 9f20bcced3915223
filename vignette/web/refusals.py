"""Refusals of a right are events, too: who wanted to do what without being allowed to."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from flask import Flask, Response, request

from vignette.access.events import What
from vignette.errors import CrossSiteRequest, InvalidDeleteToken, InvalidKey, KeyRequired, NotAllowed, VignetteError
from vignette.web.context import current_actor, web_context
from vignette.web.http.clients import address_of_this_request
from vignette.web.http.cross_site import SAFE_METHODS
from vignette.web.http.problems import refusal_of_this_request

_KINDS: Final = (NotAllowed, InvalidKey, InvalidDeleteToken, CrossSiteRequest)

# The view that takes a key from a browser.
_SIGN_IN: Final = "sessions.login"


def init_refusals(app: Flask) -> None:
    """Have *app* note each of them (`Trail.refused`)."""

    def note(response: Response) -> Response:
        error = refusal_of_this_request()
        if isinstance(error, _KINDS) and not _is_an_invitation(error):
            what = What.SIGN_IN_REFUSED if request.endpoint == _SIGN_IN else What.REFUSED
            actor = replace(current_actor(), address=address_of_this_request())
            web_context().trail.refused(what, actor, _detail(error))
        return response

    app.after_request(note)


def _is_an_invitation(error: VignetteError) -> bool:
    """Whether a visitor without a key is only asked for one, as whoever comes for the first time is."""
    return isinstance(error, KeyRequired) and request.method in SAFE_METHODS


def _detail(error: VignetteError) -> str:
    return f"{error.code} {error.required}" if isinstance(error, NotAllowed) and error.required else error.code
