"""How much anybody may ask of this service, by its settings."""

from __future__ import annotations

from typing import Final

from vignette.access.rates import Rate
from vignette.adapters.rate_windows import RedisWindows
from vignette.settings import Settings
from vignette.use_cases.rating import Rates, Rating
from vignette.web.capacity.buckets import NAME as REQUESTS

_MINUTE_S: Final = 60
_WRONG_KEYS_S: Final = 15 * 60
# A page of a gallery asks for hundreds of vignettes at once.
_BURST_S: Final = 10


def open_rating(settings: Settings) -> Rating | None:
    """Return what counts for all processes of the service together; None if nobody is limited."""
    rates = Rates(
        of_address=_rate("address", settings.units_per_minute_of_address, _MINUTE_S),
        of_key=_rate("key", settings.units_per_minute_of_key, _MINUTE_S),
        of_wrong_keys=_rate("wrong-keys", settings.wrong_keys_of_address, _WRONG_KEYS_S),
    )
    if not settings.limits_rates or rates == Rates():
        return None
    return Rating(RedisWindows(settings.effective_broker_url, processes=settings.web_processes), rates)


def rate_of_requests(settings: Settings) -> Rate | None:
    """Return how often an address may ask a process for anything; None: as often as it likes."""
    if not settings.limits_rates:
        return None
    return _rate(REQUESTS, settings.requests_per_second * _BURST_S, _BURST_S)


def _rate(name: str, units: int, window_s: int) -> Rate | None:
    return Rate(name, units, window_s) if units else None
