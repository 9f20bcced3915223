"""The way of the README to a service with doors: a first key by command, and what it opens; in real processes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import picture
from tests.running import PROJECT_FOLDER, Service, environment, http_client, running_service, until

LINK = re.compile(r"first key, for you alone, once, within a day:  (\S+)\?token=(\S+)")


def vignette(service: Service, *arguments: str) -> str:
    """Run a command beside *service*; return what it prints."""
    command = [sys.executable, "-m", "vignette", *arguments]
    folders = {"upload_folder": service.upload_folder, "state_folder": service.state_folder}
    env = environment(service.state_folder.parent, **folders)
    done = subprocess.run(command, cwd=PROJECT_FOLDER, env=env, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


@pytest.mark.parametrize("access", ["gallery", "closed"])
def test_the_first_key_opens_the_doors_and_is_obeyed_until_it_is_taken_back(tmp_path: Path, access: str) -> None:
    with running_service(tmp_path, access=access) as service:
        link = LINK.search(service.words())
        assert link is not None
        url = service.url
        assert http_client.post(f"{url}/images", content=picture()).status_code == 401

        admin = {"Authorization": f"Bearer {vignette(service, 'keys', 'add', 'admin', '--scope', 'admin')}"}
        made = http_client.post(f"{url}/keys", json={"name": "app", "scopes": ["upload"]}, headers=admin)
        assert made.status_code == 201, made.text
        app = {"Authorization": f"Bearer {made.json()['token']}"}
        kept = http_client.post(f"{url}/images", content=picture(), headers={**app, "Accept": "application/json"})
        image = kept.json()

        assert (kept.status_code, image["id"], image["visibility"]) == (201, 0, "public")
        name = image["public_name"]
        assert name in image["links"]["self"]
        for ref, status in ((0, 404), (name, 200)):
            found = http_client.get(f"{url}/images/{ref}").status_code
            assert found == (401 if access == "closed" else status)
        until(lambda: http_client.get(f"{url}/vignette/{name}", headers=admin).status_code == 200)
        for _ in range(3):  # the way round Flask keeps what everybody may see, in each process
            found = http_client.get(f"{url}/vignette/{name}").status_code
            assert found == (401 if access == "closed" else 200)

        patch = http_client.patch(f"{url}/images/{name}", json={"visibility": "private"}, headers=admin)
        assert patch.status_code == 200
        for _ in range(20):
            assert http_client.get(f"{url}/vignette/{name}").status_code == (401 if access == "closed" else 404)

        vignette(service, "keys", "rm", made.json()["id"])
        for _ in range(20):
            assert http_client.post(f"{url}/images", content=picture(), headers=app).status_code == 401

    with running_service(tmp_path, access=access) as service:
        assert not LINK.search(service.words())
        assert http_client.get(f"{service.url}/images/0", headers=admin).json()["visibility"] == "private"


def test_the_link_of_the_start_makes_the_first_key_once(tmp_path: Path) -> None:
    with running_service(tmp_path, access="closed") as service:
        link = LINK.search(service.words())
        assert link is not None
        url, token = link.groups()
        page = http_client.get(url, params={"token": token})
        assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
        made = http_client.post(url, data={"token": token})
        key = re.search(r"vk_[a-z2-7]{59}", made.text)
        assert made.status_code == 201
        assert key is not None
        session = {"Cookie": made.headers["Set-Cookie"].partition(";")[0]}
        http_client.cookies.clear()
        for headers in ({"Authorization": f"Bearer {key[0]}"}, session):
            assert http_client.get(f"{service.url}/keys", headers=headers).status_code == 200
        assert http_client.post(url, data={"token": token}).status_code == 401

    with running_service(tmp_path, access="closed") as service:
        assert not LINK.search(service.words())


def test_where_everybody_may_do_everything_no_key_is_offered(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        assert not LINK.search(service.words())
        assert http_client.post(f"{service.url}/first-key", data={"token": "vf_" + "a" * 59}).status_code == 401
