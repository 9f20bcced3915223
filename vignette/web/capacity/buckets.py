"""
Bounds how often one address may ask, in this process, for anything: also for the vignettes that go round Flask.

It stands in front of all answers that are kept. To ask Redis each time would cost more than such an answer, so each
process counts for itself: with several of them an address may have several times as much.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, request

from vignette.access.rates import Buckets, Rate
from vignette.errors import QuotaExceeded
from vignette.web.capacity.refusals import Refusal
from vignette.web.http.clients import CLIENT, holder_of
from vignette.web.http.foreign_readers import ForeignReaders
from vignette.web.request_log import PROBES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME: Final = "requests"
"""The name of the policy."""

_REFUSED: Final = "vignette.bucket_is_empty"


class AddressBuckets:
    """
    *app*, as often as *rate* allows to each address. All other requests are refused by *refusing*, an application that
    was given to `refuse_with_an_empty_bucket`; *readers* may read that. Probes pass.
    """

    def __init__(
        self,
        app: WSGIApplication,
        refusing: WSGIApplication,
        rate: Rate,
        *,
        readers: ForeignReaders | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._refuse = Refusal(refusing, _REFUSED, QuotaExceeded.code, readers)
        self._take = Buckets(rate).take
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        holder = holder_of(environ.get(CLIENT) or environ.get("REMOTE_ADDR") or "")
        if self._take(holder, 1, self._clock()) and environ["PATH_INFO"] not in PROBES:
            return self._refuse(environ, start_response)
        return self._app(environ, start_response)


def refuse_with_an_empty_bucket(app: Flask) -> None:
    """Have *app* refuse what `AddressBuckets` does not let in."""

    def refuse() -> None:
        if _REFUSED in request.environ:
            raise QuotaExceeded("your address asks too often", policies=[NAME])

    app.before_request(refuse)
