"""What people ask, as cases: the clock, the alerts, joining, proving, answering, and what is left of it."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import override_settings

from compliance import audit_check, case_clock, case_mails, erasure
from compliance.deadlines import deadline
from compliance.models import AuditEvent, Case, CaseEntry, CaseMail, Request
from compliance.personal_data import STORE
from compliance.stores import Subject
from identity.models import Membership, Session
from identity.personal_data import subject_of
from identity.step_up import RECENT
from tests.compliance.ends import end
from tests.identity.browser import PASSWORD
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox

NOW = datetime.now(UTC)
ASKER = "asker@people.example"


@pytest.fixture(autouse=True)
def _mail_goes_to_the_sandbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account(email=ASKER)


def cases(*words: str) -> str:
    out = StringIO()
    call_command("cases", *words, stdout=out)
    return out.getvalue()


def written_down(kind: str = "access", contact: str = ASKER, words: str = "a copy, please") -> Case:
    return Case.objects.get(reference=cases("open", kind, contact, words).split()[0])


def again(case: Case) -> Case:
    return Case.objects.get(id=case.id)


def mails_to(sandbox: Sandbox, address: str) -> list[dict[str, Any]]:
    case_mails.send_case_mails(now=NOW + timedelta(days=30))
    found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=address)
    return found


@pytest.mark.policy("C7.3", "C7.6")
def test_a_deletion_in_the_privacy_centre_is_a_case_with_the_same_clock_and_ends_with_it(
    member: Membership, sign_in: SignIn
) -> None:
    browser = sign_in(member)
    asked = browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "after_grace"})[1]
    first = Case.objects.get()
    assert (first.kind, first.channel, first.state, first.proved_by) == (
        "deletion",
        "privacy_centre",
        "verified",
        "session",
    )
    assert first.due_on == deadline(first.opened_at.date())
    assert first.due_on.isoformat() == asked["due_on"]
    with pytest.raises(CommandError, match="closes the case when it is done"):
        cases("close", first.reference, "done", "It is done.")
    assert browser.post("/api/privacy/erasure/cancel")[0] == 200
    assert (again(first).state, again(first).outcome) == ("closed", "taken_back")
    browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "now"})
    assert erasure.run_due_erasures(now=NOW + timedelta(hours=6)) == 1
    second = Case.objects.exclude(id=first.id).get()
    assert (second.state, second.outcome, second.user_id, second.contact) == ("closed", "done", None, "")
    assert again(first).emptied_at is not None


@pytest.mark.policy("C6.2", "C7.6")
@pytest.mark.parametrize(("clock_runs_on", "told_on"), [(range(11), 7), ([10], 10)])
def test_a_deletion_is_done_in_time_though_no_worker_ran_for_ten_days_and_the_operator_was_told(
    member: Membership, sign_in: SignIn, sandbox: Sandbox, clock_runs_on: Iterable[int], told_on: int
) -> None:
    """Red when nobody is told of a case that is proved and only waits."""
    asked = sign_in(member).post("/api/privacy/erasure", {"confirm": ASKER, "when": "after_grace"})[1]
    case, back = Case.objects.get(), NOW + timedelta(days=10, hours=12)
    with override_settings(OPERATOR_EMAIL="desk@klose.example"):
        alerts = {day: case_clock.raise_alerts(now=NOW + timedelta(days=day, hours=12)) for day in clock_runs_on}
        assert [day for day, raised in alerts.items() if raised] == [told_on]
        [mail] = mails_to(sandbox, "desk@klose.example")
    assert mail["subject"].startswith(f"Case {case.reference}") and f"by {asked['due_on']}" in mail["text"]
    assert erasure.run_due_erasures(now=back) == 1
    request = Request.objects.get()
    assert request.state == "done" and request.finished_at == back
    assert back < request.opened_at + timedelta(days=30) and back.date() <= again(case).due_on
    assert (again(case).outcome, case_clock.raise_alerts(now=NOW + timedelta(days=26))) == ("done", 0)


@pytest.mark.policy("C7.3")
def test_whoever_finds_an_open_browser_deletes_no_account(member: Membership, sign_in: SignIn) -> None:
    browser = sign_in(member)
    Session.objects.update(phone_verified_at=NOW - RECENT)
    for when in ("after_grace", "now"):
        refused = browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": when})
        assert (refused[0], refused[1]["code"]) == (403, "proof_not_recent")
    assert not Request.objects.exists() and not Case.objects.exists()
    assert browser.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    assert browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "after_grace"})[0] == 202
    Session.objects.update(proved_at=NOW - RECENT)
    assert browser.post("/api/privacy/erasure/cancel")[0] == 200


@pytest.mark.policy("C7.3")
def test_of_a_deletion_and_of_taking_it_back_a_mail_tells(
    member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    browser = sign_in(member)
    asked = browser.post("/api/privacy/erasure", {"confirm": ASKER, "when": "after_grace"})[1]
    [told] = mails_to(sandbox, ASKER)
    assert asked["receipt_path"] in told["text"] and asked["due_on"] in told["text"]
    begins = datetime.fromisoformat(asked["runs_at"])
    assert f"begins on {begins:%Y-%m-%d at %H:%M} UTC" in told["text"] and "Keep my account" in told["text"]
    assert asked["receipt_path"].rpartition("/")[2] not in str([*CaseMail.objects.values()])
    assert browser.post("/api/privacy/erasure/cancel")[0] == 200
    assert [mail["subject"][:20] for mail in mails_to(sandbox, ASKER) if mail != told] == ["Your account is kept"]


@pytest.mark.policy("C7.2", "C7.5")
def test_who_is_signed_in_asks_for_what_a_person_has_to_answer_and_gets_the_answer_by_mail(
    member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    browser = sign_in(member)
    form = {"kind": "grievance", "words": "My sister Mia acts for me."}
    status, found = browser.post("/api/privacy/cases", form)
    assert (status, [each["kind"] for each in found["items"]]) == (201, ["grievance"])
    case = Case.objects.get()
    assert (case.proved_by, case.contact, case.user_id) == ("session", ASKER, member.user_id)
    for wrong in ({**form, "kind": "deletion"}, {**form, "words": " "}, {**form, "more": 1}):
        assert browser.post("/api/privacy/cases", wrong)[0] == 422
    cases("close", case.reference, "done", "Mia is noted.")
    assert "Mia is noted." in mails_to(sandbox, ASKER)[0]["text"]
    assert browser.get("/api/privacy/cases")[1]["items"][0]["outcome"] == "done"
    assert [browser.post("/api/privacy/cases", form)[0] for _ in range(11)] == [201] * 10 + [429]


@pytest.mark.policy("C7.6")
def test_the_operator_is_told_on_days_7_20_and_25_once_each(
    member: Membership, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    waiting, answered = written_down(), written_down("grievance")
    cases("close", answered.reference, "refused", "That was somebody else.")
    told = []
    with caplog.at_level(logging.WARNING), override_settings(OPERATOR_EMAIL="desk@klose.example"):
        for day in range(31):
            for _ in range(2):
                told += [day] * case_clock.raise_alerts(now=NOW + timedelta(days=day, hours=12))
        assert told == [7, 20, 25]
        mails = mails_to(sandbox, "desk@klose.example")
        assert mails_to(sandbox, "desk@klose.example") == mails
    assert [mail["subject"].split(":")[0] for mail in mails] == [f"Case {waiting.reference}"] * 3
    assert f"by {waiting.due_on}" in mails[0]["text"]
    assert ASKER not in str(mails)
    logged = [record for record in caplog.records if record.message == "case is not answered"]
    assert [(record.count, record.reference) for record in logged] == [  # type: ignore[attr-defined]
        (day, waiting.reference) for day in (7, 20, 25)
    ]


def test_a_pause_says_why_and_does_not_move_the_last_day(member: Membership) -> None:
    case = written_down()
    with pytest.raises(CommandError, match="in a few words"):
        cases("pause", case.reference, " ")
    cases("pause", case.reference, "waiting for identity")
    paused = again(case)
    assert (paused.pause_reason, paused.due_on) == ("waiting for identity", case.due_on)
    assert "waits: waiting for identity" in cases("list")
    cases("prove", case.reference, "--whose", ASKER)
    cases("resume", case.reference)
    assert (again(case).paused_at, again(case).state) == (None, "working")


@pytest.mark.policy("C7.5")
def test_wishes_that_are_the_same_are_answered_together_and_each_requester_proves_it_alone(
    member: Membership, sandbox: Sandbox
) -> None:
    first, second, third = written_down(), written_down(), written_down()
    other = written_down("correction")
    assert (second.joined_to, third.joined_to, other.joined_to) == (first, first, None)
    with pytest.raises(CommandError, match="Nobody has proved"):
        cases("close", first.reference, "done", "Here is your copy.")
    cases("prove", first.reference)
    cases("prove", second.reference)
    cases("close", first.reference, "done", "Here is your copy, 4111 1111 1111 1111.")
    assert [again(each).state for each in (first, second, third, other)] == ["closed", "closed", "received", "received"]
    assert again(third).joined_to is None
    answers = mails_to(sandbox, ASKER)
    assert sorted(mail["subject"] for mail in answers) == sorted(
        f"Your request [{each.reference}]" for each in (first, second)
    )
    assert all("Here is your copy, [card number removed]." in mail["text"] for mail in answers)


def test_what_support_does_is_refused_where_it_makes_no_sense_and_written_down_where_it_does(
    member: Membership,
) -> None:
    with pytest.raises(CommandError, match="No case has this reference"):
        cases("show", "KS-AAAA-BBBB-CCCC")
    with pytest.raises(CommandError, match="No account has this e-mail"):
        cases("prove", written_down().reference, "--whose", "nobody@people.example")
    case = written_down("unsorted", "+1 202 555 0171", "who are you?")
    cases("sort", case.reference, "opt_out")
    cases("note", case.reference, "rang back, no answer")
    shown = cases("show", case.reference)
    assert all(words in shown for words in ("who are you?", "rang back, no answer", "+12025550171", "opt_out"))
    cases("close", case.reference, "taken_back", "Rang again: never mind.")
    for act, *rest in (["pause", "why"], ["sort", "access"], ["resume"], ["prove"]):
        with pytest.raises(CommandError, match="was answered"):
            cases(act, case.reference, *rest)
    acts = list(AuditEvent.objects.filter(target=str(case.id)).order_by("sequence").values_list("action", flat=True))
    assert acts == ["case.opened", "case.sorted", "case.noted", "case.read", "case.closed"]
    assert "2025550171" not in str(list(AuditEvent.objects.values()))
    assert audit_check.verify().broken is None


@pytest.mark.django_db
def test_a_mail_that_is_not_in_the_register_cannot_even_be_kept() -> None:
    case = written_down()
    assert set(case_mails.REGISTER) == {
        "received",
        "received_unproved",
        "reply",
        "answered",
        "alert_7",
        "alert_20",
        "alert_25",
        "deletion_answered",
        "deletion_asked",
        "deletion_taken_back",
        "nominee_asks",
        "nominee_access",
        "nominee_granted",
        "holder_answered",
        "proof_link",
        "copy_link",
        "came_back",
    }
    with pytest.raises(IntegrityError, match="case_mail_in_the_register"), transaction.atomic():
        CaseMail.objects.create(case=case, template="spring_sale", created_at=NOW, next_at=NOW)


@pytest.mark.policy("C7.1", "C6.2")
def test_cases_are_exported_to_who_proved_them_and_emptied_with_the_person(member: Membership) -> None:
    mine, nobodys, strangers = (
        written_down(words="mine"),
        written_down("grievance", words="spoofed"),
        written_down(contact="+12025550172", words="another's"),
    )
    cases("prove", mine.reference, "--whose", ASKER)
    subject = subject_of(member.user_id)
    exported = str(STORE.export(subject)["request"])
    assert "mine" in exported
    assert "spoofed" not in exported and "another's" not in exported
    assert STORE.find(subject)["request"] == 2
    STORE.erase(subject, now=NOW)
    assert STORE.verify(subject) == 0
    assert [(again(each).outcome, again(each).contact) for each in (mine, nobodys)] == [("erased", "")] * 2
    assert list(CaseEntry.objects.values_list("case", "text")) == [(strangers.id, "another's")]
    called = Subject(kind="callee", phone_e164="+12025550172")
    assert STORE.find(called) == {"request": 1}
    STORE.erase(called, now=NOW)
    assert CaseEntry.objects.count() == 0


@pytest.mark.policy("C6.1")
def test_a_year_after_the_answer_a_case_ends_and_one_that_waits_stays(member: Membership) -> None:
    old, waiting = written_down(), written_down("correction")
    cases("prove", old.reference)
    cases("close", old.reference, "done", "Here it is.")
    assert end("request", now=NOW + timedelta(days=364)) == 0
    assert end("request", now=NOW + timedelta(days=366)) == 1
    assert list(Case.objects.all()) == [waiting]
    assert set(CaseEntry.objects.values_list("case", flat=True)) == {waiting.id}
