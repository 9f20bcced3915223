"""
Whoever can write to the broker may put anything there. A real worker, on a real server, goes on: what is no job is
thrown away, and the next job is done.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.house import picture
from tests.redis import RedisServer
from tests.running import PROJECT_FOLDER, environment, until
from vignette.adapters.celery_queue import QUEUE, CeleryJobs, producer_app
from vignette.adapters.celery_transport import as_job
from vignette.model import ImageId, State
from vignette.ports.jobs import Lane
from vignette.settings import Settings
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.web import build_web

LIST = f"vignette:{QUEUE}"


def encoded(value: Any) -> str:
    return b64encode(json.dumps(value).encode()).decode()


def job(body: Any = None, *, headers: Any = None, properties: Any = None, **others: Any) -> dict[str, Any]:
    """A job as Celery writes it, but for the fields that are given; a field that is `...` is left out."""
    whole = {
        "body": encoded([[0], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": "vignette.render",
            "id": "x",
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "root_id": "x",
            "argsrepr": "(0,)",
            "kwargsrepr": "{}",
        },
        "properties": {
            "correlation_id": "x",
            "delivery_mode": 2,
            "priority": 0,
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "vignette"},
            "delivery_tag": "z",
        },
    }
    whole |= others | ({} if body is None else {"body": body})
    for name, changes in (("headers", headers), ("properties", properties)):
        if isinstance(changes, dict):
            whole[name] = {**whole[name], **changes}  # type: ignore[dict-item]
            whole[name] = {key: value for key, value in whole[name].items() if value is not ...}  # type: ignore[attr-defined]
        elif changes is not None:
            whole[name] = changes
    return whole


RUBBISH = [
    7,
    None,
    [],
    {},
    {"body": encoded([[0], {}, {}])},
    job(headers=[]),
    job(properties=7),
    job(properties={"delivery_tag": ...}),
    job(properties={"delivery_tag": {"a": 1}}),
    job("%%%"),
    job(5),  # type: ignore[arg-type]
    job(encoded(7)),
    job(encoded([[], {}, {}])),
    job(encoded([[0], {"x": 1}, {}])),
    job(encoded([[0], {}, {"callbacks": [7]}])),
    job(encoded([[0], {}, 7])),
    *(
        job(encoded([[image_id], {}, {}]))
        for image_id in ("../../etc/passwd", -1, 2**63, None, [1], {"a": 1}, True, 1.5)
    ),
    job(headers={"task": "os.system"}),
    job(headers={"task": ["a"]}),
    job(headers={"id": {"a": 1}}),
]


@pytest.mark.parametrize("message", RUBBISH)
def test_what_is_no_job_of_ours_is_none(message: object) -> None:
    assert as_job(message) is None


@pytest.mark.parametrize(
    "message",
    [
        job(),
        job(headers={"eta": "x", "expires": "x", "timelimit": "x", "retries": "x", "root_id": {"a": 1}, "later": 1}),
        job(properties={"priority": "x", "body_encoding": "rot13", "delivery_info": None}),
        job(**{"content-type": "application/x-python-serialize", "content-encoding": "binary"}),
    ],
)
def test_of_a_job_only_what_we_write_ourselves_is_left(message: dict[str, Any]) -> None:
    found = as_job(message)

    assert found is not None
    assert found["body"] == message["body"]
    assert (found["headers"]["retries"], found["headers"]["timelimit"]) == (0, [None, None])
    assert {"eta", "expires", "later"}.isdisjoint(found["headers"])
    assert (found["content-type"], found["properties"]["body_encoding"]) == ("application/json", "base64")
    assert found["properties"]["priority"] == 0


@contextmanager
def worker(folder: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "task_celery", "worker", "--loglevel=info"]
    options = ["--without-gossip", "--without-mingle"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options],
            cwd=PROJECT_FOLDER,
            env=environment(folder, **settings),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def test_a_worker_goes_on_whatever_lies_in_the_queue(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    values: dict[str, Any] = {
        "upload_folder": tmp_path / "uploads",
        "state_folder": tmp_path / "state",
        "broker_url": server.url,
        "render_processes": 1,
    }
    values["state_folder"].mkdir()
    settings = Settings(**values)
    app = build_web(settings).test_client()
    _, catalogue = open_store_and_catalogue(settings)
    unacked = {"forged": json.dumps([{"body": "x"}, "", QUEUE]), "noise": b"\xff\x00", "number": "7"}
    server.client.hset("vignette:unacked", mapping=unacked)
    server.client.zadd("vignette:unacked_index", dict.fromkeys([*unacked, "missing"], 1))
    server.client.set(f"{LIST}\x06\x163", "no list")
    server.client.set("vignette:_kombu.binding.vignette", "no set")

    def is_rendered(number: int) -> bool:
        return catalogue.library.get(ImageId(number)).state is State.READY

    try:
        assert CeleryJobs(producer_app(server.url)).backlog() == 0
        with worker(tmp_path, **values) as process:
            for number, rubbish in enumerate(([b"\xff\xfe noise", b"[" * 100_000], [json.dumps(m) for m in RUBBISH])):
                server.client.lpush(LIST, *rubbish)

                assert app.post("/images", data=picture(40, 30 + number), content_type="image/jpeg").status_code == 201
                until(lambda number=number: is_rendered(number))  # type: ignore[misc]

            server.client.delete(LIST)
            server.client.hset(LIST, "no", "list")
            until(lambda: server.client.type(LIST) != b"hash")
            CeleryJobs(producer_app(server.url)).hint(ImageId(1), Lane.FAST)
            until(lambda: server.client.llen(LIST) == 0)
            until(lambda: not set(unacked).intersection(map(bytes.decode, server.client.hkeys("vignette:unacked"))))

            until(lambda: app.get("/readyz").json["status"] == "ready")  # type: ignore[index]
            assert process.poll() is None
    finally:
        catalogue.close()
        server.close()


def test_a_worker_does_not_hammer_a_queue_that_refuses_and_goes_on_afterwards(tmp_path: Path) -> None:
    """The server has become a replica, as after a failover: it answers each command with a refusal, at once."""
    server = RedisServer(tmp_path / "redis")
    values: dict[str, Any] = {
        "upload_folder": tmp_path / "uploads",
        "state_folder": tmp_path / "state",
        "broker_url": server.url,
        "render_processes": 1,
    }
    values["state_folder"].mkdir()
    app = build_web(Settings(**values)).test_client()

    def refused() -> int:
        return int(server.client.info("stats")["total_error_replies"])

    try:
        with worker(tmp_path, **values) as process:
            until(lambda: app.get("/readyz").json["status"] == "ready")  # type: ignore[index]
            server.client.replicaof("127.0.0.1", "1")
            assert app.post("/images", data=picture(), content_type="image/jpeg").status_code == 201
            until(lambda: refused() > 20)
            begun, before = time.monotonic(), refused()
            until(lambda: refused() >= before + 50)
            assert time.monotonic() - begun > 2, "hundreds a second"
            assert app.get("/readyz").json["status"] == "degraded"  # type: ignore[index]

            server.client.replicaof("NO", "ONE")

            until(lambda: app.get("/images/0").json["state"] == "ready")  # type: ignore[index]
            assert process.poll() is None
    finally:
        server.close()
