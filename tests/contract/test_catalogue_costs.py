"""
No question costs more, the more images there are: neither the deleted ones, nor those that are ready, have failed or
wait. What each one really reads is counted by the database itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import sqlalchemy as sa

from tests.contract.cataloguing import FAILURE, never, nothing, record
from tests.contract.conftest import new_database
from tests.memory import most_memory
from vignette.access.policy import Sight
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.sql.tables import image_table, moment_of, unflushed_table
from vignette.limits import MIB
from vignette.model import Edits, Image, ImageId, Placeholder, PublicName, State, Suspicion, Visibility
from vignette.ports import catalogue as ports
from vignette.ports.catalogue import Claim, Due, Note, Sights
from vignette.ports.tickets import TicketImages

# So many images there are of each common kind, and so few of each rare one.
MANY: Final = 3000
FEW: Final = 5
LIMIT: Final = 10

# What a question may read: a few times its limit, however it is asked, and nothing like one kind of image.
MOST_ROWS: Final = 20 * LIMIT

# SQLite counts the steps of its virtual machine, of which it takes several for each row that it looks at, and a dozen
# for each that it changes: triggers look at the change.
MOST_STEPS: Final = 3 * MANY // 2


# psycopg prepares a statement that comes again and again, and PostgreSQL plans such a one for any parameter at last:
# after 5 times, and after 5 more.
PLANNED_FOR_ANY_PARAMETER: Final = 10


@dataclass(frozen=True)
class Block:
    """Images of one kind that came one after another. Times are in seconds from now."""

    count: int
    state: str
    recipe_set: str = ""
    hinted_s: float = -60
    lease_s: float | None = None
    failure: str = "NULL"
    owner: str = "NULL"
    visibility: str = ""
    quarantine: str = "NULL"

    @property
    def sha256(self) -> str:
        """Nobody knows any more which bytes a deleted image had."""
        return "" if self.state == "deleted" else "ab"

    @property
    def ticket(self) -> str:
        """Of a ticket there may be a few in quarantine beside those that are shown, and not many."""
        return self.owner if self.quarantine == "NULL" else "NULL"


SUSPECTED: Final = '{"check": "moderation", "reason": "nudity", "since_ms": 0}'

A_FAILURE: Final = """'{"code": "broken-image", "detail": "none"}'"""

# The oldest first. What is looked for stands behind what might be read in vain, from either end.
BLOCKS: Final[Mapping[str, Block]] = {
    "owned long ago": Block(FEW, "ready", "b", owner="'few'"),
    "public long ago": Block(FEW, "ready", "b", visibility="public"),
    "deleted long ago": Block(MANY, "deleted"),
    "failed": Block(MANY, "failed", "b"),
    "ready": Block(MANY, "ready", "b"),
    "owned by others": Block(MANY, "ready", "b", owner="'many'", visibility="private"),
    "ready by others": Block(FEW, "ready", "a"),
    "ready, tried again in vain": Block(FEW, "ready", "b", failure=A_FAILURE),
    "suspected long ago": Block(FEW, "failed", "b", failure=A_FAILURE, quarantine=f"'{SUSPECTED}'"),
    "suspected": Block(
        MANY, "failed", "b", failure=A_FAILURE, owner="'few'", visibility="public", quarantine=f"'{SUSPECTED}'"
    ),
    "renewing": Block(FEW, "renewing", "a"),
    "completing": Block(MANY, "completing", "a"),
    "being completed": Block(MANY, "completing", "a", lease_s=60),
    "completion interrupted": Block(FEW, "completing", "a", lease_s=-30),
    "interrupted": Block(FEW, "processing", hinted_s=-60, lease_s=-30),
    "paused": Block(MANY, "processing", hinted_s=-60, lease_s=60),
    "handed out": Block(MANY, "processing", hinted_s=-10, lease_s=-30),
    "being deleted": Block(FEW, "deleting"),
    "waiting": Block(MANY, "pending"),
    "deleted lately": Block(MANY, "deleted"),
}


def first_of(kind: str) -> ImageId:
    """The number of the first image of a block."""
    kinds = list(BLOCKS)
    return ImageId(sum(BLOCKS[earlier].count for earlier in kinds[: kinds.index(kind)]))


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalogue]:
    """A catalogue of many images of each kind. The questions change a few of them, and that makes no difference."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('state') / 'catalogue.sqlite3'}"
    else:
        url = new_database(request.getfixturevalue("postgresql_url"))
    catalogue = SqlCatalogue(url, boot="this")
    catalogue.migrate([])
    is_sqlite = catalogue.database.is_sqlite
    now = "((julianday('now') - 2440587.5) * 86400.0)" if is_sqlite else "extract(epoch from clock_timestamp())"
    with catalogue.database.write() as connection:
        for kind, block in BLOCKS.items():
            lease = "NULL" if block.lease_s is None else f"{now} + {block.lease_s}"
            first = first_of(kind)
            connection.exec_driver_sql(
                f"""
                WITH RECURSIVE number (i) AS (
                    SELECT {first} UNION ALL SELECT i + 1 FROM number WHERE i < {first + block.count - 1}
                )
                INSERT INTO image (id, media_type, extension, width, height, frames, bytes, sha256, received_at_ms,
                                   idempotency_key, state, recipe_set, hinted_at, lease_until, failure, owner,
                                   visibility, quarantine, public_name, ticket)
                SELECT i, 'image/jpeg', 'jpg', 40, 30, 1, 500, '{block.sha256}', 0, 'key ' || i, '{block.state}',
                       '{block.recipe_set}', {now} + {block.hinted_s}, {lease}, {block.failure},
                       {block.owner}, '{block.visibility}', {block.quarantine}, 'name ' || i, {block.ticket} FROM number
                """
            )
        for boot, count in (("another", FEW), ("this", MANY)):
            connection.execute(sa.insert(unflushed_table), [{"image_id": i, "boot": boot} for i in range(count)])
        connection.exec_driver_sql(f"UPDATE counter SET next = {sum(block.count for block in BLOCKS.values())}")
        if not is_sqlite:
            connection.exec_driver_sql("ANALYZE image, unflushed")
    yield catalogue
    catalogue.close()


def a_claim(catalogue: SqlCatalogue, kind: str) -> Claim:
    image_id = first_of(kind)
    with catalogue.database.read() as connection:
        lease_until = connection.scalar(sa.select(image_table.c.lease_until).where(image_table.c.id == image_id))
    return Claim(catalogue.library.get(image_id), 0, lease_until)


def an_image(number: int) -> Image:
    return Image(ImageId(number), record(), State.PENDING)


def page_of_due(catalogue: SqlCatalogue, recipe_set: str | None, number: int) -> list[Due]:
    """A page, found without those before it."""
    # A reset moves an image to another place, and its page with it: those of the earlier questions stay few.
    if (recipe_set, number) not in _PAGES:
        page: list[Due] = []
        for _ in range(number):
            page = catalogue.waiting.due(recipe_set, LIMIT // 2, page[-1] if page else None) or page
        _PAGES[recipe_set, number] = page[-1] if page else None
    return catalogue.waiting.due(recipe_set, LIMIT, _PAGES[recipe_set, number])


_PAGES: Final[dict[tuple[str | None, int], Due | None]] = {}

SIGHTS: Final = [
    Sight(owner, frozenset(visibilities))
    for owner in ("few", "many", "none")
    for visibilities in ((), (Visibility.PUBLIC,), (Visibility.PRIVATE, None))
]

A_SUSPICION: Final = Suspicion("moderation", "nudity", moment_of(0))


def let_out_and_back(catalogue: SqlCatalogue, image_id: ImageId) -> None:
    catalogue.quarantine.let_out(image_id, int)
    catalogue.quarantine.shut_away(image_id, A_SUSPICION, int)


def reject_and_back(catalogue: SqlCatalogue, image_id: ImageId) -> None:
    catalogue.quarantine.begin_delete(image_id)
    with catalogue.database.write() as connection:
        connection.execute(sa.update(image_table).where(image_table.c.id == image_id).values(state="ready"))


ALL: Final = Sights(None, None)

# All images have the same bytes.
DIGESTS: Final = ["ab", "cd"]

Question = Callable[[SqlCatalogue], object]

QUESTIONS: Final[Mapping[str, Mapping[str, Question]]] = {
    "Arrivals.add": {
        "new": lambda c: c.arrivals.add(record(key="k"), nothing, never),
        "the same by a ticket": lambda c: c.arrivals.add(replace(record("ab"), ticket="few"), nothing, never),
        "came before": lambda c: c.arrivals.add(
            replace(record("ab"), idempotency_key=f"key {first_of('waiting')}"), nothing, never
        ),
    },
    "Arrivals.sent_before": {
        "": lambda c: c.arrivals.sent_before(replace(record("ab"), idempotency_key=f"key {first_of('waiting')}")),
        "new": lambda c: c.arrivals.sent_before(record(key="nobody's")),
    },
    "Arrivals.has_any": {"": lambda c: c.arrivals.has_any([f"key {first_of('waiting')}", "none"])},
    "TicketImages.of_ticket": {
        "from the top": lambda c: c.ticket_images.of_ticket("few", LIMIT),
        "from the middle": lambda c: c.ticket_images.of_ticket("few", LIMIT, ImageId(4 * MANY)),
        "none": lambda c: c.ticket_images.of_ticket("none", LIMIT),
    },
    "TicketImages.sent_by": {"": lambda c: c.ticket_images.sent_by("many", ["ab", "cd"])},
    "Library.get": {
        "": lambda c: c.library.get(first_of("waiting")),
        "in sight": lambda c: c.library.get(first_of("waiting"), Sight("few", frozenset({None}))),
    },
    "Library.named": {
        "": lambda c: c.library.named(PublicName(f"name {first_of('waiting')}")),
        "in sight": lambda c: c.library.named(
            PublicName(f"name {first_of('waiting')}"), Sight("few", frozenset({None}))
        ),
    },
    "Editing.set_visibility": {
        "": lambda c: c.editing.set_visibility(first_of("waiting"), Visibility.PRIVATE, datetime.now(UTC), nothing)
    },
    "Editing.end_links": {"": lambda c: c.editing.end_links(first_of("waiting"), datetime.now(UTC), nothing)},
    "Quarantine.waiting": {
        "from the top": lambda c: c.quarantine.waiting(LIMIT),
        "to the end": lambda c: c.quarantine.waiting(LIMIT, first_of("suspected")),
    },
    "Quarantine.shut_away": {"": lambda c: c.quarantine.shut_away(first_of("waiting"), A_SUSPICION, int)},
    "Quarantine.let_out": {"": lambda c: let_out_and_back(c, first_of("suspected"))},
    "Quarantine.begin_delete": {"": lambda c: reject_and_back(c, first_of("suspected"))},
    "Editing.under_way": {"": lambda c: c.editing.under_way(30, LIMIT)},
    "Editing.settle": {"": lambda c: c.editing.settle(first_of("waiting"), 30, lambda: Edits(Visibility.PRIVATE))},
    "Library.newest": {
        "of all that is not in quarantine": lambda c: c.library.newest(LIMIT, first_of("renewing"), Sight(None, None)),
        "from the top": lambda c: c.library.newest(LIMIT),
        "from the middle": lambda c: c.library.newest(LIMIT, first_of("being deleted")),
        "to the end": lambda c: c.library.newest(LIMIT, ImageId(first_of("failed") + 1)),
        **{
            f"of an owner of {sight.owner} and {len(sight.visibilities)} kinds{where}": (
                lambda c, sight=sight, before=before: c.library.newest(LIMIT, before, sight)
            )
            for sight in SIGHTS
            for where, before in (("", None), (", from the middle", ImageId(4 * MANY)), (", to the end", ImageId(1)))
        },
    },
    "Library.next_newer": {
        "from the middle": lambda c: c.library.next_newer(LIMIT, first_of("being deleted")),
        "to the end": lambda c: c.library.next_newer(LIMIT, ImageId(10**9)),
        **{
            f"of an owner of {sight.owner} and {len(sight.visibilities)} kinds{where}": (
                lambda c, sight=sight, after=after: c.library.next_newer(LIMIT, after, sight)
            )
            for sight in SIGHTS
            for where, after in (("", ImageId(0)), (", from the middle", ImageId(4 * MANY)))
        },
    },
    "Library.living": {
        "all": lambda c: c.library.living({first_of("waiting"), first_of("failed")}, set(), ALL),
        "in sight": lambda c: c.library.living(
            {first_of("waiting")}, {PublicName(f"name {first_of('failed')}")}, Sights(SIGHTS[0], SIGHTS[1])
        ),
    },
    "Library.count": {
        "all": lambda c: c.library.count(LIMIT),
        **{
            f"of an owner of {sight.owner} and {len(sight.visibilities)} kinds": (
                lambda c, sight=sight: c.library.count(LIMIT, sight)
            )
            for sight in SIGHTS
        },
    },
    "Alike.like": {
        "": lambda c: c.alike.like(replace(an_image(0), placeholder=Placeholder("", "", "0" * 64, 100)), 31, LIMIT)
    },
    "SameBytes.first_of_each": {
        "all": lambda c: c.same_bytes.first_of_each(DIGESTS),
        "all that is not in quarantine": lambda c: c.same_bytes.first_of_each(DIGESTS, Sight(None, None)),
        **{
            f"of an owner of {sight.owner} and {len(sight.visibilities)} kinds": (
                lambda c, sight=sight: c.same_bytes.first_of_each(DIGESTS, sight)
            )
            for sight in SIGHTS
        },
    },
    "Library.in_state": {
        f"{state} {'from the start' if after is None else after}": lambda c, state=state, after=after: (
            c.library.in_state(state, LIMIT, None if after is None else first_of(after))
        )
        for state in State
        for after in (None, "ready by others", "deleted lately")
    },
    "Library.given_up": {
        f"{recipe_set} {'from the start' if after is None else after}": lambda c, recipe_set=recipe_set, after=after: (
            c.library.given_up(recipe_set, LIMIT, None if after is None else first_of(after))
        )
        for recipe_set in ("a", "b", "c")
        for after in (None, "ready by others", "deleted lately")
    },
    "Renderings.claim": {
        "": lambda c: c.renderings.claim(first_of("waiting"), 60),
        "not to complete": lambda c: c.renderings.claim(first_of("waiting"), 60, to_complete=False),
    },
    "Renderings.finish": {
        "": lambda c: c.renderings.finish(a_claim(c, "paused"), None),
        "not held": lambda c: c.renderings.finish(a_claim(c, "being deleted"), None),
    },
    "Renderings.publish": {
        "": lambda c: c.renderings.publish(a_claim(c, "paused"), None, "a", ("small",), goes_on=False),
        "not held": lambda c: c.renderings.publish(a_claim(c, "being deleted"), None, "a", ("small",), goes_on=True),
    },
    "Renderings.in_hand": {"": lambda c: c.renderings.in_hand(first_of("paused"))},
    "Renderings.newcomers_wait": {"": lambda c: c.renderings.newcomers_wait()},
    "Renderings.release": {"": lambda c: c.renderings.release(first_of("paused"), FAILURE, 1)},
    "Renderings.postpone": {"": lambda c: c.renderings.postpone(a_claim(c, "paused"), FAILURE, 1)},
    "Unflushed.last": {"": lambda c: c.unflushed.last()},
    "Unflushed.up_to": {"": lambda c: c.unflushed.up_to(MANY, LIMIT)},
    "Unflushed.of_crashed_machines": {"": lambda c: c.unflushed.of_crashed_machines(LIMIT)},
    "Unflushed.forget": {"": lambda c: c.unflushed.forget([Note(FEW + 1, ImageId(0))])},
    "Unflushed.forget_up_to": {"": lambda c: c.unflushed.forget_up_to(FEW + LIMIT)},
    "Waiting.forgotten": {
        "none": lambda c: c.waiting.forgotten(600, LIMIT),
        "all": lambda c: c.waiting.forgotten(5, LIMIT),
    },
    "Waiting.interrupted": {"": lambda c: c.waiting.interrupted(LIMIT)},
    "Waiting.unfinished": {"": lambda c: c.waiting.unfinished(LIMIT)},
    "Waiting.unclaimed": {"": lambda c: c.waiting.unclaimed(LIMIT)},
    "Waiting.reset": {
        "": lambda c: c.waiting.reset(first_of("failed")),
        "even one that is completed": lambda c: c.waiting.reset(first_of("completing"), even_completing=True),
    },
    "Waiting.renew": {"few": lambda c: c.waiting.renew("b", LIMIT), "all": lambda c: c.waiting.renew("0", LIMIT)},
    "Waiting.due": {
        f"other than {recipe_set}, page {page}": lambda c, recipe_set=recipe_set, page=page: page_of_due(
            c, recipe_set, page
        )
        for recipe_set in (None, "a", "b", "c")
        for page in (0, 2, 5)
    },
    "Waiting.count_due": {
        "few": lambda c: c.waiting.count_due("b", LIMIT),
        "many": lambda c: c.waiting.count_due("a", LIMIT),
        "all": lambda c: c.waiting.count_due(None, LIMIT),
    },
    "Removals.unless_gone": {"": lambda c: c.removals.unless_gone(first_of("ready"), lambda: None)},
    "Removals.begin_delete": {"": lambda c: c.removals.begin_delete(first_of("ready"))},
    "Removals.end_delete": {"": lambda c: c.removals.end_delete(first_of("being deleted"))},
    "Removals.clear_traces": {"": lambda c: c.removals.clear_traces()},
    "Index.catch_up": {"": lambda c: c.index.catch_up([(ImageId(10**6), an_image(10**6))])},
    "Index.index": {"": lambda c: c.index.index(first_of("ready"), lambda: an_image(first_of("ready")))},
    "Index.next_id": {"": lambda c: c.index.next_id()},
    "Index.highest": {"": lambda c: c.index.highest()},
    "Workers.beat": {"": lambda c: c.workers.beat("here:1")},
    "Workers.seconds_since_beat": {"": lambda c: c.workers.seconds_since_beat()},
}

# They are asked for all images there are, by a person who knows that.
READ_ALL: Final = {"Index.restore"}

# It costs what it finds, and finds nothing when it is asked again.
ASKED_BELOW: Final = {"Renderings.end_leases"}


def test_every_question_of_every_port_is_asked_here() -> None:
    methods = {
        f"{name}.{method}"
        for name, port in [*inspect.getmembers(ports, inspect.isclass), (TicketImages.__name__, TicketImages)]
        if getattr(port, "_is_protocol", False) and port.__module__ in (ports.__name__, TicketImages.__module__)
        for method, _ in inspect.getmembers(port, inspect.isfunction)
        if not method.startswith("_")
    }

    assert methods == QUESTIONS.keys() | READ_ALL | ASKED_BELOW


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(question, id=f"{method} {variant}".strip())
        for method, variants in QUESTIONS.items()
        for variant, question in variants.items()
    ],
)
def test_a_question_costs_the_same_however_many_images_there_are(full: SqlCatalogue, question: Question) -> None:
    for _ in range(PLANNED_FOR_ANY_PARAMETER):
        question(full)

    with counting(full) as cost:
        question(full)

    assert cost.read <= most_read(full)


def test_what_reads_all_is_counted_as_such(full: SqlCatalogue) -> None:
    with counting(full) as cost:
        full.waiting.unfinished()

    assert cost.read > MANY


def test_images_are_restored_by_the_hundred_and_none_is_kept_in_memory(catalogue: SqlCatalogue) -> None:
    """Each has an idempotency key, which might be that of another: a folder was copied by hand."""
    count = 3 * MANY
    statements: list[str] = []

    def images() -> Iterator[tuple[ImageId, Image | None]]:
        for number in range(count):
            image = Image(ImageId(number), record(f"{number:064}", key=f"{number:064}"), State.READY)
            yield image.id, image

    with noting(catalogue, statements), most_memory() as memory:
        assert catalogue.index.restore(images()) == count

    assert len(statements) < count / 100
    # All of them at once take fourteen.
    assert memory.peak_bytes < 5 * MIB
    assert catalogue.index.next_id() == count


@contextmanager
def noting(catalogue: SqlCatalogue, statements: list[str]) -> Iterator[None]:
    """Each statement that is sent to the database while it lasts."""

    def note(_connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engines = {catalogue.database._reader, catalogue.database._writer}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)


def test_that_nobody_waits_is_told_as_cheaply(full: SqlCatalogue) -> None:
    """It comes last: it changes the catalogue of the other tests."""
    with full.database.write() as connection:
        connection.exec_driver_sql("UPDATE image SET state = 'failed' WHERE state = 'pending'")
        now = "((julianday('now') - 2440587.5) * 86400.0)" if full.database.is_sqlite else "extract(epoch from now())"
        has_ended = f"state = 'processing' AND lease_until < {now}"
        connection.exec_driver_sql(f"UPDATE image SET state = 'failed' WHERE {has_ended}")
    for _ in range(PLANNED_FOR_ANY_PARAMETER):
        assert not full.renderings.newcomers_wait()

    with counting(full) as cost:
        full.renderings.newcomers_wait()

    assert cost.read <= most_read(full)


def test_leases_are_ended_without_a_look_at_what_has_none(full: SqlCatalogue) -> None:
    """It comes last: it changes the catalogue of the other tests."""
    full.renderings.end_leases()
    if not full.database.is_sqlite:
        with full.database._writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM image")  # what has just been changed would be looked at once more

    with counting(full) as cost:
        full.renderings.end_leases()

    assert cost.read <= most_read(full)


def most_read(catalogue: SqlCatalogue) -> int:
    return MOST_STEPS if catalogue.database.is_sqlite else MOST_ROWS


class Cost:
    """What was read: steps of SQLite's virtual machine, or rows and entries of indexes of PostgreSQL."""

    read = 0


@contextmanager
def counting(catalogue: SqlCatalogue) -> Iterator[Cost]:
    """What is read of the catalogue's tables while it lasts."""
    cost = Cost()

    def count_step() -> int:
        cost.read += 1
        return 0

    def before(_connection: sa.Connection, cursor: Any, *_: object) -> None:
        if catalogue.database.is_sqlite:
            cursor.connection.set_progress_handler(count_step, 1)
        else:
            cost.read -= _read_by_now(cursor)

    def after(_connection: sa.Connection, cursor: Any, *_: object) -> None:
        if not catalogue.database.is_sqlite:
            cost.read += _read_by_now(cursor)

    engines = {catalogue.database._reader, catalogue.database._writer}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", before)
        sa.event.listen(engine, "after_cursor_execute", after)
    try:
        yield cost
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", before)
            sa.event.remove(engine, "after_cursor_execute", after)


def _read_by_now(cursor: Any) -> int:
    """What this connection to PostgreSQL has read and not reported yet; it reports between transactions alone."""
    with cursor.connection.cursor() as asking:
        asking.execute(
            "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace"
        )
        return int(asking.fetchone()[0])
