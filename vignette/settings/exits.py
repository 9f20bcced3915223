"""How a command ends when one of our errors comes as far as that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vignette.errors import SettingsError, VignetteError
from vignette.settings.reading import load_settings
from vignette.settings.whole import Settings


def load_settings_or_exit() -> Settings:
    """`load_settings` for the entry scripts: what is wrong goes to standard error, the process ends with 2."""
    with exit_with_words():
        return load_settings()


@contextmanager
def exit_with_words() -> Iterator[None]:
    """
    End the process when one of our errors comes this far: a line or more on standard error, and no traceback. The
    status is 2 for wrong settings, else 1.
    """
    try:
        yield
    except VignetteError as error:
        cause = f" ({type(error.__cause__).__name__}: {error.__cause__})" if error.__cause__ else ""
        words = str(error) if isinstance(error, SettingsError) else f"{error}{cause}"
        for line in words.splitlines():
            print(f"vignette: {line}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2 if isinstance(error, SettingsError) else 1) from None
