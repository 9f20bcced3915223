"""Decoders in processes of their own: what a hostile one reaches, and what becomes of one that goes too far."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests import makers
from tests.house import picture
from tests.integration.hostile_decoder import WEBP
from tests.needs import LANDLOCK, LINUX, SECCOMP
from tests.running import LIMIT_S, PROJECT_FOLDER, open_the_way_to, until
from vignette.adapters.decoder.decoder import Decoder, DecoderDied
from vignette.errors import RenderingFailed, TooMuchMemory, TooMuchTime, UnsupportedFormat
from vignette.limits import MIB
from vignette.model import RenderingWarning
from vignette.pixels.rewriting import rewrite
from vignette.recipes import Recipe

pytestmark = LINUX

SMALL = Recipe("small", 64, 64, ("webp",))
LARGE = Recipe("large", 128, 128, ("webp", "jpeg"))
HOSTILE = "tests.integration.hostile_decoder:do"


@pytest.fixture(scope="module")
def hostile() -> Iterator[Decoder]:
    decoder = Decoder(memory_bytes=64 * MIB, cpu_seconds=0.5, wall_s=LIMIT_S, work=HOSTILE)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def real() -> Iterator[Decoder]:
    decoder = Decoder(memory_bytes=280 * MIB, cpu_seconds=LIMIT_S, wall_s=LIMIT_S)
    yield decoder
    decoder.close()


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What a decoder would reach if anything let it: files of everybody, a broker, a web server, the worker."""
    (tmp_path / "secret").write_text("of ours")
    for path in (tmp_path / "secret", tmp_path):
        path.chmod(0o777)
    open_the_way_to(tmp_path)
    with socket.socket(socket.AF_UNIX) as broker, socket.create_server(("127.0.0.1", 0)) as web:
        broker.bind(f"{tmp_path}/broker.sock")
        broker.listen()
        (tmp_path / "broker.sock").chmod(0o777)
        yield {"folder": str(tmp_path), "port": web.getsockname()[1], "worker": os.getpid()}


def given(content: bytes) -> BinaryIO:
    file = open(os.memfd_create("picture"), "w+b")  # noqa: PTH123, SIM115 (a descriptor; the caller closes it)
    file.write(content)
    file.seek(0)
    return file


def made(decoder: Decoder, content: bytes, *recipes: Recipe) -> list[Any]:
    with given(content) as file:
        return list(decoder(file, len(content), recipes or (SMALL,), (), 1.0))


def test_two_threads_of_a_pool_decode_at_the_same_time(real: Decoder) -> None:
    """As those of `celery worker --pool threads`, which share the services of their process."""
    content = picture()
    with given(content) as one, given(content) as other:
        of_one, of_other = (real(file, len(content), (SMALL, LARGE), (), 1.0) for file in (one, other))

        first, second = next(of_one), next(of_other)
        rest = [*of_one, *of_other]

    assert [step[0].content for step in (first, rest[0])] == [step[0].content for step in (second, rest[1])]


def obeyed(decoder: Decoder, **order: Any) -> list[Any]:
    return made(decoder, json.dumps(order).encode())


def cell_of(decoder: Decoder) -> int:
    """The process that has just made a vignette."""
    [[vignette]] = obeyed(decoder, do="nothing")
    return int(vignette.content.removeprefix(WEBP))


@LANDLOCK
@SECCOMP
def test_a_hostile_decoder_reaches_nothing(hostile: Decoder, outside: dict[str, Any]) -> None:
    [[vignette]] = obeyed(hostile, do="reach", outside=outside)

    assert json.loads(vignette.content.removeprefix(WEBP)) == []


@SECCOMP
@pytest.mark.parametrize(
    ("lacking", "left"),
    [
        pytest.param("landlock", set(), id="seccomp alone"),
        # Who runs this as root has put it under another user; whose files these are is no matter.
        pytest.param("seccomp", {"the broker", "UDP", "fork"}, id="Landlock alone", marks=LANDLOCK),
    ],
)
def test_one_layer_alone_stops_it_as_far_as_it_reaches(outside: dict[str, Any], lacking: str, left: set[str]) -> None:
    script = f"""
        import sys
        from tests.integration.test_decoder import HOSTILE, LIMIT_S, MIB, Decoder, obeyed
        decoder = Decoder(memory_bytes=64 * MIB, cpu_seconds=60, wall_s=LIMIT_S, work=HOSTILE)
        [[vignette]] = obeyed(decoder, do="reach", outside={outside | {"worker": os.getpid()}})
        print(vignette.content[12:].decode())
    """
    command = [sys.executable, "-m", "tests.lacking", lacking, sys.executable, "-c", textwrap.dedent(script)]

    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=False, timeout=LIMIT_S)

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) <= left


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        ({"do": "crash"}, DecoderDied, "signal 11"),
        ({"do": "spin"}, TooMuchTime, "more than the 0.5 seconds of processor time"),
        ({"do": "eat"}, TooMuchMemory, "more than the 64 MiB of memory"),
    ],
)
def test_one_that_goes_too_far_is_ended_and_the_next_picture_is_made(
    hostile: Decoder, order: dict[str, Any], error: type[Exception], words: str
) -> None:
    before = cell_of(hostile)

    with pytest.raises(error, match=words):
        obeyed(hostile, **order)

    assert cell_of(hostile) != before


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ("too long", "is too long"),
        ("longer than all", "is too long"),
        ("too wide", "a number from 1 to 64"),
        ("no size", "a number from 1 to 64"),
        ("no number", "a number from 1 to 64"),
        ("another recipe", "another recipe stands where small does"),
        ("a path", "another recipe stands where small does"),
        ("another format", "not those that were asked for"),
        ("no picture", "small is no webp"),
        ("twice", "other formats"),
        ("moves", "not those that were asked for"),
        ("none", "not all vignettes were made"),
        ("a placeholder that is none", "the placeholder is none"),
        ("a hash that is none", "the perceptual hash is none"),
        ("a quality that is none", "a number from 0 to 100 must stand"),
        ("a colour that is none", "the placeholder is none"),
    ],
)
def test_what_it_tells_is_not_believed(hostile: Decoder, lie: str, words: str) -> None:
    with pytest.raises(DecoderDied, match=words):
        obeyed(hostile, do="lie", lie=lie)


def test_what_moves_is_no_still_of_its_recipe(hostile: Decoder) -> None:
    both = Recipe("both", 64, 64, ("jpeg", "webp"))
    content = json.dumps({"do": "lie", "lie": "moves in part"}).encode()
    with given(content) as file, pytest.raises(DecoderDied, match="only some of a step move"):
        list(hostile(file, len(content), [both], [both], 1.0))


def test_few_pictures_share_a_process(hostile: Decoder) -> None:
    cells = [cell_of(hostile) for _ in range(33)]

    assert max(map(cells.count, cells)) == 16


def test_a_cell_that_was_killed_while_it_waited_costs_no_picture(hostile: Decoder) -> None:
    cell = cell_of(hostile)
    os.kill(cell, signal.SIGKILL)
    until(lambda: "\nState:\tZ" in Path(f"/proc/{cell}/status").read_text())

    assert obeyed(hostile, do="nothing")


def test_steps_come_as_they_are_made_and_leaving_early_forgets_the_picture(real: Decoder) -> None:
    content = picture(200, 100)
    with given(content) as file:
        steps = real(file, len(content), [SMALL, LARGE], [], 1.0)
        [small] = next(steps)
        steps.close()  # type: ignore[attr-defined]
    assert (small.recipe, small.width, small.height) == (SMALL, 64, 32)
    assert small.placeholder is not None

    [[_], [webp, jpeg]] = made(real, picture(200, 100), SMALL, LARGE)
    assert [(one.file_format, one.width, one.height, one.placeholder) for one in (webp, jpeg)] == [
        ("webp", 128, 64, None),
        ("jpeg", 128, 64, None),
    ]


def test_warnings_come_as_they_are_given_once_each(hostile: Decoder) -> None:
    warnings = ["profile-not-applied", "animation-damaged"]

    *told, [vignette] = obeyed(hostile, do="warn", warnings=warnings)

    assert told == warnings
    assert vignette.content == WEBP
    with pytest.raises(DecoderDied, match="twice of one thing"):
        obeyed(hostile, do="warn", warnings=warnings[:1] * 2)


def test_a_real_decoder_warns(real: Decoder) -> None:
    content = makers.still("JPEG", icc_profile=makers.icc_profile())

    warning, [*_] = made(real, content)

    assert warning is RenderingWarning.PROFILE_NOT_APPLIED


def test_leaving_early_costs_no_process(hostile: Decoder) -> None:
    with pytest.raises(DecoderDied):
        obeyed(hostile, do="crash")  # a new cell follows
    before = cell_of(hostile)
    for _ in range(3):
        content = json.dumps({"do": "nothing"}).encode()
        with given(content) as file:
            steps = hostile(file, len(content), [SMALL, LARGE], [], 1.0)
            next(steps)
            steps.close()  # type: ignore[attr-defined]

    assert cell_of(hostile) == before


def test_errors_of_ours_come_back_as_themselves(real: Decoder) -> None:
    with pytest.raises(UnsupportedFormat, match="in none of the accepted formats: JPEG, PNG"):
        made(real, b"This is no picture.")


def test_the_process_that_has_pictures_decoded_loads_no_decoder(tmp_path: Path) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from vignette.settings import load_settings
        from vignette.wiring.worker import build_worker
        build_worker(load_settings(upload_folder="{tmp_path}/uploads", state_folder="{tmp_path}/state"))
        print([name for name in sys.modules if name.split(".")[0] in ("PIL", "pyvips", "pi_heif")])
        print([name for name in sys.modules if name.startswith(("vignette.pixels.engines", "vignette.pixels.render"))])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n[]\n"


@pytest.fixture(scope="module")
def lying() -> Iterator[Decoder]:
    work = "tests.integration.hostile_decoder:rewrite_as_ordered"
    decoder = Decoder(memory_bytes=64 * MIB, cpu_seconds=LIMIT_S, wall_s=LIMIT_S, work=work)
    yield decoder
    decoder.close()


class TestRewriting:
    @pytest.mark.parametrize("file_format", ["TIFF", "BMP", "AVIF", "PNG"])
    def test_a_cell_writes_what_is_written_here(self, real: Decoder, file_format: str) -> None:
        content = picture(3000, 900, file_format)

        with given(content) as file:
            made = real.rewrite(file, len(content), (3000, 900), 2560, 85)
            file.seek(0)
            here = rewrite(file, len(content), 2560, 85)

        assert (made.file_format, made.width, made.height) == ("jpeg", 2560, 768)
        assert made == here

    def test_what_needs_too_much_memory_tells_the_limit(self) -> None:
        decoder = Decoder(memory_bytes=64 * MIB, cpu_seconds=LIMIT_S, wall_s=LIMIT_S)
        content = picture(9000, 9000, "PNG")
        try:
            with given(content) as file, pytest.raises(TooMuchMemory) as caught:
                decoder.rewrite(file, len(content), (9000, 9000), None, 92)
        finally:
            decoder.close()
        assert caught.value.limit == 64 * MIB

    @pytest.mark.parametrize(
        ("answer", "blocks"),
        [
            pytest.param("crash", [], id="dies"),
            pytest.param({"format": "jpeg", "width": 9, "height": 8}, ["\xff\xd8\xff"], id="another size"),
            pytest.param({"format": "jpeg", "width": 8, "height": 8}, ["<script>"], id="no picture"),
            pytest.param({"format": "avif", "width": 8, "height": 8}, ["    ftypavif"], id="another format"),
            pytest.param({"format": ["jpeg"], "width": 8, "height": 8}, ["\xff\xd8\xff"], id="no format"),
            pytest.param({"format": "jpeg", "width": 8, "height": 8}, ["\xff\xd8\xff"] * 2, id="two"),
            pytest.param({"format": "jpeg", "width": 8, "height": 8}, [], id="none"),
            pytest.param({"format": "jpeg", "width": 8, "height": 8}, ["\xff\xd8\xff" * 100_000], id="too long"),
        ],
    )
    def test_a_cell_that_lies_or_dies_is_not_believed(self, lying: Decoder, answer: Any, blocks: list[str]) -> None:
        content = json.dumps({"answer": answer, "blocks": blocks}).encode()

        with given(content) as file, pytest.raises(RenderingFailed, match="ended without a result"):
            lying.rewrite(file, len(content), (8, 8), None, 92)

    def test_one_that_tells_the_truth_is_believed(self, lying: Decoder) -> None:
        answer = {"format": "jpeg", "width": 8, "height": 8}
        content = json.dumps({"answer": answer, "blocks": ["\xff\xd8\xff"]}).encode()

        with given(content) as file:
            assert lying.rewrite(file, len(content), (8, 8), None, 92).content == b"\xff\xd8\xff"
