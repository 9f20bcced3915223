"""
Take the pictures of the README: the wall, the tray, a picture's page, and a phone; in light and in dark.

    script/screenshots [folder]

A service of its own, in a folder that is removed afterwards, shows the photo of `image_test/` and pictures that are
made of it: other parts of the same landscape, at other hours.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image, ImageEnhance, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent
PHOTO: Final = PROJECT_FOLDER / "image_test" / "photo.jpg"
NOTES: Final = PROJECT_FOLDER / "image_test" / "notes.txt"

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
DESKTOP: Final = (1280, 800)
PHONE: Final = (390, 844)

START_S: Final = 60.0
READY_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class View:
    """A part of the landscape at some hour: its `box` as shares of the whole, how light and how colourful it is."""

    name: str
    box: tuple[float, float, float, float]
    light: float = 1.0
    colour: float = 1.0
    hue: int = 0  # degrees


VIEWS: Final = (
    View("lake-in-the-evening", (0.0, 0.1, 1.0, 0.6)),
    View("the-temple", (0.1, 0.4, 0.55, 0.7), light=1.05, hue=8),
    View("clouds", (0.0, 0.0, 1.0, 0.35), light=1.1),
    View("hills-at-noon", (0.0, 0.35, 1.0, 0.62), light=1.25, colour=0.8),
    View("the-tree", (0.55, 0.3, 1.0, 0.9), light=0.95, hue=12),
    View("first-light", (0.2, 0.1, 0.9, 0.8), light=1.1, colour=0.7, hue=25),
    View("the-far-shore", (0.0, 0.45, 1.0, 0.7), colour=1.2),
    View("after-the-rain", (0.0, 0.05, 0.7, 0.95), light=0.9, colour=0.45),
    View("the-sun", (0.5, 0.1, 1.0, 0.45), light=1.15),
    View("a-blue-hour", (0.0, 0.2, 1.0, 0.75), light=0.6, hue=-12),
    View("water", (0.0, 0.58, 1.0, 0.95), hue=-8),
    View("winter", (0.1, 0.15, 0.8, 0.75), light=1.3, colour=0.15),
    View("across-the-lake", (0.0, 0.4, 0.8, 0.9), light=1.1, hue=18),
)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT_FOLDER / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vignette-screenshots-") as scratch:
        pictures = [*made(Path(scratch)), PHOTO]
        with service(Path(scratch)) as url, chromium() as browser:
            picture = send(url, pictures)
            for theme in THEMES:
                take(browser, url, picture, theme, folder)
            for theme in THEMES:
                take_tray(browser, url, pictures[:5], theme, folder)


def made(folder: Path) -> Iterator[Path]:
    """Make the pictures of `VIEWS` in *folder*."""
    with Image.open(PHOTO) as photo:
        landscape = ImageOps.exif_transpose(photo).convert("RGB")
    for view in VIEWS:
        left, top, right, bottom = view.box
        part = landscape.crop(
            (
                round(left * landscape.width),
                round(top * landscape.height),
                round(right * landscape.width),
                round(bottom * landscape.height),
            )
        )
        hue, saturation, value = part.convert("HSV").split()
        turned = hue.point([(degree + view.hue * 256 // 360) % 256 for degree in range(256)])
        picture = Image.merge("HSV", (turned, saturation, value)).convert("RGB")
        picture = ImageEnhance.Color(picture).enhance(view.colour)
        path = folder / f"{view.name}.jpg"
        ImageEnhance.Brightness(picture).enhance(view.light).save(path, quality=88)
        yield path


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """Run the service in *folder*, and give its address."""
    port = free_port()
    settings = {
        "VIGNETTE_PORT": str(port),
        "VIGNETTE_UPLOAD_FOLDER": str(folder / "uploads"),
        "VIGNETTE_STATE_FOLDER": str(folder / "state"),
        "VIGNETTE_CONFIG": "",
        "VIGNETTE_LOG_REQUESTS": "false",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("VIGNETTE_")}
    process = subprocess.Popen([sys.executable, "-m", "vignette", "serve"], cwd=PROJECT_FOLDER, env=others | settings)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(process, url)
        yield url
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz"):  # noqa: S310 (our own address)
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the service did not start")


@contextmanager
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        sys.exit("there is no Chromium on this machine (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Browser, theme: Theme, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB", reduced_motion="reduce"
    )
    return context.new_page()


def send(url: str, pictures: list[Path]) -> str:
    """Upload *pictures*; return the address of the page of the last one, when all have their vignettes."""
    pages = [uploaded(url, picture) for picture in pictures]
    deadline = time.monotonic() + READY_S
    while any(resource(page)["state"] != "ready" for page in pages):
        if time.monotonic() > deadline:
            sys.exit("the vignettes are not made")
        time.sleep(0.5)
    return pages[-1]


def uploaded(url: str, picture: Path) -> str:
    headers = {"Content-Disposition": f'attachment; filename="{picture.name}"', "Accept": "application/json"}
    request = urllib.request.Request(f"{url}/images", picture.read_bytes(), headers)  # noqa: S310 (our own address)
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return str(answer.headers["Location"])


def resource(page: str) -> dict[str, Any]:
    request = urllib.request.Request(page, headers={"Accept": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def take(browser: Browser, url: str, picture: str, theme: Theme, folder: Path) -> None:
    """Take the wall, a picture's page, and both on a phone."""
    page = opened(browser, theme, DESKTOP)
    page.goto(url, wait_until="networkidle")
    store(page, folder / f"wall-{theme}.jpg")
    page.goto(picture, wait_until="networkidle")
    store(page, folder / f"picture-{theme}.jpg")
    page.context.close()
    page = opened(browser, theme, PHONE)
    page.goto(url, wait_until="networkidle")
    store(page, folder / f"phone-{theme}.jpg")
    page.context.close()


def take_tray(browser: Browser, url: str, pictures: list[Path], theme: Theme, folder: Path) -> None:
    """Take the tray, while it tells of *pictures* and of a file that is none."""
    page = opened(browser, theme, DESKTOP)
    page.goto(url, wait_until="networkidle")
    page.set_input_files("#tray input[name=file]", [*map(str, pictures), str(NOTES)])
    page.wait_for_selector("#tray [data-part=show]:visible", timeout=READY_S * 1000)
    store(page, folder / f"tray-{theme}.jpg")
    page.context.close()


def store(page: Page, path: Path) -> None:
    page.screenshot(path=str(path), type="jpeg", quality=75)


if __name__ == "__main__":
    main()
