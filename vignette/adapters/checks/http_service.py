"""A check by an HTTP service of the operator's; docs/checks.md is the contract."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import time
from contextlib import suppress
from typing import Any, BinaryIO, Final
from urllib.parse import SplitResult, urlsplit

from vignette.adapters.checks.deadline import TcpDial, line
from vignette.adapters.checks.reading import pieces
from vignette.errors import CheckUnavailable
from vignette.limits import KIB
from vignette.model import Record
from vignette.ports.checks import Said, Verdict
from vignette.records import REASON_CODE

VERSION: Final = "vignette-check-v1"

UNSPECIFIED: Final = "unspecified"

_MOST_ANSWER_BYTES: Final = 4 * KIB
# Many servers take no more than 8 KiB of headers, and a character may be twelve bytes there.
_MOST_NAME_CHARS: Final = 200

# Of what went wrong, which may hold what the service has said.
_MOST_SHOWN_CHARS: Final = 200

_VERDICTS: Final = {verdict.value: verdict for verdict in Verdict}


class HttpCheck:
    """
    Asks the service at *url* by POST, signed with *secret*, as the check called *name*. Safe to share between threads.

    No redirect is followed, and no proxy is used that the environment names.
    """

    def __init__(self, name: str, url: str, secret: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._name = name
        self._secret = secret.encode()
        self._timeout_s = timeout_s
        self._host, self._target = _host_header(parts), _target(parts)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._dial = TcpDial(parts.hostname or "", parts.port or (443 if tls else 80), tls)

    def ask(self, file: BinaryIO, record: Record) -> Said:
        try:
            with line(self._dial, self._timeout_s) as connected:
                connection = http.client.HTTPConnection(self._host)
                connection.sock = connected
                self._send_head(connection, record)
                # It may have its answer before it has read everything, and hang up (RFC 9112, 9.6).
                with suppress(BrokenPipeError, ConnectionResetError):
                    for piece in pieces(file):
                        connected.sendall(piece)
                response = connection.getresponse()
                content = response.read(_MOST_ANSWER_BYTES)
                # `read` does not tell that less has come than was announced, nor that more is to come.
                is_whole = not response.length and not response.read(1)
        except (OSError, http.client.HTTPException) as error:
            words = str(error)[:_MOST_SHOWN_CHARS]
            raise CheckUnavailable(f"{self._host}: {type(error).__name__}: {words}") from error
        if response.status != http.HTTPStatus.OK:
            raise CheckUnavailable(f"{self._host} answers {response.status}")
        if not is_whole:
            raise CheckUnavailable(f"{self._host} gives half an answer, or more than {_MOST_ANSWER_BYTES} bytes")
        return self._said(content)

    def _send_head(self, connection: http.client.HTTPConnection, record: Record) -> None:
        connection.putrequest("POST", self._target, skip_host=True, skip_accept_encoding=True)
        headers = {
            "Host": self._host,
            "User-Agent": "Vignette",
            "Accept": "application/json",
            "Connection": "close",
            "Content-Type": record.facts.media_type,
            "Content-Length": str(record.bytes),
            **signed(self._secret, facts_of(self._name, record), secrets.token_hex(16), int(time.time())),
        }
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()

    def _said(self, content: bytes) -> Said:
        answer = _as_object(content)
        verdict = _VERDICTS.get(str(answer.get("verdict")))
        if verdict is None:
            raise CheckUnavailable(f"{self._host} answers something that is no verdict")
        reason = answer.get("reason")
        # A verdict counts, even if its reason is no code.
        is_code = isinstance(reason, str) and REASON_CODE.fullmatch(reason)
        return Said(verdict, reason if is_code else UNSPECIFIED)  # type: ignore[arg-type]


def facts_of(check: str, record: Record) -> str:
    """Return what the service is told of the file, as JSON in ASCII."""
    facts = record.facts
    return json.dumps(
        {
            "check": check,
            "media_type": facts.media_type,
            "bytes": record.bytes,
            "sha256": record.sha256,
            "width": facts.width,
            "height": facts.height,
            "frames": facts.frames,
            "name": None if record.name is None else record.name[:_MOST_NAME_CHARS],
            "sender": record.owner,
        },
        separators=(",", ":"),
    )


def signed(secret: bytes, facts: str, request_id: str, seconds: int) -> dict[str, str]:
    """Return the headers that tell *facts*, and prove that who knows the *secret* has told them, just then."""
    text = f"{VERSION}\n{request_id}\n{seconds}\n{facts}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    return {
        "Vignette-Request": request_id,
        "Vignette-Time": str(seconds),
        "Vignette-Facts": facts,
        "Vignette-Signature": f"v1={signature}",
    }


def _as_object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _host_header(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
