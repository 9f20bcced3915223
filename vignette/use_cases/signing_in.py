"""Sign in: a browser shows a key once, and is known by a session from then on."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from vignette.access.actors import Actor
from vignette.access.events import What
from vignette.access.secrets import SESSION_PREFIX, digest_of, is_well_formed, new_token
from vignette.access.sessions import Session
from vignette.errors import CatalogueUnavailable, KeyRequired, SessionNotFound, StoreFull
from vignette.limits import MAX_SESSIONS_OF_A_KEY
from vignette.model import in_milliseconds
from vignette.ports.sessions import Sessions
from vignette.records import clean_name
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.keyholding import Keyholding

# A session lasts for days, so that more exact times would be written in vain.
_NOTED_EVERY: Final = timedelta(hours=1)

# What browsers say of themselves is shorter.
_MAX_AGENT_CHARS: Final = 300


class SigningIn:
    """
    The use case. A session has no rights of its own: it gives those that its key has when it is used, and none once the
    key was removed, has expired, or is not valid from the address of who asks.
    """

    def __init__(
        self,
        sessions: Sessions,
        keyholding: Keyholding,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        trail: Trail = NO_TRAIL,
    ) -> None:
        self._trail = trail
        self._sessions = sessions
        self._keyholding = keyholding
        self._clock = clock

    def sign_in(self, token: str, address: str | None, agent: str | None) -> tuple[Session, str]:
        """
        Begin a session for whoever shows the key *token* from *address*; return it and its own token, which nobody can
        tell again. *agent* is what the browser says of itself.

        Raises:
            InvalidKey: As of `Keyholding.authenticate`.
        """
        actor = self._keyholding.authenticate(token, address)
        assert actor.key_id is not None
        session_token = new_token(SESSION_PREFIX)
        now = self._now()
        session = Session(
            secrets.token_hex(8),
            digest_of(session_token),
            actor.key_id,
            now,
            now,
            clean_name(agent and agent[:_MAX_AGENT_CHARS]),
        )
        self._sessions.add(session, at_most=MAX_SESSIONS_OF_A_KEY)
        self._trail.note_afterwards(What.SESSION_BEGUN, replace(actor, address=address), subject=session.id)
        return session, session_token

    def authenticate(self, session_token: str, address: str | None) -> Actor | None:
        """Return who has this session; None if there is none, any more."""
        session = self._found(session_token)
        if session is None:
            return None
        actor = self._keyholding.actor_of(session.key_id, address)
        now = self._now()
        if actor is not None and now - session.last_used_at >= _NOTED_EVERY:
            with suppress(CatalogueUnavailable, StoreFull):
                self._sessions.note_use(session.id, now)
        return actor

    def sign_out(self, session_token: str, address: str | None = None) -> None:
        """End this session, if there is one, for whoever asks from *address*."""
        session = self._found(session_token)
        if session is not None:
            self._sessions.remove(session.id, session.key_id)
            self._trail.note_afterwards(What.SESSION_ENDED, Actor(session.key_id, address=address), subject=session.id)

    def mine(self, actor: Actor) -> list[Session]:
        """
        The sessions of the actor's key, the one that was used last first.

        Raises:
            KeyRequired: The actor has shown none.
        """
        now = self._now()
        return [session for session in self._sessions.of_key(_key_of(actor)) if session.is_valid_at(now)]

    def end(self, actor: Actor, session_id: str) -> None:
        """
        End a session of the actor's key.

        Raises:
            KeyRequired: The actor has shown none.
            SessionNotFound: The key has no session of this id.
        """
        if not self._sessions.remove(session_id, _key_of(actor)):
            raise SessionNotFound(f"this key has no session {session_id[:40]!r}")
        self._trail.note_afterwards(What.SESSION_ENDED, actor, subject=session_id)

    def end_others(self, actor: Actor, session_token: str | None) -> None:
        """
        End all sessions of the actor's key but the one of this token; without a token, all of them.

        Raises:
            KeyRequired: The actor has shown none.
        """
        mine = self.current(session_token)
        for session in self._sessions.of_key(_key_of(actor)):
            if not (mine and session.id == mine.id) and self._sessions.remove(session.id, session.key_id):
                self._trail.note_afterwards(What.SESSION_ENDED, actor, subject=session.id)

    def current(self, session_token: str | None) -> Session | None:
        """Return the session of this token; None if there is none, any more."""
        return None if session_token is None else self._found(session_token)

    def _found(self, session_token: str) -> Session | None:
        if not is_well_formed(session_token, SESSION_PREFIX):
            return None
        digest = digest_of(session_token)
        session = self._sessions.with_digest(digest)
        if session is None or not hmac.compare_digest(session.digest, digest):
            return None
        return session if session.is_valid_at(self._now()) else None

    def _now(self) -> datetime:
        return in_milliseconds(self._clock())


def _key_of(actor: Actor) -> str:
    if actor.key_id is None:
        raise KeyRequired(None, detail="show a key, or sign in with one")
    return actor.key_id
