"""What the ledger holds about people: who began which purchase. Amounts stay, people are unlinked."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance.stores import Corrected, Listed, NotYet, Subject
from ledger import following
from ledger.models import Checkout, Entry, MemberSpending, TopUpPlan
from ledger.operations import top_up_charging

_NOT_PERSONAL: Final = {
    "Account": ("id", "workspace", "kind", "balance_mcredits", "sequence"),
    "MemberSpending": ("id", "workspace"),
    "Posting": ("entry", "account", "side", "amount_mcredits"),
    "Hold": (
        "id",
        "workspace",
        "state",
        "remaining_mcredits",
        "charged_mcredits",
        "extensions",
        "settlements",
        "settled_total_mcredits",
        "placed_at",
        "expires_at",
        "closed_at",
    ),
    "RateCard": (
        "id",
        "version",
        "mcredits_per_minute",
        "increment_s",
        "minimum_s",
        "ai_query_mcredits",
        "valid_from",
    ),
    "PaddleEvent": (
        "id",
        "event_id",
        "event_type",
        "occurred_at",
        "received_at",
        "payload",
        "state",
        "problem",
        "handled_at",
    ),
    "PaddleLook": ("name", "looked_until", "next_at"),
    "TopUpPlan": (
        "id",
        "workspace",
        "state",
        "end_reason",
        "subscription_at",
        "raised_at",
        "falls",
        "capped_month",
        "ended_at",
        "cancel_at",
        "cancel_attempts",
        "canceled_at",
    ),
    "TopUp": (
        "id",
        "workspace",
        "plan",
        "fall",
        "month",
        "number",
        "monthly_max",
        "state",
        "reason",
        "checkout",
        "asked_at",
        "asks",
        "next_at",
        "created_at",
        "settled_at",
    ),
    "TopUpNotice": ("id", "workspace", "plan", "kind", "key", "created_at", "next_at", "attempts", "sent_at"),
    "BalanceAlert": ("id", "workspace", "threshold_mcredits", "raised_at", "mail_at", "mail_attempts"),
    "Checkout": ("id", "workspace"),
    "Entry": ("id", "workspace", "sequence", "key", "ordinal"),
}
_LEDGER: Final = {
    "Entry": ("kind", "reference", "effect_mcredits", "balance_after_mcredits", "occurred_at"),
    "Hold": ("reference",),
    "MemberSpending": ("user_id", "month", "spent_mcredits"),
}
_PAYMENT: Final = {
    "Checkout": (
        "user_id",
        "idempotency_key",
        "joined_keys",
        "price_id",
        "pack_name",
        "mcredits",
        "amount_minor",
        "currency",
        "transaction_id",
        "state",
        "paid_minor",
        "granted_mcredits",
        "taken_back_mcredits",
        "charged_back_mcredits",
        "created_at",
        "granted_at",
    ),
    "TopUpPlan": (
        "user_id",
        "idempotency_key",
        "price_id",
        "pack_name",
        "mcredits",
        "amount_minor",
        "currency",
        "threshold_mcredits",
        "monthly_max",
        "words",
        "transaction_id",
        "subscription_id",
        "agreed_at",
    ),
    "PaddleEvent": ("transaction_id",),
}
INVENTORY: Final[dict[str, str]] = {
    f"ledger.{model}.{field}": element
    for element, models in (("none", _NOT_PERSONAL), ("ledger", _LEDGER), ("payment", _PAYMENT))
    for model, fields in models.items()
    for field in fields
}


class LedgerStore:
    """Purchases of a person, and the entries of workspaces that end with the person."""

    name = "ledger"

    def stop(self, subject: Subject, *, now: datetime) -> None:
        """Ends automatic top-up that the person agreed to, and waits until Paddle has forgotten the payment method."""
        for plan_id in _plans(subject).values_list("id", flat=True):
            if not top_up_charging.end_for_good(plan_id=plan_id, now=now):
                raise NotYet("Paddle has not confirmed yet that it forgot the payment method.")

    def find(self, subject: Subject) -> dict[str, int]:
        counts = {
            "payment": _purchases(subject).count() + _plans(subject).count(),
            "ledger": _entries(subject).count() + _spending(subject).count(),
        }
        return {element: count for element, count in counts.items() if count}

    def listed(self, subject: Subject) -> dict[str, list[Listed]]:
        return {
            "payment": [Listed(_purchases(subject), _purchase_out), Listed(_plans(subject), _plan_out)],
            "ledger": [Listed(_entries(subject), _entry_out), Listed(_spending(subject), _spending_out)],
        }

    def export(self, subject: Subject) -> dict[str, Any]:
        """The purchases that the person began, and the statement of workspaces that nobody else is in."""
        payments = _purchases(subject).order_by("created_at")
        held = {
            "payment": [
                *(_purchase_out(purchase) for purchase in payments),
                *(_plan_out(plan) for plan in _plans(subject).order_by("agreed_at")),
            ],
            "ledger": [
                *(_entry_out(entry) for entry in _entries(subject).order_by("workspace_id", "sequence")),
                *(_spending_out(row) for row in _spending(subject).order_by("month")),
            ],
        }
        return {element: rows for element, rows in held.items() if rows}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        """Unlinks the person from purchases; every amount and Paddle's own number of it stay."""
        with transaction.atomic():
            unlinked = _purchases(subject).update(user_id=None, idempotency_key="", joined_keys=[])
            unlinked += _plans(subject).update(user_id=None, idempotency_key="")
            _spending(subject).delete()
        return {"payment": unlinked} if unlinked else {}

    def verify(self, subject: Subject) -> int:
        return _purchases(subject).count() + _plans(subject).count() + _spending(subject).count()

    def follow(self, corrected: Corrected, *, now: datetime) -> None:
        following.follow(corrected)

    def left_of(self, corrected: Corrected) -> int:
        return following.left_of(corrected)


STORE: Final = LedgerStore()


def _spending(subject: Subject) -> QuerySet[MemberSpending]:
    """How much the person spent, month by month. The entries keep the amounts, without whom."""
    return MemberSpending.objects.get_queryset().filter(_leads_to(subject))


def _purchases(subject: Subject) -> QuerySet[Checkout]:
    """Checkouts that still lead to the person."""
    return Checkout.objects.get_queryset().filter(_leads_to(subject))


def _plans(subject: Subject) -> QuerySet[TopUpPlan]:
    """Automatic top-ups that still lead to the person."""
    return TopUpPlan.objects.get_queryset().filter(_leads_to(subject))


def _leads_to(subject: Subject) -> Q:
    match = Q(pk__in=())
    if subject.kind == "user" and subject.user_id:
        match |= Q(user_id=subject.user_id)
    if subject.workspace_ids_to_erase:
        match |= Q(workspace_id__in=subject.workspace_ids_to_erase, user_id__isnull=False)
    return match


def _entries(subject: Subject) -> QuerySet[Entry]:
    return Entry.objects.get_queryset().filter(workspace_id__in=subject.workspace_ids_to_erase)


def _purchase_out(purchase: Checkout) -> dict[str, Any]:
    return {
        "began_at": purchase.created_at.isoformat(),
        "pack": purchase.pack_name,
        "credits": purchase.mcredits / 1000,
        "price_minor_units": purchase.amount_minor,
        "currency": purchase.currency,
        "state": purchase.state,
        "paddle_transaction": purchase.transaction_id,
        "taken_back_credits": purchase.taken_back_mcredits / 1000,
    }


def _spending_out(row: MemberSpending) -> dict[str, Any]:
    return {"month": row.month.isoformat(), "spent_credits": row.spent_mcredits / 1000}


def _plan_out(plan: TopUpPlan) -> dict[str, Any]:
    return {
        "agreed_at": plan.agreed_at.isoformat(),
        "agreed_to": plan.words.split("\n"),
        "state": plan.state,
        "ended_at": plan.ended_at.isoformat() if plan.ended_at else None,
        "paddle_transaction": plan.transaction_id,
        "paddle_subscription": plan.subscription_id or None,
    }


def _entry_out(entry: Entry) -> dict[str, Any]:
    return {
        "time": entry.occurred_at.isoformat(),
        "kind": entry.kind,
        "credits": entry.effect_mcredits / 1000,
        "credits_after": entry.balance_after_mcredits / 1000,
        "reference": entry.reference,
    }
