"""A service that is started with other recipes than before."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image as Pillow

from tests.house import house, picture
from tests.running import http_client, running_service, until
from vignette import layout
from vignette.recipes import Recipe

BEFORE, AFTER = Recipe("small", 64, 64), Recipe("small", 96, 96)
IMAGES = 12


def test_all_is_rendered_again_by_itself_and_there_always_is_something_to_show(tmp_path: Path) -> None:
    with house(tmp_path, recipes=[BEFORE]) as before:
        for _ in range(IMAGES):
            before.upload(picture(640, 480))
        before.work()

    with running_service(tmp_path, recipes=[{"name": "small", "edge": 96}]) as service:

        def width(number: int) -> int:
            response = http_client.get(f"{service.url}/vignette/{number}?v={AFTER.digest}")
            assert response.status_code == 200
            with Pillow.open(io.BytesIO(response.content)) as vignette:
                is_new = vignette.width == 96
            assert response.headers["Cache-Control"] == (
                "public, max-age=60, must-revalidate" if is_new else "no-cache"
            )
            assert http_client.get(f"{service.url}/images/{number}").json()["state"] == "ready"
            return 96 if is_new else 64

        until(lambda: all(width(number) == 96 for number in range(IMAGES)))
        # The earlier ones go last of all.
        until(lambda: all(_made(tmp_path, number) == layout.vignettes([AFTER]) for number in range(IMAGES)))


def _made(folder: Path, number: int) -> set[str]:
    return {path.name for path in (folder / "uploads" / str(number)).glob("vignette-*")}
