"""Metadata of real pictures, damaged: described all the same, as far as it goes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.corpus import CORPUS, needs_corpus, rows
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.metadata import as_text, describe

pytestmark = needs_corpus

DAMAGES_OF_EACH_FILE = 30


@pytest.fixture(scope="module")
def real_blocks() -> list[MetadataBlocks]:
    return [_blocks(CORPUS / row["path"]) for row in rows("accept")]


def _blocks(path: Path) -> MetadataBlocks:
    with path.open("rb") as file:
        return read_anatomy(file, path.stat().st_size).blocks


def test_damaged_blocks_of_real_pictures_are_described(real_blocks):
    chance = random.Random(20181116)  # the same damage in each run

    for blocks in real_blocks * DAMAGES_OF_EACH_FILE:
        description = describe(
            MetadataBlocks(
                exif=_damaged(blocks.exif, chance),
                xmp=tuple(_damaged(packet, chance) or b"" for packet in blocks.xmp),
                iptc=_damaged(blocks.iptc, chance),
                icc=_damaged(blocks.icc, chance),
            )
        )

        json.dumps(description, allow_nan=False, ensure_ascii=False).encode("utf-8")
        as_text(description).encode("utf-8")
        assert not [warning for warning in description.get("warnings", []) if "cannot be read" in warning]


def _damaged(block: bytes | None, chance: random.Random) -> bytes | None:
    if not block:
        return block
    damaged = bytearray(block)
    # Half of the damage where the tables are.
    for _ in range(chance.choice([1, 3, 30])):
        end = min(len(block), 400) if chance.random() < 0.5 else len(block)
        damaged[chance.randrange(end)] = chance.choice([0, 1, 8, 255, chance.randrange(256)])
    return bytes(damaged[: chance.randrange(len(block))] if chance.random() < 0.2 else damaged)
