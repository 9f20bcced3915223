"""Lines that are cut, services that are busy or restarted: each picture comes once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import HELD_AFTER, Uploads, drop, drop_and_hold, names, state, wait_for
from tests.browser.unsteady_line import Line, unsteady_line
from tests.running import running_service
from vignette.trials.own_port import free_port

pytestmark = pytest.mark.browser


def test_a_cut_connection_goes_on_by_itself_and_nothing_comes_twice(visit: Visit, line: Line, made: Made) -> None:
    page, files = visit.page, [made.large(), made.picture()]
    uploads = Uploads(page)
    page.goto(f"{line.url}/images")
    before = len(names(visit.url))
    line.hold(HELD_AFTER)
    drop(page, *files)
    expect(state(page, files[0])).to_contain_text(re.compile(r"Sending \d+% of 12"))

    line.cut()

    expect(state(page, files[0])).to_have_text(re.compile(r"^Connection lost. Again in \d+\u00a0s$"))
    line.release()
    wait_for(page, *files)
    assert len(names(visit.url)) == before + 2
    assert len(set(uploads.keys())) == 2 < len(uploads.keys())


def test_an_answer_that_is_lost_is_no_second_image(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.picture()
    page.goto(f"{line.url}/images")
    before = len(names(visit.url))
    uploads = Uploads(page)
    # The browser itself sends again what was lost over each of its six connections that it had used before.
    line.lose_answers(8)
    drop(page, file)

    wait_for(page, file)

    assert len(uploads.requests) >= 2
    assert len(set(uploads.keys())) == 1
    assert line.uploads == 9
    assert len(names(visit.url)) == before + 1


def test_the_service_is_restarted_in_the_middle(chromium: Browser, made: Made, tmp_path: Path) -> None:
    port, file, others = free_port(), made.large(), made.pictures(4)
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    with unsteady_line(f"http://127.0.0.1:{port}") as line:
        with running_service(tmp_path / "service", port=port):
            page.goto(f"{line.url}/images")
            drop_and_hold(page, line, file, *others)
        expect(state(page, file)).to_contain_text("Connection lost")
        line.release()

        with running_service(tmp_path / "service", port=port) as service:
            wait_for(page, file, *others)
            assert sorted(names(service.url)) == sorted(each.name for each in (file, *others))
    context.close()


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_a_busy_service_is_asked_again_when_it_says(visit: Visit, line: Line, made: Made, status: str) -> None:
    page, file = visit.page, made.picture()
    page.goto(f"{line.url}/images")
    line.answer_next(status, "Retry-After: 2")
    drop(page, file)

    expect(state(page, file)).to_have_text(re.compile(r"^The service is busy. Again in [12]\u00a0s$"))
    assert line.uploads == 1
    wait_for(page, file)
    assert line.uploads == 2
