"""
Children of one foreground process: started in order, started again when they die, stopped in reverse, none left behind.

Each child leads a session of its own, and so a process group: Ctrl-C in a terminal reaches only the supervisor, which
stops one child after the other; and what a child has started can be ended with it, as a group.

Should the supervisor itself die without a word (SIGKILL), Linux signals each child at that instant (prctl(2),
PR_SET_PDEATHSIG). Other systems know nothing like it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final

from vignette.jail.ties import adopt_orphans, end_with
from vignette.running.liveness import Liveness, LivenessWatch

# A child that died is started again almost at once: most deaths are accidents. One that cannot live is tried twice a
# minute, so that it neither burns the processor nor stays away for long once its reason is gone.
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
HEALTHY_AFTER_S: Final = 30.0

# From the start of a child to its first sign of life; a small board with a slow card needs most of it.
START_LIMIT_S: Final = 120.0

# Between two looks at a child that is not ready yet: nothing beside the start of a process.
PROBE_EVERY_S: Final = 0.02

# What SIGKILL does not end by then hangs in the kernel (a dead network disk), and we cannot wait for it.
KILL_LIMIT_S: Final = 5.0

# Two signals in one moment are one wish that came twice: a closed terminal's, from the kernel and from the shell.
SAME_WISH_S: Final = 0.5

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStart(Exception):
    """The service cannot be started. The message is one line for the person who tried."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """
    What to run, and how to treat it.

    `grace_s` lies between SIGTERM and SIGKILL. `orphan_signal` is what the child gets if the supervisor is killed: it
    must make the child end, and all that it started, busy or not.

    `is_ready` tells, within two seconds or so, whether the child does its work by now; those after it wait for that.
    Without it a child is ready as soon as it runs.

    `liveness` is what the child is asked from then on. One that does not answer is ended, and started again.

    `repair` is called when the child ended by itself before it was ready; it says whether it changed anything, so
    that another try is worth it.

    `log` is where the child writes, if not to standard error.
    """

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str]
    folder: Path
    grace_s: float
    orphan_signal: signal.Signals = signal.SIGTERM
    umask: int = -1
    is_ready: Callable[[], bool] | None = None
    liveness: Liveness | None = None
    repair: Callable[[], bool] | None = None
    log: Path | None = None


class Backoff:
    """How long to wait before a child that died is started again."""

    def __init__(self) -> None:
        self._deaths = 0

    def pause_s(self, lived_s: float) -> float:
        """The pause after a life of *lived_s* seconds: doubled with each short one, as at first after a long one."""
        if lived_s >= HEALTHY_AFTER_S:
            self._deaths = 0
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._deaths, 10))
        self._deaths += 1
        return pause


class Supervisor:
    """
    Keeps *children* alive until it is told to stop. To be used once, from the main thread of a process without others:
    signals arrive there, and the death signal of a child follows the thread that forked it.

    *say* takes one line for the operator. The children inherit the descriptors *pass_fds*, and standard error for both
    of their outputs.
    """

    def __init__(self, children: Sequence[Child], say: Callable[[str], None], pass_fds: Sequence[int] = ()) -> None:
        self._children = children
        self._say = say
        self._pass_fds = pass_fds
        self._kept: list[_Kept] = []
        self._is_up = False
        self._wishes = _StopWishes()

    def run(self, when_up: Callable[[], None]) -> None:
        """
        Start all, call *when_up*, keep them until SIGINT, SIGTERM or SIGHUP; a second one ends what is left at once.

        Raises:
            CannotStart: A child ended before it was ready for the first time, or was not ready in time. What was
                started has been stopped.
        """
        adopt_orphans()
        with self._wishes:
            try:
                for child in self._children:
                    self._bring_up(child)
                if not self._wishes.to_stop:
                    self._is_up = True
                    when_up()
                while not self._wishes.to_stop:
                    self._tend()
                    self._wishes.wait(self._nap_s())
                self._say("stopping; Ctrl-C again ends it at once")
            finally:
                for kept in reversed(self._kept):
                    self._stop(kept)

    def _bring_up(self, child: Child) -> None:
        if self._wishes.to_stop:
            return
        kept = _Kept(child)
        self._kept.append(kept)
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            self._tend()
            if kept.is_ready or self._wishes.to_stop:
                return
            if time.monotonic() >= deadline:
                raise CannotStart(f"the {child.name} did not get ready within {START_LIMIT_S:g} s{_see(child.log)}")
            self._wishes.wait(self._nap_s())

    def _tend(self) -> None:
        """Start what is due, bury what died, look who is ready."""
        for kept in self._kept:
            if kept.process is None:
                if time.monotonic() >= kept.due_at:
                    self._start(kept)
            elif kept.process.poll() is not None:
                self._bury(kept, kept.process)
            elif not kept.is_ready:
                kept.look()
                if not kept.is_ready and self._is_up and time.monotonic() - kept.started_at > START_LIMIT_S:
                    self._replace(kept, f"did not get ready within {START_LIMIT_S:g} s")
            elif kept.is_stuck():
                self._replace(kept, "does not answer any more")
        _reap_strays({kept.process.pid for kept in self._kept if kept.process})

    def _nap_s(self) -> float | None:
        """Seconds until something is due without a signal, or None."""
        dues = [kept.due_at - time.monotonic() for kept in self._kept if kept.process is None]
        if any(kept.process and not kept.is_ready for kept in self._kept):
            dues.append(PROBE_EVERY_S)
        dues += [kept.watch.due_in_s for kept in self._kept if kept.watch is not None]
        return max(0.0, min(dues)) if dues else None

    def _start(self, kept: _Kept) -> None:
        child = kept.child
        try:
            process = subprocess.Popen(  # noqa: S603 (the caller's own command)
                child.argv,
                env=child.env,
                cwd=child.folder,
                umask=child.umask,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                stderr=sys.stderr.fileno(),
                pass_fds=self._pass_fds,
                start_new_session=True,
                preexec_fn=_tie(child.orphan_signal),
            )
        except OSError as error:
            self._mourn(kept, f"could not be started: {error.strerror or error}", lived_s=0)
        else:
            kept.born(process)

    def _bury(self, kept: _Kept, process: subprocess.Popen[bytes]) -> None:
        """Clear away what a dead child left, and see to its return."""
        # A pool or a web worker that survives its parent would hold the port, or do the work of its successor.
        _end_group(process.pid)
        kept.died()
        if process.returncode > 0 and kept.repair():
            kept.due_at = time.monotonic()
            return
        self._mourn(kept, f"ended ({_how(process.returncode)})", lived_s=time.monotonic() - kept.started_at)

    def _replace(self, kept: _Kept, why: str) -> None:
        """End a child that is of no use, and see to its return."""
        self._say(f"the {kept.child.name} {why}; it is ended")
        self._stop(kept)
        kept.died()
        self._mourn(kept, "was ended", lived_s=time.monotonic() - kept.started_at)

    def _mourn(self, kept: _Kept, what: str, lived_s: float) -> None:
        child = kept.child
        if not (self._is_up or kept.is_ready):
            raise CannotStart(f"the {child.name} {what} at start{_see(child.log)}")
        pause_s = kept.backoff.pause_s(lived_s)
        kept.due_at = time.monotonic() + pause_s
        self._say(f"the {child.name} {what}{_see(child.log)}; next try in {pause_s:g} s")

    def _stop(self, kept: _Kept) -> None:
        """Ask the child to end, then make it: with its group, and never later than its grace time."""
        if (process := kept.process) is None:
            return
        if not self._wishes.to_hurry:
            process.terminate()
        deadline = time.monotonic() + kept.child.grace_s
        while process.poll() is None and not self._wishes.to_hurry:
            if (rest_s := deadline - time.monotonic()) <= 0:
                self._say(f"the {kept.child.name} did not end within {kept.child.grace_s:g} s and is killed")
                break
            self._wishes.wait(rest_s)
        if process.poll() is None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(KILL_LIMIT_S)
        _end_group(process.pid)


class _Kept:
    """A child, its process while it has one, and how it has fared."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.is_ready = False
        self.started_at = 0.0
        self.due_at = 0.0
        self.backoff = Backoff()
        self.watch: LivenessWatch | None = None
        self._was_repaired = False

    def born(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.started_at = time.monotonic()
        self.is_ready = self.child.is_ready is None
        self._begin_watch()

    def died(self) -> None:
        self.process = None
        if self.watch is not None:
            self.watch.close()
            self.watch = None

    def look(self) -> None:
        self.is_ready = self.child.is_ready is None or self.child.is_ready()
        self._was_repaired = self._was_repaired and not self.is_ready
        self._begin_watch()

    def is_stuck(self) -> bool:
        return self.watch is not None and self.watch.look()

    def _begin_watch(self) -> None:
        if self.is_ready and self.child.liveness is not None:
            self.watch = LivenessWatch(self.child.liveness)

    def repair(self) -> bool:
        """Mend what may keep the child from getting ready; once, until it has been ready again."""
        if self.is_ready or self._was_repaired or self.child.repair is None:
            return False
        self._was_repaired = True
        return self.child.repair()


class _StopWishes:
    """The signals that ask us to stop, and a sleep that any signal ends, that of a child's death too."""

    def __init__(self) -> None:
        self.to_stop = False
        self.to_hurry = False
        self._stopped_at = 0.0

    def __enter__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._former_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, self._heed) for number in self._numbers()}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for number, handler in self._former.items():
            # A third Ctrl-C must not spoil the exit status while nothing is left but to exit.
            signal.signal(number, signal.SIG_IGN if self.to_stop and number in _STOP_SIGNALS else handler)
        signal.set_wakeup_fd(self._former_fd)
        self._reader.close()
        self._writer.close()

    def wait(self, timeout_s: float | None) -> None:
        """Sleep until a signal arrives, at most *timeout_s*. One that came before the call counts."""
        if select.select([self._reader], [], [], timeout_s)[0]:
            with contextlib.suppress(BlockingIOError):
                while self._reader.recv(4096):
                    pass

    @staticmethod
    def _numbers() -> list[signal.Signals]:
        # nohup(1) asks for a life beyond the terminal.
        asked = [s for s in _STOP_SIGNALS if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
        return [*asked, signal.SIGCHLD]

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        now = time.monotonic()
        if not self.to_stop:
            self.to_stop = True
            self._stopped_at = now
        elif now - self._stopped_at >= SAME_WISH_S:
            self.to_hurry = True


def _tie(orphan_signal: signal.Signals) -> Callable[[], None]:
    """What a child does between fork and exec, so that it does not outlive us."""
    parent = os.getpid()

    def prepare() -> None:
        # Our handlers are still in force here and would swallow the death signal.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        end_with(parent, orphan_signal)

    return prepare


def _end_group(group: int) -> None:
    """Kill what is left of a process group whose leader has ended, and wait until it is gone."""
    deadline = time.monotonic() + KILL_LIMIT_S
    # PermissionError is what macOS says of a group in which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            # Orphans came to us (as subreaper, or as process 1) and stay in the group until we take note of their end.
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-group, os.WNOHANG)[0]:
                    pass
            time.sleep(0.005)


def _reap_strays(children: set[int]) -> None:
    """Take note of the end of processes that were left to us, as to process 1 of a container, and are none of ours."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in children:
            os.waitpid(ended.si_pid, 0)


def _how(returncode: int) -> str:
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:  # a real-time signal has a number only
        return f"killed by signal {-returncode}"


def _see(log: Path | None) -> str:
    return f", see {log}" if log else ""
