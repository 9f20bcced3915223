"""The way of the README to a service with doors: a first key by command, and what it opens; in real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import needs
from tests.house import picture
from tests.running import PROJECT_FOLDER, Service, environment, http_client, running_service, until
from vignette.trials.own_port import free_port

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
        assert http_client.get(f"{url}/limits", headers=app).json()["max_uploads_at_once"] == 8
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

        patch = http_client.patch(
            f"{url}/images/{name}", json={"visibility": "private"}, headers={**admin, "If-Match": "*"}
        )
        assert patch.status_code == 200
        for _ in range(20):
            assert http_client.get(f"{url}/vignette/{name}").status_code == (401 if access == "closed" else 404)

        vignette(service, "keys", "rm", made.json()["id"])
        for _ in range(20):
            assert http_client.post(f"{url}/images", content=picture(), headers=app).status_code == 401

    with running_service(tmp_path, access=access, visibility="private") as service:
        assert not LINK.search(service.words())
        assert http_client.get(f"{service.url}/images/0", headers=admin).json()["visibility"] == "private"
        answer = http_client.post(
            f"{service.url}/images", content=picture(), headers={**admin, "Accept": "application/json"}
        )
        assert answer.json()["visibility"] == "private"


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


def blocks_of_the_readme(heading: str) -> list[str]:
    """Return the indented blocks of the README below *heading*, up to the next one."""
    _, _, rest = (PROJECT_FOLDER / "README.md").read_text().partition(f"\n### {heading}\n")
    section = re.split(r"(?m)^##", rest)[0]
    return [textwrap.dedent(block).strip() for block in re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", section)]


@contextmanager
def nginx_of_the_readme(folder: Path, server: str, port: int, service_port: int) -> Iterator[None]:
    """Run nginx in *folder* with the README's *server* on *port*, without TLS: no authority vouches for us."""
    folder.mkdir()
    server = re.sub(r"ssl_certificate.*;\n", "", server).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    server = server.replace("http://127.0.0.1:5000", f"http://127.0.0.1:{service_port}")
    own = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""  # another one may not write to our folder
    config = folder / "nginx.conf"
    config.write_text(f"daemon off; {user} pid pid; events {{}} http {{ access_log off; {own} {server} }}")
    nginx = shutil.which("nginx") or shutil.which("nginx", path=needs.ADMINISTRATORS_PATH) or "nginx"
    process = subprocess.Popen([nginx, "-p", folder, "-c", config, "-e", "error.log"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{port}/healthz"))
        assert process.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return http_client.get(url).is_success
    except httpx.TransportError:
        return False


@needs.program("nginx", "nginx-light")
@needs.program("curl", "curl")
def test_what_the_readme_says_of_the_internet_is_so(tmp_path: Path) -> None:
    settings, server, *lines = blocks_of_the_readme("On the internet")
    port, service_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    values = tomllib.loads(settings) | {"public_url": url, "port": service_port}
    here = tmp_path / "here"
    here.mkdir()
    (here / "image_test").symlink_to(PROJECT_FOLDER / "image_test")
    vignette = f"'{sys.executable}' -m vignette"
    script = "\n".join(lines)
    for said, done in (
        ("https://pictures.example.org", url),
        ("keys rm ID", "keys rm $(script/vignette keys ls | grep phone | cut -c -16)"),
        ("script/vignette", vignette),
    ):
        assert said in script
        script = script.replace(said, done)
    failing = "set -eu\ncurl() { command curl --silent --show-error --fail-with-body --noproxy '*' \"$@\"; echo; }\n"
    telling = '\necho "$KEY $NUMBER $NAME $TICKET"'

    with (
        running_service(tmp_path, **values) as service,
        nginx_of_the_readme(tmp_path / "nginx", server, port, service_port),
    ):
        folders = {"upload_folder": service.upload_folder, "state_folder": service.state_folder}
        env = environment(tmp_path, **values, **folders)
        done = subprocess.run(
            ["sh", "-c", failing + script + telling], cwd=here, env=env, capture_output=True, text=True
        )

        assert done.returncode == 0, done.stdout + done.stderr
        answered = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        private, public, shared, tickets, keys, tablet, audit = answered
        key, number, name, ticket = done.stdout.split()[-4:]
        assert (private["visibility"], public["visibility"]) == ("private", "public")
        assert private["links"]["self"] == public["links"]["self"] == f"{url}/images/{name}"
        assert (private["id"], shared["id"], number) == (0, None, "0")
        assert [listed["name"] for listed in keys["keys"]] == ["phone", "admin"]
        assert tablet["scopes"] == ["upload"]
        assert audit["events"][0]["subject"] == tablet["id"]
        assert (here / "vignette.jpg").read_bytes().startswith(b"\xff\xd8")
        [told] = tickets["tickets"]
        assert (told["note"], told["uses"], told["spent"], told["state"]) == ("Our wedding", 200, 1, "open")
        assert http_client.get(f"{url}/t/{ticket}").status_code == 404  # its key was removed
        large = picture(2000, 2000, "BMP")
        for token, status in ((key, 401), (tablet["token"], 201)):
            sent = http_client.post(f"{url}/images", content=large, headers={"Authorization": f"Bearer {token}"})
            assert sent.status_code == status


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
