"""The service behind the tray, and a line to it that can be held."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.unsteady_line import Line, unsteady_line
from tests.running import Service, running_service
from vignette.limits import MIB


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), max_upload_bytes=20 * MIB) as service:
        yield service


@pytest.fixture
def line(service: Service) -> Iterator[Line]:
    with unsteady_line(service.url) as line:
        yield line
