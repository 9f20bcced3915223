"""What became of the files of a guest: whoever shows a ticket is told less."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vignette.web.api.resources.base import Resource
from vignette.web.http.problems import Problem


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
