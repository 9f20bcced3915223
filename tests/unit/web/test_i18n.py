"""Which language a page speaks."""

from __future__ import annotations

import pytest
from flask import Flask, Response, render_template_string

from vignette.web.pages.i18n import init_i18n


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    init_i18n(app, ("en", "fr"))
    app.add_url_rule("/", view_func=lambda: render_template_string("{{ get_locale() }} {{ _('Limits') }}"))
    app.add_url_rule("/text", "text", lambda: Response("plain", mimetype="text/plain"))
    return app


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("fr", "fr"),
        ("fr-CA, en;q=0.5", "fr"),
        ("de, fr;q=0.3", "fr"),
        ("FR-be, fr;q=0.9", "fr"),
        ("fr;q=0, de", "en"),
        ("de", "en"),
        ("en-GB, fr;q=0.9", "en"),
        ("", "en"),
        ("*", "en"),
        ("\xff;q=x, ,,;;", "en"),
    ],
)
def test_the_page_is_in_the_language_that_its_reader_prefers(app: Flask, accepted: str, chosen: str):
    response = app.test_client().get("/", headers={"Accept-Language": accepted})

    assert response.text.startswith(chosen)
    assert response.headers["Content-Language"] == chosen
    assert "Accept-Language" in response.headers["Vary"]


def test_only_pages_depend_on_the_language(app: Flask):
    response = app.test_client().get("/text", headers={"Accept-Language": "fr"})

    assert "Content-Language" not in response.headers
    assert "Vary" not in response.headers


def test_a_reader_of_none_of_the_languages_gets_the_first_of_the_settings():
    app = Flask(__name__)
    init_i18n(app, ("fr", "en"))

    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert render_template_string("{{ _('Limits') }}") == "Limites"
