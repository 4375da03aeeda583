"""What one page of a call shows, holds and takes time for, beside what the server has of the same call."""

import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import CDPSession, Page

from bench.machine import memory_mib
from bench.report import say
from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.browser.reading import FORGET_SHIFTS, FROM_END, WATCH, renderers, typing_delays_ms

# Somebody who works in the page notices a task of this length.
LONG_MS: Final = 200
LOOKS: Final = ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"))
_TASKS: Final = """
() => {
  window.hour = {tasks: []};
  const note = (entries) => window.hour.tasks.push(...entries.map(({duration}) => duration));
  window.hour.observer = new PerformanceObserver((list) => note(list.getEntries()));
  window.hour.observer.observe({type: "longtask"});
}
"""
_FORGET_TASKS: Final = "() => { window.hour.observer.takeRecords(); window.hour.tasks = []; }"
# What stands in the transcript: [id, speaker or null for a gap, text], from the first line to the last.
_SHOWN: Final = """
() => [...document.querySelectorAll("[role=log] [id^=segment-]")].map((line) => {
  const speaker = line.dataset.speaker ?? null;
  const words = speaker === null ? line : line.children[1].children[1];
  return [line.id.slice("segment-".length), speaker, words.textContent];
})
"""
_GAP: Final = "of audio missing"

Line = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """The page's lines beside the server's. missing: of the server's. different: in text, speaker or place, or not the server's.

    seconds: until they were equal, or were given up. live: whether the page says that its socket is open.
    """

    shown: int
    stored: int
    missing: int
    different: int
    live: bool
    seconds: float

    @property
    def is_equal(self) -> bool:
        return self.missing == self.different == 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What a minute was like. shifts: of settled lines, by themselves. rss_mib: by process; renderers: the browser's that draw, and this page
    is all that there is to draw."""

    heap_bytes: int
    nodes: int
    listeners: int
    long_tasks: int
    long_tasks_200ms: int
    long_task_ms_max: int
    shifts: int
    shift_value_max: float
    key_ms: list[float]
    lines: Compared
    from_end_px: float
    rss_mib: dict[str, float]


class Reader:
    """One page of one call with somebody at it."""

    def __init__(self, stack: Stack, rep: Rep, page: Page, call_id: str) -> None:
        self._stack, self._rep, self._page, self._call_id = stack, rep, page, call_id
        self._inside: CDPSession = page.context.new_cdp_session(page)

    def watch(self) -> None:
        """From now on the page notes what moves and what takes long."""
        self._page.evaluate(WATCH)
        self._page.evaluate(_TASKS)

    def forget(self) -> None:
        """What has moved and taken long so far was of something else."""
        self._page.evaluate(FORGET_SHIFTS)
        self._page.evaluate(_FORGET_TASKS)

    def sample(self) -> Sample:
        """Of the time since the one before. What this does itself is not in it, but for the typing."""
        shifts: list[str] = self._page.evaluate("window.seen.shifts")
        # Where somebody who follows the end stands.
        from_end_px = self._page.get_by_label("Text of the call").evaluate(FROM_END)
        key_ms = typing_delays_ms(self._page)
        tasks: list[float] = self._page.evaluate("window.hour.tasks")
        self._inside.send("HeapProfiler.collectGarbage")
        counters = self._inside.send("Memory.getDOMCounters")
        heap = self._inside.send("Runtime.getHeapUsage")
        moved = [float(each.split()[0]) for each in shifts]
        if shifts:
            say(f"hour: moved most: {max(zip(moved, shifts, strict=True))[1]}")
        sample = Sample(
            heap_bytes=round(heap["usedSize"]),
            nodes=counters["nodes"],
            listeners=counters["jsEventListeners"],
            long_tasks=len(tasks),
            long_tasks_200ms=sum(each > LONG_MS for each in tasks),
            long_task_ms_max=round(max(tasks, default=0)),
            shifts=len(shifts),
            shift_value_max=max(moved, default=0.0),
            key_ms=key_ms,
            lines=self.compared(limit_s=20.0),
            from_end_px=from_end_px,
            rss_mib=self._rss_mib(),
        )
        self.forget()
        return sample

    def compared(self, *, limit_s: float, newer_than: int = 0) -> Compared:
        """Once they are equal, the page is live while the call is, and there are more lines than so many; or when time is up."""
        began_s = time.monotonic()
        while True:
            stored = self._stored()
            shown = [_shown_line(*each) for each in self._page.evaluate(_SHOWN)]
            found = _compare(stored, shown, live=self._is_live(), seconds=time.monotonic() - began_s)
            if (found.is_equal and found.live and found.stored > newer_than) or found.seconds > limit_s:
                return found
            self._page.wait_for_timeout(250)

    def looks(self, folder: Path, name: str) -> None:
        """Its picture as people have it, and back to how it was."""
        folder.mkdir(parents=True, exist_ok=True)
        for width, scheme in LOOKS:
            self._looks_as(width, scheme)
            self._page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
        self._looks_as(*LOOKS[0])

    def _looks_as(self, width: int, scheme: str) -> None:
        self._page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        self._page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        self._page.wait_for_timeout(500)

    def _is_live(self) -> bool:
        status = self._page.get_by_role("status").filter(has_text=re.compile("^Live$"))
        return status.count() == 1

    def _stored(self) -> list[Line]:
        """All that the server has, in the page's order."""
        found: list[dict[str, Any]] = []
        after = 0
        while items := self._asked(after):
            found += items
            after = max(item["sequence"] for item in items)
        # A line whose number rose between two pages is in both.
        newest = {item["id"]: item for item in found}
        in_order = sorted(newest.values(), key=lambda item: (item["start_ms"], item["sequence"]))
        return [
            (item["id"], None, _GAP) if item["kind"] == "gap" else (item["id"], item["speaker"], item["text"])
            for item in in_order
        ]

    def _asked(self, after: int) -> list[dict[str, Any]]:
        page = self._rep.call("GET", f"/api/calls/{self._call_id}/segments?after_sequence={after}")
        items: list[dict[str, Any]] = page["items"]
        return items

    def _rss_mib(self) -> dict[str, float]:
        pids = {name: one.pid for name, one in self._stack.processes().items() if one.pid is not None}
        found = {name: round(memory_mib(pid, "VmRSS"), 1) for name, pid in pids.items()}
        for number, worker in enumerate(_children(pids["transcriber"]), start=1):
            found[f"transcriber_{number}"] = round(memory_mib(worker, "VmRSS"), 1)
        found["renderers"] = round(sum(memory_mib(pid, "VmRSS") for pid in renderers(self._page)), 1)
        return found


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in listed.split()]


def _shown_line(segment_id: str, speaker: str | None, text: str) -> Line:
    """A gap has no text of its own, and the page says how long it is."""
    return segment_id, speaker, _GAP if speaker is None and text.endswith(_GAP) else text


def _compare(stored: list[Line], shown: list[Line], *, live: bool, seconds: float) -> Compared:
    held, seen = {line[0] for line in stored}, {line[0] for line in shown}
    ours = [line for line in stored if line[0] in seen]
    theirs = [line for line in shown if line[0] in held]
    # One that stands twice in the page makes the two unequally long.
    differ = sum(one != other for one, other in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    return Compared(
        shown=len(shown),
        stored=len(stored),
        missing=len(held - seen),
        different=differ + len(seen - held),
        live=live,
        seconds=round(seconds, 2),
    )


def quantile(values: list[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 1) if values else 0.0


def columns(samples: list[Sample]) -> dict[str, Any]:
    """One list for each figure, a value a minute."""
    rows = []
    for sample in samples:
        row = asdict(sample)
        lines, keys, rss = row.pop("lines"), row.pop("key_ms"), row.pop("rss_mib")
        row |= {f"key_ms_p{each}": quantile(keys, each) for each in (50, 95)}
        row |= {"lines_shown": lines["shown"], "lines_stored": lines["stored"], "equal_after_s": lines["seconds"]}
        rows.append((row, rss))
    figures: dict[str, Any] = {name: [row[name] for row, _ in rows] for name in (rows[0][0] if rows else ())}
    names = sorted({name for _, rss in rows for name in rss})
    return {**figures, "rss_mib": {name: [rss.get(name, 0.0) for _, rss in rows] for name in names}}
