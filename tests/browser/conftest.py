"""A real Chromium, driven by Playwright, in front of a real service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.made import Made
from tests.running import Service, running_service

# First the two pages that Chromium makes ready in each window for its field of addresses: 40 % of what a window costs.
# It heeds the last such list alone, so the others are what Playwright's own leaves out.
_DISABLED_FEATURES = (
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,"
    "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch"
)

# On a busy machine a page takes its time; a test that passes does not wait for it.
EXPECTED_WITHIN_MS = 60_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt install chromium)")
    # Nothing of what a browser does for itself: it would only knock at hosts that no test may need.
    options = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    options.append(f"--disable-features={_DISABLED_FEATURES}")
    # Names that lead here, as those of a stranger's name server may.
    options.append("--host-resolver-rules=MAP *.test 127.0.0.1")
    # Its sandbox does not work for root, nor where nobody else may have user namespaces. It sees no page but ours.
    options.append("--no-sandbox")
    expect.set_options(timeout=EXPECTED_WITHIN_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


# What Chromium says of itself on a busy machine: the next page was drawn before the transition to it could begin.
_NO_TRANSITION = "Transition was aborted because of invalid state"


class Visit:
    """A reader's visit: their page, and what the browser complained of."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.page.on("console", lambda message: self._hear(message.text))
        self.page.on("pageerror", lambda error: self._hear(str(error)))
        self.page.on("request", lambda request: self._note(request.url))

    def _hear(self, words: str) -> None:
        if _NO_TRANSITION not in words:
            self.complaints.append(words)

    def _note(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.strangers.append(url)

    def upload(self, *files: Path) -> None:
        """Send *files* by the form of a page whose script for that has not come."""
        self.page.route("**/tray.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
        self.page.goto(f"{self.url}/add")
        self.page.set_input_files("form.upload input[type=file]", [str(file) for file in files])
        self.page.click("form.upload button")


def sign_in(page: Page, url: str, token: str, path: str = "/") -> None:
    """Sign in to the service at *url* with the key of *token*, and go on to *path*."""
    page.goto(f"{url}/login?next={path}")
    page.fill("#key", token)
    page.keyboard.press("Enter")
    page.wait_for_url(url + path)


def until_it_stays(page: Page) -> None:
    """
    Wait until *page*, which has no scripts, has all that it waits for. Until then it comes again by itself, which can
    be in the middle of what a test does.
    """
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.fixture
def visit(chromium: Browser, service: Service) -> Iterator[Visit]:
    context = chromium.new_context(base_url=service.url, locale="en-GB")
    yield Visit(context, service.url)
    context.close()


@pytest.fixture
def french_visit(chromium: Browser, service: Service) -> Iterator[Visit]:
    context = chromium.new_context(base_url=service.url, locale="fr-FR", color_scheme="dark")
    yield Visit(context, service.url)
    context.close()


@pytest.fixture
def visit_without_javascript(chromium: Browser, service: Service) -> Iterator[Visit]:
    context = chromium.new_context(base_url=service.url, locale="en-GB", java_script_enabled=False)
    yield Visit(context, service.url)
    context.close()
