"""Serve: choose the file of a vignette, or tell why there is none; open the original and the public copy."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from vignette import layout
from vignette.access.actors import Actor
from vignette.errors import FileNotStored, QueueUnavailable, RecipeNotFound
from vignette.limits import MIB
from vignette.model import Failure, Image, ImageId, ImageRef, Outcome, State
from vignette.pixels.pieces import Splice
from vignette.pixels.preview import embedded_preview
from vignette.ports.jobs import Copyists
from vignette.ports.store import Files
from vignette.recipes import ZOOM, Recipe, VignetteFormat
from vignette.records import metadata_from_json, outcome_from_json
from vignette.use_cases.browsing import Browsing
from vignette.use_cases.public_copies import Copies, Wishes
from vignette.use_cases.publishing import PublicCopy, kept_copy
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.rewriting import ZOOMED, Kept, kept
from vignette.use_cases.weighing import copying_s, rendering_s

# The pause between two looks at an image that a client waits for.
_POLL_S: Final = 0.05

# Clients ask again every second, so a preview is not looked for in metadata that take too long to read. The metadata of
# a camera's picture take some 100 KB.
_MAX_PREVIEW_METADATA_BYTES: Final = MIB

# What an ordinary copy is made of takes 1 to 4 KiB, so a process remembers more than a thousand.
_MAX_COPIES_BYTES: Final = 4 * MIB


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a client asks for.

    `takes` are the formats that it names, and JPEG, which every client reads; the best comes first. `refuses` are the
    formats that it says it cannot read. With `still`, it wants the vignette that does not move. With `preview`, it
    takes the JPEG that the camera embedded while there is no vignette yet. It would wait `patience_s` seconds for a
    vignette.
    """

    takes: tuple[VignetteFormat, ...]
    refuses: Collection[VignetteFormat] = ()
    still: bool = False
    preview: bool = False
    patience_s: float = 0

    def best(self, formats: Sequence[VignetteFormat]) -> VignetteFormat:
        """
        Return the one of *formats* to give: the best that the client names, else the first that it does not refuse.

        If it refuses all of them, it gets the first.
        """
        named = [wanted for wanted in self.takes if wanted in formats]
        others = [offered for offered in formats if offered not in self.refuses]
        return (named or others or formats)[0]


@dataclass(frozen=True, slots=True)
class Served:
    """
    A vignette. The `name` of its file tells the recipe that made it.

    It `is_final` if `recipe` made it and nothing better will come: then the same question has the same answer until the
    image is deleted. `waited` tells whether the client waited for it.
    """

    image: Image
    recipe: Recipe
    name: str
    file_format: VignetteFormat
    content: bytes
    is_final: bool
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """
    No vignette of this size. `failure` tells why none can be made; without a `failure`, the vignette is on its way.
    """

    image: Image
    recipe: Recipe
    failure: Failure | None = None
    preview: bytes | None = None
    waited: bool = False


class Serving:
    """
    The use case. Safe to share between threads.

    A client that waits needs a place: it waits within *at_rest*. What that gives returns the seconds that it may still
    wait: 0 if no place is free, or once somebody else needs the place.

    *spend* is told the seconds of processor time that the worker is asked for.
    """

    def __init__(
        self,
        files: Files,
        browsing: Browsing,
        renewal: Renewal,
        copyists: Copyists,
        recipes: Sequence[Recipe],
        at_rest: Callable[[float], AbstractContextManager[Callable[[], float]]],
        spend: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        self._files = files
        self._browsing = browsing
        self._renewal = renewal
        self._copyists = copyists
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._default = recipes[0]
        self._recipe_set = layout.recipe_set(layout.vignettes(recipes))
        self._at_rest = at_rest
        self._spend = spend
        self._copies = Copies(_MAX_COPIES_BYTES)
        self._wishes = Wishes()
        self._zoom_wishes = Wishes()

    def vignette(self, actor: Actor, ref: ImageRef, size: str | None, wish: Wish) -> Served | Nothing:
        """
        Return the vignette of this *size*, which is the name of a recipe; None means the first recipe. That of `ZOOM`
        is made when somebody asks for it.

        If the vignette was lost, the image is queued to be rendered again.

        Raises:
            RecipeNotFound: There is no such size.
            NotAllowed: The actor may see no image.
            ImageNotFound: There never was such an image, or the actor may not see it.
            ImageDeleted: It was deleted.
        """
        recipe = self._recipe(size)
        image = self._browsing.existing(actor, ref)
        if recipe is ZOOM:
            return self._zoomed(actor, image, wish)
        if wish.patience_s > 0 and _is_coming(image, recipe):
            with self._at_rest(wish.patience_s) as left_s:
                if left_s() > 0:
                    image = self._awaited(actor, ref, recipe, left_s)
                    return replace(self._found(image, recipe, wish), waited=True)
        return self._found(image, recipe, wish)

    def original(self, image: Image) -> BinaryIO:
        """Open the very bytes that were uploaded; raise `FileNotStored` if they are lost."""
        return self._files.open(image.id, layout.original(image.record.facts))

    def public_copy(self, actor: Actor, image: Image, patience_s: float) -> PublicCopy | None:
        """
        Return what the public copy is made of: the same pixels, without anything that the file says of anybody; or
        the picture, written anew (`publishing.has_same_pixels`).

        If nobody has asked for it before, the worker is told to make it; None if it is not there after *patience_s*
        seconds.

        Raises:
            NotPublishable: There can be no copy.
            PublicCopyNotClean: The copy did not come out clean, which is a fault of ours.
            FileNotStored: The original is lost.
            QueueUnavailable: The worker cannot be told.
        """
        if (copy := self._kept_copy(image)) is not None:
            return copy
        self.original(image).close()
        if self._wishes.is_new(image.id):
            try:
                self._copyists.publish(image.id)
                self._spend(copying_s(image.record.facts))
            except QueueUnavailable:
                self._wishes.forget(image.id)
                raise
            # A queue may carry out its job at once.
            copy = self._kept_copy(image)
        with self._at_rest(patience_s if copy is None else 0) as left_s:
            while copy is None and left_s() > 0:
                time.sleep(_POLL_S)
                copy = self._kept_copy(self._browsing.existing(actor, image.public_name or image.id))
        return copy

    def open_copy(self, image: Image, copy: PublicCopy) -> Splice:
        """Open the public copy of an image; raise `FileNotStored` if what it is made of is lost."""
        try:
            source = self._files.open(image.id, copy.source)
        except FileNotStored:
            self._copies.forget(_key_of(image))
            raise
        return Splice(source, copy.made_of, closes_source=True)

    def _kept_copy(self, image: Image) -> PublicCopy | None:
        key = _key_of(image)
        copy = self._copies.find(key)
        if copy is None and (copy := kept_copy(self._files, image)) is not None:
            self._copies.keep(key, copy)
        return copy

    def _recipe(self, size: str | None) -> Recipe:
        recipe = self._default if size is None else self._recipes.get(size, ZOOM if size == ZOOM.name else None)
        if recipe is None:
            raise RecipeNotFound(f"there is no size {str(size)[:40]!r}, only {', '.join(self._recipes)}")
        return recipe

    def _zoomed(self, actor: Actor, image: Image, wish: Wish) -> Served | Nothing:
        """Return the vignette of `ZOOM`. If nobody has asked for it before, the worker is told to make it."""
        if image.state is State.FAILED and image.failure is not None:
            return Nothing(image, ZOOM, image.failure)
        if image.state is not State.READY:
            return self._pending(image, ZOOM, wish)
        if (found := self._kept_zoom(image)) is not None:
            return found
        if self._zoom_wishes.is_new(image.id):
            try:
                self._copyists.enlarge(image.id)
                self._spend(rendering_s(image.record.facts))
            except QueueUnavailable:
                self._zoom_wishes.forget(image.id)
            found = self._kept_zoom(image)
        if found is not None or not wish.patience_s:
            return found or self._pending(image, ZOOM, wish)
        with self._at_rest(wish.patience_s) as left_s:
            while found is None and left_s() > 0:
                time.sleep(_POLL_S)
                found = self._kept_zoom(self._browsing.existing(actor, image.public_name or image.id))
        return replace(found or self._pending(image, ZOOM, wish), waited=True)

    def _kept_zoom(self, image: Image) -> Served | Nothing | None:
        match kept(self._files, image, ZOOMED):
            case Failure() as failure:
                return Nothing(image, ZOOM, failure)
            case Kept(name, file_format):
                try:
                    content = self._files.read(image.id, name)
                except FileNotStored:
                    return None
                return Served(image, ZOOM, name, file_format, content, is_final=True)
        return None

    def _awaited(self, actor: Actor, ref: ImageRef, recipe: Recipe, left_s: Callable[[], float]) -> Image:
        while _is_coming(image := self._browsing.existing(actor, ref), recipe) and left_s() > 0:
            time.sleep(_POLL_S)
        return image

    def _found(self, image: Image, recipe: Recipe, wish: Wish) -> Served | Nothing:
        if image.state is State.READY:
            # The worker may replace the vignette while we look for it. The second look then finds the new one.
            stored = self._stored(image, recipe, wish) or self._stored(image, recipe, wish)
            return stored or self._lost(image, recipe, wish)
        if image.state is State.FAILED and image.failure is not None:
            return Nothing(image, recipe, image.failure)
        return self._pending(image, recipe, wish)

    def _stored(self, image: Image, recipe: Recipe, wish: Wish) -> Served | None:
        """Return what *recipe* made, else what an earlier recipe of the same name made; None if neither is there."""
        moves = image.record.facts.frames > 1 and not wish.still
        file_format = wish.best(recipe.formats)
        name, is_final = layout.vignette(recipe, file_format), True
        # A client that reads both AVIF and WebP gets the WebP, because only that one moves.
        if moves and (file_format == "webp" or (file_format == "avif" and "webp" in wish.takes)):
            outcome, moving = self._outcome(image), layout.vignette(recipe, "webp", moves=True)
            if moving in outcome.vignettes:
                name, file_format = moving, "webp"
            else:  # without the still one, it is just being rendered again: a moving one may come yet
                is_final = name in outcome.vignettes and moving not in outcome.to_come
        if (content := self._read(image, name)) is not None:
            return Served(image, recipe, name, file_format, content, is_final)
        earlier = layout.vignettes_named(recipe.name, self._outcome(image).vignettes, moves=moves)
        if not earlier:
            return None
        file_format = wish.best(tuple(earlier))
        name = earlier[file_format]
        content = self._read(image, name)
        return None if content is None else Served(image, recipe, name, file_format, content, is_final=False)

    def _read(self, image: Image, name: str) -> bytes | None:
        """Return the vignette called *name*; None if it is lost, or a crash of the machine has damaged it."""
        try:
            content = self._files.read(image.id, name)
        except FileNotStored:
            return None
        return content if self._outcome(image).fits(name, content) else None

    def _outcome(self, image: Image) -> Outcome:
        """Return the outcome of the last rendering; an empty one if it is lost or damaged."""
        try:
            return outcome_from_json(self._files.read(image.id, layout.OUTCOME))
        except (FileNotStored, ValueError):
            return Outcome()

    def _lost(self, image: Image, recipe: Recipe, wish: Wish) -> Nothing:
        """Answer for a ready image that lacks this vignette."""
        if image.failure is not None and image.need is None:  # the worker has tried to make it, and given up
            return Nothing(image, recipe, image.failure)
        # If other recipes made the vignettes, the sweep renews them. If those in force did, a file was removed.
        is_lost = image.need is None and image.recipe_set == self._recipe_set
        if is_lost and self._renewal.render_lost(image.id):
            self._spend(rendering_s(image.record.facts))
        return self._pending(image, recipe, wish)

    def _pending(self, image: Image, recipe: Recipe, wish: Wish) -> Nothing:
        return Nothing(image, recipe, preview=self._preview(image) if wish.preview else None)

    def _preview(self, image: Image) -> bytes | None:
        """Return the preview that the camera embedded; None if there is none to show."""
        try:
            with self._files.open(image.id, layout.METADATA_JSON) as file:
                content = file.read(_MAX_PREVIEW_METADATA_BYTES + 1)
            if len(content) > _MAX_PREVIEW_METADATA_BYTES:
                return None
            return embedded_preview(metadata_from_json(content), image.record.facts)
        except (FileNotStored, ValueError):  # the metadata are lost or damaged
            return None


def _key_of(image: Image) -> tuple[ImageId, str]:
    """An original never changes under its number, and its digest says which bytes were proven."""
    return image.id, image.record.sha256


def _is_coming(image: Image, recipe: Recipe) -> bool:
    """Whether vignettes by *recipe* are to be made of the image, which has none of this size."""
    return image.need is not None and not image.has(recipe.name)
