"""Whether a file is here already: what `SameBytes` promises on each database, and what goes over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.contract.cataloguing import record
from tests.contract.test_catalogue_costs import noting
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access, Sight
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Image, ImageId, State, Suspicion, Visibility

ONE: Final = "ab" * 32
OTHER: Final = "cd" * 32
NOWHERE: Final = "ef" * 32
PUBLIC: Final = frozenset({Visibility.PUBLIC, None})
HTML: Final = {"Accept": "text/html"}


def an_image(
    number: int, sha256: str, owner: str | None = None, visibility: Visibility | None = Visibility.PUBLIC
) -> Image:
    return Image(ImageId(number), replace(record(sha256), owner=owner), State.READY, visibility=visibility)


def keep(catalogue: SqlCatalogue, *images: Image) -> None:
    catalogue.index.restore((image.id, image) for image in images)


def found(catalogue: SqlCatalogue, *digests: str, sight: Sight | None = None) -> list[int]:
    return [image.id for image in catalogue.same_bytes.first_of_each(digests, sight)]


def test_the_first_image_of_each_digest_is_found_in_the_order_of_the_digests(catalogue: SqlCatalogue) -> None:
    images = [an_image(0, OTHER), an_image(1, ONE, visibility=None), an_image(2, ONE), an_image(3, OTHER)]
    keep(catalogue, *images)

    assert catalogue.same_bytes.first_of_each([ONE, NOWHERE, OTHER, ONE]) == [images[1], images[0]]
    assert catalogue.same_bytes.first_of_each([]) == catalogue.same_bytes.first_of_each([NOWHERE]) == []


def test_digests_that_begin_alike_are_told_from_each_other(catalogue: SqlCatalogue) -> None:
    alike = ONE[:32] + OTHER[:32]
    keep(catalogue, an_image(0, ONE), an_image(1, alike), an_image(2, ONE[:63] + "0"))

    assert found(catalogue, alike, ONE) == [1, 0]


def test_only_what_is_in_sight_is_found(catalogue: SqlCatalogue) -> None:
    keep(
        catalogue,
        an_image(0, ONE, "others", Visibility.PRIVATE),
        an_image(1, ONE, "mine", Visibility.PRIVATE),
        an_image(2, ONE, visibility=None),
        an_image(3, ONE, "mine"),
        an_image(4, OTHER, "others", Visibility.PRIVATE),
    )

    assert found(catalogue, ONE, OTHER) == found(catalogue, ONE, OTHER, sight=Sight(None, None)) == [0, 4]
    assert found(catalogue, ONE, OTHER, sight=Sight("mine", PUBLIC)) == [1]
    assert found(catalogue, ONE, OTHER, sight=Sight("strangers", PUBLIC)) == [2]
    assert found(catalogue, ONE, OTHER, sight=Sight(None, frozenset({Visibility.PUBLIC}))) == [3]
    assert found(catalogue, ONE, OTHER, sight=Sight("mine", frozenset())) == [1]
    assert found(catalogue, ONE, OTHER, sight=Sight(None, frozenset())) == []


def test_what_becomes_private_is_in_sight_of_its_owner_alone(catalogue: SqlCatalogue) -> None:
    keep(catalogue, an_image(0, ONE, "mine"))
    catalogue.editing.set_visibility(ImageId(0), Visibility.PRIVATE, datetime.now(UTC), lambda _: None)

    assert found(catalogue, ONE, sight=Sight("mine", PUBLIC)) == [0]
    assert found(catalogue, ONE, sight=Sight("others", PUBLIC)) == []


def test_what_is_deleted_or_in_quarantine_is_not_found(catalogue: SqlCatalogue) -> None:
    keep(catalogue, *(an_image(number, ONE) for number in range(4)))
    catalogue.removals.begin_delete(ImageId(0))
    catalogue.removals.begin_delete(ImageId(1))
    catalogue.removals.end_delete(ImageId(1))
    suspicion = Suspicion("moderation", "nudity", datetime(2026, 11, 29, tzinfo=UTC))
    catalogue.quarantine.shut_away(ImageId(2), suspicion, int)

    assert found(catalogue, ONE) == [3]
    catalogue.quarantine.let_out(ImageId(2), int)
    assert found(catalogue, ONE) == [2]


def test_a_hundred_digests_take_two_questions(catalogue: SqlCatalogue) -> None:
    digests = [f"{number:064x}" for number in range(100)]
    keep(catalogue, *(an_image(number, digest) for number, digest in enumerate(digests)))
    statements: list[str] = []

    with noting(catalogue, statements):
        images = catalogue.same_bytes.first_of_each(digests, Sight(None, None))

    assert [image.record.sha256 for image in images] == digests
    assert len(statements) == 2


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield house


def test_a_program_learns_which_of_its_files_are_here(tmp_path: Path) -> None:
    files = [picture(colour=colour) for colour in ("teal", "navy", "gold")]
    with new_house(tmp_path) as house:
        for content in (files[0], files[1], files[0]):
            house.upload(content)
        asked = ",".join(sha256(content) for content in (files[2], files[1], files[0]))
        answer = house.client.get(f"/images?sha256={asked}")

        assert [image["id"] for image in answer.json["images"]] == [1, 0]
        assert answer.json["images"][1] == house.client.get("/images?ids=0").json["images"][0]
        assert answer.json["next"] is None
        repeated = house.client.get(f"/images?sha256={sha256(files[0]).upper()}&sha256=%20{sha256(files[1])}")
        assert [image["id"] for image in repeated.json["images"]] == [0, 1]
        assert house.client.get("/images?sha256=").json == {"images": [], "next": None}
        assert "/images/1" in house.client.get(f"/images?sha256={asked}", headers=HTML).text
        house.reindexing.rebuild()  # the digests are in the folders
        assert house.client.get(f"/images?sha256={asked}").data == answer.data


@pytest.mark.parametrize(
    ("asked", "measured", "limit", "words"),
    [
        ("abc", 3, 64, "'abc'"),
        ("a" * 65, 65, 64, "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"),
        (f"{ONE},{'g' * 64}", None, None, "hexadecimal"),
        ("\N{ARABIC-INDIC DIGIT ONE}" * 64, None, None, "hexadecimal"),
        (",".join([ONE] * 101), 101, 100, "too many"),
    ],
    ids=["too short", "too long", "no digits", "other digits", "too many"],
)
def test_what_is_no_digest_is_told_with_its_measure(
    house: House, asked: str, measured: int | None, limit: int | None, words: str
) -> None:
    answer = house.client.get("/images", query_string={"sha256": asked})

    assert answer.status_code == 400
    assert answer.json["type"].endswith("/malformed-request")
    assert (answer.json.get("measured"), answer.json.get("limit")) == (measured, limit)
    assert words in answer.json["detail"]


def test_of_a_file_that_may_not_be_seen_nobody_learns_that_it_is_here(gallery: House) -> None:
    key, token = gallery.keyholding.add(OPERATOR, "owner", [Scope.UPLOAD, Scope.READ])
    _, strangers_token = gallery.keyholding.add(OPERATOR, "stranger", [Scope.UPLOAD, Scope.READ])
    _, admins_token = gallery.keyholding.add(OPERATOR, "admin", [Scope.ADMIN, Scope.READ])
    _, senders_token = gallery.keyholding.add(OPERATOR, "sender", [Scope.UPLOAD])
    content = picture()
    private = gallery.upload(content, actor=key.actor, visibility=Visibility.PRIVATE)

    def ask(digest: str, token: str | None = None) -> bytes:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = gallery.client.get(f"/images?sha256={digest}", headers=headers)
        assert answer.status_code == 200
        return answer.data

    nothing = ask(NOWHERE)
    assert [ask(sha256(content)), ask(sha256(content), strangers_token)] == [nothing, nothing]
    assert private.public_name is not None
    for seeing in (token, admins_token):
        assert private.public_name.encode() in ask(sha256(content), seeing)
    public = gallery.upload(content, actor=OPERATOR)
    assert public.public_name is not None
    assert public.public_name.encode() in ask(sha256(content), senders_token)
    assert private.public_name.encode() not in ask(sha256(content), senders_token)


def test_who_may_not_look_is_told_nothing(tmp_path: Path) -> None:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        _, token = house.keyholding.add(OPERATOR, "sender", [Scope.UPLOAD])
        house.upload(picture(), actor=OPERATOR)
        asked = f"/images?sha256={sha256(picture())}"

        assert house.client.get(asked).status_code == 401
        assert house.client.get(asked, headers={"Authorization": f"Bearer {token}"}).status_code == 403
