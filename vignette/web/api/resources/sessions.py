"""Browsers that have shown a key."""

from __future__ import annotations

from pydantic import Field

from vignette.access.sessions import Session
from vignette.web.api.resources.base import Resource, Timestamp


class SessionResource(Resource):
    """A browser that has shown the key."""

    id: str = Field(examples=["0123456789abcdef"])
    created_at: Timestamp
    last_used_at: Timestamp = Field(description="To the hour")
    ends_at: Timestamp = Field(description="When it ends if it is not used before")
    agent: str | None = Field(description="What the browser says of itself: a label")


class SessionList(Resource):
    sessions: list[SessionResource]


def session_resource(session: Session) -> SessionResource:
    return SessionResource(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        ends_at=session.ends_at,
        agent=session.agent,
    )
