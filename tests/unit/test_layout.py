"""The names of vignettes, and the digests of recipes: what tells an old one from the one in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vignette import layout
from vignette.recipes import RENDERER_EDITION, Recipe

SMALL = Recipe("small", 256, 256)


def test_the_name_of_a_vignette_says_its_whole_recipe() -> None:
    cover = Recipe("square", 300, 200, quality=70, fit="cover", crop="attention")

    assert layout.vignette(SMALL, "webp") == f"vignette-small-256x256-inside-q80-{SMALL.digest}.webp"
    assert layout.vignette(SMALL, "webp", moves=True) == f"vignette-small-256x256-inside-q80-{SMALL.digest}-moving.webp"
    assert layout.vignette(cover, "jpeg") == f"vignette-square-300x200-cover-attention-q70-{cover.digest}.jpg"


@pytest.mark.parametrize(
    "change",
    [
        {"width": 255},
        {"height": 255},
        {"quality": 79},
        {"fit": "cover"},
        {"fit": "cover", "crop": "attention"},
        {"animate": False},
    ],
    ids=str,
)
def test_what_decides_the_pixels_changes_the_digest(change: dict[str, object]) -> None:
    assert replace(SMALL, **change).digest != SMALL.digest  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"name": "tiny"}, {"formats": ("avif",)}], ids=str)
def test_what_does_not_leaves_the_digest_as_it_is(change: dict[str, object]) -> None:
    assert replace(SMALL, **change).digest == SMALL.digest  # type: ignore[arg-type]


def test_the_edition_of_the_renderer_decides_too() -> None:
    assert SMALL.digest == SMALL.digest_in(RENDERER_EDITION) != SMALL.digest_in(RENDERER_EDITION + 1)


def test_a_digest_is_the_same_on_every_machine_and_in_every_release() -> None:
    """Links that are cached for ever hold it."""
    assert SMALL.digest_in(edition=1) == "e3c09555"


def test_vignettes_of_a_size_are_found_whatever_their_recipe_was() -> None:
    large = Recipe("large", 1280, 1280)
    first_release = "vignette-small-256x256-inside-q80.jpg"
    names = [
        layout.RECORD,
        layout.OUTCOME,
        first_release,
        layout.vignette(SMALL, "webp"),
        layout.vignette(large, "webp"),
    ]
    names += [
        layout.vignette(SMALL, "webp", moves=True),
        layout.vignette(Recipe("small_too", 256, 256), "webp", moves=True),
    ]

    assert layout.vignettes_named("small", names) == {"jpeg": first_release, "webp": layout.vignette(SMALL, "webp")}
    moving = layout.vignette(SMALL, "webp", moves=True)
    assert layout.vignettes_named("small", names, moves=True) == {"jpeg": first_release, "webp": moving}


def test_sets_of_recipes_are_told_apart_by_what_they_make() -> None:
    large = Recipe("large", 1280, 1280)

    def digest(*recipes: Recipe) -> str:
        return layout.recipe_set(layout.vignettes(recipes))

    assert digest(SMALL, large) == digest(large, replace(SMALL, formats=("jpeg", "webp")))
    assert len({digest(SMALL), digest(SMALL, large), digest(replace(SMALL, formats=("webp",))), digest(large)}) == 4
