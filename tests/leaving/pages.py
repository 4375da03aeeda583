"""What the people of the story do in the product's own pages, in a real browser."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.browser.conftest import FLAGS, signed_in

# What the browser's maker has it ask for by itself is not what pages ask for: it learns no address but this machine's.
_FLAGS: Final = [*FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]
# A worker that was killed and a disk that was full take their time.
_END_MS: Final = 90_000
# Calls and recognisers are at work beside the pages.
_PATIENCE_MS: Final = 60_000


class Pages:
    """Opens the pages, and notes every host that they ask. asked: host names, loopback included."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self._browser, self._stack = browser, stack
        self.asked: set[str] = set()

    def of_member(self, rep: Rep) -> Page:
        """In the session that the rep has."""
        page = self._new()
        signed_in(page, self._stack, rep)
        return page

    def writes_to_support(self, page: Page, words: str) -> None:
        _open(page, "/privacy")
        asking = page.get_by_role("region", name="Ask us")
        asking.get_by_label("What do you want?").select_option("grievance")
        asking.get_by_label("In your words").fill(words)
        asking.get_by_role("button", name="Send").click()
        expect(asking.get_by_text("A complaint")).to_be_visible()

    def asks(self, page: Page, question: str) -> None:
        _open(page, "/ask")
        page.get_by_label("Your question").fill(question)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_text(re.compile("Nothing in them answers this"))).to_be_visible()

    def deletes_account(self, page: Page, email: str) -> str:
        """At once; returns the receipt's address, on which the page is then."""
        _open(page, "/privacy")
        page.get_by_label(re.compile("^Now")).check()
        page.get_by_label(re.compile("to confirm")).fill(email)
        page.get_by_role("button", name="Delete my account").click()
        page.wait_for_url("**/erased/*")
        return urlsplit(page.url).path

    def deletes_what_is_held(self, number: str, control: Rep) -> str:
        """As somebody who was called, by the code that the phone gets; returns what the page showed of what is held."""
        page = self._new(width=390)
        _open(page, "/my-data")
        page.get_by_role("checkbox", name=re.compile("one-time passcode")).check()
        page.get_by_label("Your mobile number").fill(number)
        page.keyboard.press("Enter")
        expect(page.get_by_text("We sent a code to")).to_be_visible()
        page.get_by_label("Code").fill(control.newest_code(number))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="What is held about your number")).to_be_visible()
        shown = page.get_by_role("main").inner_text()
        page.get_by_label(re.compile("^Now")).check()
        page.get_by_label(re.compile("to confirm")).fill(number)
        page.get_by_role("button", name="Delete everything").click()
        self.sees_the_end(page)
        return shown

    @staticmethod
    def sees_the_end(page: Page) -> None:
        """The page notices by itself."""
        expect(page.get_by_text("Everything is deleted.")).to_be_visible(timeout=_END_MS)

    def _new(self, width: int = 1280) -> Page:
        context = self._browser.new_context(base_url=self._stack.url, viewport={"width": width, "height": 844})
        context.set_default_timeout(_PATIENCE_MS)
        context.on("request", lambda request: self.asked.add(urlsplit(request.url).hostname or ""))
        return context.new_page()


def _open(page: Page, path: str) -> None:
    """Until all of it is there: what is still to come moves what stands below it, and a click that is under way misses."""
    page.goto(path, wait_until="networkidle")


@contextmanager
def opened(stack: Stack) -> Iterator[Pages]:
    """A browser of the story's own."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM_PATH"], args=_FLAGS)
        yield Pages(browser, stack)
        browser.close()
