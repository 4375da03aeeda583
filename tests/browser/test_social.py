"""Signing up with Google, out, and in again; linking Facebook in the settings.

Planted bug that it catches: a page after the provider's that asks for no passcode, or sends none.
"""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.browser.conftest import Look

MOBILE = "+12025550157"


def test_somebody_signs_up_with_google_and_comes_back_with_it(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    page = new_page(width=390, scheme="dark")
    page.goto("/sign-up")
    expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    look(page, "sign-up-390-dark")
    page.get_by_role("button", name="Continue with Google").click()
    expect(page.get_by_role("heading", name="Continue with Google")).to_be_visible()
    look(page, "sandbox-google-390-dark")
    page.get_by_role("link", name=re.compile("Cancel")).click()
    expect(page.get_by_role("alert")).to_have_text("You did not agree at Google, so nothing was done.")
    look(page, "sign-up-refused-390-dark")
    page.get_by_role("button", name="Continue with Google").click()
    page.get_by_role("link", name=re.compile("Gwen Gray")).click()
    expect(page.get_by_role("heading", name="Finish your account")).to_be_visible()
    expect(page.get_by_label("First name")).to_have_value("Gwen")
    expect(page.get_by_label("E-mail")).to_have_value("gwen.gray@example.com")
    look(page, "finish-sign-up-390-dark")
    page.get_by_label("Mobile number").fill(MOBILE)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Tick the box to agree to receive them.")).to_be_visible()
    assert control.sandbox("GET", "/sandbox/api/messages", params={"to": MOBILE}) == []
    page.get_by_role("checkbox", name=re.compile("text message")).check()
    page.get_by_role("checkbox", name=re.compile("privacy policy")).check()
    page.get_by_role("checkbox", name=re.compile("servers in the European Union")).check()
    page.get_by_role("button", name="Create account").click()
    _prove(page, control)
    expect(page.get_by_role("navigation").first).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    page.goto("/settings")
    ways = page.get_by_role("region", name="Google and Facebook")
    expect(ways.get_by_text("Linked since")).to_be_visible()
    expect(page.get_by_text("You have no password.")).to_be_visible()
    look(page, "settings-social-1280-light")
    ways.get_by_role("button", name="Unlink Google").click()
    expect(page.get_by_role("dialog")).to_contain_text("It is your only way in.")
    look(page, "settings-last-way-1280-light")
    page.keyboard.press("Escape")
    ways.get_by_role("button", name="Link Facebook").click()
    dialog = page.get_by_role("dialog", name="Link Facebook")
    dialog.get_by_role("button", name="Send a code").click()
    expect(dialog.get_by_text("We sent a code to")).to_be_visible()
    look(page, "settings-link-1280-light")
    dialog.get_by_label("Code").fill(control.newest_code(MOBILE))
    dialog.get_by_role("button", name="Go to Facebook").click()
    page.get_by_role("link", name=re.compile("Fay Ford")).click()
    expect(ways.get_by_text("You can sign in with Facebook now.")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, "settings-social-390-dark")

    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.goto("/sign-in?next=%2Fleads")
    look(page, "sign-in-390-dark")
    page.get_by_role("button", name="Continue with Facebook").click()
    page.get_by_role("link", name=re.compile("Fay Ford")).click()
    _prove(page, control)
    expect(page).to_have_url(re.compile("/leads$"))
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []


def _prove(page: Page, control: Rep) -> None:
    """The code is sent without anybody asking for it."""
    expect(page.get_by_text("We sent a code to")).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(MOBILE))
    page.get_by_role("button", name="Verify").click()
