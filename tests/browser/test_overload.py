"""The recognisers have too little time: the call's page says step by step what that means for the text, and nothing is lost.

Planted bugs that this catches: a level that is reported only with a final (while all finals wait nobody would hear of it), words
that stay after the pressure has gone.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil
import pytest
from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from tests.browser.conftest import SCREENS
from tests.browser.test_long_call import _signed_in
from tests.chaos.spoken import gap_ms, missing_turns
from tests.chaos.story import TURN_S, Story, _is_complete
from tests.smoke.speech import dialogue

SPOKEN = "price_objection"
STEPS = [
    "Many calls are going on: text appears a sentence at a time.",
    "Many calls are going on: text appears a sentence at a time, with more mistakes than usual.",
    "Many calls are going on: text comes later than usual. Nothing is lost.",
]
# Speech that has waited for 25 s gets no text any more.
LONGEST_S = 20.0
AWAY_S, AT_WORK_S = 0.95, 0.05
WATCH = """
(start) => {
  window.told = [];
  const note = () => {
    for (const element of document.querySelectorAll("[role=status]")) {
      const at = element.textContent.indexOf(start);
      const words = at < 0 ? "" : element.textContent.slice(at);
      if (words && window.told.at(-1) !== words) window.told.push(words);
    }
  };
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


@pytest.fixture
def story(stack: Stack) -> Iterator[Story]:
    story = Story(stack)
    yield story
    story.rep.close()


@contextmanager
def starved(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """They get a small part of each moment, as on a machine on which too much is going on."""
    done = threading.Event()

    def hold_back() -> None:
        while not done.is_set():
            for number, seconds in ((signal.SIGSTOP, AWAY_S), (signal.SIGCONT, AT_WORK_S)):
                for process in processes:
                    process.send_signal(number)
                done.wait(seconds)
        for process in processes:
            process.send_signal(signal.SIGCONT)

    holding = threading.Thread(target=hold_back)
    holding.start()
    try:
        yield
    finally:
        done.set()
        holding.join()


def test_each_step_of_doing_less_is_named_and_the_text_comes_all_the_same(
    stack: Stack, story: Story, new_page: Callable[..., Page]
) -> None:
    call_id, ear = story.begin(SPOKEN)
    page = new_page()
    _signed_in(page, stack, story.rep)
    page.goto(f"/call?call={call_id}")
    expect(page.locator("[id^=segment-]").first).to_be_visible(timeout=60_000)
    page.evaluate(WATCH, "Many calls")
    recognisers = psutil.Process(stack.pid("transcriber")).children()
    assert recognisers
    with starved(recognisers):
        until = time.monotonic() + LONGEST_S
        while page.evaluate("window.told.at(-1)") != STEPS[-1] and time.monotonic() < until:
            ear.turn()
            page.wait_for_timeout(100)
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / "overload-wide.png")
    told = page.evaluate("window.told")
    assert told and told[-1] == STEPS[-1]
    assert told == [step for step in STEPS if step in told]
    expect(page.get_by_text("Many calls")).not_to_be_visible(timeout=40_000)
    limit = time.monotonic() + 150
    while not _is_complete(ear):
        ear.turn()
        assert time.monotonic() < limit
        page.wait_for_timeout(TURN_S * 1_000)
    ended = story.look_back(call_id, ear)
    assert missing_turns(dialogue(SPOKEN).turns, ended.segments, began_ms=ended.dialogue_began_ms) == []
    assert gap_ms(ended.segments) == 0
    ear.close()
