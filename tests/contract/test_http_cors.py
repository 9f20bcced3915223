"""Pages of other sites use a key from the origins that it names, and from no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import no_catalogue, problem
from tests.doubles import Numbers
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.access.rates import Rate
from vignette.access.secrets import new_token
from vignette.use_cases.rating import Rates, Rating
from vignette.use_cases.ticketing import Terms
from vignette.web.capacity.buckets import AddressBuckets
from vignette.web.capacity.turns import Turns
from vignette.web.doors import HostDoor
from vignette.web.http.foreign_readers import KnownOrigins
from vignette.web.http.hosts import Hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

APP: Final = "https://app.example.org"
OTHER: Final = "https://other.example.org"
GUESTS: Final = "https://guests.example.org"
EVIL: Final = "https://evil.example.net"
SCOPES: Final = (Scope.UPLOAD, Scope.READ, Scope.DELETE)
ADDRESS: Final = Rate("address", 100, 60)
KEY: Final = Rate("key", 50, 60)
WRONG_KEYS: Final = Rate("wrong-keys", 3, 900)


class Site:
    def __init__(self, house: House) -> None:
        self.house = house
        self.key, self.token = house.keyholding.add(OPERATOR, "app", SCOPES, origins=[APP])
        _, self.other = house.keyholding.add(OPERATOR, "phone", SCOPES)

    def ask(self, method: str, path: str, origin: str, token: str | None) -> TestResponse:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = picture() if method == "POST" else b""
        return self.house.client.open(path, method=method, data=body, content_type="image/jpeg", headers=headers)

    def preflight(self, origin: str, path: str = "/images") -> TestResponse:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Sec-Fetch-Site": "cross-site",
        }
        return self.house.client.options(path, headers=headers)


class Busy(Site):
    """A site whose visitors have asked for much, and that has keys of other origins and a guest of another one."""

    def __init__(self, house: House, numbers: Numbers) -> None:
        super().__init__(house)
        self.numbers = numbers
        self.other_key, self.other = house.keyholding.add(OPERATOR, "other app", SCOPES, origins=[OTHER])
        sharer, _ = house.keyholding.add(OPERATOR, "sharer", [Scope.UPLOAD, Scope.SHARE])
        self.sharer = sharer.actor

    def has_spent_all(self) -> None:
        self.numbers.spent[ADDRESS.name, "127.0.0.1"] = ADDRESS.units


@pytest.fixture(params=[Access.GALLERY, Access.OPEN])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with new_house(tmp_path, access=request.param) as house:
        yield Site(house)


def test_a_page_of_a_named_origin_uploads_and_reads_what_came_of_it(site: Site) -> None:
    sent = site.ask("POST", "/images", APP, site.token)
    image = sent.headers["Location"].removeprefix("http://localhost")
    refused = site.ask("GET", "/images/none", APP, site.token)

    assert (sent.status_code, refused.status_code) == (201, 404)
    for answer in (sent, refused, site.ask("GET", image, APP, site.token)):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Origin" in answer.vary
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_any_other_page_is_refused(site: Site, method: str) -> None:
    image = site.house.upload(picture(), actor=site.key.actor)
    path = "/images" if method == "POST" else f"/images/{image.id}"
    for origin, token in ((EVIL, site.token), (APP, site.other), ("null", site.token), (f"{APP}.net", site.token)):
        answer = site.ask(method, path, origin, token)

        assert problem(answer)["type"] == "/problems/cross-site-request"
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.house.catalogue.index.next_id() == 1


@pytest.mark.parametrize("mark", ["cross-site", "same-site"])
def test_a_page_of_another_site_that_hides_its_origin_changes_nothing(site: Site, mark: str) -> None:
    shown = {"Authorization": f"Bearer {site.token}", "Sec-Fetch-Site": mark}
    answer = site.house.client.post("/images", data=picture(), content_type="image/jpeg", headers=shown)

    assert (answer.status_code, problem(answer)["type"]) == (403, "/problems/cross-site-request")
    assert site.house.catalogue.index.next_id() == 0


def test_a_key_that_is_none_opens_nothing_to_anybody(site: Site) -> None:
    answer = site.ask("POST", "/images", EVIL, "vk_none")

    assert answer.status_code == 401
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.ask("POST", "/images", APP, None).status_code == 403


@pytest.mark.parametrize("shown", ["Basic vk_none", "Token vk_none", "vk_none", "Bearer vt_none", "Bearer"])
def test_what_is_no_key_lets_no_page_do_what_anybody_may(site: Site, shown: str) -> None:
    headers = {"Origin": APP, "Authorization": shown}
    answer = site.house.client.post("/images", data=picture(), content_type="image/jpeg", headers=headers)

    assert answer.status_code in (401, 403)
    assert site.house.catalogue.index.next_id() == 0


def test_a_browser_that_asks_first_hears_of_origins_that_a_key_names(site: Site) -> None:
    known, unknown = site.preflight(APP), site.preflight(EVIL)

    assert (known.status_code, unknown.status_code) == (204, 204)
    assert known.headers["Access-Control-Allow-Origin"] == APP
    assert "Authorization" in known.headers["Access-Control-Allow-Headers"]
    assert "POST" in known.headers["Access-Control-Allow-Methods"]
    assert not [name for name, _ in unknown.headers if name.startswith("Access-Control")]


def test_a_question_that_is_no_preflight_is_answered_as_ever(site: Site) -> None:
    answer = site.house.client.options("/images", headers={"Authorization": f"Bearer {site.token}"})

    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]


def test_an_origin_that_was_taken_back_is_refused_at_once(site: Site) -> None:
    assert site.ask("GET", "/images", APP, site.token).status_code == 200

    site.house.keyholding.change(OPERATOR, site.key.id, origins=[])

    assert site.ask("GET", "/images", APP, site.token).status_code == 403


def test_of_a_key_that_has_expired_nobody_hears_the_origins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    site.house.keyholding.change(OPERATOR, site.key.id, expires_at=ends_at)
    assert site.house.keyholding.origins() == {APP}
    monkeypatch.setattr(site.house.keyholding, "_clock", lambda: ends_at + timedelta(milliseconds=1))

    assert site.house.keyholding.origins() == set()
    assert "Access-Control-Allow-Origin" not in site.preflight(APP).headers


def test_the_page_of_the_service_itself_needs_no_permission(site: Site) -> None:
    answer = site.ask("GET", "/images", "http://localhost", site.other)

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_a_browser_that_asks_first_hears_is_looked_up_anew_after_some_seconds() -> None:
    now, named, asked = 0.0, {APP}, []

    def read() -> set[str]:
        asked.append(now)
        return set(named)

    known = KnownOrigins(read, clock=lambda: now)
    assert (APP in known, EVIL in known) == (True, False)
    named.clear()
    now = 4.9
    assert APP in known
    now = 5.0
    assert APP not in known
    assert asked == [0.0, 5.0]


class TestWhatIsRefusedBeforeAKeyIsLookedAt:
    """Unless its page may read the refusal, an app hears of a network that failed, and never when to come again."""

    @pytest.fixture
    def busy(self, tmp_path: Path) -> Iterator[Busy]:
        numbers = Numbers()
        rating = Rating(numbers, Rates(of_address=ADDRESS, of_key=KEY, of_wrong_keys=WRONG_KEYS))
        with new_house(tmp_path, access=Access.GALLERY, rating=rating) as house:
            yield Busy(house, numbers)

    def test_is_read_by_pages_of_origins_that_a_key_names(self, busy: Busy) -> None:
        busy.has_spent_all()
        for path in ("/images", "/images/none", "/keys"):
            for method in ("GET", "POST", "DELETE"):
                assert_readable(busy.ask(method, path, APP, busy.token), 429)
                assert_unreadable(busy.ask(method, path, EVIL, busy.token), 429)

    def test_a_browser_that_asks_first_is_not_refused(self, busy: Busy) -> None:
        busy.has_spent_all()

        known, unknown = busy.preflight(APP), busy.preflight(EVIL)

        assert (known.status_code, known.headers["Access-Control-Allow-Origin"]) == (204, APP)
        assert "Authorization" in known.headers["Access-Control-Allow-Headers"]
        assert_unreadable(unknown, 204)

    def test_by_a_ticket_is_read_by_pages_that_one_names(self, busy: Busy) -> None:
        _, token = busy.house.context.ticketing.add(busy.sharer, Terms(origins=[GUESTS]))
        busy.has_spent_all()

        assert_readable(busy.ask("POST", "/images", GUESTS, token), 429, GUESTS)
        assert_readable(busy.ask("POST", f"/t/{token}", GUESTS, None), 429, GUESTS)
        assert_unreadable(busy.ask("GET", "/images", GUESTS, token), 429)
        assert_unreadable(busy.ask("POST", "/images", EVIL, token), 429)

    def test_for_wrong_keys_is_read_and_what_is_said_of_one_key_is_not(self, busy: Busy) -> None:
        for _ in range(WRONG_KEYS.units):
            assert_unreadable(busy.ask("GET", "/images", APP, new_token()), 401)

        assert_readable(busy.ask("GET", "/images", APP, busy.token), 429)

    def test_for_a_catalogue_that_is_away_is_read(self, busy: Busy) -> None:
        assert busy.ask("GET", "/images", APP, busy.token).status_code == 200
        assert busy.preflight(APP).status_code == 204

        with no_catalogue(busy.house):
            assert_readable(busy.ask("GET", "/images", APP, busy.token), 503)

    def test_what_a_key_has_spent_is_read_by_its_own_pages_alone(self, busy: Busy) -> None:
        for key in (busy.key, busy.other_key):
            busy.numbers.spent[KEY.name, f"key:{key.id}"] = KEY.units

        assert_readable(busy.ask("GET", "/images", APP, busy.token), 429)
        assert_unreadable(busy.ask("GET", "/images", APP, busy.other), 403)

    def test_nobody_who_shows_no_key_reads_on(self, busy: Busy) -> None:
        with no_catalogue(busy.house):
            assert_unreadable(busy.ask("GET", "/images", APP, None), 503)

    @pytest.mark.parametrize("layer", ["bucket", "turns"])
    def test_in_front_of_the_application_is_the_same(self, busy: Busy, layer: str) -> None:
        app, readers = busy.house.app.wsgi_app, busy.house.context.foreign_readers
        if layer == "bucket":
            layers: WSGIApplication = AddressBuckets(app, app, Rate("requests", 1, 10), readers=readers, clock=float)
            Client(layers).get("/images")
        else:
            layers = Turns(app, count=0, waiting=0, patience_s=0, readers=readers)
        client, status = Client(HostDoor(layers, layers, Hosts())), 429 if layer == "bucket" else 503
        asking = {"Access-Control-Request-Method": "POST"}

        for _ in range(2):
            assert_readable(client.get("/images", headers={"Origin": APP}), status)
            assert_unreadable(client.get("/images", headers={"Origin": EVIL}), status)
            assert_unreadable(client.get("/images"), status)
        preflight = client.options("/images", headers={"Origin": APP, **asking})
        assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, APP)
        assert_unreadable(client.options("/images", headers={"Origin": EVIL, **asking}), status)
        for method in ("GET", "OPTIONS"):
            foreign = client.open("/images", method=method, headers={"Origin": APP, "Host": "evil.example", **asking})
            assert_unreadable(foreign, status)

    def test_for_its_host_is_read_by_nobody(self, busy: Busy) -> None:
        app = busy.house.app.wsgi_app
        busy.has_spent_all()

        answer = Client(HostDoor(app, app, Hosts())).get("/images", headers={"Origin": APP, "Host": "evil.example"})

        assert_unreadable(answer, 421)


def assert_readable(answer: TestResponse, status: int, origin: str = APP) -> None:
    assert answer.status_code == status
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in ", ".join(answer.headers.getlist("Vary"))
    assert "Access-Control-Allow-Credentials" not in answer.headers


def assert_unreadable(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
