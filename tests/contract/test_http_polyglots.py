"""
A file that is a picture and something else besides comes back byte for byte, as a picture and nothing else: no browser
is given a reason to run it, and none of the copies made of it holds the rest.
"""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.contract.asking import BROWSER, post, problem
from tests.house import House, picture
from tests.makers import jpeg_segment, jpeg_with

SCRIPT = b"<html><body><script>alert('SECRET')</script></body></html>"


def jpeg_and_html() -> bytes:
    """A page in a comment at its beginning, where sniffers look, and behind its end."""
    return jpeg_with(jpeg_segment(0xFE, SCRIPT), content=picture()) + SCRIPT


def gif_and_javascript() -> bytes:
    """`GIF89a` is a name; the width of its screen begins a comment, which ends behind the picture."""
    content = picture(file_format="GIF")
    return content[:6] + b"/*" + content[8:] + b"*/=1;alert('SECRET')"


def png_and_zip() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("SECRET.html", SCRIPT)
    return picture(file_format="PNG") + archive.getvalue()


POLYGLOTS = {
    "JPEG and HTML": (jpeg_and_html(), "image/jpeg"),
    "GIF and JavaScript": (gif_and_javascript(), "image/gif"),
    "PNG and ZIP": (png_and_zip(), "image/png"),
}
NAMES = ["page.html", "script.js", "archive.zip"]


@pytest.mark.parametrize(("content", "media_type"), POLYGLOTS.values(), ids=POLYGLOTS)
def test_it_is_served_as_a_picture_and_nothing_else(house: House, content: bytes, media_type: str) -> None:
    for number, name in enumerate(NAMES):
        assert post(house, (content, name)).status_code == 201
        house.work()

        original = house.client.get(f"/images/{number}/original", headers={"Accept": BROWSER})

        assert original.data == content
        assert original.mimetype == media_type
        assert original.headers["Content-Disposition"].startswith("attachment; filename=")
        assert not original.headers["Content-Disposition"].endswith((".html", ".js", ".zip"))
        assert original.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in original.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/images/0/public", "/vignette/0"])
@pytest.mark.parametrize(("content", "media_type"), POLYGLOTS.values(), ids=POLYGLOTS)
def test_what_is_made_of_it_is_a_picture_only(house: House, content: bytes, media_type: str, path: str) -> None:
    post(house, (content, "page.html"))
    house.work()

    made = house.client.get(path, headers={"Accept": BROWSER})

    assert made.status_code == 200
    assert made.mimetype == (media_type if path.endswith("public") else "image/webp")
    assert b"SECRET" in content
    assert b"SECRET" not in made.data
    assert made.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in made.headers["Content-Security-Policy"]


def test_what_it_says_is_told_as_text(house: House) -> None:
    post(house, (jpeg_and_html(), "page.html"))

    text = house.client.get("/images/0/metadata.txt", headers={"Accept": BROWSER})
    page = house.client.get("/images/0", headers={"Accept": BROWSER})

    assert SCRIPT in text.data
    assert text.mimetype == "text/plain"
    assert text.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in text.headers["Content-Security-Policy"]
    assert b"SECRET" in page.data
    assert b"<script>alert" not in page.data


@pytest.mark.parametrize("name", ["photo.jpg", "photo.gif", "photo.png"])
def test_what_begins_as_something_else_is_refused(house: House, name: str) -> None:
    for content, _ in POLYGLOTS.values():
        response = post(house, (SCRIPT + content, name))

        assert (response.status_code, problem(response)["type"]) == (415, "/problems/unsupported-format")
