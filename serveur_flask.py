"""The web process: `FLASK_APP=serveur_flask.py flask run`, or any WSGI server on `serveur_flask:app`."""

from __future__ import annotations

from vignette.settings import exit_with_words, load_settings
from vignette.wiring.web import build_web

with exit_with_words():
    app = build_web(load_settings())
