"""Who gets what over HTTP, in each mode; and that what may not be seen answers as what does not exist."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.names import new_name
from vignette.access.policy import Access
from vignette.access.secrets import new_token
from vignette.adapters.sql import library
from vignette.model import Image, Visibility
from vignette.web.api.operations import operation_of
from vignette.web.fast_path import FastPath
from vignette.web.request_log import RequestLog

# A change of an image has to say which edition it changes.
ANY = {"If-Match": "*"}
OTHERS = frozenset(Scope) - {Scope.ADMIN}
LINK = "0" * 16
# What has to be said to the routes that want a body.
BODIES = {
    ("PATCH", "/images/{}"): {"json": {"visibility": "public"}},
    ("POST", "/images/{}/links"): {"json": {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}},
    ("POST", "/images/{}/share"): {"data": {"what": "public", "lasts": "day"}},
}
# With one scope each, which is not that of the question.
BARE = {"bare": {Scope.SHARE}, "barer": {Scope.READ}}


@dataclass(frozen=True)
class Doors:
    """A service in a mode, with a key of its owner, of another and of an admin; each has an image of either sort."""

    house: House
    tokens: dict[str, str | None]
    images: dict[str, Image]

    def ask(self, who: str, method: str, path: str, **options: Any) -> TestResponse:
        token = self.tokens[who]
        headers = options.pop("headers", {})
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        return self.house.client.open(path, method=method, headers=headers, **options)


def furnish(house: House) -> Doors:
    doors = Doors(house, {"nobody": None}, {})
    for who, scopes in (("owner", OTHERS), ("other", OTHERS), ("admin", {Scope.ADMIN}), *BARE.items()):
        key, doors.tokens[who] = house.keyholding.add(OPERATOR, who, scopes)
        for visibility in Visibility if key.actor.has(Scope.UPLOAD) else ():
            image = house.upload(picture(), f"{who}.jpg", actor=key.actor, visibility=visibility)
            doors.images[f"{who}'s {visibility}"] = image
    house.work()
    return doors


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    """To be copied, in any mode: that is quicker than to furnish each house anew."""
    with new_house(tmp_path_factory.mktemp("furnished")) as house:
        return furnish(house)


@contextmanager
def copied(furnished: Doors, root: Path, **options: object) -> Iterator[Doors]:
    shutil.copytree(furnished.house.root, root, dirs_exist_ok=True)
    with new_house(root, **options) as house:
        yield replace(furnished, house=house)


@pytest.fixture(params=list(Access))
def doors(request: pytest.FixtureRequest, furnished: Doors, tmp_path: Path) -> Iterator[Doors]:
    with copied(furnished, tmp_path, access=request.param) as doors:
        yield doors


@pytest.fixture
def gallery(furnished: Doors, tmp_path: Path) -> Iterator[Doors]:
    with copied(furnished, tmp_path, access=Access.GALLERY, settling_s=0) as doors:
        yield doors


@pytest.fixture
def closed(furnished: Doors, tmp_path: Path) -> Iterator[Doors]:
    with copied(furnished, tmp_path, access=Access.CLOSED) as doors:
        yield doors


# Each route of an image: what is asked, and the scope that it needs.
ROUTES = [
    ("GET", "/images/{}", Scope.READ),
    ("GET", "/images/{}/neighbours", Scope.READ),
    ("GET", "/images/{}/original", Scope.READ),
    ("GET", "/images/{}/public", Scope.READ),
    ("GET", "/images/{}/metadata.txt", Scope.READ),
    ("GET", "/images/{}/metadata.json", Scope.READ),
    ("GET", "/vignette/{}", Scope.READ),
    ("POST", "/images/{}/retry", Scope.EDIT),
    ("PATCH", "/images/{}", Scope.EDIT),
    ("POST", "/images/{}/visibility?visibility=public", Scope.EDIT),
    ("DELETE", "/images/{}", Scope.DELETE),
    ("POST", "/images/{}/delete", Scope.DELETE),
    ("POST", "/images/{}/links", Scope.SHARE),
    ("GET", "/images/{}/links", Scope.SHARE),
    ("DELETE", "/images/{}/links", Scope.SHARE),
    ("DELETE", f"/images/{{}}/links/{LINK}", Scope.SHARE),
    ("GET", "/images/{}/share", Scope.SHARE),
    ("POST", "/images/{}/share", Scope.SHARE),
    ("POST", "/images/{}/share/end", Scope.SHARE),
    ("POST", f"/images/{{}}/share/{LINK}/end", Scope.SHARE),
]
OF_ALL = [
    ("GET", "/", Scope.READ),
    ("GET", "/images", Scope.READ),
    ("GET", "/add", Scope.UPLOAD),
    ("GET", "/images.zip", Scope.READ),
    ("POST", "/images/delete", Scope.DELETE),
    ("POST", "/images/visibility", Scope.EDIT),
    ("POST", "/images", Scope.UPLOAD),
    ("GET", "/keys", Scope.ADMIN),
    ("POST", "/keys", Scope.ADMIN),
    ("GET", "/keys/{}", Scope.ADMIN),
    ("PATCH", "/keys/{}", Scope.ADMIN),
    ("DELETE", "/keys/{}", Scope.ADMIN),
    ("GET", "/keys/{}/change", Scope.ADMIN),
    ("POST", "/keys/{}/change", Scope.ADMIN),
    ("GET", "/keys/{}/remove", Scope.ADMIN),
    ("POST", "/keys/{}/remove", Scope.ADMIN),
    ("GET", "/quarantine", Scope.ADMIN),
    ("POST", "/images/{}/review", Scope.ADMIN),
    ("GET", "/audit", Scope.ADMIN),
    ("GET", "/tickets", Scope.SHARE),
    ("POST", "/tickets", Scope.SHARE),
    ("GET", "/tickets/{}", Scope.SHARE),
    ("DELETE", "/tickets/{}", Scope.SHARE),
    ("POST", "/tickets/{}/revoke", Scope.SHARE),
]
FOR_EVERYBODY = {
    *("/limits", "/healthz", "/readyz", "/openapi.json", "/docs", "/problems", "/problems/{}"),
    *("/favicon.ico", "/manifest.webmanifest", "/language"),
}
# Whoever shows the delete token of the image.
BY_TOKEN = {"/images/{}/take-back"}
TAKE_DELETE_TOKENS = {"/images/{}", "/images/{}/delete"}
# They ask for a key themselves, whatever its scopes.
OF_EACH_KEY = [
    ("GET", "/keys/me"),
    ("GET", "/sessions"),
    ("DELETE", "/sessions/{}"),
    ("POST", "/sessions/{}/end"),
    ("POST", "/sessions/end-others"),
]
FOR_EACH_KEY = {path for _, path in OF_EACH_KEY}
FOR_VISITORS = {"/login", "/logout", "/first-key"}
# Who has a ticket knows the address.
FOR_GUESTS = {"/t/{}", "/t/{}/qr.svg"}


def test_every_route_declares_who_may_ask(gallery: Doors) -> None:
    declared = set()
    for rule in gallery.house.app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        operation = operation_of(gallery.house.app.view_functions[rule.endpoint])
        assert operation is not None, rule.endpoint
        path = re.sub(r"<[^>]+>", "{}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if operation.scope is None:
                assert path in FOR_EVERYBODY | BY_TOKEN | FOR_EACH_KEY | FOR_VISITORS | FOR_GUESTS
            else:
                declared.add((method, path, operation.scope))

    assert declared == {
        (method, path.partition("?")[0].replace(LINK, "{}"), scope) for method, path, scope in (*ROUTES, *OF_ALL)
    }


def test_a_view_that_declares_nothing_is_for_admin_alone(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        house.app.add_url_rule("/new", view_func=lambda: "words")
        _, token = house.keyholding.add(OPERATOR, "admin", {Scope.ADMIN})

        assert house.client.get("/new").status_code == 401
        assert house.client.get("/new", headers={"Authorization": f"Bearer {token}"}).text == "words"


@pytest.mark.parametrize(("method", "path", "scope"), [*ROUTES, *OF_ALL])
def test_a_stranger_is_told_which_right_is_missing(doors: Doors, method: str, path: str, scope: Scope) -> None:
    access = doors.house.context.policy.access
    answer = doors.ask("nobody", method, path.format("a" * 26))

    if access is Access.OPEN and scope is not Scope.ADMIN:
        assert answer.status_code != 401
    elif access is Access.GALLERY and scope is Scope.READ:
        assert answer.status_code in (200, 404)
    else:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="vignette", scope="{scope}"'
        assert answer.json["required"] == scope
        assert answer.json["granted"] == []
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), OF_EACH_KEY)
def test_where_any_key_will_do_no_scope_is_named(doors: Doors, method: str, path: str) -> None:
    answer = doors.ask("nobody", method, path.format("a"))

    assert answer.status_code == 401
    assert answer.json["type"] == "/problems/key-required"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vignette"'
    assert answer.json.keys().isdisjoint({"required", "granted"})
    if method != "GET":
        [(_, event)] = doors.house.context.auditing.newest(OPERATOR, 1)
        assert event.detail == "key-required"


@pytest.mark.parametrize(("method", "path", "scope"), [*ROUTES, *OF_ALL])
def test_a_key_with_other_scopes_is_told_which_right_is_missing(
    closed: Doors, method: str, path: str, scope: Scope
) -> None:
    who, granted = ("barer", "read") if scope is Scope.SHARE else ("bare", "share")
    answer = closed.ask(who, method, path.format("a" * 26))

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="vignette", error="insufficient_scope", scope="{scope}"'
    )
    assert (answer.json["required"], answer.json["granted"]) == (scope, [granted])


def test_the_door_refuses_before_a_view_is_asked(closed: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The use cases refuse as well: by the answers alone nobody would notice if the door did not."""
    views = closed.house.app.view_functions
    for endpoint, view in list(views.items()):
        monkeypatch.setitem(views, endpoint, wraps(view)(lambda **_: pytest.fail("it was asked")))
    for method, path, scope in (*ROUTES, *OF_ALL):
        who = "barer" if scope is Scope.SHARE else "bare"
        for token in [{}] if path in TAKE_DELETE_TOKENS else [{}, {"Delete-Token": "vd_"}]:
            for asking, status in (("nobody", 401), (who, 403)):
                answer = closed.ask(asking, method, path.format("a" * 26), headers=token)
                assert answer.status_code == status, (method, path)


@pytest.mark.parametrize("token", ["vk_", "vk_" + "a" * 59, "vk_" + "x" * 10_000, "vk_\udcff"])
@pytest.mark.parametrize("path", ["/", "/images", "/vignette/0", "/docs", "/limits", "/keys/me"])
def test_a_token_that_is_none_is_refused_everywhere(doors: Doors, path: str, token: str) -> None:
    answer = doors.house.client.get(
        path, headers={"Authorization": f"Bearer {token}".encode("utf-8", "surrogateescape").decode("latin-1")}
    )

    assert answer.status_code == 401
    assert answer.json["type"] == "/problems/invalid-key"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vignette", error="invalid_token"'


def test_other_schemes_are_for_whoever_stands_in_front(doors: Doors) -> None:
    plain = doors.house.client.get("/images")
    answer = doors.house.client.get("/images", headers={"Authorization": "Basic dXNlcjpwYXNz"})

    assert (answer.status_code, answer.data) == (plain.status_code, plain.data)


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_a_token_of_another_kind_is_none_where_a_key_is_needed(doors: Doors, token: str) -> None:
    answer = doors.house.client.get("/images", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == (200 if doors.house.context.policy.access is Access.OPEN else 401)


def test_a_key_that_was_removed_is_obeyed_no_more(closed: Doors) -> None:
    assert closed.ask("owner", "GET", "/images").status_code == 200
    [key] = [key for key in closed.house.keyholding.all(OPERATOR) if key.name == "owner"]
    closed.house.keyholding.remove(OPERATOR, key.id)

    for method, path, _ in ROUTES:
        assert closed.ask("owner", method, path.format("a" * 26)).status_code == 401


def whole(answer: TestResponse, ref: object) -> tuple[Any, ...]:
    """All of *answer* but what names the image that was asked for."""
    headers = sorted((name, value) for name, value in answer.headers if name != "Date")
    named = re.compile(rf"(image |next=/images/|next=/vignette/){ref}\b".encode())
    return answer.status_code, headers, named.sub(rb"\1it", answer.data)


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
@pytest.mark.parametrize("face", ["*/*", "text/html", "image/avif,image/webp"])
def test_what_may_not_be_seen_answers_as_what_does_not_exist(
    gallery: Doors, method: str, path: str, scope: Scope, face: str
) -> None:
    hidden = gallery.images["other's private"]
    public = gallery.images["other's public"]
    deleted = gallery.images["admin's public"]
    gallery.house.removal.delete(OPERATOR, deleted.id)
    absent = new_name()
    refs = [hidden.public_name, hidden.id, public.id, deleted.public_name, deleted.id, 99]
    body = BODIES.get((method, path), {})
    conditions: list[dict[str, str]] = [
        {},
        {"If-None-Match": "*"},
        {"If-None-Match": f'"{hidden.record.sha256}"'},
        {"If-Match": f'"{hidden.record.sha256}"'},
        {"If-Match": '"another"'},
        {"Range": "bytes=0-9"},
        {"Range": "bytes=999999999-"},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
        {"Prefer": "wait=1"},
    ]
    for who in ("nobody", "owner") if scope is Scope.READ else ("owner",):
        for condition in conditions:
            headers = {**ANY, **condition, "Accept": face} if method == "PATCH" else {**condition, "Accept": face}
            for verb in (method, "HEAD") if method == "GET" else (method,):
                expected = whole(gallery.ask(who, verb, path.format(absent), headers=headers, **body), absent)
                assert expected[0] == 404
                for ref in refs:
                    answer = gallery.ask(who, verb, path.format(ref), headers=headers, **body)
                    found, expected_here = whole(answer, ref), expected
                    # The length of a page follows that of the reference.
                    assert found[0] == expected_here[0]
                    assert found[2] == expected_here[2]
                    assert [h for h in found[1] if h[0] != "Content-Length"] == [
                        h for h in expected_here[1] if h[0] != "Content-Length"
                    ]


def test_what_is_in_quarantine_answers_as_what_does_not_exist(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """With open doors, too, and for its owner; and it is not even read."""
    hidden, absent = doors.images["owner's public"], new_name()
    doors.house.reviewing.suspect(hidden.id, "moderation", "nudity")
    monkeypatch.setattr(library, "from_row", pytest.fail)
    conditions = [{}, {"If-None-Match": "*"}, {"If-Match": f'"{hidden.record.sha256}"'}, {"Range": "bytes=0-9"}]
    for method, path, _ in ROUTES:
        body = BODIES.get((method, path), {})
        for who, face in (("nobody", "*/*"), ("owner", "text/html")):
            for condition in conditions if method == "GET" else [{}]:
                headers = {**(ANY if method == "PATCH" else {}), **condition, "Accept": face}
                for ref, other in ((hidden.public_name, absent), (hidden.id, 99)):
                    found, expected = (
                        whole(doors.ask(who, method, path.format(each), headers=headers, **body), each)
                        for each in (ref, other)
                    )
                    assert expected[0] in (401, 404)
                    assert (found[0], found[2]) == (expected[0], expected[2])
                    lengths = [[h for h in each[1] if h[0] != "Content-Length"] for each in (found, expected)]
                    assert lengths[0] == lengths[1]


def test_what_is_in_quarantine_is_in_no_list_but_that_of_admin(doors: Doors) -> None:
    hidden = doors.images["owner's public"]
    doors.house.reviewing.suspect(hidden.id, "moderation", "nudity")
    is_free = doors.house.context.policy.access is not Access.CLOSED
    for who in ("owner", "other", "admin", *(["nobody"] if is_free else [])):
        assert str(hidden.public_name) not in doors.ask(who, "GET", "/images").text
        front = doors.ask(who, "GET", "/", headers={"Accept": "text/html"}).text
        assert f"/vignette/{hidden.public_name}" not in front
        assert f'/images/{hidden.id}"' not in front
        named = doors.ask(who, "GET", f"/images?ids={hidden.id},{hidden.public_name}")
        assert [image["public_name"] for image in named.json["images"]] == [hidden.public_name] * (who == "admin")
        answer = doors.ask(who, "GET", "/images?state=quarantined")
        if who == "admin":
            assert [image["public_name"] for image in answer.json["images"]] == [hidden.public_name]
            assert doors.ask(who, "GET", f"/vignette/{hidden.public_name}").status_code == 200
            before = doors.ask(who, "GET", f"/images?before={hidden.public_name}")
            assert before.status_code == 200
        else:
            assert answer.json["required"] == "admin"
            before = doors.ask(who, "GET", f"/images?before={hidden.public_name}")
            assert before.status_code == 404


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_what_may_not_be_seen_is_not_even_read(
    gallery: Doors, monkeypatch: pytest.MonkeyPatch, method: str, path: str, scope: Scope
) -> None:
    """So it takes no longer to say no of it than of what does not exist: otherwise that could be measured."""
    house, deleted = gallery.house, gallery.images["admin's public"]
    gallery.house.removal.delete(OPERATOR, deleted.id)
    begun = gallery.images["admin's private"]
    house.catalogue.removals.begin_delete(begun.id)
    hidden, public = gallery.images["other's private"], gallery.images["other's public"]
    body = BODIES.get((method, path), {})
    monkeypatch.setattr(library, "from_row", pytest.fail)
    for who in ("nobody", "owner") if scope is Scope.READ else ("owner",):
        for ref in (hidden.public_name, hidden.id, public.id, deleted.id, begun.id, begun.public_name):
            headers = ANY if method == "PATCH" else {}
            assert gallery.ask(who, method, path.format(ref), headers=headers, **body).status_code == 404


def test_lists_have_what_may_be_seen(doors: Doors) -> None:
    everything = {image.public_name for image in doors.images.values()}
    public = {image.public_name for name, image in doors.images.items() if name.endswith("public")}
    own = {image.public_name for name, image in doors.images.items() if name.startswith("owner")}
    access = doors.house.context.policy.access
    expected = {
        Access.OPEN: {"nobody": everything, "owner": everything, "admin": everything},
        Access.GALLERY: {"nobody": public, "owner": public | own, "admin": everything},
        Access.CLOSED: {"nobody": None, "owner": public | own, "admin": everything},
    }[access]
    for who, names in expected.items():
        found: set[str] = set()
        url: str | None = "/images?limit=2"
        while url:
            answer = doors.ask(who, "GET", url)
            if names is None:
                assert answer.status_code == 401
                break
            found.update(image["public_name"] for image in answer.json["images"])
            url = answer.json["next"]
        assert found == (names or set())
        if names is not None:
            token = doors.tokens[who]
            actor = NOBODY if token is None else doors.house.keyholding.authenticate(token, None)
            assert doors.house.context.browsing.count(actor) == len(names)


def test_a_number_is_a_place_in_a_list_for_those_who_may_know_it(gallery: Doors) -> None:
    """Otherwise it could be found out how many there are."""
    image = gallery.images["owner's public"]
    for who, status in (("nobody", 404), ("other", 404), ("owner", 200), ("admin", 200)):
        assert gallery.ask(who, "GET", f"/images?before={image.id}").status_code == status
        assert gallery.ask(who, "GET", "/images?before=99").status_code == (200 if who == "admin" else 404)
        assert gallery.ask(who, "GET", f"/images?before={image.public_name}").status_code == 200


def test_only_those_who_may_know_it_learn_a_number(gallery: Doors) -> None:
    image = gallery.images["owner's public"]
    for who, number in (("nobody", None), ("other", None), ("owner", image.id), ("admin", image.id)):
        answer = gallery.ask(who, "GET", f"/images/{image.public_name}")

        assert answer.json["id"] == number
        assert answer.json["links"]["self"].endswith(f"/images/{image.public_name}")
        page = gallery.ask(who, "GET", f"/images/{image.public_name}", headers={"Accept": "text/html"}).text
        assert (f"Image {image.id}<" in page) == (number is not None)
        assert f"/{image.id}/" not in page
        assert f'/{image.id}"' not in page
        copy = gallery.ask(who, "GET", f"/images/{image.public_name}/public")
        assert copy.headers["Content-Disposition"] == f"attachment; filename=image-{image.public_name}.jpg"


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_pages_tell_those_who_may_know_it_who_sees_an_image(doors: Doors, who: str) -> None:
    public, private = (doors.images[f"owner's {visibility}"].public_name for visibility in ("public", "private"))
    html = {"Accept": "text/html"}

    pages = [doors.ask(who, "GET", f"/images/{name}", headers=html).text for name in (public, private)]
    lists = [doors.ask(who, "GET", path, headers=html).text for path in ("/", "/images")]

    if doors.ask("nobody", "GET", f"/images/{private}").status_code == 200:  # with open doors
        assert not any("everybody who may look" in page or ">Private" in page for page in (*pages, *lists))
        return
    assert ["only the key that sent it, and admin" in page for page in pages] == [False, True]
    assert ["It is private: for all others these links lead nowhere." in page for page in pages] == [False, True]
    assert ["everybody who may look at images here" in page for page in pages] == [True, False]
    assert [page.count(">Private</span>") for page in lists] == [3 if who == "admin" else 1] * 2
    other = doors.ask("other", "GET", f"/images/{public}", headers=html).text
    assert "everybody who may look at images here" not in other


def test_who_may_not_see_an_image_may_sign_in_and_come_back(gallery: Doors) -> None:
    name = gallery.images["owner's private"].public_name
    sign_in = f'href="/login?next=/images/{name}"'
    for who, is_offered in (("nobody", True), ("other", False)):
        page = gallery.ask(who, "GET", f"/images/{name}", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert (sign_in in page.text) is is_offered
        assert "There is no such image" in page.text


def test_with_open_doors_no_page_asks_for_a_key(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        assert "/login" not in house.client.get("/images/7", headers={"Accept": "text/html"}).text


def test_with_open_doors_numbers_are_the_contract(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        image = house.upload(picture())
        answer = house.client.get("/images/0")

        assert answer.json["id"] == 0
        assert answer.json["links"]["self"].endswith("/images/0")
        assert house.client.get(f"/images/{image.public_name}").json["id"] == 0


class TestSeveral:
    """`/images?ids=`: the same sight as one by one, and nothing tells what there is besides."""

    @pytest.mark.parametrize("who", ["nobody", "owner", "other", "admin"])
    def test_each_sees_what_he_sees_one_by_one(self, doors: Doors, who: str) -> None:
        if doors.ask(who, "GET", "/images").status_code == 401:
            return
        numbers = [image.id for image in doors.images.values()]
        names = [image.public_name for image in doors.images.values()]
        seen = {ref for ref in (*numbers, *names) if doors.ask(who, "GET", f"/images/{ref}").status_code == 200}

        for refs in (numbers, names, [*numbers, *names]):
            found = doors.ask(who, "GET", f"/images?ids={','.join(map(str, refs))}").json["images"]

            shown = [image for image in doors.images.values() if {image.id, image.public_name} & {*refs} & seen]
            assert [image["public_name"] for image in found] == [image.public_name for image in shown]


class TestVisibility:
    def test_it_is_said_at_arrival(self, gallery: Doors) -> None:
        for said, found in (("", "public"), ("?visibility=private", "private"), ("?visibility=public", "public")):
            answer = gallery.ask(
                "owner",
                "POST",
                f"/images{said}",
                data=picture(),
                content_type="image/jpeg",
                headers={"Accept": "application/json"},
            )

            assert answer.json["visibility"] == found
            name = answer.json["public_name"]
            assert gallery.ask("nobody", "GET", f"/images/{name}").status_code == (200 if found == "public" else 404)

    def test_without_a_word_the_settings_say_it(self, tmp_path: Path) -> None:
        with new_house(tmp_path, access=Access.GALLERY, visibility=Visibility.PRIVATE) as house:
            key, _ = house.keyholding.add(OPERATOR, "owner", OTHERS)
            for said, found in ((None, Visibility.PRIVATE), (Visibility.PUBLIC, Visibility.PUBLIC)):
                image = house.upload(picture(), actor=key.actor, visibility=said)

                assert image.visibility is found
                status = house.client.get(f"/images/{image.public_name}").status_code
                assert status == (200 if found is Visibility.PUBLIC else 404)

    @pytest.mark.parametrize(
        ("query", "fields"),
        [
            ("?visibilty=private", ["file"]),
            ("?Visibility=private", ["file"]),
            ("", ["visibility", "file"]),
            ("", ["file", "visibility"]),
            ("", ["Visibility", "file"]),
        ],
    )
    def test_who_asks_for_private_in_vain_is_told_so(self, gallery: Doors, query: str, fields: list[str]) -> None:
        parts = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            % (name.encode(), picture() if name == "file" else b"private")
            for name in fields
        )
        headers = {"Accept": "application/json", "Content-Type": "multipart/form-data; boundary=x"}

        answer = gallery.ask("owner", "POST", f"/images{query}", data=parts + b"--x--\r\n", headers=headers)

        told = answer.json if answer.status_code == 400 else answer.json["results"][-1]["problem"]
        assert told["type"].endswith("/malformed-request")
        assert "isib" in told["detail"]
        is_kept = fields[0] == "file" and not query
        assert (answer.status_code == 207) is is_kept

    def test_another_word_is_refused(self, gallery: Doors) -> None:
        answer = gallery.ask("owner", "POST", "/images?visibility=secret", data=picture(), content_type="image/jpeg")

        assert answer.status_code == 400
        assert "'secret'" in answer.json["detail"]

    def test_it_changes_what_strangers_get_at_once(self, gallery: Doors) -> None:
        name = gallery.images["owner's public"].public_name
        for visibility, status in (("private", 404), ("public", 200), ("private", 404)):
            answer = gallery.ask("owner", "PATCH", f"/images/{name}", json={"visibility": visibility}, headers=ANY)

            assert answer.status_code == 200
            assert answer.json["visibility"] == visibility
            for path in (f"/images/{name}", f"/vignette/{name}", f"/images/{name}/original"):
                assert gallery.ask("nobody", "GET", path).status_code == status
                assert gallery.ask("owner", "GET", path).status_code == 200

    def test_it_is_in_the_folder(self, gallery: Doors) -> None:
        name = gallery.images["owner's public"].public_name
        gallery.ask("owner", "PATCH", f"/images/{name}", json={"visibility": "private"}, headers=ANY)
        before = gallery.house.catalogue.library.newest(100)
        gallery.house.reindexing.rebuild()

        assert gallery.house.catalogue.library.newest(100) == before

    @pytest.mark.parametrize("of_new", list(Visibility))
    def test_the_form_of_uploads_offers_the_other_too(self, tmp_path: Path, of_new: Visibility) -> None:
        with new_house(tmp_path, access=Access.GALLERY, visibility=of_new) as house:
            page = furnish(house).ask("owner", "GET", "/add", headers={"Accept": "text/html"}).text
        other = "private" if of_new is Visibility.PUBLIC else "public"
        assert f'formaction="/images?visibility={other}">Upload as {other}</button>' in page

    def test_with_open_doors_the_form_of_uploads_offers_neither(self, tmp_path: Path) -> None:
        with new_house(tmp_path) as house:
            assert "visibility=" not in house.client.get("/add", headers={"Accept": "text/html"}).text

    def test_a_form_says_it_too(self, gallery: Doors) -> None:
        name = gallery.images["owner's public"].public_name
        html = {"Accept": "text/html"}
        for visibility, other, words in (
            ("private", "public", "Make it public"),
            ("public", "private", "Make it private"),
        ):
            page = f"/images/{name}"
            form = f"{page}/visibility?visibility="
            answer = gallery.ask("owner", "POST", f"{form}{visibility}", headers=html)
            assert (answer.status_code, answer.headers["Location"]) == (303, f"http://localhost{page}")
            shown = gallery.ask("owner", "GET", page, headers=html).text
            assert f'action="{form}{other}"' in shown
            assert words in shown
            assert gallery.ask("nobody", "GET", page).status_code == (404 if visibility == "private" else 200)
        assert "/visibility" not in gallery.ask("other", "GET", page, headers=html).text
        for said in ("", "?visibility=secret"):
            refused = gallery.ask("owner", "POST", f"{page}/visibility{said}")
            assert (refused.status_code, refused.json["type"]) == (400, "/problems/malformed-request")

    def test_another_key_may_not_say_it(self, gallery: Doors) -> None:
        name = gallery.images["owner's public"].public_name
        answer = gallery.ask("other", "PATCH", f"/images/{name}", json={"visibility": "private"}, headers=ANY)

        assert answer.status_code == 403
        assert answer.json["type"] == "/problems/not-the-owner"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"visibility": "secret"}', b'{"visibility": "private", "x": 1}']
    )
    def test_what_says_nothing_is_refused(self, gallery: Doors, body: bytes) -> None:
        name = gallery.images["owner's public"].public_name
        answer = gallery.ask(
            "owner", "PATCH", f"/images/{name}", data=body, content_type="application/json", headers=ANY
        )

        assert answer.status_code == 400


def test_answers_behind_a_door_are_in_no_shared_cache(doors: Doors) -> None:
    image = doors.images["owner's public"]
    access = doors.house.context.policy.access
    ref = image.id if access is Access.OPEN else image.public_name
    for path in (f"/vignette/{ref}", f"/images/{ref}", "/images", f"/images/{ref}/original"):
        for who in ("nobody", "owner"):
            answer = doors.ask(who, "GET", path)
            is_private = answer.headers["Cache-Control"] in ("private, no-cache", "no-store")
            assert is_private == (access is Access.CLOSED or (access is Access.GALLERY and who == "owner"))
            assert ("Authorization" in answer.vary) == (access is not Access.OPEN)
            # Of pictures, who may not see them gets none; a page or a list has other words for who is signed in.
            is_picture = answer.mimetype.startswith("image/")
            assert ("Cookie" in answer.vary) == (access is not Access.OPEN and not is_picture)


def test_the_log_tells_which_key_was_shown(closed: Doors) -> None:
    lines: list[str] = []
    app = RequestLog(closed.house.app.wsgi_app, "text", write=lines.append)
    client = Client(app)
    [key] = [key for key in closed.house.keyholding.all(OPERATOR) if key.name == "owner"]
    for token in (closed.tokens["owner"], "vk_none"):
        client.get("/images", headers={"Authorization": f"Bearer {token}"}, buffered=True)
    client.get("/images", buffered=True)

    shown, mistyped, nobody = lines
    assert f" key={key.id}" in shown
    assert " problem=invalid-key" in mistyped
    assert " problem=key-required" in nobody
    assert not any(token in "".join(lines) for token in closed.tokens.values() if token)


def test_an_answer_that_is_kept_is_for_everybody(gallery: Doors) -> None:
    """The way round the application keeps no answer for a key, and drops what is made private."""
    house = gallery.house
    asked: list[object] = []

    def application(environ: Any, start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return house.app.wsgi_app(environ, start_response)

    client = Client(FastPath(application, house.store.edition))
    image, hidden = gallery.images["owner's public"], gallery.images["owner's private"]
    key = {"Authorization": f"Bearer {gallery.tokens['owner']}"}
    for ref in (hidden.id, hidden.public_name, image.id):
        for _ in range(3):
            assert client.get(f"/vignette/{ref}", headers=key).status_code == 200
        for _ in range(3):
            assert client.get(f"/vignette/{ref}").status_code == 404
    asked.clear()
    answers = [client.get(f"/vignette/{image.public_name}").status_code for _ in range(5)]
    assert answers == [200] * 5
    assert len(asked) == 2  # the first tells which image it is, the second is kept
    wrong = {"Authorization": f"Bearer {new_token()}"}
    assert client.get(f"/vignette/{image.public_name}", headers=wrong).status_code == 401

    house.context.editing.set_visibility(OPERATOR, image.id, Visibility.PRIVATE)

    assert client.get(f"/vignette/{image.public_name}").status_code == 404
    assert client.get(f"/vignette/{image.public_name}", headers=key).status_code == 200


def test_what_a_signed_in_reader_was_answered_is_not_kept_for_others(gallery: Doors) -> None:
    client = Client(FastPath(gallery.house.app.wsgi_app, gallery.house.store.edition))
    image = gallery.images["owner's public"]
    path = f"/vignette/{image.public_name}"
    expected = client.get(path).headers["Cache-Control"]
    client = Client(FastPath(gallery.house.app.wsgi_app, gallery.house.store.edition))
    client.post("/login", data={"key": gallery.tokens["owner"]}, headers={"Origin": "http://localhost"})

    for _ in range(3):
        assert client.get(path).headers["Cache-Control"] == "private, no-cache"
    client.delete_cookie("vignette_session")
    for _ in range(3):
        assert client.get(path).headers["Cache-Control"] == expected
