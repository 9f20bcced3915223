"""What was done with several images at once."""

from __future__ import annotations

from vignette.web.api.resources.base import Resource
from vignette.web.http.problems import Problem


class LeftOut(Resource):
    """An image to which something was not done, as it was named, and why."""

    ref: int | str
    problem: Problem


class Done(Resource):
    """To which of the images that a request names something was done: each as it was named."""

    done: list[int | str]
    left_out: list[LeftOut]
