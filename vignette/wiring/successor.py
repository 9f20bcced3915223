"""
Could a fresh process take an upload? `python -m vignette.wiring.successor` exits with 0 if it could.

It opens and writes the catalogue. It makes nothing, and seals no folder: it only looks.
"""

from __future__ import annotations

import os
import signal
import sys

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import VignetteError
from vignette.jail.ties import end_with
from vignette.settings import Settings, as_environment, load_settings
from vignette.wiring.stores import require_images


def successor_can(settings: Settings) -> bool:
    """Run this module as a process, and wait for its end."""
    command = (sys.executable, "-m", __name__, str(os.getpid()))
    try:
        # `subprocess` needs descriptors in this process, which may have none left.
        process = os.posix_spawn(sys.executable, command, {**os.environ, **as_environment(settings)})
    except OSError:
        return False
    return os.waitpid(process, 0)[1] == 0


def main() -> None:
    end_with(int(sys.argv[1]), signal.SIGKILL)
    settings = load_settings()
    try:
        catalogue = SqlCatalogue(settings.effective_database_url, settings.durability, must_exist=True)
        require_images(settings, FolderStore(settings.upload_folder), catalogue)
        catalogue.database.probe()
    except VignetteError:
        sys.exit(1)


if __name__ == "__main__":
    main()
