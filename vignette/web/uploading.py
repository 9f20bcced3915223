"""The files of a request, handed to the intake while they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Request

from vignette.access.actors import Actor
from vignette.access.tickets import Ticket
from vignette.errors import (
    MalformedRequest,
    NoFile,
    TooManyFiles,
    UploadTooLarge,
    UploadTooSlow,
    VignetteError,
)
from vignette.model import Image, Visibility
from vignette.use_cases.intake import Intake, Upload, clean_name
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.http.bodies import FIELD, IncomingFile, RequestLimits, files_in


@dataclass(frozen=True, slots=True)
class Sender:
    """
    Who sends files, who is to see them if he says so, the ticket that he shows, and the idempotency key of the request.
    He has his turns in the queue by his `name`. `kept` is called with each image that was kept.
    """

    actor: Actor
    visibility: Visibility | None = None
    ticket: Ticket | None = None
    key: str | None = None
    name: str = ""
    kept: Callable[[Image], object] = lambda _image: None


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What became of one file: the image that was kept, or the error. `is_its_own` tells that the image is known to have
    come from this very sender, now or before: others may have sent the same bytes.
    """

    name: str | None
    outcome: Image | VignetteError
    is_its_own: bool = False


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A file whose bytes have all come, or the error."""

    name: str | None
    upload: Upload | VignetteError
    idempotency_key: str | None


def receive_all(
    sender: Sender, request: Request, intake: Intake, limits: RequestLimits, slow_clients: SlowClients
) -> list[Receipt]:
    """
    Receive every file that *sender* sends with the request; return a receipt for each.

    Raises:
        NoFile: The form has no file.
        UploadTooLarge: By its header the request is over the limit, and nothing of the body was read; or no length was
            announced, and it is as many bytes before any file was complete.
        UploadTooSlow: The request was cut off because too little of it came. Files that were complete before are
            treated as with MalformedRequest.
        MalformedRequest: The request cannot be read to its end, and either no file was complete before, or a digest of
            the whole was announced. Otherwise the complete files are kept, and this error is the last receipt.
        DigestMismatch: The request as a whole is not what its header announced; nothing is kept.
        UnsupportedFormat: Its Content-Type is neither a form's nor an image's, and it does not begin as an image does.
    """
    with ExitStack() as staged:
        arriving = _Arriving(sender, request, intake, limits, slow_clients, staged)
        arrivals: Iterable[_Arrival] = arriving.files()
        if arriving.is_settled_by_the_whole:
            # Only the whole request tells whether it is what its sender sent, so nothing is kept before.
            arrivals = list(arrivals)
            arriving.verify_the_whole()
        receipts = list(_keep_all(sender, arrivals, intake))
    if not receipts:
        raise NoFile(f"the form has no file in a field named {FIELD!r}; {arriving.fields_seen}")
    return receipts


def _keep_all(sender: Sender, arrivals: Iterable[_Arrival], intake: Intake) -> Iterator[Receipt]:
    is_first, silent = True, set[str]()
    try:
        for arrival in arrivals:
            yield _keep(sender, arrival, intake, silent)
            is_first = False
    except (MalformedRequest, TooManyFiles, UploadTooLarge, UploadTooSlow) as error:
        if is_first:
            raise
        # The files before the error are kept, so the answer has to tell their numbers.
        yield Receipt(None, error)


def _keep(sender: Sender, arrival: _Arrival, intake: Intake, silent: set[str]) -> Receipt:
    if isinstance(arrival.upload, VignetteError):
        return Receipt(arrival.name, arrival.upload)
    try:
        image = intake.keep(
            sender.actor,
            arrival.upload,
            arrival.name,
            arrival.idempotency_key,
            sender.name,
            sender.visibility,
            sender.ticket,
            silent,
        )
        sender.kept(image)
        is_its_own = arrival.upload.is_new or arrival.idempotency_key is not None
        return Receipt(arrival.name, image, is_its_own)
    except VignetteError as error:
        arrival.upload.discard()  # the next files need the room
        return Receipt(arrival.name, error)


def key_of(key: str | None, number: int) -> str | None:
    """Return the idempotency key of the file with this *number* in a request that has *key*; they count from 0."""
    # No header has a line break, so no other request has such a key.
    return f"{key}\n{number}" if key and number else key


class _Arriving:
    """A request whose files are staged as they come. *staged* discards those that are not kept."""

    def __init__(
        self,
        sender: Sender,
        request: Request,
        intake: Intake,
        limits: RequestLimits,
        slow_clients: SlowClients,
        staged: ExitStack,
    ) -> None:
        self._key = sender.key
        self._max_bytes = intake.limits.max_bytes
        if sender.ticket is not None and sender.ticket.max_bytes is not None:
            self._max_bytes = min(self._max_bytes, sender.ticket.max_bytes)
        self._source = slow_clients.watched(request)
        self._incoming = files_in(request, self._source, limits, self._max_bytes)
        self._has_no_length = request.content_length is None
        self._to_come = request.content_length or 0
        self._intake = intake
        self._max_files = limits.max_files
        self._staged = staged

    @property
    def is_settled_by_the_whole(self) -> bool:
        """Whether digests of the form as a whole were announced: they hold for all of its files or for none."""
        envelope = self._incoming.envelope
        return envelope is not None and bool(envelope.announced.digests)

    @property
    def fields_seen(self) -> str:
        return self._incoming.seen.in_words()

    def verify_the_whole(self) -> None:
        if self._incoming.envelope is not None:
            self._incoming.envelope.verify()

    def files(self) -> Iterator[_Arrival]:
        """Yield each file as soon as all of it has come. A file is read only when it is asked for."""
        for number, file in enumerate(self._incoming.files):
            if number == self._max_files:
                others = "none was taken" if self.is_settled_by_the_whole else "the others were not read"
                raise TooManyFiles(
                    f"more than {self._max_files} files; {others}", measured=number + 1, limit=self._max_files
                )
            upload = self._receive(file)
            if isinstance(upload, UploadTooLarge) and self._has_no_length:
                # Nobody knows how much more of the body would come, so it is not read to its end.
                if self.is_settled_by_the_whole:
                    raise upload
                yield _Arrival(clean_name(file.name), upload, None)
                return
            yield _Arrival(clean_name(file.name), upload, key_of(self._key, number))

    def _receive(self, file: IncomingFile) -> Upload | VignetteError:
        upload = None
        try:
            upload = self._staged.enter_context(
                self._intake.begin(file.announced, at_most=self._to_come, max_bytes=self._max_bytes)
            )
            for chunk in file.chunks:
                upload.append(chunk)
            upload.all_has_come()
            self._to_come = max(0, self._to_come - upload.tally.bytes)
            if upload.tally.is_short:
                raise self._source.broken_off(upload.tally)
            upload.tally.verify()
        except (MalformedRequest, UploadTooSlow):
            raise  # the request itself is at fault, and has no next file
        except VignetteError as error:
            if upload is not None:
                upload.discard()  # the next files need the room
            return error
        return upload
