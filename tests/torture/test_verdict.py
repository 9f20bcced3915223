"""The harness notices each kind of broken promise: a judge that sees nothing proves nothing."""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from werkzeug.serving import make_server

from tests.house import House, picture
from tests.house import house as house_below
from tests.running import all_along
from vignette.access.actors import NOBODY
from vignette.access.tickets import Ticket
from vignette.errors import Refused
from vignette.model import ImageId
from vignette.pixels.inspection import inspect
from vignette.records import outcome_from_json, outcome_to_json
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.torture.adversary import plan
from vignette.trials.torture.clients import Client
from vignette.trials.torture.ledger import Ledger, Upload
from vignette.trials.torture.pictures import Fate, any_picture
from vignette.trials.torture.session import Result, total
from vignette.trials.torture.verdict import Verdict
from vignette.trials.torture.victim import Victim
from vignette.use_cases.ticketing import Terms


class Court:
    """A house that has taken a few uploads, and what the ledger says of them."""

    def __init__(self, house: House, count: int = 4) -> None:
        self.house = house
        self.ledger = Ledger()
        sound = (p for p in map(any_picture, itertools.repeat(Random(1))) if p.fate is Fate.READY)
        small = (p for p in sound if len(p.content) < 20_000)
        for each in itertools.islice(small, count):
            image = house.upload(each.content)
            digest = hashlib.sha256(each.content).hexdigest()
            self.ledger.send(Upload(digest, len(each.content), each.fate, None, number=image.id))
        house.work()

    def violations(self) -> list[str]:
        verdict = Verdict(Victim(self.house.root), self.ledger, settle=lambda: None)
        try:
            verdict.judge()
        finally:
            verdict.close()
        return self.ledger.violations


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    with house_below(tmp_path, recipes=DEFAULT_RECIPES) as house:
        yield Court(house)


def folder(court: Court, image_id: int) -> Path:
    return court.house.uploads / str(image_id)


def test_an_image_that_is_never_finished_is_a_violation(court: Court) -> None:
    waiting = court.house.upload(picture())
    verdict = Verdict(Victim(court.house.root), court.ledger, patience_s=0.3)

    verdict.wait_until_settled()
    verdict.close()

    assert court.ledger.violations == [f"images wait, and none was finished for 0.3 s: [{waiting.id}]"]


def test_however_long_it_takes_images_that_are_finished_one_by_one_are_not_lost(court: Court) -> None:
    for _ in range(10):
        court.house.upload(picture())
    # A busy machine takes seconds for one of them.
    verdict = Verdict(Victim(court.house.root), court.ledger, patience_s=5)

    def finish_slowly(_client: int, stop: threading.Event) -> None:
        for image_id in court.house.jobs.hinted:
            stop.wait(0.6)
            court.house.rendering.render(image_id)

    with all_along(1, finish_slowly):
        assert verdict.wait_until_settled() > 5

    verdict.close()
    assert court.ledger.violations == []


def test_kept_promises_are_no_violation(court: Court) -> None:
    court.house.removal.delete(NOBODY, ImageId(3))
    court.ledger.delete(3, is_answered=True)

    assert court.violations() == []


def test_an_image_whose_other_sizes_never_come_is_a_violation(court: Court) -> None:
    court.house.sql("UPDATE image SET state = 'completing', lease_until = NULL WHERE id = 2")
    verdict = Verdict(Victim(court.house.root), court.ledger, patience_s=0.3)

    verdict.wait_until_settled()
    assert verdict.first_settled_after_s is not None
    assert verdict.first_settled_after_s < 0.3
    verdict.close()

    assert any("none was finished" in violation for violation in court.ledger.violations)
    assert any("image 2 is ready, and still to come" in violation for violation in court.violations())


def test_an_outcome_that_tells_of_a_size_to_come_is_a_violation_in_the_end(court: Court) -> None:
    outcome = outcome_from_json(court.house.store.read(ImageId(1), "outcome.json"))
    to_come = ("vignette-large.webp",)
    court.house.store.write(ImageId(1), "outcome.json", outcome_to_json(replace(outcome, to_come=to_come)))

    assert any(f"still to come are {to_come}" in violation for violation in court.violations())


def test_a_size_that_could_not_be_made_of_a_sound_picture_is_a_violation(court: Court) -> None:
    court.house.sql("""UPDATE image SET failure = '{"code": "rendering-failed", "detail": "no"}' WHERE id = 1""")

    assert "image 1 is ready without its other sizes: no" in court.violations()


class TestAClientThatLooks:
    """At an image that is ready."""

    @pytest.fixture
    def violations(self, court: Court) -> Iterator[Callable[[], list[str]]]:
        server = make_server("127.0.0.1", 0, court.house.app, threaded=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()

        def look() -> list[str]:
            Client(server.port, court.ledger, Random(1), threading.Event())._look_at_sizes(court.ledger.uploads[0])
            return court.ledger.violations

        yield look
        server.shutdown()
        serving.join()
        server.server_close()

    def test_finds_what_it_tells_of(self, violations: Callable[[], list[str]]) -> None:
        assert violations() == []

    def test_is_content_with_less_while_the_rest_is_to_come(
        self, court: Court, violations: Callable[[], list[str]]
    ) -> None:
        court.house.sql("UPDATE image SET state = 'completing', sizes = 'small' WHERE id = 0")
        next(folder(court, 0).glob("vignette-large-*.jpg")).unlink()

        assert violations() == []

    def test_notices_that_the_default_one_is_not_there(self, court: Court, violations: Callable[[], list[str]]) -> None:
        court.house.sql("UPDATE image SET sizes = 'large' WHERE id = 0")

        assert violations() == ["image 0 is ready without small: ['large']"]

    def test_notices_that_one_is_told_of_and_is_not_there(
        self, court: Court, violations: Callable[[], list[str]]
    ) -> None:
        next(folder(court, 0).glob("vignette-large-*.jpg")).unlink()

        assert violations() == ["size large of image 0 is there, and was answered 202"]


def test_an_acknowledged_image_that_is_gone(court: Court) -> None:
    shutil.rmtree(folder(court, 2))

    assert any("folder-missing" in violation for violation in court.violations())


def test_a_bit_that_turned(court: Court) -> None:
    original = next(folder(court, 1).glob("original.*"))
    content = bytearray(original.read_bytes())
    content[len(content) // 2] ^= 1
    original.write_bytes(content)

    assert any("original-changed" in violation for violation in court.violations())


def test_a_number_given_twice(court: Court) -> None:
    court.ledger.send(Upload("00" * 32, 5, Fate.READY, None, number=1))

    assert "number 1 was given 2 times" in court.violations()


def test_other_bytes_than_were_sent(court: Court) -> None:
    court.ledger.uploads[0].sha256 = "00" * 32

    assert "image 0 is not what was sent" in court.violations()


def test_an_image_that_nobody_sent(court: Court) -> None:
    del court.ledger.uploads[3]

    assert any("nobody sent" in violation for violation in court.violations())


def test_an_upload_without_an_answer_may_be_there_once(court: Court) -> None:
    court.ledger.uploads[3].number = None

    assert court.violations() == []


def test_an_upload_without_an_answer_may_not_be_there_twice(court: Court) -> None:
    court.ledger.uploads[3].number = None
    court.ledger.uploads[2].number = None
    court.ledger.uploads[2].sha256 = court.ledger.uploads[3].sha256

    assert any("nobody sent" in violation for violation in court.violations())


def test_a_sound_image_that_failed(court: Court) -> None:
    court.ledger.uploads[0].fate = Fate.FAILED

    assert any("it should be failed" in violation for violation in court.violations())


def test_a_deletion_that_was_answered_and_not_done(court: Court) -> None:
    court.ledger.delete(0, is_answered=True)

    assert "image 0 was deleted, and is ready" in court.violations()


def test_a_deletion_that_nobody_asked_for(court: Court) -> None:
    court.house.removal.delete(NOBODY, ImageId(0))

    assert "image 0 is deleted, and nobody asked for that" in court.violations()


def test_a_folder_beyond_the_counter(court: Court) -> None:
    (court.house.uploads / "9").mkdir()

    assert "folder 9 has no row" in court.violations()


def test_a_plan_is_the_same_for_the_same_seed() -> None:
    first, again, other = (list(itertools.islice(plan(Random(seed)), 50)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_runs_are_added_up() -> None:
    runs = [
        Result(seed, 60, 2, 1, kills, 0, {}, {"acknowledged": 5, "refused": 1}, 0, violations, None)
        for seed, kills, violations in ((1, 3, []), (2, 4, ["one"]))
    ]

    assert total(runs) == "2 runs, 2 minutes: 7 processes killed, 12 uploads (10 acknowledged), 1 violations"


def test_each_file_meets_the_fate_that_it_is_said_to_at_the_door() -> None:
    random = Random(1)
    pictures = [any_picture(random) for _ in range(300)]

    for each in pictures:
        try:
            inspect(io.BytesIO(each.content), len(each.content), max_pixels=10**7, max_frames=1)
        except Refused:
            assert each.fate is Fate.REFUSED
        else:
            assert each.fate is not Fate.REFUSED
    assert {picture.fate for picture in pictures} == set(Fate)
    assert len({picture.content for picture in pictures}) == len(pictures)


def by_a_ticket(court: Court, uses: int) -> Ticket:
    """Return a ticket by which one image came, which was acknowledged."""
    ticket, _ = court.house.context.ticketing.add(NOBODY, Terms(uses=uses))
    content = picture(40, 40)
    image = court.house.upload(content, actor=ticket.actor, ticket=ticket)
    court.house.work()
    court.ledger.send(Upload(image.record.sha256, len(content), Fate.READY, None))
    court.ledger.give_out(ticket.id, uses)
    court.ledger.admitted(ticket.id)
    return ticket


def test_a_ticket_that_is_as_it_should_be_is_no_violation(court: Court) -> None:
    by_a_ticket(court, uses=2)

    assert court.violations() == []


def test_a_ticket_that_was_overdrawn_is_a_violation(court: Court) -> None:
    ticket = by_a_ticket(court, uses=2)
    court.ledger.give_out(ticket.id, 0)

    assert court.violations() == [f"1 images came by ticket {ticket.id}, which is for 0"]


def test_a_ticket_that_is_lost_is_a_violation(court: Court) -> None:
    ticket = by_a_ticket(court, uses=2)
    court.house.sql("DELETE FROM ticket")

    assert f"ticket {ticket.id} was acknowledged, and is not in the catalogue" in court.violations()


def test_a_use_that_is_forgotten_or_given_back_is_a_violation(court: Court) -> None:
    ticket = by_a_ticket(court, uses=2)
    court.house.sql("UPDATE ticket SET spent = 0")
    court.ledger.admitted(ticket.id)

    assert court.violations() == [
        f"2 images were acknowledged by ticket {ticket.id}, and 1 are there",
        f"ticket {ticket.id} tells 0 uses, and 1 images came by it",
    ]
