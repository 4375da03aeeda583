"""The owner bounds what the team may do at once and spend."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Look


def bounds_the_team(team: Page, look: Look) -> None:
    region = team.get_by_role("region", name="Limits of the team")
    region.get_by_role("button", name="Change the limits").click()
    dialog = team.get_by_role("dialog", name="Limits of the team")
    dialog.get_by_label("Calls at once").fill("0")
    expect(dialog.get_by_text("Write a whole number from 1 to 10,000, such as 8.")).to_be_visible()
    dialog.get_by_label("Calls at once").fill("8")
    dialog.get_by_label("Credits a month").fill("1,500")
    look(team, "team-limits-dialog-390-light")
    dialog.get_by_role("button", name="Save").click()
    expect(region.get_by_role("row", name="Calls at once 0 8")).to_be_visible()
    expect(region.get_by_role("row", name="Credits this month 0 1,500")).to_be_visible()
    expect(team.get_by_role("row", name=re.compile("Olive Owner changed the limits of the team"))).to_be_visible()
    in_sight(team, region, look, "team-limits-390-light")
    team.set_viewport_size({"width": 1280, "height": 800})
    team.emulate_media(color_scheme="dark")
    in_sight(team, region, look, "team-limits-1280-dark")
    team.set_viewport_size({"width": 390, "height": 844})
    team.emulate_media(color_scheme="light")


def in_sight(page: Page, panel: Locator, look: Look, name: str) -> None:
    panel.evaluate("(it) => it.scrollIntoView({block: 'start'})")
    look(page, name)
