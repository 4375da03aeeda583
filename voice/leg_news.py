"""What a stored message says of a leg: a callback of the carrier's, or what was learned otherwise and is stored like one. Pure.

Kinds of what was learned: placed (the carrier took the call), asked (its REST showed the leg so), unknown (it has no record of the
call), never_rung (the rep's leg ended before the lead was rung, which corrects what that leg had ended as); two that say nothing of
it yet: unknown_yet (it has no record of it, for the first time) and known_again; and three that are of the call itself: given_up (it was
ended before its lead was rung), not_rung_yet (the carrier was asked in vain for a leg of the lead, for the first time) and refused (the
lead had refused a transcript before, or told the rep so).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from voice.models import Callback, CallLeg
from voice.state import LEG_RANK, LEG_TERMINAL, LegFacts, Source, merged
from voice.times import timestamp

Learned = Literal["placed", "asked", "unknown", "never_rung"]
_LEARNED = ("placed", "asked", "unknown", "never_rung")
# Longer than any call.
SECONDS = re.compile(r"[0-9]{1,6}")


class Said(NamedTuple):
    """News of one leg. overrules: they correct an end that was told before."""

    sid: str
    news: LegFacts
    overrules: bool = False


def happened_at(callback: Callback) -> datetime:
    """When, by the carrier's clock; when it came, if the carrier did not say."""
    return timestamp(callback.params.get("Timestamp"), callback.received_at)


def said_by(callback: Callback, *, closes: bool) -> Said | None:
    """What a stored message says of a leg, None if nothing. closes: whether its call's closing line has begun."""
    if callback.kind in ("leg", "agent"):
        return _said_of_leg(callback)
    if callback.kind == "after":
        # The lead was taken out of the Dial to hear the closing line, and their own leg will tell when it is over.
        return None if closes else _said_after_dial(callback)
    return learned(callback.kind, callback.params) if callback.kind in _LEARNED else None


def facts_of(leg: CallLeg) -> LegFacts:
    return LegFacts(
        leg.role,
        leg.status,
        leg.answered_at,
        leg.ended_at,
        leg.duration_s,
        leg.answered_source,
        leg.ended_source,
    )


def changes(leg: CallLeg | None, said: Said) -> bool:
    """Whether what was said is news."""
    return leg is None or merged(facts_of(leg), said.news, overrules=said.overrules) != facts_of(leg)


def with_news(known: LegFacts | None, said: Said) -> LegFacts:
    """A leg after what was said of it. known: None when it was never told of before."""
    return merged(known or LegFacts(role=said.news.role, status="queued"), said.news, overrules=said.overrules)


def params_of(sid: str, news: LegFacts) -> dict[str, str]:
    """The form in which what was learned is stored; `learned` reads it."""
    told = {
        "CallSid": sid,
        "Role": news.role,
        "CallStatus": news.status,
        "AnsweredAt": news.answered_at.isoformat() if news.answered_at else "",
        "EndedAt": news.ended_at.isoformat() if news.ended_at else "",
        "CallDuration": "" if news.duration_s is None else str(news.duration_s),
    }
    return {name: value for name, value in told.items() if value}


def _said_of_leg(callback: Callback) -> Said:
    params = callback.params
    status = params.get("CallStatus", "in-progress")
    at = happened_at(callback)
    source = Source.HEARD if at == callback.received_at else Source.TOLD
    answered, terminal = status == "in-progress", status in LEG_TERMINAL
    news = LegFacts(
        role="callee" if params.get("ParentCallSid") else "agent",
        status=status if status in LEG_RANK else "initiated",
        answered_at=at if answered else None,
        ended_at=at if terminal else None,
        duration_s=_seconds(params.get("CallDuration")) if terminal else None,
        answered_source=source if answered else Source.NOWHERE,
        ended_source=source if terminal else Source.NOWHERE,
    )
    return Said(params["CallSid"], news)


def _said_after_dial(callback: Callback) -> Said | None:
    """The Dial verb is over. It names the callee leg, which matters when that leg's own callbacks were lost."""
    params = callback.params
    sid = params.get("DialCallSid")
    status = {"answered": "completed"}.get(params.get("DialCallStatus", ""), params.get("DialCallStatus", ""))
    if not sid or status not in LEG_TERMINAL:
        return None
    news = LegFacts(
        role="callee",
        status=status,
        ended_at=callback.received_at,
        duration_s=_seconds(params.get("DialCallDuration")),
        ended_source=Source.HEARD,
    )
    return Said(sid, news)


def learned(kind: str, params: Mapping[str, str]) -> Said:
    """What was learned otherwise than by a callback, from the form in which it is stored."""
    answered_at, ended_at = _moment(params.get("AnsweredAt")), _moment(params.get("EndedAt"))
    # That the carrier has no record of a leg tells when nothing of it; whatever else is told of its end is better.
    source = {"asked": Source.ASKED, "unknown": Source.NOWHERE}.get(kind, Source.HEARD)
    news = LegFacts(
        role=params["Role"],
        status=params["CallStatus"],
        answered_at=answered_at,
        ended_at=ended_at,
        duration_s=_seconds(params.get("CallDuration")),
        answered_source=source if answered_at else Source.NOWHERE,
        ended_source=source if ended_at else Source.NOWHERE,
    )
    return Said(params["CallSid"], news, overrules=kind == "never_rung")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _seconds(text: str | None) -> int | None:
    return int(text) if text and SECONDS.fullmatch(text) else None
