from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.running import until
from vignette.despair import Despair
from vignette.errors import BrokenImage, CatalogueUnavailable, Overloaded, StoreFull, StoreUnavailable, VignetteError
from vignette.model import Image, ImageFacts, ImageId, Record, State
from vignette.web.replacement import Replacement

FACTS = ImageFacts("image/jpeg", "jpg", 40, 30, 1)
KEPT = Image(ImageId(0), Record("a.jpg", FACTS, 1000, "0" * 64, datetime.now(UTC)), State.PENDING)
LOCKED = CatalogueUnavailable("database is locked")


class Process:
    """A web process with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fresh_process_can = True
        self.this_process_can = False
        self.fault: OSError | None = None
        self.asked = 0
        self.has_ended = threading.Event()
        self.replacement = Replacement(
            Despair(after_s=30, clock=lambda: self.now),
            fresh_process_can=self._ask,
            this_process_can=lambda: self.this_process_can,
            end=self.has_ended.set,
        )

    def _ask(self) -> bool:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.fresh_process_can

    def upload(self, outcome: Image | VignetteError, *, at: float) -> None:
        """Have an upload end, and wait until it is decided what follows from it."""
        self.now = at
        before = set(threading.enumerate())
        self.replacement.note(outcome)
        until(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def process() -> Process:
    return Process()


def caused_by(number: int) -> StoreUnavailable:
    error = StoreUnavailable("the upload cannot be staged")
    error.__cause__ = OSError(number, "")
    return error


@pytest.mark.parametrize("error", [LOCKED, caused_by(errno.EMFILE)], ids=["locked", "no descriptors"])
def test_one_that_takes_nothing_for_long_although_a_fresh_one_could_ends(
    process: Process, error: VignetteError
) -> None:
    process.upload(error, at=0)
    process.upload(error, at=29)
    assert not process.has_ended.is_set()

    process.upload(error, at=30)

    assert process.has_ended.is_set()


def test_one_that_took_an_upload_meanwhile_stays(process: Process) -> None:
    process.upload(LOCKED, at=0)
    process.upload(KEPT, at=20)
    process.upload(LOCKED, at=31)

    assert process.asked == 0


def test_if_nobody_could_take_one_it_stays_and_asks_again_only_after_a_while(process: Process) -> None:
    process.fresh_process_can = False
    for second in range(0, 120, 10):
        process.upload(LOCKED, at=second)

    assert not process.has_ended.is_set()
    assert process.asked == 3


def test_one_that_is_well_again_stays(process: Process) -> None:
    process.this_process_can = True
    process.upload(LOCKED, at=0)
    process.upload(LOCKED, at=40)

    assert (process.asked, process.has_ended.is_set()) == (1, False)


@pytest.mark.parametrize(
    "error",
    [BrokenImage(), Overloaded(), StoreFull(), caused_by(errno.EROFS)],
    ids=lambda error: f"{type(error).__name__}",
)
def test_what_is_no_trouble_of_one_process_alone_does_not_count(process: Process, error: VignetteError) -> None:
    process.upload(error, at=0)
    process.upload(error, at=60)

    assert process.asked == 0


@pytest.fixture
def no_thread_starts() -> Iterator[None]:
    """No system has room for such a stack: pthread_create(3) fails as it does at the limit of a user's threads."""
    before = threading.stack_size(2**46)
    yield
    threading.stack_size(before)


@pytest.mark.usefixtures("no_thread_starts")
def test_one_that_can_start_no_thread_keeps_its_answer_and_asks_again_after_a_while(process: Process) -> None:
    process.upload(LOCKED, at=0)
    process.upload(LOCKED, at=30)
    assert process.asked == 0

    threading.stack_size(0)
    process.upload(LOCKED, at=31)
    assert process.asked == 0
    process.upload(LOCKED, at=61)
    assert (process.asked, process.has_ended.is_set()) == (1, True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_whose_question_fails_asks_again_after_a_while(process: Process) -> None:
    process.fault = OSError(errno.EMFILE, "")
    process.upload(LOCKED, at=0)
    process.upload(LOCKED, at=30)

    process.fault = None
    process.upload(LOCKED, at=31)
    process.upload(LOCKED, at=61)
    assert (process.asked, process.has_ended.is_set()) == (2, True)
