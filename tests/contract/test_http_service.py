"""The service as a whole: front page, limits, health, documentation, errors, headers."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract.asking import BROWSER, problem
from tests.house import House, picture
from tests.running import until
from vignette import errors
from vignette.jail.sandbox import abilities
from vignette.limits import READINESS_HOLDS_S
from vignette.web.api.operations import operation_of
from vignette.web.http.problems import STATUS, problem_types, status_of

PAGES = ["/", "/images", "/images/0", "/docs", "/problems", "/problems/no-file", "/nowhere"]


@pytest.fixture
def populated(house: House) -> House:
    house.upload(picture())
    house.work()
    return house


def main_part(page: str) -> str:
    """The page without its bar, its footer and the tray."""
    return page.partition("<main")[2].partition("</main>")[0]


def test_the_front_page_has_the_newest_images_and_a_form_where_there_are_none(house: House) -> None:
    empty = house.client.get("/", headers={"Accept": BROWSER})
    assert 'enctype="multipart/form-data"' in main_part(empty.text)

    house.upload(picture())
    response = house.client.get("/", headers={"Accept": BROWSER})

    assert response.mimetype == "text/html"
    assert 'enctype="multipart/form-data"' not in main_part(response.text)
    assert 'href="/add"' in response.text
    assert 'href="/images/0"' in response.text
    assert "curl -F file=@" in response.text


def test_the_limits_are_those_in_force(house: House) -> None:
    limits = house.client.get("/limits").json

    assert (limits["max_upload_bytes"], limits["max_pixels"], limits["max_frames"]) == (1_000_000, 1_000_000, 20)
    assert limits["max_render_memory_bytes"] > 0
    assert {"name": "JPEG", "media_type": "image/jpeg", "extension": "jpg"} in limits["formats"]
    assert limits["vignettes"] == ["small"]


def test_the_process_is_alive(house: House) -> None:
    assert house.client.get("/healthz").json == {"status": "alive"}


class TestReadiness:
    def test_ready_when_every_part_is_up(self, house: House) -> None:
        house.catalogue.workers.beat("here:1")

        response = house.client.get("/readyz")

        assert (response.status_code, response.json["status"]) == (200, "ready")
        assert {name: check["status"] for name, check in response.json["checks"].items()} == {
            "folder": "up",
            "catalogue": "up",
            "queue": "up",
            "worker": "up",
        }

    def test_it_tells_what_the_machine_has_to_shut_decoders_in(self, house: House) -> None:
        has = abilities()

        assert house.client.get("/readyz").json["sandbox"] == {"landlock": has.landlock_version, "seccomp": has.seccomp}

    def test_degraded_without_a_worker(self, house: House) -> None:
        response = house.client.get("/readyz")

        assert (response.status_code, response.json["status"]) == (200, "degraded")
        assert response.json["checks"]["worker"]["status"] == "down"

    def test_degraded_without_a_queue(self, house: House) -> None:
        house.catalogue.workers.beat("here:1")
        house.jobs.is_down = True

        response = house.client.get("/readyz")

        assert (response.status_code, response.json["status"]) == (200, "degraded")
        assert response.json["checks"]["queue"]["status"] == "down"

    def test_unavailable_without_its_folder(self, house: House) -> None:
        shutil.rmtree(house.uploads)

        response = house.client.get("/readyz")

        assert (response.status_code, response.json["status"]) == (503, "unavailable")
        assert response.json["checks"]["folder"]["status"] == "down"
        assert str(house.root) not in response.text

    def test_unavailable_without_its_catalogue(self, house: House) -> None:
        house.close()
        for path in (house.root / "state").iterdir():
            path.write_bytes(b"This is no database. " * 100)

        response = house.client.get("/readyz")

        assert (response.status_code, response.json["checks"]["catalogue"]["status"]) == (503, "down")

    def test_however_many_ask_it_writes_once_a_second(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        flushes: list[int] = []
        fsync = os.fsync
        monkeypatch.setattr(os, "fsync", lambda descriptor: (flushes.append(descriptor), fsync(descriptor)))
        house.client.get("/readyz")
        each_time = len(flushes)

        begun = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: house.app.test_client().get("/readyz").json, range(200)))
        looks = 1 + (time.monotonic() - begun) / READINESS_HOLDS_S

        assert each_time > 0
        assert len(flushes) - each_time <= each_time * looks
        assert {answer["status"] for answer in answers} == {"degraded"}

    def test_what_has_changed_is_told_a_second_later(self, house: House) -> None:
        assert house.client.get("/readyz").json["checks"]["worker"]["status"] == "down"

        house.catalogue.workers.beat("here:1")

        until(lambda: house.client.get("/readyz").json["checks"]["worker"]["status"] == "up")


class TestOpenapi:
    def test_the_document_is_valid(self, house: House) -> None:
        document = house.client.get("/openapi.json").json

        assert document["openapi"].startswith("3.1")
        OpenAPIV31SpecValidator(document).validate()

    def test_every_route_is_in_it(self, house: House) -> None:
        undocumented = [
            rule.endpoint
            for rule in house.app.url_map.iter_rules()
            if rule.endpoint != "static" and operation_of(house.app.view_functions[rule.endpoint]) is None
        ]

        assert undocumented == []

    def test_the_page_shows_every_operation_without_another_host(self, house: House) -> None:
        page = house.client.get("/docs").text

        for path in house.client.get("/openapi.json").json["paths"]:
            assert path in page
        names = ("https://www.rfc-editor.org", "https://iana.org/assignments/http-problem-types#")
        assert "https://" not in reduce(lambda text, name: text.replace(name, ""), names, page)

    def test_answers_are_what_the_document_says(self, populated: House) -> None:
        schemas = populated.client.get("/openapi.json").json["components"]["schemas"]

        assert set(populated.client.get("/images/0").json) == set(schemas["ImageWithMetadata"]["properties"])
        assert set(populated.client.get("/limits").json) == set(schemas["LimitsResource"]["properties"])


class TestProblems:
    def test_every_error_has_a_status_of_its_own_or_of_its_base(self) -> None:
        for kind in problem_types().values():
            assert 400 <= status_of(kind) < 600
        assert set(STATUS) <= {*problem_types().values(), errors.VignetteError}

    def test_codes_are_unique(self) -> None:
        def tree(kind: type[errors.VignetteError]) -> list[type[errors.VignetteError]]:
            return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]

        codes = [kind.code for kind in tree(errors.VignetteError) if "code" in vars(kind)]
        assert len(codes) == len(set(codes))

    def test_every_type_of_problem_has_a_page(self, house: House) -> None:
        for code in problem_types():
            assert house.client.get(f"/problems/{code}").status_code == 200
        assert house.client.get("/problems/unheard-of").status_code == 404

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "not-found"),
            ("PUT", "/images/0", 405, "method-not-allowed"),
            ("GET", "/assets/../../serveur_flask.py", 404, "not-found"),
        ],
    )
    def test_what_the_framework_refuses_is_a_problem_too(
        self, house: House, method: str, path: str, status: int, code: str
    ) -> None:
        response = house.client.open(path, method=method)

        assert (response.status_code, problem(response)["type"]) == (status, f"/problems/{code}")

    def test_a_browser_gets_a_page(self, house: House) -> None:
        response = house.client.get("/images/0", headers={"Accept": BROWSER})

        assert (response.status_code, response.mimetype) == (404, "text/html")

    def test_what_was_not_expected_is_told_to_the_log_only(
        self, house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("the password is hunter2")

        monkeypatch.setattr(house.catalogue.library, "newest", fail)

        response = house.client.get("/images")

        assert problem(response)["type"] == "/problems/internal-error"
        assert "hunter2" not in response.text
        assert "hunter2" in caplog.text

    def test_a_catalogue_that_is_gone_is_503_and_worth_another_try(self, house: House) -> None:
        house.close()
        for path in (house.root / "state").iterdir():
            path.write_bytes(b"This is no database. " * 100)

        response = house.client.get("/images")

        assert (response.status_code, problem(response)["type"]) == (503, "/problems/catalogue-unavailable")
        assert response.headers["Retry-After"]


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.strip().partition(" ") for part in policy.split(";"))}


OF_PAGES = {
    **dict.fromkeys(("default-src", "frame-ancestors", "base-uri"), "'none'"),
    **dict.fromkeys(("img-src", "style-src", "script-src", "connect-src", "manifest-src", "form-action"), "'self'"),
}
OF_FILES = {"default-src": "'none'", "frame-ancestors": "'none'", "sandbox": ""}


class TestHeaders:
    @pytest.mark.parametrize("path", [*PAGES, "/limits", "/images/0/original", "/vignette/0", "/assets/vignette.css"])
    @pytest.mark.parametrize("accept", [BROWSER, "*/*"])
    def test_every_answer_is_protected(self, populated: House, path: str, accept: str) -> None:
        response = populated.client.get(path, headers={"Accept": accept})

        assert response.headers["X-Content-Type-Options"] == "nosniff"
        policy = response.headers["Content-Security-Policy"]
        if response.mimetype == "text/html":
            assert directives(policy) == OF_PAGES
        else:
            # Of a picture alone, because a browser that shows it by itself has a style for that.
            is_picture = path == "/vignette/0" and response.mimetype.startswith("image/")
            assert directives(policy) == OF_FILES | ({"style-src": "'unsafe-inline'"} if is_picture else {})

    @pytest.mark.parametrize("path", PAGES)
    def test_a_page_tells_no_other_site_of_itself_and_shares_no_window(self, populated: House, path: str) -> None:
        response = populated.client.get(path, headers={"Accept": BROWSER})

        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Cache-Control"] in ("no-cache", "no-store")

    @pytest.mark.parametrize("path", ["/images/0/original", "/vignette/0"])
    def test_what_is_no_page_is_shut_up_in_a_sandbox(self, populated: House, path: str) -> None:
        response = populated.client.get(path, headers={"Accept": BROWSER})

        assert "sandbox" in response.headers["Content-Security-Policy"]
        # With a sandbox it would be a network error (HTML, "navigate"), not a picture.
        assert "Cross-Origin-Opener-Policy" not in response.headers

    @pytest.mark.parametrize("path", PAGES)
    def test_pages_hold_nothing_that_the_policy_forbids(self, populated: House, path: str) -> None:
        page = populated.client.get(path, headers={"Accept": BROWSER}).text

        assert "<style" not in page
        assert " style=" not in page
        assert "onclick" not in page
        assert "<script>" not in page

    @pytest.mark.parametrize(("language", "expected"), [("fr-CA, en;q=0.5", "fr"), ("en", "en"), ("de", "en")])
    @pytest.mark.parametrize("path", PAGES)
    def test_pages_speak_the_reader_s_language(self, populated: House, path: str, language: str, expected: str) -> None:
        response = populated.client.get(path, headers={"Accept": BROWSER, "Accept-Language": language})

        assert f'<html lang="{expected}"' in response.text
        assert "Accept-Language" in response.headers["Vary"]


def test_descriptions_are_kept_for_a_few_roots_only(house: House) -> None:
    """gunicorn takes the root from a header: each one of a thousand would keep 80 KB."""
    for number in range(20):
        answer = house.client.get("/docs", environ_overrides={"SCRIPT_NAME": f"/of-{number}"})
        assert f'href="/of-{number}/' in answer.text

    assert len(house.app.extensions["vignette.docs"]) <= 8


def test_uploads_are_not_reachable_as_static_files(populated: House, tmp_path: Path) -> None:
    assert (tmp_path / "uploads" / "0" / "original.jpg").exists()

    for path in ("/static/uploads/0/original.jpg", "/assets/../uploads/0/original.jpg", "/uploads/0/original.jpg"):
        assert populated.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "headers", "detail"),
    [
        pytest.param("GET", "/nowhere", {}, "nothing is at /nowhere", id="404"),
        pytest.param("GET", "/" + "a" * 300, {}, "nothing is at /" + "a" * 199 + "…", id="404, long"),
        pytest.param("PUT", "/images", {}, "/images does not take PUT", id="405"),
        pytest.param(
            "GET",
            "/images/0/original",
            {"Range": "bytes=999999-"},
            "the file has none of the bytes that the range asks for",
            id="416",
        ),
    ],
)
def test_a_refusal_of_the_library_is_told_in_words_of_ours(
    house: House, method: str, path: str, headers: dict[str, str], detail: str
) -> None:
    house.upload(picture())

    response = house.client.open(path, method=method, headers={"Accept": "application/json", **headers})

    assert problem(response)["detail"] == detail
