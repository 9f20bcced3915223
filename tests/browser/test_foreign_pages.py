"""Pages of strangers in a real browser that can reach the service: nothing is uploaded, deleted, shown or read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Route

from tests.running import PROJECT_FOLDER, Service, http_client
from vignette.trials.own_port import free_port

pytestmark = pytest.mark.browser

PHOTO = PROJECT_FOLDER / "image_test" / "photo.jpg"

# What a script of a page can try; it answers what it could do.
ATTACK = """
async ([target, id]) => {
  const did = [];
  const file = () => {
    const form = new FormData();
    form.append("file", new Blob([Uint8Array.from(atob(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    ), c => c.charCodeAt(0))], {type: "image/png"}), "a.png");
    return form;
  };
  const attempt = async (what, work) => { try { if (await work()) did.push(what); } catch { } };
  for (const mode of ["no-cors", "cors"]) {
    await attempt("uploaded", async () => (await fetch(target + "/images", {method: "POST", mode, body: file()})).ok);
  }
  for (const path of ["images", `images/${id}`, `images/${id}/metadata.json`, `images/${id}/original`, "limits"]) {
    await attempt("read " + path, async () => (await fetch(`${target}/${path}`)).ok);
  }
  for (const path of [`vignette/${id}`, `images/${id}/original`, `images/${id}/public`]) {
    await attempt("showed " + path, () => new Promise(resolve => {
      const image = new Image();
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
      image.src = `${target}/${path}`;
    }));
  }
  await attempt("deleted", async () =>
    (await fetch(`${target}/images/${id}/delete`, {method: "POST", mode: "no-cors"})).ok);
  await attempt("deleted", async () => (await fetch(`${target}/images/${id}`, {method: "DELETE"})).ok);
  return did;
}
"""

FORM = """
([target, id, referrer]) => {
  document.body.innerHTML = `<meta name="referrer" content="${referrer}">
    <form method="post" action="${target}/images/${id}/delete"></form>`;
  document.forms[0].submit();
}
"""


@dataclass(frozen=True)
class Stranger:
    """A page at *url*, which may call the service *target*."""

    url: str
    target: str


def strangers(service: Service) -> dict[str, Stranger]:
    """The service listens on 127.0.0.1; each name below "test" leads there, as a stranger's name server may have it."""
    port = service.url.rpartition(":")[2]
    return {
        "another name": Stranger("http://evil.test/", service.url),
        "another port": Stranger(f"http://127.0.0.1:{free_port()}/", service.url),
        "another name and port, rebound": Stranger("http://evil.test/", f"http://rebound.test:{port}"),
        "the name was rebound": Stranger(f"http://rebound.test:{port}/page", f"http://rebound.test:{port}"),
    }


def numbers(service: Service) -> list[int]:
    """Those of the images that are there."""
    answer = http_client.get(f"{service.url}/images", headers={"Accept": "application/json"}).json()
    return [image["id"] for image in answer["images"]]


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    yield context
    context.close()


@pytest.mark.parametrize(
    "name", ["another name", "another port", "another name and port, rebound", "the name was rebound"]
)
def test_a_page_of_a_stranger_can_do_nothing(context: BrowserContext, service: Service, name: str) -> None:
    number = int(http_client.post(f"{service.url}/images", files={"file": PHOTO.read_bytes()}).text)
    http_client.get(f"{service.url}/vignette/{number}", headers={"Prefer": "wait=20"})
    before = numbers(service)
    stranger = strangers(service)[name]

    def serve(route: Route) -> None:
        route.fulfill(body="<!doctype html><title>A stranger's page</title><body></body>", content_type="text/html")

    context.route(stranger.url, serve)
    page = context.new_page()
    page.goto(stranger.url)

    assert page.evaluate(ATTACK, [stranger.target, number]) == []
    for referrer in ("unsafe-url", "no-referrer"):
        page.goto(stranger.url)
        with page.expect_response(f"{stranger.target}/**") as answer:
            page.evaluate(FORM, [stranger.target, number, referrer])
        assert answer.value.status in (403, 421)
        page.wait_for_url("**/delete")
    assert numbers(service) == before


def test_a_page_of_ours_can_do_all_of_it(context: BrowserContext, service: Service) -> None:
    """Else the test above would see nothing."""
    number = int(http_client.post(f"{service.url}/images", files={"file": PHOTO.read_bytes()}).text)
    http_client.get(f"{service.url}/vignette/{number}", headers={"Prefer": "wait=20"})
    page = context.new_page()
    page.goto(f"{service.url}/images")

    did = set(page.evaluate(ATTACK, [service.url, number]))

    assert {"uploaded", f"read images/{number}", f"showed vignette/{number}", "deleted"} <= did
