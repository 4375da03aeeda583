"""Explaining a charge: from one ledger entry back to the messages that it rests on."""

from datetime import datetime
from typing import Final
from uuid import UUID

from ai.explain import answer_reasons
from identity.auth import Actor
from ledger import explain as ledger_explain
from ledger import queries as ledger_queries
from ledger.models import Entry
from ledger.money import RateCardTerms, price
from ledger.schemas import EntryOut, Evidence, Fact, Reasons, Step
from ledger.words import credits_said, number, seconds_said
from voice import spending
from voice.leg_news import happened_at
from voice.models import Call, Callback
from voice.schemas import ReceiptRate
from voice.spending_schemas import ExplanationOut
from voice.state import LEG_TERMINAL

RELATED_SHOWN_MAX: Final = 60
# The meter and the carrier's messages take seconds.
LATE_AFTER_S: Final = 30
_ENTRIES_OF_A_CALL: Final = frozenset({"hold", "release", "charge", "settlement"})
_FACTS: Final = {
    "CallStatus": "Status",
    "DialCallStatus": "Status",
    "CallDuration": "Length in seconds",
    "DialCallDuration": "Length in seconds",
    "SequenceNumber": "Number",
    "CallSid": "Call SID",
}
_REMOVED: Final = Reasons.without_arithmetic(
    "The record of this call was removed, as the person asked. The ledger keeps the amount and nothing else of it."
)


def explain(*, actor: Actor, entry_id: UUID) -> ExplanationOut:
    """:raises Entry.DoesNotExist: unknown, or not the actor's to see."""
    entry = ledger_explain.entry_of(
        workspace_id=actor.workspace_id, entry_id=entry_id, references=spending.visible_references(actor)
    )
    call = _call_of(entry)
    if entry.kind in _ENTRIES_OF_A_CALL:
        reasons = _call_reasons(entry, call) if call else _REMOVED
    elif entry.kind == "ai_query":
        reasons = answer_reasons(actor=actor, entry=entry, question_id=spending.identifier(entry.reference))
    else:
        reasons = ledger_explain.purchase_reasons(entry)
    related = ledger_queries.entries_of(workspace_id=entry.workspace_id, reference=entry.reference)
    return ExplanationOut(
        **dict(reasons),
        entry=spending.rows_of(actor.workspace_id, [entry])[0],
        rate=_rate(_terms(call)) if call else None,
        answered_s=call.duration_s if call and call.answered_at and call.ended_at else None,
        postings=ledger_explain.postings_of(entry),
        related=_around(related, entry),
        related_total=len(related),
    )


def _around(related: list[EntryOut], entry: Entry) -> list[EntryOut]:
    """At most RELATED_SHOWN_MAX of them, the explained one among them."""
    at = next(place for place, each in enumerate(related) if each.id == entry.id)
    first = max(0, min(at - RELATED_SHOWN_MAX // 2, len(related) - RELATED_SHOWN_MAX))
    return related[first : first + RELATED_SHOWN_MAX]


def _call_of(entry: Entry) -> Call | None:
    call_id = spending.identifier(entry.reference)
    if entry.kind not in _ENTRIES_OF_A_CALL or call_id is None:
        return None
    calls = Call.objects.for_workspace(entry.workspace_id).select_related("lead", "user")
    return calls.filter(id=call_id).first()


def _terms(call: Call) -> RateCardTerms:
    return ledger_queries.rate_card(call.rate_card_id).terms


def _rate(terms: RateCardTerms) -> ReceiptRate:
    return ReceiptRate(
        version=terms.version,
        mcredits_per_minute=terms.mcredits_per_minute,
        increment_s=terms.increment_s,
        minimum_s=terms.minimum_s,
    )


def _call_reasons(entry: Entry, call: Call) -> Reasons:
    match entry.kind:
        case "charge":
            return _charged(entry, call)
        case "settlement":
            return _settled(entry, call)
        case "hold":
            return _held(entry, call)
    return Reasons.without_arithmetic(
        f"The call with {call.lead.name} needed less than was set aside for it; the rest can be spent again."
        " Nothing was charged by this entry.",
        _ends(call),
    )


def _charged(entry: Entry, call: Call) -> Reasons:
    terms = _terms(call)
    begins_s, ends_s = entry.ordinal * terms.increment_s, (entry.ordinal + 1) * terms.increment_s
    before = price(duration_s=begins_s, terms=terms)
    until = price(duration_s=ends_s, terms=terms)
    return Reasons(
        summary=f"Part {entry.ordinal + 1} of the call with {call.lead.name}: it began {seconds_said(begins_s)} after the"
        f" lead answered, and a part that has begun is charged whole.{_lateness(entry, call.answered_at, begins_s)}",
        evidence=_answers(call),
        steps=[
            _card(terms),
            _priced(f"Up to {seconds_said(ends_s)}", ends_s, until, terms),
            _priced(f"Less what {seconds_said(begins_s)} cost", begins_s, before, terms),
            Step(
                label="This part",
                working=f"{number(until)} less {number(before)}",
                result=credits_said(until - before),
            ),
        ],
        agrees=until - before == -entry.effect_mcredits,
    )


def _settled(entry: Entry, call: Call) -> Reasons:
    """Several settlements of one call come from news of its length; only the newest rests on the length known now."""
    terms = _terms(call)
    booked = ledger_queries.entries_of(workspace_id=entry.workspace_id, reference=entry.reference)
    costs = [each for each in booked if each.kind in ("charge", "settlement")]
    before = -sum(each.amount_mcredits for each in costs[: [each.id for each in costs].index(entry.id)])
    came_to = before - entry.effect_mcredits
    steps = [_card(terms)]
    agrees = None
    if costs[-1].id == entry.id:
        billable_s = call.billable_s
        total = price(duration_s=billable_s, terms=terms)
        steps.append(_priced("The whole call", billable_s, total, terms))
        if came_to < total:
            steps.append(
                Step(
                    label="Only what there was credit for",
                    working=f"{number(total)} asked for, the rest is not charged",
                    result=credits_said(came_to),
                )
            )
        agrees = came_to <= total
    steps.append(Step(label="Charged before", working="while the call ran", result=credits_said(before)))
    steps.append(
        Step(
            label="Adjusted by",
            working=f"{number(came_to)} less {number(before)}",
            result=credits_said(came_to - before),
        )
    )
    gave = "gave back" if entry.effect_mcredits > 0 else "added"
    return Reasons(
        summary=f"The end of the call with {call.lead.name} {gave} {credits_said(abs(entry.effect_mcredits))}:"
        " what was charged while it ran is adjusted to the price of its whole length. The carrier counts that, from the lead's"
        " answer to the end; if our own service is away for a while, the conversation goes on without being written down, and"
        " counts all the same."
        f"{_lateness(entry, call.ended_at)}",
        evidence=[*_answers(call), *_ends(call)],
        steps=steps,
        agrees=agrees,
    )


def _lateness(entry: Entry, since: datetime | None, after_s: int = 0) -> str:
    """A sentence about what was booked late. It fell due so many seconds after that moment."""
    late_s = int((entry.occurred_at - since).total_seconds()) - after_s if since else 0
    if late_s < LATE_AFTER_S:
        return ""
    return (
        f" It was booked {seconds_said(late_s)} late, because our own service was away or the carrier's word came late."
        " That changes no price."
    )


def _held(entry: Entry, call: Call) -> Reasons:
    terms = _terms(call)
    aside = next(
        (each.amount_mcredits for each in ledger_explain.postings_of(entry) if each.account == "held"),
        0,
    )
    return Reasons(
        summary=f"{credits_said(aside)} were set aside before the call with {call.lead.name} was dialled, so that calls of"
        " your workspace cannot spend the same credits twice. Nothing was charged by this entry.",
        evidence=[],
        steps=[_card(terms)],
        agrees=None,
    )


def _card(terms: RateCardTerms) -> Step:
    return Step(
        label=f"Rate card version {terms.version}",
        working=f"each begun {seconds_said(terms.increment_s)} count whole, at least {seconds_said(terms.minimum_s)}",
        result=f"{credits_said(terms.mcredits_per_minute)} a minute",
    )


def _priced(label: str, duration_s: int, mcredits: int, terms: RateCardTerms) -> Step:
    if duration_s == 0:
        return Step(label=label, working="nothing was spoken yet", result=credits_said(0))
    billed_s = max(-(-duration_s // terms.increment_s) * terms.increment_s, terms.minimum_s)
    working = f"{duration_s:,} s count as {billed_s:,} s: {billed_s:,} ÷ 60 times {number(terms.mcredits_per_minute)}"
    return Step(label=label, working=working, result=credits_said(mcredits))


def _answers(call: Call) -> list[Evidence]:
    """The carrier's word that the lead answered; none when it never came and the carrier was asked instead."""
    found = [one for one in _callbacks(call) if one.params.get("CallStatus") == "in-progress"]
    return [_evidence(one, "The lead's phone answered") for one in found]


def _ends(call: Call) -> list[Evidence]:
    """What the carrier said of the end; the first of them that arrived ended the call."""
    ended = [one for one in _callbacks(call) if one.params.get("CallStatus") in LEG_TERMINAL]
    after = call.callbacks.filter(kind="after").order_by("received_at")
    return [
        *(_evidence(one, "The lead's line was closed") for one in ended),
        *(_evidence(one, "The connection between both phones ended") for one in after),
    ]


def _callbacks(call: Call) -> list[Callback]:
    """Of the lead's leg, in the order in which they came."""
    sids = [leg.sid for leg in call.legs.all() if leg.role == "callee"]
    return list(call.callbacks.filter(kind="leg", sid__in=sids).order_by("received_at"))


def _evidence(callback: Callback, says: str) -> Evidence:
    params = callback.params
    facts = [Fact(name=name, value=str(params[field])) for field, name in _FACTS.items() if field in params]
    at: datetime = happened_at(callback)
    return Evidence(sender="twilio", says=says, at=at, received_at=callback.received_at, facts=facts)
