"""
Cuts off clients that hold a thread for too little.

A client that sends a byte a second holds a thread. No timeout of a WSGI server ends that, because a read of the body
returns only when all that was asked for is there. A client that takes next to nothing of a file holds a thread too. So
while a read or an answer lasts, a thread of ours looks at what the kernel has counted for each connection of this
process (`connections`), and cuts off

* a connection on which next to nothing has moved for `slow_client_seconds`;
* one that takes its file more slowly than `pace.floor_after` allows;
* if somebody waits for a place, the slowest upload or download. Those of a holder with more than its share go first.

`WatchedBody` itself ends an upload that is slower than `pace.floor_after`.

Elsewhere than on Linux only that last thing is done. Put a proxy in front there that reads whole bodies first.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from vignette.errors import MalformedRequest, Refused, UploadTooSlow
from vignette.limits import (
    GIVES_WAY_AFTER_S,
    HEALTHY_BODY_BYTES_PER_S,
    KIB,
    LARGE_SHARE_GIVES_WAY_AFTER_S,
    MIN_BODY_BYTES_PER_S,
    OWN_GIVES_WAY_AFTER_S,
)
from vignette.tally import Tally
from vignette.web.capacity.connections import Connection, connections
from vignette.web.capacity.pace import floor_after
from vignette.web.http.clients import holder_of, holder_of_this_request

T = TypeVar("T")

# How many looks there are in a window: the more there are, the less late a cut comes.
_LOOKS: Final = 4
# But so often at least, to know the speed of each connection when somebody waits for a place.
_LOOK_EVERY_S: Final = 2.0
# While somebody waits. A connection that was cut takes some ms to give its place back.
_LOOK_AGAIN_S: Final = 0.5

# After this many windows without anything moving, the connection is ended altogether.
_PATIENCE_WITH_THE_SERVER: Final = 1.5

# Pieces in which a body is read. A read of a slow client is to return within seconds; of a fast one, large pieces cost
# less.
_LEAST_PIECE_BYTES: Final = KIB
_FIRST_PIECE_BYTES: Final = 4 * KIB
_LARGEST_PIECE_BYTES: Final = 64 * KIB
_FAST_READ_S: Final = 0.1
_SLOW_READ_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """The holders that wait for one of some places, and those that have more than their share of them."""

    waiting: tuple[str, ...] = ()
    crowders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Transfer(Generic[T]):
    """`what` has moved so many bytes a second for so many seconds, in a place of `holder`."""

    what: T
    holder: str
    seconds: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What a client had taken from us and sent to us when we looked (`at`, in `time.monotonic`)."""

    at: float
    taken: int
    sent: int


@dataclass(slots=True)
class Track:
    """
    A connection over several looks, from the first one on.

    `moved` is when enough had moved last. Since `deaf` there has always been something that the client had not taken.
    `earlier` is from some seconds ago, and `recent` the one to replace it.
    """

    moved: Sample
    earlier: Sample
    recent: Sample
    deaf: Sample | None = None

    @classmethod
    def begun(cls, now: Sample) -> Track:
        return cls(moved=now, earlier=now, recent=now)

    def note(self, now: Sample, *, untaken: int, window_s: float) -> None:
        """Note what has moved by *now*, while *untaken* bytes wait for the client."""
        enough = window_s * MIN_BODY_BYTES_PER_S
        taken = now.taken - self.moved.taken
        if now.sent - self.moved.sent >= enough or taken >= (enough if untaken else 1):
            self.moved = now
        self.deaf = (self.deaf or now) if untaken else None
        if now.at - self.recent.at >= GIVES_WAY_AFTER_S:
            self.earlier, self.recent = self.recent, now

    def observed_s(self, now: Sample) -> float:
        return now.at - self.earlier.at

    def deaf_s(self, now: Sample) -> float:
        return now.at - self.deaf.at if self.deaf else 0.0

    def taken_per_s(self, now: Sample) -> float:
        return (now.taken - self.earlier.taken) / max(self.observed_s(now), 0.001)

    def reads_too_slowly(self, now: Sample, window_s: float) -> bool:
        seconds = self.deaf_s(now)
        if self.deaf is None or seconds < window_s:
            return False
        return (now.taken - self.deaf.taken) / seconds < floor_after(seconds)


class SlowClients:
    """
    Cuts off clients that are too slow, by *window_s* (`slow_client_seconds`) and the figures in `limits`.

    *uploads* and *downloads* tell who waits for the places of those. The thread starts with the first read, because the
    process that serves may be a fork of the one that built this.
    """

    def __init__(
        self,
        window_s: float,
        uploads: Callable[[], Pressure] = Pressure,
        downloads: Callable[[], Pressure] = Pressure,
    ) -> None:
        self.window_s = window_s
        self.uploads = uploads
        self.downloads = downloads
        self._moves: dict[object, tuple[float, WatchedBody | None]] = {}
        self._busy = threading.Condition()
        self._process = 0
        self._last_cut = 0.0

    @contextmanager
    def moving(self, body: WatchedBody | None = None) -> Iterator[None]:
        """Wrap a read of a *body*, or the sending of a file: it may take long only while something moves."""
        mover = object()
        with self._busy:
            self._moves[mover] = (body.begun if body else time.monotonic(), body)
            if self._process != os.getpid() and sys.platform == "linux":
                self._process = os.getpid()
                threading.Thread(target=self._watch, name="slow clients", daemon=True).start()
            if len(self._moves) == 1:
                self._busy.notify()
        try:
            yield
        finally:
            with self._busy:
                del self._moves[mover]

    def hurry(self) -> None:
        """Look at once: somebody has begun to wait for a place."""
        with self._busy:
            self._busy.notify()

    def watched(self, request: Request) -> WatchedBody:
        """Return the body of *request*; each of its reads is wrapped in `moving`."""
        return WatchedBody(request, self)

    def has_cut_since(self, begun: float) -> bool:
        """Whether we may have cut off a read that began at *begun* (`time.monotonic`) and ended too soon."""
        return self._last_cut >= begun

    def _watch(self) -> None:
        tracks: dict[int, Track] = {}
        pause_s = min(self.window_s / _LOOKS, _LOOK_EVERY_S)
        last_look = time.monotonic()
        while True:
            with self._busy:
                while not self._moves:
                    self._busy.wait()
                oldest = min(begun for begun, _ in self._moves.values())
                self._busy.wait(_LOOK_AGAIN_S if self._is_pressed() else pause_s)
            if time.monotonic() - oldest >= pause_s or self._is_pressed():
                # What nobody has looked at for a while may have moved at any time.
                is_known = time.monotonic() - last_look < _LOOKS * pause_s
                tracks = self._look(tracks if is_known else {})
                last_look = time.monotonic()

    def _is_pressed(self) -> bool:
        return bool(self.uploads().waiting or self.downloads().waiting)

    def _look(self, before: dict[int, Track]) -> dict[int, Track]:
        """Cut off who is too slow; return what to go on with next time."""
        at, tracks = time.monotonic(), {}
        looks: list[tuple[Connection, Track, Sample]] = []
        for connection in connections():
            now = Sample(at, connection.taken, connection.sent)
            track = before.get(connection.inode) or Track.begun(now)
            track.note(now, untaken=connection.untaken, window_s=self.window_s)
            tracks[connection.inode] = track
            still_s = at - track.moved.at
            if still_s >= self.window_s:
                # At first in such a way that the client may still be told why. A web server that has another request
                # in hand does not notice that.
                is_noticed = still_s < _PATIENCE_WITH_THE_SERVER * self.window_s
                self._cut(connection, socket.SHUT_RD if is_noticed else socket.SHUT_RDWR)
            elif track.reads_too_slowly(now, self.window_s):
                self._cut(connection, socket.SHUT_RDWR)
            else:
                looks.append((connection, track, now))
        self._make_room_for_downloads(looks)
        self._make_room_for_uploads(looks)
        return tracks

    def _make_room_for_downloads(self, looks: list[tuple[Connection, Track, Sample]]) -> None:
        transfers = [
            Transfer(connection, connection.peer, track.deaf_s(now), track.taken_per_s(now))
            for connection, track, now in looks
        ]
        for connection in giving_way(transfers, self.downloads()):
            self._cut(connection, socket.SHUT_RDWR)

    def _make_room_for_uploads(self, looks: list[tuple[Connection, Track, Sample]]) -> None:
        """
        End the slowest bodies that are being read.

        Which connection such a body comes over, nobody tells us. It is one from the same address, over which at least
        so much has come; of all these it is the one with the least to spare. If that is a mistake, the other one is as
        slow, and the next look finds the right one.
        """
        with self._busy:
            bodies = [body for _, body in self._moves.values() if body is not None]
        transfers = [Transfer(body, body.holder, body.seconds(), body.bytes_per_s()) for body in bodies]
        candidates = {
            connection.inode: connection
            for connection, track, now in looks
            if not connection.untaken and track.observed_s(now) >= GIVES_WAY_AFTER_S
        }
        for body in giving_way(transfers, self.uploads()):
            fitting = [one for one in candidates.values() if one.peer == body.peer and one.sent >= body.bytes]
            if fitting:
                connection = min(fitting, key=lambda one: one.sent)
                del candidates[connection.inode]
                body.gives_way = True
                self._cut(connection, socket.SHUT_RD)

    def _cut(self, connection: Connection, how: int) -> None:
        self._last_cut = time.monotonic()
        connection.end(how)


class WatchedBody:
    """
    The body of a request. Each read of it may take long only while something moves.

    It has `begun` then (`time.monotonic`). `bytes` have come by now, for `holder`, over a connection from `peer`.
    `gives_way` is set if it was ended because others waited.
    """

    def __init__(self, request: Request, slow_clients: SlowClients) -> None:
        self._stream = request.stream
        self._has_length = request.content_length is not None
        self._slow_clients = slow_clients
        self.begun = self._this_read = self._last_filled_read = time.monotonic()
        self._is_reading = False
        self._read_s = 0.0
        self._piece = _FIRST_PIECE_BYTES
        self.bytes = 0
        self.holder = holder_of_this_request()
        self.peer = holder_of(request.environ.get("REMOTE_ADDR") or "")
        self.gives_way = False

    def read(self, size: int, /) -> bytes:
        """
        Raises:
            UploadTooSlow: The client is slower than `pace.floor_after`, or was cut off.
            MalformedRequest: A body without a length broke off.
        """
        self._this_read = time.monotonic()
        self._is_reading = True
        asked = min(size, self._piece)
        try:
            with self._slow_clients.moving(self):
                chunk: bytes = self._stream.read(asked)
        except (OSError, ClientDisconnected) as error:
            if self._has_length:  # the caller counts the bytes, and finds some missing
                return b""
            raise self._refusal("the body broke off") from error
        finally:
            self._is_reading = False
            lasted_s = time.monotonic() - self._this_read
            self._read_s += lasted_s
        self.bytes += len(chunk)
        if len(chunk) == asked:
            self._last_filled_read = self._this_read
        if lasted_s < _FAST_READ_S:
            self._piece = min(4 * self._piece, _LARGEST_PIECE_BYTES)
        elif lasted_s > _SLOW_READ_S:
            self._piece = max(self._piece // 4, _LEAST_PIECE_BYTES)
        self._check_pace()
        return chunk

    def seconds(self) -> float:
        """How long we have waited for the client, all reads together. What we do between them is not its fault."""
        return self._read_s + (time.monotonic() - self._this_read if self._is_reading else 0)

    def bytes_per_s(self) -> float:
        return self.bytes / max(self.seconds(), 0.001)

    def broken_off(self, tally: Tally) -> Refused:
        length = tally.announced.length
        return self._refusal(f"the body ended after {tally.bytes} of {length} bytes", tally.bytes, length)

    def _check_pace(self) -> None:
        floor = floor_after(self._read_s)
        if self._read_s >= self._slow_clients.window_s and self.bytes_per_s() < floor:
            raise UploadTooSlow(
                f"{self.bytes} bytes came in {self._read_s:.0f} seconds; by then it has to be {floor:.0f} bytes a"
                " second on average",
                measured=int(self.bytes_per_s()),
                limit=int(floor),
            )

    def _refusal(self, words: str, measured: int | None = None, limit: int | None = None) -> Refused:
        # After a cut, reads return what little there was; the first of them may even have got all that it asked for.
        if self._slow_clients.has_cut_since(self._last_filled_read):
            if self.gives_way:
                return UploadTooSlow(
                    f"{words}: others wait for a place, and this upload was the slowest, or one of too many from its"
                    f" address; {self.bytes_per_s():.0f} bytes a second came"
                )
            return UploadTooSlow(
                f"{words}: less than {MIN_BODY_BYTES_PER_S} bytes a second came over"
                f" {self._slow_clients.window_s:g} seconds"
            )
        return MalformedRequest(words, measured=measured, limit=limit)


def giving_way(transfers: Iterable[Transfer[T]], pressure: Pressure) -> list[T]:
    """Return what is to be ended for those who wait, one for each at most: first of the crowders, the slowest first."""
    left = sorted(transfers, key=lambda one: (one.holder not in pressure.crowders, one.bytes_per_s))
    ended = []
    for waiting in pressure.waiting:
        victim = next((one for one in left if _may_be_ended(one, waiting, pressure)), None)
        if victim is not None:
            left.remove(victim)
            ended.append(victim.what)
    return ended


def _may_be_ended(transfer: Transfer[T], waiting: str, pressure: Pressure) -> bool:
    if transfer.holder == waiting:
        return transfer.seconds >= OWN_GIVES_WAY_AFTER_S and transfer.bytes_per_s < HEALTHY_BODY_BYTES_PER_S
    if transfer.seconds >= LARGE_SHARE_GIVES_WAY_AFTER_S and transfer.holder in pressure.crowders:
        return True
    return transfer.seconds >= GIVES_WAY_AFTER_S and transfer.bytes_per_s < HEALTHY_BODY_BYTES_PER_S
