"""A session that ends in another tab.

Planted bug that this catches: leaving for the sign-in page at every drawing, each time with the address before it as the
way back, grows the address until the tab dies.
"""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.browser.conftest import Look
from tests.browser.test_journey import EMAIL, MOBILE, PASSWORD, _sign_up


def test_a_tab_whose_session_ends_elsewhere_asks_to_sign_in_and_comes_back(
    stack: Stack, control: Rep, new_page: Callable[..., Page], look: Look
) -> None:
    page = new_page()
    _sign_up(page, control, look)
    page.goto("/leads")
    expect(page.get_by_role("heading", name="Leads")).to_be_visible()
    other = page.context.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url == f"{stack.url}/sign-in?next=%2Fleads"
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").dblclick()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(MOBILE))
    page.get_by_role("button", name="Verify").dblclick()
    expect(page).to_have_url(re.compile("/leads$"))
