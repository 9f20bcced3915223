"""Requests that come by a signed link, and the URLs of such links."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, url_for

from vignette.access.links import Link, Representation
from vignette.recipes import Recipe
from vignette.web.context import current_actor, web_context

_ENDPOINTS: Final = {
    Representation.PAGE: "images.show",
    Representation.ORIGINAL: "files.original",
    Representation.PUBLIC: "files.public",
    Representation.VIGNETTE: "vignettes.show",
}


def current_link() -> Link | None:
    """Return the link by which the current request comes, and which holds; None if it comes by none."""
    grant = current_actor().link
    return None if grant is None else grant.link


def linked_url(link: Link) -> str:
    """Return the absolute URL of *link*, signed; it raises what `Linking.query` does."""
    query: dict[str, Any] = web_context().linking.query(link)
    return url_for(_ENDPOINTS[link.what], image_id=link.image, _external=True, **query)


def vignette_on_page(link: Link, recipe: Recipe, *, still: bool) -> str:
    """Return the URL of a vignette for the page that was asked for by *link*: it holds as long as that does."""
    linking = web_context().linking
    query: dict[str, Any] = linking.query(linking.of_page(link, recipe)) | {"v": recipe.digest}
    if still:
        query["still"] = "1"
    return url_for(_ENDPOINTS[Representation.VIGNETTE], image_id=link.image, **query)


def keep_while_it_holds(response: Response, link: Link) -> Response:
    """
    Return *response* for the cache of its reader alone, and no longer than *link* holds, nor than vignettes that are
    for everybody: so long it may still be seen after the link was ended.
    """
    said = response.headers.get("Cache-Control", "")
    if "no-store" in said:
        return response
    context = web_context()
    left_s = min(context.linking.left_s(link), context.cache_vignettes_s)
    is_for_now = link.what is Representation.VIGNETTE and said == "no-cache"
    told = "no-cache" if is_for_now or left_s <= 0 else f"max-age={left_s}, must-revalidate"
    response.headers["Cache-Control"] = f"private, {told}"
    return response
