"""The page on security names tests that exist, and every row of the chapters that it goes through."""

from __future__ import annotations

import ast
import re
from typing import Final

from vignette.settings import PROJECT_FOLDER

PAGE: Final = (PROJECT_FOLDER / "docs" / "security.md").read_text(encoding="utf-8")

# How many rows each section of OWASP ASVS 5.0 has.
SECTIONS: Final = {
    "3.1": 1,
    "3.2": 2,
    "3.3": 5,
    "3.4": 7,
    "3.5": 7,
    "3.6": 1,
    "3.7": 5,
    "4.1": 5,
    "4.2": 5,
    "4.3": 2,
    "4.4": 4,
    "5.1": 1,
    "5.2": 6,
    "5.3": 3,
    "5.4": 3,
    "6.1": 3,
    "6.2": 12,
    "6.3": 8,
    "6.4": 6,
    "6.5": 8,
    "6.6": 4,
    "6.7": 2,
    "6.8": 4,
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 3,
    "7.6": 2,
    "8.1": 4,
    "8.2": 4,
    "8.3": 3,
    "8.4": 2,
    "13.1": 4,
    "13.2": 6,
    "13.3": 4,
    "13.4": 7,
    "16.1": 1,
    "16.2": 5,
    "16.3": 4,
    "16.4": 3,
    "16.5": 4,
}


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", PAGE))

    assert len(named) > 40
    assert {test for test in named if not is_there(test)} == set()


def is_there(test: str) -> bool:
    """Whether there is the file, class or test that *test* names, as pytest writes it: `file::Class::test`."""
    path, *names = test.split("::")
    file = PROJECT_FOLDER / path
    if not file.is_file():
        return False
    inside: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for name in names:
        found = [node for node in inside if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name]
        if not found:
            # A test of a class may be named without it.
            return len(names) == 1 and any(
                isinstance(node, ast.FunctionDef) and node.name == name
                for outer in inside
                if isinstance(outer, ast.ClassDef)
                for node in outer.body
            )
        inside = found[0].body
    return True


def test_every_row_is_there_once_in_order_with_a_level_and_an_answer() -> None:
    rows = re.findall(r"^\| ([0-9.]+) \| ([123]) \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)

    assert [number for number, _ in rows] == [
        f"{section}.{row}" for section, count in SECTIONS.items() for row in range(1, count + 1)
    ]
