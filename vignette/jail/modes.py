"""What we make is for our own user alone."""

from __future__ import annotations

import os
from typing import Final

FOLDER: Final = 0o700
FILE: Final = 0o600


def keep_files_private() -> None:
    """
    From now on, have this process and its children make folders with the mode 0700 and files with 0600 (umask(2)).

    Some libraries make files without asking us for a mode, as SQLite does.
    """
    os.umask(0o077)


def private(path: str, flags: int) -> int:
    """Open *path* as `open` would, and make it for our user alone: an *opener* (see Python's `open`)."""
    return os.open(path, flags, FILE)
