"""The verdict: what was promised, compared with what is there."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from vignette import layout
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import FileNotStored, TicketNotFound
from vignette.limits import LEASE_MARGIN_S, STAGING_MAX_AGE_S
from vignette.model import Image, ImageId, Outcome, State
from vignette.records import outcome_from_json
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.torture.ledger import Ledger, Upload
from vignette.trials.torture.pictures import Fate
from vignette.trials.torture.victim import RENDER_SECONDS, Victim
from vignette.use_cases.checking import settle
from vignette.wiring.use_cases import build_checkup

# The longest that nothing is finished while images wait: after a rendering has died its image waits for the end of the
# lease, the pause before the next try, and the sweep that finds it.
_PATIENCE_S: Final = 60.0 + RENDER_SECONDS + LEASE_MARGIN_S

# How many images to ask the service for. The folders and the catalogue are compared in full.
_ASKED: Final = 200

_PAGE: Final = 500

_VIGNETTES: Final = layout.vignettes(DEFAULT_RECIPES)
_RECIPE_SET: Final = layout.recipe_set(_VIGNETTES)


class NoJobs:
    """`ports.Jobs` of a check that must queue nothing."""

    def hint(self, image_id: ImageId, _lane: object) -> None:
        raise AssertionError(f"a check queued image {image_id}")

    def hint_all(self, image_ids: object, _lane: object) -> None:
        raise AssertionError(f"a check queued {image_ids}")

    def backlog(self) -> int:
        return 0


class Verdict:
    """
    Judges a service that is up again, when nobody uploads any more. Each method tells the ledger what is wrong.

    *settle* is that of `Checkup`. Images that wait count as lost when none of them was finished for *patience_s*.
    """

    def __init__(
        self,
        victim: Victim,
        ledger: Ledger,
        *,
        settle: Callable[[], object] = settle,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._victim = victim
        self._ledger = ledger
        self._settle = settle
        self._patience_s = patience_s
        self.first_settled_after_s: float | None = None
        """How long `wait_until_settled` waited until every image had its default vignettes, in seconds."""
        self._store = FolderStore(victim.upload_folder)
        self._catalogue = SqlCatalogue(f"sqlite:///{victim.state_folder / 'catalogue.sqlite3'}", must_exist=True)

    def close(self) -> None:
        self._catalogue.close()

    def wait_until_settled(self) -> float:
        """Wait until nothing is pending or to come any more; return how long that took, in seconds."""
        began = changed_at = time.monotonic()
        left: tuple[int, int] | None = None
        while waiting := self._unsettled() or self._incomplete():
            if self.first_settled_after_s is None and not self._unsettled():
                self.first_settled_after_s = time.monotonic() - began
            before, left = left, (self._catalogue.waiting.unfinished(), len(waiting))
            if left != before:
                changed_at = time.monotonic()
            elif time.monotonic() - changed_at > self._patience_s:
                self._ledger.violated(f"images wait, and none was finished for {self._patience_s:g} s: {waiting[:20]}")
                break
            time.sleep(0.2)
        took_s = time.monotonic() - began
        if self.first_settled_after_s is None:
            self.first_settled_after_s = took_s
        return took_s

    def judge(self) -> None:
        """Compare everything that was acknowledged with everything in the folders and the catalogue."""
        images = {image.id: image for image in self._images()}
        self._judge_acknowledged(images)
        self._judge_the_others(images)
        self._judge_tickets(images)
        self._judge_by_fsck()
        self._judge_staging()

    def _unsettled(self) -> list[ImageId]:
        states = (State.PENDING, State.PROCESSING, State.DELETING)
        return [image_id for state in states for image_id in self._catalogue.library.in_state(state, 100)]

    def _incomplete(self) -> list[ImageId]:
        """Ready images that are not all as the recipes say, as long as the worker has something to do."""
        waiting = self._catalogue.waiting
        if not waiting.unfinished(at_most=1):
            return []
        due = waiting.due(_RECIPE_SET, _PAGE) or waiting.due(None, _PAGE)
        return [image.image_id for image in due]

    def _images(self) -> Iterator[Image]:
        before = None
        while page := self._catalogue.library.newest(_PAGE, before):
            yield from page
            before = page[-1].id
        after = None
        while numbers := self._catalogue.library.in_state(State.DELETED, _PAGE, after):
            yield from map(self._catalogue.library.get, numbers)
            after = numbers[-1]

    def _acknowledged(self) -> list[tuple[ImageId, Upload]]:
        return [(ImageId(u.number), u) for u in self._ledger.uploads if u.number is not None]

    def _judge_acknowledged(self, images: dict[ImageId, Image]) -> None:
        numbers = Counter(number for number, _ in self._acknowledged())
        for number, times in numbers.items():
            if times > 1:
                self._ledger.violated(f"number {number} was given {times} times")
        for number, upload in self._acknowledged():
            image = images.get(number)
            if image is None:
                self._ledger.violated(f"image {number} was acknowledged, and is not in the catalogue")
            elif number in self._ledger.deleted:
                self._judge_deleted(image)
            else:
                self._judge_kept(image, upload)

    def _judge_deleted(self, image: Image) -> None:
        if self._ledger.deleted[image.id] and image.state is not State.DELETED:
            self._ledger.violated(f"image {image.id} was deleted, and is {image.state}")

    def _judge_kept(self, image: Image, upload: Upload) -> None:
        """Compare the record with what was sent. `_judge_by_fsck` compares the bytes with the record."""
        if image.state is State.DELETED:
            self._ledger.violated(f"image {image.id} is deleted, and nobody asked for that")
        elif (image.record.sha256, image.record.bytes) != (upload.sha256, upload.size):
            self._ledger.violated(f"image {image.id} is not what was sent")
        elif image.state.value != upload.fate.value:
            reason = image.failure.detail if image.failure else "no reason"
            self._ledger.violated(f"image {image.id} is {image.state} ({reason}), it should be {upload.fate}")
        elif upload.visibility is not None and image.visibility is not upload.visibility:
            self._ledger.violated(f"image {image.id} is {image.visibility}, it should be {upload.visibility}")
        elif image.state is State.FAILED and image.failure is None:
            self._ledger.violated(f"image {image.id} has failed without a reason")
        elif image.state is State.READY:
            self._judge_sizes(image)

    def _judge_sizes(self, image: Image) -> None:
        """Check that every size is there in the end. `_judge_by_fsck` looks for the files."""
        outcome = self._outcome(image.id)
        if outcome.to_come or image.need is not None:
            self._ledger.violated(f"image {image.id} is ready, and still to come are {outcome.to_come}")
        elif image.failure is not None:
            self._ledger.violated(f"image {image.id} is ready without its other sizes: {image.failure.detail}")
        elif missing := _VIGNETTES.difference(outcome.vignettes):
            self._ledger.violated(f"image {image.id} is ready, and its outcome lacks {sorted(missing)}")

    def _outcome(self, image_id: ImageId) -> Outcome:
        try:
            return outcome_from_json(self._store.read(image_id, layout.OUTCOME))
        except (FileNotStored, ValueError):
            return Outcome()

    def _judge_the_others(self, images: dict[ImageId, Image]) -> None:
        """Check that an image that was not acknowledged is there at most once, as an upload whose answer was lost."""
        unanswered = Counter(u.sha256 for u in self._ledger.uploads if u.number is None and not u.is_refused)
        acknowledged = {number for number, _ in self._acknowledged()}
        for number, image in images.items():
            if number in acknowledged:
                continue
            unanswered[image.record.sha256] -= 1
            if unanswered[image.record.sha256] < 0:
                self._ledger.violated(f"image {number} ({image.record.sha256}) is one that nobody sent")
        folders = {int(image_id) for image_id in self._store.image_ids()}
        surplus = folders - {int(number) for number in images} - {int(self._catalogue.index.next_id())}
        for extra in sorted(surplus):
            self._ledger.violated(f"folder {extra} has no row")

    def _judge_tickets(self, images: dict[ImageId, Image]) -> None:
        """Check that no ticket was overdrawn, and that each tells as many uses as images came by it."""
        came = Counter(image.record.ticket for image in images.values())
        for ticket_id, uses in self._ledger.tickets.items():
            try:
                spent = self._catalogue.tickets.get(ticket_id).spent
            except TicketNotFound:
                self._ledger.violated(f"ticket {ticket_id} was acknowledged, and is not in the catalogue")
                continue
            if came[ticket_id] > uses:
                self._ledger.violated(f"{came[ticket_id]} images came by ticket {ticket_id}, which is for {uses}")
            if came[ticket_id] < self._ledger.by_ticket[ticket_id]:
                acknowledged = self._ledger.by_ticket[ticket_id]
                self._ledger.violated(
                    f"{acknowledged} images were acknowledged by ticket {ticket_id}, and {came[ticket_id]} are there"
                )
            if spent != came[ticket_id]:
                self._ledger.violated(f"ticket {ticket_id} tells {spent} uses, and {came[ticket_id]} images came by it")

    def _judge_by_fsck(self) -> None:
        """Have fsck compare every folder with its record and row, and look for leftovers."""
        checkup = build_checkup(self._store, self._catalogue, NoJobs(), DEFAULT_RECIPES, settle=self._settle)
        for finding in checkup.run(checkup.image_ids()):
            self._ledger.violated(f"fsck: {finding.image_id} {finding.kind} {finding.name or ''}: {finding.detail}")

    def _judge_staging(self) -> None:
        if old := self._store.leftovers(STAGING_MAX_AGE_S):
            self._ledger.violated(f"the staging folder still holds {old}")

    def ask(self) -> None:
        """Check that the service itself says the same of the last images."""
        for number, upload in self._acknowledged()[-_ASKED:]:
            connection = http.client.HTTPConnection("127.0.0.1", self._victim.port, timeout=30)
            try:
                shown = {"Authorization": f"Bearer {self._victim.token}"}
                connection.request("GET", f"/images/{number}", headers={"Accept": "application/json", **shown})
                response = connection.getresponse()
                body = response.read()
            finally:
                connection.close()
            if number in self._ledger.deleted:
                if self._ledger.deleted[number] and response.status != 410:
                    self._ledger.violated(f"image {number} was deleted, and is answered {response.status}")
            elif response.status != 200 or json.loads(body)["sha256"] != upload.sha256:
                self._ledger.violated(f"image {number} is answered {response.status}: {body!r}")


def fates(uploads: list[Upload]) -> Counter[str]:
    """Return how many uploads were acknowledged, refused, and not answered."""
    return Counter(
        "acknowledged" if u.number is not None else Fate.REFUSED.value if u.is_refused else "unanswered"
        for u in uploads
    )
