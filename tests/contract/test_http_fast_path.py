"""The way round Flask gives what Flask gives: the same answers to the same questions, at every moment of an image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from tests.contract.asking import BROWSER
from tests.contract.test_http_vignette import CHROME_IMG
from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as new_house
from tests.running import PROJECT_FOLDER, until
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.limits import MIB
from vignette.model import ImageId, Outcome
from vignette.recipes import Recipe
from vignette.records import outcome_to_json
from vignette.web.fast_path import FastPath

# As fine as the time of any file system that these tests run on. What is about the pause itself sets it otherwise.
SETTLING_S = 0.05

RECIPES = [SMALL, Recipe("tiny", 16, 16, formats=("jpeg",))]


class TwoWays:
    """A house, asked by the fast path and by Flask alone. `asked` counts what the fast path asked Flask."""

    def __init__(
        self, root: Path, *, settling_s: float = SETTLING_S, max_kept_bytes: int = MIB, look_every_s: float = 60
    ) -> None:
        self.house = House(root, recipes=RECIPES, settling_s=settling_s)
        self.asked = 0
        inner = self.house.app.wsgi_app

        def flask(environ, start_response):  # type: ignore[no-untyped-def]
            self.asked += 1
            return inner(environ, start_response)

        self.fast_path = FastPath(
            flask, self.house.store.edition, max_kept_bytes=max_kept_bytes, look_every_s=look_every_s
        )
        self._fast = Client(self.fast_path)
        self._flask = Client(inner)

    def upload(self, content: bytes) -> ImageId:
        image_id = self.house.upload(content).id
        self.house.work()
        self.until_settled(image_id)
        return image_id

    def until_settled(self, image_id: ImageId) -> None:
        until(lambda: self.house.store.edition(image_id) is not None)

    def fast(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> TestResponse:
        return self._fast.open(path, method=method, headers=headers or {}, buffered=True)

    def flask(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> TestResponse:
        return self._flask.open(path, method=method, headers=headers or {}, buffered=True)

    def agree(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> int:
        """Ask both ways, the fast one twice; the status, once all three answers are found to be the same."""
        expected = _essence(self.flask(path, headers, method))
        for _ in range(2):
            assert _essence(self.fast(path, headers, method)) == expected
        return int(expected[0].split()[0])


def _essence(response: TestResponse) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers in their order, body; without the time of day, which is the server's to say."""
    return response.status, [(n, v) for n, v in response.headers if n != "Date"], response.data


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[TwoWays]:
    built = TwoWays(tmp_path)
    yield built
    built.house.close()


@pytest.fixture
def warm(ways: TwoWays) -> TwoWays:
    return warmed(ways)


@pytest.fixture(scope="module")
def unchanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoWays]:
    """As `warm`, for tests that change nothing."""
    built = TwoWays(tmp_path_factory.mktemp("unchanging"))
    yield warmed(built)
    built.house.close()


def warmed(ways: TwoWays) -> TwoWays:
    """With image 0 ready, and asked for before in every way that an answer may be kept."""
    ways.upload(picture(640, 480))
    for accept in ACCEPTS:
        for size in ("", "?size=small", "?size=tiny"):
            ways.fast(f"/vignette/0{size}", {"Accept": accept})
    return ways


ACCEPTS = ["*/*", "image/webp", CHROME_IMG, BROWSER, "application/json", "image/jpeg, image/webp;q=0.5", "nonsense", ""]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_ready_vignette_is_the_same_by_both_ways(unchanging: TwoWays, method: str, accept: str) -> None:
    for path in ("/vignette/0", "/vignette/0?size=small", "/vignette/0?size=tiny", "/vignette/0?size=huge"):
        unchanging.agree(path, {"Accept": accept}, method)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("If-None-Match", "{etag}", id="the tag itself"),
        pytest.param("If-None-Match", "W/{etag}", id="the tag, weak"),
        pytest.param("If-None-Match", '"other"', id="another tag"),
        pytest.param("If-None-Match", '"other", {etag}', id="in a list"),
        pytest.param("If-None-Match", "*", id="any tag"),
        pytest.param("If-None-Match", "", id="no tag"),
        pytest.param("If-None-Match", 'un"quoted', id="none that makes sense"),
        pytest.param("If-Match", "{etag}", id="if it matches"),
        pytest.param("If-Match", '"other"', id="if another matches"),
        pytest.param("If-Modified-Since", "Thu, 01 Jan 2037 00:00:00 GMT", id="if modified since"),
        pytest.param("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", id="if unmodified since"),
        pytest.param("Range", "bytes=0-9", id="a range"),
        pytest.param("If-Range", "{etag}", id="a range of this one"),
        pytest.param("Prefer", "wait=1", id="a wish to wait"),
        pytest.param("Sec-Fetch-Site", "cross-site", id="from another site"),
        pytest.param("Host", "elsewhere.example", id="another host"),
        pytest.param("Cookie", "a=b", id="a cookie"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_and_ranges_are_the_same_by_both_ways(
    unchanging: TwoWays, method: str, name: str, value: str
) -> None:
    etag = unchanging.flask("/vignette/0").headers["ETag"]

    unchanging.agree("/vignette/0", {name: value.format(etag=etag)}, method)


@pytest.mark.parametrize(
    "path",
    [
        "/vignette/0?",
        "/vignette/0?size=small&x=1",
        "/vignette/0?x=%ff&size=tiny",
        "/vignette/00",
        "/vignette/0/",
        "/vignette/1",
        "/vignette/-1",
        "/vignette/",
        "/vignette/٣",
        "/vignette/999999999999999999999999",
        "/images/0",
        "//vignette/0",
    ],
)
def test_whatever_else_the_path_says_is_the_same_by_both_ways(unchanging: TwoWays, path: str) -> None:
    unchanging.agree(path)


def test_each_moment_of_an_image_is_the_same_by_both_ways(ways: TwoWays) -> None:
    image_id = ways.house.upload(picture(640, 480)).id
    ways.until_settled(image_id)
    assert ways.agree("/vignette/0") == 202
    ways.house.work()
    assert ways.agree("/vignette/0") == 200
    ways.until_settled(image_id)
    assert ways.agree("/vignette/0") == 200
    ways.house.removal.delete(NOBODY, image_id)
    assert ways.agree("/vignette/0") == 410
    ways.until_settled(image_id)
    assert ways.agree("/vignette/0") == 410

    ways.upload(broken_pixels())
    assert ways.agree("/vignette/1") == 422


def test_what_was_asked_before_costs_flask_nothing(warm: TwoWays) -> None:
    etag = warm.fast("/vignette/0", {"Accept": "image/webp"}).headers["ETag"]
    asked = warm.asked

    assert warm.fast("/vignette/0", {"Accept": "image/webp"}).status_code == 200
    assert warm.fast("/vignette/0", {"Accept": "image/webp"}, "HEAD").status_code == 200
    assert warm.fast("/vignette/0", {"Accept": "image/webp", "If-None-Match": etag}).status_code == 304
    assert warm.asked == asked


def test_after_its_deletion_by_another_process_no_old_answer_is_given(warm: TwoWays) -> None:
    assert warm.fast("/vignette/0", {"Accept": "image/webp"}).status_code == 200

    subprocess.run([sys.executable, "-c", _DELETE, str(warm.house.root)], cwd=PROJECT_FOLDER, check=True)

    assert warm.fast("/vignette/0", {"Accept": "image/webp"}).status_code == 410


_DELETE = """
import sys
from pathlib import Path
from tests.house import House
from vignette.access.actors import NOBODY
from vignette.limits import MIB
from vignette.model import ImageId

house = House(Path(sys.argv[1]))
house.removal.delete(NOBODY, ImageId(0))
house.close()
"""


def test_what_a_worker_still_writes_after_the_deletion_brings_no_answer_back(warm: TwoWays) -> None:
    store, name = warm.house.store, layout.vignette(SMALL, "webp")
    content = store.read(ImageId(0), name)
    warm.house.removal.delete(NOBODY, ImageId(0))

    store.write(ImageId(0), name, content)
    warm.until_settled(ImageId(0))

    assert warm.agree("/vignette/0", {"Accept": "image/webp"}) == 410


def test_a_vignette_that_is_gone_from_the_folder_is_no_longer_given(warm: TwoWays) -> None:
    (warm.house.uploads / "0" / layout.vignette(SMALL, "webp")).unlink()

    assert warm.fast("/vignette/0", {"Accept": "image/webp"}).status_code == 202


def test_a_vignette_that_was_replaced_is_given_as_it_is_now(warm: TwoWays) -> None:
    name = layout.vignette(SMALL, "webp")
    warm.house.store.write_all(ImageId(0), {name: b"another", layout.OUTCOME: outcome_to_json(Outcome((name,)))})

    assert warm.fast("/vignette/0", {"Accept": "image/webp"}).data == b"another"


def test_a_folder_that_has_just_changed_is_asked_of_flask(tmp_path: Path) -> None:
    ways = TwoWays(tmp_path, settling_s=3600)
    ways.house.upload(picture(640, 480))
    ways.house.work()

    assert [ways.fast("/vignette/0").status_code for _ in range(3)] == [200, 200, 200]

    assert ways.asked == 3
    ways.house.close()


def test_what_is_kept_has_an_end_and_what_is_given_stays(tmp_path: Path) -> None:
    ways = TwoWays(tmp_path, max_kept_bytes=20_000)
    ways.upload(picture(640, 480))
    ways.fast("/vignette/0?x=often")
    for number in range(50):
        ways.fast(f"/vignette/0?x={number}")
        ways.fast("/vignette/0?x=often")
    assert ways.asked == 51

    ways.fast("/vignette/0?x=0")

    assert ways.asked == 52
    ways.house.close()


def test_what_others_add_to_the_headers_is_not_kept(ways: TwoWays) -> None:
    """A server or a layer before us may change the list that it is given in any way (PEP 3333)."""
    ways.upload(picture(64, 48))

    def with_a_cookie(environ, start_response):  # type: ignore[no-untyped-def]
        def add(status, headers):  # type: ignore[no-untyped-def]
            headers.append(("Set-Cookie", f"user={environ['HTTP_COOKIE']}"))
            return start_response(status, headers)

        return ways.fast_path(environ, add)

    client = Client(with_a_cookie, use_cookies=False)
    etag = ways.flask("/vignette/0").headers["ETag"]
    for user in ("ann", "bob", "cleo"):
        for condition in ({}, {"If-None-Match": etag}):
            response = client.get("/vignette/0", headers={"Cookie": user, **condition})
            assert response.status_code == (304 if condition else 200)
            assert response.headers.getlist("Set-Cookie") == [f"user={user}"]
    assert ways.asked == 1


def test_it_keeps_answers_behind_a_proxy_too(tmp_path: Path) -> None:
    asked = []
    with new_house(tmp_path, settling_s=0, public_url="https://pictures.example/below") as house:
        house.upload(picture(640, 480))
        house.work()

        def app(environ: dict[str, object], start_response: object) -> object:
            asked.append(environ["PATH_INFO"])
            return house.app.wsgi_app(environ, start_response)

        client = Client(FastPath(app, house.store.edition))
        answers = [client.get("/vignette/0") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert asked == ["/vignette/0"]


def test_no_process_keeps_a_deleted_image_in_its_memory(tmp_path: Path) -> None:
    ways = TwoWays(tmp_path, look_every_s=0)
    gone, stays = ways.upload(picture(640, 480)), ways.upload(picture(480, 640, colour="red"))
    bodies = {image_id: ways.fast(f"/vignette/{image_id}").data for image_id in (gone, stays)}
    assert kept(ways.fast_path) == set(bodies.values())

    ways.house.removal.delete(NOBODY, gone)
    ways.fast("/healthz")

    assert kept(ways.fast_path) == {bodies[stays]}
    ways.house.close()


def kept(fast_path: FastPath) -> set[bytes]:
    return {answer.body for answer in fast_path._answers.values()}
