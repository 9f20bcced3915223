"""What the views work with: built in `wiring`, kept in the application, asked for by `web_context()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from flask import current_app, g

from vignette.access.actors import NOBODY, Actor
from vignette.access.policy import Policy
from vignette.access.rates import Rate
from vignette.access.tickets import Ticket
from vignette.errors import VignetteError
from vignette.jail.sandbox import Abilities
from vignette.model import Image
from vignette.recipes import Recipe
from vignette.use_cases.allowances import Allowances
from vignette.use_cases.auditing import Auditing, Trail
from vignette.use_cases.browsing import Browsing
from vignette.use_cases.deduplication import Deduplication
from vignette.use_cases.editing import Editing
from vignette.use_cases.first_key import FirstKey
from vignette.use_cases.health import Health
from vignette.use_cases.intake import Intake
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.likeness import Likeness
from vignette.use_cases.linking import Linking
from vignette.use_cases.rating import Rating
from vignette.use_cases.removal import Removal
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.reviewing import Reviewing
from vignette.use_cases.serving import Serving
from vignette.use_cases.signing_in import SigningIn
from vignette.use_cases.taking_back import TakingBack
from vignette.use_cases.ticketing import Ticketing
from vignette.web.capacity import Capacity
from vignette.web.http.bodies import RequestLimits
from vignette.web.http.foreign_readers import ForeignReaders

EXTENSION: Final = "vignette"


@dataclass(frozen=True, slots=True)
class WebContext:
    """
    The use cases, the places for threads, and what views need of the settings and of the machine.

    Of `cursor_secret` the places in lists are made; None if there is none now.

    For `cache_vignettes_s` seconds a cache may give a vignette without asking again. `upload_ended` is called for each
    file of an upload, with the image that was kept or the error. Without a `rating`, nobody is asked how much he asks.
    `rate_of_requests` is told to clients; `capacity.buckets` counts it.
    """

    intake: Intake
    browsing: Browsing
    likeness: Likeness
    deduplication: Deduplication
    serving: Serving
    removal: Removal
    taking_back: TakingBack
    editing: Editing
    reviewing: Reviewing
    renewal: Renewal
    keyholding: Keyholding
    ticketing: Ticketing
    signing_in: SigningIn
    linking: Linking
    first_key: FirstKey
    health: Health
    capacity: Capacity
    recipes: tuple[Recipe, ...]
    request_limits: RequestLimits
    cache_vignettes_s: int
    policy: Policy
    trail: Trail
    cursor_secret: Callable[[], bytes | None]
    auditing: Auditing
    sandbox: Abilities
    allowances: Allowances
    foreign_readers: ForeignReaders
    rating: Rating | None = None
    rate_of_requests: Rate | None = None
    upload_ended: Callable[[Image | VignetteError], object] = lambda _outcome: None


def current_actor() -> Actor:
    """Return who asks for the current request, as `web.admission` has found out."""
    return cast(Actor, g.get("actor", NOBODY))


def current_ticket() -> Ticket | None:
    """Return the ticket that was shown with the current request, if one was."""
    return cast(Ticket | None, g.get("ticket"))


def web_context() -> WebContext:
    """Return the context of the current application."""
    return cast(WebContext, current_app.extensions[EXTENSION])
