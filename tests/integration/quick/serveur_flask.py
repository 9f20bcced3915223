"""The real web process."""

from __future__ import annotations

from vignette.settings import load_settings_or_exit
from vignette.wiring.web import build_web

app = build_web(load_settings_or_exit())
