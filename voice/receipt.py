"""What a call cost and how that came about, from the first ring to the ledger entries."""

from ledger import queries as ledger_queries
from ledger.money import price
from ledger.words import credits_said, number
from voice.models import Call
from voice.schemas import ReceiptOut, ReceiptRate, ReceiptRow

_ENDINGS = {
    "hung_up": "The conversation ended",
    "credits_used_up": "The credits were used up",
    "longest_call": "It was as long as it may be",
    "lead_busy": "The lead's line was busy",
    "lead_no_answer": "The lead did not answer",
    "lead_unreachable": "The lead's number could not be reached",
    "rep_busy": "Your phone was busy",
    "rep_no_answer": "You did not answer your phone",
    "rep_unreachable": "Your phone could not be reached",
    "cancelled_by_rep": "You ended it before the lead answered",
    "ended_by_colleague": "A colleague ended it",
    "lead_opted_out": "The lead pressed 9, not to be called again",
    "rep_shut_out": "Who called was kept out of the account, or had left the team",
    "lead_stopped_calls": "The lead asked for no more calls",
    "lead_restricted": "The lead asked that nothing of theirs is used",
    "rep_restricted": "Who called had asked that nothing of theirs is used, or taken back a consent that calls need",
    "lead_suppressed": "Not rung, because the lead asked not to be called",
    "outside_calling_hours": "Not rung, because the hours were over in which the lead may be called",
    "carrier_refused": "The carrier refused the call",
    "carrier_at_limit": "The carrier took no more calls at once, so it was not dialled",
    "carrier_unreachable": "The carrier could not be reached",
    "rep_may_not_call": "Who pressed Call had left the team, or stopped our text messages",
    "not_dialled_in_time": "It could not be dialled in time",
    "rep_not_connected": "It ended before the page was connected",
}
# What the ledger only sets aside is no cost; the receipt says so beside it.
_ASIDE = {"hold": "Reserved for this call, not spent", "release": "Was reserved and not needed"}


def receipt_of(call: Call) -> ReceiptOut:
    card = ledger_queries.rate_card(call.rate_card_id)
    terms = card.terms
    billable_s = call.billable_s
    total = price(duration_s=billable_s, terms=terms)
    return ReceiptOut(
        call_id=call.id,
        rows=sorted(_rows(call), key=lambda row: row.at),
        rate=ReceiptRate(
            version=terms.version,
            mcredits_per_minute=terms.mcredits_per_minute,
            increment_s=terms.increment_s,
            minimum_s=terms.minimum_s,
        ),
        billable_s=billable_s,
        total_mcredits=call.charged_mcredits,
        settled=call.settled_at is not None,
        arithmetic=_arithmetic(
            call, billable_s, total, call.charged_mcredits, terms.increment_s, terms.mcredits_per_minute
        ),
    )


def _rows(call: Call) -> list[ReceiptRow]:
    by_phone = call.way == "phone"
    first = "Your phone is rung first" if by_phone else "Your page connects first"
    rows = [ReceiptRow(at=call.created_at, label="Call requested", detail=first)]
    for leg in call.legs.all():
        if leg.answered_at and leg.role == "agent":
            rows.append(
                ReceiptRow(
                    at=leg.answered_at, label="You answered" if by_phone else "The page was connected", detail=""
                )
            )
        elif leg.answered_at:
            rows.append(ReceiptRow(at=leg.answered_at, label="The lead answered", detail="Charged from here on"))
    rows.extend(
        ReceiptRow(
            at=entry.occurred_at,
            label=entry.description,
            detail=_ASIDE.get(entry.kind, ""),
            amount_mcredits=entry.amount_mcredits,
            entry_id=entry.id,
        )
        for entry in ledger_queries.entries_of(workspace_id=call.workspace_id, reference=call.ledger_reference)
    )
    if call.ended_at:
        ending = _ENDINGS.get(call.end_reason or "", "The call ended")
        if call.end_reason == "cancelled_by_rep" and not _was_dialled(call):
            ending = "You ended it before the lead was dialled"
        rows.append(
            ReceiptRow(
                at=call.ended_at, label=ending, detail=f"{call.duration_s} s of conversation, as the carrier counts"
            )
        )
    return rows


def _was_dialled(call: Call) -> bool:
    return any(leg.role == "callee" for leg in call.legs.all())


def _arithmetic(call: Call, billable_s: int, total: int, charged: int, increment_s: int, per_minute: int) -> str:
    if billable_s == 0:
        dialled = "did not answer" if _was_dialled(call) else "was not dialled"
        return f"The lead {dialled}, so nothing is charged."
    increments = -(-billable_s // increment_s)
    unit = "minute" if increment_s == 60 else f"{increment_s} s"
    begun = f"{increments} begun {unit}{'s' if increments != 1 and increment_s == 60 else ''}"
    price_said = f"{billable_s} s = {begun} at {credits_said(per_minute)} a minute = {credits_said(total)}"
    if charged < total:
        return f"{price_said}; there was credit for {number(charged)}, and the rest is not charged"
    return price_said
