"""After a deletion nothing of an image stays but its number: neither in its folder, nor in what else we keep."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.house import House
from tests.house import house as house_below
from tests.makers import encoded, jpeg_segment, jpeg_with, picture
from tests.running import http_client, running_service, until
from vignette.access.actors import NOBODY
from vignette.model import ImageId

# Of the name, of the metadata, of the key. Nothing else in the world holds these words.
NAME: Final = "zanzibar-4711-quokka.jpg"
WORDS: Final = "Xylophonist Oubliette 0815"
COMMENT: Final = 0xFE

KEY: Final = "my-key-of-the-quokka"


def photo(words: str, shift: int = 0) -> bytes:
    """A JPEG with *words* in its metadata."""
    return jpeg_with(jpeg_segment(COMMENT, words.encode()), content=encoded(picture(640, 480, shift=shift), "JPEG"))


def traces(content: bytes) -> dict[str, bytes]:
    """What tells of the picture, by what it is."""
    digest = hashlib.sha256(content)
    return {
        "name": NAME.encode(),
        "metadata": WORDS.encode(),
        "digest": digest.hexdigest().encode(),
        "digest in bytes": digest.digest(),
        "bytes": content[len(content) // 2 :][:64],
        "key": KEY.encode(),
    }


def found(folders: list[Path], wanted: dict[str, bytes]) -> set[str]:
    """Which of *wanted* stand in which files of *folders*."""
    return {
        f"{what} in {file}"
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file()
        for content in [file.read_bytes()]
        for what, value in wanted.items()
        if value in content
    }


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_below(tmp_path) as house:
        yield house


def test_the_catalogue_forgets_all_but_the_number(house: House) -> None:
    content = photo(WORDS)
    house.upload(content, NAME, KEY)
    house.upload(photo("another picture", shift=90), "another.jpg")
    house.work()
    assert found([house.root], traces(content))

    house.removal.delete(NOBODY, ImageId(0))
    house.sweeping.sweep()

    assert found([house.root], traces(content)) == set()
    image = house.catalogue.library.get(ImageId(0))
    assert (image.record.sha256, image.record.bytes, image.record.facts.width) == ("", 0, 0)
    assert house.catalogue.library.get(ImageId(1)).record.name == "another.jpg"


# Its worker clears traces each second.
PROGRAM = f"""
import sys
from pathlib import Path
from vignette.cli import open_catalogue
from vignette.running.launcher import serve
from vignette.settings import load_settings_or_exit
sys.exit(serve(load_settings_or_exit(), open_catalogue, Path({os.fspath(Path(__file__).parent / "quick")!r})))
"""


def test_a_service_keeps_no_trace_of_it_in_any_file(tmp_path: Path) -> None:
    content = photo(WORDS)
    with running_service(tmp_path, command=(sys.executable, "-c", PROGRAM)) as service:
        folders = [service.upload_folder, service.state_folder]
        headers = {"Idempotency-Key": KEY}
        sent = {"file": (NAME, content, "image/jpeg")}
        number = int(http_client.post(f"{service.url}/images", files=sent, headers=headers).text)
        vignette = f"{service.url}/vignette/{number}"
        until(lambda: http_client.get(vignette).status_code == 200)
        assert found(folders, traces(content))

        assert http_client.delete(f"{service.url}/images/{number}").status_code == 204

        until(lambda: not found(folders, traces(content)))
        assert http_client.get(vignette).status_code == 410
        # What the service said of it stays in the log, and the log never had any of this.
        wanted = traces(content)
        assert {what for what, value in wanted.items() if value in service.log.read_bytes()} == set()
        again = http_client.post(f"{service.url}/images", files=sent, headers=headers)
        assert again.status_code == 410
