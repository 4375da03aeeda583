"""A mail server that is away for hours or days loses no mail, and what is given up in the end does not go unseen.

Planted bugs that these catch: fifty tries in four hours and none after; tries every five minutes for days; a mail that is given up with no
note; one that was given up and silences the next; a link that is mailed when it opens nothing; a notice of the policy that is given up early.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core import mail as sent
from pytest_django.fixtures import Settings

from compliance import bounces, case_links, case_mails, cases, policy_change
from compliance.models import Case, CaseMail, PolicyMail
from compliance.versions import FIRST
from identity import policy_mails
from tests.compliance import coming
from tests.compliance.coming import in_days, second
from tests.identity.conftest import MakeAccount

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
ADA = "ada@people.example"


@pytest.fixture(autouse=True)
def _away(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    settings.OPERATOR_EMAIL = "operator@people.example"


def back(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def a_case() -> Case:
    return cases.open_case(kind="access", channel="mail", person="p", contact=ADA, now=NOW)


def go_on(*, until: timedelta) -> None:
    """As the clock does, at each time at which something can be due."""
    at = NOW
    while at < NOW + until:
        case_mails.send_case_mails(now=at)
        bounces.note_given_up(now=at)
        at += timedelta(minutes=5) if at < NOW + timedelta(hours=1) else timedelta(hours=1)


@pytest.mark.policy("C3.8")
def test_an_answer_leaves_after_an_outage_of_days_for_which_it_was_tried_less_and_less_often(
    settings: Settings,
) -> None:
    case = a_case()
    case_mails.queue(case, template="reply", to=ADA, text="Here it is.", now=NOW)
    go_on(until=timedelta(days=3))
    assert 70 < case.mails.get().attempts < 100
    back(settings)
    assert case_mails.send_case_mails(now=NOW + timedelta(days=3, hours=2)) == 1
    assert sent.outbox[0].to == [ADA] and not case.entries.exists()


@pytest.mark.policy("C3.8")
def test_an_answer_that_nobody_takes_is_noted_in_its_case_and_told_to_the_operator_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    case = a_case()
    case_mails.queue(case, template="reply", to=ADA, text="Here it is.", now=NOW)
    go_on(until=timedelta(days=6))
    [note] = case.entries.all()
    assert "was not sent" in note.text and note.author == "system"
    assert caplog.messages.count("mail about a case given up") == caplog.messages.count("mail not sent for days") == 1
    back(settings)
    assert case_mails.send_case_mails(now=NOW + timedelta(days=6, hours=2)) == 1
    assert sent.outbox[0].to == [settings.OPERATOR_EMAIL] and case.reference in sent.outbox[0].body


def test_a_mail_to_the_operator_that_was_given_up_does_not_silence_the_next(settings: Settings) -> None:
    case = a_case()
    case_mails.queue_once(case, template="came_back", now=NOW)
    CaseMail.objects.update(attempts=200)
    for _ in range(2):
        case_mails.queue_once(case, template="came_back", now=NOW)
    back(settings)
    assert case_mails.send_case_mails(now=NOW) == 1
    assert not case.entries.exists()


def test_a_link_that_ended_before_it_could_be_mailed_is_noted_and_not_mailed(settings: Settings) -> None:
    case = a_case()
    case_links.mail(case, "proof", user_id=uuid4(), email=ADA, by="o", now=NOW)
    assert case_mails.send_case_mails(now=NOW) == 0
    back(settings)
    late = NOW + case_links.LINK_GOOD_FOR
    assert (case_mails.send_case_mails(now=late), bounces.note_given_up(now=late)) == (0, 1)
    assert "was not sent" in case.entries.get().text


@pytest.mark.policy("C10.2")
def test_a_notice_of_the_policy_is_tried_until_the_policy_is_in_force(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, make_account: MakeAccount, caplog: pytest.LogCaptureFixture
) -> None:
    settings.POLICY_VERSIONS = "tests.compliance.coming"
    make_account(email=ADA)
    monkeypatch.setattr(coming, "VERSIONS", (FIRST, second(in_days(20))))
    policy_change.publish_versions(now=NOW)
    policy_mails.queue_policy_mails(now=NOW)
    PolicyMail.objects.update(attempts=400)
    assert policy_mails.send_policy_mails(now=NOW) == 0
    back(settings)
    assert policy_mails.send_policy_mails(now=NOW + timedelta(hours=1)) == 1
    PolicyMail.objects.update(sent_at=None)
    assert policy_mails.send_policy_mails(now=NOW + timedelta(days=30)) == 0
    assert "mails about the policy not sent in time" in caplog.messages
