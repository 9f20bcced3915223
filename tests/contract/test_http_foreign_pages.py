"""What a page of another site makes a browser send here: nothing changes, nothing is shown, nothing can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER
from tests.house import House, picture
from tests.house import house as new_house
from vignette.web.doors import HostDoor
from vignette.web.fast_path import FastPath
from vignette.web.http.hosts import Hosts

HERE = "http://127.0.0.1:5000"

CHANGES = [("POST", "/images"), ("DELETE", "/images/0"), ("POST", "/images/0/delete"), ("POST", "/images/0/retry")]


def ask(house: House, method: str, path: str, base_url: str = HERE, **headers: str) -> TestResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return house.client.open(
        path, method=method, base_url=base_url, headers=names, data=picture() if method == "POST" else b""
    )


def type_of(response: TestResponse) -> str:
    return str((response.json or {})["type"]).rpartition("/")[2]


@pytest.fixture
def full_house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, settling_s=0) as house:
        house.upload(picture())
        house.work()
        yield house


class TestAPageOfAnotherSite:
    @pytest.mark.parametrize(("method", "path"), CHANGES)
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "http://127.0.0.1:5001"},
            {"Origin": "http://127.0.0.1"},
            {"Origin": "http://localhost:5000"},
            {"Origin": "http://127.0.0.1:5000.evil.example"},
            {"Origin": "http://127.0.0.1:5000@evil.example"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": "chrome-extension://abcdef"},
            {"Origin": "file://"},
            {"Origin": "http://[::1"},
            {"Origin": "http://127.0.0.1:x"},
            {"Origin": HERE, "Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Sec_Fetch_Site": "unheard-of"},
        ],
        ids=str,
    )
    def test_changes_nothing(self, full_house: House, method: str, path: str, headers: dict[str, str]) -> None:
        answer = ask(full_house, method, path, **headers)

        assert (answer.status_code, type_of(answer)) == (403, "cross-site-request")
        assert full_house.files(0) >= {"original.jpg", "outcome.json"}
        assert full_house.catalogue.index.next_id() == 1

    def test_is_told_who_it_is_and_where_this_is(self, full_house: House) -> None:
        answer = ask(full_house, "DELETE", "/images/0", Origin="https://evil.example")

        assert "'https://evil.example'" in (answer.json or {})["detail"]
        assert f"'{HERE}'" in (answer.json or {})["detail"]

    def test_shows_no_picture_of_ours(self, full_house: House) -> None:
        for path in ("/vignette/0", "/images/0/original", "/images/0/public", "/images/0", "/", "/limits"):
            assert ask(full_house, "GET", path).headers["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_shows_pictures_but_no_data_where_it_may(self, tmp_path: Path) -> None:
        with new_house(tmp_path, others_may_embed=True) as house:
            house.upload(picture())
            assert ask(house, "GET", "/vignette/0").status_code == 202
            house.work()
            policies = {
                path: ask(house, "GET", path).headers["Cross-Origin-Resource-Policy"]
                for path in ("/vignette/0", "/images/0/original", "/images/0/public", "/images/0", "/images", "/limits")
            }

        assert [path for path, policy in policies.items() if policy == "cross-origin"] == [
            *("/vignette/0", "/images/0/original", "/images/0/public")
        ]


class TestAPageOfOurs:
    @pytest.mark.parametrize(
        ("base_url", "headers"),
        [
            (HERE, {"Origin": HERE, "Sec_Fetch_Site": "same-origin"}),
            (HERE, {"Origin": HERE}),
            (HERE, {"Sec_Fetch_Site": "none"}),
            (HERE, {}),
            ("http://[::1]:5000", {"Origin": "http://[::1]:5000"}),
            ("http://pictures.example", {"Origin": "http://pictures.example"}),
            # A proxy that speaks https, and passes the host on.
            ("http://pictures.example", {"Origin": "https://pictures.example"}),
            ("http://pictures.example:8443", {"Origin": "https://pictures.example:8443"}),
        ],
        ids=str,
    )
    def test_may_delete(self, full_house: House, base_url: str, headers: dict[str, str]) -> None:
        assert ask(full_house, "DELETE", "/images/0", base_url, **headers).status_code == 204

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            ("https://pictures.example", 204),
            ("https://pictures.example:443", 204),
            ("http://pictures.example", 403),
            ("http://127.0.0.1:5000", 403),
        ],
    )
    def test_is_one_of_the_public_url_where_there_is_one(self, tmp_path: Path, origin: str, status: int) -> None:
        with new_house(tmp_path, public_url="https://pictures.example/below") as house:
            house.upload(picture())
            assert ask(house, "DELETE", "/images/0", Origin=origin).status_code == status


class TestAHostThatIsNotOurs:
    @pytest.fixture
    def client(self, full_house: House) -> Client:
        app = full_house.app
        return Client(
            HostDoor(FastPath(app.wsgi_app, full_house.store.edition), app.wsgi_app, Hosts(["pictures.example"]))
        )

    @pytest.mark.parametrize("path", ["/", "/images", "/images/0", "/vignette/0", "/assets/vignette.css", "/no"])
    def test_is_told_nothing(self, client: Client, path: str) -> None:
        ours, theirs = (
            client.get(path, base_url=f"http://{host}", buffered=True) for host in ("pictures.example", "evil.example")
        )

        assert ours.status_code in (200, 404)
        assert (theirs.status_code, type_of(theirs)) == (421, "misdirected-request")
        assert "'evil.example'" in theirs.text
        assert theirs.headers["Cache-Control"] == "no-store"

    def test_is_told_nothing_of_what_is_kept_for_others(self, client: Client) -> None:
        for _ in range(2):
            assert client.get("/vignette/0", base_url="http://pictures.example").status_code == 200

        tag = client.get("/vignette/0", base_url="http://pictures.example").headers["ETag"]
        for headers in ({}, {"If-None-Match": tag}):
            assert client.get("/vignette/0", base_url="http://evil.example", headers=headers).status_code == 421

    @pytest.mark.parametrize(("method", "path"), CHANGES)
    def test_changes_nothing(self, client: Client, full_house: House, method: str, path: str) -> None:
        origin = {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
        answer = client.open(path, method=method, base_url="http://evil.example", headers=origin, data=picture())

        assert answer.status_code == 421
        assert full_house.catalogue.index.next_id() == 1
        assert full_house.files(0) >= {"original.jpg", "outcome.json"}

    def test_is_in_no_link_of_the_page_that_tells_it(self, client: Client) -> None:
        page = client.get("/images/0", base_url="http://evil.example:81", headers={"Accept": BROWSER})

        assert page.mimetype == "text/html"
        assert "evil.example:81" in page.text
        assert "//evil.example" not in page.text

    @pytest.mark.parametrize("host", ["a" * 300, "a b", "[::1", "é", "a/b", "evil.example:x"])
    def test_is_told_so_even_if_nobody_can_have_that_name(self, client: Client, host: str) -> None:
        answer = client.get("/", environ_overrides={"HTTP_HOST": host}, headers={"Accept": BROWSER})

        assert (answer.status_code, answer.mimetype) == (421, "text/html")

    def test_does_not_keep_a_program_without_host_out(self, client: Client) -> None:
        environ = {"SERVER_NAME": "evil.example", "SERVER_PORT": "80", "HTTP_HOST": ""}
        assert client.get("/healthz", environ_overrides=environ).status_code == 200

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_does_not_keep_a_probe_from_our_health(self, client: Client, path: str) -> None:
        assert client.get(path, base_url="http://10.1.2.3:5000").status_code == 200
        assert client.post(path, base_url="http://10.1.2.3:5000").status_code == 421
