"""A changed policy as people meet it: told, compared, asked, answered; and taking back is no harder than giving."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Person, Rep
from tests.browser.conftest import ESSENTIAL, FLAGS, Look, kept_by, signed_in
from tests.compliance.coming import NAME, WEEKLY, in_days, second

READER = Person(first_name="Rhea", last_name="Reader", email="rhea@reads.example", mobile="+12025550156")
# Without a session and without anything to keep.
PUBLIC = ("/policy", "/policy/data", "/policy/recipients", "/policy/contact", "/policy/changes")


class Clicks:
    """Counts what a person does with the mouse or the space bar."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, target: Locator) -> None:
        self.count += 1
        target.click()


@contextmanager
def version_coming(stack: Stack) -> Iterator[Callable[[timedelta], None]]:
    """A version that the registry of this stack does not have, in its database; gives a way to bring its date nearer."""
    version = second(in_days(20), purposes=(WEEKLY,))
    now = datetime.now(UTC)
    content = [
        [asdict(clause) for clause in version.clauses],
        [asdict(purpose) for purpose in version.purposes],
        dict(version.where_twilio_writes),
        {key: sorted(classes) for key, classes in version.receives.items()},
    ]
    with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:

        def set_date(effective: timedelta) -> None:
            connection.execute("ALTER TABLE compliance_policyversion DISABLE TRIGGER USER")
            connection.execute("UPDATE compliance_policyversion SET effective_at = %s", [now + effective])
            connection.execute("ALTER TABLE compliance_policyversion ENABLE TRIGGER USER")

        connection.execute(
            """
            INSERT INTO compliance_policyversion (id, name, effective_at, published_at, summary, clauses, purposes,
                where_twilio_writes, receives, text_hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '')
            """,
            [uuid4(), NAME, version.effective_at, now, version.summary, *map(json.dumps, content)],
        )
        try:
            yield set_date
        finally:
            connection.execute("ALTER TABLE compliance_policyversion DISABLE TRIGGER USER")
            connection.execute("DELETE FROM compliance_policymail")
            connection.execute("DELETE FROM compliance_policyversion")
            connection.execute("ALTER TABLE compliance_policyversion ENABLE TRIGGER USER")


def pages_of(*files: str) -> set[str]:
    """The addresses of the pages that these files of the frontend declare, without those that name one thing."""
    app = PROJECT / "frontend" / "src" / "app"
    found = {path for file in files for path in re.findall(r'path: "([^"]+)"', (app / file).read_text())}
    return {path for path in found if "$" not in path}


@pytest.mark.policy("C10.2", "C10.3", "C5.1-4", "C11")
def test_a_changed_policy_is_told_compared_asked_and_answered(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(READER)
    page = new_page()
    signed_in(page, stack, rep)
    with version_coming(stack) as set_date:
        page.goto("/leads")
        notice = page.get_by_role("status").filter(has_text="Our privacy policy changes on")
        expect(notice).to_contain_text("weekly mail")
        look(page, "policy-notice-1280-light")
        notice.get_by_role("link", name="Every change, word by word").click()
        expect(page.get_by_role("heading", name="What changed in the privacy policy")).to_be_visible()
        changed = page.get_by_role("region", name="What we use it for, C2.2")
        expect(changed.locator("del")).not_to_have_count(0)
        expect(changed.locator("ins").first).to_contain_text("or spoken")
        look(page, "policy-changes-1280-light")
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        look(page, "policy-changes-390-dark")
        page.get_by_role("link", name="Policy", exact=True).click()
        page.get_by_label("Version").select_option(NAME)
        expect(page.get_by_text("This version takes effect on")).to_be_visible()
        look(page, "policy-coming-390-dark")
        page.goto("/leads")
        expect(notice).to_be_visible()
        look(page, "policy-notice-390-dark")
        page.get_by_role("button", name="I have read this").click()
        expect(notice).to_have_count(0)

        set_date(-timedelta(hours=1))
        page.goto("/leads")
        expect(page.get_by_role("heading", name="Our privacy policy has changed")).to_be_visible()
        expect(page.get_by_text(f"If you say no: {WEEKLY.if_no}")).to_be_visible()
        look(page, "policy-question-390-dark")
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
        look(page, "policy-question-1280-light")
        save = page.get_by_role("button", name="Accept the policy and save my answers")
        expect(save).to_be_disabled()
        page.get_by_role("link", name="Take your data along or delete your account").click()
        expect(page.get_by_role("heading", name="Privacy centre")).to_be_visible()
        expect(page.get_by_role("heading", name="Delete my account")).to_be_visible()
        page.go_back()
        giving = Clicks()
        giving.on(page.get_by_role("radio", name="Yes, I agree"))
        giving.on(save)
        expect(page.get_by_role("heading", name="Leads")).to_be_visible()
        # Browsers drop the tab: two slashes would lead to another site.
        page.goto("/policy-question?next=%2F%09%2Fevil.example")
        expect(page.get_by_role("link", name="Go on to Klosesales")).to_have_attribute("href", "/call")

        page.goto("/privacy")
        asked = page.get_by_role("region", name="What you may allow us").get_by_role("listitem")
        allowed = asked.filter(has_text=WEEKLY.title)
        expect(allowed.get_by_text("Allowed", exact=True)).to_be_visible()
        expect(page.get_by_role("region", name="What you agreed to").get_by_text(WEEKLY.title)).to_be_visible()
        look(page, "privacy-purposes-1280-light")
        withdrawing = Clicks()
        withdrawing.on(allowed.get_by_role("button", name="Take back"))
        expect(allowed.get_by_text("Not allowed", exact=True)).to_be_visible()
        assert withdrawing.count <= giving.count
        again = Clicks()
        again.on(allowed.get_by_role("button", name="Allow"))
        expect(allowed.get_by_text("Allowed", exact=True)).to_be_visible()
        assert withdrawing.count <= again.count
        # Agreed to at sign-up by ticking a box.
        transfer = asked.filter(has_text="Storage in the European Union")
        expect(transfer.get_by_text("Twilio (United States)")).to_be_visible()
        transfer.get_by_role("button", name="Take back").click()
        expect(transfer.get_by_text("Not allowed", exact=True)).to_be_visible()
    rep.close()
    assert [each for each in complaints if "status of 4" not in each] == []


@pytest.mark.policy("C3.1", "C5.1-4")
def test_stopping_text_messages_takes_no_more_clicks_than_allowing_them(
    stack: Stack, control: Rep, new_page: Callable[..., Page]
) -> None:
    person = Person(first_name="Cleo", last_name="Clicks", email="cleo@clicks.example", mobile="+12025550158")
    page = new_page()
    page.goto("/sign-up")
    giving = Clicks()
    for label, value in (("First name", person.first_name), ("Last name", person.last_name), ("E-mail", person.email)):
        page.get_by_label(label).fill(value)
    page.get_by_label("Mobile number").fill(person.mobile)
    page.get_by_label("Password", exact=False).first.fill(person.password)
    box = page.get_by_role("checkbox", name=re.compile("text message"))
    expect(box).not_to_be_checked()
    giving.on(box)
    page.get_by_role("checkbox", name=re.compile("privacy policy")).check()
    page.get_by_role("checkbox", name=re.compile("servers in the European Union")).check()
    giving.on(page.get_by_role("button", name="Create account"))
    expect(page.get_by_text("We sent a code to")).to_be_visible()
    page.get_by_label("Code").fill(control.newest_code(person.mobile))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation").first).to_be_visible()
    page.goto("/privacy")
    withdrawing = Clicks()
    withdrawing.on(page.get_by_role("button", name="Stop text messages"))
    withdrawing.on(page.get_by_role("dialog").get_by_role("button", name="Stop text messages"))
    expect(page.get_by_role("heading", name="Text messages are stopped")).to_be_visible()
    assert withdrawing.count <= giving.count


@pytest.fixture
def without_cookies(browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser whose user has switched cookies off, as its settings do it."""
    (tmp_path / "Default").mkdir()
    off = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(off))
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=os.environ["CHROMIUM_PATH"], args=FLAGS, base_url=stack.url
    )
    yield context.pages[0]
    context.close()


@pytest.mark.policy("C8.3")
def test_without_cookies_public_pages_work_and_signing_in_says_what_is_missing(
    without_cookies: Page, look: Look
) -> None:
    page, faults, shown = without_cookies, list[str](), list[str]()
    page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 500 else None)
    page.on("framenavigated", lambda frame: shown.append(frame.url))
    for path in sorted(pages_of("openRoutes.ts")):
        shown.clear()
        page.goto(path)
        expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        assert len(shown) <= 4, f"{path} leads from page to page"
    told = page.get_by_role("alert").filter(has_text="Your browser refuses cookies")
    page.goto("/leads")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(told).to_contain_text("Allow cookies for this site")
    look(page, "sign-in-without-cookies")
    page.get_by_label("E-mail").fill("nobody@cookies.example")
    page.get_by_label("Password", exact=False).first.fill("calm-harbour-lantern-42")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_have_count(2)
    page.goto("/policy")
    expect(told).to_have_count(0)
    # Its other stores are shut by the same setting.
    assert (page.context.cookies(), faults) == ([], [])


@pytest.mark.policy("C8.1", "C8.2", "C8.3", "C0", "C11")
def test_the_pages_about_privacy_need_no_cookie_and_every_page_keeps_the_essential_ones_alone(
    stack: Stack, new_page: Callable[..., Page], look: Look, complaints: list[str]
) -> None:
    page = new_page()
    for path, name in (
        ("/policy", "policy"),
        ("/policy/data", "policy-data"),
        ("/policy/recipients", "policy-recipients"),
        ("/policy/contact", "policy-contact"),
        ("/policy/changes", "policy-first"),
    ):
        for width, scheme in ((1280, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 844 if width < 600 else 800})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(path)
            expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
            look(page, f"{name}-{width}-{scheme}")
        anchors = page.locator("a[href^='#']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert [each for each in anchors if page.locator(f"[id='{each[1:]}']").count() != 1] == []
        assert kept_by(page) == {}
    page.goto("/policy")
    expect(page.get_by_role("main").locator("[id='C11']")).to_contain_text("support@klosesales.com")
    person = Person(first_name="Cora", last_name="Cookie", email="cora@cookies.example", mobile="+12025550159")
    rep = Rep(stack.url, stack.sandbox_url)
    rep.sign_up(person)
    signed_in(page, stack, rep)
    stranger = new_page()
    for visitor, paths in ((stranger, pages_of("openRoutes.ts") - {*PUBLIC}), (page, pages_of("router.tsx"))):
        for path in sorted(paths):
            visitor.goto(path)
            expect(visitor.get_by_role("heading").first).to_be_visible()
            kept = kept_by(visitor)
            assert kept.pop("cookies", set()) <= ESSENTIAL, path
            assert kept == {}, path
    page.goto("/privacy")
    expect(page.get_by_role("heading", name="Privacy centre")).to_be_visible()
    look(page, "privacy-signed-in-390-dark")
    rep.close()
    # Pages of strangers ask who is there.
    assert [each for each in complaints if "status of 4" not in each] == []
