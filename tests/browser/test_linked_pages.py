"""The page of a signed link, as a browser shows it: its pictures come by links too, and nothing else is asked for."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit
from tests.browser.test_pages import nothing_rendered
from tests.contract.test_http_links import talkative
from tests.running import Service, http_client, until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("place", ["none", "exact"])
def test_its_picture_is_shown_and_nothing_but_links_and_assets_is_asked_for(visit: Visit, place: str) -> None:
    sent = http_client.post(
        f"{visit.url}/images", content=talkative(1600, 400), headers={"Accept": "application/json"}
    ).json()
    until(lambda: not http_client.get(sent["links"]["self"]).json()["renditions_pending"])
    body = {"what": "page", "place": place, "expires_at": "2999-01-01T00:00:00Z"}
    url = http_client.post(f"{visit.url}/images/{sent['id']}/links", json=body).json()["url"]
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))

    visit.page.goto(url)
    visit.page.wait_for_function("document.images.length && [...document.images].every(it => it.naturalWidth > 0)")

    paths = [urlsplit(address) for address in asked]
    assert {path.path.split("/")[1] for path in paths} == {"images", "vignette", "assets"}
    assert all("signature=" in path.query for path in paths if not path.path.startswith("/assets/"))
    assert visit.complaints == []
    assert visit.strangers == []
    assert visit.page.locator("a, form, button").count() == 0
    assert ("SECRET" in visit.page.content()) is (place == "exact")
    visit.page.set_viewport_size({"width": 360, "height": 640})
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_picture_that_is_being_made_comes_without_a_reload(visit: Visit, service: Service) -> None:
    with nothing_rendered(service):
        answer = http_client.post(
            f"{visit.url}/images", content=talkative(1200, 300), headers={"Accept": "application/json"}
        )
        assert answer.status_code == 201, answer.text
        sent = answer.json()
        body = {"what": "page", "place": "none", "expires_at": "2999-01-01T00:00:00Z"}
        url = http_client.post(f"{visit.url}/images/{sent['id']}/links", json=body).json()["url"]
        visit.page.goto(url)
        visit.page.evaluate("window.here = true")
        expect(visit.page.locator(".mat .state")).to_contain_text("is being made")
        assert faults(visit.page) == []

    expect(visit.page.locator(".whole img")).to_be_visible(timeout=60_000)
    assert visit.page.evaluate("window.here")
    assert visit.complaints == []
