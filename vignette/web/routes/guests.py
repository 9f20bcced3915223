"""
What guests are told of the files that they have just sent: for each, its name and whether it was kept. They learn no
number; and the public name of an image only if it is public, or by the way to take it back; its address only if they
may look at it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from vignette.access.actors import NOBODY, Scope
from vignette.errors import VignetteError
from vignette.model import Image, Visibility
from vignette.web.api.resources.guests import SentImage, SentResult, SentResults
from vignette.web.api.resources.images import QUARANTINED
from vignette.web.api.urls import absolute_url
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, unstored
from vignette.web.http.delete_tokens import HEADER as DELETE_TOKEN
from vignette.web.http.negotiation import JSON, TEXT
from vignette.web.http.problems import problem_of
from vignette.web.routes.receipts import refused_line, status_of_all, status_of_kept
from vignette.web.uploading import Receipt

KEPT = "kept"


def sent_image(image: Image) -> SentImage:
    policy = web_context().policy
    is_suspect = image.quarantine is not None
    is_public = (image.visibility or policy.of_earlier) is Visibility.PUBLIC and not is_suspect
    may_look = is_public and policy.why_not(NOBODY, Scope.READ, image) is None
    return SentImage(
        name=image.record.name,
        state=QUARANTINED if is_suspect else image.state.value,
        public_name=image.public_name if is_public else None,
        url=absolute_url("images.show", image_id=image.public_name) if may_look else None,
    )


def sent_result(receipt: Receipt) -> SentResult:
    if isinstance(receipt.outcome, VignetteError):
        problem = problem_of(receipt.outcome)
        return SentResult(name=receipt.name, status=problem.status, problem=problem)
    image = receipt.outcome
    return SentResult(name=receipt.name, status=status_of_kept(image), image=_with_way_back(receipt, image))


def _with_way_back(receipt: Receipt, image: Image) -> SentImage:
    told, token = sent_image(image), _token_of(receipt)
    if token is None:
        return told
    url = absolute_url("images.take_back", image_id=image.public_name, token=token)
    return told.model_copy(update={"take_back_url": url})


def _token_of(receipt: Receipt) -> str | None:
    """Return the token by which its very sender may take the image back; others may have sent the same bytes."""
    if isinstance(receipt.outcome, VignetteError) or not receipt.is_its_own:
        return None
    return web_context().taking_back.token_for(current_actor(), receipt.outcome)


def guest_answer(receipts: Sequence[Receipt], face: str) -> Response:
    """Tell a program what became of what it has sent by a ticket; raise why the only file was refused."""
    if len(receipts) > 1:
        results = [sent_result(receipt) for receipt in receipts]
        if face == JSON:
            return unstored(as_json(SentResults(results=results), status_of_all(results)))
        return Response("".join(map(_line, receipts)), status_of_all(results), mimetype=TEXT)
    outcome = receipts[0].outcome
    if isinstance(outcome, VignetteError):
        raise outcome
    result = sent_result(receipts[0])
    assert result.image is not None
    response = (
        as_json(result.image, result.status)
        if face == JSON
        else Response(_line(receipts[0]), result.status, mimetype=TEXT)
    )
    if result.image.url is not None:
        response.headers["Location"] = result.image.url
    if token := _token_of(receipts[0]):
        response.headers[DELETE_TOKEN] = token
    return unstored(response)


def _line(receipt: Receipt) -> str:
    if isinstance(receipt.outcome, VignetteError):
        return refused_line(receipt.name, receipt.outcome)
    return f"{sent_image(receipt.outcome).public_name or KEPT}\n"
