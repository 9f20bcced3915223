"""The command that tells who did what."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

import click

from vignette.access.actors import OPERATOR
from vignette.access.events import Event, What
from vignette.cli.times import Moment
from vignette.model import ImageId
from vignette.settings import exit_with_words, load_settings

_PAGE: Final = 500


@click.command()
@click.option("--actor", metavar="KEY_ID", help="Only what this key did; or ticket:ID, nobody, operator.")
@click.option("--image", type=click.IntRange(min=0), help="Only what was done to the image with this number.")
@click.option("--what", type=click.Choice([what.value for what in What], case_sensitive=False), help="Only this.")
@click.option("--after", type=Moment(), help="Only what happened later than this time, in UTC without an offset.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many events.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, an object a line.")
def audit(
    actor: str | None,
    image: int | None,
    what: str | None,
    after: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Tell who did what to which image, key or session, and who was refused which right: the newest first."""
    from vignette.wiring.commands import open_auditing

    with exit_with_words():
        auditing, before = open_auditing(load_settings()), None
        while limit > 0:
            page = auditing.newest(
                OPERATOR,
                min(limit, _PAGE),
                before,
                by=actor,
                image_id=None if image is None else ImageId(image),
                what=None if what is None else What(what),
                after=after,
            )
            for _, event in page:
                click.echo(_as_json(event) if as_json else _line(event))
            if len(page) < _PAGE:
                return
            limit, before = limit - len(page), page[-1][0]


def _line(event: Event) -> str:
    parts = [
        f"{event.at:%Y-%m-%d %H:%M:%S} UTC",
        event.what.value,
        f"by {event.actor}",
        *([] if event.address is None else [f"from {event.address}"]),
        *([] if event.image_id is None else [f"image {event.image_id}"]),
        *([] if event.subject is None else [event.subject]),
        *([] if event.detail is None else [event.detail]),
        *([] if event.times == 1 else [f"{event.times} times"]),
    ]
    return "  ".join(parts)


def _as_json(event: Event) -> str:
    return json.dumps(
        {
            "at": event.at.isoformat(),
            "what": event.what,
            "actor": event.actor,
            "address": event.address,
            "image": event.image_id,
            "subject": event.subject,
            "detail": event.detail,
            "times": event.times,
        }
    )
