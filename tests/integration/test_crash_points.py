"""
A process that dies before any single one of its file operations: an upload, a rendering, a second one, a deletion, one
point after another. Each time, a new process finds everything whole, or nothing. It finds an empty queue, too: that of
the process that died is lost with it.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image as Pillow

from tests.house import SMALL, House, picture
from tests.house import house as house_below
from tests.makers import jpeg_segment, jpeg_with
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.adapters.planner.planning import PlannerHere
from vignette.model import ImageId, Outcome, State
from vignette.ports.catalogue import Claim
from vignette.ports.jobs import Lane
from vignette.ports.planner import Plan
from vignette.recipes import Recipe
from vignette.use_cases.publishing import Publishing
from vignette.use_cases.removal import Removal
from vignette.wiring.use_cases import build_checkup

# Here, before any process is forked: it would take each of them a tenth of a second.
Pillow.init()

# Audit events of file operations (docs.python.org, Audit events table); `os.fsync` has none and is counted by hand.
OPERATIONS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "shutil.rmtree"}

# Of these, the last argument is the descriptor of the folder that the path counts from, or -1.
FROM_A_FOLDER = {"os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}

# Another box, and one format less.
OTHERS = [Recipe("small", 64, 64, ("webp",))]

# The default one, and one that follows.
TWO = [SMALL, Recipe("tiny", 16, 16, ("webp",))]

FIRST, SECOND, THIRD, FOURTH = picture(90, 60, "PNG"), picture(60, 90, "PNG"), picture(30, 30), picture(70, 50, "PNG")

PRIVATE = jpeg_with(jpeg_segment(0xFE, b"the garden of Ada"), content=picture())


def begin(house: House) -> None:
    house.upload(FIRST)
    house.work()


def begin_with_two_that_wait(house: House) -> None:
    begin(house)
    house.upload(SECOND)
    house.upload(FOURTH)


def render_two_that_wait(house: House) -> None:
    """The default vignettes of the first, all of the second, the rest of the first."""
    house.jobs.hint_all([ImageId(1), ImageId(2)], Lane.BULK)
    house.work()


def delete_between_the_default_and_the_rest(house: House) -> None:
    publish = house.verdicts.publish

    def publish_and_delete(claim: Claim, outcome: Outcome, *, goes_on: bool) -> Claim | None:
        published = publish(claim, outcome, goes_on=goes_on)
        house.removal.delete(NOBODY, claim.image.id)
        return published

    house.verdicts.publish = publish_and_delete  # type: ignore[method-assign]
    render_two_that_wait(house)


def upload_and_render(house: House) -> None:
    house.upload(SECOND)
    house.work()


def render_again(house: House) -> None:
    house.renewal.advance()
    house.work()


def delete(house: House) -> None:
    house.removal.delete(NOBODY, ImageId(0))


def delete_while_it_is_rendered_again(house: House) -> None:
    """The deletion comes when the vignettes have been made, and before the first of them is written."""
    write_all = house.store.write_all

    def delete_and_write(image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        house.store.write_all = write_all  # type: ignore[method-assign]
        house.removal.delete(NOBODY, image_id)
        write_all(image_id, files, flush=flush)

    house.renewal.advance()
    house.store.write_all = delete_and_write  # type: ignore[method-assign]
    house.work()


def begin_with_a_place_and_a_name(house: House) -> None:
    house.upload(PRIVATE)
    house.work()


def publish(house: House) -> None:
    house.publishing.make(ImageId(0))


class DeletingPlanner(PlannerHere):
    """Image 0 is deleted when its plan has been made, and before it is written."""

    def __init__(self, removal: Removal) -> None:
        self._removal = removal

    def plan(self, file: BinaryIO, size: int) -> Plan:
        pieces = super().plan(file, size)
        self._removal.delete(NOBODY, ImageId(0))
        return pieces


def delete_while_the_copy_is_planned(house: House) -> None:
    planner = DeletingPlanner(house.removal)
    catalogue = house.catalogue
    Publishing(house.store, catalogue.library, catalogue.removals, planner, house.rewriting).make(ImageId(0))


def delete_as_soon_as_the_copy_is_planned(house: House) -> None:
    """The deletion begins while the plan is being written, and waits for nothing that the catalogue does not hold."""
    write_all, deletions = house.store.write_all, ThreadPoolExecutor(1)

    def begin_to_delete_and_write(image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        house.store.write_all = write_all  # type: ignore[method-assign]
        begun.append(deletions.submit(house.removal.delete, NOBODY, image_id))
        write_all(image_id, files, flush=flush)

    begun: list[Future[None]] = []
    house.store.write_all = begin_to_delete_and_write  # type: ignore[method-assign]
    publish(house)
    begun[0].result()


def die_before(root: Path, act: Callable[[House], None], recipes: list[Recipe], point: int) -> None:
    """Do *act* in the house at *root*, and be killed before the file operation number *point*, from 0."""
    house = House(root, recipes=recipes)
    done = 0

    def operation() -> None:
        nonlocal done
        if done == point:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        place = str(arguments[0])
        if event in FROM_A_FOLDER and arguments[-1] != -1:
            place = str(Path(f"/proc/self/fd/{arguments[-1]}").readlink())
        if event in OPERATIONS and str(root) in place:
            operation()

    fsync = os.fsync

    def counted_fsync(descriptor: int) -> None:
        operation()
        fsync(descriptor)

    os.fsync = counted_fsync
    sys.addaudithook(audit)
    act(house)
    os._exit(0)


def died_before(root: Path, act: Callable[[House], None], recipes: list[Recipe], point: int) -> bool:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.test_crash_points"])
    child: BaseProcess = context.Process(target=die_before, args=(root, act, recipes, point))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def go_on(house: House) -> None:
    """What a new worker does, once the leases of the one that died have ended."""
    house.end_leases()
    house.sweeping.sweep()
    house.renewal.advance()
    house.work()
    house.sweeping.sweep()


@pytest.mark.parametrize(
    ("before", "act", "recipes"),
    [
        pytest.param(begin, upload_and_render, [SMALL], id="upload and render"),
        pytest.param(
            begin_with_two_that_wait, render_two_that_wait, TWO, id="render two that wait, default size first"
        ),
        pytest.param(
            begin_with_two_that_wait,
            delete_between_the_default_and_the_rest,
            TWO,
            id="delete between the default size and the rest",
        ),
        pytest.param(begin, render_again, OTHERS, id="render again, by other recipes"),
        pytest.param(begin, delete, [SMALL], id="delete"),
        pytest.param(begin, delete_while_it_is_rendered_again, OTHERS, id="delete while it is rendered again"),
    ],
)
def test_whenever_a_process_dies_everything_is_whole_or_not_there(
    tmp_path: Path, before: Callable[[House], None], act: Callable[[House], None], recipes: list[Recipe]
) -> None:
    begun = tmp_path / "begun"
    house = House(begun, recipes=TWO if recipes is TWO else [SMALL])
    before(house)
    house.close()
    point = 0
    while True:
        root = tmp_path / str(point)
        shutil.copytree(begun, root)

        has_died = died_before(root, act, recipes, point)

        house = House(root, recipes=recipes, hint_max_age_s=-1)
        # Before anybody goes on: what is ready has its default vignette, or an earlier one.
        ready = house.catalogue.library.in_state(State.READY, 10)
        assert ready or act is not render_again
        for image_id in ready:
            assert house.client.get(f"/vignette/{image_id}").status_code == 200, f"killed before operation {point}"
        go_on(house)
        rows = house.catalogue.library.newest(10)
        assert house.upload(THIRD).id == house.catalogue.index.next_id() - 1
        house.work()
        checkup = build_checkup(house.store, house.catalogue, house.jobs, recipes, settle=lambda: None)
        assert list(checkup.run(checkup.image_ids())) == [], f"killed before operation {point}"
        for row in rows:
            assert house.catalogue.library.get(row.id).state is State.READY
            original = next((house.uploads / str(row.id)).glob("original.*"))
            assert original.read_bytes() == {0: FIRST, 1: SECOND, 2: FOURTH}[row.id], f"killed before operation {point}"
            made = {name for name in house.files(row.id) if layout.is_vignette(name)}
            assert made == layout.vignettes(recipes), f"killed before operation {point}"
        assert "delete" in act.__name__ or len(rows) >= 1
        house.store.clear_staging(-1)
        assert house.is_clean()
        house.close()
        shutil.rmtree(root)
        if not has_died:
            break
        point += 1
    assert point > 5, "an act has more file operations than these"


@pytest.mark.parametrize("act", [publish, delete_while_the_copy_is_planned, delete_as_soon_as_the_copy_is_planned])
def test_whenever_a_process_dies_a_public_copy_is_whole_or_not_there(
    tmp_path: Path, act: Callable[[House], None]
) -> None:
    with house_below(tmp_path / "whole") as house:
        begin_with_a_place_and_a_name(house)
        copy = house.client.get("/images/0/public").data
        plan = (house.uploads / "0" / layout.PUBLIC_COPY).read_bytes()
        assert b"Ada" not in copy
    begun = tmp_path / "begun"
    with house_below(begun) as house:
        begin_with_a_place_and_a_name(house)
    seen = set()
    for point in count():
        root = tmp_path / str(point)
        shutil.copytree(begun, root)

        has_died = died_before(root, act, [SMALL], point)

        with house_below(root, hint_max_age_s=-1) as house:
            file = house.uploads / "0" / layout.PUBLIC_COPY
            seen.add(file.exists())
            assert not file.exists() or file.read_bytes() == plan, f"killed before operation {point}"
            go_on(house)
            checkup = build_checkup(house.store, house.catalogue, house.jobs, [SMALL], settle=lambda: None)
            assert list(checkup.run(checkup.image_ids())) == [], f"killed before operation {point}"
            if house.catalogue.library.get(ImageId(0)).state is State.READY:
                assert house.client.get("/images/0/public").data == copy, f"killed before operation {point}"
            else:
                assert house.files(0) == {layout.TOMBSTONE}, f"killed before operation {point}"
        shutil.rmtree(root)
        if not has_died:
            break
    assert point > 2, "an act has more file operations than these"
    assert seen == ({False, True} if act is not delete_while_the_copy_is_planned else {False})
