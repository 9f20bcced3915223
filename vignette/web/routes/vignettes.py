"""`/vignette/<id>`: the vignette itself, or what stands in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request

from vignette.access.actors import NOBODY, Scope
from vignette.access.links import Place, Representation
from vignette.access.policy import Access
from vignette.errors import (
    CatalogueUnavailable,
    EditedMeanwhile,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    RecipeNotFound,
    RenderingFailed,
    TooMuchMemory,
    TooMuchTime,
)
from vignette.limits import MAX_WAIT_S
from vignette.model import Failure, Image, ImageRef
from vignette.pixels.placeholder import failed_placeholder, pending_placeholder
from vignette.recipes import Recipe, VignetteFormat
from vignette.use_cases.serving import Nothing, Served, Wish
from vignette.web.api.headers import BY_TAG, Parameter, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import ImageResource, image_resource
from vignette.web.context import current_actor, web_context
from vignette.web.fast_path import SETTLED
from vignette.web.http.answers import as_json
from vignette.web.http.conditions import settle
from vignette.web.http.negotiation import (
    HTML,
    JSON,
    PROBLEM,
    Weight,
    accepted_types,
    names,
    preferred,
    weighed,
)
from vignette.web.http.preferences import preferred_wait_s
from vignette.web.http.problems import problem_of_failure, problem_response
from vignette.web.linked import current_link

vignettes = Blueprint("vignettes", __name__)

# The original under a number never changes. But the image may be deleted, and the recipe may change. So a cache may
# give an answer for as long as the operator allows. It has less time if the URL leaves the recipe open: `v` is missing,
# or it names an earlier or a later recipe, and the answer is the vignette that there is.
_WITHOUT_VERSION_S: Final = 7 * 24 * 3600
_OF_OTHERS_S: Final = 60
_FOR_EVER_S: Final = 365 * 24 * 3600
_CACHE_OF_EARLIER: Final = "no-cache"

_RETRY_AFTER_S: Final = 1

_MEDIA_TYPES: Final[dict[VignetteFormat, str]] = {
    "avif": "image/avif",
    "webp": "image/webp",
    "jpeg": "image/jpeg",
}
_PLACEHOLDER: Final = "image/png"
_PREVIEW: Final = "image/jpeg"

# The media types of answers: of a vignette, or of what stands for one that is on its way.
_FACES: Final = (*_MEDIA_TYPES.values(), _PLACEHOLDER, HTML, JSON)

_OF_A_VIGNETTE: Final = ("ETag", "Cache-Control", "Vary")
_WAITED: Final = "Preference-Applied"


@vignettes.get("/vignette/<image_id:image_id>")
@operation(
    "The vignette",
    Answer(200, "The vignette, in a format that `Accept` names, else JPEG", headers=(*_OF_A_VIGNETTE, _WAITED)),
    *(Answer(200, "", media_type) for media_type in _MEDIA_TYPES.values()),
    Answer(
        202,
        "It is being made, although others of the image may be there: a placeholder of the same size",
        _PLACEHOLDER,
        headers=("Retry-After", "Cache-Control", "Vary", _WAITED),
    ),
    Answer(202, "", _PREVIEW),
    Answer(202, "", JSON, ImageResource),
    Answer(202, "", HTML),
    Answer(304, "It has not changed", headers=_OF_A_VIGNETTE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("ETag",)),
    Answer(422, "No vignette can be made of this image", _PLACEHOLDER),
    scope=Scope.READ,
    problems=(
        *(ImageNotFound, RecipeNotFound, FileNotStored, ImageDeleted, CatalogueUnavailable),
        *(RenderingFailed, TooMuchMemory, TooMuchTime, EditedMeanwhile),
    ),
    parameters=(
        *BY_TAG,
        Parameter(
            "size",
            "The name of a recipe, see `GET /limits`; or `zoom`: 2560 pixels, made when asked for",
            {"type": "string"},
        ),
        Parameter(
            "v",
            "The digest of the recipe, as in `links.vignettes`: the answer may be cached for as long as the service"
            " allows. With any other value it is the same, and may be cached for a minute at most",
            {"type": "string"},
        ),
        Parameter(
            "still", "`1`: of a picture that moves, the vignette that does not", {"type": "string", "enum": ["1"]}
        ),
        header("Prefer", f"`wait=N`: wait for it, at most N seconds and {MAX_WAIT_S}"),
    ),
    link=Representation.VIGNETTE,
    curl="-H 'Prefer: wait=5' -o vignette.jpg {server}/vignette/0",
)
def show(image_id: ImageRef) -> Response:
    found = web_context().serving.vignette(current_actor(), image_id, request.args.get("size"), _wish())
    response = _served(found) if isinstance(found, Served) else _nothing(found)
    if found.waited:
        response.headers["Preference-Applied"] = "wait"
    elif isinstance(found, Served) and _is_for_everybody(found.image, image_id):
        request.environ[SETTLED] = found.image.id
    response.vary.add("Accept")
    return response


def _is_for_everybody(image: Image, ref: ImageRef) -> bool:
    """
    Whether those who show no key get the answer at hand: whoever shows one, or has come by a signed link, is told
    another `Cache-Control`.
    """
    policy, actor = web_context().policy, current_actor()
    if current_link() is not None:
        return False
    if actor != NOBODY and (policy.access is not Access.OPEN or actor.has(Scope.ADMIN)):
        return False
    # Who asks was admitted, and with open doors everybody sees the same: it says no only if one of both changes.
    return policy.why_not(NOBODY, Scope.READ, image, by_number=isinstance(ref, int)) is None


def _wish() -> Wish:
    """
    Return what the request says of formats, of motion and of patience.

    A wildcard is no promise: a program that sends `*/*` or `image/*` does not mean that it can decode AVIF. If the
    client likes several formats equally, the one with the smallest files comes first.
    """
    weights = weighed(accepted_types(request.headers), _FACES)
    by_format = {file_format: weights[media_type] for file_format, media_type in _MEDIA_TYPES.items()}
    named = [file_format for file_format, weight in by_format.items() if weight.is_named or file_format == "jpeg"]
    return Wish(
        takes=tuple(sorted(named, key=lambda file_format: -by_format[file_format].quality)),
        refuses=[file_format for file_format, weight in by_format.items() if weight.quality == 0],
        still=request.args.get("still") == "1",
        preview=_meanwhile(weights) == _PREVIEW and _may_preview(),
        patience_s=min(preferred_wait_s(request) or 0, MAX_WAIT_S),
    )


def _may_preview() -> bool:
    """Whether what the camera embedded may be shown: it may tell what was cut off or painted over later."""
    link = current_link()
    return link is None or link.place is Place.EXACT


def _meanwhile(weights: Mapping[str, Weight]) -> str:
    """
    Return the media type of what stands for a vignette that is on its way. Who has come by a signed link is to see the
    picture, and not what is known of it.
    """
    if current_link() is not None:
        return _PREVIEW if weights[_PREVIEW].quality >= weights[_PLACEHOLDER].quality else _PLACEHOLDER
    if weights[HTML].is_named:
        return HTML
    if weights[JSON].quality > weights[_PLACEHOLDER].quality:
        return JSON
    return _PREVIEW if weights[_PREVIEW].quality >= weights[_PLACEHOLDER].quality else _PLACEHOLDER


def _served(found: Served) -> Response:
    response = Response(found.content, mimetype=_MEDIA_TYPES[found.file_format])
    # A strong tag stands for bytes (RFC 9110, 8.8.1). It is not made of the digest of the original: that would tell
    # whoever has the original that this is its vignette.
    response.set_etag(hashlib.sha256(found.content).hexdigest()[:32])
    response.headers["Cache-Control"] = _caching(found.recipe) if found.is_final else _CACHE_OF_EARLIER
    return settle(response, request) or response


def _caching(recipe: Recipe) -> str:
    """
    Return for how long a cache may give the answer without asking again, which is how long a deleted image may still be
    seen. After that it has to ask, also where it cannot reach us (`must-revalidate`, RFC 9111, 5.2.2.2).
    """
    allowed_s = web_context().cache_vignettes_s
    version = request.args.get("v")
    if version == recipe.digest and allowed_s >= _FOR_EVER_S:
        return f"public, max-age={_FOR_EVER_S}, immutable"  # RFC 8246
    if version is None:
        allowed_s = min(allowed_s, _WITHOUT_VERSION_S)
    elif version != recipe.digest:
        allowed_s = min(allowed_s, _OF_OTHERS_S)
    return f"public, max-age={allowed_s}, must-revalidate" if allowed_s else "no-cache"


def _nothing(found: Nothing) -> Response:
    return _pending(found) if found.failure is None else _failed(found, found.failure)


def _pending(found: Nothing) -> Response:
    face = _meanwhile(weighed(accepted_types(request.headers), _FACES))
    if face == HTML:
        response = make_response(render_template("waiting.html", image=image_resource(found.image).model_dump()))
    elif face == JSON:
        response = as_json(image_resource(found.image))
    elif found.preview:
        response = Response(found.preview, mimetype=_PREVIEW)
    else:
        facts = found.image.record.facts
        response = Response(pending_placeholder(facts.width, facts.height, found.recipe), mimetype=_PLACEHOLDER)
    response.status_code = 202
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    return response


def _failed(found: Nothing, failure: Failure) -> Response:
    accept = accepted_types(request.headers)
    if names(accept, HTML) or preferred(accept, [PROBLEM, _PLACEHOLDER]) == PROBLEM:
        return problem_response(problem_of_failure(failure))
    facts = found.image.record.facts
    response = Response(failed_placeholder(facts.width, facts.height, found.recipe), 422, mimetype=_PLACEHOLDER)
    response.headers["Cache-Control"] = "no-store"
    return response
