"""All that the carrier tells of a call, story by story, and what each comes to, whatever order it is told in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from compliance import suppression
from ledger.models import Entry, Hold
from tests.voice.carrier import Placed, sid
from voice import transcripts
from voice.models import MediaStream
from voice.retries import next_try

Posts = list[tuple[str, dict[str, str]]]
# Role, status, answer, end, and length by the carrier's own figure.
Leg = tuple[str, str, float | None, float | None, int | None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over, with its charge and its lead. Times are seconds from the rep's answer; retried: whether the lead is to be
    called again, at the time that counts from the call's end; told_s: the end of its media stream.
    """

    status: str
    end_reason: str
    outcome: str | None
    legs: tuple[Leg, ...]
    ended_s: float
    answered_s: float | None = None
    duration_s: int = 0
    transcript_state: str = "off"
    answered_by: str | None = None
    mcredits: int = 0
    minutes: int = 0
    settlements: int = 0
    hold: str = "settled"
    attempts: int = 0
    disposition: str | None = None
    retried: bool = False
    suppressed: bool = False
    told_s: float | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """news: everything that the carrier tells of such a call, in its true order. stream_sid: of the stream that hears it."""

    news: Callable[[Placed, str], Posts]
    end: Ended


def _rep_is_there(placed: Placed) -> Posts:
    return [
        placed.agent("initiated", at_s=-3, sequence=0),
        placed.agent("ringing", at_s=-2, sequence=1),
        placed.agent("in-progress", at_s=0, sequence=2),
        (placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"}),
    ]


def _stream(placed: Placed, stream_sid: str, event: str, at_s: float) -> tuple[str, dict[str, str]]:
    at = (placed.began_at + timedelta(seconds=at_s)).isoformat()
    told = {"StreamSid": stream_sid, "StreamEvent": f"stream-{event}", "Timestamp": at}
    return placed.path("stream"), {"CallSid": placed.agent_sid, **told}


def talk(placed: Placed, stream_sid: str, *, key: str = "", answered_by: str = "human") -> Posts:
    """Sixty-four seconds, from the lead's answer on. key: pressed by the lead in the notice."""
    leads_leg = {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid, "CallStatus": "in-progress"}
    return [
        *_rep_is_there(placed),
        _stream(placed, stream_sid, "started", 0),
        placed.callee("initiated", at_s=1, sequence=0),
        placed.callee("ringing", at_s=2, sequence=1),
        placed.callee("in-progress", at_s=5, sequence=2),
        (placed.path("notice"), leads_leg),
        (placed.path("notice/played"), leads_leg | ({"Digits": key} if key else {})),
        (placed.path("machine"), {"CallSid": placed.callee_sid, "AnsweredBy": answered_by}),
        placed.callee("completed", at_s=69, sequence=3, CallDuration="64"),
        placed.after("completed", DialCallDuration="64"),
        _stream(placed, stream_sid, "stopped", 70),
        placed.agent("completed", at_s=70, sequence=3, CallDuration="70"),
    ]


def _talk(*, key: str = "", answered_by: str = "human") -> Callable[[Placed, str], Posts]:
    return lambda placed, stream_sid: talk(placed, stream_sid, key=key, answered_by=answered_by)


def _not_reached(status: str) -> Callable[[Placed, str], Posts]:
    """The lead's leg ends as `status` without an answer."""
    return lambda placed, stream_sid: [
        *_rep_is_there(placed),
        _stream(placed, stream_sid, "started", 0),
        placed.callee("initiated", at_s=1, sequence=0),
        placed.callee("ringing", at_s=2, sequence=1),
        placed.callee(status, at_s=9, sequence=2, CallDuration="0"),
        placed.after(status),
        _stream(placed, stream_sid, "stopped", 10),
        placed.agent("completed", at_s=10, sequence=3, CallDuration="10"),
    ]


def _rep_away(placed: Placed, _: str) -> Posts:
    return [
        placed.agent("initiated", at_s=-3, sequence=0),
        placed.agent("ringing", at_s=-2, sequence=1),
        placed.agent("no-answer", at_s=28, sequence=2, CallDuration="0"),
    ]


_TALKED: Final = Ended(
    status="completed",
    end_reason="hung_up",
    outcome="connected",
    legs=(("agent", "completed", 0, 70, 70), ("callee", "completed", 5, 69, 64)),
    answered_s=5,
    ended_s=69,
    duration_s=64,
    transcript_state="on",
    answered_by="human",
    mcredits=2_000,
    minutes=2,
    settlements=1,
    disposition="connected",
    told_s=70,
)


def _unanswered(status: str, end_reason: str, leg: str, outcome: str | None, *, retried: bool = False) -> Ended:
    return Ended(
        status=status,
        end_reason=end_reason,
        outcome=outcome,
        legs=(("agent", "completed", 0, 10, 10), ("callee", leg, None, 9, 0)),
        ended_s=9,
        attempts=int(retried),
        disposition=outcome,
        retried=retried,
        told_s=10,
    )


STORIES: Final[Mapping[str, Story]] = {
    "talked": Story(_talk(), _TALKED),
    "no text wanted": Story(_talk(key="1"), replace(_TALKED, transcript_state="refused")),
    "no calls wanted": Story(
        _talk(key="9"), replace(_TALKED, end_reason="lead_opted_out", transcript_state="refused", suppressed=True)
    ),
    "voicemail": Story(
        _talk(answered_by="machine_start"),
        replace(_TALKED, answered_by="machine_start", outcome="voicemail", disposition="voicemail"),
    ),
    "busy": Story(_not_reached("busy"), _unanswered("busy", "lead_busy", "busy", "busy", retried=True)),
    "nobody there": Story(
        _not_reached("no-answer"),
        _unanswered("no_answer", "lead_no_answer", "no-answer", "no_answer", retried=True),
    ),
    "no such number": Story(_not_reached("failed"), _unanswered("failed", "lead_unreachable", "failed", "failed")),
    "given up": Story(_not_reached("canceled"), _unanswered("cancelled", "cancelled_by_rep", "canceled", None)),
    "rep away": Story(
        _rep_away, Ended("no_answer", "rep_no_answer", "failed", (("agent", "no-answer", None, 28, 0),), ended_s=28)
    ),
}


def heard_by(placed: Placed) -> str:
    """The SID of a media stream that has begun to hear a call."""
    now, stream_sid = datetime.now(UTC), sid("MZ")
    token = transcripts.issue_stream_token(call=placed.row, now=now)
    transcripts.claim_stream(token=token, stream_sid=stream_sid, call_sid=placed.agent_sid, now=now)
    return stream_sid


def ended(placed: Placed, stream_sid: str) -> Ended:
    """What the tables hold of it."""
    call = placed.row
    lead = call.lead
    entries = Entry.objects.get_queryset().filter(reference=call.ledger_reference)
    stopped_at = MediaStream.objects.get_queryset().get(stream_sid=stream_sid).stopped_at

    def since(moment: datetime | None) -> float | None:
        return (moment - placed.began_at).total_seconds() if moment else None

    assert call.ended_at is not None and call.settled_at is not None
    retry_at = next_try(
        outcome=call.outcome,
        attempts=lead.attempts,
        ended_at=call.ended_at,
        time_zone=lead.time_zone,
        country=lead.country,
    )
    assert lead.retry_at == retry_at
    return Ended(
        status=call.status,
        end_reason=call.end_reason or "",
        outcome=call.outcome,
        legs=tuple(
            sorted(
                (leg.role, leg.status, since(leg.answered_at), since(leg.ended_at), leg.duration_s)
                for leg in call.legs.all()
            )
        ),
        ended_s=(call.ended_at - placed.began_at).total_seconds(),
        answered_s=since(call.answered_at),
        duration_s=call.duration_s,
        transcript_state=call.transcript_state,
        answered_by=call.answered_by,
        mcredits=-sum(entries.filter(kind__in=("charge", "settlement")).values_list("effect_mcredits", flat=True)),
        minutes=call.minutes_charged,
        settlements=entries.filter(kind="settlement").count(),
        hold=Hold.objects.get_queryset().get(reference=call.ledger_reference).state,
        attempts=lead.attempts,
        disposition=lead.disposition,
        retried=retry_at is not None,
        suppressed=bool(suppression.is_suppressed(workspace_id=call.workspace_id, phone_e164=lead.phone_e164 or "")),
        told_s=since(stopped_at),
    )
