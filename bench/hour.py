"""One call of sixty minutes in true time, with its page open in a real Chromium from the first minute to the last.

The whole stack with the sandbox as the carrier and our own recogniser; both people talk all the time. Each minute somebody types a note,
and the page is asked what it holds and what it took long for. At a quarter of the time the network goes for twenty seconds, at the half
Valkey is killed, at three quarters the machine sleeps for half a minute; after the hang-up the page is loaded anew. After each of these
the page must show the server's lines, each with its text and in its place, and no others.

`make bench NAME=hour ARGS="--minutes 4"` is the same in four minutes. `--screens FOLDER` is where its pictures go.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Final

from playwright.sync_api import BrowserContext, ConsoleMessage, expect, sync_playwright

from bench.hour_page import Compared, Reader, Sample, columns, quantile
from bench.machine import PROJECT
from bench.report import Report, environment, say
from bench.wire import Wire
from config.embedded.handle import Stack
from deploy.setup import browser as chromium
from sandbox.rep import Person, Rep
from tests.browser.conftest import FLAGS, signed_in
from tests.browser.reading import asleep, is_live, is_of_the_loss

MINUTE_S: Final = 60.0
# The first and the last so many minutes are compared.
WINDOW_MINUTES_MAX: Final = 10
AWAY_S: Final = 20.0
SLEEPS_S: Final = 30.0
EQUAL_WITHIN_S: Final = 120.0
# The recognisers hear what was said last, and turns as a whole.
HEARD_AFTER_S: Final = 20.0
QUICK_MS: Final = 50.0
SLOWER_MAX: Final = 2.0
PERSON: Final = Person(first_name="Hanna", last_name="Hour", email="hanna.hour@hour.example", mobile="+12025550121")
LEAD: Final = {"first_name": "Oscar", "last_name": "Object", "company": "Hourglass Ltd", "phone": "+13125550121"}
SPOKEN: Final = {"behaviour": "answer", "dialogue": "price_objection", "loop": True}
FORGET_TOLD: Final = "() => { seen.line = []; }"
TOLD: Final = "seen.line"
# 550 credits: more than an hour's price, and than what is held for it.
PACK: Final = "pri_01klosesales0000000000team"


class NotHeld(AssertionError):
    """Something that must be equal was not; the message says when."""


@dataclass(slots=True)
class Found:
    """What there is so far. events: by name, what the page had after each. told: what it said of its socket meanwhile. of_losses: errors that a browser writes about a network
    that is away, while it was. failure: why the run ended early."""

    minutes: int
    samples: list[Sample] = field(default_factory=list)
    events: dict[str, Compared] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    of_losses: int = 0
    failure: str = ""

    @property
    def window(self) -> int:
        return min(WINDOW_MINUTES_MAX, max(1, self.minutes // 4))

    def checks(self) -> dict[str, Compared]:
        return {f"minute {at}": one.lines for at, one in enumerate(self.samples, start=1)} | self.events

    def must_hold(self) -> None:
        """
        :raises NotHeld: a line is missing or differs, the page stayed without its socket, did not notice a loss, or complained.
        """
        wrong = [f"{when}: {one}" for when, one in self.checks().items() if not (one.is_equal and one.live)]
        wrong += [f"{name}: the page told of its line: {told}" for name, told in self.told.items() if len(told) < 2]
        if wrong or self.complaints:
            raise NotHeld("; ".join([*wrong, *self.complaints]))


class Console:
    """What the page writes into it as errors, told apart by whether something was away."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self.away = False

    def take(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.note(message.text)

    def note(self, complaint: str) -> None:
        if self.away and is_of_the_loss(complaint):
            self._found.of_losses += 1
            return
        say(f"hour: the page complains: {complaint}")
        self._found.complaints.append(complaint)


def run() -> Report:
    """
    :raises NotHeld: after the report has been printed, which it is on whatever failure, with what there is.
    """
    options = _options()
    found = Found(options.minutes)
    try:
        with ExitStack() as undo:
            _hour(found, options.screens, undo)
        found.must_hold()
    except BaseException as failure:
        found.failure = f"{type(failure).__name__}: {failure}"[:2_000]
        print(json.dumps(_report(found).as_json()), flush=True)
        raise
    return _report(found)


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="bench hour")
    reader.add_argument("--minutes", type=int, default=60)
    reader.add_argument("--screens", type=Path, default=PROJECT / ".cache" / "hour")
    options = reader.parse_args(sys.argv[2:])
    if options.minutes < 4 or options.minutes % 4:
        reader.error("--minutes must be 4 or a multiple of it: something happens at each quarter")
    return options


def _hour(found: Found, screens: Path, undo: ExitStack) -> None:
    say("hour: starting a stack")
    folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="klose-bench-")))
    # PostgreSQL does not run as root, so others have to be able to enter.
    folder.chmod(0o755)
    stack = undo.enter_context(Stack(folder / "data"))
    wire = Wire(stack.ports.live)
    undo.callback(wire.close)
    rep = Rep(stack.url, stack.sandbox_url)
    undo.callback(rep.close)
    call_id = _called(rep)
    context = _browser(stack, wire, undo)
    console = Console(found)
    page = context.new_page()
    page.on("pageerror", lambda error: console.note(f"exception: {error}"))
    page.on("console", console.take)
    signed_in(page, stack, rep)
    page.goto(f"/call?call={call_id}")
    is_live(page)
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["transcript_state"] == "on", limit_s=60)
    reader = Reader(stack, rep, page, call_id)
    reader.watch()

    def lost() -> None:
        wire.cut()
        context.set_offline(True)
        page.wait_for_timeout(AWAY_S * 1_000)
        wire.mend()
        context.set_offline(False)

    def killed() -> None:
        stack.kill("valkey")
        stack.wait_ready(limit_s=60)

    def slept() -> None:
        with asleep(page):
            wire.drop()
            time.sleep(SLEEPS_S)

    def reloaded() -> None:
        page.reload()

    def happens(name: str, event: Callable[[], None], *, talks: bool = True) -> None:
        """talks: whether new lines come after it."""
        before = found.samples[-1].lines.stored if talks else 0
        page.evaluate(FORGET_TOLD)
        console.away = True
        event()
        found.events[name] = after = reader.compared(limit_s=EQUAL_WITHIN_S, newer_than=before)
        console.away = False
        if talks:
            found.told[name] = page.evaluate(TOLD)
        say(f"hour: {name}: {after} {found.told.get(name, '')}")

    quarter = found.minutes // 4
    events = {quarter: ("network", lost), 2 * quarter: ("valkey", killed), 3 * quarter: ("sleep", slept)}
    began_s = time.monotonic()
    for minute in range(1, found.minutes + 1):
        page.wait_for_timeout(max(0.0, began_s + minute * MINUTE_S - time.monotonic()) * 1_000)
        found.samples.append(reader.sample())
        say(_told(minute, found.samples[-1]))
        if minute in events:
            happens(*events[minute])
        if minute == 2 * quarter:
            reader.looks(screens, "middle")
            reader.forget()
    reader.looks(screens, "end")
    rep.call("POST", f"/api/calls/{call_id}/hangup")
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["status"] == "completed", limit_s=60)
    page.wait_for_timeout(HEARD_AFTER_S * 1_000)
    happens("hangup", lambda: None, talks=False)
    happens("reload", reloaded, talks=False)
    reader.looks(screens, "reloaded")


def _called(rep: Rep) -> str:
    rep.sign_up(PERSON)
    # Whoever has not is reminded of it above the page, which has less room for the text then.
    rep.confirm_email(PERSON.email)
    rep.buy(PACK)
    lead_id = rep.call("POST", "/api/leads", LEAD, expect=201)["id"]
    rep.sandbox("POST", f"/sandbox/api/phones/{LEAD['phone']}", SPOKEN)
    call_id: str = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    return call_id


def _browser(stack: Stack, wire: Wire, undo: ExitStack) -> BrowserContext:
    """One whose way to the live process leads over the wire."""
    rule = f"--host-resolver-rules=MAP localhost:{stack.ports.live} 127.0.0.1:{wire.port}"
    path = os.environ.get("CHROMIUM_PATH") or chromium.FOUND.read_text()
    browser = undo.enter_context(sync_playwright()).chromium.launch(executable_path=path, args=[*FLAGS, rule])
    undo.callback(browser.close)
    context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 800}, color_scheme="light")
    # A moment in which the machine has much to do shall not end an hour.
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    return context


def _told(minute: int, sample: Sample) -> str:
    """A minute in one line."""
    lines, rss = sample.lines, sample.rss_mib
    return (
        f"hour: minute {minute}: {lines.shown} of {lines.stored} lines (missing {lines.missing}, different"
        f" {lines.different}, {lines.seconds} s), heap {sample.heap_bytes / 2**20:.1f} MiB, {sample.nodes} nodes,"
        f" {sample.listeners} listeners, key {quantile(sample.key_ms, 50)} / {quantile(sample.key_ms, 95)} ms, long"
        f" {sample.long_tasks} (max {sample.long_task_ms_max} ms), shifts {sample.shifts}, from end"
        f" {sample.from_end_px:.0f} px, media {rss.get('media')} live {rss.get('live')} web {rss.get('web')}"
        f" renderers {rss['renderers']} MiB"
    )


def _report(found: Found) -> Report:
    first, last = found.samples[: found.window], found.samples[-found.window :]
    keys_first, keys_last = (quantile([ms for one in some for ms in one.key_ms], 95) for some in (first, last))
    checks = found.checks().values()

    def rss(name: str) -> float:
        """Of a process, last / first."""
        held = [mean([one.rss_mib[name] for one in some if name in one.rss_mib] or [0.0]) for some in (first, last)]
        return round(held[1] / held[0], 3) if held[0] else 0.0

    slower = round(keys_last / keys_first, 2) if keys_first else 0.0
    return Report(
        name="hour",
        ours={
            "minutes": found.minutes,
            "window_minutes": found.window,
            "by_minute": columns(found.samples),
            "events": {name: asdict(one) for name, one in found.events.items()},
            "told": found.told,
            "complaints": found.complaints,
            "errors_of_losses": found.of_losses,
            "failure": found.failure,
        },
        peers={},
        limit={},
        ratios={
            "lines_missing": max((one.missing for one in checks), default=0),
            "lines_different": max((one.different for one in checks), default=0),
            "complaints": len(found.complaints),
            "keys_stay_quick": float(bool(last) and (slower <= SLOWER_MAX or keys_last <= QUICK_MS)),
            "key_ms_p95": keys_last,
            "key_ms_p95_last_vs_first": slower,
            "heap_bytes_per_line": _bytes_per_line(found.samples),
            "long_tasks_200ms_per_minute": round(sum(one.long_tasks_200ms for one in last) / max(1, len(last)), 2),
            "media_rss_last_vs_first": rss("media"),
            "live_rss_last_vs_first": rss("live"),
        },
        environment=environment("django", "picows", "playwright"),
    )


def _bytes_per_line(samples: list[Sample]) -> int:
    """Of the page's heap, by which it grew from the first minute to the last."""
    if len(samples) < 2:
        return 0
    one, other = samples[0], samples[-1]
    return round((other.heap_bytes - one.heap_bytes) / max(1, other.lines.shown - one.lines.shown))
