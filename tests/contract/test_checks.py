"""Checks of the operator's: real services over real connections, good ones and bad ones."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.check_services import Behaviour, Clamd, Service, http_service, listening, port_of
from tests.memory import most_memory
from vignette.adapters.checks.clamd import ClamdCheck
from vignette.adapters.checks.deadline import TcpDial, UnixDial
from vignette.adapters.checks.http_service import HttpCheck
from vignette.errors import CheckRefused, CheckUnavailable, StoreUnavailable
from vignette.limits import MIB
from vignette.model import ImageFacts, Record, Suspicion
from vignette.ports.checks import Said, Verdict
from vignette.settings import load_settings
from vignette.wiring.checks import build_screening

SECRET = "0123456789abcdef"
TIMEOUT_S = 0.5
# Far less than any of the bad services would go on, and enough on a busy machine.
SOON_S = 20.0

CONTENT = b"a picture" * 1000
RECORD = Record(
    "été 🖼.jpg",
    ImageFacts("image/jpeg", "jpg", 40, 30, 1),
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
    datetime(2026, 1, 1, tzinfo=UTC),
    owner="0123456789abcdef",
)
# Where Debian's clamav-daemon listens.
REAL_CLAMD = Path("/run/clamav/clamd.ctl")


def http_check(url: str, timeout_s: float = SOON_S) -> HttpCheck:
    return HttpCheck("moderation", url, SECRET, timeout_s)


def ask(url: str, content: bytes = CONTENT, timeout_s: float = SOON_S) -> Said:
    return http_check(url, timeout_s).ask(io.BytesIO(content), RECORD)


@pytest.fixture
def service() -> Iterator[Service]:
    with http_service() as service:
        yield service


class TestAnHttpService:
    @pytest.mark.parametrize("verdict", Verdict)
    def test_gives_a_verdict_and_its_reason(self, service: Service, verdict: Verdict) -> None:
        service.answer = {"verdict": verdict, "reason": "no-cats2", "more": [1]}

        assert ask(service.url) == Said(verdict, "no-cats2")

    @pytest.mark.parametrize("reason", [None, 7, "", "Not A Code", "x" * 65, "<b>", "a\nb", "é", ["a"]])
    def test_is_heard_even_if_its_reason_is_no_code(self, service: Service, reason: object) -> None:
        service.answer = {"verdict": "reject", "reason": reason}

        assert ask(service.url) == Said(Verdict.REJECT, "unspecified")

    def test_is_sent_the_file_and_what_is_known_of_it(self, service: Service) -> None:
        ask(service.url)
        [asked] = service.asked

        assert asked.body == CONTENT
        assert asked.headers["content-type"] == "image/jpeg"
        assert asked.headers["vignette-facts"].isascii()
        assert json.loads(asked.headers["vignette-facts"]) == {
            "check": "moderation",
            "media_type": "image/jpeg",
            "bytes": len(CONTENT),
            "sha256": RECORD.sha256,
            "width": 40,
            "height": 30,
            "frames": 1,
            "name": "été 🖼.jpg",
            "sender": "0123456789abcdef",
        }

    def test_is_sent_a_signature_of_all_that_is_told_and_of_the_time(self, service: Service) -> None:
        for _ in range(2):
            ask(service.url)
        one, other = (asked.headers for asked in service.asked)
        text = "\n".join(["vignette-check-v1", one["vignette-request"], one["vignette-time"], one["vignette-facts"]])

        assert one["vignette-signature"] == "v1=" + hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
        assert abs(time.time() - int(one["vignette-time"])) < SOON_S
        assert one["vignette-request"] != other["vignette-request"]

    def test_no_proxy_of_the_environment_is_used(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")

        assert ask(service.url).verdict is Verdict.ACCEPT

    def test_a_large_file_is_not_in_memory(self, tmp_path: Path) -> None:
        file = tmp_path / "large"
        file.touch()
        os.truncate(file, 64 * MIB)
        received = 0

        def swallow(connection: socket.socket, _: threading.Event) -> None:
            nonlocal received
            buffer = bytearray(MIB)
            while received < 64 * MIB and (count := connection.recv_into(buffer)):
                received += count
            connection.sendall(http_answer(b'{"verdict": "accept"}'))

        large = Record("large", RECORD.facts, 64 * MIB, "0" * 64, RECORD.received_at)
        with listening(swallow) as listener, file.open("rb") as opened, most_memory() as memory:
            said = http_check(f"http://127.0.0.1:{port_of(listener)}/").ask(opened, large)

        assert said.verdict is Verdict.ACCEPT
        assert memory.peak_bytes < 8 * MIB  # the other side has one here

    def test_a_file_that_cannot_be_read_is_no_fault_of_it(self, service: Service) -> None:
        class Broken(io.BytesIO):
            def read(self, _: int | None = None) -> bytes:
                raise OSError(5, "Input/output error")

        with pytest.raises(StoreUnavailable):
            http_check(service.url).ask(Broken(), RECORD)

    @pytest.mark.parametrize(
        "answer", [{"verdict": "maybe"}, {"verdict": None}, {}, [], "accept", None, {"Verdict": "accept"}]
    )
    def test_what_is_no_verdict_is_none(self, service: Service, answer: object) -> None:
        service.answer = answer
        with pytest.raises(CheckUnavailable):
            ask(service.url)

    @pytest.mark.parametrize("status", [201, 204, 206, 302, 400, 404, 500])
    def test_another_status_is_no_verdict(self, service: Service, status: int) -> None:
        service.status = status
        with pytest.raises(CheckUnavailable, match=str(status)):
            ask(service.url)

    def test_no_redirect_is_followed(self, service: Service) -> None:
        answer = f"HTTP/1.1 307 Elsewhere\r\nLocation: {service.url}\r\nContent-Length: 0\r\n\r\n"
        with listening(saying(answer.encode())) as listener, pytest.raises(CheckUnavailable, match="307"):
            ask(f"http://127.0.0.1:{port_of(listener)}/")

        assert service.asked == []

    def test_a_verdict_before_the_whole_file_was_read_counts(self) -> None:
        def hurry(connection: socket.socket, _: threading.Event) -> None:
            connection.sendall(http_answer(b'{"verdict": "reject", "reason": "early"}'))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(MIB):
                pass

        with listening(hurry) as listener:
            assert ask(f"http://127.0.0.1:{port_of(listener)}/", CONTENT).reason == "early"

    def test_nobody_there(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(CheckUnavailable):
                ask(f"http://127.0.0.1:{port_of(unused)}/")

    def test_a_name_that_nobody_knows(self) -> None:
        with pytest.raises(CheckUnavailable):
            ask("http://nobody.invalid/", timeout_s=TIMEOUT_S)

    @pytest.mark.parametrize("is_trusted", [True, False])
    def test_over_https_it_has_to_prove_its_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
    ) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl")
        key, certificate, received = tmp_path / "key.pem", tmp_path / "certificate.pem", []
        subprocess.run(
            (
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=check"),
                *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate),
            ),
            check=True,
            capture_output=True,
        )
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def over_tls(connection: socket.socket, _: threading.Event) -> None:
            with context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(100))
                secure.sendall(http_answer(b'{"verdict": "accept"}'))
                while secure.recv(MIB):
                    pass

        with listening(over_tls) as listener:
            check = http_check(f"https://127.0.0.1:{port_of(listener)}/")
            if is_trusted:
                assert check.ask(io.BytesIO(CONTENT), RECORD).verdict is Verdict.ACCEPT
                assert received[0].startswith(b"POST / HTTP/1.1\r\n")
            else:
                with pytest.raises(CheckUnavailable, match="CERTIFICATE"):
                    check.ask(io.BytesIO(CONTENT), RECORD)
                assert received == []


def http_answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def saying(words: bytes, then: Behaviour = lambda _connection, _ended: None) -> Behaviour:
    """Read some, say *words*, and do the rest."""

    def behave(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(MIB)
        connection.sendall(words)
        then(connection, ended)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(MIB):
            pass

    return behave


def wait(_connection: socket.socket, ended: threading.Event) -> None:
    ended.wait()


def trickle(connection: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(0.05):
        connection.sendall(b"x")


def pour(piece: bytes) -> Behaviour:
    def behave(connection: socket.socket, ended: threading.Event) -> None:
        while not ended.is_set():
            connection.sendall(piece)

    return behave


BAD: dict[str, Behaviour] = {
    "says nothing": wait,
    "reads and says nothing": saying(b"", wait),
    "says its status byte by byte": saying(b"HTTP/1.1 200 ", trickle),
    "says a header byte by byte": saying(b"HTTP/1.1 200 OK\r\nA: ", trickle),
    "says its answer byte by byte": saying(b'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{"verdict": "', trickle),
    "says garbage": saying(b"\x00\xff garbage \r\n\r\n"),
    "hangs up at once": lambda connection, _: connection.close(),
    "hangs up within its answer": saying(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"verdict": "accept"}'),
    "has no end of headers": saying(b"HTTP/1.1 200 OK\r\n", pour(b"A: b\r\n" * 1000)),
    "has no end of an interim answer": saying(b"", pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
    "has no end of a line": saying(b"HTTP/1.1 200 OK\r\nA: ", pour(b"a" * 10_000)),
    "says a long answer": saying(http_answer(b'{"verdict": "accept", "reason": "%b"}' % (b"x" * 4096))),
    "has no end of its answer": saying(b'HTTP/1.1 200 OK\r\n\r\n{"verdict": "accept", "a": "', pour(b"a" * 10_000)),
    "says no JSON": saying(http_answer(b"accept")),
    "says JSON that is too deep": saying(http_answer(b"[" * 4000)),
    "says half of a chunk": saying(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"verdict": "accept"}'),
}


@pytest.mark.parametrize("behaviour", BAD.values(), ids=BAD)
def test_a_service_that_misbehaves_gives_no_verdict_and_costs_no_more_time(behaviour: Behaviour) -> None:
    begun = time.monotonic()
    with listening(behaviour) as listener, pytest.raises(CheckUnavailable):
        ask(f"http://127.0.0.1:{port_of(listener)}/", timeout_s=TIMEOUT_S)

    assert time.monotonic() - begun < SOON_S


def drip(connection: socket.socket, ended: threading.Event) -> None:
    """Read, but next to nothing."""
    while not ended.wait(0.05):
        connection.recv(1)


@pytest.mark.parametrize("behaviour", [wait, drip], ids=["nothing", "next to nothing"])
def test_a_service_that_reads_too_slowly_costs_no_more_time(behaviour: Behaviour) -> None:
    # More than the kernel takes for it.
    large = Record("large", RECORD.facts, 32 * MIB, "0" * 64, RECORD.received_at)
    begun = time.monotonic()
    with listening(behaviour) as listener, pytest.raises(CheckUnavailable):
        http_check(f"http://127.0.0.1:{port_of(listener)}/", TIMEOUT_S).ask(io.BytesIO(bytes(32 * MIB)), large)

    assert time.monotonic() - begun < SOON_S


def test_no_more_is_read_than_an_answer_may_have() -> None:
    """However fast it comes, and however long the check may take."""
    poured = 0

    def endless(connection: socket.socket, ended: threading.Event) -> None:
        nonlocal poured
        connection.recv(MIB)
        while not ended.is_set():
            poured += connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    with listening(endless) as listener, pytest.raises(CheckUnavailable, match="too long"):
        ask(f"http://127.0.0.1:{port_of(listener)}/")

    assert poured < 16 * MIB  # what the kernel takes beyond what was read


class TestClamd:
    @pytest.fixture(params=["unix", "tcp"])
    def clamd(self, request: pytest.FixtureRequest, short_path: Path) -> Iterator[Callable[..., ClamdCheck]]:
        """Return a check that asks what behaves so."""
        with ExitStack() as opened:

            def check(
                behaviour: Behaviour, timeout_s: float = SOON_S, on_found: Verdict = Verdict.REJECT
            ) -> ClamdCheck:
                path = short_path / "clamd.sock" if request.param == "unix" else None
                listener = opened.enter_context(listening(behaviour, path))
                dial = UnixDial(str(path)) if path else TcpDial("127.0.0.1", port_of(listener))
                return ClamdCheck(dial, timeout_s, on_found)

            yield check

    def test_accepts_what_it_does_not_know(self, clamd: Callable[..., ClamdCheck]) -> None:
        daemon, content = Clamd(), os.urandom(MIB + 1)

        assert clamd(daemon).ask(io.BytesIO(content), RECORD).verdict is Verdict.ACCEPT
        assert daemon.streams == [content]

    @pytest.mark.parametrize("on_found", [Verdict.REJECT, Verdict.QUARANTINE])
    def test_finds_what_it_knows(self, clamd: Callable[..., ClamdCheck], on_found: Verdict) -> None:
        check = clamd(Clamd(b"EICAR"), on_found=on_found)

        assert check.ask(io.BytesIO(b"--EICAR--" * 10), RECORD) == Said(on_found, "malware")

    def test_says_nothing_of_what_is_too_large_for_it(self, clamd: Callable[..., ClamdCheck]) -> None:
        with pytest.raises(CheckUnavailable):
            clamd(Clamd(most_bytes=MIB)).ask(io.BytesIO(bytes(8 * MIB)), RECORD)

    @pytest.mark.parametrize(
        "behaviour",
        [
            wait,
            trickle,
            pour(b"a" * 1000),
            pour(b"stream: OK\n"),
            saying(b""),
            saying(b"stream: OK FOUND OK\0"),
            saying(b"OK\0"),
            saying(b"stream: Could not open FOUND ERROR\0"),
            saying(b"\xff\xfe FOUND\0"),
            lambda connection, _: connection.close(),
        ],
        ids=["silence", "trickle", "flood", "lines", "nothing", "ok-found", "ok", "error", "garbage", "hangs-up"],
    )
    def test_what_it_should_not_say_is_no_verdict(self, clamd: Callable[..., ClamdCheck], behaviour: Behaviour) -> None:
        begun = time.monotonic()
        with pytest.raises(CheckUnavailable):
            clamd(behaviour, TIMEOUT_S).ask(io.BytesIO(CONTENT), RECORD)
        assert time.monotonic() - begun < SOON_S

    def test_a_socket_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CheckUnavailable):
            ClamdCheck(UnixDial(str(tmp_path / "none")), TIMEOUT_S).ask(io.BytesIO(CONTENT), RECORD)

    if REAL_CLAMD.is_socket():

        def test_the_real_one_agrees(self) -> None:
            check = ClamdCheck(UnixDial(str(REAL_CLAMD)), 60)
            eicar = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

            assert check.ask(io.BytesIO(CONTENT), RECORD).verdict is Verdict.ACCEPT
            assert check.ask(io.BytesIO(eicar), RECORD).verdict is Verdict.REJECT


class TestAsTheSettingsNameIt:
    def screen(self, place: Path, content: bytes, **said: str) -> Suspicion | None:
        settings = load_settings(checks=[{"name": "clamav", "clamd": str(place), **said}])
        return build_screening(settings).screen(io.BytesIO(content), RECORD)

    def test_one_that_says_nothing(self, tmp_path: Path) -> None:
        for said in ({}, {"on_error": "refuse"}):
            with pytest.raises(CheckUnavailable):
                self.screen(tmp_path / "none", CONTENT, **said)
        suspicion = self.screen(tmp_path / "none", CONTENT, on_error="quarantine")

        assert suspicion is not None
        assert suspicion.check == "clamav"
        assert self.screen(tmp_path / "none", CONTENT, on_error="accept") is None

    def test_one_that_finds_something(self, short_path: Path) -> None:
        place = short_path / "clamd.sock"
        with listening(Clamd(b"EICAR"), place):
            for said in ({}, {"on_found": "reject"}, {"on_error": "accept"}):
                with pytest.raises(CheckRefused):
                    self.screen(place, b"EICAR", **said)
            suspicion = self.screen(place, b"EICAR", on_found="quarantine")

            assert suspicion is not None
            assert (suspicion.check, suspicion.reason) == ("clamav", "malware")
            assert self.screen(place, CONTENT, on_found="quarantine") is None
