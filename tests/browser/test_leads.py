"""A list of leads that another program wrote is told as what it was read as, and a lead that nobody needs is removed with what it holds.

Planted bug that this catches: a lead that stays in the list until the page is loaded anew.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import Look, signed_in

LISTER = Person(first_name="Lisa", last_name="Lister", email="lisa@list.example", mobile="+12025550158")
SIZES: Final[tuple[tuple[int, Literal["light", "dark"]], ...]] = (
    (1280, "light"),
    (1280, "dark"),
    (390, "light"),
    (390, "dark"),
)


def test_a_file_that_is_no_utf8_is_told_and_a_lead_that_came_so_is_removed(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str], tmp_path: Path
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(LISTER)
    page = new_page()
    signed_in(page, stack, rep)
    page.goto("/leads")
    _imports(page, look, tmp_path)
    _removes(page, look)
    assert [lead["first_name"] for lead in rep.call("GET", "/api/leads")["items"]] == ["Ada Byron"]
    rep.close()
    assert complaints == []


def _imports(page: Page, look: Look, folder: Path) -> None:
    file = folder / "from-japan.csv"
    file.write_bytes("Name,Phone\nAda Byron,+442079460018\n山田,+442079460019\n".encode("shift-jis"))
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog", name="Import leads")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("status")).to_have_text("2 leads added.")
    expect(dialog.get_by_text(re.compile("The file is not in UTF-8: line 3 was read as “ŽR“c”"))).to_be_visible()
    _in_all_sizes(page, look, "imported-other-encoding")
    dialog.get_by_role("button", name="Close").last.click()


def _removes(page: Page, look: Look) -> None:
    page.get_by_role("button", name="Change ŽR").click()
    page.get_by_role("dialog", name="Change lead").get_by_role("button", name="Remove this lead").click()
    dialog = page.get_by_role("dialog", name=re.compile("^Remove ŽR.*\\?$"))
    expect(dialog.get_by_text("cannot be undone")).to_be_visible()
    _in_all_sizes(page, look, "remove-lead")
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("ŽR").first).to_be_visible()
    page.get_by_role("button", name="Change ŽR").click()
    page.get_by_role("button", name="Remove this lead").click()
    dialog.get_by_role("button", name="Remove lead", exact=True).click()
    expect(page.get_by_text("ŽR")).to_have_count(0)
    expect(page.get_by_text("Ada Byron")).to_be_visible()


def _in_all_sizes(page: Page, look: Look, name: str) -> None:
    for width, scheme in reversed(SIZES):
        page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
        page.emulate_media(color_scheme=scheme)
        look(page, f"{name}-{width}-{scheme}")
