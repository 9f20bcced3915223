"""Screen: what a file is shown to before it is kept, and which of their verdicts counts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

from vignette.errors import CheckRefused, CheckUnavailable
from vignette.model import Record, Suspicion, in_milliseconds
from vignette.ports.checks import Check, OnError, Said, Verdict

_UNASKED: Final = CheckUnavailable.code

# A request with fifty files holds a place for uploads: it is not to wait fifty times for a check that hangs. One that
# fails at once may do better with the next file.
_LONG_S: Final = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Screen:
    """A check under its name, and what becomes of a file about which it says nothing."""

    name: str
    check: Check
    on_error: OnError


class Screening:
    """The use case: all *screens* are asked, in their order. Safe to share between threads."""

    def __init__(
        self, screens: Sequence[Screen] = (), *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._screens = tuple(screens)
        self._clock = clock

    @property
    def asks_anybody(self) -> bool:
        return bool(self._screens)

    def screen(self, file: BinaryIO, record: Record, silent: set[str] | None = None) -> Suspicion | None:
        """
        Return why the file has to be kept in quarantine; None if all accept it. The strictest verdict counts; of
        several that want it in quarantine, the first.

        *silent* names the checks that an earlier file of the same request has waited for in vain. They are not asked;
        those for which this one waits so are added.

        Raises:
            CheckRefused: One rejects it. Those behind it are not asked.
            CheckUnavailable: One says nothing, and nothing is kept without its word.
            StoreUnavailable: The file cannot be read.
        """
        suspicion = None
        for screen in self._screens:
            file.seek(0)
            said = self._ask(screen, file, record, set() if silent is None else silent)
            if said.verdict is Verdict.ACCEPT:
                continue
            logger.info(
                "a check wants it %s",
                "refused" if said.verdict is Verdict.REJECT else "in quarantine",
                extra={"check": screen.name, "reason": said.reason},
            )
            if said.verdict is Verdict.REJECT:
                raise CheckRefused(said.reason)
            if suspicion is None:
                suspicion = Suspicion(screen.name, said.reason, in_milliseconds(self._clock()))
        return suspicion

    def _ask(self, screen: Screen, file: BinaryIO, record: Record, silent: set[str]) -> Said:
        begun = time.monotonic()
        try:
            if screen.name in silent:
                raise CheckUnavailable("the file before has waited for it in vain")
            return screen.check.ask(file, record)
        except CheckUnavailable as error:
            logger.warning("a check says nothing: %s", error, extra={"check": screen.name})
            if time.monotonic() - begun > _LONG_S:
                silent.add(screen.name)
            if screen.on_error is OnError.REFUSE:
                # Who the other side is, and what is wrong there, is for the log alone.
                raise CheckUnavailable("a check that this service needs gave no verdict") from None
        verdict = Verdict.ACCEPT if screen.on_error is OnError.ACCEPT else Verdict.QUARANTINE
        return Said(verdict, _UNASKED)


NO_CHECKS: Final = Screening()
"""Everything is accepted."""
