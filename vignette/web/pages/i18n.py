"""
Answers in the reader's language: the one that a button of the page has put into a cookie, else by `Accept-Language`.

Templates and code hold the English words, `translations/` those of other languages. `script/translate` keeps the
translations in step with the English words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from flask import Flask, Response, current_app, request
from flask_babel import Babel, get_locale
from werkzeug.datastructures import LanguageAccept

from vignette.web.http.language_cookie import chosen_language
from vignette.web.http.negotiation import accepted_languages
from vignette.web.pages.phrases import FILTERS, shown

TRANSLATIONS_FOLDER: Final = Path(__file__).parent / "translations"

_EXTENSION: Final = "vignette.languages"

NAMES: Final = {"en": "English", "fr": "Français"}
"""What each language calls itself, by its tag."""


def init_i18n(app: Flask, languages: Sequence[str]) -> None:
    """
    Make *app* answer in *languages*; readers who take none of them get the first.

    Templates gain `get_locale` and the filters of `phrases`. Each page names its language in `Content-Language`, and
    says by `Vary` that the language was negotiated (RFC 9110, 12.5.4).
    """
    Babel(
        app,
        default_locale=languages[0],
        default_translation_directories=str(TRANSLATIONS_FOLDER),
        locale_selector=lambda: (
            chosen_language(request, languages) or preferred(accepted_languages(request.headers), languages)
        ),
    )
    app.extensions[_EXTENSION] = {code: NAMES[code] for code in languages}
    app.jinja_env.globals.update(get_locale=get_locale, languages=app.extensions[_EXTENSION])
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.finalize = shown
    app.after_request(_declare_language)


def offered() -> Mapping[str, str]:
    """Return the languages of the current application by their tags, each with what it calls itself."""
    return cast(Mapping[str, str], current_app.extensions[_EXTENSION])


def preferred(accept: LanguageAccept, languages: Sequence[str]) -> str:
    """
    Return the one of *languages* that the reader likes best, by lookup (RFC 4647, 3.4); the first if none is accepted.

    Werkzeug's `best_match` would give French to "en-GB, fr;q=0.9", because it looks for whole tags first.
    """
    for tag, quality in accept:
        language = tag.partition("-")[0].lower()
        if quality > 0 and language in languages:
            return language
    return languages[0]


def _declare_language(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = str(get_locale())
        response.vary.update(("Accept-Language", "Cookie"))
    return response
