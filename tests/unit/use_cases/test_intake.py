from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import House, picture
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.errors import (
    BrokenImage,
    EmptyFile,
    IdempotencyKeyReused,
    ImageDeleted,
    Refused,
    StoreFull,
    TooManyPixels,
    UnsupportedFormat,
    UploadTooLarge,
)
from vignette.model import ImageId, State
from vignette.records import record_from_json
from vignette.use_cases.intake import IntakeLimits, clean_name

REFUSED = [
    pytest.param(b"", EmptyFile, id="empty"),
    pytest.param(b"just words", UnsupportedFormat, id="text"),
    pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", UnsupportedFormat, id="eps"),
    pytest.param(picture()[:-200], BrokenImage, id="truncated"),
    pytest.param(picture(2000, 1000, "PNG"), TooManyPixels, id="pixels"),
]


def test_an_upload_becomes_a_numbered_folder(house: House) -> None:
    content = picture(40, 30)

    image = house.upload(content, "holiday.jpg")

    assert (image.id, image.state) == (0, State.PENDING)
    assert house.files(0) == {"original.jpg", "record.json", "metadata.txt", "metadata.json"}
    assert (house.uploads / "0" / "original.jpg").read_bytes() == content


def test_the_record_holds_the_facts_of_arrival(house: House) -> None:
    content = picture(40, 30)

    image = house.upload(content, "holiday.jpg")

    record = record_from_json((house.uploads / "0" / "record.json").read_bytes())
    assert record == image.record == house.catalogue.library.get(ImageId(0)).record
    assert (record.name, record.bytes, record.sha256) == (
        "holiday.jpg",
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    assert (record.facts.media_type, record.facts.width, record.facts.height, record.facts.frames) == (
        "image/jpeg",
        40,
        30,
        1,
    )


def test_the_extension_is_of_the_format_found_not_of_the_name_sent(house: House) -> None:
    house.upload(picture(file_format="PNG"), "evil.php")

    assert "original.png" in house.files(0)


def test_the_worker_is_told(house: House) -> None:
    house.upload(picture())

    assert house.jobs.hinted == [0]


def test_a_queue_that_is_down_costs_the_upload_nothing(house: House) -> None:
    house.jobs.is_down = True

    image = house.upload(picture())

    assert house.catalogue.library.get(image.id).state is State.PENDING


@pytest.mark.parametrize(("content", "error"), REFUSED)
def test_a_refused_upload_takes_no_number_and_leaves_nothing(
    house: House, content: bytes, error: type[Refused]
) -> None:
    with pytest.raises(error):
        house.upload(content)

    assert house.is_clean()
    assert house.upload(picture()).id == 0


def test_over_the_byte_limit_the_upload_stops_there(tmp_path: Path) -> None:
    house = House(tmp_path, limits=IntakeLimits(max_bytes=1000, max_pixels=10**6, max_frames=1))

    with house.intake.begin() as upload:
        upload.append(bytes(1000))
        with pytest.raises(UploadTooLarge) as caught:
            upload.append(b"1")

    assert (caught.value.measured, caught.value.limit) == (1001, 1000)
    assert house.is_clean()
    house.close()


def test_a_refusal_tells_what_was_measured(house: House) -> None:
    with pytest.raises(TooManyPixels) as caught:
        house.upload(picture(2000, 1000, "PNG"))

    assert (caught.value.measured, caught.value.limit) == (2_000_000, 1_000_000)


def test_a_full_disk_leaves_nothing_half_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreFull("no room")

    monkeypatch.setattr("vignette.adapters.stores.staged.StagedFolder.complete", full)
    with pytest.raises(StoreFull):
        house.upload(picture())
    monkeypatch.undo()

    assert house.is_clean()
    assert house.upload(picture()).id == 0


def test_a_catalogue_without_room_leaves_no_folder_behind(house: House) -> None:
    house.sql("PRAGMA max_page_count = 1")  # no page more than there are

    with pytest.raises(StoreFull, match="the disk of the catalogue is full"):
        house.upload(picture(), "n" * 8000)

    assert list(house.store.image_ids()) == []
    assert house.is_clean()
    house.sql("PRAGMA max_page_count = 1000000")
    assert house.upload(picture()).id == 0


def test_the_same_key_and_bytes_are_the_same_image(house: House) -> None:
    first = house.upload(picture(), key="once")

    again = house.upload(picture(), key="once")

    assert again.id == first.id
    assert house.jobs.hinted == [0]
    assert house.is_clean()


def test_the_same_key_with_other_bytes_is_refused(house: House) -> None:
    house.upload(picture(), key="once")

    with pytest.raises(IdempotencyKeyReused):
        house.upload(picture(colour="red"), key="once")

    assert house.is_clean()


def test_the_same_key_of_somebody_else_is_another(house: House) -> None:
    """Whoever guesses it gets an image of his own, and does not hear that there is one."""
    keys = [house.keyholding.add(OPERATOR, name, [Scope.UPLOAD])[0] for name in ("phone", "tablet")]
    actors = [NOBODY, *(key.actor for key in keys)]

    sent = [house.upload(picture(), key="once", actor=actor) for actor in (*actors, *actors)]

    assert [image.id for image in sent] == [0, 1, 2, 0, 1, 2]
    assert [image.record.owner for image in sent[:3]] == [actor.key_id for actor in actors]


def test_the_key_of_a_deleted_image_does_not_bring_it_back(house: House) -> None:
    image = house.upload(picture(), key="once")
    house.removal.delete(NOBODY, image.id)

    with pytest.raises(ImageDeleted):
        house.upload(picture(), key="once")


def test_the_metadata_is_kept_as_text_and_json(house: House) -> None:
    house.upload(picture())

    assert isinstance(json.loads((house.uploads / "0" / "metadata.json").read_text()), dict)
    assert (house.uploads / "0" / "metadata.txt").read_text().endswith("\n")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("../../etc/passwd", "../../etc/passwd", id="a path is only a label"),
        pytest.param("a\x00b\r\nc\x1b[31m", "a\ufffdb\ufffd\ufffdc\ufffd[31m", id="control characters"),
        pytest.param("gpj.\u202eexe", "gpj.\ufffdexe", id="direction of text"),
        pytest.param("\ud800", "\ufffd", id="half a surrogate pair"),
        pytest.param("👩\u200d👩\u200d👧.jpg", "👩\u200d👩\u200d👧.jpg", id="joined emoji"),
        pytest.param("a" * 5000, "a" * 5000, id="5000 letters"),
        pytest.param("a" * 100_000, "a" * 8192, id="too many letters"),
        ("a\u20287\u20298.png", "a\ufffd7\ufffd8.png"),
    ],
)
def test_a_name_is_kept_as_a_label(sent: str | None, kept: str | None) -> None:
    assert clean_name(sent) == kept


def test_everything_is_flushed_before_it_gets_its_number_and_its_number_before_the_row(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut takes what was not flushed: each file, its folder, then the folder of the folders, then the row."""
    flushed: set[tuple[int, int, int]] = set()
    looked_at: set[str] = set()
    unflushed: list[str] = []
    fsync, rename, flush_row = os.fsync, Path.rename, house.catalogue.arrivals.add

    def state(path: Path) -> tuple[int, int, int]:
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def note_flush(descriptor: int) -> None:
        fsync(descriptor)
        flushed.add(state(Path(f"/proc/self/fd/{descriptor}")))

    def note_rename(path: Path, target: Path) -> Path:
        if target == house.uploads / "0":
            looked_at.update(entry.name for entry in path.iterdir())
            unflushed.extend(entry.name for entry in (path, *path.iterdir()) if state(entry) not in flushed)
        return rename(path, target)

    def promoted(promote: Callable[[ImageId], None]) -> Callable[[ImageId], None]:
        def promote_and_look(image_id: ImageId) -> None:
            promote(image_id)
            assert state(house.uploads) in flushed

        return promote_and_look

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(Path, "rename", note_rename)
    monkeypatch.setattr(
        house.catalogue.arrivals,
        "add",
        lambda record, promote, *others, **named: flush_row(record, promoted(promote), *others, **named),
    )

    house.upload(picture())

    assert looked_at == {"original.jpg", "record.json", "metadata.json", "metadata.txt"}
    assert unflushed == []
