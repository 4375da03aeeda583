"""Purchases: what was bought, what was taken back of it and what that did, and the seller's invoice."""

from collections import defaultdict
from collections.abc import Iterable
from typing import ClassVar, Final, cast
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from identity.auth import Actor
from identity.models import User
from ledger import paddle
from ledger.chart import CREDIT_SIGN, change
from ledger.models import Checkout, PaddleEvent, Posting, TopUp
from ledger.purchase_schemas import ChangeKind, InvoiceOut, PurchaseChange, PurchaseOut, PurchasePage
from ledger.schemas import CheckoutState
from processors import disclosures
from processors.errors import CursorInvalid, DomainError

PURCHASES_PAGE: Final = 20
_HELD: Final = {"state": "needs_person", "event_type": "transaction.completed"}
_TAKEN_BACK: Final = ("refund", "chargeback", "chargeback_reverse")


class PurchaseUnknown(DomainError):
    """The workspace has no such purchase. Permanent."""

    code: ClassVar[str] = "purchase_unknown"


class InvoiceMissing(DomainError):
    """The seller makes an invoice once a payment is complete. Permanent until then."""

    code: ClassVar[str] = "invoice_missing"


def page(*, actor: Actor, cursor: str | None) -> PurchasePage:
    """What was paid or failed, newest first.

    :raises NotPermitted: the role does not see what the team spends.
    :raises CursorInvalid:
    """
    actor.demand("see_team")
    mine = Checkout.objects.for_workspace(actor.workspace_id)
    held = PaddleEvent.objects.filter(transaction_id=OuterRef("transaction_id"), **_HELD)
    rows = mine.exclude(~Exists(held), state="open").order_by("-created_at", "-id")
    if cursor is not None:
        last = _last_of(mine, cursor)
        rows = rows.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.id))
    found = list(rows[: PURCHASES_PAGE + 1])
    shown = found[:PURCHASES_PAGE]
    waiting = PaddleEvent.objects.filter(transaction_id__in=[one.transaction_id for one in shown], **_HELD)
    looked_into = set(waiting.values_list("transaction_id", flat=True))
    changes = _changes(actor.workspace_id, {checkout.transaction_id for checkout in shown})
    people = _names(checkout.user_id for checkout in shown)
    automatic = set(
        TopUp.objects.for_workspace(actor.workspace_id)
        .filter(checkout__in=[checkout.id for checkout in shown])
        .values_list("checkout_id", flat=True)
    )
    return PurchasePage(
        items=[
            _purchase(
                checkout,
                changes[checkout.transaction_id],
                people,
                held=checkout.transaction_id in looked_into and checkout.state != "granted",
                automatic=checkout.id in automatic,
            )
            for checkout in shown
        ],
        next_cursor=str(shown[-1].id) if len(found) > PURCHASES_PAGE else None,
    )


def invoice(*, actor: Actor, checkout_id: UUID) -> InvoiceOut:
    """Asks the seller, since its link is good for an hour only.

    :raises NotPermitted, PurchaseUnknown, InvoiceMissing, PaddleUnavailable:
    """
    actor.demand("see_team")
    checkout = Checkout.objects.for_workspace(actor.workspace_id).filter(id=checkout_id).first()
    if checkout is None:
        raise PurchaseUnknown("There is no such purchase in your workspace. Choose one from its list.")
    if checkout.state != "granted":
        raise InvoiceMissing("There is an invoice once the payment is complete. Wait for that.")
    with disclosures.about(user_id=actor.user_id, workspace_id=actor.workspace_id):
        url = paddle.invoice_url(checkout.transaction_id)
    if url is None:
        raise InvoiceMissing("Paddle has no invoice for this purchase yet. Try again in a few minutes.")
    return InvoiceOut(url=url)


def references_of(*, workspace_id: UUID, user_id: UUID) -> QuerySet[Checkout, str]:
    """The ledger's references of what a person bought: Paddle's transaction ids."""
    mine = Checkout.objects.for_workspace(workspace_id).filter(user_id=user_id)
    return mine.values_list("transaction_id", flat=True)


def by_transaction(*, workspace_id: UUID, transaction_ids: set[str]) -> dict[str, Checkout]:
    found = Checkout.objects.for_workspace(workspace_id).filter(transaction_id__in=transaction_ids)
    return {checkout.transaction_id: checkout for checkout in found}


def _last_of(mine: QuerySet[Checkout], cursor: str) -> Checkout:
    """The last purchase of the page before."""
    try:
        return mine.get(id=UUID(cursor))
    except (ValueError, Checkout.DoesNotExist):
        raise CursorInvalid from None


def _purchase(
    checkout: Checkout, changes: list[PurchaseChange], people: dict[UUID, str], *, held: bool, automatic: bool
) -> PurchaseOut:
    return PurchaseOut(
        checkout_id=checkout.id,
        state=cast(CheckoutState, checkout.state),
        pack_name=checkout.pack_name,
        mcredits=checkout.granted_mcredits or checkout.mcredits,
        amount_minor=checkout.amount_minor,
        paid_minor=checkout.paid_minor,
        currency=checkout.currency,
        transaction_id=checkout.transaction_id,
        by=people.get(checkout.user_id) if checkout.user_id else None,
        held=held,
        automatic=automatic,
        created_at=checkout.created_at,
        granted_at=checkout.granted_at,
        taken_back_mcredits=checkout.taken_back_mcredits,
        changes=changes,
    )


def _changes(workspace_id: UUID, transaction_ids: set[str]) -> dict[str, list[PurchaseChange]]:
    """By transaction, oldest first: what each refund, chargeback and reversal did to the workspace's own accounts."""
    postings = Posting.objects.filter(
        entry__workspace_id=workspace_id, entry__reference__in=transaction_ids, entry__kind__in=_TAKEN_BACK
    ).select_related("entry", "account")
    found: dict[str, dict[UUID, PurchaseChange]] = defaultdict(dict)
    for posting in postings.order_by("entry__sequence"):
        entry, kind = posting.entry, posting.account.kind
        row = found[entry.reference].setdefault(
            entry.id,
            PurchaseChange(
                entry_id=entry.id,
                kind=cast(ChangeKind, entry.kind),
                at=entry.occurred_at,
                available_mcredits=0,
                debt_mcredits=0,
            ),
        )
        if kind in CREDIT_SIGN:
            delta = change(account=kind, side=posting.side, amount_mcredits=posting.amount_mcredits)  # type: ignore[arg-type]
            if kind == "debt":
                row.debt_mcredits += delta
            else:
                row.available_mcredits += delta
    return defaultdict(list, {reference: list(rows.values()) for reference, rows in found.items()})


def _names(user_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    people = User.objects.filter(id__in=[each for each in user_ids if each])
    return {user.id: f"{user.first_name} {user.last_name}".strip() for user in people}
