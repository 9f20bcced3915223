"""Whether the machine has the sandbox that the settings want."""

from __future__ import annotations

from vignette.errors import SettingsError
from vignette.jail.sandbox import abilities
from vignette.settings import Settings


def require_sandbox(settings: Settings) -> None:
    """
    See that this machine has all layers of the sandbox, if *settings* want that.

    Raises:
        SettingsError: It lacks one.
    """
    if settings.require_sandbox and (shortfall := abilities().shortfall):
        raise SettingsError(f"require_sandbox = true: {shortfall}")
