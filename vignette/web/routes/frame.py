"""What stands around every page: its icon, its manifest, the language in which it speaks."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, json, request, url_for
from flask_babel import get_locale, gettext

from vignette.errors import CrossSiteRequest, MalformedRequest
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.urls import absolute_url
from vignette.web.assets import ENDPOINT, asset_response
from vignette.web.http.answers import checked_each_time, see_other
from vignette.web.http.bodies import FIELD
from vignette.web.http.language_cookie import set_language
from vignette.web.http.negotiation import HTML
from vignette.web.pages.i18n import NAMES, offered

frame = Blueprint("frame", __name__)

_ICON: Final = "image/vnd.microsoft.icon"
_MANIFEST: Final = "application/manifest+json"

_MAX_PATH_CHARS: Final = 500


@frame.get("/favicon.ico")
@operation(
    "The icon, where browsers look for it unasked",
    Answer(200, "The icon", _ICON, headers=("Cache-Control",)),
    scope=None,
)
def favicon() -> Response:
    return asset_response("favicon.ico")


@frame.get("/manifest.webmanifest")
@operation(
    "What a phone needs to know to keep the pages among its apps, and to share pictures with them",
    Answer(200, "A web app manifest", _MANIFEST, schema={"type": "object"}, headers=("Cache-Control", "Vary")),
    scope=None,
)
def manifest() -> Response:
    """
    Where a picture is shared with the app, the browser itself sends the form: such a request has `Origin: null` and
    `Sec-Fetch-Site: none`, which no page can make it say (`http.cross_site`).
    """
    described = {
        "name": "Vignette",
        "short_name": "Vignette",
        "description": gettext("A place for pictures"),
        "lang": str(get_locale()),
        "id": url_for("about.home"),
        "start_url": url_for("about.home"),
        "scope": url_for("about.home"),
        "display": "minimal-ui",
        "background_color": "#faf8f5",
        "theme_color": "#faf8f5",
        "icons": [
            {
                "src": url_for(ENDPOINT, filename=f"icon-{edge}.png"),
                "sizes": f"{edge}x{edge}",
                "type": "image/png",
                "purpose": purpose,
            }
            for edge in (192, 512)
            for purpose in ("any", "maskable")
        ],
        "share_target": {
            "action": url_for("uploads.upload"),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {
                "files": [{"name": FIELD, "accept": [file_format.media_type for file_format in ACCEPTED_FORMATS]}]
            },
        },
    }
    response = checked_each_time(Response(json.dumps(described), mimetype=_MANIFEST))
    response.vary.update(("Accept-Language", "Cookie"))
    return response


@frame.post("/language")
@operation(
    "Choose the language of the pages: a cookie keeps it",
    Answer(303, "The page that the reader comes from", HTML, headers=("Location", "Set-Cookie")),
    scope=None,
    problems=(CrossSiteRequest, MalformedRequest),
    parameters=(Parameter("to", "The tag of the language", {"type": "string", "enum": list(NAMES)}),),
)
def language() -> Response:
    wanted = request.args.get("to", "")
    if wanted not in offered():
        raise MalformedRequest(f"to is {wanted[:30]!r}, and has to be {' or '.join(offered())}")
    response = see_other(_where_from())
    set_language(response, request, wanted)
    return response


def _where_from() -> str:
    """Return the page of ours that `Referer` names; else the front page."""
    home = absolute_url("about.home")
    origin = urlsplit(request.headers.get("Referer", ""))
    is_ours = origin.netloc == urlsplit(home).netloc and origin.path.startswith(urlsplit(home).path)
    if not is_ours or len(origin.path) + len(origin.query) > _MAX_PATH_CHARS:
        return home
    return origin._replace(scheme=urlsplit(home).scheme, fragment="").geturl()
