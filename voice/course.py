"""A call's course, built anew from its stored callbacks by the very functions that built it the first time. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ledger.money import RateCardTerms, price
from voice import leg_news
from voice.models import TERMINAL_STATUSES, Call, Callback
from voice.notice import OPT_OUT_KEY
from voice.state import (
    CallState,
    LegFacts,
    derive,
    found_out,
    moved,
    opted_out_as,
    outcome_of,
    transcript_after_notice,
    transcript_at_end,
)

# What a call follows from. Others are numbered too, so that one that is lost is missed.
_MOVING = ("leg", "agent", "after", "played", "machine")


class Course:
    """Takes the callbacks of one call in the order in which they were applied.

    legs: by SID, in order of appearance; orders: the numbers of what it took; given_up: whether it ended before its lead was rung;
    is_older: whether its callbacks were applied before they were numbered.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.legs: dict[str, LegFacts] = {}
        self.state = CallState()
        self.transcript_state = "waiting_for_notice"
        self.opted_out = False
        self.answered_by: str | None = None
        self.outcome: str | None = None
        self.settled_at: datetime | None = None
        self.orders: list[int] = []
        self.given_up = False
        self.is_older = False

    @property
    def has_ended(self) -> bool:
        return self.state.status in TERMINAL_STATUSES

    @property
    def billable_s(self) -> int:
        return min(self.state.duration_s, self.call.max_duration_s) if self.state.answered_at else 0

    def total_mcredits(self, terms: RateCardTerms) -> int:
        """What it costs, as long as it has lasted."""
        return 0 if self.given_up else price(duration_s=self.billable_s, terms=terms)

    def take(self, callback: Callback, *, is_foreign: Callable[[str, UUID], bool]) -> None:
        """is_foreign: whether a leg, by its SID, is another call's than this one."""
        at = callback.applied_at
        if at is None:
            return
        if callback.applied_order is None:
            self.is_older |= callback.kind in _MOVING
            return
        self.orders.append(callback.applied_order)
        match callback.kind:
            case "given_up":
                self._give_up(callback, at)
            case "machine":
                self._find_out(callback)
            case "played" | "refused":
                refuses = callback.kind == "refused" or bool(callback.params.get("Digits"))
                self.transcript_state = transcript_after_notice(self.transcript_state, refuses=refuses)
                if callback.params.get("Digits") == OPT_OUT_KEY:
                    self.opted_out = True
                    self.state = replace(self.state, end_reason=opted_out_as(self.state.end_reason, self._closed_as()))
            case _:
                said = leg_news.said_by(callback, closes=self.call.closes)
                if said is not None and not is_foreign(said.sid, self.call.id):
                    self.legs[said.sid] = leg_news.with_news(self.legs.get(said.sid), said)
                    self._move(at, asked_to_end=self._asked_to_end(callback, at))

    def _asked_to_end(self, callback: Callback, at: datetime) -> bool:
        if callback.asked_to_end is not None:
            return callback.asked_to_end
        asked_at = self.call.hangup_requested_at
        # The end of the credits is set some seconds ahead, and counts from when it is set.
        return asked_at is not None and (asked_at <= at or self.call.closes)

    def _move(self, at: datetime, *, asked_to_end: bool) -> None:
        facts = derive(list(self.legs.values()), hangup_requested=asked_to_end)
        self.state, settles = moved(self.state, facts, closed_as=self._closed_as(facts.duration_s), now=at)
        if settles:
            self.settled_at = at
            self.transcript_state = transcript_at_end(self.transcript_state)
            self.outcome = self._outcome()
            # A lead who was rung after all, as is told late, has that charged.
            self.given_up = False

    def _closed_as(self, duration_s: int | None = None) -> str | None:
        length_s = self.state.duration_s if duration_s is None else duration_s
        return self.call.closed_as(length_s, opted_out=self.opted_out)

    def _find_out(self, callback: Callback) -> None:
        self.answered_by = found_out(self.answered_by, callback.params.get("AnsweredBy", ""))
        if self.outcome == "connected":
            self.outcome = self._outcome()

    def _outcome(self) -> str | None:
        state = self.state
        return outcome_of(status=state.status, end_reason=state.end_reason, answered_by=self.answered_by)

    def _give_up(self, callback: Callback, at: datetime) -> None:
        params = callback.params
        self.state = replace(self.state, status=params["CallStatus"], end_reason=params["Reason"], ended_at=at)
        self.settled_at = at
        self.given_up = True
        self.transcript_state = transcript_at_end(self.transcript_state)
        self.outcome = self._outcome()
