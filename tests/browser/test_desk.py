"""Two of us at the desk: a wish that came by telephone is verified, prepared by one and approved by the other, by keyboard;
and the registers beside it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pyotp
from playwright.sync_api import Page, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

WANTS = Person(first_name="Dora", last_name="Deleted", email="dora@deleted.example", mobile="+12025550159")
PASSWORD = "quiet lantern river"


def test_a_deletion_through_support_takes_two_of_us(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(WANTS)
    pia, ada = new_page(), new_page()
    for page, name, role in ((pia, "Pia", "privacy_officer"), (ada, "Ada", "admin")):
        at_desk(page, stack, name, role)

    pia.goto("/staff/cases")
    expect(pia.get_by_role("heading", name="Cases")).to_be_visible()
    pia.keyboard.press("+")
    dialog = pia.get_by_role("dialog")
    dialog.get_by_label("What is wanted").select_option("deletion")
    dialog.get_by_label("E-mail address or number").fill(WANTS.email)
    dialog.get_by_label("What the person said").fill("Please delete everything. I cannot sign in any more.")
    dialog.get_by_role("button", name="Keep it as a case").click()
    expect(pia.get_by_role("heading", name="Deletion KS-")).to_be_visible()
    expect(pia.get_by_text("Nobody has shown who asks")).to_be_visible()
    seen(pia, look, "desk-case-not-verified", small=False)
    reference = pia.url.rsplit("/", 1)[1]
    press(pia, "t")
    expect(pia.get_by_text("You", exact=True)).to_be_visible()
    press(pia, "r")
    pia.get_by_role("button", name="Mail it to").click()
    expect(pia.get_by_text("Reply, mailed, Pia")).to_be_visible()
    press(pia, "v")
    pia.get_by_label("Whose data is meant").fill(WANTS.email)
    pia.keyboard.press("Enter")
    expect(pia.get_by_text("Dora Deleted")).to_be_visible()
    press(pia, "o")
    pia.get_by_role("button", name="Prepare the deletion").click()
    expect(pia.get_by_text("it is not yours to approve")).to_be_visible()
    seen(pia, look, "desk-case-prepared", wide=False)

    ada.goto("/staff/cases")
    expect(ada.get_by_role("row").filter(has_text=reference)).to_contain_text("Needs a second person")
    seen(ada, look, "desk-cases")
    mine = ada.get_by_role("row").filter(has_text=reference).get_by_role("link")
    for _ in range(20):
        press(ada, "j")
        if mine.evaluate("link => link === document.activeElement"):
            break
    expect(mine).to_be_focused()
    ada.keyboard.press("Enter")
    approve = ada.get_by_role("button", name="Approve this deletion")
    expect(approve).to_be_visible()
    seen(ada, look, "desk-case-second-person", small=False)
    approve.press("Enter")
    expect(ada.get_by_text("Approved; begins")).to_be_visible()
    ada.get_by_role("button", name="Cancel the deletion").click()
    expect(ada.get_by_text("This case is answered")).to_be_visible()
    assert rep.call("GET", "/api/privacy/erasure")["request"]["state"] == "cancelled"
    rep.close()

    ada.goto("/staff/orders")
    ada.get_by_role("button", name="Prepare a disclosure").click()
    form = ada.get_by_role("dialog")
    form.get_by_label("Whole e-mail of the account").fill(WANTS.email)
    form.get_by_label("Authority").fill("Vilnius district court")
    form.get_by_label("Number of the order").fill("2 Js 417/26")
    form.get_by_label("Legal basis").fill("Court order under the law of Lithuania")
    form.get_by_label("Your name, e-mail address and mobile number").check()
    seen(ada, look, "desk-order-form", small=False)
    form.get_by_role("button", name="Prepare for approval").click()
    expect(ada.get_by_text("You prepared it")).to_be_visible()
    pia.goto("/staff/orders")
    pia.get_by_role("button", name="Approve LE-").first.click()
    with pia.expect_download() as download:
        pia.get_by_role("button", name="Take the file, once").first.click()
    assert WANTS.email in download.value.path().read_text()
    expect(pia.get_by_text("SHA-256")).to_be_visible()
    seen(pia, look, "desk-orders")
    pia.get_by_role("link", name="Holds").click()
    pia.get_by_role("button", name="Place a hold").click()
    form = pia.get_by_role("dialog")
    form.get_by_label("What is held").select_option("account")
    form.get_by_label("Whole e-mail of the account").fill(WANTS.email)
    form.get_by_label("Legal basis").fill("Court order under the law of Lithuania")
    form.get_by_label("Why").fill("A claim about what was said.")
    form.get_by_label("Look again on").fill("2099-01-31")
    form.get_by_label("Last day").fill("2099-12-31")
    form.get_by_role("button", name="Place the hold").click()
    expect(pia.get_by_text("1 account")).to_be_visible()
    seen(pia, look, "desk-holds")
    pia.get_by_role("link", name="Recipients").click()
    pia.get_by_label("Whole e-mail of the account").fill(WANTS.email)
    pia.keyboard.press("Enter")
    expect(pia.get_by_role("cell", name="Courts, law enforcement and regulators", exact=True)).to_be_visible()
    seen(pia, look, "desk-recipients")
    pia.get_by_role("link", name="Breaches").click()
    pia.get_by_role("button", name="Record a breach").click()
    form = pia.get_by_role("dialog")
    form.get_by_label("What happened").fill("A laptop with an encrypted copy was lost.")
    form.get_by_label("Noticed").fill(time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() - 7_200)))
    form.get_by_role("button", name="Record it").click()
    expect(pia.get_by_text("hours left")).to_be_visible()
    pia.get_by_role("button", name="Authority told, BR-").first.click()
    pia.get_by_label("How the authority was told").fill("By its form.")
    pia.get_by_role("button", name="Keep").click()
    expect(pia.get_by_text("Told the authority: By its form.")).to_be_visible()
    seen(pia, look, "desk-breaches")
    assert complaints == []


def at_desk(page: Page, stack: Stack, name: str, role: str) -> None:
    """Set up and signed in as one of us, over the API; the pages for that have a story of their own."""
    email = f"{name.lower()}@desk.example"
    command = [sys.executable, "manage.py", "staff", "add", email, name, role]
    environ = {**os.environ, **stack.env}
    said = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    token = said.stdout.split()[-1].partition("#")[2]
    ours = Rep(stack.url, stack.sandbox_url)
    ours.call("GET", "/api/staff/session")
    app = pyotp.TOTP(ours.call("POST", "/api/staff/enrolment/seen", {"token": token})["secret"])
    ours.call("POST", "/api/staff/enrolment", {"token": token, "password": PASSWORD, "code": app.now()})
    # The code that set it up is used; the phone's next one is good already.
    entered = {"email": email, "password": PASSWORD, "code": app.at(time.time() + 30)}
    ours.call("POST", "/api/staff/signin", entered)
    signed_in(page, stack, ours)
    ours.close()


def press(page: Page, key: str) -> None:
    """As somebody who types no word: a key that follows another at once is none."""
    page.wait_for_timeout(450)
    page.keyboard.press(key)


def seen(page: Page, look: Look, name: str, *, small: bool = True, wide: bool = True) -> None:
    """As a dark telephone and as a light desk."""
    for width, scheme in ((390, "dark"),) * small + ((1280, "light"),) * wide:
        page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        look(page, f"{name}-{width}-{scheme}")
    page.set_viewport_size({"width": 1280, "height": 800})
