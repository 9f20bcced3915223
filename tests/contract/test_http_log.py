"""A line in the log for each request, when its answer is done."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from tests.house import House, picture
from tests.unit.test_logs import HOSTILE, is_one_line
from vignette.logs import formatter
from vignette.model import LogFormat
from vignette.settings import Settings
from vignette.web.doors import HostDoor
from vignette.web.fast_path import FastPath
from vignette.web.http.hosts import Hosts
from vignette.web.request_log import RequestLog

SECRET: Final = "hunter2-is-secret"


class Logged:
    """A house behind the layers of a web process, and the lines that they wrote."""

    def __init__(self, house: House, log_format: LogFormat = "json") -> None:
        self.lines: list[str] = []
        app = HostDoor(FastPath(house.app.wsgi_app, house.store.edition), house.app.wsgi_app, Hosts())
        self.app = RequestLog(app, log_format, write=self.lines.append)
        self.client = Client(self.app)

    def ask(self, path: str, method: str = "GET", **options: Any) -> dict[str, Any]:
        """What the log says of a request."""
        self.lines.clear()
        self.client.open(path, method=method, buffered=True, **options)
        [line] = self.lines
        entry: dict[str, Any] = json.loads(line)
        return entry


@pytest.fixture
def logged(house: House) -> Logged:
    house.upload(picture(640, 480))
    house.work()
    return Logged(house)


def test_it_says_who_asked_what_and_what_came_of_it(logged: Logged) -> None:
    entry = logged.ask("/images/0", environ_overrides={"REMOTE_ADDR": "192.0.2.7:50123"})

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
    assert re.fullmatch(r"[0-9a-f]{8}-1", entry.pop("request"))
    assert entry.pop("bytes") > 100
    assert entry.pop("ms") >= 0
    assert entry == {
        "level": "info",
        "event": "request",
        "client": "192.0.2.7",
        "method": "GET",
        "path": "/images/0",
        "status": 200,
        "image": 0,
    }


def test_each_kind_of_answer_has_its_line(logged: Logged) -> None:
    whole = logged.ask("/vignette/0")
    kept = logged.ask("/vignette/0")
    etag = logged.client.get("/vignette/0").headers["ETag"]
    answers = {
        "again": kept,
        "304": logged.ask("/vignette/0", headers={"If-None-Match": etag}),
        "HEAD": logged.ask("/images/0/original", method="HEAD"),
        "404": logged.ask("/images/77"),
        "405": logged.ask("/images/0", method="PUT"),
        "foreign host": logged.ask("/vignette/0", headers={"Host": "elsewhere.example"}),
        "foreign page": logged.ask("/images/0", method="DELETE", headers={"Origin": "http://elsewhere.example"}),
        "refused upload": logged.ask("/images", method="POST", data=b"no picture", content_type="image/png"),
        "deleted": logged.ask("/images/0", method="DELETE"),
    }

    assert whole["bytes"] == kept["bytes"] > 0
    assert {name: (it["status"], it.get("problem"), it.get("image")) for name, it in answers.items()} == {
        "again": (200, None, 0),
        "304": (304, None, 0),
        "HEAD": (200, None, 0),
        "404": (404, "image-not-found", 77),
        "405": (405, "method-not-allowed", 0),
        "foreign host": (421, "misdirected-request", 0),
        "foreign page": (403, "cross-site-request", 0),
        "refused upload": (415, "unsupported-format", None),
        "deleted": (204, None, 0),
    }


def test_probes_that_find_all_well_have_no_line(logged: Logged) -> None:
    assert logged.client.get("/healthz").status_code == 200

    assert logged.lines == []
    assert logged.ask("/healthz", method="POST")["status"] == 405


def test_nothing_secret_stands_in_it(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for path in ("/images", f"/images?token={SECRET}"):  # the second one is refused
        logged.client.post(
            path,
            data=picture(),
            content_type="image/jpeg",
            headers={
                "Authorization": f"Bearer {SECRET}",
                "Cookie": SECRET,
                "Idempotency-Key": SECRET,
                "Referer": SECRET,
                "Content-Disposition": f'attachment; filename="{SECRET}.jpg"',
                "User-Agent": SECRET,
            },
            buffered=True,
        )

    assert logged.lines
    assert not any(SECRET in line for line in [*logged.lines, caplog.text])
    assert "image received" in caplog.messages


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_whatever_a_client_sends_is_one_line(house: House, log_format: LogFormat) -> None:
    logged = Logged(house, log_format)
    for kind, hostile in HOSTILE.items():
        sent = hostile.encode("utf-8", "surrogateescape").decode("latin-1")  # PEP 3333
        where = dict.fromkeys(("QUERY_STRING", "REMOTE_ADDR", "HTTP_USER_AGENT", "HTTP_ACCEPT"), sent)
        environ = EnvironBuilder("/").get_environ() | where | {"PATH_INFO": f"/{sent}", "REQUEST_METHOD": f"G{sent}"}

        run_wsgi_app(logged.app, environ, buffered=True)

        line = logged.lines.pop()
        assert logged.lines == [], kind
        assert is_one_line(line), kind
        assert line.isascii(), kind
        if log_format == "json":
            assert json.loads(line)["event"] == "request"


def test_who_stands_before_us_may_name_the_client(logged: Logged) -> None:
    entry = logged.ask("/images/0", environ_overrides={"REMOTE_ADDR": "127.0.0.1", "vignette.client": "2001:db8::7"})

    assert entry["client"] == "2001:db8::7"


def test_what_happens_for_a_request_can_be_found_by_it(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(formatter("json"))
    caplog.set_level("INFO")

    entry = logged.ask("/images", method="POST", data=picture(), content_type="image/jpeg")

    received = next(json.loads(line) for line in caplog.text.splitlines() if "image received" in line)
    assert (received["request"], received["image"]) == (entry["request"], 1)


def in_two_pieces(_environ: object, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "1000")])
    return (b"x" * size for size in (100, 900))


@pytest.mark.parametrize(("taken", "is_cut"), [(1, True), (2, False), (3, False)])
def test_a_client_that_went_away_is_told_from_one_that_has_all(taken: int, is_cut: bool) -> None:
    lines: list[str] = []
    answer = RequestLog(in_two_pieces, "json", write=lines.append)(
        EnvironBuilder("/images/0/original").get_environ(), lambda *_: lambda _: None
    )
    chunks = iter(answer)
    sent = sum(len(next(chunks, b"")) for _ in range(taken))
    assert lines == []

    answer.close()  # type: ignore[attr-defined]

    entry = json.loads(lines[0])
    assert (entry["bytes"], entry.get("cut", False), len(lines)) == (sent, is_cut, 1)


def test_an_application_that_fails_has_its_line() -> None:
    def fails(*_: object) -> Any:
        raise ZeroDivisionError

    lines: list[str] = []
    with pytest.raises(ZeroDivisionError):
        RequestLog(fails, "text", write=lines.append)(EnvironBuilder("/").get_environ(), lambda *_: lambda _: None)

    assert " error   request " in lines[0]
    assert " status=500 " in lines[0]


@pytest.mark.parametrize("log_requests", [True, False])
def test_a_web_process_has_this_layer_unless_it_is_told_otherwise(tmp_path: Path, log_requests: bool) -> None:
    """By a process of its own, as its lines go to standard error."""
    program = (
        "from tests.contract.test_http_log import settings; from vignette.wiring.web import build_web\n"
        f"client = build_web(settings({str(tmp_path)!r}, {log_requests})).test_client()\n"
        "client.get('/images/7').close()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ("path=/images/7 status=404" in done.stderr) is log_requests


def settings(folder: str, log_requests: bool) -> Settings:
    return Settings(
        upload_folder=Path(folder) / "uploads", state_folder=Path(folder) / "state", log_requests=log_requests
    )


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "BREW"])
def test_a_method_that_nobody_offers_is_405(logged: Logged, method: str) -> None:
    assert logged.ask("/images/0", method=method)["status"] == 405


def test_no_answer_tells_what_it_is_made_with(logged: Logged) -> None:
    for path in ("/", "/images/0", "/vignette/0", "/images/77"):
        answer = logged.client.get(path, buffered=True)

        assert not {"Server", "X-Powered-By"}.intersection(answer.headers.keys())
        assert not re.search(rb"(?i)python/|werkzeug|granian|flask|pillow", answer.data[:20_000])
