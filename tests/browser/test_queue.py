"""A rep goes through the queue by keyboard: reserve, call, say what came of it, skip, and nobody is left.

Planted bug that this catches: a page that shows the last call for ever when there is nobody left, because the server's state
still names that call.
"""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

DIALLER = Person(first_name="Dana", last_name="Dialler", email="dana@queue.example", mobile="+12025550156")
# The sandbox's phone of this ending is engaged.
BUSY = "+1 312 555 0181"


def test_a_rep_calls_lead_after_lead_by_keyboard(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(DIALLER)
    rep.buy(rep.call("GET", "/api/credits/packs")[0]["price_id"])
    _adds_leads(rep)
    page = new_page()
    signed_in(page, stack, rep)
    _tags_a_lead(page, look)
    beside = page.context.new_page()
    beside.goto("/leads")
    _starts(page, look)
    expect(beside.get_by_text("Reserved by you")).to_be_visible()
    _calls(page, look)
    _skips_the_last(page, look)
    expect(beside.get_by_text("Reserved by you")).not_to_be_visible()
    _sees_what_happened(beside, look)
    rep.call("DELETE", "/api/queue", expect=204)
    rep.close()
    # The refusal that was wanted.
    assert [each for each in complaints if "status of 422" not in each] == []


def _adds_leads(rep: Rep) -> None:
    """The stack leaves the hour to the rep, so the queue offers them whatever time it is where they are."""
    leads = {"Bella Busy": BUSY, "Sam Stopped": "+1 312 555 0172", "Lena Later": "+1 312 555 0173"}
    for name, phone in leads.items():
        first, last = name.split()
        lead = {"first_name": first, "last_name": last, "company": "Harbor Dental", "phone": phone, "tags": ["Fair"]}
        added = rep.call("POST", "/api/leads", lead, expect=201)
        if first == "Sam":
            rep.call("POST", f"/api/leads/{added['id']}/suppression", {})


def _press(page: Page, key: str) -> None:
    """A key counts as a command only when it stands alone."""
    page.wait_for_timeout(500)
    page.keyboard.press(key)


def _everywhere(page: Page, look: Look, name: str) -> None:
    """Narrow and dark, then wide and light again."""
    for width, scheme in ((390, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        look(page, f"{name}-{width}-{scheme}")


def _tags_a_lead(page: Page, look: Look) -> None:
    page.goto("/leads")
    page.get_by_role("link", name="Lena Later").focus()
    page.keyboard.press("t")
    dialog = page.get_by_role("dialog", name="Tags of Lena Later")
    field = dialog.get_by_label("New tag")
    expect(field).to_be_focused()
    field.fill("one, two")
    field.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("no comma")
    field.fill("vip")
    field.press("Enter")
    expect(dialog.get_by_role("button", name="Take off vip")).to_be_visible()
    look(page, "lead-tags-1280-light")
    field.press("Backspace")
    expect(dialog.get_by_role("button", name="Take off vip")).not_to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Show leads with the tag").select_option("Fair")
    expect(page).to_have_url(re.compile(r"tag=Fair"))
    page.set_viewport_size({"width": 390, "height": 844})
    look(page, "leads-by-tag-390-light")
    page.set_viewport_size({"width": 1280, "height": 800})


def _starts(page: Page, look: Look) -> None:
    page.goto("/queue")
    page.get_by_label("Leads with the tag").select_option("Fair")
    _everywhere(page, look, "queue-start")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_role("heading", name="Bella Busy")).to_be_visible()
    expect(page.get_by_text(re.compile("Kept for you for"))).to_be_visible()
    expect(page.get_by_role("button", name="Call", exact=True)).to_be_enabled()
    _everywhere(page, look, "queue-lead")


def _calls(page: Page, look: Look) -> None:
    _press(page, "c")
    panel = page.get_by_role("complementary", name="Call panel")
    expect(panel.get_by_role("heading", name="Busy")).to_be_visible(timeout=30_000)
    _press(page, "3")
    call_back = panel.get_by_role("button", name="Call back")
    expect(call_back).to_have_attribute("aria-pressed", "true")
    # The same again takes it back: then the busy line is tried again.
    _press(page, "3")
    expect(call_back).to_have_attribute("aria-pressed", "false")
    _everywhere(page, look, "queue-after-call")


def _skips_the_last(page: Page, look: Look) -> None:
    _press(page, "j")
    expect(page.get_by_role("heading", name="Lena Later")).to_be_visible()
    queue = page.get_by_role("complementary", name="Queue")
    expect(queue).to_contain_text("1 lead asked not to be called")
    _press(page, "s")
    expect(page.get_by_role("button", name="Not now")).to_be_focused()
    look(page, "queue-skip-1280-light")
    _press(page, "2")
    expect(page.get_by_role("heading", name="Nobody left to call now")).to_be_visible()
    expect(page.get_by_text(re.compile("The next retry is due"))).to_be_visible()
    _everywhere(page, look, "queue-over")
    page.reload()
    expect(page.get_by_role("heading", name="Nobody left to call now")).to_be_visible()


def _sees_what_happened(page: Page, look: Look) -> None:
    page.get_by_role("link", name="Lena Later").focus()
    page.keyboard.press("h")
    history = page.get_by_role("dialog", name="History")
    expect(history).to_contain_text("Not a fit for us")
    page.keyboard.press("Escape")
    page.get_by_label("Show leads whose last call was").select_option("busy")
    page.get_by_role("button", name="History of Bella Busy").click()
    expect(history).to_contain_text("Busy")
    look(page, "lead-history-1280-light")
    page.goto("/team")
    region = page.get_by_role("region", name="In the queue now")
    expect(region.get_by_role("row", name=re.compile("Dana Dialler"))).to_be_visible()
    look(page, "team-queue-1280-light")
