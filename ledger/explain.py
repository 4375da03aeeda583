"""Why the ledger holds what it holds: an entry's postings, and what purchases, refunds and chargebacks rest on."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet

from ledger.chart import AccountKind, Side
from ledger.models import Checkout, Entry, PaddleEvent, Posting
from ledger.schemas import Evidence, Fact, PostingOut, Reasons, Step
from ledger.words import credits_said, money_said

_SAYS: Final = {
    "transaction.completed": "The payment is complete",
    "transaction.paid": "The payment was taken",
    "transaction.canceled": "The purchase was cancelled",
}
_ACTIONS: Final = {
    "chargeback": "The buyer's bank took the payment back",
    "chargeback_reverse": "The buyer's bank gave the payment back",
}
EVENTS_SHOWN_MAX: Final = 20


def entry_of(*, workspace_id: UUID, entry_id: UUID, references: Sequence[QuerySet[Any, str]] = ()) -> Entry:
    """references: as in StatementFilter.

    :raises Entry.DoesNotExist: there is none in this workspace, or none for these references.
    """
    rows = Entry.objects.for_workspace(workspace_id)
    for each in references:
        rows = rows.filter(reference__in=each)
    return rows.get(id=entry_id)


def postings_of(entry: Entry) -> list[PostingOut]:
    """Debits first."""
    rows = Posting.objects.filter(entry=entry).select_related("account").order_by("-side", "account__kind")
    return [
        PostingOut(
            account=cast(AccountKind, row.account.kind),
            side=cast(Side, row.side),
            amount_mcredits=row.amount_mcredits,
        )
        for row in rows
    ]


def purchase_reasons(entry: Entry) -> Reasons:
    """Of a purchase, refund, chargeback or its reversal."""
    checkout = Checkout.objects.for_workspace(entry.workspace_id).filter(transaction_id=entry.reference).first()
    if checkout is None:
        return Reasons.without_arithmetic(
            "The purchase behind this entry is not known any more; the ledger keeps the amount."
        )
    events = PaddleEvent.objects.filter(transaction_id=entry.reference, state="applied").order_by("occurred_at")
    if entry.kind == "purchase":
        bought = [event for event in events[:EVENTS_SHOWN_MAX] if event.event_type.startswith("transaction.")]
        return _bought(entry, checkout, bought)
    adjustment_id = (entry.key or "").removeprefix("adjustment:")
    adjusting = list(events.filter(payload__adjustment_id=adjustment_id)[:EVENTS_SHOWN_MAX])
    return _adjusted(entry, checkout, adjusting)


def _bought(entry: Entry, checkout: Checkout, events: Sequence[PaddleEvent]) -> Reasons:
    steps, worth = [], 0
    completed = next((event for event in events if event.event_type == "transaction.completed"), None)
    for item in completed.payload["items"] if completed else ():
        if item["price_id"] != checkout.price_id:
            worth = 0
            break
        worth += checkout.mcredits * item["quantity"]
        working = f"{item['quantity']} times {credits_said(checkout.mcredits)}"
        steps.append(Step(label=f"Pack {checkout.pack_name}", working=working, result=credits_said(worth)))
    to_debt = _amount(entry, "debt", "credit")
    if to_debt:
        left = entry.effect_mcredits - to_debt
        steps.append(_step("The debt is paid first", "spent credits whose payment was taken back", to_debt))
        steps.append(_step("Added to what is available", f"{credits_said(entry.effect_mcredits)} less the debt", left))
    return Reasons(
        summary=f"{credits_said(entry.effect_mcredits)} were bought: the pack {checkout.pack_name},"
        f" {money_said(checkout.amount_minor, checkout.currency)} before tax.",
        evidence=[_evidence(event, checkout.currency) for event in events],
        steps=steps,
        agrees=worth == entry.effect_mcredits if worth else None,
    )


def _adjusted(entry: Entry, checkout: Checkout, events: Sequence[PaddleEvent]) -> Reasons:
    amount = abs(entry.effect_mcredits)
    adjusted_minor = next((event.payload["total_minor"] for event in events), None)
    steps, agrees = [], None
    if adjusted_minor is not None and checkout.paid_minor:
        minor = min(adjusted_minor, checkout.paid_minor)
        share = -(-checkout.granted_mcredits * minor // checkout.paid_minor)
        part = f"{money_said(minor, checkout.currency)} of {money_said(checkout.paid_minor, checkout.currency)} paid"
        steps.append(_step("Share of the credits", f"{credits_said(checkout.granted_mcredits)} times {part}", share))
        agrees = share == amount
        if share > amount:
            steps.append(_step("No more than that purchase still had", "what was taken back before counts", amount))
            agrees = True
    if entry.kind == "chargeback_reverse":
        steps.append(_step("Paid off the debt", "the debt comes first", _amount(entry, "debt", "credit")))
        steps.append(_step("Given back", "to what is available", _amount(entry, "available", "credit")))
        summary = f"A chargeback was reversed, so {credits_said(amount)} came back."
    else:
        steps.append(_step("Taken back", "from what was available", _amount(entry, "available", "debit")))
        steps.append(_step("Became a debt", "spent before it was taken back", _amount(entry, "debt", "debit")))
        cause = "was charged back" if entry.kind == "chargeback" else "was refunded"
        summary = f"The payment of {checkout.pack_name} {cause}, so {credits_said(amount)} were taken back."
    evidence = [_evidence(event, checkout.currency) for event in events]
    return Reasons(summary=summary, evidence=evidence, steps=steps, agrees=agrees)


def _evidence(event: PaddleEvent, currency: str) -> Evidence:
    payload = event.payload
    total = payload.get("total_minor")
    facts = [Fact(name="Event", value=event.event_type), Fact(name="Transaction", value=event.transaction_id)]
    says = _SAYS.get(event.event_type, event.event_type)
    if "adjustment_id" in payload:
        facts.append(Fact(name="Adjustment", value=payload["adjustment_id"]))
        action, status = str(payload["action"]), str(payload["status"])
        says = f"A refund was {status}" if action == "refund" else _ACTIONS.get(action, action)
    if total is not None:
        facts.append(Fact(name="Amount", value=money_said(total, currency)))
    return Evidence(sender="paddle", says=says, at=event.occurred_at, received_at=event.received_at, facts=facts)


def _amount(entry: Entry, account: AccountKind, side: Side) -> int:
    rows = Posting.objects.filter(entry=entry, account__kind=account, side=side)
    return rows.values_list("amount_mcredits", flat=True).first() or 0


def _step(label: str, working: str, mcredits: int) -> Step:
    return Step(label=label, working=working, result=credits_said(mcredits))
