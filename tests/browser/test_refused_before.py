"""A lead who wanted no text of an earlier call: whoever calls them again reads so before anybody hears the notice.

Planted bug that this catches: a call page that promises the text until the notice has been played.
"""

import uuid
from collections.abc import Callable

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import signed_in

PERSON = Person(first_name="Rolf", last_name="Reader", email="rolf.reader@refused.example", mobile="+12025550148")
LEAD_PHONE = "+13125550186"
PACK = "pri_01klosesales0000000starter"


def test_a_refusal_of_an_earlier_call_is_said_before_the_next_and_while_it_rings(
    stack: Stack, new_page: Callable[..., Page], complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    rep.buy(PACK)
    person = {"first_name": "Rita", "last_name": "Refuser", "company": "No Ltd", "phone": LEAD_PHONE}
    lead_id = rep.call("POST", "/api/leads", person, expect=201)["id"]
    page = new_page()
    signed_in(page, stack, rep)
    page.goto(f"/call?lead={lead_id}")
    expect(page.get_by_text("What both of you say appears here while you speak.")).to_be_visible()
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["transcript_state"] == "refused", limit_s=60)
    rep.ask("POST", f"/api/calls/{call_id}/hangup")
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["status"] == "completed", limit_s=60)
    # It rings until somebody takes it.
    rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", {"behaviour": "manual"})
    page.goto(f"/call?lead={lead_id}")
    expect(page.get_by_text("Rita wanted no text of an earlier call")).to_be_visible()
    expect(page.get_by_text("None: they refused it before")).to_be_visible()
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.get_by_text("The lead's phone rings").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Nothing is written down in this call.")).to_be_visible()
    expect(page.get_by_role("button", name="They want no text")).to_have_count(0)
    page.get_by_role("button", name="Hang up").click()
    assert complaints == []
    rep.close()
