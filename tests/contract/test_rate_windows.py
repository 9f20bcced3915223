"""`ports.rates` on a real Redis-compatible server, which processes share, and which goes away and comes back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.redis import Answers, RedisServer, bad_line, endless, late
from tests.running import until
from vignette.access.rates import Rate, Standing
from vignette.adapters.rate_windows import RedisWindows, storage_url
from vignette.settings import load_settings
from vignette.wiring.rates import open_rating

# Long enough for a busy machine; how long anybody waits is tested apart.
PATIENT_S: Final = 30.0
RATE: Final = Rate("address", 1000, 60)
PORTION: Final = 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


def windows(url: str, patience_s: float = PATIENT_S, pause_s: float = 0.05) -> RedisWindows:
    return RedisWindows(url, processes=4, patience_s=patience_s, pause_s=pause_s)


def test_several_count_together_to_the_last_unit(server: RedisServer) -> None:
    one, other = windows(server.url), windows(server.url)

    taken = [each.take(RATE, "here", 100, exactly=True).is_refused for each in (one, other) * 6]

    assert taken == [False] * 10 + [True] * 2
    assert not one.take(RATE, "there", 100, exactly=True).is_refused
    assert other.take(Rate("key", 100, 60), "here", 100, exactly=True).is_refused is False, "another rate"


def test_another_process_counts_too(server: RedisServer) -> None:
    script = f"""
from vignette.access.rates import Rate
from vignette.adapters.rate_windows import RedisWindows
windows = RedisWindows({server.url!r}, processes=4, patience_s=30)
print(windows.take(Rate("address", 1000, 60), "here", 900, exactly=True).left)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["100"]
    here = windows(server.url)
    assert here.take(RATE, "here", 101).is_refused
    assert _short(here.take(RATE, "here", 100)) == (0, False, False)


def test_a_process_takes_a_portion_and_asks_no_more(server: RedisServer) -> None:
    here, other = windows(server.url), windows(server.url)
    before = _commands(server)

    left = [here.take(RATE, "here", 1).left for _ in range(PORTION)]

    assert left == [999 - count for count in range(PORTION)]
    assert _commands(server) - before <= 20, "the script is loaded, and run once"
    assert other.look(RATE, "here").left == 1000 - PORTION


def test_what_is_taken_exactly_takes_no_portion(server: RedisServer) -> None:
    here, other = windows(server.url), windows(server.url)

    assert here.take(RATE, "here", 1, exactly=True).left == 999
    assert other.look(RATE, "here").left == 999


def test_what_is_refused_takes_nothing_and_less_is_still_given(server: RedisServer) -> None:
    here = windows(server.url)
    here.take(RATE, "here", 995, exactly=True)

    refused = here.take(RATE, "here", 50)
    before = _commands(server)
    again = [here.take(RATE, "here", 50) for _ in range(20)]

    assert refused.is_refused
    assert 0 < refused.reset_s <= 60
    assert {each.is_refused for each in again} == {True}
    assert _commands(server) == before, "nobody asks again at once"
    assert [here.take(RATE, "here", 1).is_refused for _ in range(6)] == [False] * 5 + [True]


def test_a_window_that_has_just_begun_is_told_to_last(server: RedisServer) -> None:
    """Each of these is asked for in the millisecond in which it begins, or in the next."""
    here, elsewhere = windows(server.url), windows(server.url)

    told = [here.take(RATE, f"holder {number}", 1, exactly=True).reset_s for number in range(300)]

    assert all(PATIENT_S < reset_s <= 60 for reset_s in told), sorted(told)[:3]
    assert elsewhere.look(RATE, "nobody").reset_s == 0


def test_a_window_that_ends_now_is_not_told_to_begin(server: RedisServer) -> None:
    """Whoever asks without a pause asks in the millisecond in which it ends, in most windows."""
    here, rate = windows(server.url), Rate("address", 5, 1)
    told: list[list[float]] = []
    for number in range(2):
        here.take(rate, f"holder {number}", 5, exactly=True)
        told.append([])
        while (standing := here.take(rate, f"holder {number}", 1, exactly=True)).is_refused:
            told[-1].append(standing.reset_s)

    assert all(later <= sooner + 0.5 for waits in told for sooner, later in pairwise(waits))


def test_what_was_done_is_spent_as_far_as_there_is_anything(server: RedisServer) -> None:
    here = windows(server.url)
    here.take(RATE, "here", 950, exactly=True)

    assert _short(here.spend(RATE, "here", 400)) == (0, False, False)
    assert here.take(RATE, "here", 1).is_refused


def test_the_window_slides(server: RedisServer) -> None:
    here, rate = windows(server.url), Rate("address", 10, 1)
    assert not here.take(rate, "here", 10, exactly=True).is_refused
    assert here.take(rate, "here", 1, exactly=True).is_refused

    until(lambda: not here.take(rate, "here", 5, exactly=True).is_refused)


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.freeze], ids=["is away", "does not answer"])
def test_without_the_server_each_goes_on_with_its_share_and_comes_back_by_itself(
    server: RedisServer, harm: Callable[[RedisServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    here = windows(server.url, patience_s=0.5)
    assert not here.take(RATE, "here", 100, exactly=True).is_share
    harm(server)

    alone = [here.take(RATE, "here", 50, exactly=True) for _ in range(6)]

    assert [each.is_refused for each in alone] == [False] * 5 + [True], "250 of 1000 units, for one of 4 processes"
    assert {each.is_share for each in alone} == {True}
    assert [record.levelname for record in caplog.records] == ["WARNING"], "it is told once"
    assert here.look(RATE, "here").is_share

    server.start() if harm is RedisServer.kill else server.thaw()
    until(lambda: not here.take(RATE, "here", 1, exactly=True).is_share)


@pytest.mark.parametrize("answers", [late(0.4), endless], ids=["late", "without an end"])
def test_nobody_waits_for_a_slow_server(server: RedisServer, answers: Answers) -> None:
    with bad_line(server, answers) as url:
        here = RedisWindows(url, processes=4, pause_s=60)
        began_s = time.monotonic()
        waited_ms = []
        for _ in range(200):
            before_s = time.process_time(), time.monotonic()
            assert here.take(RATE, "here", 1, exactly=True).is_share
            waited_ms.append((time.monotonic() - before_s[1]) * 1000)

    # The first waits for 8 ms, and all others not at all. A busy machine may stop any of them for a while.
    assert sorted(waited_ms)[190] < 8
    assert time.monotonic() - began_s < 5


def test_an_answer_that_nobody_expects_stops_nobody(server: RedisServer) -> None:
    here = windows(server.url)
    here.take(RATE, "here", 1, exactly=True)
    for key in server.client.keys("vignette:rates:*"):
        server.client.delete(key)
        server.client.lpush(key, "rubbish")

    left, is_refused, is_share = _short(here.take(RATE, "here", 1, exactly=True))
    # What was taken before counts, if the process has heard of it by then.
    assert (left in (248, 249), is_refused, is_share) == (True, False, True)


@pytest.mark.parametrize(
    ("broker", "storage"),
    [
        ("redis+socket:///run/v.sock", "redis+unix:///run/v.sock"),
        ("redis+socket:///run/v.sock?virtual_host=3", "redis+unix:///run/v.sock?db=3"),
        ("redis://:secret@host:6379/0", "redis://:secret@host:6379/0"),
        ("rediss://host/0?ssl_cert_reqs=CERT_REQUIRED", "rediss://host/0?ssl_cert_reqs=required"),
    ],
)
def test_the_library_reaches_the_same_server_as_the_queue(broker: str, storage: str) -> None:
    assert storage_url(broker) == storage


def _short(standing: Standing) -> tuple[int, bool, bool]:
    return standing.left, standing.is_refused, standing.is_share


def _commands(server: RedisServer) -> int:
    return int(server.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


def test_the_settings_name_what_each_may_have() -> None:
    said = {"units_per_minute_of_address": 7, "units_per_minute_of_key": 8, "broker_url": "redis://127.0.0.1:1/0"}
    rating = open_rating(load_settings(limit_rates="always", **said))
    assert rating is not None

    found = [(holder.rate, holder.name) for holder in rating.holders("here", "key:1")]
    assert found == [(Rate("address", 7, 60), "here"), (Rate("key", 8, 60), "key:1")]
    assert open_rating(load_settings(limit_rates="never", **said)) is None
