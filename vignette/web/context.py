"""What the views work with: built in `wiring`, kept in the application, asked for by `web_context()`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from vignette.ports.catalogue import Library
from vignette.ports.store import Files
from vignette.recipes import Recipe
from vignette.use_cases.health import Health
from vignette.use_cases.intake import Intake
from vignette.use_cases.removal import Removal
from vignette.use_cases.renewal import Renewal
from vignette.web.capacity.admission import Admission
from vignette.web.capacity.downloads import Downloads
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.http.bodies import RequestLimits

EXTENSION: Final = "vignette"


@dataclass(frozen=True, slots=True)
class WebContext:
    """
    The use cases, the ports that views read from, and what they need of the settings.

    `admission` has a place for each upload that may be in progress at the same time, `slow_clients` ends those that
    hold one for nothing. `downloads` has a place for each large file that may go out at the same time, `waiting_rooms`
    for each request that may wait for a vignette; the threads that are left answer everybody else.
    """

    intake: Intake
    removal: Removal
    renewal: Renewal
    files: Files
    library: Library
    health: Health
    recipes: tuple[Recipe, ...]
    request_limits: RequestLimits
    admission: Admission
    slow_clients: SlowClients
    downloads: Downloads
    waiting_rooms: threading.Semaphore


def web_context() -> WebContext:
    """The context of the current application."""
    return cast(WebContext, current_app.extensions[EXTENSION])
