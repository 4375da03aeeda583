"""A person who was called: number, passcode from the phone, what is held, no more calls, a copy, a wish, everything deleted.
And a wish in the privacy centre."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

SELLER = Person(first_name="Sal", last_name="Seller", email="sal@sells.example", mobile="+12025550161")
CALLED = "+12025550162"
NOTES = "Asked for Brobdingnag prices in spring."


def test_who_was_called_sees_stops_takes_and_deletes_what_is_held_without_an_account(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    seller = Rep(stack.url, stack.sandbox_url)
    seller.sign_up(SELLER)
    form = {"first_name": "Cal", "last_name": "Called", "phone": CALLED, "company": "Acme", "notes": NOTES}
    lead = seller.call("POST", "/api/leads", form, expect=201)

    page = new_page(width=390, scheme="dark")
    page.goto("/sign-in")
    page.get_by_role("link", name="See what is held about your number").click()
    expect(page.get_by_role("heading", name="Were you called?")).to_be_visible()
    send = page.get_by_role("button", name="Send me a code")
    expect(send).to_be_disabled()
    page.get_by_role("checkbox", name=re.compile("one-time passcode")).check()
    page.get_by_label("Your mobile number").fill("12345")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("country code, such as|no such phone number"))).to_have_count(2)
    look(page, "my-data-number-390-dark")
    page.get_by_label("Your mobile number").fill(CALLED)
    page.keyboard.press("Enter")
    expect(page.get_by_text("We sent a code to")).to_be_visible()
    code = control.newest_code(CALLED)
    page.get_by_label("Code").fill("12")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is too short: at least 6 characters.")).to_be_visible()
    page.get_by_label("Code").fill("000000" if code != "000000" else "111111")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code cannot be used")).to_be_visible()
    look(page, "my-data-code-390-dark")
    page.get_by_label("Code").fill(code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What is held about your number")).to_be_visible()
    expect(page.get_by_text(NOTES)).to_be_visible()
    look(page, "my-data-390-dark")
    kept = page.get_by_role("region", name="Everything that is kept, to read")
    kept.get_by_text("Read: Passcodes sent").click()
    expect(kept.get_by_text("check, without an account").first).to_be_visible()
    kept.get_by_text("Read: Your name, company").click()
    expect(kept.get_by_text(NOTES)).to_be_visible()
    look(page, "my-data-read-390-dark")

    page.get_by_role("button", name="Stop calls: Everybody who uses Klosesales").click()
    expect(page.get_by_text("May not call")).to_be_visible()
    assert seller.call("GET", f"/api/leads/{lead['id']}/dial-check")["suppressed"]
    # Who stops everybody's calls objects, so nothing is used either.
    expect(page.get_by_text("Nothing about this number is used now")).to_be_visible()
    page.get_by_role("button", name="Let it be used again").click()
    page.get_by_role("button", name="Use nothing of mine").click()
    expect(page.get_by_text("Nothing about this number is used now")).to_be_visible()
    page.get_by_role("button", name="Let it be used again").click()
    expect(page.get_by_role("button", name="Use nothing of mine")).to_be_visible()

    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_role("link", name="Download")
    expect(kept.get_by_text(NOTES)).to_be_visible()
    look(page, "my-data-1280-light")
    with page.expect_download() as download:
        link.click()
    assert NOTES in Path(download.value.path()).read_text()
    page.get_by_label("What is wrong, and what is right").fill("My company is called Acme Ltd.")
    page.get_by_role("button", name="Ask for a correction").click()
    wishes = page.get_by_role("region", name="What you asked for")
    expect(wishes.get_by_text("A correction")).to_be_visible()
    page.reload()
    expect(wishes.get_by_text("On its way")).to_be_visible()
    look(page, "my-data-asked-1280-light")

    erase = page.get_by_role("button", name="Delete everything")
    page.get_by_label(re.compile("^Now")).check()
    page.get_by_label(re.compile("to confirm")).fill("+12025550199")
    erase.click()
    expect(page.get_by_text("Type your number with its country code")).to_be_visible()
    page.get_by_label(re.compile("to confirm")).fill("+1 202 555 0162")
    erase.click()
    expect(page.get_by_text("Everything is deleted.")).to_be_visible(timeout=60_000)
    look(page, "my-data-erased-1280-light")
    assert seller.call("GET", f"/api/leads/{lead['id']}")["first_name"] == "Removed at the person's request"
    page.goto("/my-data")
    expect(page.get_by_role("heading", name="Were you called?")).to_be_visible()
    look(page, "my-data-number-1280-light")

    # Who has an account asks in the privacy centre.
    centre = new_page(scheme="dark")
    signed_in(centre, stack, seller)
    centre.goto("/privacy")
    held = centre.get_by_role("region", name="What we hold about you")
    held.get_by_text("Read: Your name, e-mail").click()
    expect(held.get_by_text(SELLER.email)).to_be_visible()
    held.get_by_text("Read: IP address").click()
    expect(held.get_by_text("sign up", exact=True)).to_be_visible()
    look(centre, "privacy-read-1280-dark")
    asking = centre.get_by_role("region", name="Ask us")
    asking.get_by_label("What do you want?").select_option("grievance")
    asking.get_by_label("In your words").fill("It rings too loud.")
    asking.get_by_role("button", name="Send").click()
    expect(asking.get_by_text("A complaint")).to_be_visible()
    look(centre, "privacy-asked-1280-dark")
    centre.set_viewport_size({"width": 390, "height": 844})
    centre.emulate_media(color_scheme="light")
    look(centre, "privacy-asked-390-light")
    seller.close()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []
