"""Whose word counts before a file is kept, and what becomes of the file."""

from __future__ import annotations

import io
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from vignette import layout
from vignette.access.actors import NOBODY, OPERATOR
from vignette.errors import CheckRefused, CheckUnavailable
from vignette.model import Decision, Image, ImageFacts, ImageId, Record, State, Suspicion
from vignette.ports.checks import OnError, Said, Verdict
from vignette.ports.store import StagedImage
from vignette.use_cases.reindexing import read_image
from vignette.use_cases.screening import Screen, Screening

NOW = datetime(2026, 11, 29, 12, 0, 0, 123_000, tzinfo=UTC)
RECORD = Record("a.jpg", ImageFacts("image/jpeg", "jpg", 4, 3, 1), 10, "0" * 64, NOW)
CONTENT = b"0123456789"

# From the mildest to the strictest.
ACCEPT, QUARANTINE, REJECT = Verdict


class Saying:
    """A check that says the same of each file; without a verdict, nothing."""

    def __init__(self, verdict: Verdict | None, reason: str = "because") -> None:
        self.said = None if verdict is None else Said(verdict, reason)
        self.seen: list[bytes] = []

    def ask(self, file: BinaryIO, record: Record) -> Said:
        assert record.sha256
        self.seen.append(file.read())
        if self.said is None:
            raise CheckUnavailable("clamd at 10.0.0.7 is away")
        return self.said


def screening(*checks: Saying, on_error: OnError = OnError.REFUSE) -> Screening:
    screens = [Screen(f"check{number}", check, on_error) for number, check in enumerate(checks)]
    return Screening(screens, clock=lambda: NOW)


@pytest.mark.parametrize("verdicts", list(product(Verdict, repeat=3)), ids=str)
def test_the_strictest_verdict_counts_and_each_check_sees_the_whole_file(verdicts: tuple[Verdict, ...]) -> None:
    checks = [Saying(verdict, f"reason{number}") for number, verdict in enumerate(verdicts)]
    file = io.BytesIO(CONTENT)
    if REJECT in verdicts:
        first = verdicts.index(REJECT)
        with pytest.raises(CheckRefused) as refused:
            screening(*checks).screen(file, RECORD)
        assert refused.value.reason == f"reason{first}"
        asked = first + 1  # nobody can be stricter
    else:
        suspicion = screening(*checks).screen(file, RECORD)
        first = verdicts.index(QUARANTINE) if QUARANTINE in verdicts else None
        assert suspicion == (None if first is None else Suspicion(f"check{first}", f"reason{first}", NOW))
        asked = 3
    assert [check.seen for check in checks] == [[CONTENT]] * asked + [[]] * (3 - asked)


class TestACheckThatSaysNothing:
    def test_refuses_and_tells_nobody_where_it_is(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING), pytest.raises(CheckUnavailable) as refused:
            screening(Saying(None), Saying(REJECT)).screen(io.BytesIO(CONTENT), RECORD)

        assert "10.0.0.7" not in str(refused.value)
        assert "10.0.0.7" in caplog.text

    def test_puts_into_quarantine_if_that_is_set(self) -> None:
        suspicion = screening(Saying(None), on_error=OnError.QUARANTINE).screen(io.BytesIO(CONTENT), RECORD)

        assert suspicion == Suspicion("check0", "check-unavailable", NOW)

    def test_accepts_if_that_is_set_and_the_others_are_asked(self) -> None:
        screens = screening(Saying(None), Saying(QUARANTINE), on_error=OnError.ACCEPT)

        assert screens.screen(io.BytesIO(CONTENT), RECORD) == Suspicion("check1", "because", NOW)


class TestSeveralFilesOfARequest:
    @pytest.mark.parametrize("on_error", OnError)
    def test_wait_once_for_a_check_that_hangs(self, monkeypatch: pytest.MonkeyPatch, on_error: OnError) -> None:
        moments = iter(range(0, 1000, 10))
        monkeypatch.setattr(time, "monotonic", lambda: float(next(moments)))
        hanging, other = Saying(None), Saying(ACCEPT)
        screens = screening(hanging, other, on_error=on_error)
        silent: set[str] = set()
        for _ in range(3):
            with suppress(CheckUnavailable):
                screens.screen(io.BytesIO(CONTENT), RECORD, silent)

        assert len(hanging.seen) == 1
        assert len(other.seen) == (0 if on_error is OnError.REFUSE else 3)
        with suppress(CheckUnavailable):
            screens.screen(io.BytesIO(CONTENT), RECORD, set())
        assert len(hanging.seen) == 2  # for another request

    def test_are_all_shown_to_a_check_that_fails_at_once(self) -> None:
        failing, silent = Saying(None), set[str]()
        screens = screening(failing, on_error=OnError.QUARANTINE)
        for _ in range(3):
            screens.screen(io.BytesIO(CONTENT), RECORD, silent)

        assert len(failing.seen) == 3


def upload(house: House, key: str | None = None, content: bytes | None = None) -> Image:
    return house.upload(picture() if content is None else content, key=key)


def test_what_is_refused_leaves_nothing_and_takes_no_number(tmp_path: Path) -> None:
    for verdict, error in ((REJECT, CheckRefused), (None, CheckUnavailable)):
        with new_house(tmp_path, screening=screening(Saying(verdict))) as house:
            with pytest.raises(error):
                upload(house)
            assert house.catalogue.index.next_id() == 0
            assert house.is_clean()


def test_checks_are_shown_nothing_that_our_own_check_refuses(tmp_path: Path) -> None:
    check = Saying(ACCEPT)
    with new_house(tmp_path, screening=screening(check)) as house, pytest.raises(Exception, match="format"):
        upload(house, content=b"no picture")
    assert check.seen == []


def test_what_is_in_quarantine_is_kept_and_rendered(tmp_path: Path) -> None:
    with new_house(tmp_path, screening=screening(Saying(QUARANTINE))) as house:
        image = upload(house)
        house.work()

        assert image.quarantine == Suspicion("check0", "because", NOW)
        found = house.catalogue.library.get(image.id)
        assert (found.state, found.quarantine) == (State.READY, image.quarantine)
        assert {layout.REVIEW, layout.OUTCOME, "original.jpg"} <= house.files(image.id)


def test_the_folder_tells_it_from_the_moment_at_which_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whatever dies between the folder and the row, the image is never shown."""
    with new_house(tmp_path, screening=screening(Saying(QUARANTINE))) as house:
        promote, seen = house.store.promote, []

        def promote_and_look(staged: StagedImage, image_id: ImageId) -> None:
            promote(staged, image_id)
            seen.append(read_image(house.store, house.store, image_id))

        monkeypatch.setattr(house.store, "promote", promote_and_look)
        image = upload(house)
        # As the process leaves it that is killed before it commits.
        house.sql("DELETE FROM image")
        house.sql("UPDATE counter SET next = 0")
        assert house.reindexing.catch_up()

        assert [found and found.quarantine for found in seen] == [image.quarantine]
        assert house.catalogue.library.get(ImageId(0)).quarantine == image.quarantine
        assert house.catalogue.library.newest(10) == []


class TestAnUploadThatIsSentAgain:
    def test_is_not_asked_about_again(self, tmp_path: Path) -> None:
        check = Saying(QUARANTINE)
        with new_house(tmp_path, screening=screening(check)) as house:
            first = upload(house, "key")
            check.said = Said(REJECT, "changed its mind")

            assert upload(house, "key") == first
            assert len(check.seen) == 1
            assert house.is_clean()

    def test_is_told_what_was_decided_meanwhile(self, tmp_path: Path) -> None:
        with new_house(tmp_path, screening=screening(Saying(QUARANTINE))) as house:
            first = upload(house, "key")
            house.reviewing.decide(OPERATOR, first.id, Decision.ACCEPT)

            assert upload(house, "key").quarantine is None

    def test_is_a_new_one_after_it_was_refused(self, tmp_path: Path) -> None:
        check = Saying(REJECT)
        with new_house(tmp_path, screening=screening(check)) as house:
            with pytest.raises(CheckRefused):
                upload(house, "key")
            check.said = Said(ACCEPT, "")

            assert upload(house, "key").id == 0


def test_without_checks_nobody_is_asked_whether_it_came_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_house(tmp_path) as house:
        monkeypatch.setattr(house.catalogue.arrivals, "sent_before", pytest.fail)
        house.upload(picture(), key="key", actor=NOBODY)
