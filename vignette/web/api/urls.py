"""The URLs that answers hold."""

from __future__ import annotations

from typing import Any

from flask import url_for

from vignette.access.policy import Access
from vignette.model import Image, ImageRef
from vignette.web.context import current_actor, web_context


def absolute_url(endpoint: str, **values: Any) -> str:
    """The URL as clients see it: below `public_url` where that is set, else on the host that they asked."""
    return url_for(endpoint, **values, _external=True)


def ref_of(image: Image) -> ImageRef:
    """
    What URLs call the image: its number where everybody may know it, else its public name. Who comes by a signed link
    knows that alone.
    """
    is_for_all = web_context().policy.access is Access.OPEN and current_actor().link is None
    return image.id if is_for_all else image.public_name or image.id
