"""A manager looks at the wall, reads along, ends a call in which the lead asks for no more calls, and has a server told of it.

Planted bugs that this catches: a wall that needs a reload, a rep who is not told who watches or who ended the call, an end that
is one click, a manager who is not told why the text is late, one who is at the text's beginning when the call ends, words that
stay on an open page once their speaker has restricted them, a place in one call's text that is taken along into another's, a
webhook's secret that is shown twice, a lead's wish that is gone after a reload, or dismissed for ever, notes that a field of
its own for after the call begins without what was just typed, or that go with the page, a Hang up that stays dead while the
carrier says nothing.
"""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice

import pytest
from playwright.sync_api import Locator, Page, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in
from tests.browser.watching import (
    goes_to_another_call_and_back,
    reads_at_the_end,
    reads_nothing_that_is_restricted,
    still_reads_at_the_end,
)

BOSS = Person(first_name="Maria", last_name="Manager", email="maria@wall.example", mobile="+12025550168")
CALLER = Person(first_name="Cal", last_name="Caller", email="cal@wall.example", mobile="+12025550169")
LEAD_PHONE = "+13125550189"
WAITING_PHONE = "+13125550190"
PACK = "pri_01klosesales0000000starter"
SIZES = ((1280, "light"), (390, "dark"))


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A server of the customer's own, and what it was told."""
    told: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/klose", told
    server.shutdown()
    server.server_close()


def test_a_manager_watches_and_ends_a_call_and_a_server_is_told(
    stack: Stack,
    control: Rep,
    new_page: Callable[..., Page],
    look: Look,
    complaints: list[str],
    receiver: tuple[str, list[dict[str, object]]],
) -> None:
    boss, rep = Rep(stack.url, stack.sandbox_url), Rep(stack.url, stack.sandbox_url)
    boss.sign_up(BOSS)
    boss.buy(PACK)
    _join(boss, rep, control)
    wall, mine = new_page(), new_page(width=390, scheme="dark")
    signed_in(wall, stack, boss)
    signed_in(mine, stack, rep)
    _names_a_server(wall, look, receiver[0])

    wall.get_by_role("navigation", name="Main").get_by_role("link", name="Wall").click()
    expect(wall.get_by_role("heading", name="Nobody is in a call")).to_be_visible()
    look(wall, "wall-empty-1280-light")
    mine.goto("/wall")
    expect(mine.get_by_role("heading", name="For managers and the owner")).to_be_visible()
    expect(mine.get_by_role("navigation", name="Main").get_by_role("link", name="Wall")).to_have_count(0)

    lead = {"first_name": "Nora", "last_name": "Next", "phone": LEAD_PHONE}
    lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
    control.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", {"dialogue": "do_not_call", "loop": True})
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    mine.goto(f"/call?call={call_id}&lead={lead_id}")
    card = wall.get_by_role("listitem", name="Cal Caller with Nora Next")
    expect(card).to_be_visible()
    expect(card).to_contain_text("In call", timeout=20_000)
    expect(card).not_to_contain_text("Nothing yet", timeout=30_000)
    for width, scheme in SIZES:
        _resize(wall, width, scheme)
        look(wall, f"wall-{width}-{scheme}")
    _resize(wall, *SIZES[0])
    waits = _waits_for_a_place(boss, wall, look)

    card.get_by_role("link", name=re.compile("Watch")).focus()
    wall.keyboard.press("Enter")
    expect(wall.get_by_text("You are watching, and Cal Caller sees it.")).to_be_visible()
    expect(mine.get_by_text("Maria Manager is watching")).to_be_visible()
    expect(wall.get_by_role("log", name="Transcript")).to_contain_text("Nora Next")
    expect(wall.get_by_role("button", name="Edit")).to_have_count(0)
    _reads_what_is_left_out(wall, stack, call_id)
    for width, scheme in SIZES:
        _resize(wall, width, scheme)
        look(wall, f"watching-{width}-{scheme}")
    look(mine, "watched-390-dark")
    _resize(wall, *SIZES[0])
    # The one who watches is offered it too.
    expect(wall.get_by_role("button", name="Never call again")).to_be_visible(timeout=60_000)
    _sees_the_wish(mine, look)
    wall.get_by_role("link", name="All live calls").click()
    expect(card).to_be_visible()
    expect(mine.get_by_text("Maria Manager is watching")).not_to_be_visible()
    reading = reads_at_the_end(wall, call_id)

    card.get_by_role("button", name=re.compile("End the call")).click()
    dialog = wall.get_by_role("dialog", name="End Cal Caller's call?")
    look(wall, "wall-end-1280-light")
    refused = {"target": "twilio.rest", "kind": "error", "value": 503, "count": -1, "match": {"Status": "completed"}}
    control.sandbox("POST", "/sandbox/api/faults", refused)
    mine.clock.install()
    dialog.get_by_role("button", name="End the call").click()
    _waits_for_the_carrier(mine, look)
    control.sandbox("DELETE", "/sandbox/api/faults")
    written = _writes_while_it_ends(mine)
    expect(wall.get_by_role("heading", name="Nobody is in a call")).to_be_visible(timeout=20_000)
    expect(mine.get_by_text("Nora Next seems to ask not to be called")).to_be_visible()
    look(mine, "ended-by-390-dark")
    expect(waits).not_to_be_visible()
    still_reads_at_the_end(reading, look)
    _leaves_while_writing(mine, written)
    _never_calls_again(wall, mine, call_id, look)
    goes_to_another_call_and_back(mine, rep)
    boss.wait_for(lambda: "call.completed" in [one["type"] for one in receiver[1]])
    _sees_what_was_sent(wall, look)
    reads_nothing_that_is_restricted(reading, new_page(), lambda: control.newest_code(LEAD_PHONE), LEAD_PHONE, look)
    boss.close()
    rep.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def _waits_for_the_carrier(mine: Page, look: Look) -> None:
    """It ends no call, and says nothing."""
    expect(mine.get_by_text("Maria Manager ends the call").first).to_be_visible()
    hang_up = mine.get_by_role("button", name="Hang up")
    expect(hang_up).to_be_disabled()
    mine.clock.fast_forward(10_000)
    expect(mine.get_by_role("alert").filter(has_text="Put down your phone: that ends it too.")).to_be_visible()
    expect(hang_up).to_be_enabled()
    look(mine, "ends-slowly-390-dark")


def _writes_while_it_ends(mine: Page) -> str:
    """Without a pause in which it would be saved; afterwards the field is where it was. Returns what was written."""
    notes, ended, written = mine.get_by_label("Notes"), mine.get_by_text("Maria Manager ended it."), ""
    notes.focus()
    for letter in islice(cycle("An offer by Friday. "), 400):
        mine.keyboard.type(letter)
        written += letter
        if ended.is_visible():
            break
        mine.wait_for_timeout(50)
    expect(ended).to_be_visible()
    expect(notes).to_be_focused()
    mine.keyboard.type(".")
    expect(notes).to_have_value(f"{written}.")
    return f"{written}."


def _leaves_while_writing(mine: Page, written: str) -> None:
    """The page goes before it has been saved."""
    mine.get_by_label("Notes").press_sequentially("!")
    mine.reload()
    expect(mine.get_by_label("Notes")).to_have_value(f"{written}!")


def _reads_what_is_left_out(wall: Page, stack: Stack, call_id: str) -> None:
    """Of the text, while the recognisers have too much to do: as the rep does."""
    state = wall.get_by_role("status").filter(has_text="Both sides are being written down.")
    expect(state).not_to_contain_text("from a smaller model")
    command = [sys.executable, "-m", "tests.browser.tell", call_id, "3"]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **stack.env}, check=True, timeout=60)
    expect(state).to_contain_text("from a smaller model")


def _waits_for_a_place(boss: Rep, wall: Page, look: Look) -> Locator:
    """Where all the calls go on that the team may have at once; what the page of another lead says."""
    boss.call("PUT", "/api/team/caps", {"live_calls_max": 1, "monthly_cap_mcredits": 900_000}, expect=204)
    lead = {"first_name": "Wanda", "last_name": "Waiting", "phone": WAITING_PHONE}
    lead_id = boss.call("POST", "/api/leads", lead, expect=201)["id"]
    page = wall.context.new_page()
    page.goto(f"/call?lead={lead_id}")
    said = page.get_by_text("Your team has 1 call at once, which is as many as its owner allows.")
    expect(said).to_be_visible()
    expect(page.get_by_role("button", name="Call", exact=True)).to_be_disabled()
    for width, scheme in SIZES:
        _resize(page, width, scheme)
        look(page, f"call-waits-for-a-place-{width}-{scheme}")
    return said


def _sees_the_wish(page: Page, look: Look) -> None:
    """With the words; somebody who takes it back when it was not meant so gets it again, and so does whoever loads the page anew."""
    asks = page.get_by_text("Nora Next seems to ask not to be called")
    expect(asks).to_be_visible()
    expect(page.get_by_role("complementary", name="Call panel")).to_contain_text(
        re.compile("do not call me", re.IGNORECASE)
    )
    look(page, "asks-for-no-calls-390-dark")
    page.get_by_role("button", name="Not meant so").click()
    expect(asks).not_to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(asks).to_be_visible()
    page.reload()
    expect(asks).to_be_visible()


def _never_calls_again(page: Page, mine: Page, call_id: str, look: Look) -> None:
    """By one key, beside what was understood of the call; the rep's own page offers it no more then."""
    page.goto(f"/calls/{call_id}")
    insights = page.get_by_role("region", name="Insights")
    expect(insights.get_by_role("button", name="Never call again")).to_be_visible(timeout=30_000)
    again = page.get_by_role("link", name="Call again")
    expect(again).to_be_visible()
    for width, scheme in reversed(SIZES):
        _resize(page, width, scheme)
        look(page, f"insight-asks-for-no-calls-{width}-{scheme}")
    # A key counts as a command only when it stands alone.
    page.wait_for_timeout(450)
    page.keyboard.press("d")
    expect(insights.get_by_text("Nora Next is not called again from this workspace.")).to_be_visible()
    expect(again).to_have_count(0)
    mine.reload()
    expect(mine.get_by_text("Do not call", exact=True).first).to_be_visible()
    expect(mine.get_by_role("button", name="Never call again")).to_have_count(0)


def _join(boss: Rep, rep: Rep, control: Rep) -> None:
    boss.confirm_email(BOSS.email)
    boss.call("POST", "/api/team/invitations", {"email": CALLER.email, "role": "rep"}, expect=201)
    [link] = control.wait_for(lambda: _links_to(control, CALLER.email), limit_s=20)
    rep.call("GET", "/api/session")
    rep.call(
        "POST",
        "/api/signup",
        {
            "first_name": CALLER.first_name,
            "last_name": CALLER.last_name,
            "email": CALLER.email,
            "mobile": CALLER.mobile,
            "password": CALLER.password,
            "sms_consent": True,
            "policy_version": rep.call("GET", "/api/policy")["version"],
            "policy_accepted": True,
            "transfer_consent": True,
            "invitation": link.split("#")[1],
        },
    )
    rep.prove_mobile(CALLER.mobile)


def _links_to(control: Rep, email: str) -> list[str]:
    mails = control.sandbox("GET", "/sandbox/api/mails", params={"to": email})
    return [link for mail in mails for link in mail["links"] if "/join#" in link]


def _names_a_server(page: Page, look: Look, url: str) -> None:
    page.goto("/settings")
    page.get_by_role("link", name="Open webhooks").click()
    expect(page.get_by_role("heading", name="No server is told yet")).to_be_visible()
    look(page, "webhooks-empty-1280-light")
    page.get_by_role("button", name="Make the first webhook").press("Enter")
    address = page.get_by_role("textbox", name="Address")
    expect(address).to_be_focused()
    page.keyboard.type("https://10.0.0.1/hook")
    page.keyboard.press("Enter")
    expect(page.get_by_text("cannot be reached from the Internet")).to_be_visible()
    look(page, "webhook-form-1280-light")
    address.fill(url)
    page.get_by_label("The insights of a call are there").check()
    page.get_by_role("button", name="Make the webhook").click()
    secret = page.get_by_role("textbox", name="The secret").input_value()
    assert secret.startswith("whsec_")
    look(page, "webhook-secret-1280-light")
    page.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="Send a test").click()
    # It is sent by the worker, which has the stack's other work to do, and the page asks now and then.
    taken = page.get_by_role("row", name=re.compile("webhook.test .* Taken Answered 204"))
    expect(taken).to_be_visible(timeout=30_000)
    assert secret not in page.content()


def _sees_what_was_sent(page: Page, look: Look) -> None:
    page.goto("/settings/webhooks")
    # It is told again where the carrier counts the length anew.
    expect(page.get_by_role("row", name=re.compile("call.completed .* Taken")).first).to_be_visible()
    for width, scheme in SIZES:
        _resize(page, width, scheme)
        look(page, f"webhooks-{width}-{scheme}")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Switched off by a member")).to_be_visible()
    look(page, "webhooks-off-390-dark")


def _resize(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
