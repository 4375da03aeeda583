"""A whole stack and a real Chromium for the tests of this folder."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from compliance.cookies import COOKIES
from config.embedded import environment
from config.embedded.handle import Stack
from sandbox.rep import Rep

SCREENS = Path(__file__).resolve().parents[2] / "test-results" / "screens"
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # Names in the place of addresses are resolved by multicast, which not every machine has.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
Look = Callable[[Page, str], None]
# What the page about kept data declares; the others are for whoever proves a number without an account, and for our own people.
DECLARED: Final = {cookie.name for cookie in COOKIES}
ESSENTIAL: Final = {cookie.name for cookie in COOKIES if cookie.audience == "everybody"}
_STANDS_STILL: Final = """() => {
    const frame = () => new Promise(requestAnimationFrame);
    const ended = frame().then(frame).then(() => {
        const running = document.getAnimations().filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime));
        return Promise.allSettled(running.map((one) => one.finished));
    });
    return Promise.race([ended, new Promise((patience) => setTimeout(patience, 3_000))]).then(() => null);
}"""
_KEPT: Final = """async () => ({
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    databases: (await indexedDB.databases()).map((one) => one.name),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).map((one) => one.scope),
})"""


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """One for all stories: each has people, numbers and a workspace of its own."""
    with tempfile.TemporaryDirectory(prefix="klose-browser-") as folder:
        # PostgreSQL does not run as root, so others have to be able to enter.
        Path(folder).chmod(0o755)
        bare = Stack(Path(folder) / "data")
        # Twilio's signalling is played by the story that calls in the browser.
        settings = environment.browser_calls(bare.env)
        with Stack(bare.data_dir, ports=bare.ports, settings=settings) as running:
            yield running
            # Whatever the stories asked of Twilio kept its contract.
            assert httpx.get(f"{running.sandbox_url}/sandbox/api/defects").json() == []
            # Nor was it asked for any text message but passcodes.
            assert httpx.get(f"{running.sandbox_url}/sandbox/api/received").json()["messages_requests"] == 0


@pytest.fixture(autouse=True)
def _an_hour_has_passed(stack: Stack) -> None:
    """Since the story before: all come from one machine, to which an hour allows ten passcodes and twenty sign-ups."""
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE identity_otpattempt SET at = at - interval '1 hour'")
        connection.execute("UPDATE identity_accessevent SET at = at - interval '1 hour' WHERE kind = 'sign_up'")


@pytest.fixture(scope="package")
def control(stack: Stack) -> Iterator[Rep]:
    """The sandbox's phones, messages and faults."""
    rep = Rep(stack.url, stack.sandbox_url)
    yield rep
    rep.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=os.environ["CHROMIUM_PATH"], args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> list[str]:
    """What pages wrote into the console as errors, the browser's own refusals by policy included."""
    return []


@pytest.fixture
def new_page(browser: Browser, stack: Stack, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens pages in contexts of their own: new_page(width=1280, scheme="light")."""
    contexts: list[BrowserContext] = []

    def open_page(*, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=stack.url,
            viewport={"width": width, "height": 844 if width < 600 else 800},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on(
            "console",
            lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None,
        )
        return page

    yield open_page
    kept = [kept_by(page) for context in contexts for page in context.pages if page.url.startswith(stack.url)]
    for context in contexts:
        context.close()
    # Whatever the story was, its browser keeps what is declared and nothing else.
    for each in kept:
        assert each.pop("cookies", set()) <= DECLARED
        assert each == {}


def kept_by(page: Page) -> dict[str, Any]:
    """What the page's browser keeps for it by now: names of cookies, of both storages, databases, caches, service workers; those
    that there are."""
    found: dict[str, Any] = page.evaluate(_KEPT)
    cookies = {cookie["name"] for cookie in page.context.cookies()}
    return {kind: names for kind, names in {**found, "cookies": cookies}.items() if names}


@pytest.fixture
def look() -> Look:
    """Takes the page's picture for people, and refuses what people could not use: faults that axe finds, and content
    that is wider than the window."""
    axe = Axe()

    def check(page: Page, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        # An address that has been gone to is a page once it is drawn.
        page.locator("h1").first.wait_for(state="attached")
        # What still fades in is fainter than what people read.
        page.evaluate(_STANDS_STILL)
        page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
        found = axe.run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px wider than the window"

    return check


def signed_in(page: Page, stack: Stack, rep: Rep) -> None:
    """The page goes on in the rep's session."""
    # `__Host-` cookies are set only over https, and kept for localhost without it.
    secure = stack.url.replace("http:", "https:")
    page.context.add_cookies(
        [
            {"name": name, "value": value, "url": secure, "secure": True}
            for name, value in (part.split("=", 1) for part in rep.cookie_header.split("; "))
        ]
    )
