"""
The reader's language, chosen by `Accept-Language`.

The words stand in English in the templates and in the code; `translations/` holds the others, `script/translate` keeps
them in step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flask import Flask, Response, request
from flask_babel import Babel, get_locale
from werkzeug.datastructures import LanguageAccept

from vignette.web.pages.phrases import FILTERS

TRANSLATIONS_FOLDER: Final = Path(__file__).parent / "translations"


def init_i18n(app: Flask, languages: Sequence[str]) -> None:
    """
    Teach *app* to answer in *languages*; a reader of none of them gets the first.

    Templates gain `get_locale` and the filters of `phrases`; pages say their language, and that it was negotiated
    (RFC 9110, 12.5.4).
    """
    Babel(
        app,
        default_locale=languages[0],
        default_translation_directories=str(TRANSLATIONS_FOLDER),
        locale_selector=lambda: preferred(request.accept_languages, languages),
    )
    app.jinja_env.globals["get_locale"] = get_locale
    app.jinja_env.filters.update(FILTERS)
    app.after_request(_declare_language)


def preferred(accept: LanguageAccept, languages: Sequence[str]) -> str:
    """
    The first of *languages* that the reader takes, by lookup (RFC 4647, 3.4).

    Werkzeug's `best_match` gives French to "en-GB, fr;q=0.9": it looks for whole tags first.
    """
    for tag, quality in accept:
        language = tag.partition("-")[0].lower()
        if quality > 0 and language in languages:
            return language
    return languages[0]


def _declare_language(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = str(get_locale())
        response.vary.add("Accept-Language")
    return response
