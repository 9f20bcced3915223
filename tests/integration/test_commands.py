"""The command line on real folders, in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.house import House, broken_pixels, picture
from tests.running import PROJECT_FOLDER, Service, environment, http_client, running_service, until
from vignette.model import ImageId, State


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), recipes=RECIPES) as service:
        yield service


# Those of the service that several tests share: the fewer, the sooner all is rendered again.
RECIPES = [{"name": "small", "edge": 48, "formats": ["webp"]}]

# While the service works, `fsck` runs so often. Set it to a hundred to try for longer.
CHECKS = int(os.environ.get("VIGNETTE_TEST_CHECKS", "2"))

VIGNETTE = (sys.executable, "-m", "vignette")

# The same, but the check does not pause before it looks again: nothing else is at work on the folders of a house.
PROGRAM = """
from vignette.cli import main
from vignette.cli.streams import outlive_readers
outlive_readers()
main(obj=lambda: None, prog_name="vignette")
"""
HASTY = (sys.executable, "-c", PROGRAM)


def _environment(folder: Path, **settings: object) -> dict[str, str]:
    return environment(folder, upload_folder=folder / "uploads", state_folder=folder / "state", **settings)


def vignette(
    folder: Path, *arguments: str, command: Sequence[str] = HASTY, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run the command on the folders of the house below *folder*."""
    return subprocess.run(
        [*command, *arguments],
        cwd=PROJECT_FOLDER,
        env=_environment(folder, **settings),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["pipe", "terminal"])
def unread(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor to write to that nobody reads any more, as after `| head`, or once a window is closed."""
    theirs, ours = os.pipe() if request.param == "pipe" else os.openpty()
    os.close(theirs)
    yield ours
    os.close(ours)


class TestNobodyReadsWhatItSays:
    """It does its work to the end, and the exit status tells of the work."""

    def run(self, folder: Path, *arguments: str, stdout: int = subprocess.PIPE, **others: Any) -> tuple[int, str]:
        """The exit status, and what is on standard error unless that is among the *others*."""
        command = [*HASTY, *arguments]
        settings = others.pop("settings", {})
        done = subprocess.run(
            command,
            cwd=PROJECT_FOLDER,
            env=_environment(folder, **settings),
            check=False,
            text=True,
            stdout=stdout,
            **({"stderr": subprocess.PIPE} | others),
        )
        return done.returncode, done.stderr or ""

    def test_all_that_failed_is_tried_again(self, house: House, unread: int) -> None:
        for _ in range(3):
            house.upload(broken_pixels())
        house.work()

        status, complaints = self.run(house.root, "retry", "--all-failed", stdout=unread)

        assert (status, "Traceback" in complaints) == (0, False)
        states = [house.catalogue.library.get(ImageId(number)).state for number in range(3)]
        assert states == [State.PENDING] * 3

    @pytest.mark.parametrize("arguments", [("--help",), ("fsck",)])
    def test_what_is_well_is_well(self, house: House, unread: int, arguments: tuple[str, ...]) -> None:
        house.upload(picture())
        house.work()

        assert self.run(house.root, *arguments, stdout=unread) == (0, "")

    def test_what_is_wrong_is_wrong(self, house: House, unread: int) -> None:
        house.upload(picture())
        house.work()
        (house.uploads / "0" / "metadata.txt").unlink()

        assert self.run(house.root, "fsck", stdout=unread) == (1, "")

    def test_complaints_may_find_no_reader_either(self, house: House, unread: int) -> None:
        assert self.run(house.root, "retry", "7", stderr=unread) == (1, "")
        assert self.run(house.root, "reindex", stderr=unread, settings={"port": "0"}) == (2, "")


class TestRetry:
    def test_the_named_images_wait_again(self, house: House) -> None:
        for _ in range(3):
            house.upload(broken_pixels())
        house.work()

        done = vignette(house.root, "retry", "0", "2")

        assert (done.returncode, done.stdout) == (0, "0\n2\n")
        states = [house.catalogue.library.get(ImageId(number)).state for number in range(3)]
        assert states == [State.PENDING, State.FAILED, State.PENDING]

    def test_all_that_failed_wait_again(self, house: House) -> None:
        house.upload(broken_pixels())
        house.upload(picture())
        house.upload(broken_pixels())
        house.work()

        done = vignette(house.root, "retry", "--all-failed")

        assert (done.returncode, done.stdout) == (0, "0\n2\n")
        assert house.catalogue.library.get(ImageId(1)).state is State.READY

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

            until(lambda: house.catalogue.library.get(ImageId(0)).state is State.READY)
        house.close()


class TestRender:
    """On a service that runs, and with the settings that it runs with unless others are said."""

    def upload(self, service: Service, content: bytes) -> int:
        """The number of an image that has been rendered."""
        number = int(http_client.post(f"{service.url}/images", files={"file": content}).text)
        until(lambda: http_client.get(f"{service.url}/images/{number}").json()["state"] == "ready")
        return number

    def render(self, service: Service, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        return vignette(service.upload_folder.parent, "render", *arguments, **{"recipes": RECIPES} | settings)

    def test_what_is_as_the_recipes_say_is_left_alone_and_what_is_no_image_is_told(self, service: Service) -> None:
        number = self.upload(service, picture())

        done = self.render(service, str(number), "99999")

        assert done.stdout == "0 images to render\n0 rendered, 0 failed, 0 left\n"
        assert (done.returncode, "no image 99999" in done.stderr) == (1, True)

    def test_all_are_rendered_again_with_an_estimate_after_the_first(self, service: Service) -> None:
        files = [("file", (f"{number}.jpg", picture())) for number in range(21)]
        numbers = [int(line) for line in http_client.post(f"{service.url}/images", files=files).text.split()]
        until(lambda: all((service.upload_folder / f"{number}" / "outcome.json").exists() for number in numbers))
        before = {number: self.made_at(service, number) for number in numbers}

        done = self.render(service, "--all", "--force")

        assert done.returncode == 0, done.stderr
        first, estimate, result = done.stdout.splitlines()
        total = int(first.removesuffix(" images to render"))
        assert total >= 21
        assert re.fullmatch(r"the first 20 took \d+ \w+: about \d+ \w+ for the others", estimate)
        assert result == f"{total} rendered, 0 failed, 0 left"
        assert all(self.made_at(service, number) > before[number] for number in numbers)

    def made_at(self, service: Service, number: int) -> int:
        return (service.upload_folder / str(number) / "outcome.json").stat().st_mtime_ns

    def test_on_a_terminal_it_shows_how_far_it_is(self, service: Service) -> None:
        number = self.upload(service, picture())
        ours, theirs = pty.openpty()
        folder = service.upload_folder.parent
        command = [sys.executable, "-m", "vignette", "render", "--force", str(number)]

        done = subprocess.run(
            command, cwd=PROJECT_FOLDER, env=_environment(folder, recipes=RECIPES), stderr=theirs, check=False
        )

        os.close(theirs)
        shown = os.read(ours, 10_000).decode()
        os.close(ours)
        assert done.returncode == 0
        assert "rendering" in shown

    def test_one_that_cannot_be_rendered_is_told_and_goes_on_being_served(self, service: Service) -> None:
        number = self.upload(service, picture())
        (service.upload_folder / str(number) / "original.jpg").write_bytes(broken_pixels())

        done = self.render(service, "--force", str(number))

        assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 rendered, 1 failed, 0 left")
        assert f"image {number} could not be rendered: " in done.stderr
        assert http_client.get(f"{service.url}/vignette/{number}").status_code == 200
        # Nor is it in the way of others.
        http_client.delete(f"{service.url}/images/{number}")

    def test_recipes_that_the_service_does_not_have_yet_are_told(self, service: Service) -> None:
        number = self.upload(service, picture())

        done = self.render(service, str(number), recipes='[{"name": "small", "edge": 64}]')

        assert (done.returncode, done.stdout.splitlines()[-1]) == (2, "0 rendered, 0 failed, 1 left")
        assert "start the service anew" in done.stderr

    def test_without_a_service_nothing_is_done(self, house: House) -> None:
        house.upload(picture())
        house.work()

        done = vignette(house.root, "render", "--all")

        assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 rendered, 0 failed, 1 left")
        assert "does the service run?" in done.stderr

    @pytest.mark.parametrize("arguments", [("--force",), ("3", "--all")])
    def test_what_to_render_has_to_be_said_in_one_way(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        assert vignette(tmp_path, "render", *arguments).returncode == 2


class TestFsck:
    def test_all_is_well(self, house: House) -> None:
        house.upload(picture())
        house.work()

        done = vignette(house.root, "fsck")

        assert (done.returncode, done.stdout) == (0, "1 numbers checked, 0 findings\n")

    def test_what_is_wrong_is_told_a_line_each_and_nothing_is_changed(self, house: House) -> None:
        house.upload(picture())
        house.work()
        (house.uploads / "0" / "metadata.txt").unlink()

        done = vignette(house.root, "fsck")

        assert done.returncode == 1
        assert done.stdout.startswith("image 0: metadata-missing 'metadata.txt': ")
        assert "metadata.txt" not in house.files(0)

    def test_what_is_repaired_is_well_again(self, house: House) -> None:
        house.upload(picture())
        house.work()
        (house.uploads / "0" / "metadata.txt").unlink()

        done = vignette(house.root, "fsck", "--repair")

        assert done.returncode == 0
        assert done.stdout.endswith("1 numbers checked, 1 findings, 1 repaired\n")
        assert vignette(house.root, "fsck").returncode == 0

    def test_a_terminal_shows_how_far_it_is(self, house: House) -> None:
        house.upload(picture())
        house.work()
        ours, theirs = pty.openpty()

        done = subprocess.run(
            [sys.executable, "-m", "vignette", "fsck"],
            cwd=PROJECT_FOLDER,
            env=_environment(house.root) | {"TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
        )

        os.close(theirs)
        with os.fdopen(ours, "rb") as terminal:
            assert b"100%" in terminal.read1()
        assert done.stdout == b"1 numbers checked, 0 findings\n"

    def test_a_program_gets_json(self, house: House) -> None:
        house.upload(picture())
        house.work()
        (house.uploads / "0" / "original.jpg").write_bytes(b"other")

        done = vignette(house.root, "fsck", "--json")

        report = json.loads(done.stdout)
        assert report["checked"] == 1
        (finding,) = report["findings"]
        assert (finding["image"], finding["kind"], finding["name"]) == (0, "original-changed", "original.jpg")
        assert (finding["remedy"], finding["repaired"]) == (None, None)

    def test_where_there_is_nothing_to_check_it_says_so_and_makes_nothing(self, tmp_path: Path) -> None:
        done = vignette(tmp_path, "fsck")

        assert done.returncode == 2
        assert "there is no upload folder" in done.stderr
        assert not (tmp_path / "uploads").exists()
        assert not (tmp_path / "state").exists()

    def test_a_lost_catalogue_is_told_and_not_made_anew(self, house: House) -> None:
        house.upload(picture())
        shutil.rmtree(house.root / "state")

        done = vignette(house.root, "fsck")

        assert done.returncode == 2
        assert "there is no catalogue" in done.stderr
        assert not (house.root / "state").exists()

    def test_nothing_is_found_while_the_service_takes_renders_and_deletes(self, tmp_path: Path) -> None:
        with running_service(tmp_path, recipes=[{"name": "small", "width": 256, "height": 256}]) as service:
            stop = threading.Event()

            def work() -> None:
                with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client:
                    while not stop.is_set():
                        image_id = int(client.post("/images", files={"file": ("a.jpg", picture())}).text)
                        if image_id % 3 == 0:
                            client.delete(f"/images/{image_id}")
                        stop.wait(0.1)  # the service and the check need the processor more

            with ThreadPoolExecutor() as pool:
                busy = [pool.submit(work) for _ in range(3)]
                try:
                    until(lambda: len(list(service.upload_folder.iterdir())) > 10)
                    for _ in range(CHECKS):
                        done = vignette(tmp_path, "fsck", command=VIGNETTE)
                        assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stdout + done.stderr
                finally:
                    stop.set()
                for one in busy:
                    one.result()
