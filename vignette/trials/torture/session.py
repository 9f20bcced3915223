"""One run of the torture: clients and adversary at work on a service, then the verdict."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from vignette.adapters.stores.folder import FolderStore
from vignette.trials.own_service import START_LIMIT_S
from vignette.trials.torture.adversary import Adversary, plan
from vignette.trials.torture.clients import Client
from vignette.trials.torture.ledger import Ledger
from vignette.trials.torture.verdict import Verdict, fates
from vignette.trials.torture.victim import TASKS_PER_PROCESS, Victim
from vignette.trials.undertaker import entrusted, keep

CLIENTS: Final = 6

# How long a client that is in the middle of a request may take to notice the end.
_CLIENT_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Result:
    """`folder` holds what is left of the service, to look at; it is None if there was no violation."""

    seed: int
    seconds: float
    settled_after_s: float
    first_settled_after_s: float
    kills: int
    forks: int
    deeds: dict[str, int]
    uploads: dict[str, int]
    deletions: int
    violations: list[str]
    folder: Path | None
    tickets: int = 0

    def as_text(self) -> str:
        deeds = "\n".join(f"    {count:5} {deed}" for deed, count in sorted(self.deeds.items()))
        uploads = ", ".join(f"{count} {fate}" for fate, count in sorted(self.uploads.items()))
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s, {self.kills} processes killed, {self.forks} forked for the pool:",
            deeds,
            f"{sum(self.uploads.values())} uploads: {uploads}; {self.deletions} deletions, {self.tickets} tickets",
            f"all first vignettes were there {self.first_settled_after_s:.1f} s after everything was up again",
            f"all vignettes were there {self.settled_after_s:.1f} s after everything was up again",
            f"{len(self.violations)} violations",
            *(f"    {violation}" for violation in self.violations),
        ]
        if self.folder is not None:
            lines.append(f"folders, log and time line: {self.folder}")
        return "\n".join(lines)


def total(results: Sequence[Result]) -> str:
    """One line for several runs."""
    uploads = sum((Counter(result.uploads) for result in results), Counter())
    violations = sum(len(result.violations) for result in results)
    return (
        f"{len(results)} runs, {sum(result.seconds for result in results) / 60:.0f} minutes: "
        f"{sum(result.kills for result in results)} processes killed, "
        f"{uploads.total()} uploads ({uploads['acknowledged']} acknowledged), {violations} violations"
    )


def torture(
    seconds: float,
    seed: int,
    *,
    tasks_per_process: int = TASKS_PER_PROCESS,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """
    Torture a service for so many *seconds*, then judge it; *say* is given a line now and then.

    The worker forks a new process after so many pictures (*tasks_per_process*), beside all those that are killed.

    Its folder is removed if there was no violation, even if the torture is ended before its time.
    """
    # A short path: the embedded server's socket lies in it.
    folder = Path(tempfile.mkdtemp(prefix="vignette-torture-"))
    with entrusted(folder):
        result = _torture(folder, seconds, seed, tasks_per_process, say)
        if result.folder is None:
            shutil.rmtree(folder)
    return result


def _torture(folder: Path, seconds: float, seed: int, tasks_per_process: int, say: Callable[[str], None]) -> Result:
    ledger = Ledger(on_violation=partial(keep, folder))
    victim = Victim(folder, tasks_per_process)
    began = time.monotonic()
    settled_after_s = first_settled_after_s = 0.0
    try:
        _attack(victim, ledger, seconds, seed, say)
        say("everything is to come up again")
        if victim.bring_up():
            first_settled_after_s, settled_after_s = _judge(victim, ledger, say)
        else:
            ledger.violated(f"the service did not come up again within {START_LIMIT_S:.0f} s")
        if (status := victim.stop()) != 0:
            ledger.violated(f"the service did not stop in good order: exit status {status}")
        _clear(victim, ledger)
    finally:
        if left := victim.destroy():
            ledger.violated(f"processes were left behind: {left}")
        (folder / "timeline.txt").write_text("\n".join(ledger.timeline) + "\n")
    return Result(
        seed=seed,
        seconds=time.monotonic() - began,
        settled_after_s=settled_after_s,
        first_settled_after_s=first_settled_after_s,
        kills=ledger.kills,
        forks=victim.forks(),
        deeds=dict(ledger.deeds),
        uploads=dict(fates(ledger.uploads)),
        deletions=len(ledger.deleted),
        violations=ledger.violations,
        folder=folder if ledger.violations else None,
        tickets=len(ledger.tickets),
    )


def _attack(victim: Victim, ledger: Ledger, seconds: float, seed: int, say: Callable[[str], None]) -> None:
    if not victim.bring_up():
        ledger.violated(f"the service did not start within {START_LIMIT_S:.0f} s")
        return
    victim.make_key()
    say(f"seed {seed}: the service is up; killing it for {seconds:.0f} s")
    stopping = threading.Event()
    clients = [
        Client(victim.port, ledger, Random(f"{seed}/{number}"), stopping, token=victim.token)
        for number in range(CLIENTS)
    ]
    threads = [threading.Thread(target=_guarded(client.run, ledger), name="client") for client in clients]
    for thread in threads:
        thread.start()
    reporting = threading.Thread(target=_report, args=(ledger, stopping, say), name="report")
    reporting.start()
    try:
        deeds = plan(Random(seed))
        Adversary(victim, ledger).run(deeds, time.monotonic() + seconds, stopping)
    finally:
        stopping.set()
        for thread in (*threads, reporting):
            thread.join(_CLIENT_LIMIT_S)


def _judge(victim: Victim, ledger: Ledger, say: Callable[[str], None]) -> tuple[float, float]:
    """Return how long it took until every image had its first vignettes, and until all had everything, in seconds."""
    verdict = Verdict(victim, ledger)
    try:
        settled_after_s = verdict.wait_until_settled()
        say(f"all settled after {settled_after_s:.1f} s; comparing")
        verdict.judge()
        verdict.ask()
        return verdict.first_settled_after_s or settled_after_s, settled_after_s
    finally:
        verdict.close()


def _clear(victim: Victim, ledger: Ledger) -> None:
    """Clear the staging folder: nobody uploads any more, so all in it is a leftover that must go."""
    store = FolderStore(victim.upload_folder)
    store.clear_staging(-1)
    if left := store.leftovers(-1):
        ledger.violated(f"what lies in the staging folder cannot be cleared: {left}")


def _report(ledger: Ledger, stopping: threading.Event, say: Callable[[str], None]) -> None:
    while not stopping.wait(10):
        say(f"{ledger.kills} kills, {len(ledger.uploads)} uploads, {len(ledger.violations)} violations")


def _guarded(run: Callable[[], None], ledger: Ledger) -> Callable[[], None]:
    """
    Return *run* with its errors turned into violations.

    A client that fails has found an answer that makes no sense, or a fault of this harness. Both have to be seen.
    """

    def guarded() -> None:
        try:
            run()
        except Exception as error:
            ledger.violated(f"a client could not go on: {error!r}")

    return guarded
