"""Signing out everywhere from the settings: a proof first, then every other browser is out within seconds and this one goes on."""

import re
from collections.abc import Callable

import psycopg
from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

ROAMER = Person(first_name="Rita", last_name="Roamer", email="rita@roams.example", mobile="+12025550158")


def test_everywhere_is_signed_out_by_one_button_after_a_proof(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    laptop, phone = Rep(stack.url, stack.sandbox_url), Rep(stack.url, stack.sandbox_url)
    laptop.sign_up(ROAMER)
    phone.sign_in(ROAMER)
    page, lost = new_page(), new_page(width=390, scheme="dark")
    signed_in(page, stack, laptop)
    signed_in(lost, stack, phone)
    lost.goto("/leads")
    expect(lost.get_by_role("heading", name="Leads")).to_be_visible()
    tab = page.context.new_page()
    tab.goto("/calls")
    expect(tab.get_by_role("heading", name="Calls", exact=True)).to_be_visible()
    page.goto("/settings")
    panel = page.get_by_role("region", name="Where you are signed in")
    expect(panel.get_by_role("row")).to_have_count(3)
    expect(panel.get_by_text("A private network · 127.0.0.1")).to_have_count(2)
    panel.get_by_text("How safe is a code by text message?").click()
    expect(panel.get_by_text("Ask your phone company for a PIN")).to_be_visible()
    for width, scheme in ((390, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        panel.evaluate("(it) => it.scrollIntoView({block: 'start'})")
        assert panel.evaluate("(it) => it.scrollWidth <= it.clientWidth")
        look(page, f"sessions-{width}-{scheme}")
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE identity_session SET phone_verified_at = phone_verified_at - interval '1 hour'")

    panel.get_by_role("button", name="Sign out everywhere").click()
    asked = page.get_by_role("dialog", name="Sign out everywhere?")
    expect(asked.get_by_role("checkbox", name="In this browser too")).not_to_be_checked()
    look(page, "sign-out-everywhere-1280-light")
    asked.get_by_role("button", name="Sign out").press("Enter")
    proof = page.get_by_role("dialog", name="Is it you?")
    expect(proof.get_by_label("Your password")).to_be_focused()
    page.keyboard.type(ROAMER.password)
    page.keyboard.press("Enter")
    expect(lost.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(panel.get_by_role("row")).to_have_count(2)
    # The proof gave this browser a new key, and all its tabs go on.
    assert laptop.ask("GET", "/api/sessions").status_code == 401
    tab.get_by_role("link", name="Leads").click()
    expect(tab.get_by_role("heading", name="Leads")).to_be_visible()

    panel.get_by_role("button", name="Sign out everywhere").click()
    asked.get_by_role("checkbox", name="In this browser too").check()
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, "sign-out-everywhere-390-dark")
    asked.get_by_role("button", name="Sign out").click()
    for each in (page, tab):
        expect(each).to_have_url(re.compile("/sign-in"), timeout=5_000)
    laptop.close()
    phone.close()
    # The refusals that were wanted: before the proof, and of pages that are signed out.
    assert [each for each in complaints if "status of 4" not in each] == []
