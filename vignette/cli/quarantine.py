"""Commands on the quarantine: list what waits for a decision, accept it, reject it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from vignette.access.actors import OPERATOR
from vignette.errors import ImageDeleted, ImageNotFound, ImageNotQuarantined
from vignette.limits import MAX_REVIEW_NOTE_CHARS
from vignette.model import Decision, Image, ImageId
from vignette.pixels.metadata.text import harmless
from vignette.settings import exit_with_words, load_settings
from vignette.use_cases.reviewing import Reviewing

_PAGE = 200


@click.group()
def quarantine() -> None:
    """
    Decide about images that a check has put into quarantine. The service may run: it answers accordingly at once.

    A check is set up in vignette.toml; docs/checks.md tells how.
    """


@quarantine.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ls(as_json: bool) -> None:
    """List the images that wait for a decision, the newest first: number, since when, check, reason, name."""
    from vignette.wiring.commands import open_reviewing

    with exit_with_words():
        images = _all(open_reviewing(load_settings()))
        if as_json:
            click.echo(json.dumps([_as_object(image) for image in images], indent=1))
        else:
            for image in images:
                click.echo(_line(image))


@quarantine.command()
@click.argument("numbers", metavar="ID...", nargs=-1, required=True, type=click.IntRange(min=0))
@click.option("--reason", help="Why; kept in the folder of the image.")
def accept(numbers: tuple[int, ...], reason: str | None) -> None:
    """Let images out: from now on each is one like any other. Exit status 1 if one does not wait for that."""
    _decide(numbers, Decision.ACCEPT, reason)


@quarantine.command()
@click.argument("numbers", metavar="ID...", nargs=-1, required=True, type=click.IntRange(min=0))
def reject(numbers: tuple[int, ...]) -> None:
    """Delete images for good; their numbers stay taken. Exit status 1 if one does not wait for that."""
    _decide(numbers, Decision.REJECT, None)


def _decide(numbers: tuple[int, ...], decision: Decision, reason: str | None) -> None:
    from vignette.wiring.commands import open_reviewing

    if reason is not None and len(reason) > MAX_REVIEW_NOTE_CHARS:
        raise click.UsageError(f"a reason has at most {MAX_REVIEW_NOTE_CHARS} characters, this one has {len(reason)}")
    refused = 0
    with exit_with_words():
        reviewing = open_reviewing(load_settings())
        for image_id in map(ImageId, numbers):
            try:
                reviewing.decide(OPERATOR, image_id, decision, reason)
            except (ImageNotFound, ImageDeleted, ImageNotQuarantined) as error:
                click.echo(f"vignette: {error}", err=True)
                refused += 1
            else:
                click.echo(image_id)
    sys.exit(1 if refused else 0)


def _all(reviewing: Reviewing) -> Iterator[Image]:
    before = None
    while True:
        page = reviewing.waiting(OPERATOR, _PAGE, before)
        yield from page.images
        if not page.has_more:
            return
        before = page.images[-1].id


def _line(image: Image) -> str:
    found = _as_object(image)
    name = json.dumps(harmless(image.record.name or ""), ensure_ascii=False)
    return f"{found['id']}  {found['since']}  {found['check']}  {found['reason']}  {name}"


def _as_object(image: Image) -> dict[str, object]:
    suspicion, record = image.quarantine, image.record
    return {
        "id": image.id,
        "since": None if suspicion is None else suspicion.since.isoformat(timespec="seconds"),
        "check": suspicion and suspicion.check,
        "reason": suspicion and suspicion.reason,
        "name": record.name,
        "media_type": record.facts.media_type,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "owner": record.owner,
    }
