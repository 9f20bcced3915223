"""What is told of several files that came together, whoever has sent them."""

from __future__ import annotations

from collections.abc import Sequence

from vignette.errors import VignetteError
from vignette.model import Image
from vignette.web.api.resources.guests import SentResult
from vignette.web.api.resources.uploads import UploadResult
from vignette.web.http.problems import status_of


def status_of_kept(image: Image) -> int:
    """Return 202 for an image that waits for a decision, else 201."""
    return 201 if image.quarantine is None else 202


def status_of_all(results: Sequence[UploadResult] | Sequence[SentResult]) -> int:
    """That of them all; 207 if some were kept and they fared differently (RFC 4918); else that of the first refusal."""
    statuses = {result.status for result in results}
    return 207 if len(statuses) > 1 and any(result.image for result in results) else results[0].status


def refused_line(name: str | None, error: VignetteError) -> str:
    """Return the line of the plain answer for a file of this *name*, which may hold spaces: it comes last."""
    return f"refused {status_of(type(error))} {error.code} {name or ''}\n"
