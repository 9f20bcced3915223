"""A ready vignette of a service of ours, and an nginx that serves the same file: each as it is by default."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vignette.adapters.stores.folder import FolderStore
from vignette.model import ImageId
from vignette.settings import PROJECT_FOLDER
from vignette.trials.bench.tools import BenchUnavailable, own_service, program, until_ready, upload
from vignette.trials.own_port import free_port
from vignette.trials.own_service import OwnService

ACCEPT: Final = "image/webp"

_LIMIT_S: Final = 30.0
_MOST: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Served:
    """Where the file is, and the tag that this server gives it."""

    port: int
    path: str
    etag: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


@contextmanager
def beside_nginx(folder: Path) -> Iterator[tuple[OwnService, Served, Served, bytes]]:
    """
    Run a service and an nginx in *folder*; yield the service, where each of both has the vignette, and its bytes.

    Raises:
        BenchUnavailable: nginx is missing, or something does not start.
    """
    nginx = program("nginx")
    # As where others reach it: each request is counted. None is refused.
    limits = {"limit_rates": "always", "requests_per_second": _MOST, "units_per_minute_of_address": _MOST}
    with own_service(folder, **limits) as service:
        ours, content = ready_vignette(service)
        with _nginx(nginx, folder, content) as theirs:
            yield service, ours, theirs, content


def ready_vignette(service: OwnService) -> tuple[Served, bytes]:
    """
    Have *service* make a vignette; return where it is, once the fast path may keep it, and its bytes.

    Raises:
        BenchUnavailable: It does not come.
    """
    image_id = ImageId(upload(service.port, (PROJECT_FOLDER / "image_test" / "photo.jpg").read_bytes()))
    content, etag = until_ready(service.port, image_id, ACCEPT)
    _until_settled(FolderStore(service.upload_folder), image_id)
    return Served(service.port, f"/vignette/{image_id}", etag), content


def _until_settled(store: FolderStore, image_id: ImageId) -> None:
    """Wait until the fast path may keep answers: a folder counts as settled some seconds after its last change."""
    deadline = time.monotonic() + _LIMIT_S
    while store.edition(image_id) is None:
        if time.monotonic() > deadline:
            raise BenchUnavailable("the folder of the image does not settle")
        time.sleep(0.1)


@contextmanager
def _nginx(nginx: str, folder: Path, content: bytes) -> Iterator[Served]:
    prefix, port = folder / "nginx", free_port()
    (prefix / "served").mkdir(parents=True)
    (prefix / "served" / "vignette.webp").write_bytes(content)
    config = prefix / "nginx.conf"
    config.write_text(_CONFIG.format(port=port, user=_user()))
    command = [nginx, "-p", os.fspath(prefix), "-c", os.fspath(config), "-e", "error.log"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Served(port, _PATH, _etag_of(port, process))
    finally:
        process.terminate()
        process.wait()


_PATH: Final = "/vignette.webp"

# As in Debian's own configuration, with its log: ours writes one too.
_CONFIG: Final = """
daemon off;
{user}
worker_processes auto;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    access_log access.log;
    types {{ image/webp webp; }}
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; root served; }}
}}
"""


def _user() -> str:
    # If root starts nginx, its processes change to another user, who may not read our folder.
    return "user root;" if os.geteuid() == 0 else ""


def _etag_of(port: int, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)) as connection:
            try:
                connection.request("GET", _PATH)
                return connection.getresponse().headers["ETag"]
            except OSError:
                time.sleep(0.05)
    raise BenchUnavailable("nginx does not start")
