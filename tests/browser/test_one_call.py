"""The page of a call that is over, in a real browser: the words that a statement rests on come before the reader's eyes, and
two who put one line right lose nothing of what they write.

Planted bugs that this catches: a quote that moves the text in its box while the page stays where the box is out of sight, a
second click on it that moves nothing, a page that moves although the line is seen, a line that is gone to without the focus, one that an address names and that
what comes later pushes out of sight, a field in which somebody else's words take the place of what was being written, a save that
is refused without a word of what the line says by now.
"""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import SCREENS, Look, signed_in

PERSON = Person(first_name="Quentin", last_name="Quote", email="quentin@one.example", mobile="+12025550175")
LEAD_PHONE = "+13125550175"
PACK = "pri_01klosesales0000000starter"
LINES = 60
SIZES = ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"))
# Where the page stands, how far down its box a line does, and whether all of it is seen.
PLACE = """
(line) => {
  const [page, box] = [line.closest("main"), line.closest("section")];
  const [at, seen, around] = [line, page, box].map((one) => one.getBoundingClientRect());
  const share = (at.top + at.height / 2 - around.top) / around.height;
  return [page.scrollTop, share, at.top >= seen.top && at.bottom <= seen.bottom];
}
"""


@pytest.fixture(scope="module")
def call(stack: Stack) -> Iterator[tuple[Rep, str]]:
    """A call that is over, with more text than its box shows, and what was understood of it."""
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    rep.buy(PACK)
    lead = {"first_name": "Wilma", "last_name": "Words", "company": "Harbour Ltd", "phone": LEAD_PHONE}
    lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
    rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", {"behaviour": "answer", "dialogue": "price_objection"})
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["transcript_state"] == "on", limit_s=60)
    command = [sys.executable, "-m", "tests.browser.talk", call_id, "0", str(LINES), "0", "0"]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **stack.env}, check=True, timeout=60)
    rep.ask("POST", f"/api/calls/{call_id}/hangup")
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}/insights")["state"] == "ready", limit_s=60)
    yield rep, call_id
    rep.close()


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_quote_leads_to_its_words(
    stack: Stack,
    call: tuple[Rep, str],
    new_page: Callable[..., Page],
    look: Look,
    complaints: list[str],
    width: int,
    scheme: str,
) -> None:
    page = _opened(stack, call, new_page(width=width, scheme=scheme))
    quotes = page.get_by_role("button", name=re.compile("^Go to "))
    further = quotes.nth(quotes.count() // 2)
    for quote in (quotes.first, further, further):
        page.locator("main").evaluate("(page) => page.scrollTo(0, page.scrollHeight)")
        quote.click()
        line = _line_of(page, str(quote.get_attribute("aria-label")))
        expect(line).to_be_focused()
        _is_seen(page, line)
    page.screenshot(path=SCREENS / f"quote-{width}-{scheme}.png")
    address = page.url
    assert "at=" in address
    # As whoever gets the address from somebody else.
    page.goto("about:blank")
    page.goto(address)
    line = _line_of(page, str(further.get_attribute("aria-label")))
    expect(line).to_be_focused()
    page.wait_for_load_state("networkidle")
    _is_seen(page, line)
    # Whoever reads on, and goes to what they see, keeps the page where they have it.
    top = page.locator("main").evaluate("(page) => page.scrollTop")
    at = line.bounding_box()
    assert at
    page.mouse.move(at["x"] + 80, at["y"] + 10)
    page.mouse.wheel(0, -50)
    page.wait_for_timeout(500)
    assert page.locator("main").evaluate("(page) => page.scrollTop") == top
    look(page, f"quote-by-its-address-{width}-{scheme}")
    assert complaints == []


def test_the_strip_moves_the_page_only_to_what_is_out_of_sight(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page]
) -> None:
    page = new_page()
    # There is room for the middle of the box, not for its end.
    page.set_viewport_size({"width": 1280, "height": 1_100})
    _opened(stack, call, page)
    strip, main = page.get_by_role("slider", name="Place in the call"), page.locator("main")
    strip.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        expect(strip).to_be_focused()
        assert main.evaluate("(page) => page.scrollTop") == 0
    # The last line stands at the end of a box that reaches below the window.
    page.keyboard.press("End")
    line = page.locator("[id^=segment-]").last
    assert line.evaluate(PLACE)[2]
    expect(strip).to_be_focused()
    expect(strip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Home")
    assert page.locator("[id^=segment-]").first.evaluate(PLACE)[2]


def test_two_who_correct_one_line_keep_what_they_write(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page], look: Look
) -> None:
    mine, theirs = _opened(stack, call, new_page()), _opened(stack, call, new_page())
    field, other = (_corrects(page, 7, words) for page, words in ((mine, "My words 7"), (theirs, "Their words 7")))
    other.press("Enter")
    note = mine.get_by_role("note").filter(has_text="Quentin Quote changed this line meanwhile")
    expect(note).to_contain_text("“Their words 7”")
    expect(field).to_have_value("My words 7")
    expect(field).to_be_focused()
    for width, scheme in SIZES:
        mine.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        mine.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        look(mine, f"two-correct-{width}-{scheme}")
    mine.set_viewport_size({"width": 1280, "height": 800})
    note.get_by_role("button", name="Take these words").click()
    expect(field).to_have_value("Their words 7")
    expect(field).to_be_focused()
    mine.get_by_role("note").get_by_role("button", name="Put it back").click()
    expect(field).to_have_value("My words 7")
    mine.get_by_role("button", name="Save").click()
    for page in (mine, theirs):
        expect(page.get_by_role("log", name="Transcript")).to_contain_text("My words 7")
    expect(theirs.get_by_role("log", name="Transcript")).not_to_contain_text("Their words 7")


def test_what_is_written_for_one_line_is_not_lost_to_another_one(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page], look: Look
) -> None:
    """Planted bug that this catches: a field that goes with its words when another line's button is pressed."""
    page = _opened(stack, call, new_page())
    field = _corrects(page, 11, "My words 11")
    _edits(page, 10)
    note = page.get_by_role("note").filter(has_text="This line is not saved yet")
    expect(note).to_be_visible()
    expect(field).to_have_value("My words 11")
    expect(field).to_be_focused()
    look(page, "not-saved-yet")
    page.get_by_role("button", name="Cancel").click()
    # On to the one that was asked for; nothing is written for it yet, so nothing stands in the way of the next.
    expect(field).to_have_value(re.compile(" 10$"))
    expect(note).to_have_count(0)
    _edits(page, 11)
    expect(field).to_have_value(re.compile(" 11$"))
    expect(field).not_to_have_value("My words 11")


def test_a_line_that_is_asked_for_while_another_one_is_being_saved_comes_next(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page]
) -> None:
    page = _opened(stack, call, new_page())
    held: list[Route] = []
    page.route("**/api/segments/*", lambda route: held.append(route))
    field = _corrects(page, 14, "My words 14")
    field.press("Enter")
    _edits(page, 15)
    expect(field).to_have_value("My words 14")
    assert len(held) == 1
    held[0].continue_()
    expect(field).to_have_value(re.compile(" 15$"))
    expect(page.get_by_role("log", name="Transcript")).to_contain_text("My words 14")


def test_a_save_that_comes_too_late_is_told_what_the_line_says(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page]
) -> None:
    """To who has no live connection as well."""
    mine, theirs = new_page(), _opened(stack, call, new_page())
    mine.context.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
    field = _corrects(_opened(stack, call, mine), 9, "My words 9")
    _corrects(theirs, 9, "Their words 9").press("Enter")
    expect(theirs.get_by_text("Corrected by Quentin Quote").first).to_be_visible()
    field.press("Enter")
    expect(mine.get_by_role("alert").filter(has_text="Somebody else has changed this line")).to_be_visible()
    expect(mine.get_by_role("note").filter(has_text="changed this line meanwhile")).to_contain_text("“Their words 9”")
    expect(field).to_have_value("My words 9")
    field.press("Enter")
    expect(field).to_have_count(0)
    expect(mine.get_by_role("log", name="Transcript")).to_contain_text("My words 9")


def _corrects(page: Page, number: int, words: str) -> Locator:
    """Writes into the line with this number; the field."""
    _edits(page, number)
    field = page.get_by_label("What was said", exact=True).and_(page.locator("textarea"))
    field.fill(words)
    return field


def _edits(page: Page, number: int) -> None:
    line = page.locator("[id^=segment-]").filter(has_text=re.compile(rf" {number}(Edit)?$"))
    line.hover()
    line.get_by_role("button", name="Edit line").click()


def _opened(stack: Stack, call: tuple[Rep, str], page: Page) -> Page:
    rep, call_id = call
    signed_in(page, stack, rep)
    page.goto(f"/calls/{call_id}")
    expect(page.get_by_role("button", name=re.compile("^Go to ")).first).to_be_visible()
    return page


def _line_of(page: Page, label: str) -> Locator:
    """The one that the button with this label leads to."""
    found = re.fullmatch(r"Go to ([\d:]+): (.*)", label)
    assert found
    return page.locator("[id^=segment-]").filter(has_text=re.compile(rf"^{found[1]}.*{re.escape(found[2])}(Edit)?$"))


def _is_seen(page: Page, line: Locator) -> None:
    """In the middle of its box and within the window, once what stands around it has its true height."""
    place: list[float] = []
    for _ in range(20):
        place = line.evaluate(PLACE)
        if 0.25 < place[1] < 0.75 and place[2]:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"the line: {place}")
