"""What is read of the folders. A folder may come from a stranger, as a backup: its JSON is as hostile as any upload."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, picture
from tests.unit.use_cases.test_checking import check
from vignette import layout
from vignette.model import Failure, Fingerprint, ImageFacts, ImageId, Outcome, Placeholder, Record
from vignette.records import (
    outcome_from_json,
    outcome_to_json,
    record_from_json,
    record_to_json,
    ticket_of_tombstone,
    tombstone_to_json,
)
from vignette.use_cases.findings import Kind

RECORD = Record(
    "photo.jpg",
    ImageFacts("image/jpeg", "jpg", 4032, 3024, 1),
    2_122_886,
    "0123456789abcdef" * 4,
    datetime(2026, 11, 22, 19, 5, 11, 402_000, UTC),
    "f" * 64,
)
SMALL = "vignette-small-256x256-inside-q80-e3c09555.webp"
OUTCOME = Outcome(
    vignettes=(SMALL,),
    attempts=2,
    placeholder=Placeholder("HAiCBYJ4d3eIh4iIAAAAAAA=", "#008080"),
    fingerprints={SMALL: Fingerprint(100, 2**32 - 1)},
    to_come=("vignette-large-1280x1280-cover-attention-q80-e3c09555-moving.webp",),
    replacements={SMALL: (Fingerprint(90, 0),)},
    warnings=("animation-damaged", "of-a-later-release"),
)
FAILED = Outcome(failure=Failure("too-much-memory", "rendering needs 300 MB", 300, 280), attempts=3)


def changed(content: bytes, path: str, value: Any) -> bytes:
    """Return *content*, an object as JSON, with another *value* at the *path* of names."""
    whole = json.loads(content)
    *parents, last = path.split("/")
    place = whole
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(whole).encode()


def test_what_we_write_is_read() -> None:
    by_ticket = replace(RECORD, owner="0123456789abcdef", ticket="f" * 16, external_id="la commande n° 7")
    for record in (RECORD, replace(RECORD, name=None, idempotency_key=None), by_ticket):
        assert record_from_json(record_to_json(record)) == record
    for outcome in (OUTCOME, FAILED, Outcome()):
        assert outcome_from_json(outcome_to_json(outcome)) == outcome


def test_what_a_later_release_adds_is_passed_over() -> None:
    assert record_from_json(changed(record_to_json(RECORD), "later", {"key": 1})) == RECORD
    assert outcome_from_json(changed(outcome_to_json(OUTCOME), "later", [1])) == OUTCOME


def test_a_record_of_an_earlier_release_has_no_owner() -> None:
    earlier = json.loads(record_to_json(RECORD))
    for name in ("owner", "ticket", "external_id"):
        del earlier[name]

    assert record_from_json(json.dumps(earlier).encode()) == RECORD


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("facts/extension", "../../../../etc/passwd"),
        ("facts/extension", "/etc/passwd"),
        ("facts/extension", "jpg\0"),
        ("facts/extension", "html"),
        ("facts/extension", "png"),
        ("facts/extension", ""),
        ("facts/media_type", "text/html"),
        ("facts/media_type", "image/svg+xml"),
        ("facts/media_type", "image/jpeg\r\nX-Injected: 1"),
        ("facts/width", 0),
        ("facts/width", "100"),
        ("facts/width", 10**30),
        ("facts/height", -1),
        ("facts/height", 1.5),
        ("facts/frames", True),
        ("facts/frames", float("nan")),
        ("facts", []),
        ("facts", None),
        ("bytes", -1),
        ("bytes", 2**63),
        ("bytes", float("inf")),
        ("sha256", "0" * 63),
        ("sha256", "../" + "0" * 61),
        ("received_at", "2026-11-22T19:05:11"),
        ("received_at", "0001-01-01T00:00:00+23:00"),
        ("received_at", 10**18),
        ("idempotency_key", "once"),
        ("owner", ""),
        ("owner", "0123456789ABCDEF"),
        ("owner", "0123456789abcdef0"),
        ("owner", "../../etc/passwd"),
        ("owner", {"key": 1}),
        ("ticket", ""),
        ("ticket", "0123456789ABCDEF"),
        ("external_id", ""),
        ("external_id", "a" * 201),
        ("external_id", "a\x1b[31m"),
        ("name", 7),
        ("name", "\ud800"),
        ("later", float("nan")),
    ],
)
def test_a_record_that_we_would_not_write_is_not_read(path: str, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each says another thing)
        record_from_json(changed(record_to_json(RECORD), path, value))


def test_the_name_in_a_record_is_only_a_label() -> None:
    def named(name: str) -> str | None:
        return record_from_json(changed(record_to_json(RECORD), "name", name)).name

    assert named("../../etc/passwd") == "../../etc/passwd"
    assert named("a\r\nSet-Cookie: b\x1b[31m\u202e") == "a\ufffd\ufffdSet-Cookie: b\ufffd[31m\ufffd"
    assert len(named("a" * 100_000) or "") == 8192


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("vignettes", ["../1/original.jpg"]),
        ("vignettes", ["/etc/passwd"]),
        ("vignettes", ["original.jpg"]),
        ("vignettes", ["vignette-small.html"]),
        ("vignettes", ["vignette-../../x.webp"]),
        ("vignettes", ["vignette-small\0.webp"]),
        ("vignettes", ["vignette-small.webp\n"]),
        ("vignettes", [7]),
        ("vignettes", {"a": 1}),
        ("vignettes", [f"vignette-a{number}-.webp" for number in range(2000)]),
        ("to_come", ["../../x.webp"]),
        ("fingerprints", {"../x": {"bytes": 1, "crc32": 1}}),
        (f"fingerprints/{SMALL}", {"bytes": "1", "crc32": 1}),
        ("replacements", {"../x": []}),
        ("attempts", -1),
        ("attempts", 10**30),
        ("attempts", "1"),
        ("placeholder/colour", "red;background:url(//evil.example)"),
        ("placeholder/thumbhash", "<script>"),
        ("placeholder/pdq", "<script>"),
        ("placeholder/pdq", "0" * 65),
        ("placeholder/quality", 101),
        ("placeholder/quality", -1),
        ("placeholder/thumbhash", "A" * 10_000),
        ("failure", {"code": "<b>", "detail": ""}),
        ("failure", {"code": "too-much-memory", "detail": "", "measured": 10**30}),
        ("failure", "failed"),
    ],
)
def test_an_outcome_that_we_would_not_write_is_not_read(path: str, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each says another thing)
        outcome_from_json(changed(outcome_to_json(OUTCOME), path, value))


def test_the_words_of_a_failure_are_cut_and_made_safe_to_show() -> None:
    content = changed(outcome_to_json(FAILED), "failure/detail", "\x1b[2J" + "a" * 100_000)

    failure = outcome_from_json(content).failure

    assert failure is not None
    assert failure.detail.startswith("\ufffd[2Ja")
    assert len(failure.detail) <= 8192


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff\xfe{}", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep and whole"),
        pytest.param(b'{"bytes": ' + b"9" * 100_000 + b"}", id="a number of 100,000 digits"),
    ],
)
def test_what_is_no_object_of_ours_is_not_read(content: bytes) -> None:
    for read in (record_from_json, outcome_from_json):
        if content == b"null":
            continue
        with pytest.raises(ValueError):  # noqa: PT011
            read(content)


def test_a_name_that_comes_twice_is_not_read() -> None:
    """Programs differ in which of the two they take."""
    content = record_to_json(RECORD).replace(b'"bytes"', b'"sha256": "' + b"0" * 64 + b'", "bytes"')

    with pytest.raises(ValueError, match="sha256 comes twice"):
        record_from_json(content)


def hostile(name: str, content: bytes) -> Any:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


@pytest.mark.parametrize(
    "spoil",
    [
        hostile(layout.RECORD, changed(record_to_json(RECORD), "bytes", 10**30)),
        hostile(layout.RECORD, changed(record_to_json(RECORD), "facts/extension", "/../../1/original.png")),
        hostile(layout.RECORD, b'{"a":' * 200_000),
        hostile(layout.OUTCOME, changed(outcome_to_json(OUTCOME), "vignettes", ["../1/record.json"])),
        hostile(layout.OUTCOME, changed(outcome_to_json(OUTCOME), "attempts", 10**30)),
        hostile(layout.OUTCOME, b"[" * 200_000),
        hostile(layout.METADATA_JSON, b'{"exif": 1, "text": {"a": []}, "privacy": ["x"], "summary": [], "xmp": "y"}'),
        hostile(layout.METADATA_JSON, b'{"xmp":' * 50_000 + b"1" + b"}" * 50_000),
    ],
)
def test_a_hostile_folder_costs_the_service_nothing_else(house: House, spoil: Any) -> None:
    for number in range(2):
        house.upload(picture(40 + number, 30, "PNG"))
    house.work()
    spoil(house.uploads / "0")

    house.reindexing.rebuild()
    house.work()

    for path in ("/images", "/images/0", "/images/0/original", "/images/0/public", "/vignette/0"):
        for accept in ("application/json", "text/html"):
            assert house.client.get(path, headers={"Accept": accept}).status_code < 500, (path, accept)
    assert house.client.get("/vignette/1").status_code == 200
    assert house.catalogue.library.get(ImageId(1)).record.facts.width == 41


def descriptions() -> Iterator[dict[str, Any]]:
    """Yield a description of each shape: what we write, with one value in turn of each other kind."""
    told: dict[str, Any] = {
        "summary": {
            **dict.fromkeys(("alt_text", "description", "taken_at", "author", "camera_make", "camera_model"), "x"),
            **dict.fromkeys(("iso", "exposure_time_s", "focal_length_mm", "f_number", "latitude", "longitude"), 1.5),
        },
        "privacy": {"time": ["/exif/IFD0/DateTime"]},
        "exif": {
            "IFD0": {"Orientation": 6, "DateTime": "2026:11:22 19:05:11"},
            "IFD1": {"ThumbnailImage": {"type": "bytes", "length": 300, "base64": "AA=="}},
        },
        "maker_note": {"Lens": "x"},
        "xmp": {"dc:creator": ["x"]},
        "text": [{"keyword": "x", "text": "x"}],
        "previews": {"count": 1},
        "warnings": ["x"] * 2,
    }
    for path in paths_in(told):
        for value in (None, True, 7, 10**400, 1e308, "x", "\ud800", [], ["x"], {}, {"x": "x"}, "x" * 5000):
            spoiled = copy.deepcopy(told)
            place: Any = spoiled
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
            # What is too long has the page of JSON cut it, and say so.
            yield {**spoiled, "long": "x" * 5000}


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from paths_in(item, (*path, name))


def test_metadata_of_whatever_shape_cost_no_answer(house: House) -> None:
    house.upload(picture())
    metadata = house.uploads / "0" / layout.METADATA_JSON
    for description in descriptions():
        metadata.write_text(json.dumps(description))
        for path, accept in (
            ("/images/0", "application/json"),
            ("/images/0", "text/html"),
            ("/vignette/0", "image/jpeg"),
        ):
            status = house.client.get(path, headers={"Accept": accept}).status_code
            assert status in (200, 202), (path, accept, description)


@pytest.mark.parametrize("depth", [100, 300, 990, 100_000])
def test_metadata_of_whatever_depth_are_checked_as_they_are_read(house: House, depth: int) -> None:
    image = house.upload(picture())
    content = b'{"xmp":' * depth + b"1" + b"}" * depth
    (house.uploads / "0" / layout.METADATA_JSON).write_bytes(content)

    is_damaged = "warnings" in house.context.browsing.metadata(image)

    found = [finding.kind for finding in check(house)]
    assert found == [Kind.METADATA_MISSING] * is_damaged


def test_a_tombstone_names_the_ticket_alone() -> None:
    deleted_at = datetime(2026, 11, 29, 12, tzinfo=UTC)

    assert json.loads(tombstone_to_json(deleted_at)) == {"deleted_at": "2026-11-29T12:00:00+00:00"}
    assert ticket_of_tombstone(tombstone_to_json(deleted_at, "f" * 16)) == "f" * 16


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"[]", b"{}", b'{"ticket": 7}', b'{"ticket": "../x"}', b"\xff"])
def test_a_tombstone_that_we_have_not_written_names_none(content: bytes) -> None:
    assert ticket_of_tombstone(content) is None
