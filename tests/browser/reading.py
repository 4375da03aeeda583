"""What somebody sees who reads a long call's text along: where it stands, its marks, and what a loss does to it."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import Locator, Page, expect

from config.embedded.handle import Stack
from tests.browser.conftest import SCREENS
from tests.browser.lines import is_gap

WATCH = """
() => {
  window.seen = {delays: [], shifts: [], line: []};
  // From the key's own time until what it did has been painted.
  document.addEventListener("keydown", (key) => requestAnimationFrame(() => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => window.seen.delays.push(performance.now() - key.timeStamp);
    port2.postMessage(null);
  }), true);
  const shifted = (entries) => {
    for (const entry of entries) {
      if (entry.hadRecentInput) continue;
      for (const {node, previousRect, currentRect} of entry.sources) {
        // Text that still changes gives way to the line that it becomes; what has settled must not move.
        if (!node?.parentElement?.closest("[role=log]") || node.parentElement.closest("[data-interim]")) continue;
        if (node.dataset?.interim) continue;
        const what = node?.parentElement?.closest("[class]")?.className + " > " + (node?.className ?? node?.textContent);
        const moved = `${what}: ${previousRect.x},${previousRect.y} to ${currentRect.x},${currentRect.y}`;
        window.seen.shifts.push(`${entry.value.toFixed(5)} ${moved}`);
      }
    }
  };
  window.seen.observer = new PerformanceObserver((list) => shifted(list.getEntries()));
  window.seen.observer.observe({type: "layout-shift"});
  const dot = [...document.querySelectorAll("[role=status]")].find((each) => each.textContent === "Live");
  new MutationObserver(() => window.seen.line.push(dot.textContent))
    .observe(dot, {subtree: true, childList: true, characterData: true});
}
"""
# The lines that the call's own media stream hears: those of the talk end with their number, and begin after ten minutes.
OWN = """
() => [...document.querySelectorAll("[id^=segment-], [data-interim]")]
  .filter(({dataset, textContent}) => !(dataset.interim ? /^1/ : / \\d+(Edit)?$/).test(textContent))
  .map((line) => line.id || line.dataset.interim).join()
"""
# What is in the page by now has been painted, and how it moved others is told a task after that; what moves from now on counts.
FORGET_SHIFTS = """
async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done));
  window.seen.observer.takeRecords();
  window.seen.shifts = [];
}
"""
# The talk begins after ten minutes. A turn that was heard again holds three.
NUMBERS = """
() => [...document.querySelectorAll("[id^=segment-]")]
  .filter((line) => /^(?:\\d\\d|\\d:\\d\\d):\\d\\d.* \\d+(?:Edit)?$/.test(line.textContent))
  .flatMap((line) => [...line.textContent.matchAll(/ (\\d+)(?= |Edit|$)/g)]).map((found) => Number(found[1]))
"""
# Those of the pieces that the server has, gaps and what the call's own stream heard among them, that are not in the page.
NOT_SHOWN = """
async () => {
  const call = new URL(location.href).searchParams.get("call");
  const missing = [];
  for (let after = 0; ; ) {
    const answer = await fetch(`/api/calls/${call}/segments?after_sequence=${after}`);
    const { items } = await answer.json();
    if (items.length === 0) return missing;
    missing.push(...items.filter(({id}) => !document.getElementById(`segment-${id}`)).map(({id, text}) => `${id} ${text}`));
    after = Math.max(...items.map(({sequence}) => sequence));
  }
}
"""
# Longer than a live call's text stays away.
SLEEPS_S = 2.0
# Where the lines with these words end, in px below the end of the first: what comes and goes above that one moves none of them.
ENDS = """
(words) => {
  const lines = [...document.querySelectorAll("[id^=segment-], [data-interim]")];
  const end = (said) => lines.findLast((line) => line.textContent.includes(said)).getBoundingClientRect().bottom;
  return words.map((said) => Math.round(end(said) - end(words[0])));
}
"""
FROM_END = "(box) => box.scrollHeight - box.scrollTop - box.clientHeight"


def at_the_end(box: Locator) -> None:
    # Between a line's arrival and the next paint nobody sees where the box stands, but a test can.
    for _ in range(20):
        if box.evaluate(FROM_END) <= 2:
            return
        box.page.wait_for_timeout(100)
    raise AssertionError(f"{box.evaluate(FROM_END)} px from the end")


def turns_back_a_little(page: Page, box: Locator) -> None:
    """Less than a line's height; what comes next does not take the box back to the end."""
    box.hover()
    page.mouse.wheel(0, -20)
    for _ in range(40):
        if box.evaluate(FROM_END) > 60:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{box.evaluate(FROM_END)} px from the end")


def reads_back(page: Page, box: Locator) -> None:
    """Until the box stands still: a wheel is turned smoothly, which takes longer on a machine that has much to do."""
    box.hover()
    page.mouse.wheel(0, -3_000)
    tops: list[float] = []
    for _ in range(50):
        tops.append(box.evaluate("(box) => box.scrollTop"))
        if len(tops) > 3 and len(set(tops[-3:])) == 1:
            assert box.evaluate(FROM_END) > 2
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"the box still moves: {tops[-5:]}")


def goes_to_the_end(page: Page, box: Locator) -> None:
    more = page.get_by_role("button", name="new line")
    more.click()
    expect(more).not_to_be_visible()
    at_the_end(box)


def line_before_the_eyes(box: Locator) -> str:
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


def top_of(page: Page, line: str) -> float:
    top: float = page.evaluate("(id) => document.getElementById(id).getBoundingClientRect().top", line)
    return top


def typing_delays_ms(page: Page) -> list[float]:
    """From each key to the next paint, shortest first, while somebody writes a note."""
    notes, said = (
        page.get_by_label("Notes"),
        "Wants an offer in writing, decides on Thursday. Asked for the price twice.",
    )
    notes.fill("")
    page.evaluate("() => { seen.delays = []; }")
    notes.press_sequentially(said, delay=40)
    expect(notes).to_have_value(said)
    for _ in range(50):
        delays: list[float] = sorted(page.evaluate("seen.delays"))
        if len(delays) >= len(said):
            return delays
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(delays)} of {len(said)} keys were painted")


def sees_the_marks(page: Page, box: Locator) -> None:
    """A gap, words in doubt for either reason and two who speak at once; whole, however narrow the window."""
    marks = {
        "of audio missing": "getComputedStyle(mark, '::before').borderTopStyle",
        "at the same time": "mark.closest('[id^=segment-]').dataset.speaker && 'beside a name'",
        "The recogniser was not sure of this": "getComputedStyle(mark).textDecorationStyle",
        "A gap is beside this": "getComputedStyle(mark).textDecorationStyle",
    }
    looks = []
    for words, look in marks.items():
        # This very one: newer lines bring newer marks.
        mark = box.get_by_text(words).or_(box.get_by_title(words)).last.element_handle()
        looks.append(mark.evaluate(f"(mark) => {look}"))
        # The lines around it get their real heights when they come near, and new ones push it on while the end is followed.
        for _ in range(20):
            mark.scroll_into_view_if_needed()
            around, at = box.bounding_box(), mark.bounding_box()
            assert around and at
            if around["y"] <= at["y"] and at["y"] + at["height"] <= around["y"] + around["height"]:
                break
            page.wait_for_timeout(100)
        else:
            raise AssertionError(f"{words}: at {at}, the box at {around}")
        assert around["x"] <= at["x"] and at["x"] + at["width"] <= around["x"] + around["width"], words
    assert looks == ["dashed", "beside a name", "dotted", "dotted"]


def gets_all_back_after_losses(stack: Stack, page: Page, box: Locator) -> None:
    """First the network goes, with the process at its other end, then the broker of all events."""
    away = page.get_by_role("alert").filter(has_text="No connection")
    reads_back(page, box)
    line, newest = line_before_the_eyes(box), page.evaluate(NUMBERS)[-1]
    page.evaluate("() => { seen.line = []; }")
    page.context.set_offline(True)
    stack.kill("live")
    expect(away).to_contain_text("your call goes on", timeout=20_000, ignore_case=True)
    page.screenshot(path=SCREENS / "hour-no-connection.png")
    assert top_of(page, line)
    page.context.set_offline(False)
    expect(away).not_to_be_visible(timeout=20_000)
    newest = _shows_newer(page, newest)
    stack.wait_ready(limit_s=60)
    is_live(page)
    stack.kill("valkey")
    for _ in range(100):
        told = page.evaluate("seen.line")
        if told == ["Reconnecting", "Live"] * 2:
            break
        page.wait_for_timeout(200)
    else:
        raise AssertionError(f"the page told of its line: {told}")
    _shows_newer(page, newest)
    # The reader's place is as it was, and nothing came twice, in disorder or not at all.
    assert line_before_the_eyes(box) == line
    newest = _has_every_line(page)
    page.reload()
    newest = _shows_newer(page, newest)
    _has_every_line(page)
    _sleeps_and_wakes(stack, page)
    _shows_newer(page, newest)
    _has_every_line(page)


def _sleeps_and_wakes(stack: Stack, page: Page) -> None:
    with asleep(page):
        stack.kill("live")
        stack.wait_ready(limit_s=60)
        time.sleep(SLEEPS_S)


@contextmanager
def asleep(page: Page) -> Iterator[None]:
    """As a laptop that is shut does it: nothing of the page runs, and nothing may be asked of it. Meanwhile its socket should end."""
    processes = [psutil.Process(number) for number in renderers(page)]
    assert processes
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def renderers(page: Page) -> list[int]:
    """The processes of the browser that draw pages."""
    assert page.context.browser
    machine = page.context.browser.new_browser_cdp_session()
    found = machine.send("SystemInfo.getProcessInfo")["processInfo"]
    machine.detach()
    return [each["id"] for each in found if each["type"] == "renderer"]


def _has_every_line(page: Page) -> int:
    """The newest line. Those whose event was lost are asked for once the next one's number tells so, and the newest are on their way;
    a turn that is heard again takes others' place."""
    for _ in range(20):
        numbers: list[int] = page.evaluate(NUMBERS)
        assert numbers == sorted(set(numbers))
        said = [number for number in range(numbers[-1] + 1) if not is_gap(number)]
        missing: list[str] = page.evaluate(NOT_SHOWN)
        if numbers == said and not missing:
            return numbers[-1]
        page.wait_for_timeout(500)
    raise AssertionError(f"without {sorted({*said} - {*numbers})}, not shown {missing}")


def is_live(page: Page) -> None:
    """The page has its socket, and says so to whoever asks."""
    expect(page.get_by_role("status").filter(has_text=re.compile("^Live$"))).to_have_count(1, timeout=20_000)


def _shows_newer(page: Page, number: int) -> int:
    """The newest line once there is a newer one."""
    for _ in range(100):
        newest: int = max(page.evaluate(NUMBERS), default=0)
        if newest > number:
            return newest
        page.wait_for_timeout(200)
    raise AssertionError(f"no line came after {number}")


def is_of_the_loss(complaint: str) -> bool:
    """What a browser itself writes about a network that is away."""
    return re.search(r"WebSocket connection|net::ERR_", complaint) is not None
