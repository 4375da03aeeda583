"""What the carrier posts, and what somebody else posts. In which order it comes is told in test_any_order.

Planted bugs that this catches: a callback that is applied before it is claimed (two settlements), a signature that is checked only
when there is one, news of another call's leg that are taken.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from django.core import serializers
from django.db import OperationalError, connection
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger.models import Entry, Hold
from tests.identity.browser import Browser
from tests.ledger.books import amounts, broken
from tests.voice import carrier, front_door
from tests.voice.carrier import FORM, Placed, give_credit, place, post, sid, signature
from voice import callbacks, reconcile
from voice.calling_hours import is_calling_hour
from voice.models import Call, Callback, CallLeg, Lead, MediaStream
from voice.replay import replay

pytestmark = pytest.mark.django_db(transaction=True)
MakeAccount = Callable[..., Membership]
TRANSCRIPTION = "transcription/01a216e1-b335-702f-a7f4-d34c0f07658a"
ENDPOINTS = ("agent", "status", "machine", "stream", TRANSCRIPTION, "notice", "notice/played", "closing", "after")
# Django's own, and for what is taken in front of it the whole application.
DOORS = [(carrier, endpoint) for endpoint in ENDPOINTS] + [
    (front_door, each) for each in ("status", "machine", "stream")
]
Posts = list[tuple[str, dict[str, str]]]


@pytest.fixture
def member(make_account: MakeAccount, settings: Any) -> Membership:
    # One person places more calls here than a person may.
    settings.MEMBER_DIALS_PER_HOUR_MAX = settings.MEMBER_DIALS_PER_DAY_MAX = 10_000
    member = make_account()
    give_credit(member, 1_000_000)
    return member


def conversation(placed: Placed) -> Posts:
    """Sixty-four seconds of talk: what both legs and the Dial verb report."""
    return [
        placed.agent("in-progress", at_s=0, sequence=2),
        placed.callee("in-progress", at_s=5, sequence=2),
        placed.callee("completed", at_s=69, sequence=3, CallDuration="64"),
        placed.after("completed", DialCallDuration="64"),
        placed.agent("completed", at_s=70, sequence=3, CallDuration="70"),
    ]


def refusal(placed: Placed) -> Posts:
    """The lead's line is busy."""
    return [
        placed.agent("in-progress", at_s=0, sequence=2),
        placed.callee("ringing", at_s=5, sequence=1),
        placed.callee("busy", at_s=9, sequence=3, CallDuration="0"),
        placed.after("busy"),
        placed.agent("completed", at_s=10, sequence=3, CallDuration="10"),
    ]


def outcome(placed: Placed) -> tuple[object, ...]:
    call = placed.row
    entries = Entry.objects.get_queryset().filter(reference=call.ledger_reference)
    return (
        call.status,
        call.end_reason,
        call.duration_s,
        call.charged_mcredits,
        call.minutes_charged,
        -sum(entries.filter(kind__in=("charge", "settlement")).values_list("effect_mcredits", flat=True)),
        entries.filter(kind="settlement").count(),
        Hold.objects.get_queryset().get(reference=call.ledger_reference).state,
        sorted(call.legs.values_list("role", "status")),
    )


def times(placed: Placed) -> tuple[float, ...]:
    """Seconds from the rep's answer to the lead's, to the end of the lead's leg, and to the end of the call."""
    call = placed.row
    leg = call.legs.get(role="callee")
    moments = (call.answered_at, leg.ended_at, call.ended_at)
    return tuple((moment - placed.began_at).total_seconds() for moment in moments if moment is not None)


def rebuilt_otherwise() -> list[str]:
    """What the stored callbacks make of all calls and charges, where the tables hold something else."""
    found: list[str] = []
    replay(differs=lambda difference: found.append(str(difference)))
    return found


def test_the_same_news_twice_is_stored_once(member: Membership) -> None:
    placed = place(member)
    for _ in range(3):
        post(*placed.agent("in-progress", at_s=0, sequence=2))
    assert Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="leg").count() == 1


def test_news_that_were_stored_when_a_process_died_are_applied_by_the_sweep(member: Membership) -> None:
    placed = place(member)
    _, params = placed.agent("in-progress", at_s=0, sequence=2)
    now = datetime.now(UTC)
    stored = Callback.objects.create(
        workspace_id=member.workspace_id,
        call_id=placed.call_id,
        kind="leg",
        sid=placed.agent_sid,
        dedupe_key=str(uuid7()),
        params=params,
        received_at=now - timedelta(seconds=5),
    )
    broken_news = Callback.objects.create(
        workspace_id=member.workspace_id,
        call_id=placed.call_id,
        kind="leg",
        sid=placed.agent_sid,
        dedupe_key=str(uuid7()),
        params={"CallStatus": "in-progress"},
        received_at=now - timedelta(seconds=9),
    )
    reconcile.apply_waiting_callbacks(now=now)
    assert placed.row.status == "rep_answered"
    # One that cannot be applied keeps no other waiting.
    assert not callbacks.apply(callback_id=stored.id, now=now)
    broken_news.refresh_from_db()
    assert broken_news.applied_at is None


def test_a_leg_of_another_call_moves_neither(make_account: MakeAccount, member: Membership) -> None:
    other = make_account(email="other@example.com", mobile="+1 202 555 0111")
    give_credit(other, 100_000)
    mine, theirs = place(member), place(other)
    params = theirs.agent("completed", at_s=9, sequence=3, CallDuration="9")[1]
    assert post(mine.path("status"), params).status == 204
    assert (mine.row.status, theirs.row.status) == ("dialling", "dialling")


def everything() -> str:
    """All rows that a callback could change."""
    rows = [
        row for model in (Call, CallLeg, Callback, MediaStream) for row in model.objects.get_queryset().order_by("id")
    ]
    money = [*Entry.objects.get_queryset().order_by("id"), *Hold.objects.get_queryset().order_by("id")]
    return str(serializers.serialize("json", [*rows, *money]))


@pytest.mark.parametrize(("door", "endpoint"), DOORS)
def test_what_the_carrier_did_not_send_is_refused_with_a_code_and_changes_nothing(
    member: Membership, door: ModuleType, endpoint: str
) -> None:
    send = door.send
    placed = place(member)
    path = placed.path(endpoint)
    _, params = placed.agent("completed", at_s=9, sequence=3, CallDuration="9")
    form = b"&".join(
        f"{name}={value}".replace(" ", "+").replace("+0000", "%2B0000").encode() for name, value in params.items()
    )
    good = signature(path, params)
    before = everything()
    as_json = json.dumps(params).encode()
    refused = {
        "unsigned": send("POST", path, form),
        "signed with another token": send("POST", path, form, signed=signature(path, params, token="0" * 32)),
        "signed for another host": send(
            "POST", path, form, signed=signature(path, params, origin="http://evil.example")
        ),
        "signed for another call": send("POST", path, form, signed=signature(path.replace("0", "1"), params)),
        "signed, then changed": send("POST", path, form.replace(b"CallDuration=9", b"CallDuration=1"), signed=good),
        "signed, then added to": send("POST", path, form + b"&Digits=1", signed=good),
        "signed, with a query added": send("POST", f"{path}?a=1", form, signed=good),
        "no Base64": send("POST", path, form, signed="\u00e4\u00f6".encode().decode("latin-1")),
        "JSON": send("POST", path, as_json, signed=signature(path, {}), content_type="application/json"),
        "multipart": send(
            "POST", path, b"--x--", signed=signature(path, {}), content_type="multipart/form-data; boundary=x"
        ),
    }
    assert {why: (answer.status, answer.code) for why, answer in refused.items()} == dict.fromkeys(
        refused, (403, "signature_invalid")
    )
    assert everything() == before


@pytest.mark.parametrize(("door", "endpoint"), DOORS)
def test_what_is_signed_but_unusable_is_refused_with_a_code_and_changes_nothing(
    member: Membership, door: ModuleType, endpoint: str
) -> None:
    send, posted = door.send, door.post
    placed = place(member)
    path, unknown = placed.path(endpoint), placed.path(endpoint).replace(placed.call_id, str(uuid7()))
    _, params = placed.agent("completed", at_s=9, sequence=3, CallDuration="9")
    nul = params | {"CallStatus": "comp\x00leted"}
    without = {name: value for name, value in params.items() if name != "CallSid"}
    before = everything()
    answers = {
        "GET": (send("GET", path, signed=signature(path, {})), 405, "method_not_allowed"),
        "PUT": (send("PUT", path, b"a=1"), 405, "method_not_allowed"),
        "NUL bytes": (posted(path, nul), 400, "body_unusable"),
        "a CallSid of another kind": (posted(path, params | {"CallSid": "XX" + "g" * 32}), 400, "call_sid_invalid"),
        "no CallSid": (posted(path, without), 400, "call_sid_invalid"),
        "a short CallSid": (posted(path, params | {"CallSid": "CA1"}), 400, "call_sid_invalid"),
        "an unknown call": (posted(unknown, params), 404, "call_unknown"),
        "too many fields": (posted(path, {f"f{n}": "1" for n in range(1_200)}), 400, "body_unusable"),
        "another alphabet": (
            send("POST", path, "a=1".encode("utf-16"), signed="x", content_type=f"{FORM}; charset=utf-16"),
            400,
            "body_unusable",
        ),
        "no boundary": (
            send("POST", path, b"--", signed="x", content_type="multipart/form-data"),
            400,
            "body_unusable",
        ),
        "too large": (send("POST", path, b"a=" + b"x" * 2_000_000, signed="x"), 400, "body_unusable"),
    }
    assert {why: (answer.status, answer.code) for why, (answer, _, _) in answers.items()} == {
        why: (status, code) for why, (_, status, code) in answers.items()
    }
    assert everything() == before
    assert send("POST", f"/twilio/voice/not-a-call/{endpoint}", b"", content_type=FORM).status == 404


def test_strange_values_in_signed_fields_never_fail(member: Membership) -> None:
    placed = place(member)
    strange = [
        "",
        "-1",
        "9" * 40,
        "\ud7ff\U0001f600",
        "x" * 5_000,
        "in-progress ",
        "NaN",
        "'; DROP TABLE voice_call;--",
    ]
    for value in strange:
        for name in ("CallStatus", "CallDuration", "Timestamp", "SequenceNumber", "ParentCallSid", "DialCallSid"):
            for endpoint in ENDPOINTS:
                params = placed.after("completed")[1] | {name: value}
                assert post(placed.path(endpoint), params).status < 500, (endpoint, name, value)


def test_a_replayed_answer_of_the_rep_opens_no_second_stream_and_shows_no_number(member: Membership) -> None:
    placed = place(member)
    path, params = placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"}
    first, again = post(path, params), post(path, params)
    number = placed.row.lead.phone_e164 or ""
    # The carrier asks again when our answer was lost; then only the newest token opens a socket.
    assert number in first.body and number in again.body
    streams = MediaStream.objects.get_queryset().filter(call_id=placed.call_id)
    assert sorted(streams.values_list("state", flat=True)) == ["issued", "lost"]
    streams.filter(state="issued").update(state="connected", connected_at=datetime.now(UTC), stream_sid=sid("MZ"))
    replayed = post(path, params)
    assert replayed.status == 200 and "<Stream" not in replayed.body and number not in replayed.body
    assert streams.count() == 2


def closed_now() -> str:
    """A time zone in which nobody may be called at this moment."""
    zones = ("Asia/Tokyo", "Europe/Berlin", "America/Chicago")
    return next(zone for zone in zones if not is_calling_hour(datetime.now(UTC), time_zone=zone, country=""))


@pytest.mark.parametrize("known_by", ["the stream", "the lead's leg"])
def test_a_replayed_answer_of_the_rep_ends_no_conversation_whatever_was_decided_meanwhile(
    member: Membership, sign_in: Callable[..., Browser], settings: Any, known_by: str
) -> None:
    """Who shall not be called again talks on, and so does who is called when their hours end."""
    placed = place(member)
    path, params = placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"}
    post(path, params)
    if known_by == "the stream":
        streams = MediaStream.objects.get_queryset().filter(call_id=placed.call_id)
        streams.update(state="connected", connected_at=datetime.now(UTC), stream_sid=sid("MZ"))
    else:
        post(*placed.callee("in-progress", at_s=5, sequence=1))
    before = (placed.row.status, amounts(member.workspace_id))
    assert sign_in(member).post(f"/api/leads/{placed.row.lead_id}/suppression", {})[0] == 200
    settings.CALLING_HOURS = "kept"
    Lead.objects.get_queryset().filter(id=placed.row.lead_id).update(time_zone=closed_now(), country="")
    replayed = post(path, params)
    assert replayed.status == 200 and "<Hangup" not in replayed.body and "<Dial" not in replayed.body
    assert (placed.row.status, amounts(member.workspace_id)) == before
    for one in conversation(placed):
        post(*one)
    assert (placed.row.status, placed.row.charged_mcredits > 0) == ("completed", True)


def test_a_lead_who_asked_not_to_be_called_while_the_reps_phone_rang_is_not_rung(
    member: Membership, sign_in: Callable[..., Browser]
) -> None:
    placed = place(member)
    before = amounts(member.workspace_id)
    number = placed.row.lead.phone_e164 or "-"
    assert sign_in(member).post(f"/api/leads/{placed.row.lead_id}/suppression", {})[0] == 200
    answer = post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    assert answer.status == 200 and "<Hangup" in answer.body and number not in answer.body
    post(*placed.agent("completed", at_s=1, sequence=3, CallDuration="1"))
    call = placed.row
    assert (call.status, call.end_reason, call.charged_mcredits) == ("cancelled", "lead_suppressed", 0)
    available, held, debt = amounts(member.workspace_id)
    assert (available, held, debt) == (before[0] + before[1], 0, before[2])
    assert broken() == []


def test_a_lead_whose_calling_hours_ended_while_the_reps_phone_rang_is_not_rung(
    member: Membership, settings: Any
) -> None:
    placed = place(member)
    before = amounts(member.workspace_id)
    settings.CALLING_HOURS = "kept"
    closed = closed_now()
    Lead.objects.get_queryset().filter(id=placed.row.lead_id).update(time_zone=closed, country="")
    answer = post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    assert answer.status == 200 and "<Hangup" in answer.body and "<Dial" not in answer.body
    call = placed.row
    assert (call.status, call.end_reason, call.charged_mcredits) == ("cancelled", "outside_calling_hours", 0)
    available, held, debt = amounts(member.workspace_id)
    assert (available, held, debt) == (before[0] + before[1], 0, before[2])


def test_while_the_database_is_away_the_carrier_is_asked_to_send_again(member: Membership) -> None:
    placed = place(member)
    path, params = placed.agent("in-progress", at_s=0, sequence=2)

    def away(*_: object) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(away):
        answer = post(path, params)
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert post(path, params).status == 204
    assert placed.row.status == "rep_answered"
