"""
Work on the bytes of strangers, in processes of its own that can be ended.

A `CellPool` keeps some *cells*, which wait for work. Each is a fork of one fresh program that imports once what the
work needs (`vignette.jail.forking`). So a new cell costs little, and takes the place of one that has done a number of
pieces of work, or took more for a piece than it may. Whatever a cell does, only the piece that it has is lost.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any, Final, Self
from weakref import WeakSet

from vignette.errors import VignetteError
from vignette.jail import cell as inside
from vignette.jail import messages
from vignette.jail.cell import CellLimits as CellLimits
from vignette.jail.forking import OwnZygote, Program, SharedZygote, Zygote
from vignette.jail.messages import Malformed, Message, whole_number
from vignette.jail.zygote import NEVER_WAS
from vignette.limits import MIB

_MAX_WORDS_CHARS: Final = 2000
_MAX_NUMBER: Final = 2**63 - 1

logger = logging.getLogger(__name__)


class CellTrouble(Exception):
    """Base of what becomes of a piece of work that was not done."""


class OutOfProcessorTime(CellTrouble):
    """The piece took more than `CellLimits.cpu_s`."""


class OutOfTime(CellTrouble):
    """The piece took longer than the pool waits for one."""


class OutOfMemory(CellTrouble):
    """The piece took more than `CellLimits.memory_bytes`."""


class CellDied(CellTrouble):
    """The cell ended, or gave an answer that it may not give, each time that it was tried."""


class CellLost(CellDied):
    """The process that forks cells has ended, and the cell with it."""


class NoCell(CellTrouble):
    """There was no cell for the piece: all were at work for as long as the pool waits, or none can be started."""


class CellPool:
    """
    The cells of this process. Safe to share between threads; after a fork, the child has cells of its own.

    *work* is the name of a `cell.Work`, "module:function". At most *cells* pieces are done at a time; a thread that
    comes when all are at work waits *wait_s*. A cell does *pieces* at most. A piece may take *wall_s*. If its cell
    dies, it is tried again in another, *tries* times in all.

    Nothing is started before the first piece, or before `warm` or `share`. All times are in seconds.
    """

    def __init__(
        self,
        work: str,
        limits: CellLimits,
        *,
        cells: int,
        pieces: int,
        wall_s: float,
        wait_s: float,
        tries: int = 2,
        errors: Sequence[type[VignetteError]] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
        idle_s: float | None = None,
        keeps_spare: bool = True,
    ) -> None:
        """
        *errors* are those that the work may raise: `run` raises them in its stead. *environment* is for the libraries
        of the work while they are loaded. After *idle_s* without work all processes end, until work comes again. A
        pool that *keeps_spare* has a cell ready for whoever comes while others are at work.
        """
        self.limits = limits
        self.wall_s = wall_s
        self._program = Program(work, limits, dict(environment))
        self._cells = cells
        self._pieces = pieces
        self._wait_s = wait_s
        self._tries = tries
        self._errors = {kind.code: kind for kind in errors}
        self._idle_s = idle_s
        self._keeps_spare = keeps_spare
        self._shared: SharedZygote | None = None
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._places = threading.BoundedSemaphore(self._cells)
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None
        self._idle: list[_Cell] = []
        self._at_work = 0
        self._is_closed = False
        self._rest_later: threading.Timer | None = None

    def run(self, values: dict[str, Any], descriptors: Sequence[int] = (), *, max_bytes: int = 0) -> Message:
        """
        Have a cell do a piece of work, and return its answer, whose blocks have at most *max_bytes* together.

        The values and blocks of the answer are still to be checked: `messages` has what helps.

        Raises:
            CellTrouble: The work was not done; see the classes below it.
            VignetteError: What the work raised.
        """
        if not self._places.acquire(timeout=self._wait_s):
            raise NoCell(f"all {self._cells} cells are at work")
        try:
            return self.unpacked(self._tried(values, descriptors, max_bytes))
        except Malformed as error:
            raise CellDied(str(error)) from error
        finally:
            self._places.release()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """
        Have one cell for pieces of work that belong together, as long as the block lasts. They count as one piece.

        No piece is tried again. A cell whose session ends by an error is ended. It is no error if a generator that has
        the session is closed between two pieces: see to it then that the next piece begins anew.

        Raises:
            NoCell: There is none.
        """
        if not self._places.acquire(timeout=self._wait_s):
            raise NoCell(f"all {self._cells} cells are at work")
        try:
            while not (cell := self._obeying(fresh=False)).is_alive():
                self._end(cell)
            session = Session(self, cell)
            pieces = cell.pieces + 1
            try:
                yield session
            except BaseException as error:
                if not isinstance(error, GeneratorExit) and not session.is_over:
                    session.is_over = True
                    self._end(cell)
                raise
            finally:
                cell.pieces = pieces
                if not session.is_over:
                    self._given_back(cell)
        finally:
            self._places.release()

    def warm(self) -> None:
        """Start what takes a while, and do not wait for it."""
        with self._lock, suppress(NoCell):
            if not self._idle:
                self._idle.append(self._forked())

    def share(self) -> None:
        """
        Have what the work needs loaded now, once for this process and for all that it forks from now on. Each of them
        has cells of its own. From now on this process has to call `keep`; all cells end with it.
        """
        self._shared = SharedZygote(self._program)
        self._shared.keep()

    def keep(self) -> None:
        """For the process that called `share`: replace what has ended. Call this about once a second."""
        if self._shared is not None:
            self._shared.keep()

    def close(self) -> None:
        """End all cells for good, and with them the pieces that are at work. Repeating it does nothing."""
        with self._lock:
            self._is_closed = True
            self._stay_awake()
            zygote, self._zygote = self._zygote, None
            self._drop_idle()
        if zygote is not None:
            zygote.close()
        if self._shared is not None:
            self._shared.close()

    def __del__(self) -> None:
        with suppress(AttributeError):  # it was never begun
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self) -> None:
        """For a process that was forked: let go of what belongs to its parent, and begin anew."""
        zygote, idle = self._zygote, self._idle
        self._begin()
        for cell in idle:
            cell.connection.close()
        if zygote is not None:
            zygote.forget()
        if self._shared is not None:
            self._shared.forget()

    def _tried(self, values: dict[str, Any], descriptors: Sequence[int], max_bytes: int) -> Message:
        for is_last in (*[False] * (self._tries - 1), True):
            try:
                return self._done(values, descriptors, max_bytes, fresh=is_last and self._tries > 1)
            except CellDied as error:
                if is_last and isinstance(error, CellLost):
                    raise NoCell(f"the process that forks cells for {self._program.work} ends at once") from error
                if is_last:
                    raise
                logger.warning("a cell of %s died, and the work is tried again: %s", self._program.work, error)
        raise AssertionError

    def _done(self, values: dict[str, Any], descriptors: Sequence[int], max_bytes: int, *, fresh: bool) -> Message:
        cell = self._obeying(fresh=fresh)
        # What a cell has said unasked would be taken for its next answer.
        while cell.pieces and not cell.is_alive():
            self._end(cell)
            cell = self._obeying(fresh=fresh)
        answer = self.asked(cell, values, descriptors, max_bytes)
        if inside.NO_MEMORY in answer.values:
            self._end(cell)
        else:
            self._given_back(cell)
        return answer

    def asked(self, cell: _Cell, values: dict[str, Any], descriptors: Sequence[int], max_bytes: int) -> Message:
        """Ask *cell*, and end it if no answer comes."""
        try:
            return cell.ask(values, descriptors, max_bytes, self.wall_s)
        except TimeoutError as error:
            self._end(cell)
            raise OutOfTime(f"no answer came within {self.wall_s:g} s") from error
        except (OSError, Malformed) as error:
            status = self._end(cell)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
                raise OutOfProcessorTime(f"it took more than {self.limits.cpu_s:g} s") from error
            if status == NEVER_WAS:
                raise CellLost("the process that forks it is gone") from error
            raise CellDied(f"{_ending(status)} ({error})") from error
        except BaseException:
            self._end(cell)
            raise

    def _given_back(self, cell: _Cell) -> None:
        if cell.pieces >= self._pieces:
            self._end(cell)
        else:
            with self._lock:
                self._is_done()
                self._idle.append(cell)

    def unpacked(self, answer: Message) -> Message:
        """Return the answer of the work itself, or raise what the cell told in its place."""
        match answer.values:
            case {inside.DONE: dict() as values}:
                return Message(values, answer.blocks)
            case {inside.NO_MEMORY: True}:
                raise OutOfMemory(f"it took more than {self.limits.memory_bytes / MIB:,.0f} MiB")
            case {inside.ERROR: {"code": str() as code, "detail": str() as detail} as told} if code in self._errors:
                raise self._errors[code](
                    _printable(detail), measured=_number(told, "measured"), limit=_number(told, "limit")
                )
            case {inside.BUG: str() as words}:
                raise CellDied(f"the work raised what it should not: {_printable(words)}")
            case _:
                raise CellDied("the answer has another shape")

    def _obeying(self, *, fresh: bool) -> _Cell:
        """Take a cell whose zygote obeys. How long that needs to be loaded is no matter of the piece of work."""
        for is_last in (False, True):
            cell = self._taken(fresh=fresh)
            try:
                cell.zygote.wait_until_here()
            except OSError as error:
                self._abandon(cell)
                if is_last or not isinstance(error, ConnectionError):
                    raise NoCell(f"the process that forks cells for {self._program.work}: {error}") from error
            else:
                return cell
        raise AssertionError

    def _abandon(self, cell: _Cell) -> None:
        """Let go of a *cell* whose zygote is gone or hangs."""
        cell.connection.close()
        with self._lock:
            self._is_done()
            if cell.zygote is self._zygote:
                self._lose_zygote()

    def _taken(self, *, fresh: bool) -> _Cell:
        with self._lock:
            self._stay_awake()
            cell = self._forked() if fresh or not self._idle else self._idle.pop()
            self._at_work += 1
            if self._keeps_spare and not self._idle and self._at_work < self._cells:
                with suppress(NoCell):
                    self._idle.append(self._forked())
            return cell

    def _forked(self) -> _Cell:
        """Under the lock. The zygote is only told to fork: whether it does shows at the first piece of work."""
        if self._is_closed:
            raise NoCell("this process is ending")
        for _ in range(2):
            try:
                if self._zygote is None:
                    self._zygote = self._shared.visit() if self._shared else OwnZygote(self._program)
                return _Cell(self._zygote, *self._zygote.fork())
            except ConnectionError:  # it was killed: start another
                self._lose_zygote()
            except OSError as error:
                raise NoCell(f"no process can be started: {error.strerror or error}") from error
        raise NoCell(f"the process that forks cells for {self._program.work} ends at once")

    def _end(self, cell: _Cell) -> int:
        """End *cell* and return its wait status."""
        cell.connection.close()
        with self._lock:
            self._is_done()
            if cell.zygote is not self._zygote:
                return NEVER_WAS
            try:
                return cell.zygote.end(cell.number)
            except OSError:
                self._lose_zygote()
                return NEVER_WAS

    def _is_done(self) -> None:
        """Under the lock: a piece of work is over."""
        self._at_work -= 1
        if self._idle_s is not None and not self._at_work and not self._is_closed:
            self._rest_later = threading.Timer(self._idle_s, self._rest)
            self._rest_later.daemon = True
            self._rest_later.start()

    def _stay_awake(self) -> None:
        """Under the lock."""
        if self._rest_later is not None:
            self._rest_later.cancel()
            self._rest_later = None

    def _rest(self) -> None:
        with self._lock:
            if not self._at_work:
                self._lose_zygote()

    def _lose_zygote(self) -> None:
        lost, self._zygote = self._zygote, None
        self._drop_idle()
        if lost is not None:
            lost.close()

    def _drop_idle(self) -> None:
        for cell in self._idle:
            cell.connection.close()
        self._idle.clear()


class _Cell:
    def __init__(self, zygote: Zygote, number: int, connection: socket.socket) -> None:
        self.zygote = zygote
        self.number = number
        self.connection = connection
        self.pieces = 0

    def is_alive(self) -> bool:
        """Whether it waits for work, and says nothing. One that was just forked does, for all that one can know."""
        self.connection.setblocking(False)
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def ask(self, values: dict[str, Any], descriptors: Sequence[int], max_bytes: int, wall_s: float) -> Message:
        """Raise TimeoutError, OSError or Malformed if no answer comes."""
        deadline = time.monotonic() + wall_s
        self.pieces += 1
        self.connection.settimeout(wall_s)
        messages.send(self.connection, messages.encode(values), descriptors)
        answer = messages.receive(self.connection, max_bytes=max_bytes, deadline=deadline)
        if answer is None:
            raise ConnectionResetError("the connection ended")
        return answer


class Session:
    """A cell that has one owner for some time: see `CellPool.session`."""

    def __init__(self, pool: CellPool, cell: _Cell) -> None:
        self._pool = pool
        self._cell = cell
        self.is_over = False
        """Whether the cell has ended."""

    def ask(self, values: dict[str, Any], descriptors: Sequence[int] = (), *, max_bytes: int = 0) -> Message:
        """As `CellPool.run`, in the cell of this session."""
        try:
            answer = self._pool.asked(self._cell, values, descriptors, max_bytes)
        except BaseException:
            self.is_over = True
            raise
        try:
            return self._pool.unpacked(answer)
        except Malformed as error:
            raise CellDied(str(error)) from error


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"it was ended by signal {os.WTERMSIG(status)}"
    return f"it ended with exitcode {os.waitstatus_to_exitcode(status)}" if status >= 0 else "it is gone"


def _printable(words: str) -> str:
    cut = words[-_MAX_WORDS_CHARS:]
    return "".join(character if character.isprintable() else "\ufffd" for character in cut)


def _number(told: dict[Any, Any], name: str) -> int | None:
    value = told.get(name)
    return None if value is None else whole_number(value, -_MAX_NUMBER, _MAX_NUMBER)


# A fork has its parent's sockets, and would keep the cells of its parent alive.
_pools: WeakSet[CellPool] = WeakSet()


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


def _close_all() -> None:
    for pool in list(_pools):
        pool.close()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(_close_all)
