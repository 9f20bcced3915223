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
from tests.makers import jpeg_segment, jpeg_with, png_chunk

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


OBEYED = set("\x1b\x9b\u202e\u2066\u2028")
COMMANDS = f"here {''.join(sorted(OBEYED))} and there"


def commanding() -> bytes:
    """A PNG whose author, description and alternative text command a terminal, and turn the direction of writing."""
    words = COMMANDS.encode()
    xmp = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:i="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
        b" i:AltTextAccessibility='" + words.replace(b"\x1b", b"") + b"'/></rdf:RDF>"
    )
    chunks = [
        png_chunk(b"iTXt", b"Author\0\0\0\0\0" + words),
        png_chunk(b"iTXt", b"Description\0\0\0\0\0" + words),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
    ]
    content = picture(file_format="PNG")
    end = content.index(b"IDAT") - 4
    return content[:end] + b"".join(chunks) + content[end:]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("path", ["/images/0", "/%1b[31m%E2%80%AEgpj.exe", "/%E2%80%AE/original"])
def test_no_page_obeys_what_it_shows(house: House, path: str, language: str) -> None:
    post(house, (commanding(), "photo.png"))
    house.work()

    page = house.client.get(path, headers={"Accept": BROWSER, "Accept-Language": language}).text

    assert not OBEYED & set(page)
    assert "\ufffd" in page or "gpj.exe" not in page


def test_no_problem_turns_the_direction_of_writing(house: House) -> None:
    assert "\u202e" not in house.client.get("/%E2%80%AEgpj.exe").text


@pytest.mark.parametrize("name", ["photo.jpg", "photo.gif", "photo.png"])
def test_what_begins_as_something_else_is_refused(house: House, name: str) -> None:
    for content, _ in POLYGLOTS.values():
        response = post(house, (SCRIPT + content, name))

        assert (response.status_code, problem(response)["type"]) == (415, "/problems/unsupported-format")
