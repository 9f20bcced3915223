"""Commands on keys: give one out, list them, remove one."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from vignette.access.actors import OPERATOR, Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.cli.ends import End, day, time
from vignette.settings import exit_with_words, load_settings


@click.group()
def keys() -> None:
    """
    Give out keys, list and remove them. The service may run: it takes and refuses them at once.

    Whoever can run these commands can read and write the upload folder and the catalogue, and so needs no key.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(list(Scope), case_sensitive=False),
    help="What the key may do; give the option several times. admin gives every scope, over everybody's images.",
)
@click.option(
    "--expires", "expires_at", type=End(), help="When the key ends: 30d, 12h, or a time. It never ends without."
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    help="From where alone the key is valid, as 192.0.2.0/24; give the option several times.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Pages of which other site may use the key, as https://app.example.org; give the option several times.",
)
@click.option("--max-images", type=click.IntRange(0), help="How many images it may have here at a time.")
@click.option("--max-bytes", type=click.IntRange(0), help="How many bytes all of them may take, vignettes too.")
@click.option("--max-images-per-day", type=click.IntRange(0), help="How many images it may send in a day (UTC).")
def add(
    name: str,
    scopes: tuple[Scope, ...],
    expires_at: datetime | None,
    networks: tuple[str, ...],
    origins: tuple[str, ...],
    max_images: int | None,
    max_bytes: int | None,
    max_images_per_day: int | None,
) -> None:
    """
    Make a key, which you will know again by its NAME.

    Its token is written to standard output, and nothing else. Nobody can show it again.
    """
    from vignette.wiring.commands import open_keyholding

    with exit_with_words():
        keyholding = open_keyholding(load_settings())
        key, token = keyholding.add(
            OPERATOR,
            name,
            scopes,
            expires_at=expires_at,
            networks=networks,
            origins=origins,
            quota=Quota(max_images, max_bytes, max_images_per_day),
        )
    click.echo(f"{_line(key)}\nKeep the token: it is shown this once.", err=True)
    click.echo(token)


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ls(as_json: bool) -> None:
    """List all keys, the newest first."""
    from vignette.wiring.commands import open_keyholding

    with exit_with_words():
        found = open_keyholding(load_settings()).all(OPERATOR)
    if as_json:
        click.echo(json.dumps([_as_object(key) for key in found], indent=1))
    else:
        for key in found:
            click.echo(_line(key))


@keys.command()
@click.argument("key_id", metavar="ID")
def rm(key_id: str) -> None:
    """Remove a key: from now on its token opens nothing. The images that came with it stay."""
    from vignette.wiring.commands import open_keyholding

    with exit_with_words():
        open_keyholding(load_settings()).remove(OPERATOR, key_id)
    click.echo(f"key {key_id} is removed", err=True)


def _line(key: Key) -> str:
    parts = [
        key.id,
        json.dumps(key.name, ensure_ascii=False),
        ",".join(_in_order(key)),
        f"made {day(key.created_at)}",
        "never expires" if key.expires_at is None else f"{_tense(key)} {time(key.expires_at)}",
        "never used" if key.last_used_at is None else f"last used {time(key.last_used_at)}",
        *([f"only from {', '.join(key.networks)}"] if key.networks else []),
        *([f"for pages of {', '.join(key.origins)}"] if key.origins else []),
        *(f"at most {value} {words}" for words, value in _bounds(key) if value is not None),
    ]
    return "  ".join(parts)


def _as_object(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": _in_order(key),
        "created_at": key.created_at.isoformat(),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "networks": key.networks,
        "quota": asdict(key.quota),
        "origins": key.origins,
        "last_used_at": None if key.last_used_at is None else key.last_used_at.isoformat(),
    }


def _bounds(key: Key) -> list[tuple[str, int | None]]:
    quota = key.quota
    return [("images", quota.images), ("bytes", quota.bytes), ("images a day", quota.images_per_day)]


def _in_order(key: Key) -> list[str]:
    return [scope.value for scope in Scope if scope in key.scopes]


def _tense(key: Key) -> str:
    return "expires" if key.is_valid_at(datetime.now(UTC)) else "expired"
