"""What makes a message: a call that is over, its text, its insights, a low balance. And how long it is kept."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from compliance.retention import expire
from compliance.stores import Subject
from identity.models import Membership
from identity.outgoing.models import Delivery, Endpoint
from identity.outgoing.personal_data import STORE
from identity.personal_data import subject_of
from ledger import operations as ledger
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.outgoing.conftest import Receiver, send
from tests.voice.carrier import Placed, give_credit, place, post
from voice import analysis, submission, transcripts
from voice.heard import Heard
from voice.models import Call
from voice.personal_data import STORE as VOICE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def talked(owner: Membership, webhook: dict[str, Any]) -> Placed:
    """A call of half a minute in which both said something."""
    give_credit(owner, 1_000_000)
    placed = place(owner)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=10, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    for start_ms, speaker, text in ((0, "agent", "Hello, Zanzibar here."), (2_000, "callee", "The price is too high.")):
        heard = Heard(speaker, start_ms, start_ms + 900, text, 0.9)  # type: ignore[arg-type]
        transcripts.add_segment(call_id=UUID(placed.call_id), heard=heard, now=datetime.now(UTC))
    post(*placed.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*placed.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    return placed


def told(receiver: Receiver) -> list[dict[str, Any]]:
    # The analysis is told a later time than it is.
    while send(later=timedelta(minutes=2)):
        pass
    return [json.loads(body) for _, body in receiver.took]


def test_a_call_tells_of_its_end_its_text_and_its_insights_each_once(
    owner: Membership, receiver: Receiver, talked: Placed
) -> None:
    for _ in range(2):
        analysis.analyse(call_id=UUID(talked.call_id), now=datetime.now(UTC) + timedelta(seconds=30))
    for news in (
        talked.callee("completed", at_s=40, sequence=3, CallDuration="30"),
        talked.after("completed", DialCallDuration="30"),
    ):
        post(*news)
    messages = told(receiver)
    assert [one["type"] for one in messages] == ["call.completed", "transcript.ready", "insight.ready"]
    call = talked.row
    completed, transcript, insight = (one["data"] for one in messages)
    assert completed == {
        "call_id": talked.call_id,
        "lead_id": str(call.lead_id),
        "user_id": str(owner.user_id),
        "sequence": completed["sequence"],
        "status": "completed",
        "end_reason": "hung_up",
        "transcript_state": "on",
        "created_at": call.created_at.isoformat(),
        "answered_at": call.answered_at.isoformat() if call.answered_at else None,
        "ended_at": call.ended_at.isoformat() if call.ended_at else None,
        "duration_s": 30,
        "charged_mcredits": 1_000,
    }
    assert (transcript["call_id"], transcript["segments"]) == (talked.call_id, 2)
    assert transcript["sequence"] >= completed["sequence"]
    assert insight["call_id"] == talked.call_id and insight["insights"] >= 1
    sent = str(receiver.took)
    phone = call.lead.phone_e164 or ""
    assert not [
        word for word in ("Zanzibar", "price", phone, phone[1:], owner.user.email, call.lead.name) if word in sent
    ]


def test_a_corrected_line_is_told_as_another_transcript(page: Browser, receiver: Receiver, talked: Placed) -> None:
    later = datetime.now(UTC) + timedelta(seconds=30)
    analysis.analyse(call_id=UUID(talked.call_id), now=later)
    [first, *_] = page.get(f"/api/calls/{talked.call_id}/segments")[1]["items"]
    change = {"sequence": first["sequence"], "text": "Hello, Mombasa here."}
    assert page.patch(f"/api/segments/{first['id']}", change)[0] == 200
    analysis.analyse(call_id=UUID(talked.call_id), now=later + timedelta(seconds=30))
    kinds = [one["type"] for one in told(receiver)]
    assert kinds == ["call.completed", *["transcript.ready", "insight.ready"] * 2]


def test_another_length_from_the_carrier_is_told_with_a_higher_number(receiver: Receiver, talked: Placed) -> None:
    call = talked.row
    call.legs.filter(role="callee").update(duration_s=None)
    post(*talked.callee("completed", at_s=40, sequence=4, CallDuration="95"))
    first, second = (one["data"] for one in told(receiver))
    assert (first["duration_s"], second["duration_s"], second["charged_mcredits"]) == (30, 95, 2_000)
    assert second["sequence"] > first["sequence"]


def test_a_refusal_whose_news_are_late_is_told_with_a_higher_number(receiver: Receiver, talked: Placed) -> None:
    pressed = {"CallSid": talked.callee_sid, "ParentCallSid": talked.agent_sid, "Digits": "1"}
    for _ in range(2):
        post(talked.path("notice/played"), pressed)
    first, second = (one["data"] for one in told(receiver))
    assert (first["transcript_state"], second["transcript_state"]) == ("on", "refused")
    assert second["sequence"] > first["sequence"]


def test_a_call_that_was_never_answered_is_over_too_and_has_no_text(
    owner: Membership, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    give_credit(owner, 1_000_000)
    placed = place(owner)
    post(*placed.agent("busy", at_s=0, sequence=2))
    given_up = place(owner)
    submission.give_up(
        call_id=UUID(given_up.call_id), status="failed", reason="carrier_unreachable", now=datetime.now(UTC)
    )
    analysis.analyse(call_id=UUID(placed.call_id), now=datetime.now(UTC) + timedelta(minutes=1))
    messages = told(receiver)
    assert [(one["type"], one["data"]["status"]) for one in messages] == [
        ("call.completed", "busy"),
        ("call.completed", "failed"),
    ]


def test_a_balance_below_its_alert_is_told_once(
    page: Browser, owner: Membership, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    page.put("/api/credits/alert", {"threshold_mcredits": 5_000})
    give_credit(owner, 4_000)
    for _ in range(2):
        ledger.raise_alerts(now=datetime.now(UTC))
    [message] = told(receiver)
    assert message["type"] == "balance.low"
    assert message["data"] == {"balance_mcredits": 4_000, "threshold_mcredits": 5_000}


def test_only_what_was_chosen_is_told_and_only_to_the_own_workspace(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], make_account: MakeAccount, sign_in: SignIn
) -> None:
    page.patch(f"/api/webhooks/{webhook['id']}", {"events": ["insight.ready"]})
    page.put("/api/credits/alert", {"threshold_mcredits": 5_000})
    stranger = make_account(email="stranger@example.com", mobile="+1 202 555 0199")
    other = sign_in(stranger)
    other.post("/api/webhooks", {"url": "https://stranger.example/", "events": ["balance.low"]})
    ledger.raise_alerts(now=datetime.now(UTC))
    assert not Delivery.objects.get_queryset().exists()
    assert other.post(f"/api/webhooks/{webhook['id']}/test")[0] == 404
    assert other.get(f"/api/webhooks/{webhook['id']}/deliveries")[0] == 404


def test_an_event_that_is_rolled_back_is_told_to_nobody(owner: Membership, webhook: dict[str, Any]) -> None:
    give_credit(owner, 1_000_000)
    placed = place(owner)
    with pytest.raises(ZeroDivisionError):
        _ends_and_fails(placed)
    assert not Delivery.objects.get_queryset().exists()


def test_the_list_goes_on_where_it_was(page: Browser, webhook: dict[str, Any]) -> None:
    row = Endpoint.objects.get_queryset().get()
    now = datetime.now(UTC)
    Delivery.objects.get_queryset().bulk_create(_delivery(row, now) for _ in range(60))
    address = f"/api/webhooks/{webhook['id']}/deliveries"
    first = page.get(address)[1]
    second = page.get(f"{address}?cursor={first['next_cursor']}")[1]
    ids = [item["id"] for item in (*first["items"], *second["items"])]
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (50, 10, None)
    assert ids == sorted(ids, reverse=True)
    assert page.get(f"{address}?cursor=here")[1]["code"] == "cursor_invalid"


@pytest.mark.policy("C6.1")
def test_messages_are_kept_for_thirty_days(webhook: dict[str, Any]) -> None:
    row = Endpoint.objects.get_queryset().get()
    now = datetime.now(UTC)
    _delivery(row, now - timedelta(days=30, minutes=1)).save()
    young = _delivery(row, now - timedelta(days=29))
    young.save()
    assert expire(now=now)["delivery"] == 1
    assert Delivery.objects.get_queryset().get().id == young.id


@pytest.mark.policy("C6.1")
def test_what_was_given_up_is_kept_for_seven_days_in_which_it_can_be_sent_again(webhook: dict[str, Any]) -> None:
    row = Endpoint.objects.get_queryset().get()
    now = datetime.now(UTC)
    over, young, taken = (_delivery(row, now - timedelta(days=days)) for days in (9, 7, 20))
    for each, state in ((over, "dead"), (young, "dead"), (taken, "sent")):
        each.state, each.gives_up_at = state, each.created_at + timedelta(days=1)
        each.save()
    assert expire(now=now)["undelivered"] == 1
    assert set(Delivery.objects.get_queryset().values_list("id", flat=True)) == {young.id, taken.id}


@pytest.mark.policy("C7.1", "C7.3")
def test_an_erased_person_is_in_no_message_and_the_colleagues_webhook_stays(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], talked: Placed
) -> None:
    manager = colleague("manager")
    Endpoint.objects.get_queryset().update(made_by=manager.user)
    subject = subject_of(owner.user_id)
    assert STORE.find(subject) == {"delivery": 1}
    [exported] = STORE.export(subject)["delivery"]
    assert exported["told"]["call_id"] == talked.call_id
    STORE.erase(subject, now=datetime.now(UTC))
    assert (STORE.verify(subject), Endpoint.objects.get_queryset().count()) == (0, 1)
    who_made_it = subject_of(manager.user_id)
    assert STORE.find(who_made_it) == {"webhook": 1}
    STORE.erase(who_made_it, now=datetime.now(UTC))
    assert page.get("/api/webhooks")[1]["items"][0]["made_by"] is None


@pytest.mark.policy("C7.3")
def test_what_was_told_of_a_call_goes_with_the_person_who_was_called(talked: Placed) -> None:
    callee = Subject(kind="callee", phone_e164=talked.row.lead.phone_e164 or "")
    assert Delivery.objects.get_queryset().count() == 1
    VOICE.erase(callee, now=datetime.now(UTC))
    assert not Delivery.objects.get_queryset().exists()


@pytest.mark.policy("C7.3")
def test_a_workspace_that_ends_takes_its_webhooks_along(owner: Membership, talked: Placed) -> None:
    subject = subject_of(owner.user_id)
    assert subject.workspace_ids_to_erase
    assert STORE.find(subject) == {"webhook": 1, "delivery": 1}
    STORE.erase(subject, now=datetime.now(UTC))
    assert not Endpoint.objects.get_queryset().exists()


def _delivery(row: Endpoint, at: datetime) -> Delivery:
    return Delivery(
        workspace_id=row.workspace_id,
        endpoint=row,
        event="webhook.test",
        subject=str(uuid4()),
        data={"webhook_id": str(row.id)},
        created_at=at,
        state="sent",
        next_at=at,
        gives_up_at=at,
    )


def _ends_and_fails(placed: Placed) -> None:
    with transaction.atomic():
        submission.give_up(
            call_id=UUID(placed.call_id), status="failed", reason="carrier_unreachable", now=datetime.now(UTC)
        )
        assert Delivery.objects.get_queryset().exists()
        raise ZeroDivisionError
