"""The web process: `FLASK_APP=serveur_flask.py flask run`, or any WSGI server on `serveur_flask:app`."""

from __future__ import annotations

from vignette.settings import exit_with_words, load_settings
from vignette.wiring.web import build_web, set_up_logs

with exit_with_words():
    settings = load_settings()
    set_up_logs(settings.log_format)
    app = build_web(settings)
