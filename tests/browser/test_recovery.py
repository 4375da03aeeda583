"""Whatever comes between a page and a call that goes on, every line of the text is there afterwards.

Bug that this catches: a request that waits for ever on a connection that is dead, so that new lines come and the missed ones never.
"""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import FLAGS, Look
from tests.browser.relay import Relay, relay
from tests.browser.test_long_call import _signed_in, _talking

PERSON = Person(first_name="Tara", last_name="Tunnel", email="tara.tunnel@train.example", mobile="+12025550148")
LEAD_PHONE = "+13125550148"
PACK = "pri_01klosesales0000000starter"
LINES_A_SECOND = 4.0
MISSED_LINES = 20
SHOWN = "() => [...document.querySelectorAll('[id^=segment-]')].map((line) => line.id.slice('segment-'.length))"


@pytest.fixture(scope="module")
def networks(stack: Stack) -> Iterator[list[Relay]]:
    """What lies between the browser and web, and between it and live."""
    with relay(stack.ports.web) as web, relay(stack.ports.live) as live:
        yield [web, live]


@pytest.fixture(scope="module")
def browser(stack: Stack, networks: list[Relay]) -> Iterator[Browser]:
    """One whose connections go through the relays, with the addresses unchanged."""
    ports = (stack.ports.web, stack.ports.live)
    rules = [f"MAP localhost:{port} 127.0.0.1:{each.port}" for port, each in zip(ports, networks, strict=True)]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM_PATH"], args=[*FLAGS, f"--host-resolver-rules={','.join(rules)}"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def call(stack: Stack) -> Iterator[tuple[Rep, str]]:
    """A call that goes on, with speech in it."""
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    rep.buy(PACK)
    lead = {"first_name": "Samuel", "last_name": "Steady", "company": "Railway Ltd", "phone": LEAD_PHONE}
    lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
    spoken = {"behaviour": "answer", "dialogue": "price_objection", "loop": True}
    rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", spoken)
    call_id = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)["id"]
    rep.wait_for(lambda: rep.call("GET", f"/api/calls/{call_id}")["transcript_state"] == "on", limit_s=60)
    yield rep, call_id
    rep.ask("POST", f"/api/calls/{call_id}/hangup")
    rep.close()


def test_reload_sleep_a_dead_network_and_a_killed_valkey_cost_the_page_no_line(
    stack: Stack, call: tuple[Rep, str], networks: list[Relay], new_page: Callable[..., Page]
) -> None:
    rep, call_id = call
    page = new_page()
    _signed_in(page, stack, rep)
    page.goto(f"/call?call={call_id}")
    line = page.get_by_role("status").filter(has_text="Live")
    with _talking(stack, call_id, first=0, count=1_000, lines_a_second=LINES_A_SECOND):
        _shows_all(page, rep, call_id)
        page.reload()
        _shows_all(page, rep, call_id)

        devices = page.context.new_cdp_session(page)
        devices.send("Page.setWebLifecycleState", {"state": "frozen"})
        # Asleep: the network goes away and comes back, and the page's connections are dead without having been closed.
        for each in networks:
            each.swallow()
        asleep_at = _newest(rep, call_id)
        rep.wait_for(lambda: _newest(rep, call_id) > asleep_at + MISSED_LINES, limit_s=60)
        for each in networks:
            each.recover()
        devices.send("Page.setWebLifecycleState", {"state": "active"})
        _shows_all(page, rep, call_id)

        for each in networks:
            each.swallow()
        expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible(timeout=60_000)
        for each in networks:
            each.recover()
        expect(line).to_be_visible(timeout=60_000)
        _shows_all(page, rep, call_id)

        stack.kill("valkey")
        _shows_all(page, rep, call_id)
        stack.wait_ready(limit_s=60)
        _shows_all(page, rep, call_id)


def test_a_line_is_put_right_by_keyboard_while_more_arrive(
    stack: Stack, call: tuple[Rep, str], new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep, call_id = call
    page = new_page()
    _signed_in(page, stack, rep)
    page.goto(f"/call?call={call_id}")
    log = page.get_by_role("log", name="Transcript")
    expect(page.locator("[id^=segment-]").nth(8)).to_be_visible()
    with _talking(stack, call_id, first=1_000, count=400, lines_a_second=LINES_A_SECOND):
        expect(log.get_by_text(" 1005")).to_be_visible(timeout=60_000)
        page.keyboard.press("e")
        field = log.get_by_label("What was said")
        expect(field).to_be_focused()
        recognised = field.input_value()
        page.wait_for_timeout(300)
        place = field.bounding_box()
        lines = page.locator("[id^=segment-]").count()
        field.press_sequentially(" Indeed.", delay=120)
        expect(page.locator("[id^=segment-]").nth(lines + 2)).to_be_attached()
        assert place is not None and field.bounding_box() == place
        for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            look(page, f"correcting-in-a-call-{width}-{scheme}")
        page.set_viewport_size({"width": 1280, "height": 800})
        # Saves this one, and goes on with the one before.
        field.press("Alt+ArrowUp")
        expect(field).not_to_have_value(f"{recognised} Indeed.")
        expect(field).to_be_focused()
        field.press("Escape")
        expect(log.get_by_text(f"{recognised} Indeed.")).to_be_visible()
        mark = log.get_by_text(f"Corrected by {PERSON.first_name} {PERSON.last_name}")
        mark.focus()
        mark.press("Enter")
        undo = log.get_by_role("button", name="Undo the correction")
        undo.focus()
        undo.press("Enter")
        expect(mark).not_to_be_visible()
        expect(log.get_by_text(f"{recognised} Indeed.")).not_to_be_visible()
    assert complaints == []


def _newest(rep: Rep, call_id: str) -> int:
    return int(rep.call("GET", f"/api/calls/{call_id}/segments?after_sequence=1000000")["latest_sequence"])


def _held(rep: Rep, call_id: str) -> list[str]:
    """The ids of all lines that there are."""
    lines: list[str] = []
    after = 0
    while True:
        items = rep.call("GET", f"/api/calls/{call_id}/segments?after_sequence={after}&limit=500")["items"]
        lines += [each["id"] for each in items]
        if len(items) < 500:
            return lines
        after = items[-1]["sequence"]


def _shows_all(page: Page, rep: Rep, call_id: str, limit_s: float = 60.0) -> None:
    """Every line that there is now, but for those that a whole turn has replaced meanwhile; and then the newest ones."""
    for _ in range(2):
        wanted = set(rep.wait_for(lambda: _held(rep, call_id), limit_s=limit_s))

        def complete(wanted: set[str] = wanted) -> bool:
            shown = set(page.evaluate(SHOWN))
            return not ((wanted - shown) & set(_held(rep, call_id)))

        rep.wait_for(complete, limit_s=limit_s, every_s=0.5)
        page.wait_for_timeout(1_000)
