"""The report of the bench of an upload, what it sends, and the clock that it reads."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from vignette.trials.bench import upload
from vignette.trials.bench.upload import GOAL, GOAL_FORM, MARGIN, UploadReport
from vignette.web.http.multipart import parts_of

WELL = UploadReport(
    photos=["a.jpg"],
    bytes=1_000_000,
    uploads_in_a_round=60,
    raw=[2 * GOAL] * 3,
    form=[2 * GOAL_FORM] * 3,
    bare=[2.0] * 3,
)


def test_a_report_fails_when_a_ratio_is_behind_its_goal_by_more_than_the_margin() -> None:
    most = 1 + MARGIN

    assert WELL.shortfalls() == []
    assert replace(WELL, raw=[2 * (GOAL * most - 0.1)] * 3, form=[2 * (GOAL_FORM * most - 0.1)] * 3).shortfalls() == []
    assert len(replace(WELL, raw=[2 * (GOAL * most + 0.1)] * 3).shortfalls()) == 1
    assert len(replace(WELL, form=[2 * (GOAL_FORM * most + 0.1)] * 3).shortfalls()) == 1


def test_a_report_can_be_read_by_people_and_by_programs() -> None:
    assert json.loads(WELL.as_json())["ratio"] == GOAL
    assert f"{GOAL_FORM:.2f}" in WELL.as_text()


def test_the_photos_nearest_to_1_mb_are_sent(tmp_path: Path) -> None:
    sizes = (10, 3_000_000, 900_000, 1_200_000, 600_000)
    for size in sizes:
        (tmp_path / f"{size}.jpg").write_bytes(bytes(size))

    assert {photo.stem for photo in upload.typical(list(tmp_path.iterdir()))} == {"900000", "1200000", "600000"}


def test_a_form_is_one_with_the_photo_in_it() -> None:
    (part,) = [
        (part.field, part.name, b"".join(part.chunks))
        for part in parts_of(io.BytesIO(upload._form("a.jpg", b"\xff\xd8photo")), upload._BOUNDARY.encode())
    ]

    assert part == ("file", "a.jpg", b"\xff\xd8photo")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of another process so")
def test_the_clock_is_that_of_the_process() -> None:
    process = os.getpid()
    before = upload._processor_s(process)[process]
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass

    assert upload._processor_s(process)[process] - before >= 0.05

    begin = time.process_time()
    found = upload._processor_s(process)[process]
    assert begin <= found <= time.process_time()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of another process so")
def test_the_processes_below_count_too() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(7, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        seconds = upload._processor_s(process.pid)
        process.communicate(b"\n")
    assert len(seconds) == 2
    assert all(of_one > 0 for of_one in seconds.values())
