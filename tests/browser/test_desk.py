"""Two of us at the desk: a wish that came by telephone is verified, prepared by one and approved by the other, by keyboard;
and the registers beside it. In the end the deletion runs, and nothing is left of what stood on all these pages."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg
import pyotp
import pytest
from playwright.sync_api import Page, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in
from tests.smoke.needles import Canary
from tests.smoke.scan import Scan, kinds

WANTS = Person("Dorabella", "Disperston", "dorabella@disperston.example", "+12025550142")
STAYS = Person("Perpetua", "Staysworth", "perpetua@staysworth.example", "+12025550141")
SISTER = "Thistlewick"
CANARIES = (WANTS.first_name, WANTS.last_name, SISTER, WANTS.email, WANTS.mobile)
# Mailboxes and phones are the people's own; passcodes are kept by Twilio for its own term.
KEPT_ELSEWHERE = {"mails", "messages", "phones", "verifications"}
PASSWORD = "quiet lantern river"


@pytest.mark.policy("C6.2", "C7.3", "C7.5")
def test_a_deletion_through_support_takes_two_of_us(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep, stays = (Rep(stack.url, stack.sandbox_url) for _ in range(2))
    rep.sign_up(WANTS)
    rep.confirm_email(WANTS.email)
    stays.sign_up(STAYS)
    stays.close()
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
    expect(pia.get_by_role("button", name="Mail it to")).to_be_visible()
    press(pia, "Escape")
    expect(pia.get_by_role("button", name="Mail it to")).to_have_count(0)
    press(pia, "r")
    pia.get_by_role("button", name="Mail it to").click()
    expect(pia.get_by_text("Reply, mailed, Pia")).to_be_visible()
    press(pia, "v")
    pia.get_by_label("Whose data is meant").fill(WANTS.email)
    pia.keyboard.press("Enter")
    expect(pia.get_by_text("Dorabella Disperston")).to_be_visible()
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
    _gets_a_copy_by_mail(control, pia, new_page(), look)
    _wants_no_texts(stack, pia, look)

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
    # However it is pressed, it is one breach.
    form.get_by_role("button", name="Record it").dblclick()
    expect(pia.get_by_text("hours left")).to_have_count(1)
    pia.get_by_role("button", name="Authority told, BR-").first.click()
    pia.get_by_label("How the authority was told").fill("By its form.")
    pia.get_by_role("button", name="Keep").click()
    expect(pia.get_by_text("Told the authority: By its form.")).to_be_visible()
    seen(pia, look, "desk-breaches")
    _is_deleted_by_two_of_us(stack, control, pia, ada, new_page())
    assert complaints == []


def _gets_a_copy_by_mail(control: Rep, pia: Page, own: Page, look: Look) -> None:
    """Who cannot sign in: a link to the account's mailbox verifies who asks, another one fetches the copy. own: a page of the person's, in
    which nobody is signed in."""
    pia.goto("/staff/cases")
    expect(pia.get_by_role("heading", name="Cases")).to_be_visible()
    pia.keyboard.press("+")
    dialog = pia.get_by_role("dialog")
    dialog.get_by_label("What is wanted").select_option("access")
    dialog.get_by_label("E-mail address or number").fill(WANTS.email)
    dialog.get_by_label("What the person said").fill("What do you hold about me? I have lost my phone.")
    dialog.get_by_role("button", name="Keep it as a case").click()
    expect(pia.get_by_role("heading", name="A copy KS-")).to_be_visible()
    press(pia, "m")
    pia.get_by_label("Whole e-mail of the account").fill(WANTS.email)
    seen(pia, look, "desk-proof-link")
    pia.get_by_role("button", name="Mail the link", exact=True).click()
    own.goto(control.wait_for(lambda: control.links_to(WANTS.email, "/request#"), limit_s=20)[-1])
    confirm = own.get_by_role("button", name="Yes, it is mine")
    expect(confirm).to_be_visible()
    seen(own, look, "request-confirm")
    confirm.press("Enter")
    expect(own.get_by_role("heading", name="We know that it is you")).to_be_visible()
    pia.reload()
    expect(pia.get_by_text("mailed to the account's own address")).to_be_visible()
    press(pia, "o")
    pia.get_by_role("button", name="Mail the link to the copy").click()
    expect(pia.get_by_text("Link to the copy", exact=True)).to_be_visible()
    seen(pia, look, "desk-copy-mailed")
    own.goto(control.wait_for(lambda: control.links_to(WANTS.email, "/request#")[1:], limit_s=20)[-1])
    take = own.get_by_role("button", name="Download it to read")
    expect(take).to_be_visible()
    seen(own, look, "request-copy")
    with own.expect_download() as download:
        take.click()
    assert WANTS.email in download.value.path().read_text()
    expect(own.get_by_role("heading", name="The copy was downloaded")).to_be_visible()


def _wants_no_texts(stack: Stack, pia: Page, look: Look) -> None:
    """Who writes for no more text messages: what is lost is read first, and stopping them confirmed."""
    _mailed(stack, STAYS, "Please stop text messages.")
    pia.goto("/staff/cases")
    pia.get_by_role("row").filter(has_text="No text messages").get_by_role("link").click()
    expect(pia.get_by_role("heading", name="No text messages KS-")).to_be_visible()
    press(pia, "v")
    pia.get_by_label("Whose data is meant").fill(STAYS.email)
    pia.keyboard.press("Enter")
    expect(pia.get_by_text("Perpetua Staysworth")).to_be_visible()
    press(pia, "o")
    pia.get_by_role("button", name="Show what will be lost").click()
    expect(pia.get_by_text("as the owner: its calls, and 0 credits")).to_be_visible()
    stop = pia.get_by_role("button", name="Stop text messages")
    expect(stop).to_be_disabled()
    pia.get_by_label("Whoever asked knows this and wants it").check()
    seen(pia, look, "desk-stop-texts")
    stop.click()
    expect(pia.get_by_text("Text messages to the phone are stopped.")).to_be_visible()
    press(pia, "a")
    pia.get_by_label("Begin with").select_option("Text messages are stopped")
    pia.get_by_role("button", name="Close as done").click()
    expect(pia.get_by_text("This case is answered")).to_be_visible()


def _is_deleted_by_two_of_us(stack: Stack, control: Rep, pia: Page, ada: Page, own: Page) -> None:
    """Asked for by mail this time, and done although a hold keeps a sealed copy, and an order was obeyed. own: a page of the
    person's."""
    env = stack.env
    scan = Scan(database_url=env["DATABASE_URL"], redis_url=env["REDIS_URL"], folder=stack.data_dir, keys=env)
    _mailed(stack, WANTS, f"Now do delete everything. My sister {SISTER} has what I need.")
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as database:
        newest = database.execute("SELECT reference FROM compliance_case ORDER BY opened_at DESC LIMIT 1").fetchone()
        assert newest is not None
        pia.goto(f"/staff/cases/{newest[0]}")
        expect(pia.get_by_text("Nobody has shown who asks")).to_be_visible()
        press(pia, "v")
        pia.get_by_label("Whose data is meant").fill(WANTS.email)
        pia.keyboard.press("Enter")
        expect(pia.get_by_text("Nobody has shown who asks")).to_be_hidden()
        press(pia, "o")
        pia.get_by_role("button", name="Prepare the deletion").click()
        expect(pia.get_by_text("it is not yours to approve")).to_be_visible()
        database.execute("CHECKPOINT")
        canaries: tuple[Canary, ...] = (*CANARIES, *scan.traces((WANTS.email, WANTS.mobile)))
        planted = scan.look(canaries)
        assert planted.missing == []
        assert {"tables", "sealed", "bytes", "wal"} <= kinds(planted.places)
        of_before = len(control.links_to(WANTS.email, "/erased/"))
        ada.goto(pia.url)
        ada.get_by_role("button", name="Approve this deletion").press("Enter")
        expect(ada.get_by_text("Approved; begins")).to_be_visible()
        receipt = control.wait_for(lambda: control.links_to(WANTS.email, "/erased/")[of_before:])[-1]
        own.goto(receipt)
        expect(own.get_by_text("The deletion is on its way")).to_be_visible()
        # Three days have passed.
        database.execute(
            "UPDATE compliance_request SET runs_at = now(), next_attempt_at = now() WHERE state = 'requested'"
        )
    expect(own.get_by_text("Everything is deleted.")).to_be_visible(timeout=60_000)
    expect(own.get_by_text("A last look in every store found 0 left.")).to_be_visible()
    expect(own.get_by_text("demands to be kept")).to_be_visible()
    left, of_who_stays = scan.look_for(canaries, (STAYS.first_name, STAYS.last_name, STAYS.email))
    # What the hold demands, which nothing in the product reads.
    assert left.places.keys() == {"sealed compliance_heldcopy.content_sealed"}
    assert scan.elsewhere(CANARIES).keys() <= KEPT_ELSEWHERE
    assert of_who_stays.missing == [] and {"tables", "sealed", "bytes"} <= kinds(of_who_stays.places)


def _mailed(stack: Stack, who: Person, words: str) -> None:
    """By the person, to support, as the mail server's pipe has it."""
    sender = f"From: {who.first_name} {who.last_name} <{who.email}>\r\n"
    raw = f"{sender}To: support@klosesales.com\r\nSubject: My data\r\nMessage-ID: <m1{who.email}>\r\n\r\n{words}"
    command = [sys.executable, "manage.py", "receive_mail"]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **stack.env}, input=raw.encode(), check=True, timeout=60)


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
