"""The JSON that goes out, as types: what the code answers with, and what the OpenAPI document is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from flask import url_for
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from vignette.access.actors import Scope
from vignette.access.events import Event, What
from vignette.access.keys import Key
from vignette.access.policy import Access
from vignette.access.sessions import Session
from vignette.access.tickets import Ticket, TicketState
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

# What `state` says of an image in quarantine, whatever is made of it by now.
QUARANTINED: Final = "quarantined"

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


class UploadedImage(ImageResource):
    """An image that has just come."""

    delete_token: str | None = Field(
        description="Told to whoever sent the image without a key, here alone: `DELETE` with it deletes the image,"
        " whatever else its bearer may do. Null for whoever showed a key",
        examples=["vd_…"],
    )


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
    image: UploadedImage | None = None
    problem: Problem | None = None


class UploadResults(Resource):
    results: list[UploadResult]


class SentImage(Resource):
    """An image, as a guest is told of it who has sent it by a ticket."""

    name: str | None = Field(description="The file's name as sent: a label")
    state: Literal["pending", "processing", "ready", "failed", "quarantined"]
    public_name: str | None = Field(description="null if the image is private")
    url: str | None = Field(description="Its address, if everybody may look at it")
    take_back_url: str | None = Field(
        default=None, description="A page on which the image can be deleted; told once, in the answer to the upload"
    )


class SentResult(Resource):
    """What became of one file that a guest has sent: `image` if it was kept, else `problem`."""

    name: str | None
    status: int
    image: SentImage | None = None
    problem: Problem | None = None


class SentResults(Resource):
    results: list[SentResult]


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


class QuotaResource(Resource):
    """What a key may have here, and send in a day (UTC); null: any number."""

    images: int | None
    bytes: int | None
    images_per_day: int | None


class AlikeResource(ImageResource):
    """An image that looks like another one."""

    distance: int = Field(description="In how many of 256 bits their perceptual hashes (PDQ) differ: 0 to 31")


class AlikePage(Resource):
    """Images that look like the one that was asked for, the nearest first."""

    images: list[AlikeResource]


class KeyResource(Resource):
    """A key, without its token."""

    id: str = Field(examples=["0123456789abcdef"])
    name: str
    scopes: list[Literal["upload", "read", "edit", "delete", "share", "admin"]]
    created_at: Timestamp
    expires_at: Timestamp | None
    networks: list[str]
    origins: list[str]
    quota: QuotaResource
    last_used_at: Timestamp | None = Field(description="To the minute; null until it is used")


class KeyWithToken(KeyResource):
    token: str = Field(description="The secret to show: `Authorization: Bearer <token>`")


class KeyPage(Resource):
    """Keys, newest first; `next` is the URL of the page after this one, or null on the last."""

    keys: list[KeyResource]
    next: str | None


class TicketResource(Resource):
    """A ticket, without its token."""

    id: str = Field(examples=["0123456789abcdef"])
    state: Literal["open", "spent", "expired", "revoked"] = Field(
        description="`revoked` too if the key that made it is gone, or may not upload any more"
    )
    uses: int = Field(description="How many images may come by it")
    spent: int = Field(description="How many came")
    owner: str | None = Field(description="The id of the key that made it, whose the images are")
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    max_bytes: int | None
    media_types: list[str]
    visibility: Literal["public", "private"] | None
    external_id: str | None
    origins: list[str]
    note: str | None


class TicketWithToken(TicketResource):
    token: str = Field(description="The secret to show with `POST /images`: `Authorization: Bearer <token>`")
    url: str = Field(description="The page where guests send their pictures; it holds the secret")


class TicketWithImages(TicketResource):
    images: list[ImageResource] = Field(description="Those that came and are there, newest first")
    next: str | None = Field(description="The URL that tells of older ones")


class TicketPage(Resource):
    """Tickets, newest first; `next` is the URL of the page after this one, or null on the last."""

    tickets: list[TicketResource]
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


class EventResource(Resource):
    """What somebody did, or was refused."""

    at: Timestamp
    what: What
    actor: str = Field(
        description="The id of the key; `nobody`, who showed none; or `operator`, who ran a command on the machine",
        examples=["0123456789abcdef"],
    )
    address: str | None = Field(
        description="From where: the network or the whole address, as `audit_addresses` says", examples=["192.0.2.0/24"]
    )
    image: int | None = Field(description="The number of the image")
    subject: str | None = Field(description="The id of the key or of the session that it was done to")
    detail: str | None = Field(
        description="Who sees the image now; which scopes the key got, or what of it was changed; the code of the"
        " problem and the scope that was missing",
        examples=["private"],
    )
    times: int = Field(description="How many refusals alike are told as this one")


class EventPage(Resource):
    """Events, newest first; `next` is the URL of the page after this one, or null on the last."""

    events: list[EventResource]
    next: str | None


class FormatResource(Resource):
    name: str
    media_type: str
    extension: str


class RateResource(Resource):
    """
    What who asks may spend in a time, and what is left of it. An ordinary request takes one unit, which is 5 ms of
    processor time; what costs more takes more.
    """

    policy: str = Field(
        description="As in `RateLimit-Policy`. `address`: of your address. `key`: of the key. `requests`: of your"
        " address, by number alone, in each process of the service by itself",
        examples=["address"],
    )
    units: int
    window_s: int
    left: int | None = Field(description="What is left of the units; null: it is not known to all processes")
    reset_s: int | None = Field(description="For so many seconds that is all; then more comes back")


class QuotaStandingResource(QuotaResource):
    """The quota of the key that was shown, and what it has: its images, their bytes with vignettes, those of today."""

    used_images: int
    used_bytes: int
    used_images_today: int


class LimitsResource(Resource):
    """The limits in force, and what who asks has left."""

    max_upload_bytes: int
    max_request_bytes: int
    max_files_per_request: int
    max_pixels: int = Field(description="Width times height of a frame")
    max_frames: int
    max_render_memory_bytes: int = Field(description="What rendering a picture may take of memory")
    formats: list[FormatResource]
    vignettes: list[str] = Field(description="The sizes that `GET /vignette/<id>?size=` knows, the default one first")
    rates: list[RateResource] = Field(default=[], description="Those of who asks; none: as much as anybody likes")
    quota: QuotaStandingResource | None = Field(default=None, description="null: no key was shown")
    max_uploads_at_once: int | None = Field(
        default=None, description="Of the key that was shown, in each process of the service; null: any number"
    )


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
        origins=list(key.origins),
        quota=QuotaResource(**asdict(key.quota)),
        last_used_at=key.last_used_at,
    )


def ticket_resource(ticket: Ticket, state: TicketState) -> TicketResource:
    return TicketResource(
        id=ticket.id,
        state=state.value,
        uses=ticket.uses,
        spent=ticket.spent,
        owner=ticket.owner,
        created_at=ticket.created_at,
        expires_at=ticket.expires_at,
        revoked_at=ticket.revoked_at,
        max_bytes=ticket.max_bytes,
        media_types=list(ticket.media_types),
        visibility=None if ticket.visibility is None else ticket.visibility.value,
        external_id=ticket.external_id,
        origins=list(ticket.origins),
        note=ticket.note,
    )


def session_resource(session: Session) -> SessionResource:
    return SessionResource(
        id=session.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        ends_at=session.ends_at,
        agent=session.agent,
    )


def event_resource(event: Event) -> EventResource:
    return EventResource(
        at=event.at,
        what=event.what,
        actor=event.actor,
        address=event.address,
        image=event.image_id,
        subject=event.subject,
        detail=event.detail,
        times=event.times,
    )


def ref_of(image: Image) -> ImageRef:
    """
    What URLs call the image: its number where everybody may know it, else its public name. Who comes by a signed link
    knows that alone.
    """
    is_for_all = web_context().policy.access is Access.OPEN and current_actor().link is None
    return image.id if is_for_all else image.public_name or image.id


def image_resource(image: Image) -> ImageResource:
    return ImageResource(**_fields(image))


def as_rendered(image: Image) -> dict[str, Any]:
    """Return the resource for a page that shows what is made of the image, even in quarantine."""
    return image_resource(image).model_dump() | {"state": image.state.value}


def alike_resource(image: Image, distance: int) -> AlikeResource:
    return AlikeResource(**_fields(image), distance=distance)


def uploaded_image(image: Image) -> UploadedImage:
    return UploadedImage(**_fields(image), delete_token=web_context().taking_back.token_for(current_actor(), image))


def image_with_metadata(
    image: Image, metadata: dict[str, Any], warnings: Sequence[RenderingWarning]
) -> ImageWithMetadata:
    told = [WarningResource(code=warning, detail=warning.words) for warning in warnings]
    return ImageWithMetadata(**_fields(image), metadata=in_brief(metadata), warnings=told)


def _fields(image: Image) -> dict[str, Any]:
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
