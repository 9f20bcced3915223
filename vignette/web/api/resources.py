"""The JSON that goes out, as types: what the code answers with, and what the OpenAPI document is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from flask import url_for
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from vignette.access.keys import Key
from vignette.access.policy import Access
from vignette.access.sessions import Session
from vignette.limits import KIB
from vignette.model import Image, ImageRef, RenderingWarning, State
from vignette.pixels.formats import ACCEPTED_FORMATS, moves
from vignette.pixels.metadata import fit
from vignette.recipes import ZOOM, Recipe
from vignette.use_cases.publishing import has_same_pixels
from vignette.web.context import current_actor, web_context
from vignette.web.http.problems import Problem, problem_of_failure

# A longer binary value (MakerNote, preview) would be most of the resource; it is whole in `metadata.json`.
_LONG_BYTES: Final = 256
# So would be a packet of XMP, a text of megabytes. What cameras and programs write is far below.
_LONG_TEXT_CHARS: Final = 4 * KIB
_METADATA_BYTES: Final = 256 * KIB

# RFC 3339 in UTC, to the millisecond.
Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), when_used="json"),
]


class Resource(BaseModel):
    model_config = ConfigDict(frozen=True)


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
    state: Literal["pending", "processing", "ready", "failed"]
    name: str | None = Field(description="The file's name as sent: a label")
    media_type: str
    bytes: int
    sha256: str
    width: int
    height: int
    frames: int
    received_at: Timestamp
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


class WarningResource(Resource):
    """What the rendering of a ready image passed over, or did not make."""

    code: RenderingWarning
    detail: str


class ImageWithMetadata(ImageResource):
    """An image, and what its file says of itself; long values are left to `links.metadata`."""

    metadata: dict[str, Any]
    warnings: list[WarningResource] = Field(
        description="What rendering passed over. What the check of the upload mended is in `metadata.warnings`"
    )


class UploadResult(Resource):
    """What became of one file of a request: `image` if it was kept, else `problem`."""

    name: str | None
    status: int
    image: ImageResource | None = None
    problem: Problem | None = None


class UploadResults(Resource):
    results: list[UploadResult]


class CataloguePage(Resource):
    """Images, newest first; `next` is the URL of the page after this one, or null on the last."""

    images: list[ImageResource]
    next: str | None


class NeighboursResource(Resource):
    """The images next to one in a list that begins with the newest; the nearest comes first in both."""

    newer: list[ImageResource]
    older: list[ImageResource]


class LeftOut(Resource):
    """An image to which something was not done, as it was named, and why."""

    ref: int | str
    problem: Problem


class Done(Resource):
    """To which of the images that a request names something was done: each as it was named."""

    done: list[int | str]
    left_out: list[LeftOut]


class KeyResource(Resource):
    """A key, without its token."""

    id: str = Field(examples=["0123456789abcdef"])
    name: str
    scopes: list[Literal["upload", "read", "edit", "delete", "share", "admin"]]
    created_at: Timestamp
    expires_at: Timestamp | None
    networks: list[str]
    last_used_at: Timestamp | None = Field(description="To the minute; null until it is used")


class KeyWithToken(KeyResource):
    token: str = Field(description="The secret to show: `Authorization: Bearer <token>`")


class KeyPage(Resource):
    """Keys, newest first; `next` is the URL of the page after this one, or null on the last."""

    keys: list[KeyResource]
    next: str | None


class SessionResource(Resource):
    """A browser that has shown the key."""

    id: str = Field(examples=["0123456789abcdef"])
    created_at: Timestamp
    last_used_at: Timestamp = Field(description="To the hour")
    ends_at: Timestamp = Field(description="When it ends if it is not used before")
    agent: str | None = Field(description="What the browser says of itself: a label")


class SessionList(Resource):
    sessions: list[SessionResource]


class FormatResource(Resource):
    name: str
    media_type: str
    extension: str


class LimitsResource(Resource):
    """The limits in force."""

    max_upload_bytes: int
    max_request_bytes: int
    max_files_per_request: int
    max_pixels: int = Field(description="Width times height of a frame")
    max_frames: int
    max_render_memory_bytes: int = Field(description="What rendering a picture may take of memory")
    formats: list[FormatResource]
    vignettes: list[str] = Field(description="The sizes that `GET /vignette/<id>?size=` knows, the default one first")


class Alive(Resource):
    status: Literal["alive"] = "alive"


class Check(Resource):
    status: Literal["up", "down"]
    detail: str | None = None


class Sandbox(Resource):
    """
    What this machine has to shut in what reads the pictures of strangers. Without it the service works all the same.
    """

    landlock: int = Field(description="The version of Landlock; 0: the kernel has none")
    seccomp: bool


class Readiness(Resource):
    """
    Whether an upload can be taken now. `degraded`: it can, and its vignette waits until the queue or a worker is back.
    """

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Check]
    sandbox: Sandbox


def absolute_url(endpoint: str, **values: Any) -> str:
    """The URL as clients see it: below `public_url` where that is set, else on the host that they asked."""
    return url_for(endpoint, **values, _external=True)


def current_limits() -> LimitsResource:
    context = web_context()
    intake, requests = context.intake.limits, context.request_limits
    return LimitsResource(
        max_upload_bytes=intake.max_bytes,
        max_request_bytes=requests.max_bytes,
        max_files_per_request=requests.max_files,
        max_pixels=intake.max_pixels,
        max_frames=intake.max_frames,
        max_render_memory_bytes=intake.max_memory_bytes,
        formats=[FormatResource(name=f.name, media_type=f.media_type, extension=f.extension) for f in ACCEPTED_FORMATS],
        vignettes=[recipe.name for recipe in context.recipes],
    )


def key_resource(key: Key) -> KeyResource:
    return KeyResource(
        id=key.id,
        name=key.name,
        scopes=sorted(scope.value for scope in key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        networks=list(key.networks),
        last_used_at=key.last_used_at,
    )


def session_resource(session: Session) -> SessionResource:
    return SessionResource(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        ends_at=session.ends_at,
        agent=session.agent,
    )


def ref_of(image: Image) -> ImageRef:
    """What URLs call the image: its number where everybody may know it, else its public name."""
    return image.id if web_context().policy.access is Access.OPEN else image.public_name or image.id


def image_resource(image: Image) -> ImageResource:
    return ImageResource(**_fields(image))


def image_with_metadata(
    image: Image, metadata: dict[str, Any], warnings: Sequence[RenderingWarning]
) -> ImageWithMetadata:
    told = [WarningResource(code=warning, detail=warning.words) for warning in warnings]
    return ImageWithMetadata(**_fields(image), metadata=in_brief(metadata), warnings=told)


def _fields(image: Image) -> dict[str, Any]:
    record, facts = image.record, image.record.facts
    context = web_context()
    ref = ref_of(image)
    vignette = absolute_url("vignettes.show", image_id=ref)
    zoom = next((recipe for recipe in context.recipes if recipe.name == ZOOM.name), ZOOM)
    # Neither a recipe's name nor its digest has anything to quote.
    urls = {recipe: f"{vignette}?size={recipe.name}&v={recipe.digest}" for recipe in context.recipes}
    return {
        "id": image.id if context.policy.knows_number(current_actor(), image) else None,
        "public_name": image.public_name,
        "visibility": image.visibility or context.policy.of_earlier,
        "state": image.state.value,
        "name": record.name,
        "media_type": facts.media_type,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "received_at": record.received_at,
        "failure": problem_of_failure(image.failure) if image.has_failed and image.failure else None,
        "placeholder": PlaceholderResource(**asdict(image.placeholder)) if image.placeholder else None,
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


def _is_to_come(image: Image, recipe: Recipe) -> bool:
    """Whether a vignette of this size is still to come: of one that moves, the moving one comes last."""
    if image.need is None:
        # The sweep has not come to it yet, where there are other recipes than those that it was rendered by.
        return image.state is State.READY and not image.has(recipe.name) and not image.failure
    may_move = recipe.moves and moves(image.record.facts.media_type, image.record.facts.frames)
    return not image.has(recipe.name) or (image.is_completing and may_move)


def in_brief(metadata: dict[str, Any]) -> dict[str, Any]:
    """*metadata* without long values; a warning tells if texts were cut or what did not fit was left out."""
    fitted = fit(_without_long_bytes(metadata), _METADATA_BYTES, _LONG_TEXT_CHARS)
    brief: dict[str, Any] = fitted.value
    if fitted.cut or fitted.left_out:
        warning = f"{fitted.cut:,} long values are cut here and {fitted.left_out:,} left out: metadata.json has them"
        warnings = brief.get("warnings")
        brief["warnings"] = [*(warnings if isinstance(warnings, list) else ()), warning]
    return brief


def _without_long_bytes(value: Any) -> Any:
    """*value*, with the base64 of long typed bytes left out; their type and length stay."""
    if isinstance(value, list):
        return [_without_long_bytes(item) for item in value]
    match value:
        case {"type": "bytes", "length": int() as length} if length > _LONG_BYTES:
            return {name: item for name, item in value.items() if name != "base64"}
        case dict():
            return {name: _without_long_bytes(item) for name, item in value.items()}
    return value


def copy_of(media_type: str) -> Literal["same-pixels", "re-encoded"]:
    """Return what the public copy of a picture of this type is."""
    return "same-pixels" if has_same_pixels(media_type) else "re-encoded"
