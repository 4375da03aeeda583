"""One of our own people sets up the way in, looks into a workspace with a reason, changes nothing, and the owner reads of it."""

import os
import re
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

WATCHED = Person(first_name="Wanda", last_name="Watched", email="wanda@watched.example", mobile="+12025550157")
LEAD = {"first_name": "Leo", "last_name": "Listed", "phone": "+1 202 555 0110"}
# No space in it, at which a browser could break it.
LONG = {"first_name": "L" * 120, "last_name": "o" * 120, "phone": "+1 202 555 0111"}
PASSWORD = "quiet lantern river"
REASON = "She wrote that a call has no text, case 4711."


def test_one_of_us_looks_into_a_workspace_and_the_owner_reads_of_it(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(WATCHED)
    for lead in (LONG, LEAD):
        rep.call("POST", "/api/leads", lead, expect=201)

    page = new_page()
    page.goto(_link(stack, "add", "nora@klosesales.example", "Nora", "support"))
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    app = pyotp.TOTP(page.get_by_role("code").inner_text())
    page.get_by_role("textbox", name="New password").fill(PASSWORD)
    _seen(page, look, "staff-enrol", wide=False)
    page.get_by_label("Code that the app shows").fill(app.now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    _seen(page, look, "staff-recovery-codes", wide=False)
    page.get_by_role("link", name="I have them; sign in").click()
    _fill(page, "000000")
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    _seen(page, look, "staff-sign-in", small=False)
    # The code that set it up is used; the phone's next one is good already.
    _fill(page, app.at(time.time() + 30))

    expect(page.get_by_role("heading", name="Find a workspace")).to_be_visible()
    field = page.get_by_label("Whole workspace id, or whole e-mail of a member")
    field.fill("wanda@watched")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="no list to browse")).to_be_visible()
    field.fill(WATCHED.email)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Look into My workspace").press("Enter")
    begin = page.get_by_role("button", name="Look for 30 minutes")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Because")
    expect(begin).to_be_disabled()
    page.get_by_label("Reason").fill(REASON)
    _seen(page, look, "staff-find")
    begin.click()

    banner = page.get_by_role("region", name="Look by Klosesales staff")
    expect(banner).to_contain_text("Nora looks into My workspace")
    expect(banner).to_contain_text(REASON)
    page.get_by_role("link", name="Leads").click()
    expect(page.get_by_text("Leo Listed")).to_be_visible()
    expect(banner).to_be_visible()
    _seen(page, look, "look-leads")
    # What would change something is not there, and the banner says why.
    expect(banner).to_contain_text("what would change something is not shown")
    content = page.get_by_role("main")
    expect(content.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_text(
        ["Calls", "Leads", "Ask", "Credits", "Team"]
    )
    page.get_by_role("link", name="Team").click()
    expect(content.get_by_role("heading", name="Spending this month")).to_be_visible()
    expect(content.get_by_role("button")).to_have_count(0)
    expect(content.get_by_role("alert")).to_have_count(0)
    _seen(page, look, "look-team")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("This list")).to_be_visible()
    expect(keys.get_by_text("Hang up")).to_have_count(0)
    # Pages that need no account ask for nothing that a look may not.
    page.goto("/policy")
    expect(page.get_by_role("heading", name="1. What we collect")).to_be_visible()
    expect(banner).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    _seen(page, look, "look-policy", small=False)
    page.goto("/my-data")
    expect(page.get_by_role("heading", name="No part of a look")).to_be_visible()
    expect(banner).to_be_visible()
    _seen(page, look, "look-my-data", wide=False)
    page.goto("/settings")
    expect(page).to_have_url(f"{stack.url}/calls")
    page.goto("/credits/checkout")
    expect(page).to_have_url(f"{stack.url}/credits")
    expect(banner).to_be_visible()
    expect(content.get_by_role("button", name=re.compile("Buy|Set it up|Save|Stop"))).to_have_count(0)
    banner.get_by_role("button", name="End the look").press("Enter")
    expect(page.get_by_role("heading", name="Your looks")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=REASON)).to_contain_text("the list of leads")
    _seen(page, look, "staff-looks", small=False)
    page.goto("/leads")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    owner = new_page()
    signed_in(owner, stack, rep)
    owner.goto("/team")
    panel = owner.get_by_role("region", name="Looks by Klosesales")
    row = panel.get_by_role("row").filter(has_text=REASON)
    expect(row).to_contain_text("Nora (Support) saw the pages of Wanda Watched")
    expect(row).to_contain_text("the list of leads")
    panel.evaluate("(it) => it.scrollIntoView({block: 'start'})")
    _seen(owner, look, "team-looks")
    assert {lead["first_name"] for lead in rep.call("GET", "/api/leads")["items"]} == {"Leo", LONG["first_name"]}
    _long_names_keep_their_place(owner, rep, look)
    rep.close()

    admin = new_page()
    admin.goto(_link(stack, "add", "ada@klosesales.example", "Ada", "admin"))
    app = pyotp.TOTP(admin.get_by_role("code").inner_text())
    admin.get_by_role("textbox", name="New password").fill(PASSWORD)
    admin.get_by_label("Code that the app shows").fill(app.now())
    admin.keyboard.press("Enter")
    admin.get_by_role("link", name="I have them; sign in").click()
    _fill(admin, app.at(time.time() + 30), "ada@klosesales.example")
    expect(admin.get_by_role("heading", name="People")).to_be_visible()
    _seen(admin, look, "staff-people", wide=False)
    admin.get_by_role("link", name="Accounts").click()
    panel = admin.get_by_role("region", name="Block an account")
    panel.get_by_label("Whole e-mail").fill("nobody@watched.example")
    expect(panel.get_by_role("button", name="Block")).to_be_disabled()
    panel.get_by_label("Reason").select_option("taken_over")
    panel.get_by_role("button", name="Block").click()
    expect(panel.get_by_text("No account has this e-mail")).to_be_visible()
    _seen(admin, look, "staff-accounts")
    panel.get_by_label("Whole e-mail").fill(WATCHED.email)
    panel.get_by_role("button", name="Block").click()
    expect(panel.get_by_role("status")).to_contain_text("Blocked")
    # The page that is open learns it by its socket.
    expect(owner.get_by_role("heading", name="Sign in")).to_be_visible(timeout=5_000)
    panel = admin.get_by_role("region", name="Let somebody in again")
    panel.get_by_label("Whole e-mail").fill(WATCHED.email)
    panel.get_by_role("button", name="Let in again").click()
    expect(panel.get_by_role("status")).to_contain_text("may sign in again")
    _seen(admin, look, "staff-accounts-done")
    admin.get_by_role("link", name="People").click()
    admin.get_by_role("button", name="Disable Nora").click()
    admin.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(admin.get_by_role("row", name="Nora Disabled")).to_be_visible()
    page.goto("/staff")
    expect(page.get_by_role("heading", name="Staff sign-in")).to_be_visible()
    # The refusals that were wanted.
    assert [each for each in complaints if "status of 4" not in each] == []


def _link(stack: Stack, *arguments: str) -> str:
    """What the operator's command prints."""
    command = [sys.executable, "manage.py", "staff", *arguments]
    environ = {**os.environ, **stack.env}
    said = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    return said.stdout.split()[-1]


def _long_names_keep_their_place(owner: Page, rep: Rep, look: Look) -> None:
    rep.call("PATCH", "/api/workspace", {"name": "W" * 80})
    rep.call("PATCH", "/api/account/name", {"first_name": "O" * 80, "last_name": "p" * 80})
    rep.buy(rep.call("GET", "/api/credits/packs")[0]["price_id"])
    for path in ("/leads", "/call", "/team", "/credits"):
        owner.goto(path)
        main = owner.get_by_role("main")
        expect(main.get_by_text(re.compile("L{120}|Members of W{80}|by O{80}")).first).to_be_visible()
        for width in (1280, 390):
            owner.set_viewport_size({"width": width, "height": 844})
            assert main.evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0, (path, width)
            assert main.evaluate(_CUT) == [], (path, width)
        look(owner, f"long-names{path.replace('/', '-')}-390")


# What runs out of a list or a card, is cut there or lies over what stands beside it. A place that is chosen in a list stands out by 8 px.
_CUT = """(main) => [...main.querySelectorAll("table, section, ul")]
  .filter((part) => part.scrollWidth > part.clientWidth + 8).map((part) => part.className)"""


def _fill(page: Page, code: str, email: str = "nora@klosesales.example") -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def _seen(page: Page, look: Look, name: str, *, small: bool = True, wide: bool = True) -> None:
    """As a dark telephone and as a light desk."""
    for width, scheme in ((390, "dark"),) * small + ((1280, "light"),) * wide:
        page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        look(page, f"{name}-{width}-{scheme}")
