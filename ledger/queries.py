"""Reading credits: balances, prices, purchases, entries."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import cast
from uuid import UUID

from django.db.models import QuerySet, Sum

from ledger import paddle
from ledger.chart import DEBIT_NORMAL, HOUSE_ACCOUNT_IDS, AccountKind
from ledger.models import Account, BalanceAlert, Checkout, Entry, Posting, RateCard
from ledger.money import affordable_s
from ledger.schemas import (
    AlertOut,
    BalanceOut,
    CheckoutState,
    CheckoutStateOut,
    EntryKind,
    EntryOut,
    RateOut,
)
from ledger.words import DESCRIPTIONS


def balance(workspace_id: UUID, *, now: datetime) -> BalanceOut:
    """All zeros for a workspace that never had an entry."""
    return balance_of(
        accounts_of(workspace_id), card=rate_card_now(workspace_id, now), alert=alerts_of(workspace_id).first()
    )


def balance_of(rows: Iterable[Account], *, card: RateCard, alert: BalanceAlert | None) -> BalanceOut:
    accounts = {account.kind: account for account in rows}
    available = (accounts["available"].balance_mcredits or 0) if accounts else 0
    return BalanceOut(
        available_mcredits=available,
        held_mcredits=(accounts["held"].balance_mcredits or 0) if accounts else 0,
        debt_mcredits=(accounts["debt"].balance_mcredits or 0) if accounts else 0,
        minutes_left=affordable_s(amount_mcredits=available, terms=card.terms) // 60,
        sequence=accounts["available"].sequence if accounts else 0,
        rate=_rate_out(card),
        alert=AlertOut(threshold_mcredits=alert.threshold_mcredits, raised_at=alert.raised_at) if alert else None,
    )


def accounts_of(workspace_id: UUID) -> QuerySet[Account]:
    return Account.objects.filter(workspace_id=workspace_id)


def alerts_of(workspace_id: UUID) -> QuerySet[BalanceAlert]:
    """At most one."""
    return BalanceAlert.objects.for_workspace(workspace_id)


def rate_card_now(workspace_id: UUID, now: datetime) -> RateCard:
    """The newest version that is in force; the same for every workspace so far."""
    return rate_cards(now)[0]


def rate_cards(now: datetime) -> QuerySet[RateCard]:
    """Those that were in force by then, the newest first."""
    return RateCard.objects.filter(valid_from__lte=now).order_by("-version")


@lru_cache(maxsize=64)
def rate_card(rate_card_id: UUID) -> RateCard:
    """One version. Versions are never edited, so one that was read stays right.

    :raises RateCard.DoesNotExist:
    """
    return RateCard.objects.get(id=rate_card_id)


def house_balance(kind: AccountKind) -> int:
    """The balance of an account of the house, summed from its postings, in the account's own direction."""
    sums = dict(
        Posting.objects.filter(account_id=HOUSE_ACCOUNT_IDS[kind])
        .values_list("side")
        .annotate(total=Sum("amount_mcredits"))
    )
    debits_over_credits = int(sums.get("debit", 0)) - int(sums.get("credit", 0))
    return debits_over_credits if kind in DEBIT_NORMAL else -debits_over_credits


def checkout(*, workspace_id: UUID, checkout_id: UUID) -> CheckoutStateOut:
    """:raises Checkout.DoesNotExist: there is none in this workspace."""
    found = Checkout.objects.for_workspace(workspace_id).get(id=checkout_id)
    return CheckoutStateOut(
        checkout_id=found.id,
        state=cast(CheckoutState, found.state),
        pack_name=found.pack_name,
        mcredits=found.mcredits,
        amount_minor=found.amount_minor,
        currency=found.currency,
        transaction_id=found.transaction_id,
        created_at=found.created_at,
        granted_at=found.granted_at,
    )


def entries_of(*, workspace_id: UUID, reference: str) -> list[EntryOut]:
    """Everything that was booked for a reference, oldest first."""
    rows = Entry.objects.for_workspace(workspace_id).filter(reference=reference).order_by("sequence")
    return [entry_out(entry) for entry in rows]


def entry_out(entry: Entry) -> EntryOut:
    kind = cast(EntryKind, entry.kind)
    return EntryOut(
        id=entry.id,
        kind=kind,
        amount_mcredits=entry.effect_mcredits,
        balance_after_mcredits=entry.balance_after_mcredits,
        reference=entry.reference,
        ordinal=entry.ordinal,
        occurred_at=entry.occurred_at,
        description=DESCRIPTIONS[kind].format(part=entry.ordinal + 1),
    )


def _rate_out(card: RateCard) -> RateOut:
    currencies = {pack.currency for pack in paddle.packs()}
    return RateOut(
        version=card.version,
        mcredits_per_minute=card.mcredits_per_minute,
        increment_s=card.increment_s,
        minimum_s=card.minimum_s,
        ai_query_mcredits=card.ai_query_mcredits,
        currency_hint=currencies.pop() if len(currencies) == 1 else None,
    )
