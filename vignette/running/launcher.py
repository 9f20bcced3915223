"""One command for the whole service: the embedded Redis-compatible server, the worker, the web server."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token
from vignette.errors import QueueUnavailable
from vignette.jail.child import trouble_in_a_child
from vignette.limits import HEAD_LIMIT_S, MAX_HEAD_BYTES, TURNS_WAITED_FOR, UNREAD_BODIES
from vignette.running import embedded_broker
from vignette.running.descriptors import connections_of_a_process, raise_the_limit
from vignette.running.liveness import ANSWER_LIMIT_S, Liveness
from vignette.running.places import (
    check_folders,
    check_hosts,
    check_sandbox,
    explained,
    free_address,
    lock_state,
    lock_uploads,
)
from vignette.running.supervision import CannotStart, Child, Supervisor
from vignette.running.words import banner, own_address, say
from vignette.settings import PROJECT_FOLDER, Settings, as_environment

# From SIGTERM to SIGKILL, in seconds. A rendering that is cut short is done again, and an upload without its answer was
# not acknowledged: nobody has to wait longer at Ctrl-C.
WEB_KILL_S: Final = 5
WORKER_GRACE_S: Final = 10
BROKER_GRACE_S: Final = 5

# The web server's own limit ends its busy processes, and ours ends the web server.
_FOR_THE_WEB_SERVER_ITSELF_S: Final = 2

# What starts a child whose own children are to end with it.
_TIED: Final = (sys.executable, "-m", "vignette.running.run_tied")

# How long the children of a server that was killed may take to end: the web server's limit, and some more.
ORPHANS_LIMIT_S: Final = WEB_KILL_S + _FOR_THE_WEB_SERVER_ITSELF_S + 5

# Connections that the kernel keeps for each web process until it accepts them; it caps this (net.core.somaxconn).
_BACKLOG: Final = 4096

# A host that the web server answers for, whatever the settings say.
_OURS: Final = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """
    How long the service waits for its children, in seconds. Only tests of it have another patience than
    `USUAL_PATIENCE`.

    A broker or a web server that does not answer for `answer_limit_s` is replaced. A web process that is told to end is
    killed after `web_kill_s`, a worker after `worker_grace_s`.
    """

    answer_limit_s: float = ANSWER_LIMIT_S
    web_kill_s: int = WEB_KILL_S
    worker_grace_s: float = WORKER_GRACE_S


USUAL_PATIENCE: Final = Patience()


def serve(
    settings: Settings,
    prepare: Callable[[Settings, str], object],
    folder: Path = PROJECT_FOLDER,
    *,
    patience: Patience = USUAL_PATIENCE,
) -> int:
    """
    Run the service in the foreground until SIGINT, SIGTERM or SIGHUP. *folder* holds `serveur_flask` and `task_celery`.

    *prepare* is done first, once the state folder is ours: what it refuses would be refused by each child, over and
    over. It makes the upload folder at the first start. It is given the digest of a token, and leaves the file
    `settings.first_key_file` with it if whoever has that token is to make the first key.

    Returns:
        The exit status: 0 after an orderly stop; 1 if it cannot start, with one line on standard error that says why.
    """
    speak = partial(say, log_format=settings.log_format)
    try:
        with contextlib.ExitStack() as held:
            raise_the_limit()
            check_hosts(settings)
            check_sandbox(settings)
            check_folders(settings)
            locks = lock_state(settings, held, ORPHANS_LIMIT_S)
            address = free_address(settings)
            offer = new_token(OFFER_PREFIX)
            if (trouble := trouble_in_a_child(partial(prepare, settings, digest_of(offer)))) is not None:
                raise CannotStart(trouble or "the catalogue cannot be prepared")
            lock_uploads(settings, held)
            children = [_worker(settings, folder, patience), _web(settings, folder, address, patience)]
            if settings.uses_embedded_broker:
                children.insert(0, _broker(settings, held, patience.answer_limit_s))
            Supervisor(children, speak, pass_fds=locks).run(
                when_up=lambda: speak(banner(settings, _standing(offer, settings)))
            )
    except (CannotStart, QueueUnavailable) as error:
        speak(str(error))
        return 1
    return 0


def _standing(offer: str, settings: Settings) -> str | None:
    """Return the token *offer* if a first key is offered for it."""
    with contextlib.suppress(OSError):
        if digest_of(offer) in settings.first_key_file.read_text():
            return offer
    return None


# The children


def _broker(settings: Settings, held: contextlib.ExitStack, answer_limit_s: float) -> Child:
    server = embedded_broker.find_server()
    with explained("the state folder", settings.state_folder):
        embedded_broker.make_folders(settings)
    held.callback(embedded_broker.remove_socket_folder, settings)
    return Child(
        name="broker",
        argv=embedded_broker.command(server, settings),
        env=dict(os.environ),
        folder=settings.state_folder,
        grace_s=BROKER_GRACE_S,
        umask=0o077,
        is_ready=partial(embedded_broker.answers_ping, settings.broker_socket),
        liveness=Liveness(os.fspath(settings.broker_socket), b"PING\r\n", b"+PONG", answer_limit_s),
        repair=partial(_start_with_an_empty_queue, settings),
        log=embedded_broker.log_file(settings),
    )


def _start_with_an_empty_queue(settings: Settings) -> bool:
    try:
        aside = embedded_broker.set_queue_aside(settings)
    except OSError:
        return False
    if aside is None:
        return False
    words = f"the broker could not start with the files of its queue; they are in {aside} now, it starts empty"
    say(words, settings.log_format)
    return True


def _worker(settings: Settings, folder: Path, patience: Patience) -> Child:
    return Child(
        name="worker",
        argv=(*_TIED, "--preload", "vignette.wiring.worker", "vignette.worker.celery_worker", "task_celery"),
        env=_environment(settings),
        folder=folder,
        grace_s=patience.worker_grace_s,
        # At SIGTERM Celery would wait for the rendering in hand. Killed, it takes its pool along
        # (vignette.running.run_tied sees to that), and what was in hand is done again.
        orphan_signal=signal.SIGKILL,
    )


def _web(settings: Settings, folder: Path, address: str, patience: Patience) -> Child:
    return Child(
        name="web server",
        argv=(
            *_TIED,
            *("--preload", "vignette.wiring.web"),
            *("granian", "serveur_flask:app"),
            *("--interface", "wsgi"),
            *("--host", address),
            *("--port", str(settings.port)),
            *("--workers", str(settings.web_processes)),
            *("--blocking-threads", str(settings.web_threads + UNREAD_BODIES + TURNS_WAITED_FOR)),
            *("--http", "1"),
            # Of a head, and of the time between two requests: slow or idle clients do not keep a connection for ever.
            *("--http1-header-read-timeout", str(1000 * HEAD_LIMIT_S)),
            *("--http1-buffer-size", str(MAX_HEAD_BYTES)),
            # granian counts connections here, not requests; beyond this many it accepts none. Its default is 256 for
            # each of four processes.
            *("--backpressure", str(connections_of_a_process())),
            *("--backlog", str(_BACKLOG)),
            "--respawn-failed-workers",
            *("--workers-kill-timeout", str(patience.web_kill_s)),
            # Its warnings are of threads that outnumber the cores: ours mostly wait for clients.
            *("--log-level", "error"),
        ),
        env=_environment(settings),
        folder=folder,
        grace_s=patience.web_kill_s + _FOR_THE_WEB_SERVER_ITSELF_S,
        # At SIGTERM granian's main loop may miss it, if it comes at the wrong instant, and go on for ever. Killed, it
        # takes its processes along (vignette.running.run_tied sees to that).
        orphan_signal=signal.SIGKILL,
        is_ready=partial(_is_healthy, own_address(address), settings.port),
        liveness=_health(own_address(address), settings.port, patience.answer_limit_s),
    )


def _environment(settings: Settings) -> dict[str, str]:
    """
    Ours, and *settings* as they were read at the start: a child that is started again must not differ from the others,
    whatever has become of the settings file meanwhile.
    """
    return {**os.environ, "PYTHONUNBUFFERED": "1", **as_environment(settings)}


def _is_healthy(address: str, port: int) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": _OURS})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _health(address: str, port: int, answer_limit_s: float) -> Liveness:
    head = f"GET /healthz HTTP/1.1\r\nHost: {_OURS}\r\nConnection: close\r\n\r\n"
    return Liveness((address, port), head.encode(), b"HTTP/1.1 200", answer_limit_s)
