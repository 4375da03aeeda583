"""Data that is kept and used for nothing: no call, no reading, no understanding, no search, until somebody decides."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance import erasure
from compliance.models import AuditEvent, Case, RestrictedRow, Restriction
from compliance.retention import expire
from identity.models import Membership
from tests.compliance.test_my_data import proved
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from voice import analysis
from voice.models import Call, Lead, TranscriptSegment

NOW = datetime.now(UTC)
THEIRS, OTHERS = "+37060012345", "+37060054321"
ASK = {"question": "Who said the price is too high?"}


def talked(member: Membership, name: str, number: str) -> Call:
    """A call that is over, understood and findable."""
    lead = Lead.objects.create(
        workspace=member.workspace, first_name=name, phone_e164=number, notes=f"{name} notes", created_at=NOW
    )
    call = Call.objects.create(
        workspace=member.workspace,
        lead=lead,
        user=member.user,
        idempotency_key=name,
        status="completed",
        rate_card_id=lead.id,
        created_at=NOW - timedelta(minutes=9),
        ended_at=NOW - timedelta(minutes=5),
        max_duration_s=60,
    )
    for sequence, words in enumerate(("How is it?", f"The price of {name} is too high for us."), 1):
        TranscriptSegment.objects.create(
            workspace=member.workspace,
            call=call,
            sequence=sequence,
            speaker=("agent", "callee")[sequence - 1],
            start_ms=sequence * 4_000,
            end_ms=sequence * 4_000 + 3_000,
            text=words,
            created_at=NOW,
        )
    assert analysis.analyse(call_id=call.id, now=NOW)
    return call


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account(workspace_name="Sellers")


@pytest.fixture
def calls(member: Membership) -> tuple[Call, Call]:
    return talked(member, "Brobdingnag", THEIRS), talked(member, "Laputania", OTHERS)


def quoted(browser: Browser, key: str) -> str:
    status, answer = browser.post("/api/questions", ASK, **{"Idempotency-Key": key})
    return str(answer["quotes"]) if status == 200 else code_of(answer)


def read(browser: Browser, call: Call) -> list[Any]:
    return [
        browser.get(f"/api/calls/{call.id}/segments"),
        browser.get(f"/api/calls/{call.id}/insights"),
        browser.patch(f"/api/calls/{call.id}", {"notes": "more"}),
        browser.patch(f"/api/leads/{call.lead_id}", {"notes": "more"}),
        browser.patch(f"/api/segments/{call.segments.get(sequence=2).id}", {"sequence": 2, "text": "other"}),
    ]


def test_what_is_restricted_is_called_read_understood_and_searched_by_nobody_until_it_is_lifted(
    calls: tuple[Call, Call], member: Membership, sandbox: Sandbox, sign_in: SignIn
) -> None:
    theirs, others = calls
    seller, person = sign_in(member), proved(sandbox, THEIRS)
    status, found = person.post("/api/my-data/restriction", {"restricted": True})
    assert (status, found["restricted"]) == (200, True)
    assert person.post("/api/my-data/restriction", {"restricted": True})[0] == 200

    assert [(status, code_of(answer)) for status, answer in read(seller, theirs)] == [(409, "subject_restricted")] * 5
    assert [status for status, _ in read(seller, others)[:4]] == [200] * 4
    refusals = seller.get(f"/api/leads/{theirs.lead_id}/dial-check")[1]["refusals"]
    assert refusals[0]["code"] == "subject_restricted"
    dial = seller.post("/api/calls", {"lead_id": str(theirs.lead_id)}, **{"Idempotency-Key": "try-to-dial"})
    assert (dial[0], code_of(dial[1])) == (409, "subject_restricted")
    shown = [seller.get(path) for path in ("/api/leads", "/api/calls", f"/api/leads/{theirs.lead_id}")]
    assert [status for status, _ in shown] == [200] * 3
    everything = str(shown)
    assert "Brobdingnag" not in everything and THEIRS not in everything
    assert "Laputania" in everything
    assert seller.get("/api/leads?search=Brobdingnag")[1]["items"] == []
    assert code_of(seller.delete(f"/api/leads/{theirs.lead_id}")[1]) == "subject_restricted"
    asked = {**ASK, "lead_id": str(theirs.lead_id)}
    assert code_of(seller.post("/api/questions", asked, **{"Idempotency-Key": "about-them"})[1]) == "subject_restricted"
    answer = seller.post("/api/questions", ASK, **{"Idempotency-Key": "about-all-1"})[1]
    assert "Brobdingnag" not in str(answer)
    assert (answer["searched"]["calls"], answer["quotes_removed"]) == (1, 0)

    again = {"first_name": "Anew", "phone": THEIRS}
    assert code_of(seller.post("/api/leads", again)[1]) == "subject_restricted"
    bundle = str(seller.get("/api/privacy/export")[1])
    assert "Laputania" in bundle
    assert not [word for word in ("Brobdingnag", THEIRS) if word in bundle]

    case = Case.objects.get(kind="restriction")
    assert (case.state, case.contact) == ("verified", THEIRS)
    with pytest.raises(CommandError, match="in a few words"):
        call_command("cases", "lift", case.reference, " ", stdout=StringIO())
    call_command("cases", "lift", case.reference, "The dispute is settled.", stdout=StringIO())
    assert [status for status, _ in read(seller, theirs)][:2] == [200, 200]
    assert "Brobdingnag" in str(seller.get("/api/leads"))
    assert RestrictedRow.objects.count() == 0
    acts = AuditEvent.objects.filter(action__startswith="restriction.").order_by("sequence")
    assert [(act.action, act.actor_ref, act.target) for act in acts] == [
        ("restriction.began", "requester", str(case.id)),
        ("restriction.lifted", "operator", str(case.id)),
    ]
    assert "Restriction lifted: The dispute is settled." in [each.text for each in case.entries.all()]
    with pytest.raises(CommandError, match="No restriction"):
        call_command("cases", "lift", case.reference, "Once more.", stdout=StringIO())


def test_who_stops_all_calls_objects_to_every_use_until_they_are_allowed_again(
    calls: tuple[Call, Call], member: Membership, sandbox: Sandbox, sign_in: SignIn
) -> None:
    """Red when stopped calls are read on, when allowing them lets nothing be read, or lets what was restricted by itself."""
    theirs, others = calls
    seller, person = sign_in(member), proved(sandbox, THEIRS)

    def all_calls(*, allowed: bool) -> bool:
        status, found = person.post("/api/my-data/calls", {"workspace": None, "allowed": allowed})
        assert (status, found["calls"]) == (200, "allowed" if allowed else "stopped_by_you")
        return bool(found["restricted"])

    assert all_calls(allowed=False)
    assert [code_of(answer) for _, answer in read(seller, theirs)] == ["subject_restricted"] * 5
    assert [status for status, _ in read(seller, others)[:4]] == [200] * 4
    assert "Brobdingnag" not in quoted(seller, "after-objecting")
    assert not all_calls(allowed=True)
    assert read(seller, theirs)[0][0] == 200
    person.post("/api/my-data/restriction", {"restricted": True})
    assert all_calls(allowed=False) and all_calls(allowed=True)


@pytest.mark.parametrize("by_support", [False, True])
def test_who_allows_calls_again_does_not_lift_what_was_restricted_after_they_were_stopped(
    calls: tuple[Call, Call], member: Membership, sandbox: Sandbox, sign_in: SignIn, by_support: bool
) -> None:
    """Red when the second reason is recorded nowhere."""
    seller, person = sign_in(member), proved(sandbox, THEIRS)

    def all_calls(*, allowed: bool) -> bool:
        return bool(person.post("/api/my-data/calls", {"workspace": None, "allowed": allowed})[1]["restricted"])

    assert all_calls(allowed=False)
    if by_support:
        call_command("cases", "open", "restriction", "gulliver@example.com", "Use nothing.", stdout=StringIO())
        reference = Case.objects.get(kind="restriction").reference
        call_command("cases", "prove", reference, "--whose", THEIRS, stdout=StringIO())
        call_command("cases", "restrict", reference, "--number", THEIRS, stdout=StringIO())
    else:
        assert person.post("/api/my-data/restriction", {"restricted": True})[1]["restricted"]
    assert all_calls(allowed=True)
    assert code_of(read(seller, calls[0])[0][1]) == "subject_restricted"
    assert Lead.objects.get(id=calls[0].lead_id).restricted_at is not None
    if by_support:
        call_command("cases", "lift", reference, "The dispute is settled.", stdout=StringIO())
    else:
        assert not person.post("/api/my-data/restriction", {"restricted": False})[1]["restricted"]
    assert read(seller, calls[0])[0][0] == 200
    assert Lead.objects.get(id=calls[0].lead_id).restricted_at is None


def test_who_wrote_a_mail_and_proved_a_number_is_restricted_by_that_number(calls: tuple[Call, Call]) -> None:
    theirs, others = calls
    call_command("cases", "open", "restriction", "gulliver@example.com", "Use nothing.", stdout=StringIO())
    reference = Case.objects.get().reference
    call_command("cases", "prove", reference, "--whose", THEIRS, stdout=StringIO())
    for number in ("", OTHERS):
        with pytest.raises(CommandError, match="not known whose data"):
            call_command("cases", "restrict", reference, "--number", number, stdout=StringIO())
    assert not Restriction.objects.exists()
    call_command("cases", "restrict", reference, "--number", THEIRS, stdout=StringIO())
    assert [Lead.objects.get(id=call.lead_id).restricted_at is not None for call in (theirs, others)] == [True, False]


def test_what_is_restricted_outlives_its_term_until_somebody_decides(
    calls: tuple[Call, Call], sandbox: Sandbox
) -> None:
    theirs, others = calls
    proved(sandbox, THEIRS).post("/api/my-data/restriction", {"restricted": True})
    expire(now=NOW + timedelta(days=181))
    assert (theirs.segments.count(), others.segments.count()) == (2, 0)


def test_a_restricted_call_is_understood_only_after_that(
    calls: tuple[Call, Call], sandbox: Sandbox, member: Membership
) -> None:
    theirs, _ = calls
    person = proved(sandbox, THEIRS)
    person.post("/api/my-data/restriction", {"restricted": True})
    Call.objects.filter(id=theirs.id).update(analysis_state="none")
    analysis.sweep_analyses(now=NOW)
    assert Call.objects.get(id=theirs.id).analysis_state == "none"
    status, found = person.post("/api/my-data/restriction", {"restricted": False})
    assert (status, found["restricted"], found["cases"][0]["outcome"]) == (200, False, "taken_back")
    analysis.sweep_analyses(now=NOW)
    assert Call.objects.get(id=theirs.id).analysis_state == "done"


def test_support_restricts_only_for_who_proved_it_and_an_account_too(
    calls: tuple[Call, Call], member: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    out = StringIO()
    call_command("cases", "open", "restriction", member.user.email, "stop using my calls", stdout=out)
    reference = out.getvalue().split()[0]
    with pytest.raises(CommandError, match="Nobody has proved"):
        call_command("cases", "restrict", reference, stdout=out)
    call_command("cases", "prove", reference, "--whose", member.user.email, stdout=out)
    call_command("cases", "restrict", reference, stdout=out)
    manager = make_account(member.workspace_id, "manager", email="mia@sellers.example", mobile="+12025550199")
    assert code_of(sign_in(manager).get(f"/api/calls/{calls[0].id}/segments")[1]) == "subject_restricted"
    segment = calls[0].segments.get(sequence=2)
    TranscriptSegment.objects.get_queryset().filter(id=segment.id).update(refusal="said")
    other = {"sequence": 2, "text": "other"}
    theirs, dismissed = sign_in(manager), {"dismissed": True}
    assert code_of(theirs.patch(f"/api/segments/{segment.id}", other)[1]) == "subject_restricted"
    assert code_of(theirs.put(f"/api/segments/{segment.id}/refusal", dismissed)[1]) == "subject_restricted"
    own = sign_in(member, "198.51.100.9")
    assert own.patch(f"/api/segments/{segment.id}", {"sequence": 2, "text": segment.text})[0] == 200
    assert own.get(f"/api/calls/{calls[0].id}/segments")[0] == 200
    assert quoted(own, "about-all-2") == "own_use_restricted"
    refusals = own.get(f"/api/leads/{calls[1].lead_id}/dial-check")[1]["refusals"]
    assert [each["code"] for each in refusals if each["code"].endswith("_restricted")] == ["own_use_restricted"]


def test_a_restriction_ends_with_the_person(calls: tuple[Call, Call], sandbox: Sandbox) -> None:
    person = proved(sandbox, THEIRS)
    person.post("/api/my-data/restriction", {"restricted": True})
    assert person.post("/api/my-data/erasure", {"confirm": THEIRS, "when": "now"})[0] == 202
    assert erasure.run_due_erasures(now=NOW + timedelta(hours=6)) == 1
    assert Restriction.objects.count() == 0
    assert Lead.objects.filter(phone_e164=OTHERS).exists()
