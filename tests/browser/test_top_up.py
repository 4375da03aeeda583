"""An owner agrees to automatic top-up, sees the credits arrive by themselves, and stops it.

The whole way is real: the checkout in the browser, the clock that notices the low balance, the charge, the webhooks.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

CARD = "4000 0027 6000 3184"
PERSON = Person(first_name="Tom", last_name="Topup", email="tom@topup.example", mobile="+12025550146")


@pytest.mark.policy("C1.2")
def test_an_owner_turns_automatic_top_up_on_and_off(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    page = new_page()
    asked: list[Request] = []
    page.context.on("request", lambda request: asked.append(request))
    signed_in(page, stack, rep)
    _agrees(page, look)
    _saves_a_method(page, look)
    _sees_it_work(page, look)
    _stops_it(page, control, look)
    _is_told_when_the_card_is_declined(page, control, look)
    # The browser writes down the refusal of terms that the story tries out.
    assert [each for each in complaints if "status of 422" not in each] == []
    # Both cards went to the seller alone: the one that was typed, and the one that its form is filled in with here.
    told = {ours: [_digits(each) for each in asked if each.url.startswith(stack.url) is ours] for ours in (True, False)}
    for card in (CARD.replace(" ", ""), "4242" * 4):
        assert any(card in each for each in told[False])
        assert len(told[True]) > 10 and not any(card in each for each in told[True])


def _digits(request: Request) -> str:
    """All that stand in its address and its body, one behind the other."""
    body = (request.post_data_buffer or b"").decode(errors="replace")
    return re.sub(r"\D", "", unquote_plus(f"{request.url} {body}"))


def _panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Automatic top-up")


def _everywhere(page: Page, look: Look, name: str) -> None:
    """Wide and narrow, light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in ((1280, 800), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            for panel in _panel(page).all():
                panel.evaluate("(it) => it.scrollIntoView({block: 'start'})")
            look(page, f"{name}-{width}-{scheme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def _fill(page: Page, *, line: str, times: str) -> None:
    panel = _panel(page)
    panel.get_by_role("button", name="Set it up").press("Enter")
    panel.get_by_label("When below, in credits").fill(line)
    panel.get_by_label("At most, times a month").fill(times)


def _agrees(page: Page, look: Look) -> None:
    page.goto("/credits")
    panel = _panel(page)
    expect(panel).to_contain_text("Off")
    _fill(page, line="10", times="3")
    words = panel.get_by_role("list", name="What you agree to")
    expect(words).to_contain_text("below 10 credits")
    expect(words).to_contain_text("at most USD 30.00 plus tax a month")
    save = panel.get_by_role("button", name="Save a payment method")
    expect(save).to_be_disabled()
    agree = panel.get_by_role("checkbox", name="I agree to these charges")
    agree.press("Space")
    expect(save).to_be_enabled()
    # Other terms are other words, which nobody has agreed to.
    panel.get_by_label("At most, times a month").fill("2")
    expect(words).to_contain_text("at most USD 20.00 plus tax a month")
    expect(save).to_be_disabled()
    panel.get_by_label("When below, in credits").fill("100000")
    expect(panel.get_by_role("alert")).to_contain_text("would not lift the balance over this line")
    panel.get_by_label("When below, in credits").fill("10")
    agree.press("Space")
    _everywhere(page, look, "top-up-words")
    save.press("Enter")


def _saves_a_method(page: Page, look: Look) -> None:
    frame = page.frame_locator("iframe[src*='/paddle/checkout/']")
    save = frame.get_by_role("button", name="Save payment method")
    expect(save).to_be_visible()
    look(page, "top-up-checkout")
    page.reload()
    save.click()
    expect(page.get_by_text("Your payment method is saved with Paddle")).to_be_visible()
    _everywhere(page, look, "top-up-saved")
    page.get_by_role("link", name="Back to credits").click()


def _sees_it_work(page: Page, look: Look) -> None:
    """There were no credits, so the first pack is bought at once, and arrives while the page is looked at."""
    panel = _panel(page)
    expect(panel).to_contain_text("1 of 2 used, $10.00 of at most $20.00")
    expect(page.get_by_role("region", name="Balance", exact=True)).to_contain_text("100 credits")
    row = page.get_by_role("region", name="Purchases").get_by_role("row").filter(has_text="Starter")
    expect(row).to_contain_text("automatic top-up, agreed to by")
    expect(panel.get_by_text("A top-up is under way")).to_have_count(0)
    _everywhere(page, look, "top-up-on")


def _stops_it(page: Page, control: Rep, look: Look) -> None:
    panel = _panel(page)
    panel.get_by_role("button", name="Stop automatic top-up").press("Enter")
    expect(panel).to_contain_text("It was stopped.")
    expect(panel).to_contain_text("Off")
    assert control.sandbox("GET", "/sandbox/api/paddle/subscriptions")[-1]["status"] == "canceled"
    look(page, "top-up-stopped")


def _is_told_when_the_card_is_declined(page: Page, control: Rep, look: Look) -> None:
    _fill(page, line="100", times="3")
    panel = _panel(page)
    expect(panel).to_contain_text("at most USD 30.00 plus tax a month")
    panel.get_by_role("checkbox", name="I agree to these charges").press("Space")
    save = panel.get_by_role("button", name="Save a payment method")
    expect(save).to_be_enabled()
    save.press("Enter")
    frame = page.frame_locator("iframe[src*='/paddle/checkout/']")
    frame.get_by_label("Card number").fill(CARD)
    frame.get_by_role("button", name="Save payment method").click()
    expect(page.get_by_text("Your payment method is saved with Paddle")).to_be_visible()
    page.get_by_role("link", name="Back to credits").click()
    expect(panel).to_contain_text("On")
    page.get_by_label("Tell us below, in credits").scroll_into_view_if_needed()
    # The balance is exactly at the line; the chargeback of the first pack takes it below.
    sold = control.sandbox("GET", "/sandbox/api/paddle/transactions")
    bought = next(one for one in sold if one["origin"] == "subscription_charge")
    control.sandbox("POST", f"/sandbox/api/paddle/transactions/{bought['id']}/chargeback")
    expect(panel.get_by_text("The payment method was declined")).to_be_visible()
    expect(panel).to_contain_text(re.compile("Nothing more is charged"))
    _everywhere(page, look, "top-up-declined")
    control.wait_for(
        lambda: "Automatic top-up is off" in [mail["subject"] for mail in control.sandbox("GET", "/sandbox/api/mails")]
    )
