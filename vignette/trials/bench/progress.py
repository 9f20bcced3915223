"""How far a service is with its images, seen by the files in its folders: a look costs next to nothing of the cores."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from vignette import layout
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import State
from vignette.recipes import Recipe
from vignette.trials.bench.tools import BenchUnavailable
from vignette.trials.own_service import OwnService

_LOOK_EVERY_S: Final = 0.01

# A look at the catalogue costs more than one at a folder.
_ASK_EVERY_S: Final = 0.02
_LOOK_FOR_FAILURES_EVERY_S: Final = 1.0
_MOST_FAILURES: Final = 100_000


class Progress:
    """
    Waits for the vignettes of a service that makes them by *recipes*. Each method takes the numbers of all images that
    it is to wait for. With *failures* it does not wait for those that have failed.

    Raises:
        BenchUnavailable: An image has failed, without *failures*, or some still wait after *limit_s*.
    """

    def __init__(
        self,
        service: OwnService,
        catalogue: SqlCatalogue,
        recipes: Sequence[Recipe],
        *,
        limit_s: float = 600.0,
        failures: bool = False,
    ) -> None:
        self._service = service
        self._catalogue = catalogue
        self._recipes = recipes
        self._limit_s = limit_s
        self._may_fail = failures
        self._failed: set[int] = set()

    def until_default(self, images: Sequence[int]) -> None:
        """Wait until the default vignettes of all *images* are there, and the catalogue calls each image ready."""
        self._until_files(images, self._recipes[:1])
        self._until(lambda: not any(self._catalogue.library.in_state(state, 1) for state in _NOT_READY), _ASK_EVERY_S)

    def until_all(self, images: Sequence[int]) -> None:
        """Wait until all vignettes of all *images* are there, and nothing waits any more."""
        self._until_files(images, self._recipes)
        self._until(lambda: not self._catalogue.waiting.unfinished(), _ASK_EVERY_S)

    def _until_files(self, images: Sequence[int], recipes: Sequence[Recipe]) -> None:
        names = layout.vignettes(recipes)
        for image in images:
            for name in names:
                path = os.fspath(self._service.upload_folder / str(image) / name)
                self._until(partial(self._is_done, image, path), _LOOK_EVERY_S)

    def _is_done(self, image: int, path: str) -> bool:
        return os.path.exists(path) or image in self._failed  # noqa: PTH110 (a Path costs more than the look)

    def _until(self, condition: Callable[[], bool], every_s: float) -> None:
        began = looked_at = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now - looked_at > _LOOK_FOR_FAILURES_EVERY_S:
                looked_at = now
                self._look_for_failures()
            if now - began > self._limit_s:
                raise BenchUnavailable(f"images still have no vignettes after {self._limit_s:.0f} s")
            time.sleep(every_s)

    def _look_for_failures(self) -> None:
        self._failed = set(map(int, self._catalogue.library.in_state(State.FAILED, _MOST_FAILURES)))
        if self._failed and not self._may_fail:
            raise BenchUnavailable(f"of image {min(self._failed)} no vignette can be made")


_NOT_READY: Final = (State.PENDING, State.PROCESSING)
