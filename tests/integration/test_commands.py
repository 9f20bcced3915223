"""The command line on real folders, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, broken_pixels, picture
from tests.running import PROJECT_FOLDER, environment, running_service, until
from vignette.model import ImageId, State


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


def vignette(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the folders of the house below *folder*."""
    return subprocess.run(
        [sys.executable, "-m", "vignette", *arguments],
        cwd=PROJECT_FOLDER,
        env=environment(folder, upload_folder=folder / "uploads", state_folder=folder / "state"),
        capture_output=True,
        text=True,
        check=False,
    )


class TestRetry:
    def test_the_named_images_wait_again(self, house: House) -> None:
        for _ in range(3):
            house.upload(broken_pixels())
        house.work()

        done = vignette(house.root, "retry", "0", "2")

        assert (done.returncode, done.stdout) == (0, "0\n2\n")
        states = [house.catalogue.get(ImageId(number)).state for number in range(3)]
        assert states == [State.PENDING, State.FAILED, State.PENDING]

    def test_all_that_failed_wait_again(self, house: House) -> None:
        house.upload(broken_pixels())
        house.upload(picture())
        house.upload(broken_pixels())
        house.work()

        done = vignette(house.root, "retry", "--all-failed")

        assert (done.returncode, done.stdout) == (0, "0\n2\n")
        assert house.catalogue.get(ImageId(1)).state is State.READY

    def test_what_cannot_be_tried_is_told_and_the_others_are_tried(self, house: House) -> None:
        house.upload(picture())
        house.upload(broken_pixels())
        house.work()

        done = vignette(house.root, "retry", "0", "7", "1")

        assert (done.returncode, done.stdout) == (1, "1\n")
        assert "image 0 is ready" in done.stderr
        assert "no image 7" in done.stderr

    @pytest.mark.parametrize("arguments", [(), ("3", "--all-failed"), ("-1",), ("one",)])
    def test_what_to_try_has_to_be_said_in_one_way(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        assert vignette(tmp_path, "retry", *arguments).returncode == 2

    def test_a_running_service_tries_at_once(self, tmp_path: Path) -> None:
        house = House(tmp_path)
        house.upload(broken_pixels())
        house.work()
        with running_service(tmp_path):
            # Its cause is gone: as if a newer decoder could read it.
            (house.uploads / "0" / "original.png").write_bytes(picture(200, 200, "PNG"))

            vignette(tmp_path, "retry", "0")

            until(lambda: house.catalogue.get(ImageId(0)).state is State.READY)
        house.close()
