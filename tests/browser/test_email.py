"""An e-mail address: confirmed by the button behind a mailed link, changed in the settings, taken back by the old mailbox."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

EMMA = Person(first_name="Emma", last_name="Post", email="emma@post.example", mobile="+12025550158")
NEW = "emma.new@post.example"


def test_an_address_is_confirmed_changed_and_taken_back(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(EMMA)
    page, mailbox = new_page(), new_page(width=390, scheme="dark")
    signed_in(page, stack, rep)
    page.goto("/team")
    notice = page.get_by_text("Press the button in our mail to")
    expect(notice).to_be_visible()
    look(page, "email-notice-1280-light")
    page.get_by_label("E-mail").fill("nia@post.example")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("Confirm your own e-mail address first")).to_be_visible()

    def follow(email: str, button: str, done: str, name: str) -> None:
        mailbox.goto(control.wait_for(lambda: control.links_to(email, "/confirm-email#"), limit_s=20)[-1])
        expect(mailbox.get_by_role("button", name=button)).to_be_visible()
        look(mailbox, name)
        mailbox.get_by_role("button", name=button).click()
        expect(mailbox.get_by_role("heading", name=done)).to_be_visible()
        look(mailbox, f"{name}-done")

    follow(EMMA.email, "Confirm this address", "Your address is confirmed", "email-confirm-390-dark")
    page.goto("/settings")
    panel = page.get_by_role("region", name="E-mail address")
    expect(panel.get_by_text("Confirmed", exact=True)).to_be_visible()
    expect(notice).not_to_be_visible()
    panel.get_by_role("button", name="Change it").press("Enter")
    field = panel.get_by_role("textbox", name="New e-mail address")
    expect(field).to_be_focused()
    field.fill(NEW)
    panel.get_by_label("Your password").fill("not this one")
    page.keyboard.press("Enter")
    expect(panel.get_by_text("not your present password")).to_be_visible()
    look(page, "email-change-1280-light")
    panel.get_by_label("Your password").fill(EMMA.password)
    page.keyboard.press("Enter")
    expect(panel.get_by_label("Code from your phone")).to_be_focused()
    page.keyboard.type(control.newest_code(EMMA.mobile))
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_contain_text(f"We sent a link to {NEW}")
    mailbox.set_viewport_size({"width": 1280, "height": 800})
    mailbox.emulate_media(color_scheme="light")
    follow(NEW, "Use this address", "Your address is changed", "email-new-1280-light")
    page.reload()
    expect(panel).to_contain_text(NEW)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    panel.evaluate("(it) => it.scrollIntoView({block: 'start'})")
    look(page, "email-changed-390-dark")

    control.wait_for(lambda: len(control.links_to(EMMA.email, "/confirm-email#")) == 2, limit_s=20)
    follow(EMMA.email, "Take it back and sign everybody out", "Your address is yours again", "email-back-1280-light")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    mailbox.goto(control.links_to(EMMA.email, "/confirm-email#")[-1])
    expect(mailbox.get_by_role("heading", name="This link cannot be used")).to_be_visible()
    look(mailbox, "email-used-1280-light")
    rep.close()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []
