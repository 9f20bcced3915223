"""Signed links over HTTP: what each gives, to whom, until when; and that one that does not hold tells nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from PIL import Image as Pillow
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER
from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import animation, jpeg_segment, jpeg_with, photoshop, still
from tests.unit.pixels.test_preview import photo
from vignette import layout
from vignette.access.actors import OPERATOR, Scope
from vignette.access.links import Link, Place, Representation, query_of, signature_of
from vignette.access.names import new_name
from vignette.access.policy import Access
from vignette.errors import MalformedRequest
from vignette.limits import MAX_LINKS_OF_AN_IMAGE
from vignette.model import Image, PublicName, Visibility
from vignette.recipes import Recipe
from vignette.use_cases.linking import Wanted
from vignette.use_cases.signing_keys import SigningKeys
from vignette.web.fast_path import SETTLED, FastPath
from vignette.wiring.use_cases import build_signing_keys

HOUR: Final = timedelta(hours=1)
RECIPES: Final = (SMALL, Recipe("tiny", 16, 16, formats=("jpeg",)))
PATHS: Final = {
    "page": "/images/{}",
    "original": "/images/{}/original",
    "public": "/images/{}/public",
    "vignette": "/vignette/{}",
}
METADATA: Final = ("/images/{}/metadata.json", "/images/{}/metadata.txt")
FACES: Final = ("*/*", "text/html", "application/json", "image/avif,image/webp", "image/png")


def talkative(width: int = 40, height: int = 30) -> bytes:
    """A JPEG that says SECRET in all of its metadata but for its credits, and where it was taken."""
    exif = Pillow.Exif()
    exif[0x010F] = exif[0x0110] = exif[0x010E] = "SECRET"
    exif[0x013B], exif[0x8298], exif[0x0132] = "Ansel", "(c) Ansel", "1931:02:03 04:05:06"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 30.12), 3: "E", 4: (2.0, 17.0, 40.2)}
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="SECRET"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    content = io.BytesIO()
    Pillow.new("RGB", (width, height), "teal").save(content, "JPEG", exif=exif, xmp=xmp, comment=b"SECRET")
    iptc = b"".join(
        b"\x1c\x02" + bytes([tag, 0, len(text)]) + text for tag, text in ((90, b"SECRET"), (110, b"Agency"))
    )
    return jpeg_with(jpeg_segment(0xED, b"Photoshop 3.0\0" + photoshop(iptc)), content=content.getvalue())


class Sharing:
    """A service with a key of an owner, and a private picture of hers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.key, self.token = house.keyholding.add(OPERATOR, "owner", set(Scope) - {Scope.ADMIN})
        self.image = self.upload(talkative(), "SECRET.jpg")
        self.hidden = self.upload(picture())
        self.signing_keys: SigningKeys = build_signing_keys(house.store, house.catalogue)

    def upload(self, content: bytes, name: str = "a.jpg", visibility: Visibility = Visibility.PRIVATE) -> Image:
        image = self.house.upload(content, name, actor=self.key.actor, visibility=visibility)
        self.house.work()
        return image

    def by_key(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.house.client.open(path, method=method, headers=headers, **options)

    def make(self, what: str = "page", image: Image | None = None, **wanted: Any) -> TestResponse:
        body = {"what": what, "expires_at": (datetime.now(UTC) + HOUR).isoformat(), **wanted}
        return self.by_key("POST", f"/images/{(image or self.image).public_name}/links", json=body)

    def link(self, what: str = "page", image: Image | None = None, **wanted: Any) -> str:
        """The path and query of a new link."""
        if what == "original":
            wanted = {"place": "exact", **wanted}
        answer = self.make(what, image, **wanted)
        assert answer.status_code == 201, answer.text
        url = urlsplit(answer.json["url"])
        return f"{url.path}?{url.query}"

    def links(self) -> list[tuple[str, str]]:
        """A link to each representation."""
        return [(what, self.link(what)) for what in PATHS]

    def signed(
        self, image: Image | None = None, secret: str | None = None, path: str | None = None, **values: Any
    ) -> str:
        """The path and query of a link as an app may sign it: one that holds, but for *values*."""
        now = int(datetime.now(UTC).timestamp())
        key = self.signing_keys.signing()
        name = (image or self.image).public_name
        assert name is not None
        link = Link(Representation.PAGE, name, key.id, now, now + 60)
        link = replace(link, **values)
        query = query_of(link, signature_of(link, secret or key.secret))
        return f"{path or PATHS[link.what].format(link.image)}?{urlencode(query)}"

    def get(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        return self.house.client.open(
            path, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def change(self, visibility: Visibility, image: Image | None = None) -> None:
        self.house.context.editing.set_visibility(OPERATOR, (image or self.image).id, visibility)


@pytest.fixture(params=list(Access))
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sharing]:
    with new_house(tmp_path, access=request.param, recipes=RECIPES) as house:
        yield Sharing(house)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Sharing]:
    with new_house(tmp_path, access=Access.GALLERY, recipes=RECIPES) as house:
        yield Sharing(house)


def whole(answer: TestResponse, ref: object) -> tuple[Any, ...]:
    """All of *answer* but what names the image that was asked for."""
    headers = sorted((name, value) for name, value in answer.headers if name not in ("Date", "Content-Length"))
    named = re.compile(rf"(image |next=/images/|next=/vignette/){ref}\b".encode())
    return answer.status_code, headers, named.sub(rb"\1it", answer.data)


def is_as_nothing(sharing: Sharing, path: str) -> None:
    """Check that *path* is answered, in each of its faces, as a private image is without a link."""
    where = urlsplit(path)
    [ref] = re.findall(r"/(?:images|vignette)/(\w+)", where.path)
    access = sharing.house.context.policy.access
    hidden = new_name() if access is Access.OPEN else sharing.hidden.public_name
    conditions = ({"If_None_Match": "*"}, {"Range": "bytes=0-3"}, {"Prefer": "wait=1"})
    for method, headers in (("HEAD", {}), *(("GET", asked) for asked in ({"Accept": "text/html"}, {}, *conditions))):
        expected = sharing.get(where.path.replace(ref, str(hidden)), method, **headers)
        assert expected.status_code == (401 if access is Access.CLOSED else 404)
        assert whole(sharing.get(path, method, **headers), ref) == whole(expected, hidden)


class TestWhatALinkGives:
    def test_whoever_has_it_sees_the_image_and_nobody_else_does(self, anywhere: Sharing) -> None:
        for what, path in anywhere.links():
            answer = anywhere.get(path)

            assert answer.status_code == 200
            assert urlsplit(path).path == PATHS[what].format(anywhere.image.public_name)
            if what == "original":
                assert answer.data == talkative()
            if anywhere.house.context.policy.access is not Access.OPEN:
                assert anywhere.get(urlsplit(path).path).status_code in (401, 404)

    def test_it_is_for_one_image_in_one_representation(self, anywhere: Sharing) -> None:
        for what, link in anywhere.links():
            for kind, path in PATHS.items():
                for image in (anywhere.image, anywhere.hidden):
                    answer = anywhere.get(f"{path.format(image.public_name)}?{urlsplit(link).query}")
                    is_it = (kind, image) == (what, anywhere.image)
                    assert (answer.status_code == 200) is is_it, (what, kind, image.id)

    def test_it_opens_no_other_door(self, gallery: Sharing) -> None:
        name = gallery.image.public_name
        for query in (urlsplit(link).query for _, link in gallery.links()):
            for path in METADATA:
                assert gallery.get(f"{path.format(name)}?{query}").status_code == 404
            assert str(name) not in gallery.get(f"/images?{query}", Accept="application/json").text
            for method, path in (("DELETE", ""), ("PATCH", ""), ("POST", "/retry"), ("POST", "/links")):
                assert gallery.get(f"/images/{name}{path}?{query}", method).status_code == 401

    def test_a_number_is_never_part_of_one(self, anywhere: Sharing) -> None:
        image = anywhere.image
        is_as_nothing(anywhere, anywhere.signed(path=f"/images/{image.id}"))
        by_number = replace(image, record=replace(image.record, public_name=PublicName(str(image.id))))
        is_as_nothing(anywhere, anywhere.signed(by_number))

    def test_a_vignette_is_of_one_recipe(self, gallery: Sharing) -> None:
        first, tiny = gallery.link("vignette"), gallery.link("vignette", recipe="tiny")
        sizes = []
        for path in (first, tiny):
            with Pillow.open(io.BytesIO(gallery.get(path, Accept="image/jpeg").data)) as shown:
                sizes.append(shown.size)
        assert sizes == [(40, 30), (16, 12)]
        assert gallery.get(f"{first}&size=tiny").status_code == 404
        assert gallery.get(tiny.replace("size=tiny", "size=small")).status_code == 404
        assert gallery.get(re.sub("size=tiny&?", "", tiny)).status_code == 404

    def test_who_has_one_is_answered_by_it_whatever_key_he_shows(self, gallery: Sharing) -> None:
        path = gallery.link("page")
        plain = gallery.get(path, Accept="text/html")
        _, admin = gallery.house.keyholding.add(OPERATOR, "admin", {Scope.ADMIN})
        for token in (gallery.token, admin, "vk_none"):
            answer = gallery.get(path, Accept="text/html", Authorization=f"Bearer {token}")
            assert (answer.status_code, answer.data) == (200, plain.data)
            broken = gallery.get(path[:-1] + "!", Authorization=f"Bearer {token}")
            assert broken.status_code == 404


class TestPages:
    @pytest.mark.parametrize("what", ["page", "vignette", "public"])
    @pytest.mark.parametrize("place", ["none", "coarse"])
    def test_without_place_nothing_tells_it(self, anywhere: Sharing, what: str, place: str) -> None:
        path = anywhere.link(what, place=place)
        for face in FACES:
            answer = anywhere.get(path, Accept=face)
            assert answer.status_code == 200
            told = answer.data + str(answer.headers).encode()
            for secret in (b"SECRET", b"48.85", b"2.29", b"Ansel", b"Agency", b"1931", b"metadata"):
                assert secret not in told
            assert (b"48.9, 2.3" in told) is (what == "page" and place == "coarse")

    def test_with_the_place_all_is_told(self, gallery: Sharing) -> None:
        page = gallery.get(gallery.link(place="exact")).text

        for told in ("SECRET.jpg", "48.85837, 2.29450", "Ansel", "Agency", "1931"):
            assert told in page

    @pytest.mark.parametrize("place", ["none", "coarse"])
    def test_credits_are_kept_if_it_says_so(self, gallery: Sharing, place: str) -> None:
        page = gallery.get(gallery.link(place=place, keep=["credit"])).text

        for told in ("Ansel", "(c) Ansel", "Agency"):
            assert told in page
        assert "SECRET" not in page

    def test_it_is_a_page_whatever_is_asked_for(self, gallery: Sharing) -> None:
        for place in Place:
            path = gallery.link(place=place)
            for face in FACES:
                assert gallery.get(path, Accept=face).mimetype == "text/html"

    @pytest.mark.parametrize("content", [talkative(2000, 500), animation("GIF", 3)], ids=["large", "moving"])
    def test_its_pictures_are_links_that_end_with_it(self, anywhere: Sharing, content: bytes) -> None:
        image = anywhere.upload(content)
        page = anywhere.get(anywhere.link(image=image, revocable=True)).text
        sources = {
            url.replace("&amp;", "&")
            for listed in re.findall(r'(?:src|srcset)="(/vignette/[^"]+)"', page)
            for url in re.findall(r"/vignette/\S+", listed)
        }

        assert sources
        for url in sources:
            assert anywhere.get(url).status_code == 200
        [listed] = anywhere.by_key("GET", f"/images/{image.public_name}/links").json["links"]
        anywhere.by_key("DELETE", f"/images/{image.public_name}/links/{listed['id']}")
        for url in sources:
            assert anywhere.get(url).status_code != 200

    def test_nothing_else_of_the_service_is_reached_from_it(self, anywhere: Sharing) -> None:
        for place in Place:
            page = anywhere.get(anywhere.link(place=place)).text
            reached = set(re.findall(r'(?:href|src|action)="([^"]+)"', page))
            assert {url for url in reached if not url.startswith(("/assets/", "/vignette/"))} == set()
            assert "<form" not in page
            assert f"Image {anywhere.image.id}" not in page

    def test_while_it_waits_its_page_says_so_and_a_failed_one_too(self, gallery: Sharing) -> None:
        failed = gallery.upload(broken_pixels(), "SECRET.png")
        waiting = gallery.house.upload(
            talkative(), "SECRET.jpg", actor=gallery.key.actor, visibility=Visibility.PRIVATE
        )

        page = gallery.get(gallery.link(image=waiting))
        assert (page.status_code, "http-equiv" in page.text, "SECRET" in page.text) == (200, True, False)
        page = gallery.get(gallery.link(image=failed))
        assert (page.status_code, "No vignette" in page.text, "SECRET" in page.text) == (200, True, False)

    def test_metadata_that_a_stranger_has_written_make_a_page_all_the_same(self, gallery: Sharing) -> None:
        gallery.house.store.write(
            gallery.image.id,
            layout.METADATA_JSON,
            b'{"summary": {"latitude": "1", "longitude": [2], "author": 7}, "iptc": 3, "xmp": {"Credit": []}}',
        )
        for place in Place:
            assert gallery.get(gallery.link(place=place, keep=["credit"])).status_code == 200

    @pytest.mark.parametrize("where", ["fr", "en"])
    def test_it_speaks_french(self, gallery: Sharing, where: str) -> None:
        page = gallery.get(gallery.link(place="coarse"), Accept_Language=where).text

        assert ("Lieu, à une dizaine" in page) is (where == "fr")


class TestWhatIsNotThereYet:
    @pytest.mark.parametrize("place", Place)
    def test_a_waiting_vignette_is_a_placeholder_and_a_preview_only_with_the_place(
        self, anywhere: Sharing, place: Place
    ) -> None:
        content = photo(still("JPEG", 160, 120), orientation=1, width=640, height=480)
        image = anywhere.house.upload(content, "SECRET.jpg", actor=anywhere.key.actor, visibility=Visibility.PRIVATE)
        path = anywhere.link("vignette", image, place=place)
        for face in (*FACES, "image/jpeg,image/png;q=0.5"):
            answer = anywhere.get(path, Accept=face)
            is_preview = place is Place.EXACT and answer.mimetype == "image/jpeg"
            assert answer.status_code == 202
            assert answer.mimetype == "image/png" or is_preview
            assert answer.headers["Cache-Control"] == "no-store"
        assert is_preview is (place is Place.EXACT)

    def test_a_public_copy_that_is_being_made_tells_nothing(self, gallery: Sharing) -> None:
        gallery.house.jobs.publish_at_once = None
        answer = gallery.get(gallery.link("public"), Prefer="wait=0")

        assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (202, b"", "1")

    def test_a_guest_who_waits_for_a_public_copy_sees_a_page_that_tells_nothing_of_it(self, gallery: Sharing) -> None:
        gallery.house.jobs.publish_at_once = None
        page = gallery.get(gallery.link("public"), Prefer="wait=0", Accept=BROWSER)

        assert (page.status_code, page.headers["Retry-After"]) == (202, "1")
        assert "The clean copy is being made" in page.text
        assert "SECRET" not in page.text
        assert "<a " not in page.text.replace('<a class="skip"', "")


class TestPublicCopies:
    @pytest.mark.parametrize(("file_format", "copied"), [("PNG", "PNG"), ("BMP", "JPEG"), ("TIFF", "JPEG")])
    @pytest.mark.parametrize("place", Place)
    def test_one_of_each_kind_comes_by_a_link_and_is_clean(
        self, anywhere: Sharing, file_format: str, copied: str, place: Place
    ) -> None:
        exif = Pillow.Exif()
        exif[0x010E] = exif[0x013B] = "SECRET"
        content = io.BytesIO()
        Pillow.new("RGB", (40, 30), "teal").save(content, file_format, exif=exif)
        if file_format != "BMP":  # which has no place for it
            assert b"SECRET" in content.getvalue()
        image = anywhere.upload(content.getvalue(), f"SECRET.{file_format.lower()}")

        answer = anywhere.get(anywhere.link("public", image, place=place))

        assert answer.status_code == 200
        assert b"SECRET" not in answer.data + str(answer.headers).encode()
        with Pillow.open(io.BytesIO(answer.data)) as copy:
            assert (copy.format, copy.size) == (copied, (40, 30))


class TestMaking:
    def test_the_answer_has_the_url_and_the_end(self, gallery: Sharing) -> None:
        end = datetime(2031, 1, 2, 3, 4, 5, 678_000, UTC)
        answer = gallery.make(expires_at=end.isoformat())

        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json.keys() == {"url", "expires_at", "id"}
        assert (answer.json["id"], answer.json["expires_at"]) == (None, "2031-01-02T03:04:05.000Z")
        query = parse_qs(urlsplit(answer.json["url"]).query)
        assert query["expires"] == [str(int(end.timestamp()))]
        assert query["place"] == ["none"]

    def test_it_lies_below_the_public_url(self, tmp_path: Path) -> None:
        with new_house(tmp_path, public_url="https://pictures.example/p") as house:
            url = Sharing(house).make("vignette").json["url"]

        assert url.startswith("https://pictures.example/p/vignette/")

    def test_what_cannot_be_is_refused_with_the_reason(self, gallery: Sharing) -> None:
        for wanted, status, words in (
            ({"what": "everything"}, 400, "what"),
            ({"place": "near"}, 400, "place"),
            ({"keep": ["provenance"]}, 400, "keep"),
            ({"keep": ["credit"], "what": "public"}, 400, "keep"),
            ({"keep": ["credit"], "what": "vignette"}, 400, "keep"),
            ({"what": "original", "place": "none"}, 400, "place=exact"),
            ({"what": "original", "place": "coarse"}, 400, "place=exact"),
            ({"what": "page", "recipe": "small"}, 400, "recipe"),
            ({"what": "vignette", "recipe": "none"}, 404, "no size"),
            ({"expires_at": "2001-01-01T00:00:00Z"}, 400, "passed"),
            ({"expires_at": "9999-01-01T00:00:00Z"}, 400, "after the year"),
            ({"expires_at": "2031-01-01T00:00:00"}, 400, "expires_at"),
            ({"expires_at": None}, 400, "expires_at"),
            ({"revocable": "yes"}, 400, "revocable"),
            ({"days": 3}, 400, "days"),
        ):
            answer = gallery.make(**{"what": "page", **wanted})

            assert (answer.status_code, words in answer.json["detail"]) == (status, True), wanted
        assert gallery.by_key("GET", f"/images/{gallery.image.public_name}/links").json["links"] == []

    def test_its_end_is_a_second_that_is_to_come(self, gallery: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
        linking, now = gallery.house.context.linking, datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
        monkeypatch.setattr(linking, "_clock", lambda: now)

        def make(end: datetime) -> Link:
            return linking.make(OPERATOR, gallery.image.id, Wanted(Representation.PAGE, end, Place.NONE))

        assert make(now + timedelta(seconds=1)).expires_at == now + timedelta(seconds=1)
        for end in (now, now + timedelta(seconds=0.9), (now + HOUR).replace(tzinfo=None)):
            with pytest.raises(MalformedRequest, match="expires_at"):
                make(end)

    def test_only_who_may_share_the_image_makes_looks_at_and_ends_them(self, gallery: Sharing) -> None:
        public = gallery.upload(picture(), visibility=Visibility.PUBLIC)
        tokens = {
            name: gallery.house.keyholding.add(OPERATOR, name, scopes)[1]
            for name, scopes in (("other", {Scope.SHARE}), ("reader", {Scope.READ}), ("admin", {Scope.ADMIN}))
        }
        found = {}
        for who, token in tokens.items():
            for image in (gallery.image, public):
                body = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}
                path = f"/images/{image.public_name}/links"
                found[who, image is public] = [
                    gallery.by_key("POST", path, token, json=body).status_code,
                    gallery.by_key("GET", path, token).status_code,
                    gallery.by_key("DELETE", path, token).status_code,
                ]
        assert found == {
            ("other", False): [404, 404, 404],
            ("other", True): [403, 403, 403],
            ("reader", False): [403, 403, 403],
            ("reader", True): [403, 403, 403],
            ("admin", False): [201, 200, 204],
            ("admin", True): [201, 200, 204],
        }

    def test_with_open_doors_everybody_does(self, tmp_path: Path) -> None:
        with new_house(tmp_path) as house:
            house.upload(picture())
            body = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}
            url = urlsplit(house.client.post("/images/0/links", json=body).json["url"])
            assert house.client.get(f"{url.path}?{url.query}").status_code == 200

    def test_an_image_has_so_many_that_can_be_revoked(self, gallery: Sharing) -> None:
        link = Link(Representation.PAGE, PublicName(str(gallery.image.public_name)), "", 0, 2**33)
        with gallery.house.catalogue.database.write() as connection:
            for number in range(MAX_LINKS_OF_AN_IMAGE):
                connection.exec_driver_sql(
                    "INSERT INTO link (id, image, what, size, place, keep, made_at_ms, expires_at_ms)"
                    f" VALUES ('{number:016x}', '{link.image}', 'page', '', 'none', '', 0, {2**43})"
                )
        answer = gallery.make(revocable=True)

        assert (answer.status_code, answer.json["limit"]) == (409, MAX_LINKS_OF_AN_IMAGE)
        assert gallery.make().status_code == 201


class TestWhatDoesNotHold:
    def test_one_that_is_not_signed_by_us_is_nothing_at_all(self, anywhere: Sharing) -> None:
        for image in (anywhere.image, anywhere.upload(talkative(), visibility=Visibility.PUBLIC)):
            for what in Representation:
                is_as_nothing(anywhere, anywhere.signed(image, "vl_another", what=what, place=Place.EXACT))

    def test_one_that_says_what_cannot_be_is_nothing_at_all(self, anywhere: Sharing) -> None:
        assert anywhere.get(anywhere.signed()).status_code == 200
        for change in (
            {"key": "f" * 16},
            {"expires": 1},
            {"made": 2**33},
            {"id": "f" * 16},
            {"by": "f" * 16},
            {"what": Representation.ORIGINAL},
        ):
            is_as_nothing(anywhere, anywhere.signed(**change))

    def test_one_that_was_changed_is_nothing_at_all(self, gallery: Sharing) -> None:
        path, _, query = gallery.link().partition("?")
        assert gallery.get(f"{path}?{query}").status_code == 200
        for garbled in (
            f"{query}&place=exact",
            query.replace("place=none", "place=exact"),
            query.replace("signature=", "signature=x"),
            f"{query}%00",
            f"{query}&expires=9999999999",
            "signature",
            "signature=" + "%FF" * 50,
            "signature=" + "A" * 43,
        ):
            is_as_nothing(gallery, f"{path}?{garbled}")

    def test_the_order_of_the_parameters_and_how_they_are_quoted_do_not_matter(self, gallery: Sharing) -> None:
        path, _, query = gallery.link().partition("?")
        pairs = [pair.partition("=") for pair in reversed(query.split("&"))]
        quoted = "&".join(f"%{ord(name[0]):02X}{name[1:]}={quote(value)}" for name, _, value in pairs)

        assert gallery.get(f"{path}?{quoted}").status_code == 200

    def test_what_is_bad_is_decided_before_the_image_is_looked_at(
        self, gallery: Sharing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = [gallery.signed(secret="vl_x"), gallery.signed(expires=1), gallery.signed(key="f" * 16)]
        for name in ("get", "named"):
            monkeypatch.setattr(gallery.house.catalogue.library, name, pytest.fail)
        for path in bad:
            assert gallery.get(path).status_code == 404


class TestEnds:
    def at(self, sharing: Sharing, monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
        now = datetime.now(UTC) + timedelta(**later)
        monkeypatch.setattr(sharing.house.context.linking, "_clock", lambda: now)
        monkeypatch.setattr(sharing.house.context.editing, "_clock", lambda: now)
        monkeypatch.setattr(sharing.house.context.keyholding, "_clock", lambda: now)

    def test_with_its_time(self, anywhere: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
        path = anywhere.link()
        self.at(anywhere, monkeypatch, minutes=59)
        assert anywhere.get(path).status_code == 200
        self.at(anywhere, monkeypatch, minutes=61)
        is_as_nothing(anywhere, path)

    @pytest.mark.parametrize("is_begun_only", [False, True])
    def test_with_its_image(self, anywhere: Sharing, is_begun_only: bool) -> None:
        paths = anywhere.links()
        for _, path in paths:
            assert anywhere.get(path).status_code == 200
        if is_begun_only:
            anywhere.house.catalogue.removals.begin_delete(anywhere.image.id)
        else:
            anywhere.house.removal.delete(OPERATOR, anywhere.image.id)
        for _, path in paths:
            is_as_nothing(anywhere, path)

    def test_when_its_image_is_made_private_and_one_that_is_made_then_holds(
        self, anywhere: Sharing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = anywhere.links()
        anywhere.change(Visibility.PRIVATE)  # which it was
        anywhere.change(Visibility.PUBLIC)
        before += anywhere.links()
        for _, path in before:
            assert anywhere.get(path).status_code == 200
        anywhere.change(Visibility.PRIVATE)
        after = anywhere.links()  # in the same second

        for _, path in after:
            assert anywhere.get(path).status_code == 200
        for _, path in before:
            is_as_nothing(anywhere, path)
        anywhere.change(Visibility.PUBLIC)
        for _, path in before:
            assert anywhere.get(path).status_code in (401, 404)
        self.at(anywhere, monkeypatch, seconds=-1)  # a clock that goes back
        anywhere.change(Visibility.PRIVATE)
        for _, path in after:
            assert anywhere.get(path).status_code in (401, 404)

    def test_the_moment_is_in_the_folder_and_comes_back_with_it(self, gallery: Sharing) -> None:
        gallery.change(Visibility.PUBLIC)
        path = gallery.link()
        gallery.change(Visibility.PRIVATE)
        after = gallery.link()
        gallery.house.reindexing.rebuild()

        assert (gallery.get(path).status_code, gallery.get(after).status_code) == (404, 200)

    def test_with_a_damaged_folder_those_of_before_end(self, gallery: Sharing) -> None:
        path = gallery.link()
        gallery.house.store.write(gallery.image.id, layout.EDITS, b"{")
        gallery.house.reindexing.rebuild()

        assert (gallery.get(path).status_code, gallery.get(gallery.link()).status_code) == (404, 200)

    def test_all_at_once_and_those_that_are_made_then_hold(self, gallery: Sharing) -> None:
        paths = [gallery.link(), gallery.link("vignette", revocable=True)]
        links = f"/images/{gallery.image.public_name}/links"
        assert gallery.by_key("DELETE", links).status_code == 204

        for path in paths:
            is_as_nothing(gallery, path)
        assert gallery.by_key("GET", links).json["links"] == []
        assert gallery.image.public_name is not None
        assert gallery.house.catalogue.links.of_image(gallery.image.public_name, datetime.now(UTC)) == []
        assert gallery.get(gallery.link()).status_code == 200

    def test_when_it_is_revoked_and_no_other_does(self, anywhere: Sharing) -> None:
        one, other = (anywhere.link(revocable=True) for _ in range(2))
        links = f"/images/{anywhere.image.public_name}/links"
        id_of = {path: parse_qs(urlsplit(path).query)["link"][0] for path in (one, other)}
        listed = anywhere.by_key("GET", links).json["links"]
        assert {link["id"] for link in listed} == set(id_of.values())
        assert listed[0].keys() == {"id", "what", "recipe", "place", "keep", "made_at", "made_by", "expires_at"}

        assert anywhere.by_key("DELETE", f"{links}/{id_of[one]}").status_code == 204
        is_as_nothing(anywhere, one)
        assert anywhere.get(other).status_code == 200
        again = anywhere.by_key("DELETE", f"{links}/{id_of[one]}")
        assert (again.status_code, again.json["type"]) == (404, "/problems/link-not-found")

    def test_an_id_of_another_image_ends_nothing(self, gallery: Sharing) -> None:
        path, other = gallery.link(revocable=True), gallery.upload(picture())
        link_id = parse_qs(urlsplit(path).query)["link"][0]

        assert gallery.by_key("DELETE", f"/images/{other.public_name}/links/{link_id}").status_code == 404
        assert gallery.get(path).status_code == 200

    def test_one_whose_row_is_lost_is_refused_and_one_without_a_row_holds(self, tmp_path: Path) -> None:
        """As in a copy of the upload folder, where the catalogue is made anew."""
        with new_house(tmp_path, access=Access.GALLERY) as house:
            sharing = Sharing(house)
            revocable, plain = sharing.link(revocable=True), sharing.link()
            house.sql("DELETE FROM link")

            assert (sharing.get(revocable).status_code, sharing.get(plain).status_code) == (404, 200)

    @pytest.mark.parametrize("end", ["removed", "expired", "narrowed"])
    def test_when_the_key_that_it_was_made_by_may_not_share_any_more(
        self, gallery: Sharing, monkeypatch: pytest.MonkeyPatch, end: str
    ) -> None:
        key = gallery.key
        keyholding = gallery.house.keyholding
        keyholding.change(OPERATOR, key.id, expires_at=datetime.now(UTC) + timedelta(minutes=1))
        paths = [gallery.link(what) for what in PATHS]
        if end == "removed":
            keyholding.remove(OPERATOR, key.id)
        elif end == "narrowed":
            keyholding.change(OPERATOR, key.id, scopes={Scope.READ, Scope.UPLOAD})
        else:
            self.at(gallery, monkeypatch, minutes=2)

        for path in paths:
            assert gallery.get(path).status_code == 404

    def test_an_admin_who_is_one_no_more_shared_only_his_own(self, gallery: Sharing) -> None:
        key, token = gallery.house.keyholding.add(OPERATOR, "admin", {Scope.ADMIN})
        body = {"what": "page", "expires_at": "2999-01-01T00:00:00Z"}
        url = urlsplit(gallery.by_key("POST", f"/images/{gallery.image.id}/links", token, json=body).json["url"])
        path = f"{url.path}?{url.query}"
        assert gallery.get(path).status_code == 200
        gallery.house.keyholding.change(OPERATOR, key.id, scopes={Scope.SHARE})

        assert gallery.get(path).status_code == 404

    def test_the_networks_of_a_key_are_those_of_its_holder(self, gallery: Sharing) -> None:
        path = gallery.link()
        gallery.house.keyholding.change(OPERATOR, gallery.key.id, networks=["192.0.2.0/24"])

        assert gallery.get(path).status_code == 200

    def test_with_its_signing_key_and_not_when_another_signs(self, anywhere: Sharing) -> None:
        path = anywhere.link()
        [first] = anywhere.signing_keys.all().keys
        anywhere.signing_keys.rotate()
        assert anywhere.get(path).status_code == 200
        other = anywhere.link()
        anywhere.signing_keys.remove(first.id)

        is_as_nothing(anywhere, path)
        assert anywhere.get(other).status_code == 200

    def test_where_the_signing_keys_cannot_be_read_no_link_is_believed_or_made(self, gallery: Sharing) -> None:
        path = gallery.link()
        (gallery.house.uploads / layout.SERVICE / layout.SIGNING_KEYS).write_bytes(b"{}")

        is_as_nothing(gallery, path)
        assert gallery.make().status_code == 503


class TestCaches:
    def test_it_is_kept_for_what_is_left_by_its_reader_alone(
        self, anywhere: Sharing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        end = (datetime.now(UTC) + HOUR).replace(microsecond=0)
        paths = [anywhere.link(what, expires_at=end.isoformat()) for what in PATHS]
        for left_s, told in ((3000, "max-age=60"), (20, "max-age=20"), (0.5, "no-cache")):
            now = end - timedelta(seconds=left_s)
            monkeypatch.setattr(anywhere.house.context.linking, "_clock", lambda now=now: now)
            for path in paths:
                said = anywhere.get(path).headers["Cache-Control"]
                assert said == f"private, {told}{', must-revalidate' if '=' in told else ''}"

    def test_of_a_picture_that_is_being_made_the_page_and_the_vignette_are_asked_for_each_time(
        self, anywhere: Sharing
    ) -> None:
        image = anywhere.house.upload(picture(1200), actor=anywhere.key.actor)
        paths = [anywhere.link(what, image) for what in ("page", "vignette")]
        before = [anywhere.get(path).headers["Cache-Control"] for path in paths]
        anywhere.house.work()
        after = [anywhere.get(path).headers["Cache-Control"] for path in paths]

        assert before == ["no-store"] * 2
        assert after == ["private, max-age=60, must-revalidate"] * 2

    def test_it_is_not_kept_where_nothing_may_be(self, tmp_path: Path) -> None:
        with new_house(tmp_path, cache_vignettes_s=0) as house:
            sharing = Sharing(house)
            for what in PATHS:
                assert sharing.get(sharing.link(what)).headers["Cache-Control"] == "private, no-cache"

    def test_a_condition_is_met_only_where_the_link_holds(self, anywhere: Sharing) -> None:
        paths = [anywhere.link(what) for what in ("original", "public", "vignette")]
        tags = [anywhere.get(path).headers["ETag"] for path in paths]
        for path, tag in zip(paths, tags, strict=True):
            answer = anywhere.get(path, If_None_Match=tag)
            assert (answer.status_code, answer.data) == (304, b"")
            assert answer.headers["Cache-Control"].startswith("private, max-age=")
        anywhere.by_key("DELETE", f"/images/{anywhere.image.public_name}/links")

        for path, tag in zip(paths, tags, strict=True):
            assert anywhere.get(path, If_None_Match=tag).status_code in (401, 404)

    @pytest.mark.parametrize("access", [Access.OPEN, Access.GALLERY])
    def test_the_way_round_flask_neither_keeps_nor_answers_one(self, tmp_path: Path, access: Access) -> None:
        with new_house(tmp_path, access=access, settling_s=0) as house:
            sharing = Sharing(house)
            image = sharing.upload(picture(), visibility=Visibility.PUBLIC)
            asked: list[str] = []
            inner = house.app.wsgi_app

            def flask(environ, start_response):  # type: ignore[no-untyped-def]
                asked.append(environ["QUERY_STRING"])
                answer = inner(environ, start_response)
                if "ignature=" in environ["QUERY_STRING"]:
                    assert SETTLED not in environ
                return answer

            client = Client(FastPath(flask, house.store.edition))
            path = sharing.link("vignette", image)
            quoted = path.replace("signature=", "%73ignature=")
            for url in (path, quoted):
                for _ in range(3):
                    assert client.get(url).status_code == 200
            assert len(asked) == 6
            plain = urlsplit(path).path
            for _ in range(4):
                assert client.get(plain).headers["Cache-Control"].startswith("public")
            assert len(asked) < 6 + 4  # without a link it is kept
            house.context.linking.end_all(OPERATOR, image.id)
            for url in (path, quoted):
                assert client.get(url).status_code == 404

    def test_the_way_round_flask_keeps_none_even_if_its_view_says_that_it_is_for_everybody(self) -> None:
        asked: list[str] = []

        def settling(environ, start_response):  # type: ignore[no-untyped-def]
            asked.append(environ["QUERY_STRING"])
            environ[SETTLED] = 0
            start_response("200 OK", [("ETag", '"tag"')])
            return [b"a picture"]

        client = Client(FastPath(settling, lambda _: "the same edition"))
        for query in ("signature=x", "size=small"):
            for _ in range(3):
                assert client.get(f"/vignette/0?{query}").data == b"a picture"

        assert asked == ["signature=x"] * 3 + ["size=small"]
