"""
Rates at the door of the application: what who asks may spend, and what is left of it.

An address is asked before anybody is looked at; a key once it is known. What a request has cost beyond what it has paid
by then is spent when its answer is done: the processor time that its thread has taken here, and what others were asked
for. Answers tell what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-11.

Vignettes that go round Flask are counted in another way, which costs less: see `capacity.buckets`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from flask import Flask, Response, g, has_request_context, request

from vignette.access.actors import Actor
from vignette.access.rates import UNIT_S, Standing
from vignette.errors import InvalidKey, QuotaExceeded
from vignette.use_cases.rating import Holder, Rating, last_of_each, refusal_of
from vignette.web.fast_path import SETTLED
from vignette.web.http.clients import holder_of_this_request
from vignette.web.http.foreign_readers import is_preflight
from vignette.web.request_log import PROBES

_ASSETS: Final = "static"


def init_rates(app: Flask, rating: Rating | None) -> None:
    """Have *app* ask the address of each request before anything else is found out, and tell what is left."""
    if rating is None:
        return

    def admit() -> None:
        g.rating, g.standings = rating, []
        g.began_s, g.paid_s = rating.processor_s(), UNIT_S
        if request.endpoint != _ASSETS and request.path not in PROBES:
            g.holders = rating.holders(holder_of_this_request())
            refusal = _take(rating, g.holders)
            # A browser tells a page nothing of a preflight that is refused, and all of the request that comes after it.
            if refusal is not None and not is_preflight(request.environ):
                raise refusal

    def settle(response: Response) -> Response:
        seconds = g.pop("cost_s", 0.0)
        if "rating" in g:
            seconds += max(0.0, rating.processor_s() - g.began_s - g.paid_s)
            g.standings = [*g.standings, *rating.spend(_holders(), seconds)]
        # What is kept goes to everybody.
        if SETTLED not in request.environ:
            _tell(response, last_of_each(g.get("standings", [])))
        return response

    app.before_request(admit)
    app.after_request(settle)


def admit_actor(actor: Actor) -> None:
    """
    Have *actor* pay for the request at hand, once it is known.

    Raises:
        QuotaExceeded: It has nothing left.
    """
    rating = _rating()
    if rating is None or actor.identity is None or "holders" not in g:
        return
    both = rating.holders(holder_of_this_request(), actor.identity)
    of_actor = [holder for holder in both if holder not in g.holders]
    g.holders = both
    _pay(rating, of_actor)


@contextmanager
def guessing_is_noticed() -> Iterator[None]:
    """
    Count what raises `InvalidKey` in the block against the address of the request at hand.

    Raises:
        AbnormalUsage: Too much did lately; then the block is not done.
    """
    rating, address = _rating(), holder_of_this_request()
    if rating is not None:
        rating.require_trust(address)
    try:
        yield
    except InvalidKey:
        if rating is not None:
            rating.note_wrong_key(address)
        raise


def take(seconds: float) -> None:
    """
    Spend so many *seconds* of processor time before they are taken.

    Raises:
        QuotaExceeded: Who asks has less left.
    """
    rating = _rating()
    if rating is not None:
        _pay(rating, _holders(), seconds)
        g.paid_s += seconds


def note_cost(seconds: float) -> None:
    """Note that the request at hand has others take so many *seconds* of processor time: the door, or the worker."""
    if has_request_context():
        g.cost_s = g.get("cost_s", 0.0) + seconds


def standings() -> Sequence[Standing]:
    """Return what who asks has left."""
    rating = _rating()
    return () if rating is None else rating.look(_holders())


def _pay(rating: Rating, holders: Sequence[Holder], seconds: float = 0) -> None:
    if refusal := _take(rating, holders, seconds):
        raise refusal


def _take(rating: Rating, holders: Sequence[Holder], seconds: float = 0) -> QuotaExceeded | None:
    taken = rating.take(holders, seconds)
    g.standings = [*g.standings, *taken]
    return refusal_of(taken, seconds)


def _rating() -> Rating | None:
    return cast(Rating | None, g.get("rating"))


def _holders() -> list[Holder]:
    return cast(list[Holder], g.get("holders", []))


def _tell(response: Response, all_standings: Sequence[Standing]) -> None:
    if not all_standings:
        return
    rates = [standing.rate for standing in all_standings]
    response.headers["RateLimit-Policy"] = ", ".join(
        f'"{rate.name}";q={rate.units};w={rate.window_s}' for rate in rates
    )
    response.headers["RateLimit"] = ", ".join(
        f'"{standing.rate.name}";r={standing.left};t={math.ceil(standing.reset_s)}' for standing in all_standings
    )
