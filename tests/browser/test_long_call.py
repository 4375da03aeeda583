"""An hour of talk, six thousand lines, in a real browser: the text stays where the reader is.

Those of the hour are there already; those that come while somebody looks come out of the product's own operation, and reach the
page by its socket. How quick it is, is told in the log
and not judged here: the browser's own Event Timing, from an input to the next paint.
"""

import logging
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import SCREENS, signed_in

logger = logging.getLogger(__name__)

PERSON = Person(first_name="Lena", last_name="Long", email="lena.long@hour.example", mobile="+12025550147")
LEAD_PHONE = "+13125550147"
PACK = "pri_01klosesales0000000starter"
LINES = 6_000
# As in talk.py, which cannot be imported without a stack's settings.
FIRST_AT_MS, LINE_MS = 600_000, 600
# Of lively talk, both sides together.
LINES_A_SECOND = 3.0

WATCH = """
() => {
  window.seen = {inputs: [], shifts: []};
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.interactionId) window.seen.inputs.push([entry.name, entry.duration]);
    }
  }).observe({type: "event", durationThreshold: 16});
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      for (const {node, previousRect, currentRect} of entry.sources) {
        // Text that still changes gives way to the line that it becomes; what has settled must not move.
        if (!node?.parentElement?.closest("[role=log]")) continue;
        const what = node?.parentElement?.closest("[class]")?.className + " > " + (node?.className ?? node?.textContent);
        const moved = `${what}: ${previousRect.x},${previousRect.y} to ${currentRect.x},${currentRect.y}`;
        window.seen.shifts.push(`${entry.value.toFixed(5)} ${moved}`);
      }
    }
  }).observe({type: "layout-shift"});
}
"""
# The lines that the call's own media stream heard: those of the talk end with their number.
OWN = """
() => [...document.querySelectorAll("[id^=segment-]")]
  .filter((line) => !/ \\d+(Correct)?$/.test(line.textContent))
  .map((line) => line.id).join()
"""
FROM_END = "(box) => box.scrollHeight - box.scrollTop - box.clientHeight"


@pytest.fixture(scope="module")
def long_call(stack: Stack) -> Iterator[tuple[Rep, str]]:
    """A call that goes on, with six thousand lines of text after what its own media stream hears."""
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    rep.buy(PACK)
    lead = {"first_name": "Samuel", "last_name": "Silent", "company": "Hourglass Ltd", "phone": LEAD_PHONE}
    lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
    spoken = {"behaviour": "answer", "dialogue": "price_objection", "loop": True}
    rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", spoken)
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["transcript_state"] == "on", limit_s=60)
    with _talking(stack, call_id, first=0, count=LINES, lines_a_second=0) as talk:
        assert talk.wait(300) == 0
    yield rep, call_id
    rep.ask("POST", f"/api/calls/{call_id}/hangup")
    rep.close()


def test_six_thousand_lines_of_a_live_call_stay_put_while_more_arrive(
    stack: Stack, long_call: tuple[Rep, str], new_page: Callable[..., Page], complaints: list[str]
) -> None:
    rep, call_id = long_call
    page = new_page()
    signed_in(page, stack, rep)
    page.goto(f"/call?call={call_id}")
    log = page.get_by_role("log", name="Transcript")
    box = page.get_by_label("Text of the call")
    expect(log.get_by_text(f" {LINES - 1}")).to_be_visible(timeout=60_000)
    assert page.locator("[id^=segment-]").count() >= LINES
    _at_the_end(box)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.evaluate(WATCH)
    with _talking(stack, call_id, first=LINES, count=400, lines_a_second=LINES_A_SECOND):
        _settled_text_stays_put(page, log)
        _interim_text_is_not_read_out(page)
        _typing_goes_on(page)
        _at_the_end(box)
        _reading_back_is_left_alone(page, box)
        page.screenshot(path=SCREENS / "hour-reading-back.png")
        _back_to_the_end(page, box)
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(300)
            _at_the_end(box)
            page.screenshot(path=SCREENS / f"hour-{width}-{scheme}.png")
    assert complaints == []


def test_moving_about_in_six_thousand_lines_goes_to_the_line(
    stack: Stack, long_call: tuple[Rep, str], new_page: Callable[..., Page], complaints: list[str]
) -> None:
    rep, call_id = long_call
    page = new_page()
    signed_in(page, stack, rep)
    page.goto(f"/calls/{call_id}?at={FIRST_AT_MS + LINES // 2 * LINE_MS + 10}")
    box = page.get_by_label("Text of the call")
    expect(box.get_by_text(f" {LINES // 2}", exact=False).first).to_be_visible(timeout=60_000)
    _in_the_middle(page, box, LINES // 2)
    page.evaluate(WATCH)
    strip = page.get_by_role("slider", name="Place in the call")
    strip.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(50)
    page.wait_for_timeout(300)
    _in_the_middle(page, box, LINES // 2 + 20)
    _tell_how_quick(page)
    page.screenshot(path=SCREENS / "hour-one-call.png")
    assert complaints == []


@contextmanager
def _talking(
    stack: Stack, call_id: str, *, first: int, count: int, lines_a_second: float
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.browser.talk", call_id, str(first), str(count), str(lines_a_second)]
    talk = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **stack.env})
    try:
        yield talk
        assert talk.poll() in (None, 0)
    finally:
        talk.kill()
        talk.wait()


def _at_the_end(box: Locator) -> None:
    # Between a line's arrival and the next paint nobody sees where the box stands, but a test can.
    for _ in range(20):
        if box.evaluate(FROM_END) <= 2:
            return
        box.page.wait_for_timeout(100)
    raise AssertionError(f"{box.evaluate(FROM_END)} px from the end")


def _settled_text_stays_put(page: Page, log: Locator) -> None:
    """Looked at while the talk alone goes on. The call itself is an hour behind: its interim text stands at the end, where it
    is the newest, and its line far above, so that everything between moves when the one becomes the other."""
    undisturbed = 0
    for number in range(LINES + 4, LINES + 120, 4):
        own = page.evaluate(OWN)
        page.evaluate("() => { window.seen.shifts = []; }")
        expect(log.get_by_text(re.compile(rf" {number}$"))).to_be_visible(timeout=60_000)
        shifts = page.evaluate("seen.shifts")
        if page.evaluate(OWN) != own:
            continue
        assert shifts == []
        undisturbed += 1
        if undisturbed == 4:
            return
    raise AssertionError("the call's own words never stopped")


def _interim_text_is_not_read_out(page: Page) -> None:
    # It comes and goes by the second.
    expect(page.locator("[aria-hidden=true] [data-interim]").first).to_be_visible(timeout=20_000)
    assert page.locator("[role=log] [data-interim]").count() == 0


def _typing_goes_on(page: Page) -> None:
    notes, said = (
        page.get_by_label("Notes"),
        "Wants an offer in writing, decides on Thursday. Asked for the price twice.",
    )
    notes.click()
    notes.press_sequentially(said, delay=60)
    expect(notes).to_have_value(said)
    _tell_how_quick(page)


def _tell_how_quick(page: Page) -> None:
    """Event Timing tells of inputs of 16 ms and more only."""
    page.wait_for_timeout(200)
    inputs: list[Any] = page.evaluate("seen.inputs")
    slow = sorted((duration, name) for name, duration in inputs)
    logger.info("%d inputs took 16 ms and more, slowest %s", len(inputs), slow[-5:])


def _reading_back_is_left_alone(page: Page, box: Locator) -> None:
    box.hover()
    page.mouse.wheel(0, -3_000)
    more = page.get_by_role("button", name="new line")
    _comes_to_rest(page, box)
    for _ in range(12):
        own = page.evaluate(OWN)
        line = _line_before_the_eyes(box)
        top = _top_of(page, line)
        page.wait_for_timeout(2_000)
        line_now, moved_px = _line_before_the_eyes(box), _top_of(page, line) - top
        if page.evaluate(OWN) == own:
            assert line_now == line
            assert abs(moved_px) <= 1
            break
    else:
        raise AssertionError("the call's own words never stopped")
    # Lines that come together are counted together, so that no single number need ever show.
    expect(more).to_have_text(re.compile(r"^([6-9]|\d\d+) new lines$"), timeout=20_000)


def _comes_to_rest(page: Page, box: Locator) -> None:
    """A wheel is turned smoothly, which takes longer on a machine that has much to do."""
    tops: list[float] = []
    for _ in range(50):
        tops.append(box.evaluate("(box) => box.scrollTop"))
        if len(tops) > 3 and len(set(tops[-3:])) == 1:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"the box still moves: {tops[-5:]}")


def _back_to_the_end(page: Page, box: Locator) -> None:
    more = page.get_by_role("button", name="new line")
    more.click()
    expect(more).not_to_be_visible()
    _at_the_end(box)


def _line_before_the_eyes(box: Locator) -> str:
    """The id of the line in the middle of the box."""
    found: str = box.evaluate(
        """(box) => {
          const {left, top, width, height} = box.getBoundingClientRect();
          for (let down = 0; down < 80; down += 4) {
            const line = document.elementFromPoint(left + width / 3, top + height / 2 + down)?.closest("[id^=segment-]");
            if (line) return line.id;
          }
          return "";
        }"""
    )
    assert found
    return found


def _top_of(page: Page, line: str) -> float:
    top: float = page.evaluate("(id) => document.getElementById(id).getBoundingClientRect().top", line)
    return top


def _in_the_middle(page: Page, box: Locator, number: int) -> None:
    """The line with this number stands in the middle half of the box."""
    line = box.locator("[id^=segment-]").filter(has_text=f" {number}").last
    share = 0.0
    for _ in range(20):
        at, around = line.bounding_box(), box.bounding_box()
        assert at and around
        share = (at["y"] + at["height"] / 2 - around["y"]) / around["height"]
        if 0.25 < share < 0.75:
            return
        # The lines around it get their real heights when they come near, and then it is put right once more.
        page.wait_for_timeout(250)
    raise AssertionError(f"line {number} stands at {share:.2f} of the box")
