"""Commands on the secrets by which links are signed."""

from __future__ import annotations

import json

import click

from vignette.settings import exit_with_words, load_settings


@click.group("signing-keys")
def signing_keys() -> None:
    """
    The secrets by which links are signed. The service may run: it notices each change at once.

    Whoever has such a secret can read every image. Give one of its own to each app that signs links in its backend:
    docs/links.md says how it does.
    """


@signing_keys.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def ls(as_json: bool) -> None:
    """List all signing keys, the newest first, without their secrets."""
    from vignette.wiring.commands import open_signing_keys

    with exit_with_words():
        ring = open_signing_keys(load_settings()).all()
    found = [
        {"id": key.id, "name": key.name, "made_at": key.made_at.isoformat(), "signs": key.id == ring.signs}
        for key in ring.keys
    ]
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for key in found:
        signs = "  the service signs by it" if key["signs"] else ""
        click.echo(f"{key['id']}  {json.dumps(key['name'], ensure_ascii=False)}  made {key['made_at']}{signs}")


@signing_keys.command()
@click.argument("name")
def add(name: str) -> None:
    """Make a key for an app, which you will know again by its NAME. Its id is written to standard output."""
    from vignette.wiring.commands import open_signing_keys

    with exit_with_words():
        key = open_signing_keys(load_settings()).add(name)
    click.echo(f"`vignette signing-keys show {key.id}` tells its secret", err=True)
    click.echo(key.id)


@signing_keys.command()
@click.argument("key_id", metavar="ID")
def show(key_id: str) -> None:
    """Write the secret of a key to standard output, and nothing else."""
    from vignette.wiring.commands import open_signing_keys

    with exit_with_words():
        secret = open_signing_keys(load_settings()).told(key_id)
    click.echo(secret)


@signing_keys.command()
def rotate() -> None:
    """
    Make another key, by which the service signs from now on. Its id is written to standard output.

    Links that were made before still hold. Once they have ended, or to end them at once, remove the key before it.
    """
    from vignette.wiring.commands import open_signing_keys

    with exit_with_words():
        key = open_signing_keys(load_settings()).rotate()
    click.echo(key.id)


@signing_keys.command()
@click.argument("key_id", metavar="ID")
def rm(key_id: str) -> None:
    """Remove a key: the links that were signed by it end at once."""
    from vignette.wiring.commands import open_signing_keys

    with exit_with_words():
        open_signing_keys(load_settings()).remove(key_id)
    click.echo(f"signing key {key_id} is removed: its links have ended", err=True)
