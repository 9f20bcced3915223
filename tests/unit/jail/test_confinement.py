"""What one rendering may take, and what happens to one that takes more. Each runs in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from tests.running import LIMIT_S, PROJECT_FOLDER
from vignette.errors import TooMuchTime
from vignette.jail.confinement import confined
from vignette.limits import MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")

START = """
import io, resource, signal, threading, time
from PIL import Image
from vignette.jail.confinement import confined
from vignette.errors import RenderingFailed, TooMuchMemory, TooMuchTime
from vignette.limits import MIB
from vignette.recipes import Recipe
from vignette.pixels.rendering import render
"""


def run(script: str) -> str:
    command = [sys.executable, "-c", START + textwrap.dedent(script)]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    return done.stdout


def test_what_takes_less_is_left_alone() -> None:
    assert run("with confined(64 * MIB, 60): print(len(bytes(48 * MIB)))") == f"{48 * 1024 * 1024}\n"


def test_what_takes_more_memory_is_told_its_limit_and_the_process_goes_on() -> None:
    words = run("""
        try:
            with confined(64 * MIB, 60): bytes(80 * MIB)
        except TooMuchMemory as error:
            print(error.code, error.limit // MIB, error)
        print(len(bytes(80 * MIB)) // MIB)
    """)

    assert words == ("too-much-memory 64 rendering needs more than the 64 MiB of memory that it may take\n80\n")


def test_what_runs_out_of_time_after_an_allocation_that_failed_harmlessly_is_told_the_time() -> None:
    words = run("""
        try:
            with confined(64 * MIB, 0.2):
                try:
                    bytes(80 * MIB)
                except MemoryError:
                    pass  # as a library does that tries again with less
                while True: pass
        except RenderingFailed as error:
            print(error.code)
        except TooMuchMemory as error:
            print(error.code)
    """)

    assert words == "too-much-time\n"


def test_memory_counts_from_what_the_process_has() -> None:
    assert (
        run("""
        kept = bytearray(200 * MIB)
        with confined(64 * MIB, 60): print(len(bytes(48 * MIB)) // MIB)
    """)
        == "48\n"
    )


@pytest.mark.parametrize(
    ("file_format", "options", "limit_mib"),
    [
        # The next decoder would not even be loaded within the first two, and within the third it would find too little.
        ("JPEG", {"progressive": True}, 2),
        ("JPEG", {"progressive": True}, 8),
        ("JPEG", {"progressive": True}, 12),
        ("PNG", {"compress_level": 0}, 8),
        ("GIF", {}, 8),
        ("BMP", {}, 8),
        ("TIFF", {"compression": "tiff_deflate", "strip_size": 20_000_000}, 8),
        ("WEBP", {"method": 0}, 8),
        ("AVIF", {"speed": 10}, 8),
    ],
)
def test_a_decoder_that_takes_more_memory_is_no_broken_picture(
    file_format: str, options: dict[str, object], limit_mib: int
) -> None:
    """Whatever it says: some call the picture broken."""
    words = run(f"""
        def picture(width, height):
            file = io.BytesIO()
            Image.new("RGB", (width, height), "teal").save(file, {file_format!r}, **{options!r})
            return file, file.tell()
        recipes = [Recipe("small", 256, 256)]
        render(*picture(30, 20), recipes)  # loads the decoder
        large = picture(3000, 2000)
        try:
            with confined({limit_mib} * MIB, 60): render(*large, recipes)
        except (RenderingFailed, TooMuchMemory) as error:
            print(error.code)
    """)

    assert words == "too-much-memory\n"


def test_a_webp_that_finds_no_memory_is_told_from_one_that_is_broken() -> None:
    """libvips says the same of both, as it decodes in another thread."""
    words = run("""
        def picture(width, height):
            file = io.BytesIO()
            across = Image.linear_gradient("L").rotate(90).resize((width, height))
            down = Image.linear_gradient("L").resize((width, height))
            Image.merge("RGB", (across, down, down)).save(file, "WEBP", lossless=True, method=0)
            return file, file.tell()
        recipes = [Recipe("small", 256, 256)]
        render(*picture(30, 20), recipes)  # loads the decoder
        large, size = picture(3000, 2000)
        broken = bytearray(large.getvalue())
        broken[size // 2 : size // 2 + 400] = b"\\xa5" * 400
        for limit, content in (8, large.getvalue()), (20, large.getvalue()), (160, large.getvalue()), (160, broken):
            try:
                with confined(limit * MIB, 60): print(len(render(io.BytesIO(content), size, recipes)))
            except (RenderingFailed, TooMuchMemory) as error:
                print(error.code)
    """)

    assert words.split() == ["too-much-memory", "too-much-memory", "2", "rendering-failed"]


def test_neither_is_a_lossy_one_broken_whose_transparency_finds_no_memory() -> None:
    words = run("""
        def picture(width, height):
            file = io.BytesIO()
            shades = Image.radial_gradient("L").resize((width, height))
            Image.merge("RGBA", (shades,) * 4).save(file, "WEBP", method=0)
            return file, file.tell()
        recipes = [Recipe("small", 256, 256)]
        render(*picture(30, 20), recipes)  # loads the decoder
        large = picture(6000, 4000)
        for limit in (20, 40, 60, 80, 160):
            try:
                with confined(limit * MIB, 60): print(len(render(*large, recipes)))
            except (RenderingFailed, TooMuchMemory) as error:
                print(error.code)
    """)

    *others, most = words.split()
    assert most == "2"
    assert "too-much-memory" in others
    assert "rendering-failed" not in others


@pytest.mark.parametrize("frames", [1, 2], ids=["still", "moving"])
def test_what_is_only_set_aside_of_a_large_webp_is_not_taken(frames: int) -> None:
    """A canvas of 92 MiB, of which nothing is needed where the picture is decoded at a smaller scale."""
    words = run(f"""
        def picture(width, height):
            file = io.BytesIO()
            first, *others = [Image.new("RGB", (width, height), (200, 60 * n, 40)) for n in range({frames})]
            first.save(file, "WEBP", method=0, save_all=bool(others), append_images=others)
            return file, file.tell()
        recipes = [Recipe("small", 256, 256, animate=False), Recipe("large", 1280, 1280, animate=False)]
        render(*picture(30, 20), recipes)  # loads the decoder
        large = picture(6000, 4000)
        with confined(80 * MIB, 60):
            print(*sorted({{(one.recipe.name, one.width, one.height) for one in render(*large, recipes)}}))
    """)

    assert words == "('large', 1280, 853) ('small', 256, 171)\n"


def test_a_picture_that_is_broken_is_told_as_such() -> None:
    assert (
        run("""
        try:
            with confined(64 * MIB, 60): raise RenderingFailed("the JPEG cannot be decoded: a broken data stream")
        except RenderingFailed as error:
            print(error)
    """)
        == "the JPEG cannot be decoded: a broken data stream\n"
    )


def test_threads_cost_their_stacks_not_what_is_set_aside_for_them() -> None:
    """Eight threads that allocate have 64 MiB of address space each."""
    assert (
        run("""
        threading.stack_size(256 * 1024)
        with confined(64 * MIB, 60):
            go, held = threading.Event(), []
            threads = [threading.Thread(target=lambda: (held.append(bytearray(2000)), go.wait())) for _ in range(8)]
            for thread in threads: thread.start()
            go.set()
            for thread in threads: thread.join()
            print(len(held))
    """)
        == "8\n"
    )


def test_processor_time_of_all_threads_is_limited_and_the_process_goes_on() -> None:
    words = run("""
        def spin():
            while not over.is_set(): pass
        over = threading.Event()
        try:
            with confined(64 * MIB, 1):
                other = threading.Thread(target=spin)
                other.start()
                spin()
        except TooMuchTime as error:
            print(error.code, error.limit, error)
        over.set()
        other.join()
        print(signal.getitimer(signal.ITIMER_PROF), signal.getsignal(signal.SIGPROF) is signal.SIG_DFL)
    """)

    assert words == (
        "too-much-time 1 rendering needs more than the 1 seconds of processor time that it may take\n(0.0, 0.0) True\n"
    )


def test_waiting_takes_no_processor_time() -> None:
    assert run("with confined(64 * MIB, 0.05): time.sleep(0.2); print('awake')") == "awake\n"


def test_limits_are_lifted_afterwards() -> None:
    assert (
        run("""
        before = resource.getrlimit(resource.RLIMIT_DATA)
        with confined(64 * MIB, 60): within = resource.getrlimit(resource.RLIMIT_DATA)
        print(before == resource.getrlimit(resource.RLIMIT_DATA) != within)
    """)
        == "True\n"
    )


def test_no_timer_is_left_if_the_time_is_over_just_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, late = signal.setitimer, [signal.SIGPROF]

    def setitimer(which: int, seconds: float, interval: float = 0.0) -> None:
        if seconds == 0 and late:
            signal.raise_signal(late.pop())
        stop(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", setitimer)
    before = signal.getsignal(signal.SIGPROF)
    try:
        with pytest.raises(TooMuchTime), confined(1024 * MIB, 60):
            pass
        assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
        assert signal.getsignal(signal.SIGPROF) is before
    finally:
        stop(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
