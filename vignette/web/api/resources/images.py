"""An image."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, Literal

from pydantic import Field

from vignette.access.actors import Scope
from vignette.model import Image, State
from vignette.pixels.formats import moves
from vignette.recipes import ZOOM, Recipe
from vignette.use_cases.publishing import has_same_pixels
from vignette.web.api.resources.base import Resource, Timestamp
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.context import current_actor, web_context
from vignette.web.http.problems import Problem, problem_of_failure

# What `state` says of an image in quarantine, whatever is made of it by now.
QUARANTINED: Final = "quarantined"


class Links(Resource):
    """Absolute URLs of all that belongs to an image."""

    self: str
    original: str
    public: str = Field(description="The copy without metadata; `public_copy` tells what it is")
    metadata: str
    vignette: str
    zoom: str = Field(
        description="2560 pixels at the longer side, for a viewer: made when somebody asks for it",
        examples=["https://pictures.example/vignette/0?size=zoom&v=a1b2c3d4"],
    )
    vignettes: dict[str, str] = Field(
        description="The vignette of each size that is there, by name; `v` tells its recipe, so that it may be cached"
        " for ever. `renditions_pending` has the others",
        examples=[{"small": "https://pictures.example/vignette/0?size=small&v=e3c09555"}],
    )


class PlaceholderResource(Resource):
    """What to show until the vignette is there."""

    thumbhash: str = Field(description="A ThumbHash, in base64")
    colour: str = Field(description="The mean colour", examples=["#6f8a9b"])


class QuarantineResource(Resource):
    """Why an image waits for a decision."""

    check: str = Field(description="The name of the check", examples=["moderation"])
    reason: str = Field(description="The code that it gave", examples=["nudity"])
    since: Timestamp


class ImageResource(Resource):
    """An image. `width` and `height` are in pixels, after orientation."""

    id: int | None = Field(
        description='The number. With `access = "gallery"` or `"closed"`, null but for the owner and `admin`'
    )
    public_name: str = Field(
        description="A random name that stands in a URL for the number. Who may not know the number has only this",
        examples=["4ovqczsrgkbk6ikbqegpewjs3u"],
    )
    visibility: Literal["public", "private"] = Field(
        description='Who sees it: all who may read, or its owner and `admin` alone. With `access = "open"`, all do'
    )
    state: Literal["pending", "processing", "ready", "failed", "quarantined"] = Field(
        description="`quarantined`: it is kept and waits for a decision. Until then only keys with the scope `admin`"
        " see it; its sender is told so in the answer to the upload"
    )
    quarantine: QuarantineResource | None = Field(description="Why it is in quarantine, for `admin` alone")
    name: str | None = Field(description="The file's name as sent: a label")
    media_type: str
    bytes: int
    sha256: str
    width: int
    height: int
    frames: int
    received_at: Timestamp
    ticket: str | None = Field(description="The id of the ticket by which it came. null but for those who know `id`")
    external_id: str | None = Field(
        description="What the maker of that ticket calls it. null but for those who know `id`"
    )
    failure: Problem | None = Field(
        description="Why a failed image has no vignette. Of a ready image: why sizes could not be made, or not be made"
        " anew; it keeps those in `links.vignettes`. `POST /images/<id>/retry` tries both again"
    )
    placeholder: PlaceholderResource | None = Field(description="null until the image has been rendered")
    renditions_pending: dict[str, str] = Field(
        description="The URL of each size of which a vignette is still to come, by name: 202 until it is there. A ready"
        " image has at least the first size; one that moves may be in `links.vignettes` as a still, and here too",
        examples=[{"large": "https://pictures.example/vignette/0?size=large&v=e3c09555"}],
    )
    public_copy: Literal["same-pixels", "re-encoded"] = Field(
        description="What `links.public` gives: the very pixels of the original in its format; or, for TIFF, BMP, HEIC,"
        " HEIF and AVIF, a JPEG of its first picture, upright and in sRGB (a WebP where it is transparent)"
    )
    links: Links


def image_resource(image: Image) -> ImageResource:
    return ImageResource(**image_fields(image))


def as_rendered(image: Image) -> dict[str, Any]:
    """Return the resource for a page that shows what is made of the image, even in quarantine."""
    return image_resource(image).model_dump() | {"state": image.state.value}


def image_fields(image: Image) -> dict[str, Any]:
    """Return the values of the fields of an `ImageResource`, for it and for what adds to it."""
    record, facts, suspicion = image.record, image.record.facts, image.quarantine
    tells_why = current_actor().has(Scope.ADMIN)
    context = web_context()
    ref = ref_of(image)
    is_known = context.policy.knows_number(current_actor(), image)
    vignette = absolute_url("vignettes.show", image_id=ref)
    zoom = next((recipe for recipe in context.recipes if recipe.name == ZOOM.name), ZOOM)
    # Neither a recipe's name nor its digest has anything to quote.
    urls = {recipe: f"{vignette}?size={recipe.name}&v={recipe.digest}" for recipe in context.recipes}
    return {
        "id": image.id if is_known else None,
        "public_name": image.public_name,
        "visibility": image.visibility or context.policy.of_earlier,
        "state": image.state.value if suspicion is None else QUARANTINED,
        "quarantine": None if suspicion is None or not tells_why else QuarantineResource(**asdict(suspicion)),
        "name": record.name,
        "media_type": facts.media_type,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "received_at": record.received_at,
        "ticket": record.ticket if is_known else None,
        "external_id": record.external_id if is_known else None,
        "failure": problem_of_failure(image.failure) if image.has_failed and image.failure else None,
        "placeholder": _placeholder(image),
        "renditions_pending": {recipe.name: url for recipe, url in urls.items() if _is_to_come(image, recipe)},
        "public_copy": copy_of(facts.media_type),
        "links": Links(
            self=absolute_url("images.show", image_id=ref),
            original=absolute_url("files.original", image_id=ref),
            public=absolute_url("files.public", image_id=ref),
            metadata=absolute_url("files.metadata_json", image_id=ref),
            vignette=vignette,
            zoom=f"{vignette}?size={zoom.name}&v={zoom.digest}",
            vignettes={recipe.name: url for recipe, url in urls.items() if image.has(recipe.name)},
        ),
    }


def _placeholder(image: Image) -> PlaceholderResource | None:
    shown = image.placeholder
    return None if shown is None else PlaceholderResource(thumbhash=shown.thumbhash, colour=shown.colour)


def _is_to_come(image: Image, recipe: Recipe) -> bool:
    """Whether a vignette of this size is still to come: of one that moves, the moving one comes last."""
    if image.need is None:
        # The sweep has not come to it yet, where there are other recipes than those that it was rendered by.
        return image.state is State.READY and not image.has(recipe.name) and not image.failure
    may_move = recipe.moves and moves(image.record.facts.media_type, image.record.facts.frames)
    return not image.has(recipe.name) or (image.is_completing and may_move)


def copy_of(media_type: str) -> Literal["same-pixels", "re-encoded"]:
    """Return what the public copy of a picture of this type is."""
    return "same-pixels" if has_same_pixels(media_type) else "re-encoded"
