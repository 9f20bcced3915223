"""`GET /vignette/<id>`: ready, on its way, failed."""

from __future__ import annotations

import hashlib
import html
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow
from PIL import ImageOps
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER, problem
from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as house_below
from tests.makers import animation
from tests.unit.pixels.test_preview import photo
from vignette import layout
from vignette.errors import RenderingFailed
from vignette.model import ImageId
from vignette.recipes import Recipe
from vignette.web.fast_path import FastPath

# What the default setting makes of a vignette that is there.
SETTLED = "public, max-age=60, must-revalidate"

TINY, NEW = Recipe("small", 64, 64), Recipe("new", 32, 32)

CHROME_IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def raise_rendering_failed(*_: object) -> None:
    raise RenderingFailed("its decoder has a bad day")


def two_frames() -> bytes:
    content = io.BytesIO()
    frames = [Pillow.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return content.getvalue()


@pytest.fixture
def ready(house: House) -> House:
    house.upload(picture(640, 480))
    house.work()
    return house


@pytest.fixture
def pending(house: House) -> House:
    house.upload(picture(640, 480))
    return house


@pytest.fixture
def failed(house: House) -> House:
    house.upload(broken_pixels())
    house.work()
    return house


class TestReady:
    @pytest.mark.parametrize(
        ("accept", "media_type"),
        [
            pytest.param("*/*", "image/jpeg", id="a wildcard promises nothing"),
            pytest.param("image/*", "image/jpeg", id="nor does this"),
            pytest.param("image/webp", "image/webp", id="named"),
            pytest.param(CHROME_IMG, "image/webp", id="an img of a browser"),
            pytest.param(BROWSER, "image/webp", id="a browser that opens it"),
            pytest.param("image/jpeg, image/webp;q=0.5", "image/jpeg", id="by quality"),
            pytest.param("application/json", "image/jpeg", id="none that there is"),
        ],
    )
    def test_the_format_is_one_that_the_client_names(self, ready: House, accept: str, media_type: str) -> None:
        response = ready.client.get("/vignette/0", headers={"Accept": accept})

        assert (response.status_code, response.mimetype) == (200, media_type)
        assert "Accept" in response.headers["Vary"]
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.get_format_mimetype() == media_type
            assert vignette.size == (256, 192)

    def test_it_is_cached_for_as_long_as_a_deleted_one_may_be_seen(self, ready: House) -> None:
        response = ready.client.get("/vignette/0")

        assert response.headers["Cache-Control"] == SETTLED

    def test_each_format_has_an_etag_of_its_own(self, ready: House) -> None:
        etags = {
            ready.client.get("/vignette/0", headers={"Accept": f"image/{f}"}).headers["ETag"] for f in ("webp", "jpeg")
        }

        assert len(etags) == 2

    def test_what_the_client_has_already_is_304(self, ready: House) -> None:
        etag = ready.client.get("/vignette/0").headers["ETag"]

        response = ready.client.get("/vignette/0", headers={"If-None-Match": etag})

        assert (response.status_code, response.data) == (304, b"")

    def test_another_size_is_named_in_the_query(self, tmp_path: Path) -> None:
        house = House(tmp_path, recipes=[SMALL, Recipe("tiny", 16, 16)])
        house.upload(picture(640, 480))
        house.work()

        response = house.client.get("/vignette/0?size=tiny")

        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.size == (16, 12)
        house.close()

    def test_an_unknown_size_is_404(self, ready: House) -> None:
        response = ready.client.get("/vignette/0?size=huge")

        assert problem(response)["type"] == "/problems/recipe-not-found"
        assert "small" in problem(response)["detail"]

    def test_a_vignette_that_somebody_has_tidied_away_is_made_again(self, ready: House) -> None:
        (ready.uploads / "0" / layout.vignette(SMALL, "jpeg")).unlink()

        assert ready.client.get("/vignette/0").status_code == 202
        assert ready.client.get("/images/0").json["state"] == "ready"
        assert ready.client.get("/vignette/0", headers={"Accept": "image/webp"}).status_code == 200
        ready.work()

        assert ready.client.get("/vignette/0").status_code == 200


class TestMoving:
    @pytest.fixture
    def moving(self, house: House) -> House:
        house.upload(animation("GIF", 3))
        house.work()
        return house

    @pytest.mark.parametrize(
        ("query", "accept", "file_format", "frames"),
        [
            pytest.param("", CHROME_IMG, "WEBP", 3, id="an img of a browser"),
            pytest.param("?still=1", CHROME_IMG, "WEBP", 1, id="still"),
            pytest.param("", "*/*", "JPEG", 1, id="a client that names no WebP"),
            pytest.param("", "image/jpeg, image/webp;q=0.5", "JPEG", 1, id="by quality"),
        ],
    )
    def test_it_moves_where_the_client_names_webp_and_does_not_ask_for_a_still(
        self, moving: House, query: str, accept: str, file_format: str, frames: int
    ) -> None:
        response = moving.client.get(f"/vignette/0{query}", headers={"Accept": accept})

        assert response.status_code == 200
        assert response.headers["Cache-Control"] == SETTLED
        assert "Accept" in response.headers["Vary"]
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.format == file_format
            assert getattr(vignette, "n_frames", 1) == frames

    def test_both_have_an_etag_of_their_own(self, moving: House) -> None:
        headers = {"Accept": "image/webp"}
        etag, still = (
            moving.client.get(f"/vignette/0{query}", headers=headers).headers["ETag"] for query in ("", "?still=1")
        )
        assert etag != still

        assert moving.client.get("/vignette/0", headers={**headers, "If-None-Match": etag}).status_code == 304
        assert moving.client.get("/vignette/0", headers={**headers, "If-None-Match": still}).status_code == 200
        assert moving.client.get("/vignette/0?still=1", headers={**headers, "If-None-Match": still}).status_code == 304

    def test_a_still_of_what_never_moved_is_its_vignette(self, ready: House) -> None:
        assert ready.client.get("/vignette/0?still=1").data == ready.client.get("/vignette/0").data

    def test_where_none_was_made_that_moves_the_still_one_is_served(self, house: House) -> None:
        house.rendering._animation_seconds = -1
        house.upload(animation("GIF", 3))
        house.work()

        response = house.client.get("/vignette/0", headers={"Accept": "image/webp"})

        assert response.status_code == 200
        assert response.data == (house.uploads / "0" / layout.vignette(SMALL, "webp")).read_bytes()

    def test_who_reads_avif_and_webp_gets_the_one_that_moves(self, tmp_path: Path) -> None:
        with house_below(tmp_path, recipes=[Recipe("small", 64, 64, ("avif", "webp"))]) as house:
            house.upload(animation("GIF", 3))
            house.work()

            assert house.client.get("/vignette/0", headers={"Accept": CHROME_IMG}).mimetype == "image/webp"
            assert house.client.get("/vignette/0?still=1", headers={"Accept": CHROME_IMG}).mimetype == "image/avif"
            assert house.client.get("/vignette/0", headers={"Accept": "image/avif"}).mimetype == "image/avif"

    def test_a_recipe_that_is_changed_to_stills_makes_stills(self, moving: House) -> None:
        with house_below(moving.root, recipes=[replace(SMALL, animate=False)]) as changed:
            changed.renewal.advance()
            changed.work()

            response = changed.client.get("/vignette/0", headers={"Accept": "image/webp"})

            assert layout.vignette(SMALL, "webp", moves=True) not in changed.files(0)
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.n_frames == 1  # type: ignore[attr-defined]

    def test_on_its_page_it_is_still_for_who_prefers_less_motion(self, moving: House) -> None:
        moving.upload(picture())
        moving.work()

        page = moving.client.get("/images/0", headers={"Accept": BROWSER}).text
        (source,) = re.findall(r'<source media="\(prefers-reduced-motion: reduce\)" srcset="([^" ]*) ', page)
        response = moving.client.get(html.unescape(source), headers={"Accept": CHROME_IMG})

        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert (vignette.format, vignette.n_frames) == ("WEBP", 1)  # type: ignore[attr-defined]
        assert "<source" not in moving.client.get("/images/1", headers={"Accept": BROWSER}).text


class TestVersions:
    def test_the_url_that_the_resource_links_is_cached(self, ready: House) -> None:
        url = ready.client.get("/images/0").json["links"]["vignettes"]["small"]
        assert url == f"http://localhost/vignette/0?size=small&v={SMALL.digest}"

        response = ready.client.get(url)

        assert response.headers["Cache-Control"] == SETTLED
        assert response.headers["ETag"] == f'"{hashlib.sha256(response.data).hexdigest()[:32]}"'
        assert response.data == ready.client.get("/vignette/0").data

    @pytest.mark.parametrize("version", ["00000000", "", "x" * 1000, "%00"])
    def test_any_other_version_is_answered_with_the_one_in_force_for_a_short_time(
        self, ready: House, version: str
    ) -> None:
        response = ready.client.get(f"/vignette/0?v={version}")

        assert response.status_code == 200
        assert response.headers["Cache-Control"] == SETTLED
        assert response.headers["ETag"] == ready.client.get("/vignette/0").headers["ETag"]


class TestHowLongItIsCached:
    """Until a cache asks again, a deleted image may still be seen: the operator says for how long."""

    VERSION = f"?v={SMALL.digest}"

    @pytest.mark.parametrize(
        ("seconds", "query", "expected"),
        [
            (0, "", "no-cache"),
            (0, VERSION, "no-cache"),
            (0, "?v=other", "no-cache"),
            (3600, "", "public, max-age=3600, must-revalidate"),
            (3600, VERSION, "public, max-age=3600, must-revalidate"),
            (3600, "?v=other", "public, max-age=60, must-revalidate"),
            (31536000, "", "public, max-age=604800, must-revalidate"),
            (31536000, VERSION, "public, max-age=31536000, immutable"),
            (31536000, "?v=other", "public, max-age=60, must-revalidate"),
        ],
    )
    def test_is_a_setting(self, ready: House, seconds: int, query: str, expected: str) -> None:
        with house_below(ready.root, cache_vignettes_s=seconds) as house:
            response = house.client.get(f"/vignette/0{query}")

            assert (response.status_code, response.headers["Cache-Control"]) == (200, expected)

    def test_a_304_says_it_too(self, ready: House) -> None:
        etag = ready.client.get("/vignette/0").headers["ETag"]

        response = ready.client.get("/vignette/0", headers={"If-None-Match": etag})

        assert (response.status_code, response.headers["Cache-Control"]) == (304, SETTLED)


class TestPages:
    LARGE = Recipe("large", 600, 600)
    BANNER = Recipe("banner", 900, 90, fit="cover")

    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        with house_below(tmp_path, recipes=[SMALL, self.BANNER, self.LARGE]) as house:
            yield house

    def page(self, house: House, path: str) -> str:
        return html.unescape(house.client.get(path, headers={"Accept": BROWSER}).text)

    def test_the_page_of_an_image_shows_the_largest_that_cuts_nothing_off(self, ready: House) -> None:
        page = self.page(ready, "/images/0")

        large, small = (f"/vignette/0?size={r.name}&v={r.digest}" for r in (self.LARGE, SMALL))
        assert f'src="{large}"' in page
        assert f'srcset="{small} 256w, {large} 600w"' in page
        assert 'width="640" height="480"' in page
        assert not any("banner" in image for image in re.findall("<img[^>]*>", page))

    def test_where_all_are_of_one_width_there_is_nothing_to_choose(self, house: House) -> None:
        house.upload(picture(100, 80))
        house.work()

        page = self.page(house, "/images/0")

        assert f'src="/vignette/0?size=small&v={SMALL.digest}"' in page
        # Of one candidate, too: `sizes` tells the place that it takes.
        assert f'srcset="/vignette/0?size=small&v={SMALL.digest} 100w"' in page

    def test_lists_show_the_first_one(self, ready: House) -> None:
        for path in ("/", "/images"):
            assert f'src="/vignette/0?size=small&v={SMALL.digest}"' in self.page(ready, path)

    def test_where_all_cut_something_off_the_first_is_shown(self, tmp_path: Path) -> None:
        with house_below(tmp_path, recipes=[self.BANNER]) as house:
            house.upload(picture(640, 480))
            house.work()

            assert f'src="/vignette/0?size=banner&v={self.BANNER.digest}"' in self.page(house, "/images/0")


class TestOtherRecipes:
    """They have changed, and the worker has not come to this image yet."""

    @pytest.fixture
    def changed(self, ready: House) -> Iterator[House]:
        with house_below(ready.root, recipes=[TINY, NEW]) as house:
            yield house

    @pytest.mark.parametrize("query", ["", f"?size=small&v={SMALL.digest}", "?v=other"])
    def test_the_earlier_vignette_is_served_and_not_cached(self, ready: House, changed: House, query: str) -> None:
        before = ready.client.get("/vignette/0")

        response = changed.client.get(f"/vignette/0{query}")

        assert (response.status_code, response.data) == (200, before.data)
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["ETag"] == before.headers["ETag"]
        assert changed.client.get("/images/0").json["state"] == "ready"

    def test_what_the_client_has_already_is_304(self, ready: House, changed: House) -> None:
        etag = ready.client.get("/vignette/0").headers["ETag"]

        response = changed.client.get("/vignette/0", headers={"If-None-Match": etag})

        assert (response.status_code, response.headers["Cache-Control"]) == (304, "no-cache")

    def test_where_a_new_format_is_not_there_yet_an_earlier_one_is(self, ready: House) -> None:
        with house_below(ready.root, recipes=[Recipe("small", 64, 64, ("avif", "webp", "jpeg"))]) as changed:
            assert changed.client.get("/vignette/0", headers={"Accept": CHROME_IMG}).mimetype == "image/webp"

    def test_a_size_that_never_was_is_on_its_way(self, changed: House) -> None:
        response = changed.client.get("/vignette/0?size=new")

        assert (response.status_code, response.headers["Cache-Control"]) == (202, "no-store")
        assert changed.jobs.hinted == []  # the sweep sees to it, some at a time

    def test_once_it_is_rendered_again_the_new_one_is_served(self, changed: House) -> None:
        changed.renewal.advance()
        changed.work()

        response = changed.client.get(f"/vignette/0?v={TINY.digest}")

        assert response.headers["Cache-Control"] == SETTLED
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.size == (64, 48)
        assert changed.client.get("/vignette/0?size=new").status_code == 200

    def test_what_moves_goes_on_moving_and_is_not_cached_before_it_is_all_there(self, ready: House) -> None:
        webp = {"Accept": "image/webp"}
        image = ready.upload(two_frames())
        ready.work()
        before = ready.client.get(f"/vignette/{image.id}", headers=webp)
        with house_below(ready.root, recipes=[TINY]) as changed:
            url = f"/vignette/{image.id}?v={TINY.digest}"
            assert changed.client.get(url, headers=webp).data == before.data

            # The worker writes the still ones first, and says at the end what it has made.
            replace = changed.store._replace
            half_way: list[TestResponse] = []

            def look(image_id: ImageId, name: str, content: bytes, folder: int, *, flush: bool) -> None:
                if "moving" in name:
                    half_way.append(changed.client.get(url, headers=webp))
                replace(image_id, name, content, folder, flush=flush)

            changed.store._replace = look  # type: ignore[method-assign]
            changed.renewal.advance()
            changed.work()

            after = changed.client.get(url, headers=webp)
            assert [response.headers["Cache-Control"] for response in half_way] == ["no-cache"]
            assert after.headers["Cache-Control"] == SETTLED
            with Pillow.open(io.BytesIO(after.data)) as vignette:
                assert (vignette.is_animated, vignette.size) == (True, (40, 30))  # type: ignore[attr-defined]
            with Pillow.open(io.BytesIO(changed.client.get(f"{url}&still=1", headers=webp).data)) as vignette:
                assert not vignette.is_animated  # type: ignore[attr-defined]

    def test_where_it_cannot_be_rendered_again_the_earlier_one_stays(self, ready: House) -> None:
        with house_below(ready.root, recipes=[TINY, NEW], renderer=raise_rendering_failed) as changed:
            changed.renewal.advance()
            changed.work()

            assert changed.client.get("/vignette/0").status_code == 200
            failure = changed.client.get("/images/0").json["failure"]
            assert failure["detail"] == "its decoder has a bad day"
            assert problem(changed.client.get("/vignette/0?size=new"))["detail"] == "its decoder has a bad day"
            assert changed.jobs.hinted == []

    def test_where_nobody_knows_what_was_made_it_is_on_its_way(self, ready: House, changed: House) -> None:
        (ready.uploads / "0" / "outcome.json").write_text("{")

        assert changed.client.get("/vignette/0").status_code == 202


class TestPending:
    def test_a_program_gets_a_placeholder_of_the_same_size(self, pending: House) -> None:
        response = pending.client.get("/vignette/0")

        assert (response.status_code, response.mimetype) == (202, "image/png")
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Cache-Control"] == "no-store"
        with Pillow.open(io.BytesIO(response.data)) as placeholder:
            assert placeholder.size == (256, 192)

    @pytest.mark.parametrize("accept", [CHROME_IMG, "image/*", "*/*"])
    def test_a_picture_with_a_preview_shows_that_upright(self, house: House, accept: str) -> None:
        house.upload(photo(picture(160, 120), orientation=6, width=640, height=480))

        response = house.client.get("/vignette/0", headers={"Accept": accept})

        assert (response.status_code, response.mimetype) == (202, "image/jpeg")
        assert response.headers["Cache-Control"] == "no-store"
        with Pillow.open(io.BytesIO(response.data)) as preview:
            assert ImageOps.exif_transpose(preview).size == (120, 160)

    def test_who_takes_no_jpeg_gets_the_plain_placeholder(self, house: House) -> None:
        house.upload(photo(picture(160, 120), width=640, height=480))

        assert house.client.get("/vignette/0", headers={"Accept": "image/png"}).mimetype == "image/png"

    def test_a_preview_that_is_none_gives_way_to_the_plain_placeholder(self, house: House) -> None:
        house.upload(photo(b"<script>alert(1)</script>", width=640, height=480))

        assert house.client.get("/vignette/0").mimetype == "image/png"

    def test_metadata_of_megabytes_are_not_read_for_a_preview(self, house: House) -> None:
        house.upload(photo(picture(160, 120), width=640, height=480))
        stored = house.store.read(ImageId(0), "metadata.json")
        house.store.write(ImageId(0), "metadata.json", stored + b" " * 2_000_000)

        assert house.client.get("/vignette/0").mimetype == "image/png"

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null"])
    def test_damaged_metadata_give_way_to_the_plain_placeholder(self, house: House, content: bytes) -> None:
        house.upload(photo(picture(160, 120), width=640, height=480))
        house.store.write(ImageId(0), "metadata.json", content)

        response = house.client.get("/vignette/0")

        assert (response.status_code, response.mimetype) == (202, "image/png")

    def test_a_browser_gets_a_page_that_waits_by_itself(self, pending: House) -> None:
        response = pending.client.get("/vignette/0", headers={"Accept": BROWSER})

        assert (response.status_code, response.mimetype) == (202, "text/html")
        assert 'http-equiv="refresh"' in response.text

    def test_an_img_gets_the_placeholder(self, pending: House) -> None:
        response = pending.client.get("/vignette/0", headers={"Accept": CHROME_IMG})

        assert (response.status_code, response.mimetype) == (202, "image/png")

    def test_json_is_there_for_who_asks_for_it(self, pending: House) -> None:
        response = pending.client.get("/vignette/0", headers={"Accept": "application/json"})

        assert (response.status_code, response.json["state"]) == (202, "pending")

    def test_a_client_may_wait_for_it(self, pending: House) -> None:
        worker = threading.Timer(0.2, pending.work)
        worker.start()

        response = pending.client.get("/vignette/0", headers={"Prefer": "wait=10"})

        worker.join()
        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert response.headers["Preference-Applied"] == "wait"

    @pytest.mark.parametrize(
        "prefer", ["wait=0", "wait=-5", "wait=x", "wait=" + "9" * 5000, "wait=²", "return=minimal", ""]
    )
    def test_who_does_not_ask_to_wait_is_answered_at_once(self, pending: House, prefer: str) -> None:
        response = pending.client.get("/vignette/0", headers={"Prefer": prefer})

        assert response.status_code == 202
        assert "Preference-Applied" not in response.headers

    def test_only_some_may_wait_so_that_others_are_answered(self, pending: House) -> None:
        with pending.context.capacity.waiter(1):
            response = pending.client.get("/vignette/0", headers={"Prefer": "wait=20"})

        assert response.status_code == 202
        assert "Preference-Applied" not in response.headers


class TestToCome:
    """The image is ready with its first size; `LARGE` is still to come."""

    LARGE = Recipe("large", 600, 600)

    @pytest.fixture
    def house(self, tmp_path: Path) -> Iterator[House]:
        with house_below(tmp_path, recipes=[SMALL, self.LARGE], settling_s=0) as house:
            yield house

    @pytest.fixture
    def incomplete(self, house: House) -> House:
        house.upload(picture(640, 480))
        house.upload(picture())
        house.rendering.render(house.jobs.take())
        return house

    @pytest.fixture
    def still(self, house: House) -> House:
        """One that moves: its stills are there."""
        house.upload(animation("GIF", 3))
        house.upload(picture())
        house.rendering.render(house.jobs.take())
        return house

    def url(self, recipe: Recipe) -> str:
        return f"http://localhost/vignette/0?size={recipe.name}&v={recipe.digest}"

    def test_the_resource_tells_what_is_there_and_what_is_to_come(self, incomplete: House) -> None:
        body = incomplete.client.get("/images/0").json

        assert body["state"] == "ready"
        assert body["links"]["vignettes"] == {"small": self.url(SMALL)}
        assert body["renditions_pending"] == {"large": self.url(self.LARGE)}
        incomplete.work()
        body = incomplete.client.get("/images/0").json
        assert body["links"]["vignettes"] == {"small": self.url(SMALL), "large": self.url(self.LARGE)}
        assert body["renditions_pending"] == {}

    def test_so_it_does_of_an_image_that_waits_and_of_one_that_has_failed(self, house: House) -> None:
        house.upload(broken_pixels())

        body = house.client.get("/images/0").json
        assert (body["links"]["vignettes"], list(body["renditions_pending"])) == ({}, ["small", "large"])
        house.work()
        body = house.client.get("/images/0").json
        assert (body["links"]["vignettes"], body["renditions_pending"]) == ({}, {})

    def test_so_it_does_where_a_size_is_new(self, incomplete: House) -> None:
        incomplete.work()
        new = Recipe("new", 32, 32)
        with house_below(incomplete.root, recipes=[SMALL, new]) as changed:
            for _ in ("the sweep has not come to it", "it waits"):
                body = changed.client.get("/images/0").json
                assert body["links"]["vignettes"] == {"small": self.url(SMALL)}
                assert body["renditions_pending"] == {"new": self.url(new)}
                changed.renewal.advance()

    def test_the_one_that_is_there_is_final(self, incomplete: House) -> None:
        response = incomplete.client.get(self.url(SMALL))

        assert (response.status_code, response.headers["Cache-Control"]) == (200, SETTLED)
        incomplete.work()
        assert incomplete.client.get(self.url(SMALL)).data == response.data

    def test_the_one_to_come_is_answered_as_that_of_a_pending_image(self, incomplete: House) -> None:
        response = incomplete.client.get(self.url(self.LARGE))

        assert (response.status_code, response.mimetype) == (202, "image/png")
        assert (response.headers["Retry-After"], response.headers["Cache-Control"]) == ("1", "no-store")
        with Pillow.open(io.BytesIO(response.data)) as placeholder:
            assert placeholder.size == (600, 450)
        assert incomplete.jobs.hinted == [1, 0]  # asking for it queues nothing

    def test_a_client_may_wait_for_it(self, incomplete: House) -> None:
        worker = threading.Timer(0.2, incomplete.work)
        worker.start()

        response = incomplete.client.get(self.url(self.LARGE), headers={"Prefer": "wait=10"})

        worker.join()
        assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait")
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.size == (600, 450)

    def test_nobody_waits_for_the_one_that_is_there(self, incomplete: House) -> None:
        response = incomplete.client.get(self.url(SMALL), headers={"Prefer": "wait=10"})

        assert response.status_code == 200
        assert "Preference-Applied" not in response.headers

    def test_a_still_is_not_final_while_one_that_moves_may_come(self, still: House) -> None:
        webp = {"Accept": "image/webp"}

        response = still.client.get(self.url(SMALL), headers=webp)

        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")
        with Pillow.open(io.BytesIO(response.data)) as vignette:
            assert vignette.n_frames == 1  # type: ignore[attr-defined]
        for url, headers in ((f"{self.url(SMALL)}&still=1", webp), (self.url(SMALL), {"Accept": "image/jpeg"})):
            settled = still.client.get(url, headers=headers)
            assert settled.headers["Cache-Control"] == SETTLED
        body = still.client.get("/images/0").json
        assert (list(body["links"]["vignettes"]), list(body["renditions_pending"])) == (["small"], ["small", "large"])
        still.work()
        after = still.client.get(self.url(SMALL), headers=webp)
        assert after.headers["Cache-Control"] == SETTLED
        with Pillow.open(io.BytesIO(after.data)) as vignette:
            assert vignette.n_frames == 3  # type: ignore[attr-defined]

    def test_the_way_round_the_application_gives_no_still_once_one_moves(self, still: House) -> None:
        still.app.wsgi_app = FastPath(still.app.wsgi_app, still.store.edition)  # type: ignore[method-assign]
        webp = {"Accept": "image/webp"}
        for _ in range(2):
            assert still.client.get(self.url(SMALL), headers=webp).headers["Cache-Control"] == "no-cache"

        still.work()

        after = still.client.get(self.url(SMALL), headers=webp)
        assert after.headers["Cache-Control"] == SETTLED

    def test_its_page_shows_the_one_that_is_there_until_the_other_is(self, incomplete: House) -> None:
        page = html.unescape(incomplete.client.get("/images/0", headers={"Accept": BROWSER}).text)
        mat = re.search(r'<div class="mat ready" data-state="ready"([^>]*)>(.*?)</div>', page, re.DOTALL)
        assert mat is not None
        follows, shown = mat.groups()

        assert re.findall(r' src="([^"]*)"', shown) == [f"/vignette/0?size=small&v={SMALL.digest}"]
        assert re.findall(r'srcset="([^"]*)"', shown) == [f"/vignette/0?size=small&v={SMALL.digest} 256w"]
        assert 'width="640" height="480"' in shown
        assert follows == ' data-follow="0"'
        incomplete.work()
        page = html.unescape(incomplete.client.get("/images/0", headers={"Accept": BROWSER}).text)
        assert "data-follow" not in page
        assert f'src="/vignette/0?size=large&v={self.LARGE.digest}"' in page

    def test_lists_show_a_still_until_one_moves(self, still: House) -> None:
        page = html.unescape(still.client.get("/images", headers={"Accept": BROWSER}).text)
        shown, to_come = re.search(
            r'<li class="[^"]*ready" data-ref="0"[^>]*>(.*?)<template>(.*?)</template>', page, re.DOTALL
        ).groups()  # type: ignore[union-attr]

        assert re.findall(r'src="([^"]*)"', shown) == [f"/vignette/0?size=small&v={SMALL.digest}&still=1"]
        assert f'src="/vignette/0?size=small&v={SMALL.digest}"' in to_come


class TestFailed:
    def test_a_program_gets_the_reason(self, failed: House) -> None:
        response = failed.client.get("/vignette/0")

        body = problem(response)
        assert (response.status_code, body["type"]) == (422, "/problems/rendering-failed")
        assert "PNG" in body["detail"]

    def test_an_img_gets_a_picture_that_says_so(self, failed: House) -> None:
        response = failed.client.get("/vignette/0", headers={"Accept": CHROME_IMG})

        assert (response.status_code, response.mimetype) == (422, "image/png")
        with Pillow.open(io.BytesIO(response.data)) as placeholder:
            assert placeholder.size == (200, 200)

    def test_a_browser_gets_a_page(self, failed: House) -> None:
        response = failed.client.get("/vignette/0", headers={"Accept": BROWSER})

        assert (response.status_code, response.mimetype) == (422, "text/html")

    def test_the_resource_tells_the_failure_as_a_problem(self, failed: House) -> None:
        body = failed.client.get("/images/0").json

        assert body["state"] == "failed"
        assert body["failure"]["type"] == "/problems/rendering-failed"
        assert failed.catalogue.library.get(ImageId(0)).failure is not None
