"""What is corrected is followed by everything that was made of it, and a case is answered when nothing old is left.

Planted bugs that these catch: insights that go on as they were under another name, a question that names the old one, a case that
can be answered before, and an answer that is mailed to an address that the person has given up.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ai import operations
from ai.models import AiQuery, IndexedCall, Insight
from compliance import cases, correcting, erasure
from compliance.models import AuditEvent, Case, Correction
from identity.models import Membership, User
from identity.outgoing.models import Delivery, Endpoint
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import plant
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_email import A_WHILE, NEW, ask_change, mails, press, token_in
from tests.identity.test_passcodes import later
from tests.identity.test_passwords import Mails
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk
from voice import analysis, callee, restricting
from voice.models import Call, Lead

__all__ = ["mails"]

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
CALLED, RIGHT = "+37060088123", "+37060088321"
QUESTION = "What did Glubbdubdrib Lead of +37060088123 want?"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    """With a call to a lead of another name, indexed and understood, and a question about it."""
    member = make_account()
    plant(member, "Glubbdubdrib", CALLED, lines=3)
    call = Call.objects.for_workspace(member.workspace_id).get()
    assert analysis.analyse(call_id=call.id, now=NOW + timedelta(minutes=1))
    AiQuery.objects.create(
        workspace_id=member.workspace_id,
        user_id=member.user_id,
        idempotency_key="q",
        question=QUESTION,
        filter_lead_id=call.lead_id,
        status="not_in_your_calls",
        searched_calls=1,
        searched_passages=1,
        cited=0,
        charged_mcredits=0,
        asked_at=NOW,
    )
    return member


def the_lead(member: Membership) -> Lead:
    return Lead.objects.for_workspace(member.workspace_id).get()


def insights(browser: Browser, lead: Lead) -> str:
    return str(browser.get(f"/api/calls/{lead.calls.get().id}/insights")[1]["state"])


def understood_anew(lead: Lead) -> bool:
    return analysis.analyse(call_id=lead.calls.get().id, now=NOW + timedelta(minutes=2))


def followed(minutes: int) -> int:
    """The clock, so many minutes from now."""
    return correcting.follow_due(now=datetime.now(UTC) + timedelta(minutes=minutes))


def from_the_called() -> str:
    """The reference of what somebody who proved the number wrote."""
    callee.ask_correction(phone_e164=CALLED, words="My name is Lemuel.", now=NOW)
    return Case.objects.get(kind="correction").reference


def correct(desk: Desk, reference: str, **facts: str) -> tuple[int, Any]:
    return desk.post(f"/api/staff/cases/{reference}/correct", facts)


def close(desk: Desk, reference: str) -> tuple[int, Any]:
    return desk.post(f"/api/staff/cases/{reference}/close", {"outcome": "done", "answer": "Put right."})


@pytest.mark.policy("C7.2")
def test_what_was_made_under_the_old_name_and_number_is_made_anew(member: Membership, sign_in: SignIn) -> None:
    rep, lead = sign_in(member), the_lead(member)
    assert insights(rep, lead) == "ready"
    status, _ = rep.patch(f"/api/leads/{lead.id}", {"first_name": "Lemuel", "phone": RIGHT})
    assert status == 200
    # Quotes name the lead rightly at once; what was understood says that it is stale.
    assert IndexedCall.objects.get_queryset().get().lead_name == "Lemuel Lead"
    assert insights(rep, lead) == "stale"
    assert "Glubbdubdrib" not in str(Correction.objects.values("what", "left").get())
    assert followed(1) == 0
    assert Correction.objects.get().left == {"voice": 1}
    assert rep.get("/api/questions")[1]["items"][0]["question"] == f"What did Lemuel Lead of {RIGHT} want?"
    assert understood_anew(lead)
    assert insights(rep, lead) == "ready"
    assert followed(3) == 1
    # It belonged to no case, so nothing of it is kept.
    assert not Correction.objects.exists()


def question_about(lead: Lead, question: str, now: dict[str, str], **old: str) -> str:
    """What becomes of it in two rounds after the lead's facts were these old ones."""
    Lead.objects.get_queryset().filter(id=lead.id).update(**now)
    AiQuery.objects.get_queryset().update(question=question)
    correcting.begin(kind="lead", target_id=lead.id, before=old, after={}, now=NOW)
    assert followed(1) == 1
    assert not Correction.objects.exists()
    correcting.begin(kind="lead", target_id=lead.id, before=old, after={}, now=NOW)
    assert followed(3) == 1
    return str(AiQuery.objects.get_queryset().get().question)


@pytest.mark.policy("C7.2")
@pytest.mark.parametrize(
    ("old", "new", "asked", "reworded"),
    [
        pytest.param(
            "Acme", "Acme Ltd", "acme, not Acme Ltd or Acmeist?", "Acme Ltd, not Acme Ltd or Acmeist?", id="longer"
        ),
        pytest.param("Ltd Acme", "Acme", "What of Ltd Acme?", "What of Acme?", id="shorter"),
        pytest.param("ann lee", "Ann Lee", "ann lee or Ann Lee?", "Ann Lee or Ann Lee?", id="case"),
        pytest.param("IT", "Beta", "Did it call Albert of IT?", "Did it call Albert of Beta?", id="short"),
        pytest.param("Acme", "", "What of Acme?", "What of ?", id="none"),
    ],
)
def test_a_question_is_reworded_once_and_in_whole_words(
    member: Membership, old: str, new: str, asked: str, reworded: str
) -> None:
    lead = the_lead(member)
    IndexedCall.objects.get_queryset().update(company=new)
    assert question_about(lead, asked, {"company": new}, company=old) == reworded


@pytest.mark.policy("C7.2")
def test_messages_to_a_customers_server_hold_no_correction_up(member: Membership, sign_in: SignIn) -> None:
    rep, lead = sign_in(member), the_lead(member)
    endpoint = Endpoint.objects.create(
        workspace_id=member.workspace_id, url="https://c.example/hook", events=["call.ended"], created_at=NOW
    )
    Delivery.objects.create(
        workspace_id=member.workspace_id,
        endpoint=endpoint,
        event="call.ended",
        subject="x",
        data={"lead_id": str(lead.id), "call_id": str(lead.calls.get().id)},
        call_id=lead.calls.get().id,
        created_at=NOW,
        next_at=NOW,
        gives_up_at=NOW,
    )
    Lead.objects.get_queryset().update(company="Lead")
    IndexedCall.objects.get_queryset().update(company="Lead")
    rep.patch(f"/api/leads/{lead.id}", {"company": "Lilliput"})
    assert followed(1) == 1


@pytest.mark.policy("C7.2")
def test_a_name_put_right_while_its_call_is_analysed_is_not_lost(
    member: Membership, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    rep, lead = sign_in(member), the_lead(member)
    IndexedCall.objects.get_queryset().delete()
    Call.objects.get_queryset().update(analysis_state="none")
    embed = operations.index_call

    def meanwhile(**call: Any) -> None:
        rep.patch(f"/api/leads/{lead.id}", {"first_name": "Lemuel"})
        assert followed(1) == 0
        embed(**call)

    with monkeypatch.context() as slow:
        slow.setattr(operations, "index_call", meanwhile)
        assert understood_anew(lead)
    assert IndexedCall.objects.get_queryset().get().lead_name == "Lemuel Lead"
    assert followed(3) == 0
    assert understood_anew(lead)
    assert followed(5) == 1
    assert insights(rep, lead) == "ready"


@pytest.mark.policy("C7.2")
def test_a_lead_is_found_by_the_right_name_and_no_more_by_the_old_one(member: Membership, sign_in: SignIn) -> None:
    rep, lead = sign_in(member), the_lead(member)
    rep.patch(f"/api/leads/{lead.id}", {"first_name": "Lemuel", "notes": "from Lilliput"})
    found = {word: len(rep.get(f"/api/leads?search={word}")[1]["items"]) for word in ("Glubbdubdrib", "Lemuel")}
    assert found == {"Glubbdubdrib": 0, "Lemuel": 1}


@pytest.mark.policy("C7.2")
def test_a_value_that_was_put_back_is_no_old_one(member: Membership, sign_in: SignIn) -> None:
    rep, lead = sign_in(member), the_lead(member)
    for name in ("Lemuel", "Glubbdubdrib"):
        rep.patch(f"/api/leads/{lead.id}", {"first_name": name})
    assert followed(1) == 0
    assert understood_anew(lead)
    assert followed(3) == 2
    assert AiQuery.objects.get_queryset().get().question == QUESTION


@pytest.mark.policy("C7.2")
def test_a_round_that_dies_is_followed_by_another(
    member: Membership, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lead = the_lead(member)
    sign_in(member).patch(f"/api/leads/{lead.id}", {"first_name": "Lemuel"})
    with monkeypatch.context() as broken:
        broken.setattr("voice.following.left_of", lambda _: 1 // 0)
        assert followed(1) == 0
    assert "correction interrupted" in [each.message for each in caplog.records]
    understood_anew(lead)
    assert followed(3) == 1


@pytest.mark.policy("C7.2")
def test_a_case_is_answered_only_when_nothing_old_is_left(member: Membership) -> None:
    pia, nora, lead = at_desk("privacy_officer", "Pia"), at_desk(address="198.51.100.91"), the_lead(member)
    reference = from_the_called()
    assert correct(nora, reference, first_name="Lemuel")[0] == 403
    assert code_of(correct(pia, reference, first_name="Glubbdubdrib")[1]) == "nothing_corrected"
    status, page = correct(pia, reference, first_name="Lemuel", company="Lilliput")
    assert (status, page["corrections"][0]["what"]) == (200, ["company", "name"])
    assert "close" not in page["may"] and "correct" in page["may"]
    assert (the_lead(member).name, the_lead(member).company) == ("Lemuel Lead", "Lilliput")
    assert code_of(close(pia, reference)[1]) == "case_waits_for_correction"
    assert followed(1) == 0
    assert pia.get(f"/api/staff/cases/{reference}")[1]["corrections"][0]["left"] == 1
    assert understood_anew(lead) and followed(3) == 1
    page = pia.get(f"/api/staff/cases/{reference}")[1]
    assert (page["corrections"][0]["left"], page["corrections"][0]["done_at"] is not None) == (None, True)
    assert Correction.objects.get().old is None
    status, page = close(pia, reference)
    assert (status, page["case"]["outcome"]) == (200, "done")
    acts = AuditEvent.objects.filter(target=str(Case.objects.get(reference=reference).id)).order_by("sequence")
    assert [each for each in acts.values_list("action", flat=True) if each.startswith("correction")] == [
        "correction.made",
        "correction.done",
    ]
    assert "Glubbdubdrib" not in str(list(AuditEvent.objects.values_list("detail", "target")))


@pytest.mark.policy("C7.2")
def test_of_who_is_restricted_what_was_understood_under_the_old_name_goes(member: Membership) -> None:
    pia, lead = at_desk("privacy_officer", "Pia"), the_lead(member)
    callee.wish_about_use(phone_e164=CALLED, restricted=True, now=NOW)
    reference = from_the_called()
    assert Insight.objects.get_queryset().exists()
    assert correct(pia, reference, first_name="Lemuel")[0] == 200
    assert followed(1) == 1
    assert not understood_anew(lead)
    assert not Insight.objects.get_queryset().exists()
    case = Case.objects.get(kind="restriction")
    restricting.lift(case=case, reason="It is decided.", by="operator", now=NOW)
    # Understood again as soon as it may be used.
    assert understood_anew(lead)


@pytest.mark.policy("C7.2")
def test_an_erasure_takes_what_waits_to_be_followed_along(member: Membership, sign_in: SignIn) -> None:
    sign_in(member).patch(f"/api/leads/{the_lead(member).id}", {"first_name": "Lemuel"})
    from_the_called()
    callee.ask_erasure(phone_e164=CALLED, confirm=CALLED, at_once=True, now=NOW)
    erasure.run_due_erasures(now=NOW + timedelta(minutes=1))
    assert not Correction.objects.exists()
    assert followed(2) == 0


@pytest.mark.policy("C7.2")
def test_a_person_puts_the_own_name_right_everywhere(member: Membership, sign_in: SignIn) -> None:
    browser = sign_in(member)
    assert browser.patch("/api/account/name", {"first_name": " ", "last_name": "Okafor"})[0] == 422
    status, session = browser.patch("/api/account/name", {"first_name": "Adaeze", "last_name": "Okafor"})
    assert (status, session["user"]["first_name"]) == (200, "Adaeze")
    assert browser.get("/api/team")[1]["members"][0]["first_name"] == "Adaeze"
    assert browser.patch("/api/account/name", {"first_name": "Adaeze", "last_name": "Okafor"})[0] == 200
    assert followed(1) == 1
    assert AuditEvent.objects.filter(action="name.changed").count() == 1


@pytest.mark.policy("C7.2")
def test_support_puts_an_accounts_name_right_for_a_case(member: Membership) -> None:
    pia = at_desk("privacy_officer", "Pia")
    case = cases.ask(user_id=member.user_id, kind="correction", words="Okafor, please", contact=NEW, now=NOW)
    assert correct(pia, case.reference, last_name="Okafor-Berg")[0] == 200
    assert User.objects.get(id=member.user_id).last_name == "Okafor-Berg"
    assert followed(1) == 1
    assert close(pia, case.reference)[0] == 200


@pytest.mark.policy("C7.2")
def test_answers_go_to_the_new_address_once_the_old_one_is_given_up(
    member: Membership, sign_in: SignIn, sandbox: Sandbox, mails: Mails
) -> None:
    browser, old = sign_in(member), member.user.email
    later(sandbox, A_WHILE)
    opened = cases.ask(user_id=member.user_id, kind="grievance", words="It rings too loud.", contact=old, now=NOW)
    assert ask_change(browser, sandbox)[0] == 204
    [link] = mails(NEW)
    assert press(token_in(link))[0] == 200
    assert Case.objects.get(id=opened.id).contact == old
    assert followed(60 * 24) == 1
    assert Case.objects.get(id=opened.id).contact == NEW
    assert Case.objects.filter(person=pseudonym("user", member.user_id)).count() == 1
