"""
What guests are told of the files that they have just sent: for each, its name and whether it was kept. They learn no
number; and the public name of an image only if it is public, its address only if they may look at it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from vignette.access.actors import NOBODY, Scope
from vignette.errors import VignetteError
from vignette.model import Image, Visibility
from vignette.web.api.resources import SentImage, SentResult, SentResults, absolute_url
from vignette.web.context import web_context
from vignette.web.http.answers import as_json
from vignette.web.http.negotiation import JSON, TEXT
from vignette.web.http.problems import problem_of, status_of
from vignette.web.uploading import Receipt

KEPT = "kept"


def sent_image(image: Image) -> SentImage:
    policy = web_context().policy
    is_public = (image.visibility or policy.of_earlier) is Visibility.PUBLIC
    may_look = is_public and policy.why_not(NOBODY, Scope.READ, image) is None
    return SentImage(
        name=image.record.name,
        state=image.state.value,
        public_name=image.public_name if is_public else None,
        url=absolute_url("images.show", image_id=image.public_name) if may_look else None,
    )


def sent_result(receipt: Receipt) -> SentResult:
    if isinstance(receipt.outcome, VignetteError):
        problem = problem_of(receipt.outcome)
        return SentResult(name=receipt.name, status=problem.status, problem=problem)
    return SentResult(name=receipt.name, status=201, image=sent_image(receipt.outcome))


def status_for(results: Sequence[SentResult]) -> int:
    """201: all were kept; 207: some were (RFC 4918); else that of the first refusal."""
    kept = [result for result in results if result.image]
    return 201 if len(kept) == len(results) else 207 if kept else results[0].status


def guest_answer(receipts: Sequence[Receipt], face: str) -> Response:
    """Tell a program what became of what it has sent by a ticket; raise why the only file was refused."""
    if len(receipts) > 1:
        results = [sent_result(receipt) for receipt in receipts]
        if face == JSON:
            return as_json(SentResults(results=results), status_for(results))
        return Response("".join(map(_line, receipts)), status_for(results), mimetype=TEXT)
    outcome = receipts[0].outcome
    if isinstance(outcome, VignetteError):
        raise outcome
    image = sent_image(outcome)
    response = as_json(image, 201) if face == JSON else Response(_line(receipts[0]), 201, mimetype=TEXT)
    if image.url is not None:
        response.headers["Location"] = image.url
    return response


def _line(receipt: Receipt) -> str:
    if isinstance(receipt.outcome, VignetteError):
        return f"refused {status_of(type(receipt.outcome))} {receipt.outcome.code} {receipt.name or ''}\n"
    return f"{sent_image(receipt.outcome).public_name or KEPT}\n"
