"""Signed links in real processes: the commands, an app that signs by itself, a service that runs meanwhile, a copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from tests import needs
from tests.house import house as new_house
from tests.house import picture
from tests.integration.test_commands import vignette as run_command
from tests.integration.test_doors import blocks_of_the_readme, vignette
from tests.running import PROJECT_FOLDER, http_client, running_service, until
from vignette import layout
from vignette.access.actors import OPERATOR
from vignette.access.policy import Access
from vignette.model import Visibility

ASKED: Final = 20
"""So often, to come to each process of the web server."""


def signed_by_an_app(secret: str, key_id: str, what: str, image: str, **values: str) -> str:
    """By the program that docs/links.md gives to apps."""
    names: dict[str, Any] = {}
    page = (PROJECT_FOLDER / "docs" / "links.md").read_text(encoding="utf-8")
    exec(re.findall(r"```python\n(.+?)```", page, re.DOTALL)[0], names)
    now = int(time.time())
    values = {"made": str(now), "expires": str(now + 600), "place": "none", "key": key_id, **values}
    path: str = names["signed_link"](secret, what, image, **values)
    return path


@needs.program("curl", "curl")
def test_a_service_that_runs_believes_each_signing_key_from_the_moment_it_is_there_and_no_longer(
    tmp_path: Path,
) -> None:
    with running_service(tmp_path, access="gallery", visibility="private") as service:
        url = service.url
        file = service.upload_folder / layout.SERVICE / layout.SIGNING_KEYS
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        token = vignette(service, "keys", "add", "owner", "--scope", "upload", "--scope", "share")
        owner = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        name = http_client.post(f"{url}/images", content=picture(), headers=owner).json()["public_name"]
        body = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}
        ours = http_client.post(f"{url}/images/{name}/links", json=body, headers=owner).json()["url"]

        app = vignette(service, "signing-keys", "add", "my app")
        secret = vignette(service, "signing-keys", "show", app)
        theirs = url + signed_by_an_app(secret, app, "vignette", name)
        until(lambda: http_client.get(theirs).status_code == 200)
        for _ in range(ASKED):
            assert http_client.get(ours).status_code == 200
            assert http_client.get(theirs).status_code == 200
            assert http_client.get(theirs.replace("vignette/", "images/")).status_code == 404

        [line] = blocks_of_the_readme("A private picture for somebody without a key")
        answer = subprocess.run(
            ["sh", "-euc", line.replace("curl", "curl --silent --noproxy '*'").replace("2030", "2999")],
            env={**os.environ, "KEY": token, "URL": url, "NAME": name},
            capture_output=True,
            text=True,
            check=True,
        )
        assert http_client.get(json.loads(answer.stdout)["url"]).status_code == 200

        first = json.loads(vignette(service, "signing-keys", "ls", "--json"))[-1]
        assert first["signs"]
        vignette(service, "signing-keys", "rotate")
        for _ in range(ASKED):
            assert http_client.get(ours).status_code == 200
        vignette(service, "signing-keys", "rm", first["id"])
        vignette(service, "signing-keys", "rm", app)
        for _ in range(ASKED):
            assert http_client.get(ours).status_code == 404
            assert http_client.get(theirs).status_code == 404
        again = http_client.post(f"{url}/images/{name}/links", json=body, headers=owner).json()["url"]
        assert http_client.get(again).status_code == 200
        assert secret not in service.words()


def test_commands_say_what_they_do_and_what_they_refuse(tmp_path: Path) -> None:
    with new_house(tmp_path):
        pass

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(tmp_path, "signing-keys", *arguments)

    [own] = json.loads(command("ls", "--json").stdout)
    assert (own["name"], own["signs"]) == ("this service", True)
    app = command("add", "mon appli").stdout.strip()
    secret = command("show", app).stdout.strip()
    listed = command("ls")
    assert re.fullmatch(r"vl_[a-z2-7]{59}", secret)
    assert [line.split("  ")[:2] for line in listed.stdout.splitlines()] == [
        [app, '"mon appli"'],
        [own["id"], '"this service"'],
    ]
    assert secret not in listed.stdout + listed.stderr

    refused = command("rm", own["id"])
    assert (refused.returncode, "rotate" in refused.stderr) == (1, True)
    assert command("rm", "0" * 16).stderr == "vignette: there is no signing key '0000000000000000'\n"
    assert command("show", "0" * 16).returncode == 1
    newer = command("rotate").stdout.strip()
    assert command("rm", own["id"]).returncode == 0
    assert [key["id"] for key in json.loads(command("ls", "--json").stdout) if key["signs"]] == [newer]


def test_of_a_damaged_file_no_secret_is_told(tmp_path: Path) -> None:
    with new_house(tmp_path):
        pass
    run_command(tmp_path, "signing-keys", "ls")
    file = tmp_path / "uploads" / layout.SERVICE / layout.SIGNING_KEYS
    secret = json.loads(file.read_text())["keys"][0]["secret"]
    file.write_text(file.read_text().replace('"id"', '"no id"'))

    for arguments in (("ls",), ("rotate",), ("show", "0" * 16)):
        done = run_command(tmp_path, "signing-keys", *arguments)
        assert done.returncode == 1
        assert "no signing keys that Vignette has written" in done.stderr
        assert secret[3:20] not in done.stdout + done.stderr


def test_a_copy_of_the_upload_folder_has_its_links_but_for_those_that_could_be_revoked(tmp_path: Path) -> None:
    with new_house(tmp_path / "here", access=Access.GALLERY) as here:
        image = here.upload(picture(), actor=OPERATOR, visibility=Visibility.PRIVATE)
        here.work()
        body = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}
        _, token = here.keyholding.add(OPERATOR, "admin", {"admin"})
        urls = [
            here.client.post(
                f"/images/{image.public_name}/links",
                json={**body, "revocable": revocable},
                headers={"Authorization": f"Bearer {token}"},
            ).json["url"]
            for revocable in (False, True)
        ]
        paths = [url.removeprefix("http://localhost") for url in urls]
        assert [here.client.get(path).status_code for path in paths] == [200, 200]
    shutil.copytree(tmp_path / "here" / "uploads", tmp_path / "there" / "uploads")
    done = run_command(tmp_path / "there", "reindex")
    assert done.returncode == 0
    assert "signing-keys.json came with the folder (1)" in done.stderr
    assert "signing-keys.json" not in run_command(tmp_path / "there", "signing-keys", "ls").stderr

    with new_house(tmp_path / "there", access=Access.GALLERY) as there:
        assert [there.client.get(path).status_code for path in paths] == [200, 404]
