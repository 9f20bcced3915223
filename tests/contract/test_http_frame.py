"""What stands around the pages: assets, compression, the language, the manifest and what it lets a phone send."""

from __future__ import annotations

import gzip
import html
import io
import re
from typing import Any

import pytest
from PIL import Image as Pillow
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, JSON
from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.model import Image, Visibility
from vignette.web import create_app
from vignette.web.assets import read_assets


@pytest.fixture
def populated(house: House) -> House:
    for number in range(8):
        house.upload(picture(), f"{number}.jpg")
    house.work()
    return house


def asset_urls(page: str) -> set[str]:
    return set(re.findall(r'"(/assets/[^"]+)"', page))


class TestAssets:
    def test_the_page_names_them_under_the_digest_of_them_all_and_they_are_kept_for_ever(self, house: House) -> None:
        urls = asset_urls(house.client.get("/").text)

        assert any(url.endswith("/vignette.css") for url in urls)
        assert len({url.split("/")[2] for url in urls}) == 1
        for url in urls:
            answer = house.client.get(url)
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"

    def test_a_module_leads_to_another_under_the_same_digest(self, house: House) -> None:
        house.upload(picture())
        (url,) = (url for url in asset_urls(house.client.get("/").text) if url.endswith("/wall.js"))

        imported = re.findall(r'from "(\./[^"]+)"', house.client.get(url).text)

        assert len(imported) >= 4
        assert all(name.startswith("./") for name in imported)

    def test_another_digest_gets_the_file_of_today_and_nobody_keeps_it(self, house: House) -> None:
        (url,) = (url for url in asset_urls(house.client.get("/").text) if url.endswith("/vignette.css"))
        other = f"/assets/{'0' * 10}/vignette.css"

        for unnamed in (other, "/assets/vignette.css"):
            answer = house.client.get(unnamed)
            assert (answer.data, answer.headers["Cache-Control"]) == (house.client.get(url).data, "no-cache")

    def test_any_change_to_any_of_them_changes_the_digest(self, tmp_path: Any) -> None:
        (tmp_path / "a.js").write_text("one")
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "c.css").write_text("two")
        digests = [read_assets(tmp_path).digest]
        (tmp_path / "b" / "c.css").write_text("three")
        digests.append(read_assets(tmp_path).digest)
        (tmp_path / "a.js").rename(tmp_path / "d.js")
        digests.append(read_assets(tmp_path).digest)

        assert len(set(digests)) == 3

    def test_they_are_compressed_beside_themselves(self, house: House) -> None:
        plain = house.client.get("/assets/vignette.css")
        packed = house.client.get("/assets/vignette.css", headers={"Accept-Encoding": "br, gzip;q=0.5"})

        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert len(packed.data) < len(plain.data) / 3
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert (
            "Content-Encoding" not in house.client.get("/assets/touch.png", headers={"Accept-Encoding": "gzip"}).headers
        )

    @pytest.mark.parametrize("name", ["../vignette.css", "nothing.js", "%2e%2e/x", "vendor", ""])
    def test_nothing_else_is_there(self, house: House, name: str) -> None:
        assert house.client.get(f"/assets/{'0' * 10}/{name}").status_code == 404

    def test_the_icon_is_where_browsers_look_for_it(self, house: House) -> None:
        answer = house.client.get("/favicon.ico")

        assert (answer.status_code, answer.mimetype) == (200, "image/vnd.microsoft.icon")
        assert answer.data[:4] == b"\0\0\1\0"


def packed(house: House, path: str, accept: str = BROWSER, encodings: str = "gzip, deflate, br") -> TestResponse:
    return house.client.get(path, headers={"Accept": accept, "Accept-Encoding": encodings})


class TestCompression:
    @pytest.mark.parametrize(
        ("path", "accept"), [("/", BROWSER), ("/images", JSON), ("/docs", BROWSER), ("/openapi.json", JSON)]
    )
    def test_pages_and_json_are_compressed_for_whoever_takes_it(self, populated: House, path: str, accept: str) -> None:
        plain = packed(populated, path, accept, "gzip;q=0, br")
        answer = packed(populated, path, accept)

        assert "Content-Encoding" not in plain.headers
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.data) == plain.data
        assert int(answer.headers["Content-Length"]) == len(answer.data) < len(plain.data) / 2
        for each in (plain, answer):
            assert "Accept-Encoding" in each.headers["Vary"]

    @pytest.mark.parametrize("path", ["/vignette/0", "/images/0/original"])
    def test_pictures_are_not(self, populated: House, path: str) -> None:
        assert "Content-Encoding" not in packed(populated, path, "*/*").headers

    def test_what_has_a_digest_or_a_tag_of_its_bytes_is_not(self, populated: House) -> None:
        answer = packed(populated, "/images/0/metadata.json", JSON)

        assert "Content-Encoding" not in answer.headers
        assert answer.headers["ETag"]

    def test_what_shows_a_secret_is_not(self, tmp_path: Any) -> None:
        """Else its length would tell of it (BREACH)."""
        with new_house(tmp_path, access=Access.CLOSED) as house:
            for path in ("/login", "/first-key?token=abc", "/nowhere"):
                answer = packed(house, path)
                assert answer.mimetype == "text/html"
                assert len(answer.data) > 1000
                assert "Content-Encoding" not in answer.headers


class TestLanguage:
    def test_a_button_chooses_it_and_a_cookie_keeps_it(self, house: House) -> None:
        client, french = house.client, {"Accept": BROWSER, "Accept-Language": "fr"}
        assert '<html lang="fr"' in client.get("/", headers=french).text

        answer = client.post("/language?to=en", headers={"Referer": "http://localhost/images?before=3#x"})

        assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/images?before=3")
        page = client.get("/", headers=french)
        assert '<html lang="en"' in page.text
        assert {"Cookie", "Accept-Language"} <= set(page.headers["Vary"].split(", "))

    @pytest.mark.parametrize(
        "referer", ["http://evil.example/x", "http://localhost.evil.example/", "//evil.example", "x", None]
    )
    def test_it_leads_to_no_other_host(self, house: House, referer: str | None) -> None:
        headers = {} if referer is None else {"Referer": referer}

        answer = house.client.post("/language?to=fr", headers=headers)

        assert answer.headers["Location"] == "http://localhost/"

    @pytest.mark.parametrize("to", ["", "?to=de", "?to=" + "x" * 1000])
    def test_another_one_is_refused(self, house: House, to: str) -> None:
        assert house.client.post(f"/language{to}").json["type"] == "/problems/malformed-request"

    def test_with_one_language_there_is_nothing_to_choose(self, house: House) -> None:
        only = create_app(house.context, public_url="", languages=["fr"]).test_client()

        assert "/language" in house.client.get("/", headers={"Accept": BROWSER}).text
        assert "/language" not in only.get("/", headers={"Accept": BROWSER}).text
        assert only.post("/language?to=en").status_code == 400

    @pytest.mark.parametrize("path", ["/nowhere", "/images/9", "/images/0/nothing", "/images?limit=x"])
    def test_a_page_of_a_problem_has_no_word_of_the_other_one(self, populated: House, path: str) -> None:
        page = populated.client.get(path, headers={"Accept": BROWSER, "Accept-Language": "fr"}).text

        assert 'lang="en"' not in page.replace('lang="en">English', "")
        for word in ("nothing is at", "there is no", "has to be", "was deleted"):
            assert word not in page


class TestManifest:
    def test_it_lies_below_the_path_of_the_service_and_its_icons_are_there(self, house: House) -> None:
        manifest = house.client.get("/manifest.webmanifest")

        assert manifest.mimetype == "application/manifest+json"
        for icon in manifest.json["icons"]:
            assert house.client.get(icon["src"]).mimetype == "image/png"
        assert manifest.json["share_target"]["action"] == "/images"

    def share(self, house: House, **headers: str) -> TestResponse:
        (field,) = house.client.get("/manifest.webmanifest").json["share_target"]["params"]["files"]
        form = {field["name"]: [(io.BytesIO(picture()), "a.jpg"), (io.BytesIO(picture()), "b.jpg")]}
        return house.client.post("/images", data=form, headers={"Accept": BROWSER, **headers})

    def test_what_a_phone_shares_is_taken(self, house: House) -> None:
        answer = self.share(house, **{"Origin": "null", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"})

        assert answer.status_code == 303
        assert house.client.get("/images?ids=0,1", headers={"Accept": JSON}).json["images"]

    @pytest.mark.parametrize("site", ["cross-site", "same-site", None])
    def test_the_same_from_a_page_in_a_sandbox_is_not(self, house: House, site: str | None) -> None:
        said = {} if site is None else {"Sec-Fetch-Site": site}

        answer = self.share(house, Origin="null", **said)

        assert answer.status_code == 403

    def test_what_names_a_site_is_not_either(self, house: House) -> None:
        answer = self.share(house, **{"Origin": "https://evil.example", "Sec-Fetch-Site": "none"})

        assert answer.status_code == 403


def test_the_limits_are_a_page_for_people_and_json_for_programs(house: House) -> None:
    page = house.client.get("/limits", headers={"Accept": BROWSER})
    program = house.client.get("/limits")

    assert (page.mimetype, program.mimetype) == ("text/html", JSON)
    assert "megapixels" in page.text
    assert "Accept" in page.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "canonical"),
    [("/", "/"), ("/images?limit=1", "/images"), ("/images?limit=1&before=1", "/images?before=1")],
)
def test_a_wall_has_one_address_however_many_pictures_are_asked_for(house: House, path: str, canonical: str) -> None:
    for number in range(2):
        house.upload(picture(40 + number))

    page = house.client.get(path, headers={"Accept": BROWSER}).text

    assert f'rel="canonical" href="http://localhost{canonical}"' in page


def test_a_link_to_the_front_page_can_be_shown_by_others(house: House) -> None:
    page = house.client.get("/", headers={"Accept": BROWSER}).text

    for needed in (
        'name="description"',
        'rel="canonical" href="http://localhost/"',
        'name="theme-color"',
        "apple-touch-icon",
    ):
        assert needed in page


class TestOpenGraph:
    def page(self, house: House, image: Image, token: str | None = None) -> str:
        headers = {"Accept": BROWSER, **({} if token is None else {"Authorization": f"Bearer {token}"})}
        answer = house.client.get(f"/images/{image.public_name}", headers=headers)
        assert answer.status_code == 200
        return answer.text

    def test_a_link_to_an_image_is_shown_with_its_vignette(self, house: House) -> None:
        house.upload(picture(400, 300), "a <b>.jpg")
        waiting = house.client.get("/images/0", headers={"Accept": BROWSER}).text
        house.work()

        page = html.unescape(house.client.get("/images/0", headers={"Accept": BROWSER}).text)

        assert "og:title" in waiting
        assert "og:image" not in waiting
        (url,) = re.findall(r'property="og:image" content="([^"]+)"', page)
        (width,) = re.findall(r'property="og:image:width" content="(\d+)"', page)
        answer = house.client.get(url, headers={"Accept": "*/*"})
        assert answer.mimetype == "image/jpeg"
        with Pillow.open(io.BytesIO(answer.data)) as vignette:
            assert vignette.width == int(width)
        assert 'rel="canonical" href="http://localhost/images/0"' in page

    def test_of_one_that_not_everybody_sees_nothing_is_told(self, tmp_path: Any) -> None:
        with new_house(tmp_path, access=Access.GALLERY) as house:
            key, token = house.keyholding.add(OPERATOR, "owner", frozenset(Scope))
            public, private = (house.upload(picture(), actor=key.actor, visibility=each) for each in Visibility)
            house.work()

            assert "og:image" in self.page(house, public)
            assert "og:" not in self.page(house, private, token)
            assert 'content="noindex"' in self.page(house, private, token)
