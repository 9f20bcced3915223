"""A service that clients reach at another address than its own: on a proxy's host, or below a path of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from werkzeug.urls import iri_to_uri

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class PublicAddress:
    """
    *app*, told that it was asked at *public_url*, so that every URL that it makes lies below that.

    The proxy takes the path of *public_url* off before it passes a request on. Whoever asks the service itself, as a
    probe of its health does, needs no path.
    """

    def __init__(self, app: WSGIApplication, public_url: str) -> None:
        self._app = app
        parts = urlsplit(iri_to_uri(public_url))
        # Werkzeug puts SCRIPT_NAME before what it quotes, as it is: so it stays quoted here. With two slashes in front
        # it would be the name of a host (RFC 3986, 4.2).
        path = parts.path.strip("/")
        self._environ = {
            "wsgi.url_scheme": parts.scheme,
            "HTTP_HOST": parts.netloc,
            "SCRIPT_NAME": f"/{path}" if path else "",
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # In place: what the application notes there is for the layers outside, such as the fast path.
        environ.update(self._environ)
        return self._app(environ, start_response)
