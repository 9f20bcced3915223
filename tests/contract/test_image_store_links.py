"""A folder may come from a stranger, as a backup. Nothing in it leads the store, or whoever lists it, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import House, picture
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import FileNotStored, NumberTaken, StoreUnavailable
from vignette.model import ImageId, State
from vignette.use_cases.findings import Kind
from vignette.wiring.use_cases import build_checkup

ZERO, ONE = ImageId(0), ImageId(1)

SECRET = b"another file of this machine"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "uploads"


@pytest.fixture
def store(root: Path) -> FolderStore:
    store = FolderStore(root, settling_s=-1)
    store.make()
    return store


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder beside that of the uploads, with what an image has."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("original.jpg", "record.json", "deleted.json"):
        (folder / name).write_bytes(SECRET)
    return folder


def untouched(folder: Path) -> bool:
    return {path.name: path.read_bytes() for path in folder.iterdir()} == dict.fromkeys(
        ("original.jpg", "record.json", "deleted.json"), SECRET
    )


def put(store: FolderStore, image_id: ImageId) -> None:
    staged = store.stage()
    staged.append(b"picture")
    staged.complete("original.jpg", {"record.json": b"{}"})
    store.promote(staged, image_id)


USES = [
    pytest.param(lambda store: store.open(ZERO, "original.jpg"), id="open"),
    pytest.param(lambda store: store.read(ZERO, "original.jpg"), id="read"),
    pytest.param(lambda store: store.write(ZERO, "outcome.json", b"{}"), id="write"),
    pytest.param(lambda store: store.names(ZERO), id="names"),
    pytest.param(lambda store: store.listing(ZERO), id="listing"),
]


class TestALinkInThePlaceOfAnImagesFolder:
    @pytest.fixture
    def store(self, root: Path, store: FolderStore, elsewhere: Path) -> FolderStore:
        (root / "0").symlink_to(elsewhere)
        return store

    @pytest.mark.parametrize("use", USES)
    def test_is_no_folder_of_an_image(
        self, store: FolderStore, elsewhere: Path, use: Callable[[FolderStore], object]
    ) -> None:
        with pytest.raises(FileNotStored):
            use(store)

        assert untouched(elsewhere)

    def test_nothing_is_removed_through_it(self, store: FolderStore, elsewhere: Path) -> None:
        store.remove(ZERO, "original.jpg")
        store.remove_all_but(ZERO, "deleted.json")

        assert untouched(elsewhere)

    def test_it_has_no_edition_takes_its_number_and_is_reported(self, store: FolderStore) -> None:
        assert store.edition(ZERO) is None
        assert store.holds(ZERO)
        assert list(store.image_ids()) == [ZERO]
        assert store.strangers() == ["0"]

    def test_no_upload_replaces_it(self, store: FolderStore, elsewhere: Path) -> None:
        with pytest.raises(NumberTaken):
            put(store, ZERO)

        assert untouched(elsewhere)


class TestALinkInThePlaceOfAFile:
    @pytest.fixture
    def store(self, root: Path, store: FolderStore, elsewhere: Path) -> FolderStore:
        put(store, ZERO)
        (root / "0" / "original.jpg").unlink()
        (root / "0" / "original.jpg").symlink_to(elsewhere / "original.jpg")
        return store

    def test_is_no_file(self, store: FolderStore) -> None:
        for use in (store.open, store.read):
            with pytest.raises(FileNotStored):
                use(ZERO, "original.jpg")
        assert store.names(ZERO) == ["record.json"]
        assert store.listing(ZERO) == ({"record.json": 2}, ["original.jpg"])

    def test_what_is_written_replaces_it(self, store: FolderStore, elsewhere: Path) -> None:
        store.write(ZERO, "original.jpg", b"ours")

        assert untouched(elsewhere)
        assert store.read(ZERO, "original.jpg") == b"ours"

    def test_it_is_removed_and_not_what_it_leads_to(self, store: FolderStore, elsewhere: Path, root: Path) -> None:
        (root / "0" / "folder").symlink_to(elsewhere)

        store.remove(ZERO, "original.jpg")
        store.remove_all_but(ZERO, "record.json")

        assert untouched(elsewhere)
        assert [path.name for path in (root / "0").iterdir()] == ["record.json"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkfifo, id="a pipe that nobody writes into"),
        pytest.param(lambda path: path.mkdir(), id="a folder"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), id="a link to a device"),
        pytest.param(lambda path: path.symlink_to(path.name), id="a link to itself"),
    ],
)
def test_what_is_no_file_is_not_read(store: FolderStore, root: Path, make: Callable[[Path], object]) -> None:
    put(store, ZERO)
    (root / "0" / "record.json").unlink()
    make(root / "0" / "record.json")

    with pytest.raises(FileNotStored):
        store.read(ZERO, "record.json")
    with pytest.raises(FileNotStored):
        store.open(ZERO, "record.json")


@pytest.mark.parametrize("name", ["../1/original.jpg", "/etc/hostname", "..", ".", "", "a/b", "nul\0"])
def test_a_name_leads_to_no_other_folder(store: FolderStore, name: str) -> None:
    put(store, ZERO)
    put(store, ONE)

    for use in (store.open, store.read):
        with pytest.raises(FileNotStored):
            use(ZERO, name)
    with pytest.raises(ValueError, match="is no name of a file"):
        store.write(ZERO, name, b"")


def test_a_record_of_a_terabyte_is_not_read(store: FolderStore, root: Path) -> None:
    put(store, ZERO)
    os.truncate(root / "0" / "record.json", 2**40)

    with pytest.raises(FileNotStored, match="1099511627776 bytes"):
        store.read(ZERO, "record.json")


@pytest.mark.parametrize("name", [".staging", ".vignette"])
def test_a_link_in_the_place_of_our_own_folders_is_not_written_through(tmp_path: Path, root: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    root.mkdir()
    (root / name).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable, match=f"{name} in the upload folder is a link"):
        FolderStore(root).seal()

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_that_takes_the_place_of_the_staging_folder_is_not_written_through(
    tmp_path: Path, root: Path, store: FolderStore
) -> None:
    put(store, ZERO)
    (tmp_path / "elsewhere").mkdir()
    (root / ".staging").rmdir()
    (root / ".staging").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "old").touch()

    for use in (
        store.stage,
        store.probe,
        lambda: store.write(ZERO, "outcome.json", b"{}"),
        lambda: store.clear_staging(-1),
        lambda: store.leftovers(-1),
    ):
        with pytest.raises(StoreUnavailable):
            use()

    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["old"]


def test_the_upload_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "uploads").symlink_to(tmp_path / "disk")
    store = FolderStore(tmp_path / "uploads")
    store.make()

    put(store, ZERO)

    assert store.read(ZERO, "original.jpg") == b"picture"


class TestTheService:
    """On a folder with links, as it may come out of a stranger's archive."""

    @pytest.fixture
    def linked(self, house: House, elsewhere: Path) -> House:
        """Images 0 and 1 are ready. All files of 0 but two are links, and the folder of 2 is one as a whole."""
        for number in range(2):
            house.upload(picture(40 + number, 30, "PNG"))
        house.work()
        for path in (house.uploads / "0").iterdir():
            if path.name not in (layout.RECORD, layout.OUTCOME):
                path.unlink()
                path.symlink_to(elsewhere / "original.jpg")
        (house.uploads / "2").symlink_to(house.uploads / "1")
        return house

    @pytest.mark.parametrize("path", ["/images/0/original", "/images/0/public", "/images/0", "/vignette/0"])
    def test_serves_nothing_from_elsewhere(self, linked: House, path: str) -> None:
        answer = linked.client.get(path)

        assert SECRET not in answer.data

    def test_counts_the_number_as_taken_when_it_makes_the_catalogue_anew(self, linked: House) -> None:
        linked.reindexing.rebuild()

        assert linked.upload(picture(50, 50)).id == 3
        assert [image.id for image in linked.catalogue.library.newest(10)] == [3, 1, 0]

    def test_passes_over_the_number_when_an_upload_meets_it(self, linked: House) -> None:
        assert linked.upload(picture(50, 50)).id == 3

    def test_reports_each_link_and_repairs_by_replacing_them_alone(self, linked: House, elsewhere: Path) -> None:
        checkup = build_checkup(
            linked.store, linked.catalogue, linked.jobs, [*linked.context.recipes], settle=lambda: None
        )

        found = list(checkup.run(checkup.image_ids(), repair=True))

        strangers = {(finding.image_id, finding.name) for finding in found if finding.kind is Kind.STRANGER}
        assert {(0, "original.png"), (0, "metadata.txt"), (None, "2")} <= strangers
        assert (0, Kind.ORIGINAL_MISSING) in {(finding.image_id, finding.kind) for finding in found}
        assert untouched(elsewhere)

    def test_deletes_the_links_and_not_what_they_lead_to(self, linked: House, elsewhere: Path) -> None:
        linked.removal.delete(NOBODY, ZERO)

        assert linked.catalogue.library.get(ZERO).state is State.DELETED
        assert linked.files(0) == {layout.TOMBSTONE}
        assert untouched(elsewhere)

    def test_renders_no_picture_from_elsewhere(self, linked: House, tmp_path: Path) -> None:
        (tmp_path / "other.png").write_bytes(picture(99, 9, "PNG"))
        (linked.uploads / "0" / "original.png").unlink()
        (linked.uploads / "0" / "original.png").symlink_to(tmp_path / "other.png")

        linked.renewal.render_again(ZERO)
        linked.work()

        image = linked.catalogue.library.get(ZERO)
        assert image.failure is not None
        assert image.failure.code == "file-not-stored"
