"""The checks of the operator's, as the settings name them."""

from __future__ import annotations

from vignette.adapters.checks.clamd import ClamdCheck
from vignette.adapters.checks.deadline import Dial, TcpDial, UnixDial
from vignette.adapters.checks.http_service import HttpCheck
from vignette.ports.checks import Check, Verdict
from vignette.settings import CheckSettings, Settings, host_and_port_of
from vignette.use_cases.screening import Screen, Screening


def build_screening(settings: Settings) -> Screening:
    return Screening([Screen(check.name, _check(check), check.on_error) for check in settings.checks])


def _check(settings: CheckSettings) -> Check:
    if settings.url:
        return HttpCheck(settings.name, settings.url, settings.secret, settings.timeout_seconds)
    return ClamdCheck(_dial(settings.clamd), settings.timeout_seconds, Verdict(settings.on_found))


def _dial(place: str) -> Dial:
    return UnixDial(place) if place.startswith("/") else TcpDial(*host_and_port_of(place))
