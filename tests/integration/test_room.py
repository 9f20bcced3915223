"""However many upload at once, from however many processes: what has to stay free stays free."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.running import PROJECT_FOLDER, environment
from tests.small_disk import way_to_mount
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import StoreFull
from vignette.limits import KIB, MIB

# On a tmpfs of 8 MiB: 6 processes begin an upload of 1.5 MiB each at the same moment, and 2 MiB have to stay free.
PROGRAM = """
import json, multiprocessing, os, signal, sys, time
from pathlib import Path
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import StoreFull
from vignette.tally import Announced
from vignette.use_cases.intake import Intake, IntakeLimits

SIZE, CHUNK = 3 << 19, 64 << 10
root, how = Path(sys.argv[1]) / "disk", sys.argv[2]
store = FolderStore(root, min_free_bytes=2 << 20)
store.make()
intake = Intake(store, store, None, None, None, None, IntakeLimits(10**9, 1, 1), None)

def upload(together, answers, is_killed):
    together.wait()
    try:
        with intake.begin(Announced(SIZE if how == "announced" else None)) as begun:
            for start in range(0, SIZE, CHUNK):
                begun.append(bytes(CHUNK))
                if how == "announced" and not start:
                    together.wait()  # all have sent their first bytes
            answers.put("whole")
            together.wait()
            if is_killed:
                os.kill(os.getpid(), signal.SIGKILL)
    except StoreFull as error:
        answers.put([error.measured, error.limit])
        for _ in range(2 if how == "announced" and not begun.tally.bytes > CHUNK else 1):
            together.wait()

fork = multiprocessing.get_context("fork")
together, answers = fork.Barrier(7), fork.SimpleQueue()
uploads = [fork.Process(target=upload, args=(together, answers, False)) for _ in range(6)]
for process in uploads:
    process.start()
free = []
def look():
    disk = os.statvfs(root)
    free.append(disk.f_bavail * disk.f_frsize)
together.wait()
if how == "announced":
    together.wait()
    look()
found = [answers.get() for _ in uploads]
look()
together.wait()
for process in uploads:
    process.join()
print(json.dumps({"found": found, "free": free, "left": os.listdir(root / ".staging"), "whole": 8 << 20}))
"""


def on_a_small_disk(folder: Path, how: str) -> Any:
    (folder / "disk").mkdir()
    way = way_to_mount()
    assert way is not None
    script = 'mount -t tmpfs -o size=8M none "$1/disk" && exec "$2" -c "$3" "$1" "$4"'
    command = [*way.into_new, "sh", "-c", script, "sh", str(folder), sys.executable, PROGRAM, how]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, env=environment(folder), check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


@pytest.mark.parametrize("how", ["announced", "in chunks"])
class TestOfSixUploadsForWhichThereIsNoRoomTogether:
    pytestmark = needs.mounts()

    def test_what_has_to_stay_free_stays_free_and_some_are_whole(self, tmp_path: Path, how: str) -> None:
        seen = on_a_small_disk(tmp_path, how)

        whole = [answer for answer in seen["found"] if answer == "whole"]
        refused = [answer for answer in seen["found"] if answer != "whole"]
        assert min(seen["free"]) >= 2 * MIB
        assert len(refused) >= 3
        assert how == "in chunks" or len(whole) == 3, seen
        assert all(measured > limit for measured, limit in refused)
        assert seen["left"] == []


def test_what_was_reserved_is_given_back_with_the_last_byte(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.make()
    staged = store.stage()
    staged.reserve(MIB)
    staged.append(b"picture")
    file = next(staged.path.iterdir())
    assert file.stat().st_blocks * 512 >= MIB

    staged.settle()

    assert (file.stat().st_size, file.stat().st_blocks * 512 < 64 * KIB) == (7, True)
    staged.reserve(MIB)
    staged.append(b" and more")
    with staged.open_original() as opened:
        assert opened.read() == b"picture and more"
    staged.complete("original.jpg", {})
    assert (staged.path / "original.jpg").stat().st_size == len(b"picture and more")
    staged.discard()


def test_room_that_is_to_stay_free_is_not_given_and_both_numbers_are_told(tmp_path: Path) -> None:
    FolderStore(tmp_path).make()
    store = FolderStore(tmp_path, min_free_bytes=2**50)
    staged = store.stage()

    with pytest.raises(StoreFull) as caught:
        staged.reserve(100)

    assert (caught.value.measured, caught.value.limit) == (100, 0)
    assert store.free_bytes() == 0
    staged.discard()


SMALL_FILES = """
import json, os, sys
from pathlib import Path
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import StoreFull
from vignette.model import ImageId

store = FolderStore(Path(sys.argv[1]) / "disk", min_free_bytes=1 << 20)
store.make()
kept = 0
try:
    while True:
        staged = store.stage()
        try:
            staged.reserve(1)
            staged.append(b"x")
            staged.complete("original.gif", {"record.json": b"{}"})
            store.promote(staged, ImageId(kept))
        finally:
            staged.discard()
        kept += 1
except StoreFull:
    pass
disk = os.statvfs(sys.argv[1] + "/disk")
for number in range(10):
    store.write(ImageId(number), "outcome.json", b"{}")
print(json.dumps({"kept": kept, "inodes": disk.f_favail, "room": store.free_bytes(), "free": disk.f_bavail}))
"""


class TestOfFilesOfAByte:
    pytestmark = needs.mounts()

    def test_they_leave_inodes_for_the_worker(self, tmp_path: Path) -> None:
        way = way_to_mount()
        assert way is not None
        (tmp_path / "disk").mkdir()
        script = 'mount -t tmpfs -o size=64m,nr_inodes=1000 none "$1/disk" && exec "$2" -c "$3" "$1"'
        command = [*way.into_new, "sh", "-c", script, "sh", tmp_path, sys.executable, SMALL_FILES]

        done = subprocess.run(
            command, cwd=PROJECT_FOLDER, env=environment(tmp_path), capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen["kept"] > 200
        assert seen["inodes"] >= 40
        assert seen["room"] == 0
