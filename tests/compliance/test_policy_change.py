"""A changed policy: published, told with receipts, in force, accepted once, or asked for first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from pytest_django.fixtures import Settings

from compliance import policy, policy_change
from compliance.models import ConsentEvent, PolicyMail, PolicyReceipt, PolicyVersion
from compliance.personal_data import STORE
from compliance.policy import sha256_of
from compliance.versions import FIRST, VERSIONS, NewPurpose, changed
from config.management.commands.clock import LANES
from identity import policy_mails
from identity.models import Membership
from identity.personal_data import subject_of
from tests.compliance import coming
from tests.compliance.coming import NAME, SUMMARY, WEEKLY, in_days, second
from tests.identity.browser import PASSWORD, Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.matrix.lean_door import LeanDoor, shown_by
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
# When the version whose notices are in the past was published.
THEN = NOW - timedelta(days=20)
FIRST_HASH = "e45dbd5be1a4c2cabe174933d19ac78c4c4b4b9759ce9a680072a34e168b2e8c"
Publish = Callable[..., list[str]]


@pytest.fixture
def publish(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """The release that brings a second version, deployed at `now`."""
    settings.POLICY_VERSIONS = "tests.compliance.coming"

    def deploy(
        effective_on: date, *, now: datetime = THEN, purposes: tuple[NewPurpose, ...] = (), **changes: Any
    ) -> Any:
        monkeypatch.setattr(coming, "VERSIONS", (FIRST, second(effective_on, purposes=purposes, **changes)))
        return policy_change.publish_versions(now=now)

    return deploy


@pytest.fixture
def mailbox(sandbox: Sandbox, settings: Settings) -> Callable[[str], list[dict[str, Any]]]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def read(to: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=to)
        return found

    return read


def tell(now: datetime) -> int:
    """What the clock does."""
    policy_mails.queue_policy_mails(now=now)
    return policy_mails.send_policy_mails(now=now)


def accepted(member: Membership) -> list[ConsentEvent]:
    events = ConsentEvent.objects.filter(user_id=member.user_id, purpose="policy")
    return list(events.filter(policy_version=NAME))


def test_texts_that_people_accepted_are_what_they_were() -> None:
    """A wording that was changed without a version of its own is found here; then add one to compliance/versions.py."""
    assert FIRST.name == policy.VERSION
    assert sha256_of("\n".join(f"{clause.id}\t{clause.text}" for clause in FIRST.clauses)) == FIRST_HASH


def test_the_registry_is_in_order() -> None:
    dates = [version.effective_on for version in VERSIONS]
    assert VERSIONS[0] is FIRST and dates == sorted(set(dates))
    assert all(version.summary for version in VERSIONS[1:])


def test_a_version_that_forgets_what_it_changes_is_refused() -> None:
    on = date(2027, 1, 1)
    with pytest.raises(ValueError, match="does not have"):
        changed(FIRST, name="x", effective_on=on, summary="s", texts={"C99": "new"})
    with pytest.raises(ValueError, match="where Twilio writes calls down"):
        changed(FIRST, name="x", effective_on=on, summary="s", texts={"C1.4": "new"})
    with pytest.raises(ValueError, match="has or had"):
        changed(FIRST, name="x", effective_on=on, summary="s", added=[FIRST.clauses[0]])


@pytest.mark.policy("C10.2")
def test_everybody_is_told_by_mail_before_it_takes_effect_once_and_with_a_receipt(
    publish: Publish, make_account: MakeAccount, mailbox: Callable[[str], list[dict[str, Any]]]
) -> None:
    member = make_account()
    assert tell(THEN) == 0
    assert publish(in_days(20), now=NOW) == [NAME]
    assert tell(NOW) == 1
    [mail] = mailbox(member.user.email)
    assert SUMMARY in mail["text"] and f"/policy/changes?version={NAME}" in mail["text"]
    assert f"{in_days(20):%-d %B %Y}" in mail["text"]
    [receipt] = PolicyReceipt.objects.all()
    row = PolicyVersion.objects.get()
    assert (receipt.user_id, receipt.version, receipt.channel) == (member.user_id, NAME, "mail")
    assert (receipt.at, receipt.text_hash) == (NOW, policy.of_row(row).text_hash)
    assert receipt.at < row.effective_at
    assert (publish(in_days(20), now=NOW), tell(NOW + timedelta(days=1))) == ([], 0)
    late = make_account(email="late@example.com", mobile="+1 202 555 0111")
    assert tell(NOW + timedelta(days=2)) == 1
    assert len(mailbox(late.user.email)) == 1 and len(mailbox(member.user.email)) == 1
    assert policy.current_version() == FIRST.name


def test_the_queue_is_filled_and_emptied_in_parts_and_goes_on_where_it_stopped(
    publish: Publish, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, settings: Settings
) -> None:
    monkeypatch.setattr(policy_mails, "QUEUED_AT_ONCE_MAX", 2)
    monkeypatch.setattr(policy_mails, "AT_ONCE_MAX", 1)
    for number in range(3):
        make_account(email=f"person{number}@example.com", mobile=f"+1 202 555 014{number}")
    publish(in_days(20), now=NOW)
    assert [policy_mails.queue_policy_mails(now=NOW) for _ in range(3)] == [2, 1, 0]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT, open_port = 1, settings.EMAIL_PORT
    assert policy_mails.send_policy_mails(now=NOW) == 0
    assert not PolicyReceipt.objects.exists()
    settings.EMAIL_PORT = open_port
    later = NOW + timedelta(minutes=6)
    assert [policy_mails.send_policy_mails(now=later) for _ in range(4)] == [1, 1, 1, 0]
    assert PolicyReceipt.objects.count() == 3


def test_nobody_gets_a_mail_that_would_come_too_late(publish: Publish, make_account: MakeAccount) -> None:
    member = make_account()
    publish(in_days(-1))
    policy_mails.queue_policy_mails(now=THEN)
    assert PolicyMail.objects.filter(user_id=member.user_id).exists() and policy_mails.send_policy_mails(now=NOW) == 0
    assert not PolicyMail.objects.exists() and not PolicyReceipt.objects.exists()


@pytest.mark.policy("C10.2")
def test_a_version_that_comes_too_late_or_was_edited_is_an_error_and_changes_nothing(
    publish: Publish, caplog: pytest.LogCaptureFixture, make_account: MakeAccount
) -> None:
    make_account()
    assert publish(in_days(13), now=NOW) == [] and not PolicyVersion.objects.exists()
    publish(in_days(20), now=NOW)
    before = PolicyVersion.objects.values().get()
    assert publish(in_days(20), now=NOW, receives={"paddle": ["email"]}) == []
    assert PolicyVersion.objects.values().get() == before
    errors = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert errors == [
        "policy version comes too late to tell people",
        "policy version was edited after people were told of it",
    ]


@pytest.mark.policy("C10.3")
def test_the_first_use_after_the_date_accepts_it_exactly_once_however_many_come_together(
    publish: Publish, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    idle = make_account(email="idle@example.com", mobile="+1 202 555 0111")
    browsers = [sign_in(member), sign_in(member)]
    publish(in_days(-1))
    tell(THEN)
    assert browsers[0].get("/api/session")[1]["must_answer_policy"] is False
    assert accepted(member) == []

    def use(number: int) -> int:
        own = Browser()
        own.client.cookies.update(browsers[number % 2].client.cookies)
        try:
            return own.get("/api/leads")[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(16))) == {200}
    [event] = accepted(member)
    assert (event.given, event.ip) == (True, "198.51.100.7")
    assert event.text_hash == policy.present().text_hash
    assert accepted(idle) == []
    assert browsers[0].get("/api/leads")[0] == 200 and len(accepted(member)) == 1
    words = [each["text"] for each in browsers[0].get("/api/privacy/consents")[1]["items"]]
    assert f"version {NAME}" in words[0]


@pytest.mark.policy("C10.2", "C10.3")
def test_who_was_not_told_in_time_answers_first_and_has_every_right_meanwhile(
    publish: Publish, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    page = sign_in(member)
    publish(in_days(-1))
    assert page.get("/api/session")[1]["must_answer_policy"] is True
    for method, path in ((page.get, "/api/leads"), (page.get, "/api/credits"), (page.get, "/api/team")):
        status, problem = method(path)
        assert (status, code_of(problem)) == (403, "policy_unanswered")
    for path in ("privacy/held", "privacy/export", "privacy/erasure/preview", "privacy/consents", "ways-in"):
        assert page.get(f"/api/{path}")[0] == 200
    assert (page.post("/api/session/proof", {"present": PASSWORD})[0], accepted(member)) == (204, [])
    asked = page.get("/api/policy/notice")[1]
    assert (asked["question"]["version"], asked["question"]["summary"], asked["purposes"]) == (NAME, SUMMARY, [])
    assert page.post("/api/policy/answer", {"version": FIRST.name, "answers": []})[0] == 409
    for _ in range(2):
        assert page.post("/api/policy/answer", {"version": NAME, "answers": []})[0] == 204
    assert page.get("/api/leads")[0] == 200
    assert len(accepted(member)) == 1
    assert page.get("/api/session")[1]["must_answer_policy"] is False


def test_lean_reads_wait_for_the_answer_too(publish: Publish, make_account: MakeAccount, sign_in: SignIn) -> None:
    page = sign_in(make_account())
    with closing(LeanDoor(1)) as door:
        assert door.ask("/api/leads", shown_by(page.client)) is not None
        publish(in_days(-1))
        assert door.ask("/api/leads", shown_by(page.client)) is None
        assert page.post("/api/policy/answer", {"version": NAME, "answers": []})[0] == 204
        assert page.get("/api/leads")[0] == 200
        assert door.ask("/api/leads", shown_by(page.client)) is not None


@pytest.mark.policy("C10.3")
def test_a_new_purpose_asks_everybody_and_a_no_is_as_good_as_a_yes(
    publish: Publish, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    page = sign_in(member)
    publish(in_days(-1), purposes=(WEEKLY,))
    tell(THEN)
    assert policy_change.was_told(user_id=member.user_id, of=policy.present())
    assert code_of(page.get("/api/leads")[1]) == "policy_unanswered"
    [asked] = page.get("/api/policy/notice")[1]["purposes"]
    assert (asked["words"], asked["if_no"]) == (WEEKLY.words, WEEKLY.if_no)
    status, problem = page.post("/api/policy/answer", {"version": NAME, "answers": []})
    assert (status, code_of(problem)) == (422, "answer_missing") and WEEKLY.title in problem["detail"]
    extra = [{"purpose": WEEKLY.key, "given": False}, {"purpose": "sms", "given": True}]
    assert page.post("/api/policy/answer", {"version": NAME, "answers": extra})[0] == 422
    assert page.post("/api/policy/answer", {"version": NAME, "answers": extra[:1]})[0] == 204
    assert page.get("/api/leads")[0] == 200

    def said() -> list[bool]:
        events = ConsentEvent.objects.filter(user_id=member.user_id, purpose=WEEKLY.key).order_by("at", "id")
        return list(events.values_list("given", flat=True))

    assert said() == [False]
    for given in (True, True, False):
        assert page.post("/api/privacy/purposes", {"purpose": WEEKLY.key, "given": given})[0] == 204
        assert page.get("/api/privacy/purposes")[1]["items"][-1]["given"] is given
    assert said() == [False, True, False]
    assert code_of(page.post("/api/privacy/purposes", {"purpose": "sms", "given": True})[1]) == "purpose_unknown"
    # Who signs up afterwards accepts the policy at once and is asked for the purpose too.
    newcomer = sign_in(make_account(email="new@example.com", mobile="+1 202 555 0111"))
    assert newcomer.get("/api/session")[1]["must_answer_policy"] is True


@pytest.mark.policy("C10.2")
def test_the_page_tells_it_too_and_keeps_a_receipt_of_its_own(
    publish: Publish, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    page = sign_in(member)
    assert not any(page.get("/api/policy/notice")[1].values())
    publish(in_days(20), now=NOW)
    shown = page.get("/api/policy/notice")[1]
    assert (shown["coming"]["version"], shown["coming"]["state"], shown["confirmed"]) == (NAME, "coming", False)
    for _ in range(2):
        assert page.post("/api/policy/notice", {"version": NAME})[0] == 204
    assert page.get("/api/policy/notice")[1]["confirmed"] is True
    assert [each.channel for each in PolicyReceipt.objects.all()] == ["app"]
    assert code_of(page.post("/api/policy/notice", {"version": FIRST.name})[1]) == "no_policy_notice"
    held = {each["element"]: each["count"] for each in page.get("/api/privacy/held")[1]["items"]}
    assert held["policy_notice"] == 1
    assert page.get("/api/privacy/export")[1]["data"]["policy_notice"]["items"][0]["by"] == "app"


@pytest.mark.policy("C10.1")
def test_versions_and_receipts_are_never_changed(publish: Publish, make_account: MakeAccount) -> None:
    member = make_account()
    publish(in_days(20), now=NOW)
    row = PolicyVersion.objects.get()
    policy_change.note_told(version=row, user_id=member.user_id, channel="app", now=NOW)
    receipts = PolicyReceipt.objects.all()
    for change in (
        lambda: PolicyVersion.objects.update(summary="nothing"),
        lambda: PolicyVersion.objects.all().delete(),
        lambda: receipts.update(at=THEN),
        lambda: receipts.delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    subject = subject_of(member.user_id)
    assert STORE.erase(subject, now=NOW)["policy_notice"] == 1
    [left] = receipts
    assert (left.user_id, left.at, left.unlinked_at) == (None, NOW, NOW)
    assert STORE.verify(subject) == 0


@pytest.mark.policy("C10.1")
def test_every_version_stays_readable_and_what_changed_is_told_word_by_word(publish: Publish) -> None:
    publish(in_days(-1))
    page = Browser()
    served = page.get("/api/policy/versions")[1]["items"]
    assert [(each["version"], each["state"]) for each in served] == [(NAME, "in_force"), (FIRST.name, "past")]
    old = page.get(f"/api/policy?version={FIRST.name}")[1]
    new = page.get("/api/policy")[1]
    assert (old["state"], new["version"]) == ("past", NAME)
    assert [clause["text"] for clause in old["clauses"]] == [clause.text for clause in FIRST.clauses]
    assert code_of(page.get("/api/policy?version=1999-1")[1]) == "policy_version_unknown"
    changes = page.get("/api/policy/changes")[1]
    assert (changes["before"]["version"], changes["after"]["version"]) == (FIRST.name, NAME)
    found = {change["id"]: change for change in changes["items"]}
    assert {key: change["kind"] for key, change in found.items()} == {
        "C2.2": "changed",
        "C2.9": "added",
        "C8.3": "removed",
    }
    pieces = found["C2.2"]["pieces"]
    texts = {each["id"]: each["text"] for each in old["clauses"]}, {each["id"]: each["text"] for each in new["clauses"]}
    for kind, wording in (("gone", texts[0]), ("new", texts[1])):
        words = " ".join("".join(p["text"] for p in pieces if p["kind"] in ("same", kind)).split())
        assert words == wording["C2.2"]
    assert page.get(f"/api/policy/changes?version={FIRST.name}")[1]["before"] is None
    assert page.get("/api/policy/changes?since=1999-1")[0] == 404


def test_who_signs_up_under_the_new_version_has_accepted_it(
    publish: Publish, make_account: MakeAccount, sign_in: SignIn
) -> None:
    publish(in_days(-1))
    assert Browser().post("/api/signup", form(policy_version=FIRST.name))[0] == 422
    member = make_account()
    assert sign_in(member).get("/api/leads")[0] == 200
    assert len(accepted(member)) == 1


def test_the_clock_publishes_and_tells() -> None:
    work = {each for rounds in LANES.values() for _, each in rounds}
    assert {
        policy_change.publish_versions,
        policy_mails.queue_policy_mails,
        policy_mails.send_policy_mails,
    } <= work


@pytest.mark.policy("C4.9", "C10.2")
@pytest.mark.parametrize(("days", "allowed"), [(20, False), (-1, True)])
def test_nothing_goes_to_a_recipient_before_the_version_that_names_it_is_in_force(
    publish: Publish, days: int, allowed: bool
) -> None:
    assert policy.may_receive("paddle", {"email", "account_reference"})
    publish(in_days(days), now=NOW if days > 0 else THEN, receives={"crm": ["email"]})
    assert policy.may_receive("crm", {"email", "paging", "account_reference"}) is allowed
    assert not policy.may_receive("crm", {"phone"})
    assert not policy.may_receive("paddle", {"phone"})
