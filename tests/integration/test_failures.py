"""The design's failure table, line by line, on real processes that are really killed."""

from __future__ import annotations

import io
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.house import House, house, picture
from tests.integration.poison import (
    EATING_WIDTH,
    HANGING_WIDTH,
    KILLING_WIDTH,
    KILLING_WIDTH_OF_OTHER_SIZES,
    SPINNING_WIDTH,
)
from tests.redis import RedisServer
from tests.running import PROJECT_FOLDER, Service, environment, http_client, running_service, until
from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.adapters.stores.folder import FolderStore
from vignette.limits import MIB, SWEEP_BATCH
from vignette.model import State
from vignette.ports.jobs import Lane
from vignette.records import outcome_from_json
from vignette.trials.own_port import free_port
from vignette.trials.processes import children_of, command_line, name_of
from vignette.worker.sweeper import PROCESS_NAME

# Of more than a batch of them, the sweep queues one batch after another. Set it to some thousands to try for longer.
JOBS = int(os.environ.get("VIGNETTE_TEST_JOBS", str(SWEEP_BATCH * 5 // 4)))

QUICK_WORKER = "tests.integration.quick_worker"

# Else Celery looks for other workers for a second before it begins.
AS_THE_LAUNCHER_DOES = ("--without-gossip", "--without-mingle")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path) as service:
        yield service


def upload(url: str, content: bytes, key: str | None = None) -> httpx.Response:
    headers = {"Accept": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return http_client.post(f"{url}/images", files={"file": ("photo.jpg", content)}, headers=headers, timeout=30)


def state(url: str, image_id: int) -> str:
    return str(http_client.get(f"{url}/images/{image_id}", timeout=30).json()["state"])


def is_settled(url: str, image_id: int) -> bool:
    """Whether the worker has nothing more to do with the image."""
    image = http_client.get(f"{url}/images/{image_id}").json()
    return image["state"] in ("ready", "failed") and not image["renditions_pending"]


def is_ready(url: str, image_id: int) -> bool:
    return state(url, image_id) == "ready"


@contextmanager
def process(
    folder: Path, *argv: str, needs_tests: bool = True, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """
    One process of the service on its own, as in the manual way; stopped at the end. Unless it *needs_tests*, it has no
    PYTHONPATH: nobody who follows the README has.
    """
    log = folder / f"{Path(argv[0]).stem}.log"
    settings = {"upload_folder": folder / "uploads", "state_folder": folder / "state", **settings}
    typed = environment(folder, **settings)
    if not needs_tests:
        del typed["PYTHONPATH"]
    with log.open("ab") as words:
        child = subprocess.Popen(
            [sys.executable, *argv],
            cwd=PROJECT_FOLDER,
            env=typed,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(child.pid, signal.SIGCONT)
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextmanager
def web(folder: Path, **settings: object) -> Iterator[str]:
    """The web process as the README starts it by hand; the URL of the service."""
    port = free_port()
    argv = (script("flask"), "--app", "serveur_flask.py", "run", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    with process(folder, *argv, needs_tests=False, **settings):
        until(lambda: _answers(url))
        yield url


@contextmanager
def worker(
    folder: Path, app: str = QUICK_WORKER, options: Sequence[str] = AS_THE_LAUNCHER_DOES, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The worker *app*, with *options* of Celery's."""
    argv = (script("celery"), "-A", app, "worker", "--loglevel=info", *options)
    with process(folder, *argv, needs_tests=app.startswith("tests."), **settings) as child:
        yield child


def script(name: str) -> str:
    """The program *name* as it is typed. Its own folder is in `sys.path` then, and the current one is not."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def lasting_worker(folder: Path, app: str = QUICK_WORKER, **settings: object) -> Iterator[None]:
    """The same, started again when it ends, as the README says: Celery's may, when it loses its Redis."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            with worker(folder, app, **settings) as child:
                while not stopping.wait(0.1) and not os.waitid(
                    os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT
                ):
                    pass

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _answers(url: str) -> bool:
    try:
        return http_client.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


class TestTheWebProcessDies:
    def test_during_the_body(self, service: Service) -> None:
        content = picture(2000, 2000, "BMP")
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            head = (
                "POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/bmp\r\n"
                f"Content-Length: {len(content)}\r\n\r\n"
            )
            client.sendall(head.encode() + content[: len(content) // 2])
            staging = service.upload_folder / ".staging"
            until(lambda: any(path.stat().st_size for path in staging.glob("*/original")))
            (server,) = service.children("granian")
            for number in [server, *children_of(server)]:
                with suppress(ProcessLookupError):  # children are told to end when their parent does
                    os.kill(number, signal.SIGKILL)
        until(lambda: _answers(service.url))

        response = upload(service.url, picture())

        assert response.json()["id"] == 0
        assert FolderStore(service.upload_folder).clear_staging(max_age_s=-1) == 1

    def test_between_the_rename_and_the_commit(self, tmp_path: Path) -> None:
        _die_in(tmp_path, "after promote", picture(colour="red"))
        assert (tmp_path / "uploads" / "0" / "original.jpg").exists()

        with web(tmp_path) as url:
            again = upload(url, picture(colour="red"), key="once")

            assert (again.status_code, again.json()["id"]) == (201, 0)
            assert upload(url, picture(colour="blue")).json()["id"] == 1
            assert http_client.get(f"{url}/images/1/original").content == picture(colour="blue")

    def test_after_the_commit_and_before_the_answer(self, tmp_path: Path) -> None:
        _die_in(tmp_path, "before hint", picture())

        with running_service(tmp_path) as service:
            until(lambda: is_ready(service.url, 0))
            again = upload(service.url, picture(), key="once")

            assert (again.status_code, again.json()["id"]) == (201, 0)
            assert upload(service.url, picture()).json()["id"] == 1


DIE_IN = """
import os, signal, sys
from pathlib import Path
from tests.house import House
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
house = House(Path(sys.argv[1]))
promote = house.store.promote
if sys.argv[2] == "after promote":
    house.store.promote = lambda *arguments: die(promote(*arguments))
else:
    house.jobs.hint = die
house.upload(sys.stdin.buffer.read(), key="once")
"""


def _die_in(folder: Path, moment: str, content: bytes) -> None:
    command = [sys.executable, "-c", DIE_IN, str(folder), moment]
    died = subprocess.run(command, input=content, cwd=PROJECT_FOLDER, check=False)
    assert died.returncode == -signal.SIGKILL


class TestTheSameKeyRaces:
    """Two web processes, each sent the same key at the same moment, over and over."""

    ROUNDS = 15

    def test_with_the_same_bytes_it_is_one_image(self, tmp_path: Path) -> None:
        with web(tmp_path) as first, web(tmp_path) as second, ThreadPoolExecutor(4) as clients:
            for number in range(self.ROUNDS):
                answers = list(
                    clients.map(upload, [first, second, first, second], [picture()] * 4, [f"key-{number}"] * 4)
                )

                assert [(answer.status_code, answer.json()["id"]) for answer in answers] == [(201, number)] * 4
            assert http_client.get(f"{first}/images").json()["images"][0]["id"] == self.ROUNDS - 1

        assert not any((tmp_path / "uploads" / ".staging").iterdir())

    def test_with_other_bytes_one_is_kept_and_the_other_is_told(self, tmp_path: Path) -> None:
        contents = [picture(colour="red"), picture(colour="blue")]
        with web(tmp_path) as first, web(tmp_path) as second, ThreadPoolExecutor(2) as clients:
            for number in range(self.ROUNDS):
                answers = list(clients.map(upload, [first, second], contents, [f"key-{number}"] * 2))

                kept, told = sorted(answers, key=lambda answer: answer.status_code)
                assert (kept.status_code, kept.json()["id"]) == (201, number)
                assert (told.status_code, told.json()["type"]) == (422, "/problems/idempotency-key-reused")
                original = http_client.get(f"{second}/images/{number}/original").content
                assert original == contents[answers.index(kept)]


class TestTheQueueForgets:
    def test_redis_is_down_at_the_start_and_again_later_and_does_not_answer(
        self, tmp_path: Path, redis: RedisServer
    ) -> None:
        redis.kill()
        # What a worker that ended was rendering waits for its lease.
        settings = {"broker_url": redis.url, "render_seconds": 3}
        with web(tmp_path, **settings) as url, lasting_worker(tmp_path, **settings):
            assert upload(url, picture()).status_code == 201
            redis.start()
            until(lambda: is_ready(url, 0))

            redis.kill()
            assert upload(url, picture()).status_code == 201
            redis.start()
            until(lambda: is_ready(url, 1))

            redis.freeze()
            assert upload(url, picture()).status_code == 201
            redis.thaw()
            until(lambda: is_ready(url, 2))

    def test_redis_is_wiped_restarted_empty_and_replaced_while_jobs_wait(
        self, tmp_path: Path, redis: RedisServer
    ) -> None:
        """All vignettes come, each is made once, and no loss has more queued again than what waits."""
        small = [{"name": "small", "edge": 64, "formats": ["webp"]}]
        with house(tmp_path) as here:
            numbers = [here.upload(picture()).id for _ in range(JOBS)]
            CeleryJobs(producer_app(redis.url)).hint_all(numbers, Lane.FAST)
            redis.kill()
            shutil.copytree(tmp_path / "redis", tmp_path / "older")
            redis.start()

            def until_waiting(most: int) -> None:
                until(lambda: here.catalogue.waiting.unfinished() <= most, within_s=120)

            with lasting_worker(tmp_path, broker_url=redis.url, render_processes=2, recipes=small):
                until_waiting(JOBS * 9 // 10)
                redis.client.flushall()
                until_waiting(JOBS * 6 // 10)
                redis.kill()
                redis.start(tmp_path / "empty")
                until_waiting(JOBS * 3 // 10)
                redis.kill()
                redis.start(tmp_path / "older")
                until_waiting(0)

            images = here.catalogue.library.newest(JOBS)
        assert {(image.state, image.attempts) for image in images} == {(State.READY, 1)}
        received = (tmp_path / "celery.log").read_text().count(" received")
        # What waited at the start, at each loss, and in the older queue.
        assert JOBS <= received <= JOBS + JOBS * 9 // 10 + JOBS * 6 // 10 + JOBS

    def test_the_queue_was_never_there(self, tmp_path: Path) -> None:
        """No Redis, no worker: everything but the vignette is there, and the vignette comes once they are."""
        with web(tmp_path) as url:
            assert upload(url, picture()).status_code == 201
            assert http_client.get(f"{url}/images/0").json()["state"] == "pending"
            assert http_client.get(f"{url}/readyz").json()["status"] == "degraded"

        with running_service(tmp_path) as service:
            until(lambda: is_ready(service.url, 0))


class TestTheWorkerDies:
    def test_at_any_instant(self, tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The whole of it, over and over, under a stream of uploads: each vignette comes all the same."""
        (tmp_path / "temporary").mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
        # On a busy machine a rendering takes its time, and may be killed in each round.
        settings = {"broker_url": redis.url, "render_seconds": 3, "max_attempts": 10}
        with web(tmp_path, **settings) as url:
            for begun_when_it_dies in (1, 3):
                with worker(tmp_path, **settings):
                    _upload_until_begun(url, begun_when_it_dies)

            with worker(tmp_path, **settings):
                until(lambda: all(is_ready(url, number) for number in range(6)), within_s=120)

        vignettes = {(path.name, path.read_bytes()) for path in (tmp_path / "uploads").glob("*/vignette-*")}
        assert len(vignettes) == len({name for name, _ in vignettes}) > 0
        assert list((tmp_path / "temporary").iterdir()) == []
        for folder in (tmp_path / "uploads").glob("[0-9]*"):
            assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="class")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its URL and its upload folder. Its worker has one process, and a decoder that some pictures are too much for."""
    folder = tmp_path_factory.mktemp("poisoned")
    with closing(RedisServer(folder / "redis")) as redis:
        settings = {
            "broker_url": redis.url,
            "max_render_memory_bytes": 64 * MIB,
            "render_seconds": 2,
            "max_attempts": 2,
            "render_processes": 1,
        }
        with web(folder, **settings) as url, worker(folder, "tests.integration.poisoned_worker", **settings):
            yield url, folder / "uploads"


class TestTheWorkerDiesOfAFile:
    """One file after another, to the same worker: what one does to a process of the pool harms no other file."""

    @pytest.mark.parametrize(
        ("width", "problem", "attempts_by_reason"),
        [
            pytest.param(KILLING_WIDTH, "rendering-failed", {"cut short": {2}}, id="its decoder crashes"),
            pytest.param(HANGING_WIDTH, "too-much-time", {"took more than 2 seconds": {2}}, id="its decoder hangs"),
            pytest.param(EATING_WIDTH, "too-much-memory", {"more than the 64 MiB": {1}}, id="its decoder eats memory"),
            # On a busy machine it may get less than a second of processor time in two seconds.
            pytest.param(
                SPINNING_WIDTH,
                "too-much-time",
                {"more than the 1 seconds": {1, 2}, "took more than 2 seconds": {2}},
                id="its decoder never ends",
            ),
        ],
    )
    def test_each_time(
        self, poisoned: tuple[str, Path], width: int, problem: str, attempts_by_reason: dict[str, set[int]]
    ) -> None:
        url, uploads = poisoned
        poison, other = (upload(url, content).json()["id"] for content in (picture(width, 10), picture()))

        until(lambda: is_ready(url, other))
        until(lambda: state(url, poison) == "failed")

        failure = http_client.get(f"{url}/images/{poison}").json()["failure"]
        assert failure["type"] == f"/problems/{problem}"
        [expected] = [times for reason, times in attempts_by_reason.items() if reason in failure["detail"]]
        later = upload(url, picture()).json()["id"]
        until(lambda: is_ready(url, later))
        of_poison, of_other = (uploads / str(number) / "outcome.json" for number in (poison, other))
        attempts = outcome_from_json(of_poison.read_bytes()).attempts
        assert attempts in expected
        if attempts > 1 and outcome_from_json(of_other.read_bytes()).attempts == 1:
            # The other one waited for one attempt, not for all; unless two seconds were too short for its own first.
            assert of_other.stat().st_mtime_ns < of_poison.stat().st_mtime_ns

    def test_of_which_the_default_vignettes_can_be_made(self, poisoned: tuple[str, Path]) -> None:
        """It is ready, stays so, and tells why it has no other size."""
        url, uploads = poisoned
        number = upload(url, picture(KILLING_WIDTH_OF_OTHER_SIZES, 10)).json()["id"]
        until(lambda: is_ready(url, number))

        until(lambda: http_client.get(f"{url}/vignette/{number}?size=large").status_code == 422)

        failure = http_client.get(f"{url}/vignette/{number}?size=large").json()
        assert "cut short" in failure["detail"]
        image = http_client.get(f"{url}/images/{number}").json()
        assert (image["state"], list(image["links"]["vignettes"])) == ("ready", ["small"])
        assert image["renditions_pending"] == {}
        assert http_client.get(f"{url}/vignette/{number}").status_code == 200
        assert outcome_from_json((uploads / str(number) / "outcome.json").read_bytes()).failure is None


class TestPicturesAreLarge:
    def test_a_worker_stays_below_400_mb_whatever_it_did_before(self, tmp_path: Path) -> None:
        """The last one needs the most that is allowed, and more than that with what the others would leave."""
        gradient = Image.linear_gradient("L").convert("RGB")
        large = [("WEBP", (5000, 5000), {"method": 0}), ("AVIF", (5000, 5000), {"speed": 10})]
        last = ("JPEG", (9100, 9100), {"progressive": True})
        with running_service(tmp_path, render_processes=1) as service:
            (worker_of_service,) = service.children("celery")
            until(lambda: sweep_of(worker_of_service) and pool_of(worker_of_service))
            (renderer,) = pool_of(worker_of_service)
            for number, (file_format, size, options) in enumerate([*large, *large, last]):
                content = io.BytesIO()
                gradient.resize(size, Image.Resampling.NEAREST).save(content, file_format, **options)
                assert upload(service.url, content.getvalue()).status_code == 201
                until(lambda number=number: is_settled(service.url, number))  # type: ignore[misc]

            assert state(service.url, number) == "ready"
            assert pool_of(worker_of_service) == [renderer]
            assert _peak_kib(renderer) * 1024 < 400_000_000


def _upload_until_begun(url: str, count: int) -> None:
    """Upload three large pictures, and wait until the worker has begun with *count* of them."""
    image_ids = [upload(url, picture(2000, 1500, colour="red")).json()["id"] for _ in range(3)]
    until(lambda: sum(state(url, image_id) != "pending" for image_id in image_ids) >= count)


class TestTheCatalogueIsLost:
    def test_it_is_rebuilt_from_the_folders_at_the_next_start(self, tmp_path: Path) -> None:
        with running_service(tmp_path) as service:
            for _ in range(3):
                upload(service.url, picture())
            http_client.delete(f"{service.url}/images/1")
            until(lambda: is_ready(service.url, 0) and is_ready(service.url, 2))
        shutil.rmtree(tmp_path / "state")

        with running_service(tmp_path) as service:
            assert [image["id"] for image in http_client.get(f"{service.url}/images").json()["images"]] == [2, 0]
            assert is_ready(service.url, 0)
            assert http_client.get(f"{service.url}/images/1").status_code == 410
            assert upload(service.url, picture()).json()["id"] == 3

    def test_the_command_rebuilds_it(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.upload(picture())
        house.close()

        done = subprocess.run(
            [sys.executable, "-m", "vignette", "reindex"],
            cwd=PROJECT_FOLDER,
            env=environment(tmp_path, upload_folder=tmp_path / "uploads", state_folder=tmp_path / "state"),
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout.startswith("1 images in the catalogue")


class TestTheClientHangsUp:
    def test_a_picture_that_is_whole_in_a_request_that_is_not_is_not_kept(self, service: Service) -> None:
        content = picture()
        head = "POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        head += f"Content-Length: {len(content) + 9}\r\n"
        port = int(service.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + b"\r\n" + content)
            until(lambda: any((service.upload_folder / ".staging").iterdir()))

        until(lambda: not any((service.upload_folder / ".staging").iterdir()))

        assert upload(service.url, content).json()["id"] == 0


class TestTheDiskIsFull:
    def test_the_upload_is_507_and_nothing_half_written_stays(self, service: Service) -> None:
        """A limit on the size of files, set on the running processes, stands for the disk, and goes again."""
        (server,) = service.children("granian")
        workers = children_of(server)
        before = {number: resource.prlimit(number, resource.RLIMIT_FSIZE) for number in workers}
        large = picture(600, 600, "BMP")
        for number, (_, hard) in before.items():
            resource.prlimit(number, resource.RLIMIT_FSIZE, (500_000, hard))

        response = upload(service.url, large)

        assert (response.status_code, response.json()["type"]) == (507, "/problems/store-full")
        assert not any((service.upload_folder / ".staging").iterdir())
        for number, limits in before.items():
            resource.prlimit(number, resource.RLIMIT_FSIZE, limits)
        assert upload(service.url, large).json()["id"] == 0


def test_the_web_process_stays_small_while_a_large_file_goes_through(service: Service, tmp_path: Path) -> None:
    large = tmp_path / "large.bmp"
    Image.new("RGB", (5000, 4000)).save(large)
    # What each process needs once, it shall have before we look.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: upload(service.url, picture()), range(40)))
    (server,) = service.children("granian")
    before = sum(map(_peak_kib, children_of(server)))

    for _ in range(4):
        with large.open("rb") as file:
            response = http_client.post(f"{service.url}/images", files={"file": file}, timeout=60)
            assert response.status_code == 201

    assert large.stat().st_size > 60_000_000
    assert sum(map(_peak_kib, children_of(server))) - before < 16 * 1024


def pool_of(worker: int) -> list[int]:
    """Numbers of the processes of a worker's pool; not of those that such a process has decode for it."""
    if "vignette.jail.zygote" in command_line(worker):
        return []
    return [
        number
        for number in children_of(worker)
        if command_line(number) == command_line(worker) and name_of(number) != PROCESS_NAME
    ]


def sweep_of(worker: int) -> list[int]:
    """Number of the process that sweeps for a worker, if there is one."""
    return [number for number in children_of(worker) if name_of(number) == PROCESS_NAME]


def _peak_kib(number: int) -> int:
    """The most memory that a process has ever held; see proc(5), VmHWM."""
    status = Path(f"/proc/{number}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]
