"""What is done with several images at once: they are taken away in an archive, deleted, shown or hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import IO, Final, cast

from flask import Blueprint, Response, request, stream_with_context
from flask_babel import gettext

from vignette.access.actors import Scope
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    ImageNotFound,
    MalformedRequest,
    Overloaded,
    VignetteError,
)
from vignette.limits import CHUNK_BYTES, MAX_WAIT_S
from vignette.model import Image, ImageRef, Visibility
from vignette.use_cases.weighing import copying_s
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.several import Done, LeftOut
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, see_other, unstored, wants_a_page
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import problem_of
from vignette.web.http.queries import MOST_IDS, one_of, said_ids, wanted_visibility
from vignette.web.http.zipping import Member, distinct, zipped
from vignette.web.rates import take
from vignette.web.routes.files import download_name

archives = Blueprint("archives", __name__)

_ZIP: Final = "application/zip"
_COPIES: Final = ("original", "clean")

_IDS: Final = Parameter(
    "ids",
    f"The images, at most {MOST_IDS}: their numbers or public names, with commas between them",
    {"type": "string", "examples": ["3,1,2"]},
)
_FACES: Final = (
    Answer(200, "To which it was done, and to which not", JSON, Done, headers=("Cache-Control", "Vary")),
    Answer(303, "The front page, for the form of a browser", HTML, headers=("Location", "Vary")),
)


@archives.get("/images.zip")
@operation(
    "Several images in a ZIP archive",
    Answer(200, "The archive, in pieces", _ZIP, headers=("Cache-Control", "Content-Disposition")),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, CatalogueUnavailable, Overloaded),
    parameters=(
        _IDS,
        Parameter(
            "copies",
            "`original`: the very bytes that were uploaded. `clean`: the copies to publish, without metadata",
            {"type": "string", "enum": list(_COPIES), "default": _COPIES[0]},
        ),
    ),
    curl="-OJ '{server}/images.zip?ids=0,1,2'",
)
def zip_of_images() -> Response:
    """
    It holds those of the images that the client may see. What cannot be put in, such as a clean copy of a picture
    that has none, is named in a text within the archive.
    """
    copies = one_of(request.args, "copies", _COPIES, _COPIES[0])
    images = web_context().browsing.several(current_actor(), said_ids(request.args) or [])
    if not images:
        raise ImageNotFound("none of these images is there")
    if copies == "clean":
        # They are made while the answer goes out: too late to be counted.
        take(sum(copying_s(image.record.facts) for image in images))
    members = _originals(images) if copies == "original" else _clean_copies(images)
    response = Response(stream_with_context(zipped(members)), mimetype=_ZIP)
    response.headers.set("Content-Disposition", "attachment", filename=f"vignette-{len(images)}.zip")
    return web_context().capacity.sending(unstored(response))


def _originals(images: Sequence[Image]) -> Iterator[Member]:
    serving = web_context().serving
    # By the image: of those that are left out meanwhile, no other one gets the name.
    names = dict(zip((image.id for image in images), distinct(map(download_name, images)), strict=True))
    return _members(images, lambda image: (names[image.id], serving.original(image)))


def _clean_copies(images: Sequence[Image]) -> Iterator[Member]:
    serving, actor = web_context().serving, current_actor()

    def open_copy(image: Image) -> tuple[str, IO[bytes]]:
        copy = serving.public_copy(actor, image, MAX_WAIT_S)
        if copy is None:
            raise Overloaded
        # The name as sent is left out too, because it may name somebody.
        return f"image-{ref_of(image)}.{copy.extension}", cast(IO[bytes], serving.open_copy(image, copy))

    return _members(images, open_copy)


def _members(images: Sequence[Image], open_file: Callable[[Image], tuple[str, IO[bytes]]]) -> Iterator[Member]:
    """
    Yield a file for each of *images*, and a text that names those whose file cannot be opened. Each is looked at again
    when its turn has come: a reader who takes his time gets nothing that was hidden or deleted meanwhile.
    """
    browsing, actor, left_out = web_context().browsing, current_actor(), []
    for image in images:
        try:
            browsing.existing(actor, image.public_name or image.id)
            name, file = open_file(image)
        except VignetteError as error:
            left_out.append(f"{ref_of(image)}: {gettext(error.title)}\n")
            continue
        with closing(file):
            yield Member(name, image.record.received_at, image.record.bytes, _chunks(file))
    if left_out:
        text = "".join(left_out).encode()
        yield Member(f"{gettext('left out')}.txt", datetime.now(UTC), len(text), [text])


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


@archives.post("/images/delete")
@operation(
    "Delete several images; their numbers stay taken",
    *_FACES,
    scope=Scope.DELETE,
    problems=(CrossSiteRequest, MalformedRequest),
    parameters=(_IDS,),
    curl="-X POST '{server}/images/delete?ids=0,1,2'",
)
def delete_several() -> Response:
    removal, actor = web_context().removal, current_actor()
    return _done(lambda ref: removal.delete(actor, ref))


@archives.post("/images/visibility")
@operation(
    "Say who sees several images",
    *_FACES,
    scope=Scope.EDIT,
    problems=(CrossSiteRequest, MalformedRequest),
    parameters=(_IDS, Parameter("visibility", "Who is to see them", {"type": "string", "enum": list(Visibility)})),
    curl="-X POST '{server}/images/visibility?ids=0,1,2&visibility=private'",
)
def change_several() -> Response:
    visibility = wanted_visibility(request.args)
    editing, actor = web_context().editing, current_actor()
    return _done(lambda ref: editing.set_visibility(actor, ref, visibility))


def _done(act: Callable[[ImageRef], object]) -> Response:
    """Do *act* to each image that the request names, whatever becomes of the others; tell what became of each."""
    refs = said_ids(request.args)
    if not refs:
        raise MalformedRequest("ids is missing, and has to name images")
    end_turn()
    done, left_out = [], []
    for ref in dict.fromkeys(refs):
        try:
            act(ref)
            done.append(ref)
        except VignetteError as error:
            left_out.append(LeftOut(ref=ref, problem=problem_of(error)))
    if wants_a_page():
        response = see_other(absolute_url("about.home"))
    else:
        response = unstored(as_json(Done(done=done, left_out=left_out)))
    response.vary.add("Accept")
    return response
