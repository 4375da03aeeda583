"""What a call is, given what the carrier said of it: pure, and equal for every order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, Literal, get_args

from voice.schemas import Outcome

# Seconds before a call's credits end at which its closing line begins: it takes some five, in time that is paid.
CLOSING_AT_S = 7
# Twilio's CallStatus values, ranked: a leg never goes back, whatever order its callbacks come in.
LEG_RANK = {
    "queued": 0,
    "initiated": 1,
    "ringing": 2,
    "in-progress": 3,
    "completed": 4,
    "busy": 4,
    "no-answer": 4,
    "failed": 4,
    "canceled": 4,
}
LEG_TERMINAL = frozenset(status for status, rank in LEG_RANK.items() if rank == 4)
CALL_RANK = {
    "intended": 0,
    "dialling": 1,
    "rep_ringing": 2,
    "rep_answered": 3,
    "callee_ringing": 4,
    "in_progress": 5,
    "completed": 9,
    "busy": 9,
    "no_answer": 9,
    "failed": 9,
    "cancelled": 9,
}
_AGENT_STATUS = {
    "queued": "dialling",
    "initiated": "dialling",
    "ringing": "rep_ringing",
    "in-progress": "rep_answered",
}
# Wishes of the two who talk, about their data, that end their call.
EndingWish = Literal["lead_stopped_calls", "lead_restricted", "rep_restricted"]
ENDING_WISHES: Final[tuple[EndingWish, ...]] = get_args(EndingWish)
# As the carrier guesses; a machine's greeting may end with a beep, with silence, or otherwise.
ANSWERED_BY = (
    "human",
    "machine_start",
    "machine_end_beep",
    "machine_end_silence",
    "machine_end_other",
    "fax",
    "unknown",
)
_OUTCOMES: dict[str | None, Outcome] = {"lead_busy": "busy", "lead_no_answer": "no_answer"}
_REP_REASONS = {"busy": "rep_busy", "no-answer": "rep_no_answer", "failed": "rep_unreachable"}
_UNANSWERED = {"busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "cancelled"}


class Source(IntEnum):
    """Where a time of a leg is from, the better the higher: when we heard of it, the carrier's REST, the carrier's own clock."""

    NOWHERE = 0
    HEARD = 1
    ASKED = 2
    TOLD = 3


@dataclass(frozen=True, slots=True)
class LegFacts:
    """What is known of one leg. duration_s: the carrier's own figure, null until it told; from where ended_at is."""

    role: str
    status: str
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int | None = None
    answered_source: int = Source.NOWHERE
    ended_source: int = Source.NOWHERE

    @property
    def terminal(self) -> bool:
        return self.status in LEG_TERMINAL

    @property
    def is_guessed(self) -> bool:
        """Whether it is taken for ended although nobody told so."""
        return self.terminal and self.ended_source == Source.NOWHERE

    @property
    def was_answered(self) -> bool:
        return self.answered_at is not None or self.status in ("in-progress", "completed")


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call's derived state. unresolved: the carrier must be asked before the call can be called ended; rung: the lead's phone decides it."""

    status: str
    end_reason: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int = 0
    unresolved: bool = False
    rung: bool = False


@dataclass(frozen=True, slots=True)
class CallState:
    """What a call's row holds of its course. A status never goes back; an end is never taken back, but may be known better later."""

    status: str = "intended"
    end_reason: str | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int = 0


def merged(known: LegFacts, news: LegFacts, *, overrules: bool = False) -> LegFacts:
    """A leg after news of it, which may repeat or be old; the same whatever order they come in.

    overrules: they correct what the leg had ended as.
    """
    answered, ended = max(known, news, key=_answer), max(known, news, key=_end)
    if overrules:
        return replace(known, status=news.status, ended_at=ended.ended_at, ended_source=ended.ended_source)
    is_better = LEG_RANK[news.status] > LEG_RANK[known.status] or (
        news.terminal and known.is_guessed and news.ended_source > known.ended_source
    )
    return replace(
        known,
        status=news.status if is_better else known.status,
        answered_at=answered.answered_at,
        answered_source=answered.answered_source,
        ended_at=ended.ended_at,
        ended_source=ended.ended_source,
        duration_s=next((s for s in (ended.duration_s, known.duration_s, news.duration_s) if s is not None), None),
    )


def _answer(leg: LegFacts) -> tuple[int, float]:
    """By which the better of two is told; of equal sources the earlier time."""
    return leg.answered_source, -leg.answered_at.timestamp() if leg.answered_at else 0.0


def _end(leg: LegFacts) -> tuple[int, bool, float, int]:
    """The same, and of equal times the shorter length; a guess is better than nothing."""
    is_known = leg.ended_at is not None
    return leg.ended_source, is_known, -leg.ended_at.timestamp() if leg.ended_at else 0.0, -(leg.duration_s or 0)


def moved(state: CallState, facts: CallFacts, *, closed_as: str | None, now: datetime) -> tuple[CallState, bool]:
    """A call after what its legs say now, and whether it is to be settled: for the first time, or for another end or length.

    closed_as: why it ends, where something else than the two who talk ends it; null else (`Call.closed_as`).
    """
    corrects = _corrects(state, facts)
    if corrects or CALL_RANK[facts.status] > CALL_RANK[state.status]:
        # A colleague ends it before it is answered, too, and so does what shuts its rep out, and a wish about one's data.
        early = closed_as in ("ended_by_colleague", "rep_shut_out", *ENDING_WISHES)
        ends = ("hung_up", "cancelled_by_rep") if early else ("hung_up",)
        reason = closed_as if closed_as and facts.end_reason in ends else facts.end_reason
        state = replace(state, status=facts.status, end_reason=reason)
    # From then on a live call is charged, so it stays until the end.
    state = replace(state, answered_at=state.answered_at or facts.answered_at)
    if CALL_RANK[state.status] < CALL_RANK["completed"] or (state.ended_at and facts.status != state.status):
        return state, False
    settles = state.ended_at is None or corrects or facts.duration_s != state.duration_s
    return (
        replace(
            state,
            answered_at=facts.answered_at or state.answered_at,
            ended_at=facts.ended_at or state.ended_at or now,
            duration_s=facts.duration_s,
        ),
        settles,
    )


def _corrects(state: CallState, facts: CallFacts) -> bool:
    """Whether a call that was taken for ended, while news of a leg were missing, ended otherwise by those that came."""
    if state.ended_at is None or CALL_RANK[facts.status] < CALL_RANK["completed"]:
        return False
    by_rep = state.end_reason in _REP_REASONS.values()
    return (facts.rung and (by_rep or facts.status != state.status)) or (
        by_rep and facts.end_reason != state.end_reason
    )


def derive(legs: Sequence[LegFacts], *, hangup_requested: bool) -> CallFacts:
    """The newest callee leg decides; without one, the agent's."""
    agent = _last(legs, "agent")
    callee = _last(legs, "callee")
    if callee is not None:
        return replace(_from_callee(callee, agent), rung=True)
    if agent is None:
        return CallFacts("intended")
    if not agent.terminal:
        return CallFacts(_AGENT_STATUS[agent.status])
    if agent.status == "completed":
        # The rep answered; whether the lead was rung is not known yet, unless the rep gave up first.
        return CallFacts("rep_answered", ended_at=agent.ended_at, unresolved=True)
    if hangup_requested or agent.status == "canceled":
        return CallFacts("cancelled", "cancelled_by_rep", ended_at=agent.ended_at)
    return CallFacts(_UNANSWERED[agent.status], _REP_REASONS[agent.status], ended_at=agent.ended_at)


def _last(legs: Sequence[LegFacts], role: str) -> LegFacts | None:
    return next((leg for leg in reversed(legs) if leg.role == role), None)


def _from_callee(callee: LegFacts, agent: LegFacts | None) -> CallFacts:
    if callee.was_answered:
        answered_at = callee.answered_at
        if callee.terminal:
            if answered_at is None and callee.ended_at is not None:
                answered_at = callee.ended_at - timedelta(seconds=callee.duration_s or 0)
            return CallFacts("completed", "hung_up", answered_at, callee.ended_at, _duration_s(callee, answered_at))
        if agent is not None and agent.terminal:
            return CallFacts("in_progress", None, answered_at, unresolved=True)
        return CallFacts("in_progress", None, answered_at)
    if callee.terminal:
        reason = {"busy": "lead_busy", "no-answer": "lead_no_answer", "canceled": "cancelled_by_rep"}
        return CallFacts(
            _UNANSWERED[callee.status], reason.get(callee.status, "lead_unreachable"), None, callee.ended_at
        )
    if agent is not None and agent.terminal:
        return CallFacts("callee_ringing", unresolved=True)
    return CallFacts("callee_ringing")


def _duration_s(leg: LegFacts, answered_at: datetime | None) -> int:
    if leg.duration_s is not None:
        return leg.duration_s
    if answered_at is None or leg.ended_at is None:
        return 0
    return max(0, round((leg.ended_at - answered_at).total_seconds()))


def is_machine(answered_by: str | None) -> bool:
    """Whether a voicemail, or a fax, took the lead's phone, as far as the carrier can tell."""
    return answered_by == "fax" or (answered_by or "").startswith("machine")


def found_out(answered_by: str | None, said: str) -> str | None:
    """Who took the lead's phone, after the carrier has said so; the first that it says counts."""
    return said if answered_by is None and said in ANSWERED_BY else answered_by


def outcome_of(*, status: str, end_reason: str | None, answered_by: str | None) -> Outcome | None:
    """What came of a call that is over. None: the rep ended it before an answer."""
    if status == "completed":
        return "voicemail" if is_machine(answered_by) else "connected"
    if status == "cancelled":
        return None
    return _OUTCOMES.get(end_reason, "failed")


def transcript_at_end(transcript_state: str) -> str:
    """Of a call that is over; news of the notice may still come. "off" is said of no call of which words may be stored."""
    return "off" if transcript_state == "waiting_for_notice" else transcript_state


def opted_out_as(end_reason: str | None, closed_as: str | None) -> str | None:
    """Why a call ended, after the news that the lead pressed the key against all calls; told late, it was taken for one that either
    of the two had ended. closed_as: see `moved`."""
    return closed_as if end_reason == "hung_up" and closed_as else end_reason


def transcript_after_notice(transcript_state: str, *, refuses: bool) -> str:
    """After the news that the notice was heard to its end, or that a key was pressed in it, which refuses.

    It may come after the call's end, and counts all the same: a refusal is of the next calls too. What was refused stays refused,
    and what was removed for its age stays removed.
    """
    if transcript_state in ("refused", "expired"):
        return transcript_state
    return "refused" if refuses else "on"
