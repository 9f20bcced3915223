"""The web process: `FLASK_APP=serveur_flask.py flask run`, or any WSGI server on `serveur_flask:app`."""

from __future__ import annotations

from vignette.settings import load_settings_or_exit
from vignette.wiring import build_web

app = build_web(load_settings_or_exit())
