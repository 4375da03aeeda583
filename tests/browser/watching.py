"""What somebody has before their eyes whose text of a call is followed by another state of it, or by another call's."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect

from sandbox.rep import Rep
from tests.browser.conftest import Look
from tests.browser.reading import at_the_end, reads_back

ANOTHER_PHONE = "+13125550191"
LINES = "[id^=segment-]"
# Further than what counts as the end.
FAR_PX = 60


def reads_at_the_end(wall: Page, call_id: str) -> Page:
    """In a window of their own that is too low for all that has been said."""
    page = wall.context.new_page()
    page.clock.install()
    page.set_viewport_size({"width": 1280, "height": 300})
    page.goto(f"/calls/{call_id}")
    expect(page.get_by_text("You are watching, and Cal Caller sees it.")).to_be_visible()
    box = page.get_by_label("Text of the call")
    expect(box.locator(LINES).last).to_be_visible()
    assert box.evaluate("(box) => box.scrollHeight - box.clientHeight") > FAR_PX
    at_the_end(box)
    return page


def still_reads_at_the_end(page: Page, look: Look) -> None:
    """The call is over, and its receipt stands beside; no line came that they had to go to."""
    expect(page.get_by_role("region", name="Receipt")).to_be_visible()
    box = page.get_by_label("Text of the call")
    assert box.evaluate("(box) => box.scrollHeight - box.clientHeight") > FAR_PX
    at_the_end(box)
    expect(page.get_by_role("button", name="new line")).to_have_count(0)
    page.set_viewport_size({"width": 1280, "height": 800})
    at_the_end(box)
    look(page, "watched-to-its-end-1280-light")


def reads_nothing_that_is_restricted(
    reading: Page, lead: Page, code: Callable[[], str], number: str, look: Look
) -> None:
    """By who spoke, while the page is open; it finds out when somebody comes back to it."""
    expect(reading.locator(LINES).first).to_be_attached()
    lead.goto("/my-data")
    lead.get_by_role("checkbox", name=re.compile("one-time passcode")).check()
    lead.get_by_label("Your mobile number").fill(number)
    lead.keyboard.press("Enter")
    expect(lead.get_by_text("We sent a code to")).to_be_visible()
    lead.get_by_label("Code").fill(code())
    lead.keyboard.press("Enter")
    lead.get_by_role("button", name="Use nothing of mine").click()
    expect(lead.get_by_text("Nothing about this number is used now")).to_be_visible()
    # By then what a page holds is old enough to be asked for again.
    reading.clock.fast_forward(20_000)
    reading.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    expect(reading.get_by_text("This person has restricted the use of their data.").first).to_be_visible()
    expect(reading.locator(LINES)).to_have_count(0)
    expect(reading.get_by_role("slider", name="Place in the call")).to_have_count(0)
    look(reading, "restricted-meanwhile-1280-light")


def goes_to_another_call_and_back(page: Page, rep: Rep) -> None:
    """Whoever has read back in one call is at the end of the next."""
    page.set_viewport_size({"width": 1280, "height": 500})
    box = page.get_by_label("Text of the call")
    expect(box.locator(LINES).last).to_be_visible()
    reads_back(page, box)
    lead = {"first_name": "Olga", "last_name": "Other", "phone": ANOTHER_PHONE}
    lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    page.get_by_role("link", name="Go there").click()
    expect(page).to_have_url(re.compile(call_id))
    expect(box.locator(LINES)).to_have_count(0)
    page.go_back()
    expect(box.locator(LINES).last).to_be_attached()
    at_the_end(box)
    rep.ask("POST", f"/api/calls/{call_id}/hangup")
