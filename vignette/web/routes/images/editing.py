"""What is said of an image after it came: who sees it."""

from __future__ import annotations

from flask import Response, request
from pydantic import BaseModel, ConfigDict

from vignette.access.actors import Scope
from vignette.errors import (
    ConditionRequired,
    CrossSiteRequest,
    EditedMeanwhile,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    MalformedRequest,
)
from vignette.model import ImageRef, Visibility
from vignette.web.api.headers import IN_A_LIST, Parameter, header
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.images import ImageResource, image_resource
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, checked_each_time, see_other
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import said_list, wanted_visibility
from vignette.web.routes.images.blueprint import images
from vignette.web.routes.images.image import tagged_json
from vignette.web.small_bodies import MERGE_PATCH, UNREADABLE, read_json


class ImagePatch(BaseModel):
    """What is to be changed (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    visibility: Visibility


@images.patch("/<image_id:image_id>")
@operation(
    "Say who sees an image",
    Answer(200, "The image as it stands now", JSON, ImageResource, headers=("Cache-Control", "ETag")),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, ImageNotFound, ImageDeleted, ConditionRequired, EditedMeanwhile),
        *UNWRITABLE,
        FileNotStored,
    ),
    bodies=dict.fromkeys((MERGE_PATCH, JSON), ImagePatch),
    parameters=(
        header(
            "If-Match",
            "The `ETag` of the image that is to be changed: if somebody has changed it meanwhile, 412, and nothing"
            " happens. `*`: change it whatever it is. Without it, 428",
            {"type": "string", "examples": ["*"]},
        ),
    ),
    curl='-X PATCH -H "If-Match: *" --json \'{{"visibility": "private"}}\' {server}/images/0',
)
def change(image_id: ImageRef) -> Response:
    """
    `private`: its owner and `admin` alone see it, from now on; for all others it is as if there were no such image.
    """
    editions = _editions_named()
    patch = read_json(ImagePatch, (MERGE_PATCH, JSON))
    image = web_context().editing.set_visibility(current_actor(), image_id, patch.visibility, editions)
    response = checked_each_time(as_json(image_resource(image)))
    response.headers["ETag"] = tagged_json(image).headers["ETag"]
    return response


def _editions_named() -> frozenset[str] | None:
    """
    Return the editions that `If-Match` names, None for whatever edition there is. All of the tag but the edition is
    passed over: a vignette that was made meanwhile is no reason to refuse.

    Raises:
        ConditionRequired: There is no `If-Match` (RFC 6585, section 3).
    """
    if "If-Match" not in request.headers:
        raise ConditionRequired("a change of an image needs If-Match: the ETag of the image, or *")
    if request.if_match.star_tag:
        return None
    return frozenset(tag.partition("-")[0] for tag in request.if_match.as_set())


@images.post("/<image_id:image_id>/visibility")
@operation(
    "Say who sees an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "The page of the image", HTML, headers=("Location",)),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, MalformedRequest, ImageNotFound, ImageDeleted),
        *UNWRITABLE,
        FileNotStored,
    ),
    parameters=(
        Parameter("visibility", "Who is to see it", {"type": "string", "enum": list(Visibility)}),
        IN_A_LIST,
    ),
)
def change_form(image_id: ImageRef) -> Response:
    visibility, ids = wanted_visibility(request.args), said_list(request.args)
    end_turn()
    image = web_context().editing.set_visibility(current_actor(), image_id, visibility)
    return see_other(absolute_url("images.show", image_id=ref_of(image), ids=ids))
