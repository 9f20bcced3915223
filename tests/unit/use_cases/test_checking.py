"""Damaged folders and rows, one by one: what is found, what is repaired, what is left to a person."""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as house_below
from tests.makers import animation, jpeg_segment, jpeg_with
from tests.memory import most_memory
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import RenderingFailed, StoreUnavailable
from vignette.limits import MIB
from vignette.model import Failure, ImageId, Outcome, State
from vignette.recipes import Recipe
from vignette.settings import PROJECT_FOLDER
from vignette.use_cases import checking as checking_module
from vignette.use_cases.checking import Checkup
from vignette.use_cases.findings import Finding, Kind, Report
from vignette.use_cases.intake import IntakeLimits
from vignette.use_cases.rewriting import CLEAN, ZOOMED
from vignette.wiring.use_cases import build_checkup

ZERO = ImageId(0)
JPEG = layout.vignette(SMALL, "jpeg")


def checkup(
    house: House,
    *,
    recipes: tuple[Recipe, ...] = (SMALL,),
    settle: Callable[[], object] = lambda: None,
    staging_max_age_s: float = 60,
) -> Checkup:
    return build_checkup(
        house.store, house.catalogue, house.jobs, recipes, settle=settle, staging_max_age_s=staging_max_age_s
    )


def check(house: House, checking: Checkup | None = None, *, repair: bool = False) -> list[Finding]:
    checking = checking or checkup(house)
    return list(checking.run(checking.image_ids(), repair=repair))


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind.value for finding in findings]


def folder(house: House, image_id: int = 0) -> Path:
    return house.uploads / str(image_id)


def original(house: House) -> bytes:
    return (folder(house) / "original.jpg").read_bytes()


def flip_a_bit(house: House) -> None:
    content = bytearray(original(house))
    content[-10] ^= 1
    (folder(house) / "original.jpg").write_bytes(content)


def cut_off(house: House) -> None:
    (folder(house) / "original.jpg").write_bytes(original(house)[:-1])


def remove(name: str) -> Callable[[House], None]:
    return lambda house: (folder(house) / name).unlink()


def lengthen(name: str) -> Callable[[House], None]:
    """Make a hole at the end of the file: it takes no room on the disk."""

    def damage(house: House) -> None:
        os.truncate(folder(house) / name, 300 * MIB)

    return damage


def write(name: str, content: str) -> Callable[[House], None]:
    return lambda house: (folder(house) / name).write_text(content) and None


def run(statement: str) -> Callable[[House], None]:
    return lambda house: house.sql(statement)


def test_a_house_in_order_is_well(house: House) -> None:
    for content in (picture(), broken_pixels(), picture()):
        house.upload(content)
    house.work()
    house.upload(picture())
    house.removal.delete(NOBODY, ImageId(2))

    assert check(house) == []


def test_a_vignette_that_moves_is_known_and_made_again_if_it_is_gone(house: House) -> None:
    house.upload(animation("GIF", 3))
    house.work()
    assert check(house) == []
    (folder(house) / layout.vignette(SMALL, "webp", moves=True)).unlink()

    assert [(finding.kind, finding.name) for finding in check(house)] == [
        ("vignette-missing", layout.vignette(SMALL, "webp", moves=True))
    ]
    check(house, repair=True)
    house.work()

    assert check(house) == []
    assert layout.vignette(SMALL, "webp", moves=True) in house.files(0)


@pytest.mark.parametrize("content", [picture(), jpeg_with(jpeg_segment(0xDD, b"\0\0 more"), content=picture())])
def test_the_plan_of_a_public_copy_is_known_whether_there_can_be_one_or_not(house: House, content: bytes) -> None:
    house.upload(content)
    house.work()
    house.publishing.make(ZERO)
    before = (folder(house) / layout.PUBLIC_COPY).read_bytes()

    assert check(house, repair=True) == []

    assert (folder(house) / layout.PUBLIC_COPY).read_bytes() == before
    house.removal.delete(NOBODY, ZERO)
    assert house.files(0) == {layout.TOMBSTONE}


def test_what_was_written_anew_is_known(house: House) -> None:
    house.upload(picture(file_format="TIFF"))
    house.work()
    for kind in (CLEAN, ZOOMED):
        house.rewriting.make(ZERO, kind)
    before = house.files(0)
    assert {"clean.json", "clean.jpg", "zoom.json", "zoom.jpg"} <= before

    assert check(house, repair=True) == []

    assert house.files(0) == before


def test_half_of_a_plan_is_none_and_is_made_anew(house: House) -> None:
    house.upload(picture())
    house.work()
    house.publishing.make(ZERO)
    plan = folder(house) / layout.PUBLIC_COPY
    whole = plan.read_bytes()
    plan.write_bytes(whole[:-20])

    assert check(house) == []
    assert house.client.get("/images/0/public").status_code == 200
    assert plan.read_bytes() == whole


def test_an_empty_house_is_well(house: House) -> None:
    assert check(house) == []


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        pytest.param(remove("record.json"), "record-missing", id="no record"),
        pytest.param(write("record.json", '{"name": "ph'), "record-missing", id="half a record"),
        pytest.param(remove("metadata.txt"), "metadata-missing", id="no metadata as text"),
        pytest.param(remove("metadata.json"), "metadata-missing", id="no metadata as JSON"),
        pytest.param(write("metadata.json", '{"summary": '), "metadata-missing", id="half of the metadata"),
        pytest.param(remove("outcome.json"), "outcome-missing", id="no outcome"),
        pytest.param(write("outcome.json", ""), "outcome-missing", id="an empty outcome"),
        pytest.param(remove(JPEG), "vignette-missing", id="no vignette"),
        pytest.param(write(JPEG, ""), "vignette-damaged", id="an empty vignette"),
        pytest.param(write(JPEG, "other"), "vignette-damaged", id="a vignette with other bytes"),
        pytest.param(lengthen(JPEG), "vignette-damaged", id="a vignette longer than any of ours"),
        pytest.param(write("vignette-old-9x9-inside-q1.jpg", "x"), "vignette-stale", id="a vignette of no recipe"),
        pytest.param(write(".outcome.json.0123456789abcdef", "x"), "leftover", id="half of a file"),
        pytest.param(run("DELETE FROM image"), "row-missing", id="no row"),
        pytest.param(run("UPDATE image SET sha256 = 'other'"), "row-differs", id="a row with another digest"),
        pytest.param(run("UPDATE image SET width = width + 1"), "row-differs", id="a row with another width"),
        pytest.param(run("UPDATE image SET state = 'failed'"), "row-differs", id="a row with another verdict"),
        pytest.param(run("UPDATE image SET state = 'deleting'"), "deletion-unfinished", id="a deletion just begun"),
        pytest.param(write("deleted.json", "{}"), "deletion-unfinished", id="a tombstone on a living image"),
    ],
)
def test_what_can_be_mended_is_found_and_with_repair_it_is_well(
    house: House, damage: Callable[[House], None], kind: str
) -> None:
    house.upload(picture(300, 200))
    house.work()
    before = original(house)
    damage(house)

    assert kinds(check(house)) == [kind]
    assert kinds(check(house)) == [kind], "a dry run changes nothing"
    assert all(finding.is_repaired for finding in check(house, repair=True))

    house.work()
    assert check(house) == []
    assert kind == "deletion-unfinished" or original(house) == before


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        pytest.param(flip_a_bit, "original-changed", id="one bit of the original"),
        pytest.param(cut_off, "original-changed", id="the last byte of the original"),
        pytest.param(remove("original.jpg"), "original-missing", id="no original"),
        pytest.param(lambda house: shutil.rmtree(folder(house)), "folder-missing", id="no folder"),
        pytest.param(write("notes.txt", "mine"), "stranger", id="a file of somebody else"),
        pytest.param(run("UPDATE image SET state = 'deleted'"), "tombstone-missing", id="deleted, and all is there"),
    ],
)
def test_what_takes_a_person_is_told_and_left_as_it_is(
    house: House, damage: Callable[[House], None], kind: str
) -> None:
    house.upload(picture(300, 200))
    house.work()
    damage(house)
    before = {path: path.read_bytes() for path in house.uploads.rglob("*") if path.is_file()}

    (finding,) = check(house, repair=True)

    assert (finding.kind.value, finding.is_repaired) == (kind, False)
    assert {path: path.read_bytes() for path in house.uploads.rglob("*") if path.is_file()} == before
    assert kinds(check(house)) == [kind]


def test_a_changed_original_is_told_with_both_digests(house: House) -> None:
    image = house.upload(picture())
    house.work()
    cut_off(house)

    (finding,) = check(house)

    assert image.record.sha256 in finding.detail
    assert f"{image.record.bytes - 1} bytes" in finding.detail


def test_no_vignette_is_made_of_a_changed_original(house: House) -> None:
    house.upload(picture())
    house.work()
    flip_a_bit(house)
    (folder(house) / JPEG).unlink()

    findings = check(house, repair=True)

    assert kinds(findings) == ["original-changed", "vignette-missing"]
    assert not any(finding.is_repaired for finding in findings)
    assert house.jobs.hinted == []


def test_metadata_is_read_anew_as_it_was_although_the_limits_are_lower_now(tmp_path: Path) -> None:
    house = House(tmp_path, limits=IntakeLimits(max_bytes=10_000_000, max_pixels=10_000_000, max_frames=1))
    house.upload((PROJECT_FOLDER / "image_test" / "photo.jpg").read_bytes())
    before = {name: (folder(house) / name).read_bytes() for name in ("metadata.json", "metadata.txt")}
    for name in before:
        (folder(house) / name).unlink()

    check(house, repair=True)

    assert {name: (folder(house) / name).read_bytes() for name in before} == before
    house.close()


def test_a_number_with_neither_folder_nor_row_is_lost(house: House) -> None:
    for _ in range(3):
        house.upload(picture())
    shutil.rmtree(folder(house, 1))
    house.reindexing.rebuild()

    (finding,) = check(house)

    assert (finding.kind, finding.image_id, finding.remedy) == (Kind.NUMBER_LOST, 1, None)


@pytest.mark.parametrize("is_there", [True, False], ids=["the folder is empty", "the folder is gone"])
def test_a_lost_tombstone_is_written_again(house: House, is_there: bool) -> None:
    house.upload(picture())
    house.removal.delete(NOBODY, ZERO)
    shutil.rmtree(folder(house))
    if is_there:
        folder(house).mkdir()

    assert kinds(check(house, repair=True)) == ["tombstone-missing"]

    assert house.files(0) == {"deleted.json"}
    assert check(house) == []
    assert house.reindexing.rebuild() == 1


def test_what_lies_in_the_folder_of_a_deleted_image_is_removed(house: House) -> None:
    house.upload(picture())
    house.work()
    house.removal.delete(NOBODY, ZERO)
    (folder(house) / JPEG).write_bytes(b"written by a job that was running")

    assert kinds(check(house, repair=True)) == ["deletion-unfinished"]

    assert house.files(0) == {"deleted.json"}


def test_a_deleted_image_that_the_catalogue_does_not_know_stays_deleted(house: House) -> None:
    house.upload(picture())
    house.removal.delete(NOBODY, ZERO)
    house.sql("DELETE FROM image")

    assert kinds(check(house, repair=True)) == ["row-missing"]

    assert house.catalogue.library.get(ZERO).state is State.DELETED


def test_a_folder_beyond_the_counter_is_indexed_and_its_number_is_taken(house: House) -> None:
    for _ in range(3):
        house.upload(picture())
    house.work()
    house.sql("DELETE FROM image WHERE id > 0")
    house.sql("UPDATE counter SET next = 1")

    # The lowest of them may be a crash's leftover, for all that can be told.
    assert [(f.kind.value, f.image_id) for f in check(house, repair=True)] == [("row-missing", 2)]

    assert house.upload(picture()).id == 3


def test_the_folder_that_a_crash_left_at_the_counter_is_no_finding(house: House) -> None:
    staged = house.store.stage()
    staged.append(b"never acknowledged")
    staged.complete("original.jpg", {})
    house.store.promote(staged, ZERO)

    assert check(house) == []


def test_a_folder_that_tells_nothing_is_left_alone(house: House) -> None:
    house.upload(picture())
    house.sql("DELETE FROM image")
    (folder(house) / "record.json").unlink()

    (finding,) = check(house, repair=True)

    assert (finding.kind, finding.is_repaired) == (Kind.RECORD_MISSING, False)
    assert "original.jpg" in house.files(0)


def test_a_number_that_is_no_folder_is_reported_and_the_others_are_checked(house: House) -> None:
    house.upload(picture())
    house.upload(picture())
    house.work()
    shutil.rmtree(folder(house))
    folder(house).write_text("no folder")
    (folder(house, 1) / "original.jpg").unlink()

    assert [(f.kind.value, f.image_id) for f in check(house)] == [
        ("folder-missing", 0),
        ("original-missing", 1),
        ("stranger", None),
    ]


def test_an_image_that_waits_to_be_rendered_by_other_recipes_is_well_as_it_is(house: House) -> None:
    house.upload(picture())
    house.work()
    checking = checkup(house, recipes=(Recipe("tiny", 9, 9, ("jpeg",)),))

    assert list(checking.run(checking.image_ids())) == []

    (folder(house) / JPEG).unlink()
    assert kinds(list(checking.run(checking.image_ids()))) == ["vignette-missing"]


def test_a_vignette_of_earlier_recipes_that_no_outcome_names_is_removed(house: House) -> None:
    house.upload(picture())
    house.work()
    (folder(house) / "vignette-small-256x256-inside-q80.jpg").write_bytes(b"of the first release")

    assert kinds(check(house, repair=True)) == ["vignette-stale"]

    assert check(house) == []
    assert "vignette-small-256x256-inside-q80.jpg" not in house.files(0)


def test_a_row_that_claims_the_recipes_in_force_for_vignettes_of_others_is_written_anew(tmp_path: Path) -> None:
    earlier = House(tmp_path, recipes=[Recipe("small", 64, 64)])
    earlier.upload(picture())
    earlier.work()
    earlier.close()
    house = House(tmp_path)
    house.sql(f"UPDATE image SET recipe_set = '{layout.recipe_set(layout.vignettes([SMALL]))}'")

    assert kinds(check(house, repair=True)) == ["row-differs"]

    house.renewal.advance()
    assert house.jobs.hinted == [0]
    house.close()


def test_no_list_of_all_numbers_is_made(house: House) -> None:
    house.upload(picture())
    house.sql("UPDATE counter SET next = 3000000")
    (house.uploads / "3000007").mkdir()
    (house.uploads / "3000005").mkdir()
    checking = checkup(house)

    with most_memory() as memory:
        image_ids = checking.image_ids()
        last = deque(image_ids, maxlen=3)

    assert memory.peak_bytes < MIB
    assert len(image_ids) == 3_000_002
    assert list(last) == [2_999_999, 3_000_005, 3_000_007]


def test_of_many_findings_some_are_looked_at_again_before_all_are_found(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where everything is wrong, not everything is held in memory until the end."""
    monkeypatch.setattr(checking_module, "_SUSPECTS_AT_A_TIME", 10)
    house.sql("UPDATE counter SET next = 25")
    checked: list[ImageId] = []
    settled: list[int] = []
    checking = checkup(house, settle=lambda: settled.append(len(checked)))

    found = list(checking.run(checking.image_ids(), checked=checked.append))

    assert settled == [10, 20, 25]
    assert [(finding.kind, finding.image_id) for finding in found] == [(Kind.NUMBER_LOST, n) for n in range(25)]


def test_what_was_just_being_done_is_no_finding(house: House) -> None:
    """It is looked at again: here the rendering ends, and the deletion, while the check waits for that."""
    house.upload(picture())
    house.work()
    house.upload(picture())
    house.work()
    (folder(house) / JPEG).unlink()
    house.catalogue.removals.begin_delete(ImageId(1))

    def go_on() -> None:
        house.renewal.render_again(ZERO)
        house.work()
        house.sweeping.sweep()

    assert check(house, checkup(house, settle=go_on)) == []


def test_an_image_that_waits_or_is_being_rendered_is_no_finding(house: House) -> None:
    house.upload(picture())
    house.upload(picture())
    house.catalogue.renderings.claim(ZERO, lease_s=60)
    (folder(house) / JPEG).write_bytes(b"x")
    (folder(house) / f".{JPEG}.0123456789abcdef").write_bytes(b"x")

    assert check(house) == []


class TestSizesToCome:
    SIZES = (SMALL, Recipe("large", 400, 400))

    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        """Image 0 is ready; its large size is still to come."""
        with house_below(tmp_path, recipes=self.SIZES, hint_max_age_s=-1) as house:
            for _ in range(2):
                house.upload(picture(640, 480))
            house.rendering.render(house.jobs.take())
            yield house

    def test_they_are_told_and_are_no_finding(self, house: House) -> None:
        checking = checkup(house, recipes=self.SIZES)

        findings = check(house, checking)

        assert (findings, checking.incomplete) == ([], 1)
        report = Report(2, findings, checking.incomplete)
        assert report.is_well
        assert report.as_text() == (
            "1 images are ready, and some of their vignettes still to come\n2 numbers checked, 0 findings"
        )
        assert json.loads(report.as_json()) == {"checked": 2, "incomplete": 1, "not_completed": 0, "findings": []}

    def test_those_that_could_not_be_made_are_told_and_are_no_finding(self, house: House) -> None:
        house.sql("UPDATE image SET attempts = 3, lease_until = 9e9 WHERE id = 0")
        house.verdicts.interrupted(ZERO, RenderingFailed("the process was killed"))
        checking = checkup(house, recipes=self.SIZES)

        findings = check(house, checking)

        report = Report(2, findings, checking.incomplete, checking.not_completed)
        assert report.is_well
        assert report.as_text() == (
            "1 images are ready, and some of their vignettes could not be made:"
            " `vignette retry --all-failed` tries again\n2 numbers checked, 0 findings"
        )
        assert json.loads(report.as_json()) == {"checked": 2, "incomplete": 0, "not_completed": 1, "findings": []}

    def test_a_row_that_knows_nothing_of_them_is_written_anew_and_they_come(self, house: House) -> None:
        in_force = layout.recipe_set(layout.vignettes(self.SIZES))
        house.sql(f"UPDATE image SET state = 'ready', recipe_set = '{in_force}', lease_until = NULL WHERE id = 0")
        house.jobs.hinted.clear()

        assert kinds(check(house, checkup(house, recipes=self.SIZES), repair=True)) == ["row-differs"]

        house.sweeping.sweep()
        house.work()
        assert check(house, checkup(house, recipes=self.SIZES)) == []
        assert layout.vignettes(self.SIZES) <= house.files(0)

    def test_one_that_could_not_be_made_is_no_finding_either(self, house: House) -> None:
        claim = house.catalogue.renderings.claim(ZERO, 60)
        assert claim is not None
        house.verdicts.conclude(claim, Outcome(failure=Failure("rendering-failed", "its decoder has a bad day")))

        assert check(house, checkup(house, recipes=self.SIZES)) == []

    def test_a_default_vignette_that_is_gone_is_a_finding_and_is_made_again(self, house: House) -> None:
        (folder(house) / JPEG).unlink()

        assert kinds(check(house, checkup(house, recipes=self.SIZES), repair=True)) == ["vignette-missing"]

        house.work()
        assert check(house, checkup(house, recipes=self.SIZES)) == []


def test_staging_leftovers_past_their_age_are_found_and_cleared(house: House) -> None:
    staged = house.store.stage()
    assert check(house) == []

    assert kinds(check(house, checkup(house, staging_max_age_s=-1), repair=True)) == ["leftover"]

    assert house.is_clean()
    staged.discard()


def test_strangers_beside_the_folders_are_told_but_for_those_of_the_system(house: House) -> None:
    for name in ("007", "notes", ".DS_Store", "lost+found"):
        (house.uploads / name).mkdir()

    assert [(finding.kind.value, finding.name) for finding in check(house)] == [
        ("stranger", "007"),
        ("stranger", "notes"),
    ]


def test_a_report_does_not_let_a_name_command_the_terminal(house: House) -> None:
    (house.uploads / "\x1b[2J").mkdir()

    text = Report(0, check(house)).as_text()

    assert "\x1b" not in text


def test_a_folder_that_cannot_be_read_at_all_cannot_be_checked(house: House) -> None:
    house.upload(picture())
    checking = checkup(house)
    os.rename(house.uploads, house.root / "elsewhere")  # noqa: PTH104

    with pytest.raises(StoreUnavailable):
        list(checking.run(checking.image_ids()))
