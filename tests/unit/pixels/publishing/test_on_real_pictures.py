"""Public copies of real pictures: the same pixels, and nothing left of what they said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus import CORPUS, needs_corpus, rows
from tests.unit.pixels.publishing.reading import published, seen
from tests.unit.pixels.reading import anatomy
from vignette.pixels.metadata import describe
from vignette.pixels.publishing import PUBLISHABLE

pytestmark = needs_corpus


def accepted() -> list[Path]:
    return [CORPUS / row["path"] for row in rows("accept")]


def publishable() -> list[Path]:
    return [path for path in accepted() if anatomy(path.read_bytes()).format in PUBLISHABLE]


@pytest.mark.parametrize("path", publishable(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_one_sees_the_same_and_reads_nothing(path: Path) -> None:
    original = path.read_bytes()

    copy = published(original)

    assert seen(copy) == seen(original)
    assert set(describe(anatomy(copy).blocks)) <= {"summary", "exif", "icc"}
    assert len(copy) <= len(original) + 40  # the texts of a small profile may grow
