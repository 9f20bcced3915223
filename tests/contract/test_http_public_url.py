"""A service that clients reach below a path of another host: every URL that it tells lies there, and answers there."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER, JSON
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from vignette.recipes import Recipe

PUBLIC = "https://example.org/pictures"

# Attributes that hold an address in HTML, or in one that our scripts read.
_ADDRESSES = {"href", "src", "action", "formaction", "poster", "data", "cite", "background", "data-cross"}


class Proxy:
    """As nginx with `proxy_pass http://127.0.0.1:5000/;` in `location /pictures/`: the path is taken off."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        assert path.startswith("/pictures/"), f"{path} is another site's"
        environ |= {"PATH_INFO": path.removeprefix("/pictures"), "HTTP_HOST": "127.0.0.1:5000"}
        environ |= {"wsgi.url_scheme": "http"}
        return self._app(environ, start_response)  # type: ignore[no-any-return]


class Visitor:
    """Whoever comes from outside, through the proxy."""

    def __init__(self, house: House) -> None:
        self._client = Client(Proxy(house.app))

    def ask(self, url: str, method: str = "GET", **options: Any) -> TestResponse:
        assert url.startswith(f"{PUBLIC}/"), f"{url} does not lie below {PUBLIC}"
        path = url.removeprefix("https://example.org")
        return self._client.open(path, method=method, buffered=True, **options)

    def page(self, path: str, method: str = "GET", **options: Any) -> TestResponse:
        return self.ask(f"{PUBLIC}{path}", method, headers={"Accept": BROWSER}, **options)


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[House]:
    """A service with an image that is ready, one that moves, one that failed, and one that waits."""
    recipes = (Recipe("small", 256, 256), Recipe("large", 1280, 1280))
    with new_house(tmp_path, public_url=PUBLIC, recipes=recipes) as house:
        house.upload(picture(1000, 800))
        house.upload(broken_pixels(), "broken.png")
        house.work()
        house.upload(picture(), "waits.jpg")
        house.jobs.hinted.clear()
        yield house


@pytest.fixture
def visitor(inside: House) -> Visitor:
    return Visitor(inside)


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._method = "get"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._method = given.get("method", "get")
        method = self._method if tag == "form" or "formaction" in given else "get"
        self.found += [(method.upper(), given[name]) for name in _ADDRESSES & given.keys()]
        for candidate in given.get("srcset", "").split(","):
            if candidate.strip():
                self.found.append(("GET", candidate.split()[0]))
        if given.get("http-equiv") == "refresh" and "url=" in given["content"].lower():
            self.found.append(("GET", re.split("url=", given["content"], flags=re.IGNORECASE)[1]))


def addresses(answer: TestResponse, url: str) -> Iterator[tuple[str, str]]:
    """Method and absolute URL of all that *answer*, which came from *url*, leads to."""
    for name in ("Location", "Content-Location"):
        if name in answer.headers:
            yield "GET", urljoin(url, answer.headers[name])
    for link in re.findall("<([^>]*)>", answer.headers.get("Link", "")):
        yield "GET", urljoin(url, link)
    if answer.mimetype == "text/html":
        reader = _Addresses()
        reader.feed(answer.text)
        found = reader.found
    elif answer.mimetype == "text/css":
        found = [("GET", link) for link in re.findall(r"url\(['\"]?([^'\")]+)", answer.text)]
    elif answer.mimetype == "text/javascript":
        found = [("GET", link) for link in re.findall(r"(?:from|import|fetch\()\s*['\"]([^'\"]+)['\"]", answer.text)]
    elif answer.mimetype.endswith("json") and "/openapi.json" not in url:
        found = [("GET", text) for text in _texts(json.loads(answer.data)) if re.match(r"https?:|/[a-z]", text)]
    else:
        found = []
    yield from ((method, urljoin(url, link)) for method, link in found if not link.startswith(("data:", "#")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def crawl(visitor: Visitor, answer: TestResponse, url: str, *, to_the_end: bool = False) -> set[str]:
    """Follow all that *answer*, which came from *url*, leads to; and *to_the_end* all that that leads to. The URLs."""
    seen: set[str] = set()
    waiting = [(answer, url)]
    while waiting:
        answer, url = waiting.pop()
        for method, link in addresses(answer, url):
            target = urldefrag(link).url
            if f"{method} {target}" in seen:
                continue
            seen.add(f"{method} {target}")
            if method == "POST":
                allowed = visitor.ask(target, "OPTIONS").headers["Allow"]
                assert "POST" in allowed, f"{url} has a form that leads to {target}"
                continue
            for accept in (BROWSER, JSON):
                found = visitor.ask(target, headers={"Accept": accept})
                # The vignette of the image that failed is its problem.
                # The form of the wall names images once some are selected.
                is_needy = "/vignette/1" in target or target.endswith("/images.zip")
                assert found.status_code < 400 or is_needy, f"{url} leads to {target}: {found.status}"
                if to_the_end:
                    waiting.append((found, target))
    return {line.partition(" ")[2] for line in seen}


def test_everything_that_a_page_leads_to_lies_below_the_path_and_answers(visitor: Visitor) -> None:
    found = crawl(visitor, visitor.page("/"), f"{PUBLIC}/", to_the_end=True)

    for path in (
        *("/images", "/images/0", "/images/1", "/images/2", "/images/0/original", "/images/0/public"),
        *("/images/0/metadata.txt", "/images/0/metadata.json", "/images/1/retry", "/images/0/delete"),
        *("/docs", "/openapi.json", "/limits", "/problems", "/problems/no-file"),
        *("/assets/vignette.css", "/assets/tray.js", "/assets/thumbhash.js", "/assets/icon.svg", "/assets/cross.svg"),
        *(
            "/assets/wall.css",
            "/assets/selecting.js",
            "/manifest.webmanifest",
            "/images.zip",
            "/language?to=fr",
            "/add",
        ),
    ):
        assert f"{PUBLIC}{path}" in {re.sub("/assets/[0-9a-f]{10}/", "/assets/", url) for url in found}
    assert any("/vignette/0?size=large&v=" in url for url in found)


@pytest.mark.parametrize(
    ("status", "path"),
    [(202, "/vignette/2"), (422, "/vignette/1"), (200, "/images?limit=1"), (404, "/nowhere"), (404, "/problems/none")],
)
def test_pages_that_nothing_leads_to_do_the_same(visitor: Visitor, status: int, path: str) -> None:
    answer = visitor.page(path)

    assert answer.status_code == status
    assert f"{PUBLIC}/" in crawl(visitor, answer, f"{PUBLIC}{path}")


@pytest.mark.parametrize(
    ("status", "contents"), [(400, []), (415, [b"words"]), (303, [picture(), b"words"]), (303, [picture(), picture()])]
)
def test_what_a_form_is_answered_does_the_same(visitor: Visitor, status: int, contents: list[bytes]) -> None:
    form = {"file": [(io.BytesIO(content), "a.jpg") for content in contents], "other": "x"}

    answer = visitor.page("/images", "POST", data=form, content_type="multipart/form-data")

    assert answer.status_code == status
    assert f"{PUBLIC}/" in crawl(visitor, answer, f"{PUBLIC}/images", to_the_end=answer.status_code == 303)


@pytest.mark.parametrize(
    ("path", "location"),
    [("/images/1/retry", f"{PUBLIC}/images/1"), ("/images/0/delete", f"{PUBLIC}/")],
)
def test_a_button_leads_to_a_page_below_the_path(visitor: Visitor, path: str, location: str) -> None:
    answer = visitor.page(path, "POST")

    assert (answer.status_code, answer.headers["Location"]) == (303, location)


def test_the_answers_to_a_program_do_the_same(visitor: Visitor) -> None:
    raw = {"data": picture(colour="red"), "content_type": "image/jpeg"}
    created = visitor.ask(f"{PUBLIC}/images", "POST", headers={"Accept": JSON}, **raw)

    assert (created.status_code, created.headers["Location"]) == (201, f"{PUBLIC}/images/3")
    assert f"{PUBLIC}/images/3/original" in crawl(visitor, created, f"{PUBLIC}/images")
    assert f"{PUBLIC}/images?limit=1&before=3" in crawl(visitor, visitor.ask(f"{PUBLIC}/images?limit=1"), PUBLIC)


def test_a_problem_s_type_leads_to_its_page(visitor: Visitor) -> None:
    for path in ("/nowhere", "/images/99", "/images/1", "/images?limit=none"):
        url = f"{PUBLIC}{path}"
        body = visitor.ask(url).json
        problem = body.get("failure") or body

        assert problem["type"].startswith("/pictures/problems/")
        assert visitor.ask(urljoin(url, problem["type"])).status_code == 200


def test_nothing_tells_where_the_service_really_is(visitor: Visitor) -> None:
    for path in ("/", "/images", "/images/0", "/docs", "/openapi.json", "/problems/no-file"):
        for accept in (BROWSER, JSON):
            answer = visitor.ask(f"{PUBLIC}{path}", headers={"Accept": accept})
            assert "127.0.0.1:5000" not in answer.text
            assert "localhost" not in answer.text
    assert f"curl -F file=@photo.jpg {PUBLIC}/images" in visitor.page("/").text
    assert visitor.ask(f"{PUBLIC}/openapi.json").json["servers"] == [{"url": PUBLIC}]


def test_the_service_itself_answers_without_the_path(inside: House) -> None:
    """As the proxy asks it, and whoever looks after it on its own machine."""
    assert inside.client.get("/healthz").json == {"status": "alive"}


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("https://example.org", "https://example.org/images/0"),
        ("https://example.org:8443", "https://example.org:8443/images/0"),
        ("http://[::1]:8080/a/b", "http://[::1]:8080/a/b/images/0"),
        ("https://example.org//pictures", "https://example.org/pictures/images/0"),
        ("https://exämple.org/bïlder", "https://xn--exmple-cua.org/b%C3%AFlder/images/0"),
        ("https://example.org/two%20words", "https://example.org/two%20words/images/0"),
    ],
)
def test_links_begin_with_the_public_url(tmp_path: Path, public_url: str, link: str) -> None:
    with new_house(tmp_path, public_url=public_url) as house:
        house.upload(picture())

        assert house.client.get("/images/0").json["links"]["self"] == link
        page = house.client.get("/images/0", headers={"Accept": BROWSER}).text
        folder = re.escape(urlsplit(link).path.removesuffix("/images/0"))
        assert re.search(f'href="{folder}/assets/[0-9a-f]{{10}}/vignette.css"', page)


def test_without_one_links_begin_with_the_host_that_was_asked(house: House) -> None:
    house.upload(picture())

    links = house.client.get("/images/0", base_url="http://pictures.local:5000").json["links"]

    assert links["self"] == "http://pictures.local:5000/images/0"
    assert house.client.get("/nowhere").json["type"] == "/problems/not-found"
