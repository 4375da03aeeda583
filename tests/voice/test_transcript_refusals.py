"""Whoever refused the transcript once need not refuse it again, however long ago that call is and whatever became of it.

Planted bugs that this catches: the refusal read from the earlier call alone, which ends with the lead or with its text; one
workspace's refusal taken for another's; one that an erasure takes along; one that the rep was told of and that ends with the call, or that a colleague enters.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from compliance import erasure_ledger, replaying, retention
from compliance.elements import ELEMENTS
from compliance.models import AuditEvent, LedgerNote
from config.personal_data import STORES
from identity.models import Membership
from tests.compliance.ends import end
from tests.compliance.test_erasure_ledger import SOON, as_in_an_old_backup, entered, ledger
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import SignIn
from tests.voice.carrier import Placed, give_credit, post
from tests.voice.queues import call, ends
from tests.voice.test_callbacks import rebuilt_otherwise
from voice import callee, transcripts
from voice.heard import Heard
from voice.models import Call, Lead, TranscriptRefusal

__all__ = ["ledger"]

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "+12125550100"


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, 100_000_000)
    return member


def lead_of(member: Membership) -> Lead:
    return Lead.objects.create(
        workspace_id=member.workspace_id, first_name="Rita", phone_e164=NUMBER, created_at=datetime.now(UTC)
    )


def pressed(placed: Placed, key: str) -> None:
    form = {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid, **({"Digits": key} if key else {})}
    assert post(placed.path("notice/played"), form).status == 200


def is_told_before(rep: Browser, lead: Lead) -> bool:
    """Whether the rep reads, before dialling, that nothing of the call will be written down."""
    status, check = rep.get(f"/api/leads/{lead.id}/dial-check")
    assert status == 200
    refused: bool = check["text_refused"]
    return refused


def called(member: Membership, lead: Lead, key: str = "") -> Call:
    """A whole call in which the lead hears the notice; key: pressed in it."""
    placed = call(member, lead, now=datetime.now(UTC))
    post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    pressed(placed, key)
    state = placed.row.transcript_state
    ends(placed, "completed")
    found = placed.row
    assert found.transcript_state == state
    return found


def test_a_refusal_outlives_the_lead_and_is_of_one_workspace(
    member: Membership, make_account: Callable[..., Membership], sign_in: SignIn
) -> None:
    lead, rep = lead_of(member), sign_in(member)
    assert called(member, lead).transcript_state == "on"
    assert not is_told_before(rep, lead)
    assert called(member, lead, key="1").transcript_state == "refused"
    assert is_told_before(rep, lead)
    assert rep.delete(f"/api/leads/{lead.id}")[0] == 204
    assert not Call.objects.get_queryset().exists()
    again = lead_of(member)
    assert is_told_before(rep, again)
    assert called(member, again).transcript_state == "refused"
    other = make_account(email="other@sellers.example", mobile="+12025550183", workspace_name="Others")
    give_credit(other, 100_000)
    theirs = lead_of(other)
    assert not is_told_before(sign_in(other), theirs)
    assert called(other, theirs).transcript_state == "on"
    assert NUMBER[1:] not in str(TranscriptRefusal.objects.get_queryset().values())


@pytest.mark.policy("C6.1")
def test_it_outlives_the_text_of_the_call_and_ends_with_its_own_term(member: Membership) -> None:
    lead = lead_of(member)
    placed = call(member, lead, now=datetime.now(UTC))
    post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    pressed(placed, "")
    heard = Heard("callee", 0, 900, "Is a machine listening?", 0.9)
    assert transcripts.add_segment(call_id=placed.row.id, heard=heard, now=datetime.now(UTC)) is not None
    pressed(placed, "1")
    ends(placed, "completed")
    end("transcript", now=datetime.now(UTC) + timedelta(days=181))
    assert placed.row.transcript_state == "expired"
    assert called(member, lead).transcript_state == "refused"
    term = timedelta(days=ELEMENTS["suppression"].retention_days or 0)
    Call.objects.get_queryset().all().delete()
    retention.expire(now=datetime.now(UTC) + term - timedelta(hours=1))
    assert TranscriptRefusal.objects.get_queryset().count() == 1
    retention.expire(now=datetime.now(UTC) + term)
    assert called(member, lead).transcript_state == "on"


@pytest.mark.policy("C6.2", "C7.1")
def test_the_person_reads_of_it_and_an_erasure_leaves_it(member: Membership, sign_in: SignIn) -> None:
    lead = lead_of(member)
    for key, refused in (("", False), ("1", True)):
        called(member, lead, key=key)
        copy = "".join(callee.export(phone_e164=NUMBER, as_page=False, now=datetime.now(UTC)))
        assert [each["transcript_refused"] for each in json.loads(copy)["data"]["callee"]["items"]] == [refused]
    for store in STORES:
        if store.name == "voice":
            store.erase(callee.subject_of_number(NUMBER), now=datetime.now(UTC))
    assert not Call.objects.get_queryset().exists()
    assert called(member, lead_of(member)).transcript_state == "refused"


@pytest.mark.policy("C6.2")
def test_a_restored_backup_learns_of_it_again(member: Membership, ledger: str) -> None:
    called(member, lead_of(member), key="1")
    [before] = TranscriptRefusal.objects.get_queryset().values_list("number_key", "refused_at")
    erasure_ledger.write_out(now=datetime.now(UTC))
    assert entered() == [("transcript",)] and NUMBER[1:] not in str(entered("key, detail"))
    TranscriptRefusal.objects.get_queryset().delete()
    for _ in range(2):
        as_in_an_old_backup()
        assert replaying.replay(now=SOON).waiting == {}
        assert list(TranscriptRefusal.objects.get_queryset().values_list("number_key", "refused_at")) == [before]
    as_in_an_old_backup()
    replaying.note_again(now=datetime.now(UTC))
    assert LedgerNote.objects.filter(kind="transcript").count() == 1


def test_the_rep_who_is_told_turns_the_text_off_for_this_call_and_the_next(
    member: Membership, make_account: Callable[..., Membership], sign_in: SignIn
) -> None:
    rep, lead = sign_in(member), lead_of(member)
    placed = call(member, lead, now=datetime.now(UTC))
    address = f"/api/calls/{placed.call_id}/text-refusal"
    post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    pressed(placed, "")
    before = Heard("callee", 0, 900, "Is a machine listening?", 0.9)
    after = Heard("callee", 4_000, 4_900, "Please do not.", 0.9)
    assert transcripts.add_segment(call_id=placed.row.id, heard=before, now=datetime.now(UTC)) is not None
    stranger = make_account(email="other@sellers.example", mobile="+12025550183", workspace_name="Others")
    assert sign_in(stranger).post(address, {})[0] == 404
    shown = [rep.post(address, {}) for _ in range(2)]
    assert [(status, each["transcript_state"]) for status, each in shown] == [(200, "refused")] * 2
    assert shown[0][1]["sequence"] == shown[1][1]["sequence"]
    assert transcripts.add_segment(call_id=placed.row.id, heard=after, now=datetime.now(UTC)) is None
    # News of the notice that come late, or again, turn nothing on.
    pressed(placed, "")
    ends(placed, "completed")
    assert placed.row.transcript_state == "refused"
    assert [line["text"] for line in rep.get(f"/api/calls/{placed.call_id}/segments")[1]["items"]] == [before.text]
    [act] = AuditEvent.objects.filter(action="transcript.refused")
    assert (act.actor_ref, act.target) == (str(member.user_id), placed.call_id)
    assert called(member, lead).transcript_state == "refused"
    assert rebuilt_otherwise() == []


def test_of_a_call_that_is_over_nobody_turns_the_text_off(member: Membership, sign_in: SignIn) -> None:
    status, problem = sign_in(member).post(f"/api/calls/{called(member, lead_of(member)).id}/text-refusal", {})
    assert (status, code_of(problem)) == (409, "call_is_over")
    assert not TranscriptRefusal.objects.get_queryset().exists()
