"""What `vignette reindex` costs for each image, as the kernel sees it, and what it tells of its way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests import needs
from tests.house import House, house, picture
from tests.running import PROJECT_FOLDER, environment

IMAGES: Final = 100

# List the folder (10 calls), and see how long each of its 7 files is. The record and the outcome (8 calls each): open
# the folder and the file (no link is followed), see that it is a file and how long, read, read the end, close. And some
# for what Python does beside that: memory, and the listing of the upload folder.
MOST_CALLS: Final = 10 + 7 + 2 * 8 + 1

READ_ALL: Final = """
import os, sys
from pathlib import Path
from tests.house import house

with house(Path(sys.argv[1])) as here:
    images = here.reindexing.read_images()
    next(images)
    os.access("/begin", os.F_OK)
    count = sum(1 for _ in images)
    os.access("/end", os.F_OK)
    print(count)
"""


def reindex(folder: Path, stderr: int) -> str:
    """What the command writes to standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "vignette", "reindex"],
        cwd=PROJECT_FOLDER,
        env=environment(folder, upload_folder=folder / "uploads", state_folder=folder / "state") | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        populate(here, 3)
    ours, theirs = os.openpty()

    assert reindex(tmp_path, theirs).startswith("3 images in the catalogue")

    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        assert "3/3" in terminal.read1().decode()


def test_what_is_soon_done_is_not_told_to_a_file(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        populate(here, 3)
    reindex(tmp_path, subprocess.DEVNULL)  # brings the catalogue up to the folders

    with (tmp_path / "words").open("w+b") as words:
        reindex(tmp_path, words.fileno())
        words.seek(0)

        assert words.read() == b""


def populate(here: House, count: int) -> None:
    """*count* images, all ready, with the same files."""
    here.upload(picture())
    here.work()
    for number in range(1, count):
        shutil.copytree(here.uploads / "0", here.uploads / str(number), copy_function=os.link)


@needs.program("strace", "strace")
def test_few_system_calls_read_a_folder(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        populate(here, 1 + IMAGES)
    trace = tmp_path / "trace"

    done = subprocess.run(
        ["strace", "-o", trace, sys.executable, "-c", READ_ALL, tmp_path],
        cwd=PROJECT_FOLDER,
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )

    assert int(done.stdout) == IMAGES
    _, _, after = trace.read_text().partition('"/begin"')
    between, _, _ = after.partition('"/end"')
    assert len(between.splitlines()) <= MOST_CALLS * IMAGES
