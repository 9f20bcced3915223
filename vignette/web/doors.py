"""
What stands in front of everything else, also of answers that are kept: is this service asked at all?

A page of any site can give its own host name our address (DNS rebinding). A browser then takes us for that site, and
lets its scripts read and send all that a page of ours could. Only the `Host` of its requests tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, request

from vignette.errors import MisdirectedRequest
from vignette.web.http.hosts import FOREIGN_HOST, Hosts
from vignette.web.http.problems import SUBJECT
from vignette.web.request_log import PROBES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MAX_HOST_CHARS: Final = 100


class HostDoor:
    """
    A WSGI layer in front of *app* for requests whose `Host` is one of *hosts*. Others go to *refusing*, an application
    that was given to `refuse_foreign_hosts`, and that keeps no answers.

    A request without `Host` passes: no browser sends one. So does one that asks for our health, as probes name any
    address of ours; it tells nothing of images.
    """

    def __init__(self, app: WSGIApplication, refusing: WSGIApplication, hosts: Hosts) -> None:
        self._app = app
        self._refusing = refusing
        self._hosts = hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if not host or host in self._hosts or _asks_for_health(environ):
            return self._app(environ, start_response)
        # The answer must not hold a link that leads there.
        ours = {name: value for name, value in environ.items() if name != "HTTP_HOST"}
        return self._refusing(ours | {FOREIGN_HOST: host}, start_response)


def _asks_for_health(environ: WSGIEnvironment) -> bool:
    return environ["PATH_INFO"] in PROBES and environ["REQUEST_METHOD"] in ("GET", "HEAD")


def refuse_foreign_hosts(app: Flask) -> None:
    app.before_request(_refuse_foreign_host)


def _refuse_foreign_host() -> None:
    host = request.environ.get(FOREIGN_HOST)
    if host is not None:
        shown = host if len(host) <= _MAX_HOST_CHARS else f"{host[:_MAX_HOST_CHARS]}…"
        request.environ[SUBJECT] = shown
        raise MisdirectedRequest(f"this service does not answer for {shown!r}; the setting allowed_hosts names others")
