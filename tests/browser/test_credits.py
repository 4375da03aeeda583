"""An owner reads the money: the line, purchases and their invoice, a chargeback as it happens, an alert, and why."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

PERSON = Person(first_name="Olga", last_name="Owner", email="olga@money.example", mobile="+12025550145")
# Longer than the drawer takes; a picture of it on its way shows nothing.
SLIDES_IN_MS = 400


def test_an_owner_follows_the_money_and_asks_why(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look, complaints: list[str], tmp_path: Path
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(PERSON)
    page = new_page()
    signed_in(page, stack, rep)
    _has_a_past(stack, rep)
    _reads_the_line(page, look)
    _buys_and_takes_the_invoice(page, tmp_path)
    _draws_the_line_of_the_alert(page, look)
    _sees_a_chargeback_as_it_happens(page, rep, look)
    _narrows_the_statement(page, look, tmp_path)
    _asks_why(page, look)
    _same_on_a_phone(page, look)
    # The browser tells the console of the invoice that Paddle does not have.
    assert [each for each in complaints if "409 (Conflict)" not in each] == []


def _whole(page: Page, look: Look, name: str) -> None:
    """The whole page, which scrolls inside of the window."""
    size = page.viewport_size or {"width": 1280, "height": 800}
    height = page.evaluate("document.querySelector('main').scrollHeight") + 120
    page.set_viewport_size({"width": size["width"], "height": min(height, 4_000)})
    look(page, name)
    page.set_viewport_size(size)


def _has_a_past(stack: Stack, rep: Rep) -> None:
    workspace_id = rep.call("GET", "/api/session")["workspace"]["id"]
    subprocess.run(
        [sys.executable, "-m", "tests.browser.history", workspace_id], env={**os.environ, **stack.env}, check=True
    )


def _reads_the_line(page: Page, look: Look) -> None:
    page.goto("/credits")
    line = page.get_by_role("slider", name="Balance, day by day")
    expect(page.get_by_text(re.compile(r"a day on average: the balance lasts \d+ days at this pace"))).to_be_visible()
    line.focus()
    page.keyboard.press("Home")
    expect(line).to_have_attribute("aria-valuenow", "0")
    first = str(line.get_attribute("aria-valuetext"))
    page.keyboard.press("ArrowRight")
    expect(line).not_to_have_attribute("aria-valuetext", first)
    expect(page.get_by_text(str(line.get_attribute("aria-valuetext")))).to_be_visible()
    page.keyboard.press("End")
    expect(line).to_have_attribute("aria-valuenow", "29")
    _whole(page, look, "credits-line")
    rows = page.get_by_role("table").filter(has_text="Balance at its end").get_by_role("row")
    expect(rows).to_have_count(0)
    page.get_by_text("Show as a table").press("Enter")
    expect(rows).to_have_count(31)
    page.get_by_role("button", name="7 days").press("Enter")
    expect(rows).to_have_count(8)
    page.get_by_role("button", name="90 days").press("Enter")
    expect(rows).to_have_count(91)
    page.get_by_text("Show as a table").press("Enter")
    _whole(page, look, "credits-90-days")


def _purchase(page: Page, pack: str) -> Locator:
    table = page.get_by_role("region", name="Purchases").get_by_role("table")
    return table.get_by_role("row").filter(has_text=pack)


def _buys_and_takes_the_invoice(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Buy Starter").click()
    frame = page.frame_locator("iframe[src*='/paddle/checkout/']")
    frame.get_by_role("button", name=re.compile("Pay")).click()
    expect(page.get_by_text(re.compile("credits were added"))).to_be_visible()
    page.goto("/credits")
    row = _purchase(page, "Starter")
    expect(row).to_contain_text("$10.00")
    with page.expect_download() as download:
        row.get_by_role("button", name=re.compile("Invoice")).click()
    saved = folder / "invoice.pdf"
    download.value.save_as(saved)
    assert saved.read_bytes().startswith(b"%PDF-")
    # Paddle knows nothing of the purchase of last month, which was only ever in our books.
    _purchase(page, "Last month").get_by_role("button", name=re.compile("Invoice")).click()
    expect(page.get_by_text(re.compile("Paddle has no invoice for this purchase yet"))).to_be_visible()


def _draws_the_line_of_the_alert(page: Page, look: Look) -> None:
    page.reload()
    page.get_by_label("Tell us below, in credits").fill("5000")
    page.get_by_role("button", name="Set the alert").click()
    expect(page.get_by_text(re.compile(r"below your alert of 5,000 credits since today"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Balance is low"))).to_be_visible()
    _whole(page, look, "credits-low")
    page.get_by_role("button", name="Turn it off").click()
    expect(page.get_by_text(re.compile("Nobody is told"))).to_be_visible()
    expect(page.get_by_text("Your credits are low")).not_to_be_visible()


def _sees_a_chargeback_as_it_happens(page: Page, rep: Rep, look: Look) -> None:
    """Without a reload: the number, the line, the purchase and the statement."""
    bought = rep.call("GET", "/api/credits/purchases")["items"]
    transaction_id = next(one["transaction_id"] for one in bought if one["pack_name"] == "Starter")
    balance = page.get_by_role("region", name="Balance", exact=True)
    before = balance.inner_text().split()[0]
    rep.sandbox("POST", f"/sandbox/api/paddle/transactions/{transaction_id}/chargeback")
    row = _purchase(page, "Starter")
    expect(row).to_contain_text("Charged back: 100 credits taken back")
    expect(row).to_contain_text("Taken back")
    expect(balance).not_to_contain_text(before)
    after = balance.inner_text().split()[0]
    assert float(before) - float(after) == 100
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(f": {re.escape(after)} credits"))
    expect(page.get_by_role("region", name="Statement")).to_contain_text("Chargeback")
    _whole(page, look, "credits-charged-back")


def _narrows_the_statement(page: Page, look: Look, folder: Path) -> None:
    statement = page.get_by_role("region", name="Statement")
    rows = statement.get_by_role("row")
    statement.get_by_label("Kind").select_option(label="Purchase")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile("kind=purchase"))
    with page.expect_download() as download:
        statement.get_by_role("link", name="Download as CSV").click()
    saved = folder / "statement.csv"
    download.value.save_as(saved)
    written = list(csv.DictReader(saved.open(newline="")))
    assert [(row["kind"], row["credits"]) for row in written] == [("purchase", "100.000"), ("purchase", "60.000")]
    assert [row["about"] for row in written] == ["Starter", "Last month's"]
    statement.get_by_label("To", exact=True).fill("2020-01-01")
    expect(statement.get_by_text("No such entries")).to_be_visible()
    page.reload()
    expect(statement.get_by_text("No such entries")).to_be_visible()
    statement.get_by_role("button", name="Clear").click()
    expect(rows).not_to_have_count(0)


def _asks_why(page: Page, look: Look) -> None:
    """By keyboard: down the rows, into the explanation and back to the row."""
    statement = page.get_by_role("region", name="Statement")
    explain = statement.get_by_role("link", name=re.compile("^Explain"))
    explain.first.focus()
    page.keyboard.press("ArrowDown")
    expect(explain.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Explain this entry")
    expect(drawer).to_contain_text("The payment of Starter was charged back, so 100 credits were taken back.")
    expect(drawer).to_contain_text("100 credits times USD 10.00 of USD 10.00 paid")
    expect(drawer).to_contain_text("The buyer's bank took the payment back")
    expect(drawer.get_by_role("row").filter(has_text="Your available credits")).to_contain_text("100")
    page.wait_for_timeout(SLIDES_IN_MS)
    look(page, "explanation")
    page.reload()
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    expect(page).not_to_have_url(re.compile("explain="))


def _same_on_a_phone(page: Page, look: Look) -> None:
    for width, scheme in ((390, "light"), (390, "dark"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto("/credits")
        expect(page.get_by_role("slider")).to_be_visible()
        _whole(page, look, f"credits-{width}-{scheme}")
        page.get_by_role("link", name=re.compile("^Explain")).first.click()
        expect(page.get_by_role("dialog")).to_contain_text("Postings")
        page.wait_for_timeout(SLIDES_IN_MS)
        look(page, f"explanation-{width}-{scheme}")
