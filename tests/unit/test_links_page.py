"""The programs of docs/links.md sign as the service does: each is run, against the vectors of the page."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from vignette.access.links import Representation, read_link
from vignette.model import PublicName
from vignette.settings import PROJECT_FOLDER

DOCS: Final = PROJECT_FOLDER / "docs"
PAGE: Final = (DOCS / "links.md").read_text(encoding="utf-8")
VECTORS: Final = json.loads((DOCS / "links-vectors.json").read_text())["vectors"]
ORDER: Final = ("size", "made", "expires", "place", "keep", "link", "by", "key")

Vector = dict[str, Any]

EACH_IN_NODE: Final = """
for (const { secret, what, image, values } of vectors) console.log(await signedLink(secret, what, image, values));
"""


def programs(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", PAGE, re.DOTALL)


def run(*arguments: str) -> list[str]:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def in_python() -> list[str]:
    [program] = programs("python")
    names: dict[str, Any] = {}
    exec(program, names)
    return [names["signed_link"](v["secret"], v["what"], v["image"], **v["values"]) for v in VECTORS]


def in_node(program: str, folder: Path) -> list[str]:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    file = folder / "signing.mjs"
    file.write_text(f"{program}\nconst vectors = {json.dumps(VECTORS)};\n{EACH_IN_NODE}")
    return run("node", str(file))


def in_shell() -> list[str]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    [program] = programs("sh")
    calls = [
        shlex.join(("signed_link", v["secret"], v["what"], v["image"], *(v["values"][name] for name in ORDER)))
        for v in VECTORS
    ]
    return run("sh", "-euc", "\n".join((program, *calls)))


IN_NODE: Final = [pytest.param(name, marks=pytest.mark.node) for name in ("node", "webcrypto")]


@pytest.mark.parametrize("signer", ["python", *IN_NODE, "shell"])
def test_its_programs_sign_as_the_vectors_say(signer: str, tmp_path: Path) -> None:
    node, webcrypto = programs("javascript")
    urls = {
        "python": in_python,
        "node": lambda: in_node(node, tmp_path),
        "webcrypto": lambda: in_node(webcrypto, tmp_path),
        "shell": in_shell,
    }[signer]()

    assert len(urls) == len(VECTORS)
    for url, vector in zip(urls, VECTORS, strict=True):
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query, strict_parsing=True)
        link, signature = read_link(Representation(vector["what"]), PublicName(vector["image"]), query)
        assert signature == vector["signature"]
        assert (str(link.made), link.size) == (vector["values"]["made"], vector["values"]["size"])
        assert vector["image"] in path


def test_webcrypto_is_not_node_s_own_module() -> None:
    assert ["node:crypto" in program for program in programs("javascript")] == [True, False]
