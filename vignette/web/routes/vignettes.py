"""`/vignette/<id>`: the vignette itself, or what there is in its place."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.http import parse_options_header

from vignette import layout
from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    RecipeNotFound,
    RenderingFailed,
    TooMuchMemory,
    TooMuchTime,
)
from vignette.limits import MAX_WAIT_S, MIB
from vignette.model import Image, State
from vignette.pixels.placeholder import failed_placeholder, pending_placeholder
from vignette.pixels.preview import embedded_preview
from vignette.recipes import Recipe, VignetteFormat
from vignette.records import outcome_from_json
from vignette.web.api.headers import BY_TAG, Parameter, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import ImageResource, image_resource
from vignette.web.context import web_context
from vignette.web.fast_path import SETTLED
from vignette.web.http.answers import as_json
from vignette.web.http.negotiation import HTML, JSON, PROBLEM, names, preferred
from vignette.web.http.problems import problem_of_failure, problem_response
from vignette.web.routes.existing import existing

vignettes = Blueprint("vignettes", __name__)

# The original under a number never changes. But the image may be deleted, and the recipe may change, unless the URL
# tells by `v` which one it means: then the answer holds for ever (RFC 8246). One that means a recipe of before or after
# is answered with what there is, and should soon ask again.
_CACHE: Final = f"public, max-age={7 * 24 * 3600}"
_CACHE_FOR_EVER: Final = f"public, max-age={365 * 24 * 3600}, immutable"
_CACHE_OF_OTHERS: Final = "public, max-age=60"
_CACHE_OF_EARLIER: Final = "no-cache"

_RETRY_AFTER_S: Final = 1
_POLL_S: Final = 0.05

_MEDIA_TYPES: Final[dict[VignetteFormat, str]] = {
    "avif": "image/avif",
    "webp": "image/webp",
    "jpeg": "image/jpeg",
}
_PLACEHOLDER: Final = "image/png"
_PREVIEW: Final = "image/jpeg"

_OF_A_VIGNETTE: Final = ("ETag", "Cache-Control", "Vary")
_WAITED: Final = "Preference-Applied"

# Clients ask again every second: what takes longer to read than it is worth has no preview. Those of cameras have some
# 100 KB.
_MAX_PREVIEW_METADATA_BYTES: Final = MIB


@vignettes.get("/vignette/<image_id:image_id>")
@operation(
    "The vignette",
    Answer(200, "The vignette, in a format that `Accept` names, else JPEG", headers=(*_OF_A_VIGNETTE, _WAITED)),
    *(Answer(200, "", media_type) for media_type in _MEDIA_TYPES.values()),
    Answer(
        202,
        "It is being made: a placeholder of the same size",
        _PLACEHOLDER,
        headers=("Retry-After", "Cache-Control", "Vary", _WAITED),
    ),
    Answer(202, "", _PREVIEW),
    Answer(202, "", JSON, ImageResource),
    Answer(202, "", HTML),
    Answer(304, "It has not changed", headers=_OF_A_VIGNETTE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=_OF_A_VIGNETTE),
    Answer(422, "No vignette can be made of this image", _PLACEHOLDER),
    problems=(
        *(ImageNotFound, RecipeNotFound, FileNotStored, ImageDeleted, CatalogueUnavailable),
        *(RenderingFailed, TooMuchMemory, TooMuchTime),
    ),
    parameters=(
        *BY_TAG,
        Parameter("size", "The name of a recipe; see `GET /limits`", {"type": "string"}),
        Parameter(
            "v",
            "The digest of the recipe, as in `links.vignettes`: the answer may be cached for ever. With any other value"
            " it is the same, and may be cached for a minute",
            {"type": "string"},
        ),
        Parameter(
            "still", "`1`: of a picture that moves, the vignette that does not", {"type": "string", "enum": ["1"]}
        ),
        header("Prefer", f"`wait=N`: wait for it, at most N seconds and {MAX_WAIT_S}"),
    ),
    curl="-H 'Prefer: wait=5' -o vignette.jpg {server}/vignette/0",
)
def show(image_id: int) -> Response:
    context = web_context()
    recipe = _recipe(request.args.get("size"))
    image = existing(context.library, image_id)
    waited = image.state in (State.PENDING, State.PROCESSING) and _wait(image_id)
    if waited:
        image = existing(context.library, image_id)
    response = _answer(image, recipe)
    if waited:
        response.headers["Preference-Applied"] = "wait"
    elif image.state is State.READY and response.status_code == 200:
        request.environ[SETTLED] = True
    response.vary.add("Accept")
    return response


def _answer(image: Image, recipe: Recipe) -> Response:
    if image.state is State.READY:
        return _ready(image, recipe)
    if image.state is State.FAILED and image.failure is not None:
        return _failed(image, recipe)
    return _pending(image, recipe)


def _recipe(size: str | None) -> Recipe:
    recipes = web_context().recipes
    if size is None:
        return recipes[0]
    for recipe in recipes:
        if recipe.name == size:
            return recipe
    raise RecipeNotFound(f"there is no size {size[:40]!r}, only {', '.join(recipe.name for recipe in recipes)}")


def _ready(image: Image, recipe: Recipe) -> Response:
    """The vignette, or what a recipe of the same name made before; else a placeholder, or why there is none."""
    # What is there may be replaced by the worker while we look for it: then it is there at the second look.
    return _stored(image, recipe) or _stored(image, recipe) or _missing(image, recipe)


def _stored(image: Image, recipe: Recipe) -> Response | None:
    file_format = _negotiated(recipe.formats)
    name, caching = layout.vignette(recipe, file_format), _caching(recipe)
    moves = image.record.facts.frames > 1 and request.args.get("still") != "1"
    # Who reads AVIF and WebP gets the WebP: it is the only one that moves.
    if moves and (file_format == "webp" or (file_format == "avif" and names(request.accept_mimetypes, "image/webp"))):
        made, moving = _made(image), layout.vignette(recipe, "webp", moves=True)
        if moving in made:
            name, file_format = moving, "webp"
        elif name not in made:  # it is just being rendered again: the moving one may come yet
            caching = _CACHE_OF_EARLIER
    try:
        return _vignette(image, name, file_format, caching)
    except FileNotStored:
        earlier = layout.vignettes_named(recipe.name, _made(image), moves=moves)
    if not earlier:
        return None
    file_format = _negotiated(tuple(earlier))
    try:
        return _vignette(image, earlier[file_format], file_format, _CACHE_OF_EARLIER)
    except FileNotStored:
        return None


def _vignette(image: Image, name: str, file_format: VignetteFormat, caching: str) -> Response:
    response = Response(mimetype=_MEDIA_TYPES[file_format])
    # The name says the recipe, the digest the original: no need to read the file to say that it has not changed.
    response.set_etag(f"{image.record.sha256[:32]}-{name}")
    response.headers["Cache-Control"] = caching
    response.make_conditional(request)
    if response.status_code == 200:
        response.data = web_context().files.read(image.id, name)
    return response


def _caching(recipe: Recipe) -> str:
    version = request.args.get("v")
    if version is None:
        return _CACHE
    return _CACHE_FOR_EVER if version == recipe.digest else _CACHE_OF_OTHERS


def _made(image: Image) -> tuple[str, ...]:
    """The names of the vignettes that the worker has made last."""
    try:
        return outcome_from_json(web_context().files.read(image.id, layout.OUTCOME)).vignettes
    except (FileNotStored, ValueError):
        return ()


def _missing(image: Image, recipe: Recipe) -> Response:
    if image.failure is not None and not image.is_renewing:  # the worker has tried, and given up
        return _failed(image, recipe)
    context = web_context()
    # The sweep sees to what other recipes have made. This is for what they have made and somebody has tidied away.
    if image.recipe_set == layout.recipe_set(layout.vignettes(context.recipes)):
        context.renewal.render_again(image.id)
    return _pending(image, recipe)


def _negotiated(formats: Sequence[VignetteFormat]) -> VignetteFormat:
    """
    The smallest of *formats* that the client names, or JPEG, which everyone reads.

    A wildcard is no promise: programs that send `*/*` or `image/*` do not mean that they can decode AVIF.
    """
    accept = request.accept_mimetypes
    modern: list[VignetteFormat] = ["avif", "webp"]
    offers = [f for f in modern if f in formats and names(accept, _MEDIA_TYPES[f])]
    if "jpeg" in formats:
        offers.append("jpeg")
    best = preferred(accept, [_MEDIA_TYPES[f] for f in offers or formats])
    return next(f for f, media_type in _MEDIA_TYPES.items() if media_type == best)


def _pending(image: Image, recipe: Recipe) -> Response:
    accept = request.accept_mimetypes
    if names(accept, HTML):
        response = make_response(render_template("waiting.html", image=image_resource(image).model_dump()))
    elif preferred(accept, [_PLACEHOLDER, JSON]) == JSON:
        response = as_json(image_resource(image))
    elif preferred(accept, [_PREVIEW, _PLACEHOLDER]) == _PREVIEW and (preview := _preview(image)):
        response = Response(preview, mimetype=_PREVIEW)
    else:
        facts = image.record.facts
        response = Response(pending_placeholder(facts.width, facts.height, recipe), mimetype=_PLACEHOLDER)
    response.status_code = 202
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    return response


def _preview(image: Image) -> bytes | None:
    """The preview that its camera embedded, if there is one to show."""
    try:
        with web_context().files.open(image.id, layout.METADATA_JSON) as file:
            content = file.read(_MAX_PREVIEW_METADATA_BYTES + 1)
    except FileNotStored:
        return None
    if len(content) > _MAX_PREVIEW_METADATA_BYTES:
        return None
    return embedded_preview(json.loads(content), image.record.facts)


def _failed(image: Image, recipe: Recipe) -> Response:
    assert image.failure is not None
    if names(request.accept_mimetypes, HTML) or preferred(request.accept_mimetypes, [PROBLEM, _PLACEHOLDER]) == PROBLEM:
        return problem_response(problem_of_failure(image.failure))
    facts = image.record.facts
    response = Response(failed_placeholder(facts.width, facts.height, recipe), 422, mimetype=_PLACEHOLDER)
    response.headers["Cache-Control"] = "no-store"
    return response


def _wait(image_id: int) -> bool:
    """Wait as long as the client prefers (RFC 7240 `wait`), if there is room to; return whether that was done."""
    seconds = min(_preferred_wait_s(), MAX_WAIT_S)
    context = web_context()
    if seconds <= 0 or not context.waiting_rooms.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if existing(context.library, image_id).state not in (State.PENDING, State.PROCESSING):
                break
            time.sleep(_POLL_S)
    finally:
        context.waiting_rooms.release()
    return True


def _preferred_wait_s() -> int:
    for sent in request.headers.getlist("Prefer"):
        for preference in sent.split(","):
            name, _, value = parse_options_header(preference)[0].partition("=")
            if name.strip().lower() == "wait" and re.fullmatch(r"\s*[0-9]{1,6}\s*", value, re.ASCII):
                return int(value)
    return 0
