"""Serve: which file stands for a vignette, what to say where there is none, and the files of an image to fetch."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from vignette import layout
from vignette.errors import FileNotStored, RecipeNotFound
from vignette.limits import MIB
from vignette.model import Failure, Image, ImageId, State
from vignette.pixels.preview import embedded_preview
from vignette.pixels.publishing import Pieces, Splice, plan
from vignette.pixels.publishing.plans import Plans
from vignette.ports.store import Files
from vignette.recipes import Recipe, VignetteFormat
from vignette.records import outcome_from_json
from vignette.use_cases.browsing import Browsing, metadata_from_json
from vignette.use_cases.renewal import Renewal

# Between two looks at an image that somebody waits for.
_POLL_S: Final = 0.05

# Clients ask again every second: what takes longer to read than it is worth has no preview. Those of cameras have some
# 100 KB.
_MAX_PREVIEW_METADATA_BYTES: Final = MIB

# Of ordinary pictures a plan takes 1 to 4 KiB: a process remembers more than a thousand.
_MAX_PLANS_BYTES: Final = 4 * MIB


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a client would have.

    `takes` are the formats that it names, and JPEG, which everyone reads, the best first; `refuses` are those that it
    says it cannot read. A `still` vignette is the one that does not move. With `preview` the client takes the JPEG that
    the camera embedded, while there is no vignette yet. It would wait `patience_s` seconds for one.
    """

    takes: tuple[VignetteFormat, ...]
    refuses: Collection[VignetteFormat] = ()
    still: bool = False
    preview: bool = False
    patience_s: float = 0

    def best(self, formats: Sequence[VignetteFormat]) -> VignetteFormat:
        """Which of *formats* to give; where the client names none, the first that it does not refuse."""
        named = [wanted for wanted in self.takes if wanted in formats]
        others = [offered for offered in formats if offered not in self.refuses]
        return (named or others or formats)[0]


@dataclass(frozen=True, slots=True)
class Served:
    """
    A vignette. `name` says the recipe that made it. It `is_final` if *recipe* did, and nothing better is to come: until
    the image is deleted the same question has the same answer. With `waited` the client has waited for it.
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
    """No vignette: none can be made, for the reason in `failure`; or, without one, it is on its way."""

    image: Image
    recipe: Recipe
    failure: Failure | None = None
    preview: bytes | None = None
    waited: bool = False


class Serving:
    """
    The use case. Safe to share between threads.

    Passes over a whole original take the processor: they are made in a place (*at_work*). A client waits in a place too
    (*at_rest*), which says for how many seconds it may; 0 where there is none.
    """

    def __init__(
        self,
        files: Files,
        browsing: Browsing,
        renewal: Renewal,
        recipes: Sequence[Recipe],
        at_work: Callable[[], AbstractContextManager[object]],
        at_rest: Callable[[float], AbstractContextManager[float]],
    ) -> None:
        self._files = files
        self._browsing = browsing
        self._renewal = renewal
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._default = recipes[0]
        self._recipe_set = layout.recipe_set(layout.vignettes(recipes))
        self._at_work = at_work
        self._at_rest = at_rest
        self._plans = Plans(_MAX_PLANS_BYTES)

    def vignette(self, image_id: ImageId, size: str | None, wish: Wish) -> Served | Nothing:
        """
        The vignette of this *size*, which names a recipe; None means the first one. If it was lost, it is queued.

        Raises:
            RecipeNotFound: There is no such size.
            ImageNotFound: There never was such an image.
            ImageDeleted: It was deleted.
        """
        recipe = self._recipe(size)
        image = self._browsing.existing(image_id)
        if wish.patience_s > 0 and _is_coming(image):
            with self._at_rest(wish.patience_s) as patience_s:
                if patience_s > 0:
                    image = self._awaited(image_id, patience_s)
                    return replace(self._found(image, recipe, wish), waited=True)
        return self._found(image, recipe, wish)

    def original(self, image: Image) -> BinaryIO:
        """The very bytes that were uploaded; raise `FileNotStored` if they are lost."""
        return self._files.open(image.id, layout.original(image.record.facts))

    def public_copy(self, image: Image) -> Splice:
        """
        A copy to publish: the same pixels, and nothing that the file says of anybody; proven when it is made first.

        Raises:
            NotPublishable: None can be made of pictures of this format.
            PublicCopyNotClean: It does not come out clean: a fault of ours.
            FileNotStored: The original is lost.
            Overloaded: All places are taken, and passes over the original are needed.
        """
        # An original never changes under its number, and its digest says which bytes were proven.
        key = (image.id, image.record.sha256)
        made_of = self._plans.find(key)
        if made_of is None:
            with self._at_work():
                made_of = self._plans.find_or_make(key, lambda: self._plan(image))
        return Splice(self.original(image), made_of, closes_source=True)

    def _plan(self, image: Image) -> Pieces:
        with self.original(image) as file:
            return plan(file, image.record.bytes)

    def _recipe(self, size: str | None) -> Recipe:
        recipe = self._default if size is None else self._recipes.get(size)
        if recipe is None:
            raise RecipeNotFound(f"there is no size {str(size)[:40]!r}, only {', '.join(self._recipes)}")
        return recipe

    def _awaited(self, image_id: ImageId, patience_s: float) -> Image:
        deadline = time.monotonic() + patience_s
        while _is_coming(image := self._browsing.existing(image_id)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return image

    def _found(self, image: Image, recipe: Recipe, wish: Wish) -> Served | Nothing:
        if image.state is State.READY:
            # The worker may replace it while we look for it: then the new one is there at the second look.
            stored = self._stored(image, recipe, wish) or self._stored(image, recipe, wish)
            return stored or self._lost(image, recipe, wish)
        if image.state is State.FAILED and image.failure is not None:
            return Nothing(image, recipe, image.failure)
        return self._pending(image, recipe, wish)

    def _stored(self, image: Image, recipe: Recipe, wish: Wish) -> Served | None:
        """What the recipe has made, or one of the same name before it."""
        moves = image.record.facts.frames > 1 and not wish.still
        file_format = wish.best(recipe.formats)
        name, is_final = layout.vignette(recipe, file_format), True
        # Who reads AVIF and WebP gets the WebP: it is the only one that moves.
        if moves and (file_format == "webp" or (file_format == "avif" and "webp" in wish.takes)):
            made, moving = self._made(image), layout.vignette(recipe, "webp", moves=True)
            if moving in made:
                name, file_format = moving, "webp"
            else:  # without the still one it is just being rendered again: the moving one may come yet
                is_final = name in made
        if (content := self._read(image, name)) is not None:
            return Served(image, recipe, name, file_format, content, is_final)
        earlier = layout.vignettes_named(recipe.name, self._made(image), moves=moves)
        if not earlier:
            return None
        file_format = wish.best(tuple(earlier))
        name = earlier[file_format]
        content = self._read(image, name)
        return None if content is None else Served(image, recipe, name, file_format, content, is_final=False)

    def _read(self, image: Image, name: str) -> bytes | None:
        try:
            return self._files.read(image.id, name)
        except FileNotStored:
            return None

    def _made(self, image: Image) -> tuple[str, ...]:
        """The names of the vignettes that the worker has made last."""
        try:
            return outcome_from_json(self._files.read(image.id, layout.OUTCOME)).vignettes
        except (FileNotStored, ValueError):
            return ()

    def _lost(self, image: Image, recipe: Recipe, wish: Wish) -> Nothing:
        """A ready image lacks this vignette."""
        if image.failure is not None and not image.is_renewing:  # the worker has tried, and given up
            return Nothing(image, recipe, image.failure)
        # What earlier recipes made is the sweep's to renew. If those in force made it, somebody has tidied it away.
        if image.recipe_set == self._recipe_set:
            self._renewal.render_again(image.id)
        return self._pending(image, recipe, wish)

    def _pending(self, image: Image, recipe: Recipe, wish: Wish) -> Nothing:
        return Nothing(image, recipe, preview=self._preview(image) if wish.preview else None)

    def _preview(self, image: Image) -> bytes | None:
        """The preview that its camera embedded, if there is one to show."""
        try:
            with self._files.open(image.id, layout.METADATA_JSON) as file:
                content = file.read(_MAX_PREVIEW_METADATA_BYTES + 1)
            if len(content) > _MAX_PREVIEW_METADATA_BYTES:
                return None
            return embedded_preview(metadata_from_json(content), image.record.facts)
        except (FileNotStored, ValueError):  # it is lost, or damaged
            return None


def _is_coming(image: Image) -> bool:
    return image.state in (State.PENDING, State.PROCESSING)
