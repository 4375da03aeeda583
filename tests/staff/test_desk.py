"""The desk: what each role may do with a case, replies of the register, and deletions by two people.

Planted bugs that these catch: an approval by who prepared it, one of another preview, a fixed reply that takes words of support,
and a queue that shows the answered.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from compliance import audit_check, case_mails, erasure
from compliance.case_replies import ANSWERS, REPLIES
from compliance.mail_in import read_mail
from compliance.models import AuditEvent, Case, CaseMail, PreparedDeletion, Request, Restriction, Suppression
from compliance.personal_data import STORE
from compliance.receiving import receive
from identity.models import Membership, SocialIdentity
from identity.personal_data import subject_of
from processors.pseudonyms import pseudonym
from tests.compliance.ends import end
from tests.compliance.test_erasure import plant
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk
from voice.models import Call, Lead

NOW = datetime.now(UTC)
SOON = NOW + timedelta(days=3, hours=6)
ASKER = "asker@people.example"
CALLED = "+37060012345"


@pytest.fixture(autouse=True)
def _mail_goes_to_the_sandbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account(email=ASKER)
    plant(member, "Brobdingnag", CALLED, lines=3)
    return member


def written_down(desk: Desk, kind: str = "access", contact: str = ASKER) -> str:
    status, page = desk.post("/api/staff/cases", {"kind": kind, "contact": contact, "words": "as I said"})
    assert status == 201
    return str(page["case"]["reference"])


def act(desk: Desk, reference: str, what: str, **body: object) -> tuple[int, Any]:
    empty = {"whose": ""} if what == "prove" else None
    return desk.post(f"/api/staff/cases/{reference}/{what}", body or empty)


def done(desk: Desk, reference: str, what: str, **body: object) -> dict[str, Any]:
    status, page = act(desk, reference, what, **body)
    assert status == 200, page
    assert isinstance(page, dict)
    return page


def queue(desk: Desk, show: str = "open") -> list[str]:
    return [each["reference"] for each in desk.get(f"/api/staff/cases?show={show}")[1]["items"]]


def acts_of(reference: str) -> list[tuple[str, str]]:
    target = str(Case.objects.get(reference=reference).id)
    return list(AuditEvent.objects.filter(target=target).order_by("sequence").values_list("action", "actor_ref"))


def mails_to(sandbox: Sandbox, address: str) -> list[dict[str, Any]]:
    case_mails.send_case_mails(now=NOW + timedelta(days=1))
    found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=address)
    return found


@pytest.mark.django_db
@pytest.mark.policy("C7.5", "C7.6")
def test_the_queue_is_by_due_date_and_shows_what_is_asked_for() -> None:
    nora, pia = at_desk(), at_desk("privacy_officer", "Pia", "198.51.100.91")
    later, first, waits, over = (written_down(nora, kind) for kind in ("access", "correction", "nominee", "grievance"))
    for reference, days in ((later, 29), (first, 2), (waits, 9), (over, -1)):
        Case.objects.filter(reference=reference).update(due_on=(datetime.now(UTC) + timedelta(days=days)).date())
    done(nora, waits, "pause", reason="her sister's consent")
    done(nora, later, "take")
    assert queue(nora) == [over, first, waits, later]
    assert (queue(nora, "mine"), queue(nora, "overdue"), queue(nora, "waiting")) == ([later], [over], [waits])
    assert (queue(pia, "mine"), queue(pia, "answered")) == ([], [])
    page = pia.get("/api/staff/cases")[1]
    assert page["counts"] == {"open": 4, "mine": 0, "overdue": 1, "waiting": 1}
    assert [each["days_left"] for each in page["items"]] == [-1, 2, 9, 29]
    assert page["items"][-1]["taken_by"] == "Nora"
    done(pia, over, "close", outcome="refused", answer="That was somebody else.")
    assert (queue(pia), queue(pia, "answered")) == ([first, waits, later], [over])
    assert code_of(pia.get("/api/staff/cases?cursor=0")[1]) == "cursor_invalid"
    assert pia.get("/api/staff/cases?show=all")[0] == 422
    assert AuditEvent.objects.filter(action="cases.listed", actor_ref__startswith="staff:").count() > 5


@pytest.mark.django_db
@pytest.mark.policy("C7.5")
def test_who_is_not_verified_gets_fixed_words_and_who_is_gets_ours(sandbox: Sandbox) -> None:
    nora = at_desk()
    reference = written_down(nora)
    keys = [each["key"] for each in nora.get(f"/api/staff/cases/{reference}")[1]["replies"]]
    assert keys == [key for key, one in REPLIES.items() if one.to_unproved]
    assert code_of(act(nora, reference, "reply", template="tell", words="you live in Vilnius")[1]) == "case_unproved"
    assert act(nora, reference, "reply", template="spring_sale")[0] == 422
    done(nora, reference, "reply", template="prove", words="you live in Vilnius")
    done(nora, reference, "prove")
    assert code_of(act(nora, reference, "reply", template="tell", words=" ")[1]) == "reason_missing"
    page = done(nora, reference, "reply", template="tell", words="Pay by 4111 1111 1111 1111 {reference}")
    first, second = mails_to(sandbox, ASKER)
    assert f"Quote {reference}" in first["text"] and "Vilnius" not in first["text"]
    assert "Pay by [card number removed] {reference}" in second["text"]
    assert [(each["kind"], each["author"]) for each in page["entries"]] == [
        ("words", "requester"),
        ("reply", "Nora"),
        ("reply", "Nora"),
    ]
    assert ("case.replied", "Nora") in [(each["action"], each["by"]) for each in page["acts"]]
    by_number = written_down(nora, contact="+1 202 555 0171")
    assert code_of(act(nora, by_number, "reply", template="prove")[1]) == "case_has_no_address"


@pytest.mark.django_db
def test_replies_and_answers_leave_no_place_open_and_fixed_ones_take_no_words() -> None:
    nora = at_desk()
    reference = written_down(nora)
    page = done(nora, reference, "prove")
    assert len(page["replies"]) == len(REPLIES) and len(page["answers"]) == len(ANSWERS)
    for each in [*page["replies"], *page["answers"]]:
        assert "{" not in each["text"].replace("{words}", ""), each
    assert [key for key, one in REPLIES.items() if one.to_unproved and one.takes_words] == []


@pytest.mark.django_db
def test_support_reads_and_replies_and_only_who_decides_carries_out_and_closes() -> None:
    nora, ada = at_desk(), at_desk("admin", "Ada", "198.51.100.91")
    reference = written_down(nora, "restriction", CALLED)
    page = done(nora, reference, "prove", whose=CALLED)
    assert (page["person"]["kind"], page["case"]["proved_by"]) == ("number", "support")
    assert {"carry_out", "close", "refuse"} & set(page["may"]) == set()
    for what, body in (
        ("carry-out", {"number": ""}),
        ("close", {"outcome": "done", "answer": "It is done."}),
        ("lift", {"reason": "why not"}),
        ("deletion/approve", {"seen": "0" * 64}),
        ("deletion/withdraw", {}),
        ("deletion/take-back", {}),
    ):
        status, answer = act(nora, reference, what, **body)
        assert (status, code_of(answer)) == (403, "staff_not_permitted")
    page = done(ada, reference, "carry-out", number="")
    assert page["person"]["restricted"] and "lift" in page["may"] and "carry_out" not in page["may"]
    done(ada, reference, "close", outcome="done", answer="Nothing is used any more.")
    # Whoever decides about it later still finds it.
    page = done(ada, reference, "lift", reason="She wrote that it is settled.")
    assert not Restriction.objects.filter(lifted_at__isnull=True).exists() and page["may"] == []
    assert code_of(act(ada, reference, "lift", reason="again")[1]) == "restriction_unknown"
    assert code_of(act(ada, reference, "take")[1]) == "case_closed"
    assert [action for action, _ in acts_of(reference)][:3] == ["case.opened", "case.proved", "restriction.began"]
    assert {ref.split(":")[0] for _, ref in acts_of(reference)} == {"staff"}
    assert audit_check.verify().broken is None


@pytest.mark.django_db
@pytest.mark.policy("C7.5")
def test_calls_are_stopped_for_a_number_that_was_proved_and_for_no_other() -> None:
    pia = at_desk("privacy_officer", "Pia")
    reference = written_down(pia, "objection")
    assert code_of(act(pia, reference, "carry-out", number=CALLED)[1]) == "case_unproved"
    page = done(pia, reference, "prove", whose=CALLED)
    assert page["person"]["kind"] == "number_not_kept"
    for number, code in (("", "person_not_linked"), ("+37060054321", "person_not_linked"), ("12", "mobile_invalid")):
        assert code_of(act(pia, reference, "carry-out", number=number)[1]) == code
    page = done(pia, reference, "carry-out", number="+370 600 12345")
    assert page["person"]["restricted"] and "lift" in page["may"]
    assert [each.number_key for each in Suppression.objects.all()] == [pseudonym("phone", CALLED)]
    assert code_of(act(pia, reference, "prove", whose="nobody@people.example")[1]) == "account_unknown"
    done(pia, reference, "sort", kind="access")
    assert code_of(act(pia, reference, "carry-out", number=CALLED)[1]) == "not_carried_out_here"


@pytest.mark.policy("C7.5")
def test_an_objection_of_an_account_holder_stops_calls_and_reads_until_it_is_lifted(
    member: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Red when an objection is only noted, or when it stops calls alone."""
    own, pia = sign_in(member), at_desk("privacy_officer", "Pia")
    assert own.post("/api/privacy/cases", {"kind": "objection", "words": "Use nothing of mine."})[0] == 201
    manager = sign_in(make_account(member.workspace_id, "manager", email="mia@people.example", mobile="+12025550199"))
    call = Call.objects.get(user=member.user)
    reference = Case.objects.get(kind="objection").reference
    assert "carry_out" in pia.get(f"/api/staff/cases/{reference}")[1]["may"]
    page = done(pia, reference, "carry-out", number="")
    assert page["person"]["restricted"] and "carry_out" not in page["may"]
    assert code_of(manager.get(f"/api/calls/{call.id}/segments")[1]) == "subject_restricted"
    ask = {"question": "What was said of the price?"}
    assert code_of(own.post("/api/questions", ask, **{"Idempotency-Key": "after-it"})[1]) == "own_use_restricted"
    refusals = own.get(f"/api/leads/{call.lead_id}/dial-check")[1]["refusals"]
    assert refusals[0]["code"] == "own_use_restricted"
    done(pia, reference, "lift", reason="It was settled.")
    assert manager.get(f"/api/calls/{call.id}/segments")[0] == 200


@pytest.mark.policy("C7.3", "C6.2")
def test_a_deletion_through_support_runs_only_after_a_second_person_approved_what_was_previewed(
    member: Membership, sandbox: Sandbox
) -> None:
    nora, pia, ada = (
        at_desk(),
        at_desk("privacy_officer", "Pia", "198.51.100.91"),
        at_desk("admin", "Ada", "198.51.100.92"),
    )
    reference = written_down(nora, "deletion")
    assert code_of(act(pia, reference, "carry-out", number="")[1]) == "case_unproved"
    done(nora, reference, "prove", whose=ASKER)
    page = done(pia, reference, "carry-out", number="")
    held = {each["element"]: each["count"] for each in page["prepared"]["preview"]["goes"]}
    assert (held["callee"], held["call"], held["transcript"]) == (1, 1, 3)
    assert page["prepared"]["by_me"] and "approve" not in page["may"]
    seen = page["prepared"]["seen"]
    assert code_of(act(pia, reference, "deletion/approve", seen=seen)[1]) == "second_person_needed"
    assert code_of(act(pia, reference, "carry-out", number="")[1]) == "prepared_already"
    assert code_of(act(ada, reference, "deletion/approve", seen="0" * 64)[1]) == "preview_changed"
    assert erasure.run_due_erasures(now=SOON) == 0 and Request.objects.count() == 0
    # A kind that came since was not previewed.
    SocialIdentity.objects.create(user=member.user, provider="google", subject="g1", created_at=NOW)
    assert code_of(act(ada, reference, "deletion/approve", seen=seen)[1]) == "preview_changed"
    done(ada, reference, "deletion/withdraw")
    seen = done(pia, reference, "carry-out", number="")["prepared"]["seen"]
    SocialIdentity.objects.all().delete()
    assert code_of(act(ada, reference, "deletion/approve", seen=seen)[1]) == "preview_changed"
    # Nor is it somebody else's deletion, once it was verified anew who asks.
    done(nora, reference, "prove", whose=ASKER)
    seen = done(pia, reference, "carry-out", number="")["prepared"]["seen"]
    # More of the same kinds is shown to who approves, and hinders nothing: the person may go on using the product.
    Lead.objects.create(workspace=member.workspace, first_name="Late", phone_e164="+37060054321", created_at=NOW)
    goes = ada.get(f"/api/staff/cases/{reference}")[1]["prepared"]["preview"]["goes"]
    assert next(each["count"] for each in goes if each["element"] == "callee") == 2
    assert queue(ada) and ada.get("/api/staff/cases")[1]["items"][0]["approval_waits"]
    page = done(ada, reference, "deletion/approve", seen=seen)
    assert (page["prepared"], page["erasure"]["cancellable"]) == (None, True)
    assert code_of(act(ada, reference, "close", outcome="done", answer="x")[1]) == "case_waits_for_erasure"
    receipt = page["erasure"]["receipt_path"]
    assert receipt in mails_to(sandbox, ASKER)[0]["text"]
    assert erasure.run_due_erasures(now=NOW + timedelta(days=2)) == 0
    assert erasure.run_due_erasures(now=SOON) == 1
    closed = Case.objects.get(reference=reference)
    assert (closed.state, closed.outcome, closed.contact, closed.user_id) == ("closed", "done", "", None)
    assert Call.objects.get_queryset().count() == 0
    approved = [action for action, _ in acts_of(reference) if action.startswith("deletion.")]
    prepared, approval = "deletion.prepared", "deletion.approved"
    assert approved == [prepared, "deletion.withdrawn", prepared, prepared, approval]
    assert ASKER not in str(list(PreparedDeletion.objects.values())) + str(list(AuditEvent.objects.values()))
    assert end("request", now=SOON + timedelta(days=366)) > 0
    assert PreparedDeletion.objects.count() == 0


@pytest.mark.policy("C7.3")
def test_an_approved_deletion_is_taken_back_while_its_grace_lasts(member: Membership) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    reference = written_down(pia, "deletion", CALLED)
    done(pia, reference, "prove")
    seen = done(pia, reference, "carry-out", number="")["prepared"]["seen"]
    done(ada, reference, "deletion/approve", seen=seen)
    assert Suppression.objects.filter(number_key=pseudonym("phone", CALLED)).exists()
    page = done(pia, reference, "deletion/take-back")
    assert (page["case"]["outcome"], page["erasure"]["state"]) == ("taken_back", "cancelled")
    assert erasure.run_due_erasures(now=SOON) == 0
    assert Lead.objects.get_queryset().filter(phone_e164=CALLED).exists()
    other = written_down(pia, "deletion", CALLED)
    done(pia, other, "prove")
    seen = done(pia, other, "carry-out", number="")["prepared"]["seen"]
    done(ada, other, "deletion/approve", seen=seen)
    assert erasure.run_due_erasures(now=SOON) == 1
    assert not Lead.objects.get_queryset().filter(phone_e164=CALLED).exists()


def test_what_is_prepared_ends_with_its_case_and_with_its_person(member: Membership) -> None:
    pia = at_desk("privacy_officer", "Pia")
    refused, left = written_down(pia, "deletion", CALLED), written_down(pia, "deletion")
    for reference, whose in ((refused, CALLED), (left, ASKER)):
        done(pia, reference, "prove", whose=whose)
        done(pia, reference, "carry-out", number="")
    done(pia, refused, "close", outcome="refused", answer="It was somebody else.")
    STORE.erase(subject_of(member.user_id), now=NOW)
    assert set(PreparedDeletion.objects.values_list("state", "subject")) == {("withdrawn", None)}


@pytest.mark.django_db
def test_the_database_too_wants_two_people() -> None:
    pia = at_desk("privacy_officer", "Pia")
    reference = written_down(pia, "deletion", CALLED)
    done(pia, reference, "prove")
    done(pia, reference, "carry-out", number="")
    prepared = PreparedDeletion.objects.get()
    with pytest.raises(IntegrityError, match="prepared_deletion_has_two_people"), transaction.atomic():
        PreparedDeletion.objects.update(state="approved", subject=None, decided_by=prepared.prepared_by, decided_at=NOW)


@pytest.mark.policy("C7.3")
def test_whose_data_is_meant_is_put_right_until_its_deletion_goes_on_which_a_mail_may_take_back(
    member: Membership, sandbox: Sandbox, settings: Any
) -> None:
    settings.OPERATOR_EMAIL = "desk@klose.example"
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    first, reference = written_down(pia, "deletion", CALLED), written_down(pia, "deletion")
    for proved, whose in ((first, CALLED), (reference, ASKER), (reference, CALLED)):
        page = done(pia, proved, "prove", whose=whose)
    assert (page["person"]["user_id"], page["person"]["kind"]) == (None, "number_not_kept")
    assert page["joined_to"] == first and page["may"][-1] == "prove"
    seen = done(pia, reference, "carry-out", number=CALLED)["prepared"]["seen"]
    page = done(ada, reference, "deletion/approve", seen=seen)
    assert "prove" not in page["may"] and not page["case"]["deletion_answered"]
    for what, body in (("prove", {"whose": ASKER}), ("sort", {"kind": "access"})):
        assert code_of(act(pia, reference, what, **body)[1]) == "case_waits_for_erasure"
    # What it was joined to is answered without it.
    done(ada, first, "close", outcome="refused", answer="That was somebody else.")
    assert Case.objects.get(reference=reference).state == "working"
    assert Request.objects.get().person == pseudonym("phone", CALLED)

    [told] = mails_to(sandbox, ASKER)
    assert "/privacy" in told["text"] and "/my-data" in told["text"]
    thread = case_mails.message_id(CaseMail.objects.get(template="reply"))
    answer = f"From: {ASKER}\r\nIn-Reply-To: {thread}\r\nSubject: No\r\n\r\nKeep it.".encode()
    receive(mail=read_mail(answer, authserv_id=""), now=datetime.now(UTC))
    [alert] = mails_to(sandbox, "desk@klose.example")
    assert reference in alert["subject"] and f"/staff/cases/{reference}" in alert["text"]
    marked = [each["reference"] for each in pia.get("/api/staff/cases")[1]["items"] if each["deletion_answered"]]
    assert marked == [reference]
    assert done(ada, reference, "deletion/take-back")["case"]["deletion_answered"] is False
