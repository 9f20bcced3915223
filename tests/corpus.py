"""Reads the folder of real pictures that `VIGNETTE_CORPUS` names; its `manifest.csv` has a row for each picture."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(os.environ.get("VIGNETTE_CORPUS", ""))

HAS_CORPUS = bool(os.environ.get("VIGNETTE_CORPUS"))

needs_corpus = [
    pytest.mark.corpus,
    pytest.mark.skipif(not HAS_CORPUS, reason="VIGNETTE_CORPUS names no folder of real pictures"),
]


def rows(*expectations: str) -> list[dict[str, str]]:
    """Return the rows of the pictures whose column `expect` is one of *expectations*; none if there is no folder."""
    if not HAS_CORPUS:
        return []
    with (CORPUS / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["expect"] in expectations]


def each(*expectations: str) -> Any:
    """Run the test once for each of these rows, as its argument `row`."""
    found = rows(*expectations)
    return pytest.mark.parametrize("row", found, ids=[row["path"] for row in found])
