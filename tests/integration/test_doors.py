"""The way of the README to a service with doors: a first key by command, and what it opens; in real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.running import PROJECT_FOLDER, Service, environment, http_client, running_service, until

NOTE = "no key has the scope admin"


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
        assert NOTE in service.words()
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
        assert NOTE not in service.words()
        assert http_client.get(f"{service.url}/images/0", headers=admin).json()["visibility"] == "private"


def test_a_key_of_a_network_is_for_those_whom_the_proxy_names_and_not_for_the_proxy(tmp_path: Path) -> None:
    with running_service(tmp_path, access="closed", trusted_proxies=["127.0.0.1"]) as service:

        def answered(network: str, home: str, client: str) -> list[int]:
            """What *client* gets with a key of *network*, when it signs in, and with the session of *home*."""
            token = vignette(service, "keys", "add", "bound", "--scope", "read", "--network", network)
            asks, at_home = {"X-Forwarded-For": client}, {"X-Forwarded-For": home}
            with httpx.Client(base_url=service.url, trust_env=False) as browser:
                shown = browser.get("/images", headers={**asks, "Authorization": f"Bearer {token}"})
                form = browser.post("/login", data={"key": token}, headers=asks)
                browser.post("/login", data={"key": token}, headers=at_home)
                assert browser.get("/images", headers=at_home).status_code == 200
                page = browser.get("/images", headers=asks)
            return [answer.status_code for answer in (shown, form, page)]

        assert answered("192.0.2.0/24", home="192.0.2.1", client="192.0.2.7") == [200, 303, 200]
        assert answered("192.0.2.0/24", home="192.0.2.1", client="203.0.113.7") == [401, 401, 401]
        assert answered("127.0.0.0/8", home="127.0.0.1", client="203.0.113.7") == [401, 401, 401]
