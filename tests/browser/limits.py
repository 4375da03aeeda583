"""The owner bounds what the team may do at once and spend, and manages one of more people than a page lists."""

import os
import re
import subprocess
import sys

from playwright.sync_api import Locator, Page, expect

from config.embedded.handle import Stack
from tests.browser.conftest import Look
from tests.house.house import PROJECT

# As many as a page of members has, so that with the owner one is on the next.
_CROWD = """
from identity.models import Membership
from tests.identity.teams import crowd_in
for number in range(100):
    crowd_in(Membership.objects.get(user__email={email!r}), f"Nia{{number:03}}", number)
"""


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


def shows_who_is_further_down(team: Page, stack: Stack, owner_email: str) -> None:
    """Red when the page ends with the first hundred, or when who came by the button cannot be made the owner."""
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", _CROWD.format(email=owner_email)]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, **stack.env}, check=True, timeout=60)
    team.reload()
    members = team.get_by_role("region", name=re.compile("^Members of"))
    expect(members.get_by_role("button", name="Remove Nia098")).to_be_visible()
    heirs = team.get_by_label("New owner")
    expect(heirs.get_by_role("option", name="Nia099 Low")).to_have_count(0)
    members.get_by_role("button", name="Show more").click()
    last = members.get_by_role("button", name="Remove Nia099")
    expect(last).to_be_visible()
    expect(team.get_by_role("button", name="Show more")).to_have_count(0)
    expect(heirs.get_by_role("option", name="Nia099 Low")).to_have_count(1)
    last.click()
    team.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(last).to_have_count(0)
