"""The fixtures and hooks that all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.corpus import HAS_CORPUS
from tests.house import House


def pytest_configure() -> None:
    """The settings of who runs the tests are for a service of theirs: no test sees them, nor touches its folders."""
    for name in list(os.environ):
        if name.startswith("VIGNETTE_") and not name.startswith(("VIGNETTE_TEST_", "VIGNETTE_CORPUS")):
            del os.environ[name]
    os.environ["VIGNETTE_CONFIG"] = os.devnull


def pytest_collection_finish() -> None:
    """What has been collected stays to the end: to look for garbage in it would take a fifteenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder for services that need their socket in it: the path of `tmp_path` may be too long for one."""
    with tempfile.TemporaryDirectory(prefix="v", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def pytest_xdist_auto_num_workers() -> int:
    """Run two more workers than there are cores: many tests wait for processes that they have started."""
    return (os.cpu_count() or 1) + 2


class _WithTestPyInOnePlace(LoadScopeScheduling):
    """Spread classes and modules over the workers, but keep `test.py` whole: else each starts a service for it."""

    def _split_scope(self, nodeid: str) -> str:
        return "test.py" if nodeid.startswith("test.py::") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    return _WithTestPyInOnePlace(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """
    With `VIGNETTE_TEST_NO_SKIPS`, as in continuous integration, a skipped test is a failed run; but for tests that need
    root where there is another run as root, and those of real pictures, or of programs in JavaScript, where there is
    nothing to run them on.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("VIGNETTE_TEST_NO_SKIPS"):
        return
    reasons = {"root": os.geteuid() != 0, "corpus": not HAS_CORPUS, "node": shutil.which("node") is None}
    excused = {mark for mark, is_excused in reasons.items() if is_excused}
    skipped = reporter.stats.get("skipped", ())
    unexcused = [report.nodeid for report in skipped if not excused.intersection(getattr(report, "keywords", ()))]
    if unexcused:
        reporter.write_line(f"VIGNETTE_TEST_NO_SKIPS: skipped, thus failed: {', '.join(unexcused)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
