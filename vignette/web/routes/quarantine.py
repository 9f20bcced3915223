"""`/quarantine`: what checks have put there, and what `admin` decides about it."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, make_response, render_template, request
from pydantic import BaseModel, ConfigDict, Field

from vignette.access.actors import Scope
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    ImageNotQuarantined,
    MalformedRequest,
)
from vignette.limits import MAX_REVIEW_NOTE_CHARS
from vignette.model import Decision, ImageRef
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.images import ImageResource, as_rendered, image_resource
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, see_other, unstored
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import PAGE_SIZE, one_of, place_in_list
from vignette.web.small_bodies import FORM, UNREADABLE, read_form, read_json

quarantine = Blueprint("quarantine", __name__)


class NewDecision(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    decision: Decision
    reason: Annotated[
        str | None, Field(max_length=MAX_REVIEW_NOTE_CHARS, description="Kept with an image that is accepted")
    ] = None


@quarantine.get("/quarantine")
@operation(
    "The page of the images in quarantine, newest first, each with two buttons",
    Answer(200, "A page of them", HTML, headers=("Cache-Control",)),
    scope=Scope.ADMIN,
    problems=(MalformedRequest, ImageNotFound, CatalogueUnavailable),
)
def page() -> Response:
    found = web_context().reviewing.waiting(current_actor(), PAGE_SIZE, place_in_list(request.args))
    last = ref_of(found.images[-1]) if found.has_more else None
    following = None if last is None else absolute_url("quarantine.page", before=last)
    images = [as_rendered(image) for image in found.images]
    return unstored(make_response(render_template("quarantine.html", images=images, next_url=following)))


@quarantine.post("/images/<image_id:image_id>/review")
@operation(
    "Accept an image in quarantine, or reject it: then it is deleted",
    Answer(200, "Accepted; the image as it stands now", JSON, ImageResource, headers=("Cache-Control",)),
    Answer(204, "Rejected, and so deleted"),
    Answer(303, "Decided; the page of the quarantine, for the form of a browser", HTML, headers=("Location",)),
    scope=Scope.ADMIN,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, ImageNotFound, ImageDeleted, ImageNotQuarantined),
        *UNWRITABLE,
        FileNotStored,
    ),
    bodies=dict.fromkeys((JSON, FORM), NewDecision),
    curl='--json \'{{"decision": "accept"}}\' {server}/images/0/review',
)
def review(image_id: ImageRef) -> Response:
    is_form = request.mimetype == FORM
    said = _from_form() if is_form else read_json(NewDecision)
    image = web_context().reviewing.decide(current_actor(), image_id, said.decision, said.reason)
    if is_form:
        return see_other(absolute_url("quarantine.page"))
    return no_content() if image is None else unstored(as_json(image_resource(image)))


def _from_form() -> NewDecision:
    form = read_form(NewDecision.model_fields)
    decision, note = Decision(one_of(form, "decision", list(Decision))), form.get("reason") or None
    if note is not None and len(note) > MAX_REVIEW_NOTE_CHARS:
        raise MalformedRequest("reason is too long", measured=len(note), limit=MAX_REVIEW_NOTE_CHARS)
    return NewDecision(decision=decision, reason=note)
