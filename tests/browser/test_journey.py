"""A new rep's first hour in a real browser: sign up, buy, call, read along, look back, ask, leave.

Planted bugs that this catches: settled text that is not published leaves the live transcript empty until a reload; interim text
that is not, or is for one of the two alone, has it come a sentence at a time; a second click that is not folded into the first
makes a second purchase or call.
"""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.browser.conftest import Look

EMAIL = "noa.newcomer@example.com"
MOBILE = "+12025550144"
LEAD_PHONE = "+13125550110"
PASSWORD = "calm-harbour-lantern-42"
# The texts that each of the two was shown to be saying, one list for each utterance.
WATCH_INTERIM = """
() => {
  window.saying = {agent: [], callee: []};
  const texts = new WeakMap();
  new MutationObserver(() => {
    for (const line of document.querySelectorAll("[data-interim]")) {
      if (!texts.has(line)) {
        texts.set(line, []);
        window.saying[line.dataset.interim].push(texts.get(line));
      }
      const [text, own] = [line.lastChild.lastChild.textContent, texts.get(line)];
      if (own.at(-1) !== text) own.push(text);
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def test_a_new_rep_signs_up_buys_calls_asks_and_leaves(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str], tmp_path: Path
) -> None:
    page = new_page()
    _sign_up(page, control, look)
    _sees_why_calling_is_disabled(page, look)
    _asks_before_there_is_a_call(page, look)
    _buys_a_pack_once(page, stack, look)
    _adds_a_lead(page, control, look)
    _imports_leads(page, look, tmp_path)
    _searches_leads(page, look)
    _calls_and_reads_along(page, control, look)
    _looks_back(page, look)
    _corrects_a_line(page, look)
    _asks(page, look)
    _same_on_a_phone(page, look)
    _leaves(page, stack, look)
    assert complaints == []


def _sign_up(page: Page, control: Rep, look: Look) -> None:
    page.goto("/sign-up")
    consent = page.get_by_role("checkbox", name=re.compile("text message"))
    expect(consent).not_to_be_checked()
    expect(page.get_by_text(re.compile("data rates may apply"))).to_be_visible()
    look(page, "sign-up")
    page.get_by_label("First name").fill("Noa")
    page.get_by_label("Last name").fill("Newcomer")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Mobile number").fill(MOBILE)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    # All that is missing is told at once.
    for words in ("Signing in needs passcodes", "tick the box to accept it", "Agree to storage in the European Union"):
        expect(page.get_by_text(words)).to_be_visible()
    expect(consent).to_be_focused()
    look(page, "sign-up-boxes-missing")
    consent.check()
    page.get_by_role("checkbox", name=re.compile("privacy policy")).check()
    page.get_by_role("checkbox", name=re.compile("servers in the European Union")).check()
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    look(page, "code")
    page.wait_for_timeout(300)
    page.get_by_label("Code").fill(control.newest_code(MOBILE))
    verify = page.get_by_role("button", name="Verify")
    if verify.is_visible():
        verify.click()
    expect(page.get_by_role("navigation").first).to_be_visible()


def _sees_why_calling_is_disabled(page: Page, look: Look) -> None:
    expect(page.get_by_text("0 credits").first).to_be_visible()
    expect(page.get_by_text(re.compile("calling is off", re.IGNORECASE)).first).to_be_visible()
    look(page, "call-without-credits")


def _asks_before_there_is_a_call(page: Page, look: Look) -> None:
    page.goto("/ask")
    expect(page.get_by_role("heading", name="There is no call to ask about yet")).to_be_visible()
    look(page, "ask-without-calls")


def _buys_a_pack_once(page: Page, stack: Stack, look: Look) -> None:
    page.goto("/credits")
    buy = page.get_by_role("button", name=re.compile("Buy")).first
    look(page, "credits-empty")
    buy.dblclick()
    frame = page.frame_locator("iframe[src*='/paddle/checkout/']")
    frame.get_by_role("button", name=re.compile("Pay")).click()
    expect(page.get_by_text(re.compile("credits were added"))).to_be_visible()
    page.goto("/credits")
    expect(page.get_by_role("region", name="Balance", exact=True)).to_contain_text("100 credits")
    assert _rows(stack, "ledger_entry", "kind = 'purchase' AND workspace_id = %s", _workspace(page)) == 1
    look(page, "credits-bought")


def _adds_a_lead(page: Page, control: Rep, look: Look) -> None:
    control.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", {"behaviour": "answer", "dialogue": "smoke"})
    page.goto("/leads")
    page.get_by_role("button", name="Add lead").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("First name").fill("David")
    dialog.get_by_label("Last name").fill("Miller")
    dialog.get_by_label("Company").fill("Harbor Dental")
    dialog.get_by_label("Phone").fill("12")
    dialog.get_by_role("button", name="Add lead").click()
    expect(dialog.get_by_text(re.compile("country code")).last).to_be_visible()
    dialog.get_by_label("Phone").fill("+1 312 555 0110")
    dialog.get_by_role("button", name="Add lead").click()
    expect(page.get_by_text("Harbor Dental").first).to_be_visible()
    look(page, "leads")


def _imports_leads(page: Page, look: Look, folder: Path) -> None:
    file = folder / "from-our-crm.csv"
    rows = [
        "Grace,Hopper,Navy Ltd,202 555 0171,",
        "Alan,Turing,,12,",
        "David again,,,+1 312 555 0110,",
        "Joan,Clarke,,,",
        "Grace again,,,(202) 555-0171,",
    ]
    file.write_text("\n".join(["First name,Last name,Company,Phone,Notes", *rows]))
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import leads")
    expect(dialog.get_by_role("button", name="Import")).to_be_disabled()
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_label("Numbers without a country code are in").select_option("US")
    _both(page, look, "import-leads")
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("status")).to_have_text(
        "1 lead added. 1 was there already. 1 repeats the number of an earlier line. 2 rows were rejected."
    )
    expect(dialog.get_by_role("row", name=re.compile("^3 Phone No telephone has this number"))).to_be_visible()
    _both(page, look, "imported-leads")
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download the list").click()
    assert download.value.path().read_text().splitlines()[0] == "Line,Column,Reason"
    dialog.get_by_text("Lines that were not needed: 2").click()
    expect(dialog.get_by_role("row", name="6 Phone Line 2 has the same number.")).to_be_visible()
    look(page, "imported-leads-not-needed")
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_text("Navy Ltd").first).to_be_visible()


def _searches_leads(page: Page, look: Look) -> None:
    """As it is typed."""
    field, navy, dental = (
        page.get_by_label("Search leads"),
        page.get_by_text("Navy Ltd"),
        page.get_by_text("Harbor Dental"),
    )
    field.press_sequentially("hopp")
    expect(dental).to_have_count(0)
    expect(navy).to_be_visible()
    field.press_sequentially("z")
    expect(page.get_by_role("heading", name="No lead fits “hoppz”")).to_be_visible()
    _both(page, look, "leads-none-fits")
    field.fill("")
    expect(dental).to_be_visible()
    expect(navy).to_be_visible()


def _calls_and_reads_along(page: Page, control: Rep, look: Look) -> None:
    page.goto("/call")
    page.get_by_text("David Miller").first.click()
    expect(page.get_by_text("Longest call")).to_be_visible()
    _both(page, look, "before-the-call")
    page.get_by_role("button", name=re.compile(r"^Call\b")).first.dblclick()
    transcript = page.get_by_role("log", name="Transcript")
    expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    page.evaluate(WATCH_INTERIM)
    expect(transcript).to_contain_text("David Miller", timeout=30_000)
    expect(transcript).to_contain_text(re.compile("price", re.IGNORECASE), timeout=30_000)
    _both(page, look, "in-call")
    _appears_word_by_word(page)
    assert len(control.sandbox("GET", "/sandbox/api/calls", params={"to": MOBILE})) == 1
    page.reload()
    expect(transcript).to_contain_text(re.compile("what is the price", re.IGNORECASE))
    expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    # Whoever looked at another page meanwhile comes back to the call, and keeps it when it ends.
    main = page.get_by_role("navigation", name="Main")
    main.get_by_role("link", name="Leads").click()
    main.get_by_role("link", name="Call", exact=True).click()
    expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]call="))
    expect(transcript).to_contain_text(re.compile("goodbye|good bye|thank you", re.IGNORECASE), timeout=60_000)
    expect(page.get_by_text("Receipt").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text(re.compile(r"\d+ s = 1 begun minute"))).to_be_visible()
    _both(page, look, "after-the-call")


def _appears_word_by_word(page: Page) -> None:
    for speaker in ("agent", "callee"):
        for _ in range(100):
            said: list[list[str]] = page.evaluate("(speaker) => saying[speaker]", speaker)
            grew = any(len(texts[-1].split()) > len(texts[0].split()) for texts in said)
            if grew and sum(map(len, said)) >= 3:
                break
            page.wait_for_timeout(200)
        else:
            raise AssertionError(f"of the {speaker} appeared {said}")


def _both(page: Page, look: Look, name: str) -> None:
    """The same page wide, and then as on a phone and dark."""
    look(page, name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    look(page, f"{name}-390-dark")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def _looks_back(page: Page, look: Look) -> None:
    page.goto("/calls")
    look(page, "calls")
    # So low that the text does not fit: it is read from its beginning.
    page.set_viewport_size({"width": 1280, "height": 360})
    page.get_by_text("David Miller").first.click()
    expect(page.get_by_text(re.compile("too expensive")).first).to_be_visible()
    where = "(box) => [box.scrollTop, box.scrollHeight > box.clientHeight]"
    assert page.get_by_label("Text of the call").evaluate(where) == [0, True]
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("heading", name=re.compile("Objection")).first).to_be_visible(timeout=30_000)
    look(page, "one-call")
    page.get_by_role("button", name=re.compile("^Explain Call time")).first.click()
    drawer = page.get_by_role("dialog", name="Explain this entry")
    expect(drawer).to_contain_text("The lead's phone answered")
    expect(drawer).to_contain_text("Rate card version 1")
    look(page, "explained-from-the-receipt")
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()


def _corrects_a_line(page: Page, look: Look) -> None:
    """By keyboard alone, from the talk strip."""
    log = page.get_by_role("log", name="Transcript")
    page.get_by_role("slider", name="Place in the call").press("Home")
    # A key counts as a command only when it stands alone.
    page.wait_for_timeout(600)
    page.keyboard.press("e")
    field = log.get_by_label("What was said")
    expect(field).to_be_focused()
    recognised = field.input_value()
    field.fill(" ")
    field.press("Enter")
    expect(log.get_by_text(re.compile("Write what was said"))).to_be_visible()
    field.fill(f"{recognised} Indeed.")
    look(page, "correcting-a-line")
    field.press("Enter")
    expect(log).to_contain_text(f"{recognised} Indeed.")
    mark = log.get_by_text(re.compile("Corrected by Noa Newcomer"))
    mark.click()
    expect(log.get_by_text(f"Recognised as: “{recognised}”")).to_be_visible()
    look(page, "corrected-line")
    page.reload()
    mark.click()
    log.get_by_role("button", name="Undo the correction").click()
    expect(mark).not_to_be_visible()
    expect(log).not_to_contain_text("Indeed.")


def _asks(page: Page, look: Look) -> None:
    page.goto("/ask")
    page.get_by_label("Your question").fill("What does the Clearview package cost per month?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text(re.compile(r"\$450")).first).to_be_visible()
    look(page, "answer")
    page.get_by_label("Your question").fill("Which hotel did the customer book in Chicago?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text(re.compile("Nothing in them answers this. Nothing was charged"))).to_be_visible()
    look(page, "no-answer")


def _same_on_a_phone(page: Page, look: Look) -> None:
    """Every page again, 390 px wide and dark."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for path in ("/call", "/calls", "/leads", "/ask", "/credits", "/privacy", "/settings", "/policy"):
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        look(page, f"phone-dark{path.replace('/', '-')}")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    for path in ("/privacy", "/settings", "/policy"):
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        look(page, f"wide{path.replace('/', '-')}")


def _leaves(page: Page, stack: Stack, look: Look) -> None:
    session = page.request.get("/api/session").json()
    workspace_id, user_id = str(session["workspace"]["id"]), str(session["user"]["id"])
    page.goto("/privacy")
    erase = page.get_by_role("button", name="Delete my account")
    expect(erase).to_be_disabled()
    page.get_by_label(re.compile("^Now")).check()
    page.get_by_label(re.compile("to confirm")).fill(EMAIL)
    erase.click()
    expect(page.get_by_text("Everything is deleted.")).to_be_visible(timeout=60_000)
    look(page, "erased")
    assert _rows(stack, "identity_user", "id = %s", user_id) == 0
    for table in ("voice_call", "voice_lead", "voice_transcriptsegment", "ai_passage"):
        assert _rows(stack, table, "workspace_id = %s", workspace_id) == 0, table
    page.goto("/calls")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def _workspace(page: Page) -> str:
    return str(page.request.get("/api/session").json()["workspace"]["id"])


def _rows(stack: Stack, table: str, condition: str, value: str) -> int:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        counted = connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}", [value]).fetchone()  # noqa: S608
    assert counted is not None
    return int(counted[0])
