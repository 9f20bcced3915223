"""The sandbox, and each of its layers alone: what a process in it still reaches. Each runs in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.needs import LANDLOCK, LINUX, SECCOMP
from tests.running import LIMIT_S, PROJECT_FOLDER, open_the_way_to
from vignette.jail import landlock
from vignette.jail.sandbox import Abilities, abilities

pytestmark = LINUX

WHO = [
    pytest.param("geteuid", id="as we are"),
    pytest.param("become_ordinary", id="as an ordinary user", marks=needs.root()),
]

ATTEMPTS = """
import ctypes, errno, fcntl, json, mmap, os, resource, signal, socket, subprocess, sys, threading
from vignette.jail import kernel, landlock, seccomp
from vignette.jail.privileges import drop_privileges
from vignette.jail.sandbox import enter_sandbox

folder, port, abstract, who = sys.argv[1:]
folder_descriptor = os.open(folder, os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()

def geteuid(): pass

def become_ordinary():
    os.setgroups([]); os.setresgid(1234, 1234, 1234); os.setresuid(1234, 1234, 1234)

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")

def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as it:
        it.connect(address)

def bind():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))

def send_a_datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as it:
        it.sendto(b"", ("127.0.0.1", 9))

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

def read_memory_of_parent():
    class Piece(ctypes.Structure):
        _fields_ = (("at", ctypes.c_void_p), ("length", ctypes.c_size_t))
    into = ctypes.create_string_buffer(8)
    here = Piece(ctypes.addressof(into), 8)
    if libc.process_vm_readv(parent, ctypes.byref(here), 1, ctypes.byref(here), 1, 0) == -1:
        if ctypes.get_errno() != errno.EFAULT:  # it may have nothing there
            raise PermissionError

attempts = {
    "read": lambda: open(f"{folder}/secret"),
    "write": lambda: open(f"{folder}/new", "w"),
    "write again": lambda: open(f"{folder}/secret", "r+"),
    "list": lambda: os.scandir(folder),
    "read from a folder that is open": lambda: os.open("secret", os.O_RDONLY, dir_fd=folder_descriptor),
    "unlink": lambda: os.unlink(f"{folder}/victim"),
    "rename": lambda: os.rename(f"{folder}/victim", f"{folder}/moved"),
    "change a mode": lambda: os.chmod(f"{folder}/secret", 0o777),
    "environment of the parent": lambda: open(f"/proc/{parent}/environ"),
    "memory of the parent": read_memory_of_parent,
    "trace the parent": lambda: checked(libc.ptrace(0x4206, parent, 0, 0)),
    "signal the parent": lambda: os.kill(parent, 0),
    "limit the parent": lambda: resource.prlimit(parent, resource.RLIMIT_CORE),
    "have the parent signalled": lambda: fcntl.fcntl(held, fcntl.F_SETOWN, parent),
    "TCP": lambda: connect(socket.AF_INET, ("127.0.0.1", int(port))),
    "serve TCP": bind,
    "UDP": send_a_datagram,
    "Unix socket": lambda: connect(socket.AF_UNIX, f"{folder}/broker.sock"),
    "abstract socket": lambda: connect(socket.AF_UNIX, "\\0" + abstract),
    "fork": fork,
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "new user namespace": lambda: checked(libc.unshare(0x10000000)),
    "memory file": lambda: os.memfd_create("it"),
    "memory that is code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "memory that nobody counts": lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    "a stack of its own": lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100),
    "io_uring": lambda: checked(libc.syscall(425, 1, 0)),
    "keys": lambda: checked(libc.syscall({"x86_64": 250, "aarch64": 219}[kernel.architecture()], 0, -3, 0)),
    "a call that nobody knows": lambda: checked(libc.syscall(1000)),
    "a call of another interface": lambda: checked(libc.syscall((1 << 30) + 39)),
    "privileges": lambda: os.setresuid(0, 0, 0),
}
held, _ = socket.socketpair()

def try_all():
    went = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, subprocess.SubprocessError):
            continue
        went.append(name)
    print(json.dumps(went))

globals()[who]()
"""


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[list[str]]:
    """What is there to be reached, and that anybody may reach: the arguments of a script of attempts."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("secret", "victim"):
        (folder / name).write_text("of ours")
        (folder / name).chmod(0o666)
    folder.chmod(0o777)
    open_the_way_to(folder)
    abstract = f"vignette-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as web,
        _listening(f"{folder}/broker.sock"),
        _listening(f"\0{abstract}"),
    ):
        (folder / "broker.sock").chmod(0o777)
        yield [str(folder), str(web.getsockname()[1]), abstract]


def _listening(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def run(script: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ATTEMPTS + textwrap.dedent(script), *arguments]
    return subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False, timeout=LIMIT_S)


def what_went(script: str, arguments: list[str]) -> set[str]:
    done = run(script, arguments)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("who", WHO)
def test_without_a_sandbox_most_attempts_succeed(outside: list[str], who: str) -> None:
    """Else the others would prove nothing."""
    went = what_went("try_all()", [*outside, who])
    assert went >= {"read", "write", "list", "unlink", "TCP", "serve TCP", "UDP", "Unix socket", "abstract socket"}
    assert went >= {"fork", "start a program", "memory that is code", "have the parent signalled", "memory file"}
    if who == "geteuid":
        assert went >= {"environment of the parent", "signal the parent"}
    if who == "geteuid" and os.geteuid() == 0:
        assert went >= {"memory of the parent", "trace the parent", "limit the parent"}


@LANDLOCK
@SECCOMP
@pytest.mark.parametrize("who", WHO)
def test_a_process_in_the_sandbox_reaches_nothing(outside: list[str], who: str) -> None:
    assert what_went("enter_sandbox(threads=True); try_all()", [*outside, who]) == set()


@SECCOMP
@pytest.mark.parametrize("who", WHO)
def test_seccomp_alone_reaches_as_far(outside: list[str], who: str) -> None:
    script = "kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1); seccomp.restrict_calls(threads=True); try_all()"
    assert what_went(script, [*outside, who]) == set()


@LANDLOCK
@pytest.mark.parametrize("who", WHO)
def test_landlock_alone_stops_files_programs_tcp_and_signals(outside: list[str], who: str) -> None:
    script = "kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1); landlock.grant_nothing(); try_all()"
    went = what_went(script, [*outside, who])
    assert not went & {"read", "write", "write again", "list", "read from a folder that is open", "unlink", "rename"}
    assert not went & {"environment of the parent", "memory of the parent", "trace the parent", "signal the parent"}
    assert not went & {"TCP", "serve TCP", "abstract socket", "start a program"}


@pytest.mark.parametrize("who", [pytest.param("geteuid", id="of root", marks=needs.root())])
def test_dropped_privileges_do_not_come_back(outside: list[str], who: str) -> None:
    script = """
        drop_privileges()
        os.chmod(f"{folder}/secret", 0o600) if os.geteuid() == 0 else None
        status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
        print(os.getresuid(), os.getresgid(), os.getgroups())
        print({int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")})
        try_all()
    """
    users, capabilities, went = run(script, [*outside, who]).stdout.splitlines()
    assert users == "(65534, 65534, 65534) (65534, 65534, 65534) []"
    assert capabilities == "{0}"
    assert not set(json.loads(went)) & {
        "privileges",
        "environment of the parent",
        "signal the parent",
        "limit the parent",
    }


@SECCOMP
def test_threads_start_where_they_are_wanted_only(outside: list[str]) -> None:
    start = """
        threading.stack_size(128 * 1024)
        try:
            thread = threading.Thread(target=print, args=("a thread",))
            thread.start()
            thread.join()
        except RuntimeError as error:
            print("none")
    """
    arguments = [*outside, "geteuid"]
    assert run("enter_sandbox(threads=True)\n" + textwrap.dedent(start), arguments).stdout == "a thread\n"
    assert run("enter_sandbox(threads=False)\n" + textwrap.dedent(start), arguments).stdout == "none\n"


@SECCOMP
def test_a_process_in_the_sandbox_can_still_abort_and_be_told_so(outside: list[str]) -> None:
    assert run("enter_sandbox(threads=True); os.abort()", [*outside, "geteuid"]).returncode == -6


def test_only_so_many_descriptors_are_left_and_no_file_grows(outside: list[str]) -> None:
    script = """
        log = open(f"{folder}/log", "wb", buffering=0)
        enter_sandbox(threads=True, descriptors=8)
        print([resource.getrlimit(which)[1] for which in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)])
        try:
            log.write(b"too much")
        except OSError as error:
            print(error.strerror)
        print(open(os.dup(0), closefd=False).fileno() < 8)
    """
    assert run(script, [*outside, "geteuid"]).stdout == "[0, 8]\nFile too large\nTrue\n"


def test_a_process_of_several_threads_cannot_enter(outside: list[str]) -> None:
    script = """
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        try:
            enter_sandbox(threads=True)
        except RuntimeError as error:
            print(error)
    """
    assert run(script, [*outside, "geteuid"]).stdout == "a sandbox can only be entered by a process of one thread\n"


def test_what_a_kernel_lacks_is_named() -> None:
    assert Abilities(landlock_version=1, seccomp=True).shortfall is None
    words = "this machine has no Landlock (Linux 5.13 or later, switched on)"
    assert Abilities(landlock_version=0, seccomp=True).shortfall == words
    words += " and no seccomp filters (Linux 3.17 or later, on x86_64 or aarch64)"
    assert Abilities(landlock_version=0, seccomp=False).shortfall == words
    assert abilities().landlock_version == landlock.version()
