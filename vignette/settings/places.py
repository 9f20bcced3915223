"""Where our own files lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent.parent
ASSETS_FOLDER: Final = PROJECT_FOLDER / "static" / "assets"
