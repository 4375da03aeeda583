"""Beginning a purchase. What it grants is decided by Paddle's events alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import ClassVar

from django.conf import settings
from django.db import connection
from django.db.models import Q
from uuid_utils.compat import uuid7

from identity.auth import Actor
from ledger import paddle
from ledger.models import Checkout
from ledger.schemas import CheckoutOut, PackOut
from processors import disclosures
from processors.errors import DomainError

# A second click within this time, even from a page that was reloaded, leads to the same transaction.
SAME_PURCHASE_FOR = timedelta(minutes=10)
CHECKOUTS_PER_HOUR_MAX = 30
JOINED_KEYS_MAX = 30
# Longer than Paddle is waited for.
LOCK_WAIT_S = 15.0
LOCK_POLL_S = 0.05


class PackUnknown(DomainError):
    """No pack on sale has this price id. Permanent."""

    code: ClassVar[str] = "pack_unknown"


class IdempotencyKeyReused(DomainError):
    """The key was sent before with another pack. Permanent."""

    code: ClassVar[str] = "idempotency_key_reused"


class CheckoutsTooMany(DomainError):
    """One person began too many purchases within an hour."""

    code: ClassVar[str] = "checkouts_too_many"
    retryable: ClassVar[bool] = True


class CheckoutBusy(DomainError):
    """Another purchase of the same person is being begun and takes long."""

    code: ClassVar[str] = "checkout_busy"
    retryable: ClassVar[bool] = True


def start_checkout(*, actor: Actor, price_id: str, idempotency_key: str, now: datetime) -> CheckoutOut:
    """Gets a transaction from Paddle for one pack. Repeated clicks, in turn or at once, get the same one.

    Must not run inside a transaction: Paddle is asked in between, and what was disclosed to it is recorded for good. A crash
    right after the asking leaves an unpaid transaction at Paddle that nobody was ever shown.

    :raises NotPermitted: the role may not buy.
    :raises PackUnknown, IdempotencyKeyReused, CheckoutsTooMany, CheckoutBusy, PaddleUnavailable:
    """
    actor.demand("buy_credits")
    pack = next((pack for pack in paddle.packs() if pack.price_id == price_id), None)
    if pack is None:
        raise PackUnknown("This pack is not on sale. Reload the page and choose another.")
    with one_at_a_time(f"checkout:{actor.workspace_id}:{actor.user_id}"):
        checkout = _begun_before(actor, price_id, idempotency_key, now) or _begin(actor, pack, idempotency_key, now)
    if checkout.state == "open":
        record_window(actor=actor, now=now)
    return CheckoutOut(
        checkout_id=checkout.id,
        transaction_id=checkout.transaction_id,
        client_token=settings.PADDLE_CLIENT_TOKEN,
        paddle_js_url=settings.PADDLE_JS_URL,
    )


def record_window(*, actor: Actor, now: datetime) -> None:
    """Counts what the actor's page hands to Paddle's window: whom to write to, and the transaction that is answered now.

    The browser tells it, so no request of ours would count it.
    """
    disclosures.record(
        processor="paddle",
        endpoint="checkout.open",
        data_classes=("email", "payment_reference"),
        whom=disclosures.About(user_id=actor.user_id, workspace_id=actor.workspace_id),
        now=now,
    )


def _begun_before(actor: Actor, price_id: str, idempotency_key: str, now: datetime) -> Checkout | None:
    mine = Checkout.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    same_key = mine.filter(Q(idempotency_key=idempotency_key) | Q(joined_keys__contains=[idempotency_key])).first()
    if same_key is not None and same_key.price_id != price_id:
        raise IdempotencyKeyReused("This key belongs to the purchase of another pack. Send a new one.")
    if same_key is not None:
        return same_key
    recent = mine.filter(price_id=price_id, state="open", created_at__gt=now - SAME_PURCHASE_FOR)
    checkout = recent.order_by("-created_at").first()
    if checkout is not None:
        if len(checkout.joined_keys) >= JOINED_KEYS_MAX:
            raise CheckoutsTooMany("Buy was pressed too often for one purchase. Try again in ten minutes.")
        # Kept, so that this click still leads here when its page is loaded again after the payment.
        checkout.joined_keys.append(idempotency_key)
        checkout.save(update_fields=["joined_keys"])
    return checkout


def _begin(actor: Actor, pack: PackOut, idempotency_key: str, now: datetime) -> Checkout:
    mine = Checkout.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    if mine.filter(created_at__gt=now - timedelta(hours=1)).count() >= CHECKOUTS_PER_HOUR_MAX:
        raise CheckoutsTooMany("Too many purchases were begun within an hour. Try again later.")
    checkout_id = uuid7()
    with disclosures.about(user_id=actor.user_id, workspace_id=actor.workspace_id):
        transaction_id = paddle.create_transaction(checkout_id=checkout_id, price_id=pack.price_id)
    return Checkout.objects.get_queryset().create(
        id=checkout_id,
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        idempotency_key=idempotency_key,
        price_id=pack.price_id,
        pack_name=pack.name,
        mcredits=pack.mcredits,
        amount_minor=pack.amount_minor,
        currency=pack.currency,
        transaction_id=transaction_id,
        created_at=now,
    )


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """A lock of the database connection, not of a transaction; it goes with the connection, so a crash frees it.

    :raises CheckoutBusy: it was not free within LOCK_WAIT_S.
    """
    limit = monotonic() + LOCK_WAIT_S
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
            if cursor.fetchone()[0]:
                break
            if monotonic() > limit:
                raise CheckoutBusy("Your other purchase is still being prepared. Try again in a moment.")
            sleep(LOCK_POLL_S)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
