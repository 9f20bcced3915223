"""What the tray of the pages is told by their template: the words that its script says, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import flask_babel
from flask import Flask
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from vignette.errors import InvalidKey, KeyRequired, MisdirectedRequest, MissingScope, VignetteError
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.operations import operation_of
from vignette.web.api.resources.limits import current_limits
from vignette.web.pages.advice import UNITS

# Flask-Babel has no type hints.
gettext: Final[Callable[..., str]] = flask_babel.gettext

Plurals = Mapping[str, str]
"""A message by plural category (CLDR; `Intl.PluralRules`)."""

_FORM: Final = "multipart/form-data"

# Before a view is asked, each of these may be the answer.
_AT_THE_DOOR: Final = (InvalidKey, KeyRequired, MissingScope, MisdirectedRequest, VignetteError)


def init_tray(app: Flask) -> None:
    """Let templates of *app* use `tray_words()`, which is JSON, and `limits_in_force()`."""

    @cache
    def kinds() -> Mapping[str, type[VignetteError]]:
        """What may be answered to the form of any page, by code."""
        operations = filter(None, map(operation_of, app.view_functions.values()))
        problems = (problem for each in operations if _FORM in each.bodies for problem in each.problems)
        every: tuple[type[VignetteError], ...] = (*_AT_THE_DOOR, *problems)
        return {kind.code: kind for kind in every}

    @cache
    def words_in(locale: str) -> Markup:
        return htmlsafe_json_dumps({"locale": locale, "words": tray_words(kinds())})

    app.jinja_env.globals.update(
        tray_words=lambda: words_in(str(flask_babel.get_locale())),
        limits_in_force=lambda: current_limits().model_dump(),
    )


def ngettext(one: str, other: str) -> Plurals:
    """
    Return both forms of a message: only the script knows the number. English and French have no more than these two.

    The name is gettext's own, so that `script/translate` finds the messages.
    """
    translations = flask_babel.get_domain().get_translations()
    return {"one": translations.ngettext(one, other, 1), "other": translations.ngettext(one, other, 2)}


def tray_words(kinds: Mapping[str, type[VignetteError]]) -> Mapping[str, str | Plurals]:
    """Return the words by the name that the script calls them. It fills in what stands as `%(name)s`."""
    return {
        **_states(),
        **_sums(),
        **_ways_in(),
        **_amounts(),
        **_kinds_of_files(),
        **{file_format.media_type: file_format.name for file_format in ACCEPTED_FORMATS},
        **{f"problem_{code}": gettext(kind.title) for code, kind in kinds.items()},
        **{f"unit_{code}": unit for code, unit in UNITS.items() if code in kinds},
    }


def _states() -> Mapping[str, str]:
    return {
        "waiting": gettext("Waiting"),
        "sending": gettext("Sending %(percent)s of %(size)s"),
        "checking": gettext("Checking"),
        "making": gettext("Making its vignette"),
        "ready": gettext("Ready"),
        "ready_as": gettext("Ready: image %(number)s"),
        "kept": gettext("Kept"),
        "failed": gettext("Kept, but no vignette could be made"),
        "quarantined": gettext("Received. It waits for a decision"),
        "gone": gettext("Deleted meanwhile"),
        "here": gettext("Not sent"),
        "here_as": gettext("Already here: image %(number)s"),
        "here_before": gettext("Already here"),
        "cancelled": gettext("Cancelled"),
        "lost": gettext("Connection lost. Again in %(seconds)s\u00a0s"),
        "busy": gettext("The service is busy. Again in %(seconds)s\u00a0s"),
        "status": gettext("The service answered with error %(status)s."),
        "problem_unreadable": gettext("The file cannot be read, or has changed"),
        "numbers": gettext("%(measured)s, the limit is %(limit)s."),
        "titled_numbers": gettext("%(title)s: %(measured)s, the limit is %(limit)s."),
        "not_sent": gettext("%(reason)s Not sent."),
    }


def _sums() -> Mapping[str, str | Plurals]:
    return {
        "title": gettext("Add pictures"),
        "title_sending": ngettext("Sending %(num)s picture", "Sending %(num)s pictures"),
        "title_kept": ngettext("%(num)s picture kept", "%(num)s pictures kept"),
        "refused_of": ngettext("%(num)s refused", "%(num)s refused"),
        "here_of": ngettext("%(num)s already here", "%(num)s already here"),
        "told": ngettext("%(kept)s of %(num)s kept", "%(kept)s of %(num)s kept"),
        "sum": gettext("%(sent)s of %(total)s"),
        "left_s": gettext("%(number)s\u00a0s left"),
        "left_min": gettext("%(number)s\u00a0min left"),
        "show": ngettext("Show this picture", "Show these %(num)s"),
        "copied": ngettext("Link copied", "%(num)s links copied"),
        "leave": ngettext(
            "%(num)s picture is still being sent. Leave?", "%(num)s pictures are still being sent. Leave?"
        ),
    }


def _ways_in() -> Mapping[str, str | Plurals]:
    return {
        "drop": ngettext("Let go to add %(num)s picture", "Let go to add %(num)s pictures"),
        "drop_some": gettext("Let go to add them"),
        "for_public": gettext("Everybody who may look here will see them."),
        "for_private": gettext("Only you will see them."),
        "nothing": gettext("There is no file in it."),
        "known": ngettext("%(num)s file is in the list already.", "%(num)s files are in the list already."),
        "most": ngettext(
            "Only %(num)s file is taken at a time. Clear the list, then add the others.",
            "Only %(num)s files are taken at a time. Clear the list, then add the others.",
        ),
    }


def _amounts() -> Mapping[str, str | Plurals]:
    return {
        "bytes": ngettext("%(number)s byte", "%(number)s bytes"),
        "kib": gettext("%(number)s\u00a0KiB"),
        "mib": gettext("%(number)s\u00a0MiB"),
        "gib": gettext("%(number)s\u00a0GiB"),
        "megapixels": gettext("%(number)s\u00a0megapixels"),
        "frames": ngettext("%(number)s frame", "%(number)s frames"),
        "seconds": ngettext("%(number)s second", "%(number)s seconds"),
    }


def _kinds_of_files() -> Mapping[str, str]:
    return {
        "only": gettext("Pictures only: %(formats)s."),
        "this_is": gettext("This is %(format)s."),
        "kind_pdf": gettext("This is a PDF."),
        "kind_svg": gettext("This is a drawing (SVG)."),
        "kind_jxl": gettext("This is a JPEG XL."),
        "kind_raw": gettext("This is a camera raw."),
        "kind_psd": gettext("This is a Photoshop document."),
        "kind_film": gettext("This is a film."),
        "kind_zip": gettext("This is a ZIP archive."),
        "kind_html": gettext("This is a web page."),
        "kind_text": gettext("This is a text file."),
        "kind_other": gettext("This is no picture."),
    }
