"""Whether a page keeps still and answers its reader, as the browser itself counts: layout shifts and long tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser, Page

# Two frames later what has just been laid out is counted.
_SHIFTS: Final = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const observer = new PerformanceObserver(() => {});
  observer.observe({ type: "layout-shift", buffered: true });
  const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(" ");
  const moved = ({ node, previousRect, currentRect }) =>
    `${node?.cloneNode().outerHTML ?? node?.nodeName} from ${place(previousRect)} to ${place(currentRect)}`;
  return observer.takeRecords()
    .filter(({ hadRecentInput, value }) => !hadRecentInput && value >= 0.0001)
    .filter(({ sources }) => sources.some((it) => place(it.previousRect) !== place(it.currentRect)))
    .map(({ value, sources }) => `${value.toFixed(4)}: ${sources.map(moved).join(", ")}`);
}"""

_TASK: Final = "RunTask"
_SCRIPT: Final = ("FunctionCall", "EvaluateScript", "v8.compileModule", "v8.evaluateModule")
_CATEGORIES: Final = ["devtools.timeline", "disabled-by-default-devtools.timeline"]

Event = dict[str, Any]


def shifts(page: Page) -> list[str]:
    """
    Return a line for each time that something moved on *page* without the reader having just done anything: how much,
    and what (CLS is made of these). A ten-thousandth is left out: a word beside another has become a letter longer. So
    is what stays at the same pixel: the words in a field that takes the focus as the page opens.
    """
    found: list[str] = page.evaluate(_SHIFTS)
    return found


@dataclass(frozen=True)
class Work:
    """
    What the main thread of a page has done, task by task: while one runs, nothing that the reader does is answered.
    Times are processor time of the thread, so that nothing becomes longer because another program has the processor.
    """

    longest_ms: float
    """The longest task, whatever it did: the page's scripts, or what the browser does to show it."""
    scripts_ms: float
    """What the page's own scripts took of one task at most, with the layout that they ask for."""
    words: str
    """What the longest task and that one did, for whoever reads a failure."""


def work_of(browser: Browser, page: Page, do: Callable[[], None]) -> Work:
    """Return what *page* does while *do* is done, which has to open its URL."""
    browser.start_tracing(page=page, categories=_CATEGORIES)
    try:
        do()
    finally:
        trace = browser.stop_tracing()
    events = [event for event in json.loads(trace)["traceEvents"] if event["ph"] == "X"]
    thread = _main_thread(events, page.url)
    mine = [event for event in events if (event["pid"], event["tid"]) == thread and "tdur" in event]
    origin = page.url[: page.url.index("/", len("https://"))]
    tasks = [event for event in mine if event["name"].endswith(_TASK)]
    scripts = [event for event in mine if event["name"] in _SCRIPT and origin in json.dumps(event["args"])]
    by_scripts = {id(task): sum(map(_ms, _outermost(_within(task, scripts)))) for task in tasks}
    longest = max(tasks, key=_ms)
    busiest = max(tasks, key=lambda task: by_scripts[id(task)])
    words = "; ".join(f"{_ms(task):.1f} ms: {_largest_parts(task, mine)}" for task in (longest, busiest))
    return Work(_ms(longest), by_scripts[id(busiest)], words)


def _ms(event: Event) -> float:
    return float(event["tdur"]) / 1000


def _main_thread(events: Iterable[Event], url: str) -> tuple[int, int]:
    """Return process and thread that committed the navigation to *url*."""
    for event in events:
        if event["name"] == "CommitLoad" and event["args"]["data"]["url"] == url:
            return event["pid"], event["tid"]
    raise AssertionError(f"the trace has no navigation to {url}")


def _within(task: Event, events: Iterable[Event]) -> list[Event]:
    end = task["ts"] + task["dur"]
    return [event for event in events if task["ts"] <= event["ts"] < end and event is not task]


def _outermost(events: Iterable[Event]) -> Iterator[Event]:
    """Leave out what is a part of another one of *events*."""
    end = 0.0
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        if event["ts"] >= end:
            end = event["ts"] + event["dur"]
            yield event


def _largest_parts(task: Event, events: Iterable[Event]) -> str:
    largest = sorted(_within(task, events), key=_ms, reverse=True)[:6]
    return ", ".join(f"{each['name']} {_ms(each):.1f}" for each in largest)
