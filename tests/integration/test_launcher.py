"""One command for the whole service: broker, Celery worker and web server are real, only our apps are stood in for."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests import needs
from tests.running import (
    LIMIT_S,
    PROJECT_FOLDER,
    Service,
    environment,
    http_client,
    processes_marked,
    running_service,
    started_service,
    until,
    until_gone,
    until_up,
)
from vignette.access.policy import Access
from vignette.adapters.stores.folder import FolderStore
from vignette.jail.sandbox import Abilities
from vignette.running.embedded_broker import answers_ping, set_queue_aside
from vignette.running.words import banner, dangers, in_url
from vignette.settings import Settings
from vignette.trials.own_port import free_port
from vignette.trials.processes import children_of, parent_of

pytestmark = needs.LINUX

STAND_IN = Path(__file__).parent / "stand_in"

# The real thing but for its patience: nobody here minds when what hangs is killed sooner.
PROGRAM = """
import pathlib, sys
from vignette.running.launcher import Patience, serve
from vignette.settings import load_settings_or_exit
patience = Patience(web_kill_s=1, worker_grace_s=4)
make = lambda settings, _offer: settings.upload_folder.mkdir(parents=True, exist_ok=True)
sys.exit(serve(load_settings_or_exit(), make, pathlib.Path(sys.argv[1]), patience=patience))
"""
LAUNCH = (sys.executable, "-c", PROGRAM, str(STAND_IN))
PATIENT_PROGRAM = PROGRAM.replace("web_kill_s=1, worker_grace_s=4", "web_kill_s=600, worker_grace_s=600")
PATIENT = (sys.executable, "-c", PATIENT_PROGRAM, str(STAND_IN))

started = partial(started_service, command=LAUNCH)
running = partial(running_service, command=LAUNCH)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for the tests that leave it as it is."""
    with running(tmp_path_factory.mktemp("launcher"), web_processes=2) as service:
        yield service


def refusal(folder: Path, command: Sequence[str] = LAUNCH, status: int = 1, **settings: object) -> str:
    """The one line that a start by *command* with *settings* ends with, and with *status*."""
    with started_service(folder, command=command, **settings) as service:
        assert service.process.wait(LIMIT_S) == status, service.words()
        assert service.processes() == {}
        [line] = service.words().splitlines()
        return line


def work(service: Service, file: Path, forever: bool = False) -> int:
    """Have the worker write its process number to *file*; return it."""
    answer = http_client.post(f"{service.url}/work", params={"file": str(file), "forever": "yes" if forever else "no"})
    answer.raise_for_status()
    until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


@contextmanager
def hanging_request(service: Service, file: Path) -> Iterator[None]:
    """A request that keeps a web process busy for as long as it lives."""
    with closing(socket.create_connection(("127.0.0.1", httpx.URL(service.url).port))) as connection:
        connection.sendall(f"POST /hang?file={file} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        until(lambda: file.exists() and file.read_text())
        yield


def is_healthy(service: Service) -> bool:
    try:
        return http_client.get(f"{service.url}/healthz").is_success
    except httpx.TransportError:
        return False


# What runs


def test_the_banner_says_where_things_are_and_what_to_try(service):
    words = service.words().splitlines()
    assert [line for line in words if line.startswith("vignette: ") and not line.startswith("vignette: note: ")] == [
        f"vignette: Vignette runs at {service.url}/",
        f"vignette:     listens    {service.url.removeprefix('http://')}",
        f"vignette:     images     {service.upload_folder}",
        f"vignette:     state      {service.state_folder}",
        f"vignette:     catalogue  sqlite:///{service.state_folder}/catalogue.sqlite3",
        f"vignette:     broker     embedded, {service.state_folder}/broker.sock",
        f"vignette: try:  curl -F file=@image_test/photo.jpg {service.url}/images",
    ]


def test_it_answers_once_the_banner_is_there(service):
    assert is_healthy(service)


def test_work_that_the_web_server_queues_reaches_the_worker(service, tmp_path):
    worker = work(service, tmp_path / "done")

    assert worker in service.processes()


def test_the_broker_is_reached_through_a_private_socket_alone(service):
    [broker] = service.children("valkey-server")
    files = {os.readlink(entry) for entry in Path(f"/proc/{broker}/fd").iterdir()}  # noqa: PTH115 (not all are paths)
    listening = [line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mode = (service.state_folder / "broker.sock").stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o700
    assert not files & {f"socket:[{inode}]" for inode in listening}


def test_what_the_broker_keeps_is_for_us_alone(service):
    kept = [service.state_folder, *(service.state_folder / "broker").rglob("*"), service.state_folder / "broker.log"]

    assert len(kept) > 3
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_a_web_process_that_dies_is_replaced_while_the_other_goes_on(service):
    [server] = service.children("granian")
    dead, alive = children_of(server)

    os.kill(dead, signal.SIGKILL)

    until(lambda: dead not in children_of(server))
    until(lambda: len(children_of(server)) == 2)
    assert alive in children_of(server)
    until(lambda: is_healthy(service))


def test_with_a_broker_of_ones_own_none_is_started(tmp_path):
    with running(tmp_path, broker_url="redis://:secret@127.0.0.1:1/0") as service:
        assert service.children("valkey-server") == []
        assert len(service.children()) == 2
        assert "broker     redis://…@127.0.0.1:1/0" in service.words()
        assert "secret" not in service.words().split("try:")[0]


def test_a_host_may_be_a_name(tmp_path):
    with running(tmp_path, host="localhost") as service:
        port = httpx.URL(service.url).port
        assert f"runs at http://localhost:{port}/" in service.words()
        assert http_client.get(f"http://localhost:{port}/healthz").is_success


def test_the_banner_says_what_is_dangerous():
    [about_root] = dangers(Abilities(landlock_version=7, seccomp=True), is_root=True)
    [about_the_kernel] = dangers(Abilities(landlock_version=0, seccomp=True), is_root=False)

    assert about_root.startswith("note: Vignette runs as root.")
    assert about_the_kernel.startswith("note: this machine has no Landlock (Linux 5.13 or later, switched on): ")


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        pytest.param({}, "http://127.0.0.1:5000", id="as it comes"),
        pytest.param({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80", id="all addresses"),
        pytest.param({"host": "::"}, "http://[::1]:5000", id="all addresses, IPv6 too"),
        pytest.param({"host": "box.local"}, "http://box.local:5000", id="a name"),
        pytest.param(
            {"host": "0.0.0.0", "allowed_hosts": ["192.168.1.20", "box.local"]}, "http://192.168.1.20:5000", id="home"
        ),
        pytest.param({"public_url": "https://pictures.example/box"}, "https://pictures.example/box", id="public"),
    ],
)
def test_the_banner_shows_an_address_that_can_be_tried(settings, url):
    words = banner(Settings(**settings, access="open"))

    listens = f"{in_url(settings.get('host', '127.0.0.1'))}:{settings.get('port', 5000)}"
    assert f"Vignette runs at {url}/\n    listens    {listens}\n" in words
    assert words.endswith(f"curl -F file=@image_test/photo.jpg {url}/images")


@pytest.mark.parametrize("access", ["gallery", "closed"])
def test_the_banner_shows_a_key_where_one_is_needed(access):
    words = banner(Settings(access=access))

    assert 'curl -H "Authorization: Bearer $KEY" -F file=@image_test/photo.jpg http://127.0.0.1:5000/images' in words


def test_a_settings_file_may_be_named_relative_to_where_the_command_is_given(tmp_path):
    (tmp_path / "mine.toml").write_text("render_processes = 1")

    command = ("/usr/bin/env", "-C", str(tmp_path), "VIGNETTE_CONFIG=mine.toml", *LAUNCH)

    with started(tmp_path, command=command) as service:
        until_up(service)
        work(service, tmp_path / "done")


@pytest.fixture
def short_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's temporary folder for as long as the test runs; the path of pytest's own may be too long."""
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_state_folder_with_a_long_path_has_its_socket_elsewhere(tmp_path, short_folder):
    with running(tmp_path, state_folder=tmp_path / ("long" * 20)) as service:
        [folder] = short_folder.glob("vignette-*")
        assert f"broker     embedded, {folder}/broker.sock" in service.words()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        work(service, tmp_path / "done")

        service.process.terminate()

        assert service.process.wait(LIMIT_S) == 0
        assert not folder.exists()


# Stop


def test_a_signal_stops_everything_and_it_can_start_again_at_once(tmp_path):
    port = free_port()
    with running(tmp_path, command=PATIENT, port=port) as service:
        work(service, tmp_path / "done")
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1)

        service.process.terminate()

        assert service.process.wait(LIMIT_S) == 0
        assert service.processes() == {}
        assert "killed" not in service.words()
        # The server closed first: its side of the connection lingers, in TIME_WAIT, on the port.
        connection.close()
        with running(tmp_path, port=port) as successor:
            assert is_healthy(successor)


def test_web_processes_that_still_load_the_app_are_stopped_without_delay(tmp_path):
    slow = tmp_path / "slow"
    shutil.copytree(STAND_IN, slow)
    app = slow / "serveur_flask.py"
    loading = f"import time, pathlib; pathlib.Path({str(tmp_path / 'loading')!r}).touch(); time.sleep(600)"
    app.write_text(app.read_text().replace("app = ", f"{loading}\napp = "))

    with started(tmp_path, command=(sys.executable, "-c", PATIENT_PROGRAM, str(slow))) as service:
        until((tmp_path / "loading").exists)
        service.process.terminate()

        assert service.process.wait(LIMIT_S) == 0


def test_what_is_busy_is_stopped_after_its_grace_time(tmp_path):
    with running(tmp_path) as service, hanging_request(service, tmp_path / "web"):
        work(service, tmp_path / "task", forever=True)

        service.process.terminate()

        assert service.process.wait(LIMIT_S) == 0
        assert service.processes() == {}
        assert "the worker did not end within 4 s and is killed" in service.words()


def test_a_second_ctrl_c_ends_what_is_busy_at_once(tmp_path):
    def again() -> bool:
        service.process.send_signal(signal.SIGINT)
        return service.process.poll() is not None

    with started(tmp_path, command=PATIENT) as service:
        until_up(service)
        with hanging_request(service, tmp_path / "web"):
            work(service, tmp_path / "task", forever=True)

            until(again)

    assert service.process.returncode == 0
    assert service.processes() == {}


@pytest.mark.parametrize("gesture", ["Ctrl-C", "closing the window"])
def test_it_stops_in_good_order_in_a_terminal(tmp_path, gesture):
    screen, terminal = os.openpty()
    command = ("setsid", "--ctty", "env", "--default-signal=HUP", *LAUNCH)  # not as who runs the tests with nohup
    with started(tmp_path, command=command, terminal=terminal) as service:
        os.close(terminal)
        seen = bytearray()
        until(lambda: seen.extend(os.read(screen, 4096)) or b"runs at" in seen)
        children = service.children()
        assert len(children) == 3

        if gesture == "Ctrl-C":
            os.write(screen, b"\x03")
        else:
            os.close(screen)

        assert service.process.wait(LIMIT_S) == 0
        assert service.processes() == {}
        assert [child for child in children if parent_of(child)] == []
    if gesture == "Ctrl-C":
        os.close(screen)


def test_it_goes_on_and_stops_in_good_order_when_nobody_reads_its_words_any_more(tmp_path):
    reader, writer = os.pipe()
    with started(tmp_path, terminal=writer) as service:
        os.close(writer)
        seen = bytearray()
        until(lambda: seen.extend(os.read(reader, 4096)) or b"runs at" in seen)
        os.close(reader)
        [broker] = service.children("valkey-server")

        os.kill(broker, signal.SIGKILL)

        until(lambda: service.children("valkey-server") not in ([], [broker]))
        service.process.terminate()
        assert service.process.wait(LIMIT_S) == 0
        assert service.processes() == {}


# Death


def test_nothing_is_left_when_it_is_killed_while_busy(tmp_path):
    port = free_port()
    with running(tmp_path, port=port) as service, hanging_request(service, tmp_path / "web"):
        work(service, tmp_path / "task", forever=True)

        service.process.kill()
        service.process.wait()

        until_gone(service.mark)
        with running(tmp_path, port=port) as successor:
            assert is_healthy(successor)


def test_nothing_is_left_of_a_web_server_that_hears_no_signal_when_it_is_killed(tmp_path):
    """Granian's parent may miss a SIGTERM; a stopped one misses it for sure."""
    with running(tmp_path) as service:
        [server] = service.children("granian")
        os.kill(server, signal.SIGSTOP)

        service.process.kill()
        service.process.wait()

        until_gone(service.mark)


def test_nothing_is_left_of_a_worker_that_is_killed_while_it_forks_its_pool(tmp_path):
    """What it had just forked would live on, each holding the pipes of the other open."""
    (tmp_path / "sitecustomize.py").write_text(
        textwrap.dedent(
            """
            import os, time
            parent = os.getpid()
            def outlive_it():
                while os.getppid() == parent:
                    time.sleep(0.01)
            os.register_at_fork(after_in_child=outlive_it)
            """
        )
    )
    mark = uuid.uuid4().hex
    settings = {"state_folder": tmp_path, "upload_folder": tmp_path / "uploads", "render_processes": 2}
    settings["broker_url"] = f"redis+socket://{tmp_path}/none"
    FolderStore(tmp_path / "uploads").make()  # else the worker would have a child do it, and wait for its end
    with (tmp_path / "log").open("wb") as words:
        worker = subprocess.Popen(
            [sys.executable, "-m", "vignette.running.run_tied", "celery", "-A", "task_celery", "worker"],
            cwd=PROJECT_FOLDER,
            env=environment(tmp_path, **settings) | {"PYTHONPATH": str(tmp_path), "VIGNETTE_TEST_MARK": mark},
            stdout=words,
            stderr=words,
        )
    try:
        # Two of the pool, the one that sweeps, and the one that forks decoders; or those of them that are there by now.
        until(lambda: len(children_of(worker.pid)) >= 3)

        worker.kill()
        worker.wait()

        until_gone(mark)
    finally:
        for number in processes_marked(mark):
            os.kill(number, signal.SIGKILL)


def test_the_next_one_waits_for_the_end_of_what_was_left(tmp_path):
    port = free_port()
    with running(tmp_path, port=port) as service:
        [broker] = service.children("valkey-server")
        os.kill(broker, signal.SIGSTOP)
        service.process.kill()
        service.process.wait()

        with started(tmp_path, port=port) as successor:
            words = "processes of a server that was killed still use the state folder"
            until(lambda: words in successor.words())
            os.kill(broker, signal.SIGCONT)

            until_up(successor)
            assert service.processes() == {}


@pytest.mark.parametrize("name", ["valkey-server", "celery", "granian"])
def test_a_child_that_is_killed_is_replaced_with_all_that_it_started(tmp_path, name):
    # A worker that loses its broker ends with the work in hand, here after two seconds, and is replaced as well.
    with running(tmp_path, render_seconds=2) as service:
        before = {number for number, line in service.processes().items() if name in line}
        work(service, tmp_path / "task", forever=True)
        [child] = service.children(name)

        os.kill(child, signal.SIGKILL)

        until(lambda: not before & set(service.processes()))
        until(lambda: service.children(name) and is_healthy(service))
        work(service, tmp_path / "another")


def test_what_is_queued_outlives_the_broker_and_the_whole_service(tmp_path):
    with running(tmp_path, render_processes=1) as service:
        work(service, tmp_path / "task", forever=True)
        http_client.post(f"{service.url}/work", params={"file": str(tmp_path / "queued")}).raise_for_status()
        [broker] = service.children("valkey-server")
        os.kill(broker, signal.SIGKILL)
        until(lambda: service.children("valkey-server") not in ([], [broker]))

    with running(tmp_path):
        until((tmp_path / "queued").exists)


# What keeps it from starting


def test_a_port_that_is_taken_is_one_clear_line(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]

        assert refusal(tmp_path, port=port) == (
            f"vignette: 127.0.0.1 port {port} is taken: stop what listens there, or set VIGNETTE_PORT"
        )


def test_a_port_that_its_owner_would_share_is_taken_all_the_same(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0), reuse_port=True)) as other:
        assert "is taken" in refusal(tmp_path, port=other.getsockname()[1])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "203.0.113.7", "box.local"])
def test_a_service_that_others_reach_is_told_what_they_call_it(tmp_path, host):
    line = refusal(tmp_path, host=host, access="open")

    assert line.startswith(f'vignette: host = "{host}": other machines reach the service there')
    assert "allowed_hosts" in line


@pytest.mark.parametrize(
    ("settings", "reached_by"),
    [
        ({"host": "0.0.0.0", "allowed_hosts": ("box.local",)}, 'host = "0.0.0.0"'),
        ({"public_url": "https://pictures.example"}, 'public_url = "https://pictures.example"'),
    ],
)
def test_a_service_that_others_reach_is_told_who_may_do_what(tmp_path, settings, reached_by):
    line = refusal(tmp_path, status=2, **settings)

    assert line.startswith(f"vignette: access is not set, and others reach the service by {reached_by}: ")
    assert all(f'"{access}"' in line for access in Access)


@needs.SECCOMP
def test_a_sandbox_that_is_wanted_and_not_there_is_one_clear_line(tmp_path):
    command = (sys.executable, "-m", "tests.lacking", "landlock", *LAUNCH)

    line = refusal(tmp_path, command=command, require_sandbox=True)

    assert line == "vignette: require_sandbox = true: this machine has no Landlock (Linux 5.13 or later, switched on)"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        pytest.param("203.0.113.7", "Cannot assign requested address", id="another machine's"),
        pytest.param("no-such-host.invalid", "", id="a name that nobody knows"),
    ],
)
def test_a_host_that_is_not_ours_is_one_clear_line(tmp_path, host, reason):
    line = refusal(tmp_path, host=host, allowed_hosts=("pictures.local",), access="open")

    assert re.fullmatch(rf"vignette: {re.escape(host)} port \d+ cannot be used: .*{reason}", line)


@pytest.mark.parametrize("name", ["state", "upload"])
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        pytest.param("file/folder", "Not a directory", id="below a file"),
        pytest.param("file", "(File exists|Not a directory)", id="a file"),
        pytest.param("/proc", "No such file or directory", id="a folder that takes no file"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path, name, place, reason):
    (tmp_path / "file").touch()
    folder = tmp_path / place

    line = refusal(tmp_path, **{f"{name}_folder": folder})

    assert re.fullmatch(f"vignette: the {name} folder {re.escape(str(folder))} cannot be used: {reason}", line)


def test_a_second_server_on_the_same_state_folder_is_one_clear_line(service, tmp_path):
    assert refusal(tmp_path, state_folder=service.state_folder) == (
        f"vignette: another server uses the state folder {service.state_folder}"
    )
    assert is_healthy(service)


def test_a_second_server_on_the_same_upload_folder_is_one_clear_line(service, tmp_path):
    assert refusal(tmp_path, upload_folder=service.upload_folder) == (
        f"vignette: another server uses the upload folder {service.upload_folder}"
    )


SHARED = {"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none", "broker_url": "redis://127.0.0.1:1/0"}


def test_servers_that_share_a_catalogue_and_a_broker_may_share_their_folders(tmp_path):
    folders = {"upload_folder": tmp_path / "uploads", "state_folder": tmp_path / "state"}
    folders["upload_folder"].mkdir()

    with (
        running(tmp_path / "one", **SHARED, **folders) as one,
        running(tmp_path / "other", **SHARED, **folders) as other,
    ):
        assert is_healthy(one)
        assert is_healthy(other)


def test_a_server_whose_catalogue_is_another_does_not_share_the_upload_folder(service, tmp_path):
    """Each would give numbers of its own, and not know what the other deletes."""
    assert refusal(tmp_path, **SHARED, upload_folder=service.upload_folder) == (
        f"vignette: another server uses the upload folder {service.upload_folder}"
    )


def test_no_broker_on_this_platform_is_one_clear_line(tmp_path):
    # The wheel holds no file for this machine.
    program = "import platform; platform.machine = lambda: 'riscv64'\n" + PROGRAM
    command = ("/usr/bin/env", "PATH=/nowhere", sys.executable, "-c", program, str(STAND_IN))

    with started_service(tmp_path, command=command) as service:
        assert service.process.wait(LIMIT_S) == 1
        assert service.words() == (
            "vignette: there is no Redis-compatible server for this platform: install valkey or redis, "
            "or name a running one with VIGNETTE_BROKER_URL\n"
        )


def test_a_wrong_setting_ends_with_status_2(tmp_path):
    with started(tmp_path, port="much") as service:
        assert service.process.wait(LIMIT_S) == 2
        assert len(service.words().splitlines()) == 1


@pytest.mark.parametrize("trap", ["a symbolic link", "open to others", "a file"])
@pytest.mark.usefixtures("short_folder")
def test_a_socket_folder_that_is_not_ours_alone_is_not_used(tmp_path, trap):
    state = tmp_path / ("long" * 20)
    folder = Settings(state_folder=state).broker_socket.parent
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if trap == "a symbolic link":
        folder.symlink_to(tmp_path / "elsewhere")
    elif trap == "a file":
        folder.touch(0o600)
    else:
        folder.mkdir()
        folder.chmod(0o755)

    line = refusal(tmp_path, state_folder=state)

    assert str(folder) in line
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_place_that_is_short_enough_for_a_socket_is_one_clear_line(tmp_path, monkeypatch):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))

    line = refusal(tmp_path, state_folder=folder)

    assert line.startswith(f"vignette: the path {folder}/vignette-")
    assert line.endswith("broker.sock is too long for a socket: set TMPDIR to a shorter one")


def test_an_app_that_cannot_be_imported_is_told_and_nothing_is_left(tmp_path):
    (tmp_path / "task_celery.py").write_text(
        textwrap.dedent(
            f"""
            from pathlib import Path
            from celery import Celery
            from vignette.adapters.celery_queue import keep_temporary_files_in
            keep_temporary_files_in(Path({str(tmp_path)!r}))
            app = Celery(broker="memory://")
            """
        )
    )
    (tmp_path / "serveur_flask.py").write_text("import no_such_module")

    with started_service(tmp_path, command=(*LAUNCH[:-1], str(tmp_path))) as service:
        assert service.process.wait(LIMIT_S) == 1
        assert "No module named 'no_such_module'" in service.words()
        assert service.words().splitlines()[-1] == "vignette: the web server ended (exit status 1) at start"
        assert service.processes() == {}


# What must not keep it from starting


def test_the_socket_of_a_dead_broker_is_no_hindrance(short_path, tmp_path):
    (short_path / "state").mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(short_path / "state" / "broker.sock"))

    with running(short_path) as service:
        work(service, tmp_path / "done")


def test_a_queue_that_cannot_be_read_is_set_aside(tmp_path):
    with running(tmp_path) as service:
        kept = service.state_folder / "broker"
    [base] = (kept / "appendonlydir").glob("*.base.rdb")
    base.write_bytes(b"rubbish")

    with running(tmp_path) as service:
        work(service, tmp_path / "done")

        assert (
            f"vignette: the broker could not start with the files of its queue; they are in {kept}.unreadable now"
            in (service.words())
        )
        assert (service.state_folder / "broker.unreadable" / "appendonlydir" / base.name).read_bytes() == b"rubbish"


def test_a_queue_whose_last_write_was_cut_short_is_read_up_to_there(tmp_path):
    with running(tmp_path, render_processes=1) as service:
        work(service, tmp_path / "task", forever=True)
        http_client.post(f"{service.url}/work", params={"file": str(tmp_path / "queued")}).raise_for_status()
    [log] = (service.state_folder / "broker" / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as end:
        end.write(b"*3\r\n$3\r\nSET\r\n$1")

    with running(tmp_path) as service:
        until((tmp_path / "queued").exists)
        assert "unreadable" not in service.words()


def test_only_the_last_unreadable_queue_is_kept(tmp_path):
    settings = Settings(state_folder=tmp_path)
    for content in ("first", "second"):
        (tmp_path / "broker").mkdir(exist_ok=True)
        (tmp_path / "broker" / "file").write_text(content)
        assert set_queue_aside(settings) == tmp_path / "broker.unreadable"

    assert sorted(path.name for path in tmp_path.iterdir()) == ["broker", "broker.unreadable"]
    assert (tmp_path / "broker.unreadable" / "file").read_text() == "second"
    assert set_queue_aside(settings) is None


def test_a_socket_on_which_nobody_answers_is_not_ready(tmp_path):
    with closing(socket.socket(socket.AF_UNIX)) as mute:
        mute.bind(str(tmp_path / "m"))
        assert not answers_ping(tmp_path / "m")
        mute.listen()
        assert not answers_ping(tmp_path / "m")
    assert not answers_ping(tmp_path / "none")


def test_a_worker_that_starts_again_keeps_the_settings_of_the_start(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        (tmp_path / "empty.toml").write_text("render_secnds = 5\n")  # what a reader of it would refuse
        [worker] = service.children("celery")

        os.kill(worker, signal.SIGKILL)

        assert work(service, tmp_path / "done") != worker
