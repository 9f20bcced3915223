"""
Seccomp: which system calls a process may make (seccomp(2), Linux 3.17 and later).

The filter is a list of what is allowed: memory, threads, clocks, and reading and writing what is open already. A list
of what is forbidden would let through each call that a later kernel adds. A forbidden call fails and does not kill,
because the libraries go on after most: "no such call" for those that the C library can do without and for those that
are newer than this list, "not a terminal" for `ioctl`, and "not permitted" for all others.

A filter cannot look at what a pointer shows. So `newfstatat` (which is `fstat` in some C libraries) still tells whether
a path exists, its size and its owner, as far as the process' user may know.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vignette.jail import kernel
from vignette.jail.kernel import Architecture, architecture, call

# By the processor: linux/audit.h, and the number of seccomp itself.
_AUDIT_ARCHITECTURES: Final[Mapping[Architecture, int]] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP: Final[Mapping[Architecture, int]] = {"x86_64": 317, "aarch64": 277}

# linux/seccomp.h
_SET_MODE_FILTER: Final = 1
_GET_ACTION_AVAIL: Final = 2
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000

# linux/bpf_common.h: load a word of `struct seccomp_data`; keep some of its bits; jump if equal, if not lower, if a bit
# is set; return.
_LOAD: Final = 0x20
_AND: Final = 0x54
_IF_EQUAL: Final = 0x15
_IF_NOT_LOWER: Final = 0x35
_IF_SET: Final = 0x45
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16

# No call had a higher number when this list was made (Linux 6.18). The x32 interface of x86_64 begins at 2**30.
_LAST_KNOWN: Final = 469

# asm/unistd_64.h and asm-generic/unistd.h: the numbers on x86_64 and aarch64; None where the processor lacks the call.
_FREE: Final[Mapping[str, tuple[int, int | None]]] = {
    # what is open already
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    "close_range": (436, 436),
    "dup": (32, 23),
    "dup3": (292, 24),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "getsockopt": (55, 209),
    "getsockname": (51, 204),
    # memory
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "membarrier": (324, 283),
    # threads
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # signals
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "restart_syscall": (219, 128),
    # clocks
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    # who and where we are
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "sysinfo": (99, 179),
    "getcwd": (79, 17),
    "uname": (63, 160),
    "getrandom": (318, 278),
}

# Without these, the C library takes an older call: `clone`, `newfstatat`.
_DO_WITHOUT: Final[Mapping[str, tuple[int, int]]] = {"clone3": (435, 435), "statx": (332, 291)}

_CLONE_THREAD: Final = 0x00010000
_PROT_EXEC: Final = 4
_MAP_SHARED: Final = 0x01
_MAP_ANONYMOUS: Final = 0x20
_MAP_GROWSDOWN: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GET_SEALS; not F_SETOWN, which has others signalled.
_FCNTL_COMMANDS: Final = (0, 1, 2, 3, 4, 1030, 1034)


@dataclass(frozen=True, slots=True)
class _Test:
    """Look at the argument of this index, a word of 32 bits. "lacks all" fails if it has all bits of a value."""

    argument: int
    test: Literal["is one of", "has", "lacks", "lacks all"]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """Allow a call if its arguments pass all tests, of which only the last may ask for what an argument is or has."""

    numbers: tuple[int, int]
    tests: tuple[_Test, ...]


def _rules(*, threads: bool) -> Iterator[_Rule]:
    itself = (0, os.getpid())
    no_code = _Test(2, "lacks", (_PROT_EXEC,))
    # RLIMIT_DATA counts neither (confinement.py): a process that was taken over could fill the memory of the machine.
    counted = (_Test(3, "lacks all", (_MAP_SHARED | _MAP_ANONYMOUS,)), _Test(3, "lacks", (_MAP_GROWSDOWN,)))
    yield _Rule((9, 222), (no_code, *counted))  # mmap
    yield _Rule((10, 226), (no_code,))  # mprotect
    yield _Rule((262, 79), (_Test(3, "has", (_AT_EMPTY_PATH,)),))  # newfstatat
    yield _Rule((72, 25), (_Test(1, "is one of", _FCNTL_COMMANDS),))  # fcntl
    yield _Rule((302, 261), (_Test(0, "is one of", itself),))  # prlimit64
    yield _Rule((234, 131), (_Test(0, "is one of", itself[1:]),))  # tgkill: abort(3), raise(3)
    yield _Rule((157, 167), (_Test(0, "is one of", (kernel.PR_SET_NAME,)),))  # prctl
    if threads:
        yield _Rule((56, 220), (_Test(0, "has", (_CLONE_THREAD,)),))  # clone


def is_available() -> bool:
    """Whether the kernel takes filters that let calls fail, and we know this processor's numbers."""
    machine = architecture()
    if machine is None:
        return False
    try:
        call(_SECCOMP[machine], _GET_ACTION_AVAIL, 0, (ctypes.c_char * 4).from_buffer_copy(struct.pack("=I", _ERRNO)))
    except OSError:
        return False
    return True


def restrict_calls(*, threads: bool) -> None:
    """
    Let this thread, and all *threads* that it starts from now on, make the calls of this module's list only. Without
    *threads* none can be started. `PR_SET_NO_NEW_PRIVS` must be set.

    Raises:
        OSError: The kernel refuses.
    """
    install(_filter(_machine(), threads=threads))


def forbidding(numbers: Sequence[int], error: int) -> Iterator[bytes]:
    """Return a filter by which the calls of these *numbers* fail with *error*, and no other."""
    yield _instruction(_LOAD, _NUMBER_AT)
    for number in numbers:
        yield from _then(_IF_EQUAL, number, [_failing(error)])
    yield _instruction(_RETURN, _ALLOW)


def install(filter_: Iterable[bytes]) -> None:
    """
    Have each system call of this thread, and of all that it starts, pass through *filter_*, besides those before it.

    Raises:
        OSError: The kernel refuses.
    """
    instructions = list(filter_)
    program = ctypes.create_string_buffer(b"".join(instructions))
    head = struct.pack("=HxxxxxxQ", len(instructions), ctypes.addressof(program))  # struct sock_fprog
    call(_SECCOMP[_machine()], _SET_MODE_FILTER, 0, (ctypes.c_char * len(head)).from_buffer_copy(head))


def _machine() -> Architecture:
    if (machine := architecture()) is None:
        raise OSError(errno.ENOSYS, "the numbers of this processor's system calls are not known")
    return machine


def _filter(machine: Architecture, *, threads: bool) -> Iterator[bytes]:
    column = 0 if machine == "x86_64" else 1
    yield _instruction(_LOAD, _ARCHITECTURE_AT)
    yield from _then(_IF_EQUAL, _AUDIT_ARCHITECTURES[machine], otherwise=[_instruction(_RETURN, _KILL_PROCESS)])
    yield _instruction(_LOAD, _NUMBER_AT)
    for numbers in _FREE.values():
        if (number := numbers[column]) is not None:
            yield from _then(_IF_EQUAL, number, [_instruction(_RETURN, _ALLOW)])
    for rule in _rules(threads=threads):
        yield from _then(_IF_EQUAL, rule.numbers[column], _checked(rule))
    for numbers in _DO_WITHOUT.values():
        yield from _then(_IF_EQUAL, numbers[column], [_failing(errno.ENOSYS)])
    yield from _then(_IF_EQUAL, (16, 29)[column], [_failing(errno.ENOTTY)])  # ioctl
    yield from _then(_IF_NOT_LOWER, _LAST_KNOWN + 1, [_failing(errno.ENOSYS)])
    yield _failing(errno.EPERM)


def _checked(rule: _Rule) -> list[bytes]:
    allow, refuse = _instruction(_RETURN, _ALLOW), _failing(errno.EPERM)
    block = []
    for test in rule.tests:
        load = _instruction(_LOAD, _ARGUMENTS_AT + 8 * test.argument)
        for value in test.values:
            match test.test:
                case "is one of":
                    block += [load, *_then(_IF_EQUAL, value, [allow])]
                case "has":
                    block += [load, *_then(_IF_SET, value, [allow])]
                case "lacks":
                    block += [load, *_then(_IF_SET, value, [refuse])]
                case "lacks all":
                    block += [load, _instruction(_AND, value), *_then(_IF_EQUAL, value, [refuse])]
    return [*block, allow if rule.tests[-1].test.startswith("lacks") else refuse]


def _then(test: int, value: int, block: Sequence[bytes] = (), otherwise: Sequence[bytes] = ()) -> list[bytes]:
    """Do *block* if the loaded word passes the test, else *otherwise*. One of the two is empty; each returns."""
    if block:
        return [_instruction(test, value, 0, len(block)), *block]
    return [_instruction(test, value, len(otherwise), 0), *otherwise]


def _failing(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)  # struct sock_filter
