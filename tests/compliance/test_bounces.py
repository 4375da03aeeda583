"""Mails of ours that come back: whom they were to tell counts as not told, and no report makes us write to anybody.

Planted bugs that this catches: a notice that counts although it came back; a report that is believed whatever mail it names; one about a
late mail that counts as a failure; one that opens a case, or is answered.
"""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from compliance import case_mails, policy_change
from compliance.models import Case, CaseEntry, CaseMail, PolicyMail, PolicyReceipt
from compliance.versions import FIRST
from identity import policy_mails
from processors.mail import message_id, sent_by_us
from processors.models import Guesses
from tests.compliance import coming
from tests.compliance.coming import NAME, in_days, second
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import at_desk

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
THEN = NOW - timedelta(days=20)
GONE = "ada@bounces.example"
Came = Callable[[], str]


@pytest.fixture
def came_back(sandbox: Sandbox, settings: Settings) -> Came:
    """The newest report that our mail server got."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAIL_AUTHSERV_ID = "mx.klose.example"
    # Of this test alone, as the mailboxes of the sandbox are everybody's.
    settings.DEFAULT_FROM_EMAIL = f"support@{datetime.now(UTC).timestamp():.6f}.example".replace(".", "-", 1)

    def newest() -> str:
        [*_, report] = sandbox.ask("GET", "/mails", to=settings.DEFAULT_FROM_EMAIL)
        return str(report["text"])

    return newest


@pytest.fixture
def told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A version of the policy is published, and everybody gets the mail about it."""
    settings.POLICY_VERSIONS = "tests.compliance.coming"

    def tell(*, days: int, now: datetime) -> None:
        monkeypatch.setattr(coming, "VERSIONS", (FIRST, second(in_days(days))))
        policy_change.publish_versions(now=now)
        policy_mails.queue_policy_mails(now=now)
        assert policy_mails.send_policy_mails(now=now) > 0

    return tell


def receive(report: str) -> None:
    call_command("receive_mail", stdin=io.BytesIO(report.encode()))


def channels() -> list[str]:
    return sorted(PolicyReceipt.objects.values_list("channel", flat=True))


@pytest.mark.policy("C10.2")
def test_who_got_no_mail_about_the_policy_was_not_told_until_the_page_tells_them(
    told: Callable[..., None], came_back: Came, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account(email=GONE)
    page = sign_in(member)
    told(days=20, now=NOW)
    before = page.get("/api/policy/notice")[1]
    assert (before["confirmed"], before["mail_came_back"]) == (False, False)
    for _ in range(2):
        receive(came_back())
    assert channels() == ["back", "mail"]
    after = page.get("/api/policy/notice")[1]
    assert (after["coming"]["version"], after["confirmed"], after["mail_came_back"]) == (NAME, False, True)
    [told_of] = PolicyReceipt.objects.filter(channel="back")
    assert (told_of.user_id, told_of.version) == (member.user_id, NAME)
    [counted] = at_desk("privacy_officer", "Pia").get("/api/staff/recipients")[1]["told"]
    assert counted == {
        "version": NAME,
        "effective_on": in_days(20).isoformat(),
        "by_mail": 0,
        "came_back": 1,
        "on_page": 0,
        "waiting": 0,
    }
    listed = io.StringIO()
    call_command("policy", stdout=listed)
    assert "0 by mail, 0 on the page, 1 mails came back, 0 waiting" in listed.getvalue()
    assert (Case.objects.count(), CaseMail.objects.count()) == (0, 0)


@pytest.mark.policy("C10.2", "C10.3")
def test_their_use_accepts_nothing_and_they_are_asked_instead(
    told: Callable[..., None], came_back: Came, make_account: MakeAccount, sign_in: SignIn
) -> None:
    page = sign_in(make_account(email=GONE))
    reached = sign_in(make_account(email="reached@example.com", mobile="+1 202 555 0111"))
    told(days=-1, now=THEN)
    receive(came_back())
    assert code_of(page.get("/api/leads")[1]) == "policy_unanswered"
    assert page.get("/api/policy/notice")[1]["question"]["version"] == NAME
    assert reached.get("/api/leads")[0] == 200


def forged(real: str) -> dict[str, str]:
    """What somebody may make of a report that they have seen."""
    mail = PolicyMail.objects.get()
    ours = message_id(kind="policy_change", row_id=mail.id)
    other = message_id(kind="policy_changes", row_id=mail.id)
    return {
        "guessed": real.replace(ours, f"<policy_change.{mail.id}.{'0' * 32}@klosesales.com>"),
        "of another kind": real.replace(ours, other.replace("policy_changes", "policy_change")),
        "unnamed": real.replace("Message-ID:", "X-Message-ID:"),
        "late": real.replace("Action: failed", "Action: delayed").replace("Status: 5.1.1", "Status: 4.4.1"),
        "arrived": real.replace("Action: failed", "Action: delivered").replace("Status: 5.1.1", "Status: 2.0.0"),
        "failed for now": real.replace("Status: 5.1.1", "Status: 4.4.1"),
        "broken": real.replace("Status: 5.1.1", "Status: =?x?"),
    }


@pytest.mark.policy("C7.5", "C10.2")
def test_a_report_that_is_forged_or_tells_of_no_failure_changes_nothing(
    told: Callable[..., None], came_back: Came, make_account: MakeAccount
) -> None:
    make_account(email=GONE)
    told(days=20, now=NOW)
    for report in forged(came_back()).values():
        receive(report)
        assert channels() == ["mail"]
    assert (Case.objects.count(), CaseMail.objects.count()) == (0, 0)
    assert Guesses.objects.get(kind="forged_mail").count == 3


def test_what_only_looks_like_a_report_is_a_mail_and_becomes_a_case(came_back: Came) -> None:
    looks = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n"
    for number, body in enumerate(
        ("", "--x\r\n\r\nhelp me\r\n--x--", "--x\r\nContent-Type: message/delivery-status\r\n\r\nno\r\n--x--")
    ):
        receive(f"From: p{number}@people.example\r\n{looks}\r\n{body}")
    assert Case.objects.count() == 3


def test_a_reply_that_did_not_arrive_is_told_in_its_case_and_to_the_operator_once(
    came_back: Came, sandbox: Sandbox, settings: Settings
) -> None:
    settings.OPERATOR_EMAIL = "came-back@operator.example"
    receive(f"From: {GONE}\r\nSubject: My data\r\nMessage-ID: <m1@bounces.example>\r\n\r\nPlease delete it.")
    case = Case.objects.get()
    assert case_mails.send_case_mails(now=NOW + timedelta(days=1)) == 1
    assert sent_by_us(case_mails.message_id(case.mails.get())) is not None
    for _ in range(2):
        receive(came_back())
    [line] = CaseEntry.objects.filter(kind="note")
    assert "did not arrive" in line.text and "5.1.1" in line.text and line.author == "system"
    assert case_mails.send_case_mails(now=NOW + timedelta(days=1)) == 1
    [alert] = sandbox.ask("GET", "/mails", to=settings.OPERATOR_EMAIL)
    assert case.reference in alert["text"] and GONE not in alert["text"]
    assert (Case.objects.count(), CaseMail.objects.filter(template="received_unproved").count()) == (1, 1)


def test_a_mail_to_the_operator_that_comes_back_makes_no_other(came_back: Came, settings: Settings) -> None:
    settings.OPERATOR_EMAIL = "operator@bounces.example"
    receive("From: p@people.example\r\nMessage-ID: <m1@people.example>\r\n\r\nhello")
    case_mails.queue_once(Case.objects.get(), template="came_back", now=NOW)
    case_mails.send_case_mails(now=NOW + timedelta(days=1))
    receive(came_back())
    assert not CaseMail.objects.filter(sent_at__isnull=True).exists()
    assert not CaseEntry.objects.filter(kind="note").exists()


def test_what_is_about_a_person_who_was_removed_meanwhile_writes_nothing(
    told: Callable[..., None], came_back: Came, make_account: MakeAccount
) -> None:
    member = make_account(email=GONE)
    told(days=20, now=NOW)
    PolicyMail.objects.filter(user_id=member.user_id).delete()
    receive(came_back())
    assert channels() == ["mail"]
