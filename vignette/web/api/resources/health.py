"""Whether the service works."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vignette.web.api.resources.base import Resource


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
