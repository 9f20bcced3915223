"""Over HTTP: who asks too much is told so, before anything is done for him; and what he has left."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER, post, problem
from tests.doubles import Numbers
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Actor, Scope
from vignette.access.policy import Access
from vignette.access.quotas import Quota
from vignette.access.rates import Rate
from vignette.access.secrets import new_token
from vignette.adapters.door.inspecting import InspectorHere
from vignette.use_cases.rating import Rates, Rating
from vignette.use_cases.ticketing import Terms
from vignette.web.capacity.buckets import AddressBuckets
from vignette.web.doors import HostDoor
from vignette.web.fast_path import FastPath
from vignette.web.http.hosts import Hosts
from vignette.wiring.fair_checks import FairChecks

REGISTRY: Final = "https://iana.org/assignments/http-problem-types#"
ADDRESS: Final = Rate("address", 100, 60)
KEY: Final = Rate("key", 50, 60)
WRONG_KEYS: Final = Rate("wrong-keys", 3, 900)
UPLOADER: Final = frozenset({Scope.UPLOAD, Scope.READ, Scope.EDIT, Scope.DELETE})


class Processor:
    """The processor time of a thread: each look at it takes so many seconds more."""

    def __init__(self) -> None:
        self.each_s = self.taken_s = 0.0

    def __call__(self) -> float:
        self.taken_s += self.each_s
        return self.taken_s


class Limited:
    """A service behind a door, with a key, whose windows are numbers."""

    def __init__(self, root: Path, *, quota: Quota = Quota(), **rates: Rate) -> None:  # noqa: B008 (it is frozen)
        self.numbers = Numbers()
        self.processor = Processor()
        self.house = House(
            root,
            access=Access.GALLERY,
            settling_s=0,
            uploads_of_key=1,
            inspector=FairChecks(InspectorHere()),
            rating=Rating(self.numbers, Rates(**rates), processor_s=self.processor),
        )
        self.key, self.token = self.house.keyholding.add(OPERATOR, "phone", UPLOADER, quota=quota)

    def ask(self, path: str, method: str = "GET", token: str | None = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.house.client.open(path, method=method, headers={**headers, **options.pop("headers", {})}, **options)

    def announce(self, size: int) -> TestResponse:
        """Send an upload of so many bytes, of which none may be read."""
        return self.ask(
            "/images",
            "POST",
            self.token,
            input_stream=Unread(),
            content_type="image/jpeg",
            environ_overrides={"CONTENT_LENGTH": str(size)},
        )

    def send(self, content: bytes | None = None) -> TestResponse:
        content = picture() if content is None else content
        return self.ask("/images", "POST", self.token, data=content, content_type="image/jpeg")

    def announce_and_send(self, size: int) -> TestResponse:
        """Send so many bytes that are no picture, of which none is checked."""
        return self.ask("/images", "POST", self.token, data=bytes(size), content_type="text/plain")

    def exhaust(self, rate: Rate, holder: str, *, but: int = 0) -> None:
        self.numbers.spent[rate.name, holder] = rate.units - but


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    made = Limited(tmp_path, of_address=ADDRESS, of_key=KEY, of_wrong_keys=WRONG_KEYS)
    yield made
    made.house.close()


HERE: Final = "127.0.0.1"


def test_an_answer_tells_what_is_left(limited: Limited) -> None:
    nobody, somebody = limited.ask("/images"), limited.ask("/images", token=limited.token)

    assert nobody.headers["RateLimit-Policy"] == '"address";q=100;w=60'
    assert nobody.headers["RateLimit"] == '"address";r=99;t=2'
    assert somebody.headers["RateLimit-Policy"] == '"address";q=100;w=60, "key";q=50;w=60'
    assert somebody.headers["RateLimit"] == '"address";r=98;t=2, "key";r=49;t=2'


def test_whoever_has_spent_all_is_told_to_wait(limited: Limited) -> None:
    limited.exhaust(ADDRESS, HERE)

    refused = limited.ask("/images")

    told = problem(refused)
    assert (refused.status_code, told["type"]) == (429, f"{REGISTRY}quota-exceeded")
    assert (told["violated-policies"], told["measured"], told["limit"]) == (["address"], 1, 100)
    assert int(refused.headers["Retry-After"]) >= 2
    assert refused.headers["RateLimit"] == '"address";r=0;t=2'
    page = limited.ask("/images", headers={"Accept": BROWSER})
    assert page.status_code == 429
    assert 'href="/problems/quota-exceeded"' in page.text
    assert {limited.ask(path).status_code for path in ("/healthz", "/readyz")} <= {200, 503}


def test_each_layer_refuses_before_the_next_is_asked(limited: Limited) -> None:
    """Host, rate, origin, who asks, and may he: who fails at several hears of the first."""
    app = limited.house.app.wsgi_app
    client = Client(HostDoor(app, app, Hosts()))

    def heard(host: str = "localhost", **headers: str) -> str:
        at = {"REMOTE_ADDR": HERE}
        answer = client.post("/keys", base_url=f"http://{host}", headers=headers, environ_overrides=at)
        return str(problem(answer)["type"]).rpartition("/")[2].rpartition("#")[2]

    foreign, valid, wrong = "https://evil.example", f"Bearer {limited.token}", f"Bearer {new_token()}"
    limited.exhaust(ADDRESS, HERE)
    assert heard("evil.example", Origin=foreign) == "misdirected-request"
    assert heard(Origin=foreign) == heard(Authorization=wrong) == "quota-exceeded"
    limited.numbers.spent.clear()
    assert heard(Origin=foreign) == "cross-site-request"
    assert heard(Origin=foreign, Authorization=wrong) == heard(Authorization=wrong) == "invalid-key"
    limited.exhaust(KEY, limited.key.actor.identity or "")
    assert heard(Origin=foreign, Authorization=valid) == "cross-site-request"
    assert heard(Authorization=valid) == "quota-exceeded"
    limited.numbers.spent.clear()
    assert (heard(), heard(Authorization=valid)) == ("key-required", "missing-scope")


def test_an_address_is_asked_before_anybody_looks_at_its_key(limited: Limited) -> None:
    limited.exhaust(ADDRESS, HERE)

    assert limited.ask("/images", token=new_token()).status_code == 429
    assert ("wrong-keys", HERE) not in limited.numbers.spent


def test_a_key_is_refused_from_whichever_address(limited: Limited) -> None:
    limited.exhaust(KEY, limited.key.actor.identity or "")

    for address in ("192.0.2.1", "192.0.2.2"):
        refused = limited.ask("/images", token=limited.token, environ_base={"REMOTE_ADDR": address})
        assert problem(refused)["violated-policies"] == ["key"]
    assert limited.ask("/images").status_code == 200


def test_a_session_counts_as_its_key(limited: Limited) -> None:
    browser = Client(limited.house.app)
    browser.post("/login", data={"key": limited.token}, headers={"Sec-Fetch-Site": "same-origin"})

    browser.get("/images")

    assert limited.numbers.spent["key", f"key:{limited.key.id}"] == 1


@pytest.mark.parametrize("by_url", [False, True])
def test_a_ticket_is_counted_on_each_way_in(limited: Limited, by_url: bool) -> None:
    maker = Actor(limited.key.id, frozenset({Scope.UPLOAD, Scope.SHARE}))
    ticket, token = limited.house.context.ticketing.add(maker, Terms())
    path, shown = (f"/t/{token}", None) if by_url else ("/limits", token)

    assert limited.ask(path, token=shown).status_code == 200
    assert limited.numbers.spent["key", f"ticket:{ticket.id}"] == 1
    limited.exhaust(KEY, f"ticket:{ticket.id}")
    assert problem(limited.ask(path, token=shown))["violated-policies"] == ["key"]


class TestUploads:
    def test_one_takes_what_it_costs(self, limited: Limited) -> None:
        assert limited.send().status_code == 201

        assert limited.numbers.spent["key", f"key:{limited.key.id}"] >= 3, "the request, its bytes, and their check"

    def test_one_that_is_refused_takes_what_its_check_did(self, limited: Limited) -> None:
        assert limited.send(picture()[:-100]).status_code == 422

        assert limited.numbers.spent["address", HERE] >= 3

    def test_one_that_costs_more_than_is_left_is_refused_before_it_comes(self, limited: Limited) -> None:
        limited.exhaust(KEY, f"key:{limited.key.id}", but=2)

        refused = limited.announce(5_000_000)

        assert problem(refused)["violated-policies"] == ["key"]
        assert limited.house.is_clean()

    def test_a_key_has_so_many_at_once(self, limited: Limited) -> None:
        with limited.house.context.capacity.upload(limited.key.actor.identity):
            refused = limited.send()

        told = problem(refused)
        assert (refused.status_code, told["violated-policies"]) == (429, ["uploads-at-once"])
        assert limited.send().status_code == 201


class Unread(io.BytesIO):
    def read(self, *_: int | None) -> bytes:
        pytest.fail("the body was read")


class TestWhatAnAnswerTakes:
    @pytest.mark.parametrize("accept", ["application/json", BROWSER])
    def test_is_spent_when_it_is_known(self, limited: Limited, accept: str) -> None:
        limited.processor.each_s = 0.1

        answer = limited.ask("/images?limit=500", token=limited.token, headers={"Accept": accept})

        assert limited.numbers.spent["address", HERE] == 20
        assert limited.numbers.spent["key", f"key:{limited.key.id}"] == 20
        assert answer.headers["RateLimit"] == '"address";r=80;t=2, "key";r=30;t=2'

    def test_is_nothing_more_where_the_first_unit_is_enough(self, limited: Limited) -> None:
        limited.processor.each_s = 0.004

        limited.ask("/images")

        assert limited.numbers.spent["address", HERE] == 1

    def test_of_an_upload_is_spent_once(self, limited: Limited) -> None:
        limited.announce_and_send(1_000_000)
        paid = limited.numbers.spent["address", HERE]
        limited.processor.each_s = 0.007

        limited.announce_and_send(1_000_000)

        assert limited.numbers.spent["address", HERE] == 2 * paid, "what was taken for receiving it is not taken again"

    def test_and_more_than_is_left_is_all(self, limited: Limited) -> None:
        limited.processor.each_s = 60.0

        assert limited.ask("/images").status_code == 200
        assert limited.ask("/images").status_code == 429


class TestWhatTheWorkerIsAskedFor:
    def test_another_attempt(self, limited: Limited) -> None:
        image = limited.house.upload(picture(), actor=limited.key.actor)
        limited.house.sql('UPDATE image SET state = \'failed\', failure = \'{"code": "x", "detail": ""}\'')

        assert limited.ask(f"/images/{image.id}/retry", "POST", limited.token).status_code == 202
        assert limited.numbers.spent["key", f"key:{limited.key.id}"] >= 1 + 6, "the encoding alone takes 30 ms"

    def test_a_public_copy_once(self, limited: Limited) -> None:
        image = limited.house.upload(picture(), actor=limited.key.actor)

        spent = []
        for _ in range(2):
            assert limited.ask(f"/images/{image.public_name}/public").status_code == 200
            spent.append(limited.numbers.spent["address", HERE])

        assert spent[0] >= 1 + 4
        assert spent[1] - spent[0] == 1

    def test_a_vignette_that_was_lost(self, limited: Limited) -> None:
        image = limited.house.upload(picture(), actor=limited.key.actor)
        limited.house.work()
        for path in (limited.house.uploads / str(image.id)).glob("vignette-*"):
            path.unlink()

        assert limited.ask(f"/vignette/{image.public_name}").status_code == 202
        assert limited.numbers.spent["address", HERE] >= 1 + 6


class TestKeysThatAreNotValid:
    def show(self, limited: Limited, token: str, address: str = HERE) -> TestResponse:
        return limited.ask("/images", token=token, environ_base={"REMOTE_ADDR": address})

    def sign_in(self, limited: Limited, token: str, address: str = HERE) -> TestResponse:
        return limited.ask(
            "/login",
            "POST",
            data={"key": token},
            headers={"Sec-Fetch-Site": "same-origin"},
            environ_base={"REMOTE_ADDR": address},
        )

    @pytest.mark.parametrize("guess", [new_token(), "vk_mistyped"], ids=["unknown", "mistyped"])
    def test_after_some_no_key_from_there_is_looked_at(self, limited: Limited, guess: str) -> None:
        assert [self.show(limited, guess).status_code for _ in range(3)] == [401] * 3

        for refused in (self.show(limited, guess), self.show(limited, limited.token), self.sign_in(limited, guess)):
            told = problem(refused)
            assert (refused.status_code, told["type"]) == (429, f"{REGISTRY}abnormal-usage-detected")
            assert told["violated-policies"] == ["wrong-keys"]
            assert 0 < int(refused.headers["Retry-After"]) <= 900

    def test_a_valid_key_is_taken_from_everywhere_else(self, limited: Limited) -> None:
        for _ in range(5):
            self.show(limited, new_token())

        assert self.show(limited, limited.token, "192.0.2.9").status_code == 200
        assert self.sign_in(limited, limited.token, "192.0.2.9").status_code == 303
        assert limited.ask("/images").status_code == 200, "and without any key from there"

    def test_those_of_the_login_page_count_too(self, limited: Limited) -> None:
        assert [self.sign_in(limited, new_token()).status_code for _ in range(4)] == [401, 401, 401, 429]
        first = limited.ask(
            "/first-key", "POST", data={"token": new_token("vf_")}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert first.status_code == 429

    def test_whoever_shows_a_valid_key_is_never_counted(self, limited: Limited) -> None:
        for _ in range(10):
            self.show(limited, limited.token)

        assert ("wrong-keys", HERE) not in limited.numbers.spent


class TestQuotas:
    def test_an_upload_over_it_is_refused_before_it_comes(self, tmp_path: Path) -> None:
        limited = Limited(tmp_path, quota=Quota(bytes=1000))

        refused = limited.announce(1001)

        told = problem(refused)
        assert (refused.status_code, told["type"]) == (403, "/problems/storage-quota-exceeded")
        assert (told["measured"], told["limit"]) == (1001, 1000)

    def test_one_whose_length_nobody_knew_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        limited = Limited(tmp_path, quota=Quota(images=1))

        several = post(
            limited.house,
            *[(picture(), "a.jpg"), (picture(colour="red"), "b.jpg")],
            accept="application/json",
            Authorization=f"Bearer {limited.token}",
        )

        assert several.status_code == 207
        assert [result["status"] for result in several.json["results"]] == [201, 403]
        assert limited.house.is_clean()
        assert limited.house.catalogue.index.next_id() == 1

    def test_what_comes_again_is_the_same_image_although_there_is_no_room_for_another(self, tmp_path: Path) -> None:
        limited = Limited(tmp_path, quota=Quota(images=1))
        key = {"Idempotency-Key": "once", "Content-Type": "image/jpeg"}

        sent = [limited.ask("/images", "POST", limited.token, data=picture(), headers=key) for _ in range(2)]

        assert [answer.status_code for answer in sent] == [201, 201]
        assert sent[0].headers["Location"] == sent[1].headers["Location"]
        other = limited.ask("/images", "POST", limited.token, data=picture(), headers={**key, "Idempotency-Key": "2"})
        assert other.status_code == 403

    def test_what_is_deleted_is_given_back(self, tmp_path: Path) -> None:
        limited = Limited(tmp_path, quota=Quota(images=1, images_per_day=2))
        sent = limited.send()
        assert limited.send().status_code == 403

        assert limited.ask(sent.headers["Location"], "DELETE", limited.token).status_code == 204
        assert limited.send().status_code == 201
        limited.ask("/images/1", "DELETE", limited.token)
        told = limited.send()
        assert problem(told)["violated-policies"] == ["images-per-day"]
        assert 0 < int(told.headers["Retry-After"]) <= 86_400

    def test_everything_that_is_kept_counts(self, tmp_path: Path) -> None:
        limited = Limited(tmp_path)
        limited.send()
        limited.house.work()

        folder = limited.house.uploads / "0"
        kept = sum(p.stat().st_size for p in folder.iterdir() if p.name not in ("record.json", "outcome.json"))
        assert limited.ask("/limits", token=limited.token).json["quota"]["used_bytes"] == kept
        limited.house.reindexing.rebuild()
        assert limited.ask("/limits", token=limited.token).json["quota"]["used_bytes"] == kept


class TestLimits:
    def test_they_are_those_of_who_asks(self, limited: Limited) -> None:
        limited.send()
        nobody, somebody = limited.ask("/limits"), limited.ask("/limits", token=limited.token).json

        assert nobody.headers["Cache-Control"] == "no-store"
        assert [rate["policy"] for rate in nobody.json["rates"]] == ["address"]
        assert nobody.json["quota"] is nobody.json["max_uploads_at_once"] is None
        assert [(rate["policy"], rate["units"]) for rate in somebody["rates"]] == [("address", 100), ("key", 50)]
        spent = limited.numbers.spent["key", f"key:{limited.key.id}"]
        assert somebody["rates"][1]["left"] == 50 - spent
        assert (somebody["quota"]["images"], somebody["quota"]["used_images"]) == (None, 1)
        assert somebody["max_uploads_at_once"] == 1

    def test_without_rates_nobody_is_told_of_any(self, tmp_path: Path) -> None:
        with new_house(tmp_path) as house:
            answer = house.client.get("/limits")

        assert answer.json["rates"] == []
        assert "RateLimit" not in answer.headers


class TestWhatGoesRoundFlask:
    def layers(self, limited: Limited, units: int) -> Client:
        app = limited.house.app.wsgi_app
        kept = FastPath(app, limited.house.store.edition)
        return Client(AddressBuckets(kept, app, Rate("requests", units, 10), clock=lambda: 100.0))

    def test_a_kept_answer_tells_nothing_of_who_asked_first(self, limited: Limited) -> None:
        image = limited.house.upload(picture(), actor=limited.key.actor)
        limited.house.work()
        client = self.layers(limited, 100)

        answers = [client.get(f"/vignette/{image.public_name}") for _ in range(4)]

        assert {answer.status_code for answer in answers} == {200}
        assert all("RateLimit" not in answer.headers for answer in answers)
        assert limited.numbers.spent["address", ""] == 2, "the others were kept, and cost nobody anything"

    def test_it_is_counted_by_number_in_each_process(self, limited: Limited) -> None:
        image = limited.house.upload(picture(), actor=limited.key.actor)
        limited.house.work()
        client = self.layers(limited, 5)
        path = f"/vignette/{image.public_name}"

        answers = [client.get(path, environ_base={"REMOTE_ADDR": HERE}) for _ in range(7)]

        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        told = problem(answers[-1])
        assert (told["type"], told["violated-policies"]) == (f"{REGISTRY}quota-exceeded", ["requests"])
        assert answers[-1].headers["Retry-After"] == "1"
        assert client.head(path, environ_base={"REMOTE_ADDR": HERE}).data == b""
        assert client.get("/healthz", environ_base={"REMOTE_ADDR": HERE}).status_code == 200
        assert client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200


def test_the_description_tells_it_of_every_operation(limited: Limited) -> None:
    operations = [
        (path, method, operation["responses"])
        for path, methods in limited.ask("/openapi.json").json["paths"].items()
        for method, operation in methods.items()
    ]

    for path, method, responses in operations:
        assert ("429" in responses) == (path not in ("/healthz", "/readyz")), (method, path)
        if "429" in responses:
            assert "Retry-After" in responses["429"]["headers"], (method, path)
            told = [r for status, r in responses.items() if status[0] == "2"]
            assert all("RateLimit" in response["headers"] for response in told), (method, path)


def test_admin_gives_a_key_its_quota_and_its_origins_and_changes_them(tmp_path: Path) -> None:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        _, token = house.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
        headers = {"Authorization": f"Bearer {token}"}
        wanted = {"name": "app", "scopes": ["upload"], "origins": ["https://APP.example.org"]}

        made = house.client.post("/keys", json={**wanted, "quota": {"images": 3, "bytes": 10**9}}, headers=headers)
        assert made.json["origins"] == ["https://app.example.org"]
        assert made.json["quota"] == {"images": 3, "bytes": 10**9, "images_per_day": None}

        path = f"/keys/{made.json['id']}"
        changed = house.client.patch(path, json={"quota": {"bytes": None, "images_per_day": 2}}, headers=headers)
        assert changed.json["quota"] == {"images": 3, "bytes": None, "images_per_day": 2}
        assert changed.json["origins"] == ["https://app.example.org"]
        for wrong in ({"quota": {"images": -1}}, {"quota": {"files": 1}}, {"quota": None}, {"origins": ["*"]}):
            assert house.client.patch(path, json=wrong, headers=headers).status_code == 400
        assert house.client.get(path, headers=headers).json == changed.json
