"""A link to a picture, in the languages of those who take one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from markupsafe import escape

from vignette.errors import N_
from vignette.pixels.metadata.text import harmless

_MOST_CHARS: Final = 80
# What Markdown or BBCode would take for theirs.
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>()#!|\r\n]+")


class Snippet(NamedTuple):
    """`name` is for the page's scripts; `label` is in English, for `translated`; `text` is what is copied."""

    name: str
    label: str
    text: str


def snippets(image: Mapping[str, Any], picture: str, title: str) -> list[Snippet]:
    """Return what leads to *image*, a resource, and shows the vignette at the URL *picture* under *title*."""
    page = image["links"]["self"]
    plain = " ".join(_MARKUP.sub(" ", harmless(title)).split())[:_MOST_CHARS].strip()
    html = f'<a href="{escape(page)}"><img src="{escape(picture)}" alt="{escape(plain)}"></a>'
    return [
        Snippet("link", N_("Link"), page),
        Snippet("markdown", "Markdown", f"[![{plain}]({picture})]({page})"),
        Snippet("html", "HTML", html),
        Snippet("bbcode", "BBCode", f"[url={page}][img]{picture}[/img][/url]"),
        Snippet("image", N_("The image itself"), picture),
    ]
