"""
What a cell of the worker does: it decodes a picture, and makes its vignettes, step by step.

It is imported by the program that cells are forked from, and loads all that a cell will need: in its sandbox a cell can
open nothing. The worker itself never imports this module; `decoder` speaks to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, BinaryIO, Final, Protocol

from vignette.jail.confinement import confined, give_back_what_is_freed
from vignette.model import RenderingWarning
from vignette.pixels import engines
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Rendition, Step, Told
from vignette.pixels.rewriting import rewrite
from vignette.recipes import Recipe


class Renderer(Protocol):
    """See `pixels.rendering.render_in_steps`."""

    def __call__(
        self, file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float, /
    ) -> Iterator[Told]: ...


class Decoding:
    """
    A `cell.Work` whose pieces belong together: the first "begin"s a picture, each "next" one makes a step of it, and
    "forget" leaves it. The answer to the first two is the step, or a warning; one without vignettes tells that there is
    none. After the last still of a picture that does not move, it is forgotten.

    "rewrite" is a piece by itself: see `pixels.rewriting`.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._file: BinaryIO | None = None
        self._steps: Iterator[Told] = iter(())
        self._steps_left = 0
        self._limits: dict[str, Any] = {}

    def __call__(self, values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
        match values["do"]:
            case "begin":
                self._begin(values, descriptors[0])
            case "forget":
                self._forget()
                return {}, ()
            case "rewrite":
                self._forget()
                return _rewritten(values, descriptors[0])
        with confined(**self._limits):
            step = next(self._steps, None)
        if isinstance(step, RenderingWarning):
            return {"warning": step.value}, ()
        self._steps_left -= 1
        if step is None or not self._steps_left:
            self._forget()
        return _told(step or [])

    def _begin(self, values: dict[str, Any], descriptor: int) -> None:
        self._forget()
        self._limits = {"memory_bytes": values["memory_bytes"], "cpu_seconds": values["cpu_seconds"]}
        self._file = os.fdopen(os.dup(descriptor), "rb")
        stills, moving = ([Recipe(**recipe) for recipe in values[name]] for name in ("stills", "moving"))
        self._steps_left = len(stills) + len(moving)
        self._steps = self._renderer(self._file, values["size"], stills, moving, values["animation_seconds"])

    def _forget(self) -> None:
        self._steps = iter(())
        if self._file is not None:
            self._file.close()
            self._file = None


def _rewritten(values: dict[str, Any], descriptor: int) -> tuple[dict[str, Any], Sequence[bytes]]:
    limits = {name: values[name] for name in ("memory_bytes", "cpu_seconds")}
    with os.fdopen(os.dup(descriptor), "rb") as file, confined(**limits):
        made = rewrite(file, values["size"], values["most_edge_px"], values["quality"])
    return {"format": made.file_format, "width": made.width, "height": made.height}, [made.content]


def _told(step: Step) -> tuple[dict[str, Any], Sequence[bytes]]:
    placeholder = step[0].placeholder if step else None
    values = {
        "vignettes": [_described(made) for made in step],
        "placeholder": asdict(placeholder) if placeholder else None,
    }
    return values, [made.content for made in step]


def _described(made: Rendition) -> dict[str, Any]:
    return {
        "recipe": made.recipe.name,
        "format": made.file_format,
        "width": made.width,
        "height": made.height,
        "moves": made.moves,
    }


give_back_what_is_freed()
engines.load_libraries()

do: Final = Decoding(render_in_steps)
