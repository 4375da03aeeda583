"""The edge to Paddle: packs on sale, transactions created, notifications verified and cut down to what may be kept."""

import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import requests
from django.conf import settings
from paddle_billing.Entities.Shared import CustomData
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Notifications.PaddleSignature import PaddleSignature
from paddle_billing.Notifications.Secret import Secret
from paddle_billing.Resources.Transactions.Operations import CreateTransaction
from paddle_billing.Resources.Transactions.Operations.Create import TransactionCreateItem
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from ledger.schemas import PackOut
from processors.errors import DomainError
from processors.paddle_sdk import paddle_client

logger = logging.getLogger(__name__)

# Paddle's own tolerance for the age of a signature, and ours for its clock.
SIGNATURE_AGE_MAX_S: Final = 5
QUANTITY_MAX: Final = 1_000

# Stricter than the SDK's parser, which raises on what it does not expect.
_SIGNATURE_FORM: Final = re.compile(r"ts=(?P<ts>[0-9]{1,12})(;h1=[0-9a-f]{64}){1,8}")

# The SDK tells its log about every step of a verification; what matters of it is in our own answer.
logging.getLogger("paddle_billing").disabled = True


class SignatureInvalid(DomainError):
    """The notification is not Paddle's: no signature, a malformed one, or one that does not fit the body. Permanent."""

    code: ClassVar[str] = "paddle_signature_invalid"


class SignatureStale(DomainError):
    """The signature is older than Paddle's tolerance or from the future: a replay, or a clock that is off. Permanent."""

    code: ClassVar[str] = "paddle_signature_stale"


class NotificationMalformed(DomainError):
    """The notification is signed and still cannot be read. Nothing was stored; Paddle sends it again. Permanent."""

    code: ClassVar[str] = "paddle_notification_malformed"


class PaddleUnavailable(DomainError):
    """Paddle could not be reached, or did not answer as its contract says. Nothing was bought."""

    code: ClassVar[str] = "paddle_unavailable"
    retryable: ClassVar[bool] = True


_UNAVAILABLE: Final = "The payment service does not answer as it should. Try again in a moment."
# Nothing was sold earlier, and what is farther off no database and no calendar can take.
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
# PostgreSQL keeps U+0000 in no text.
_SUBSCRIPTION_ID: Final = r"^sub_\w{1,60}$"
_Word = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]


class _Price(BaseModel):
    id: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")


class _Item(BaseModel):
    price: _Price
    quantity: int = Field(ge=1, le=QUANTITY_MAX)


class _Totals(BaseModel):
    total: int | None = Field(default=None, ge=0, le=1_000_000_000_000)


class _Details(BaseModel):
    totals: _Totals = _Totals()


class _Transaction(BaseModel):
    """What is kept of a transaction. payments, with its method_details, is read by nobody."""

    id: str = Field(pattern=r"^txn_\w{1,60}$")
    status: _Word
    origin: _Word | None = None
    subscription_id: str | None = Field(default=None, pattern=_SUBSCRIPTION_ID)
    items: list[_Item] = Field(default=[], max_length=100)
    details: _Details = _Details()


class _Subscription(BaseModel):
    """What is kept of a subscription. transaction_id: the one that began it, told with its first event alone."""

    id: str = Field(pattern=_SUBSCRIPTION_ID)
    status: _Word
    transaction_id: str | None = Field(default=None, pattern=r"^txn_\w{1,60}$")


class _AdjustedItem(BaseModel):
    type: _Word | None = None


class _Adjustment(BaseModel):
    """What is kept of an adjustment; of its items, whether they are of the tax alone."""

    id: str = Field(pattern=r"^adj_\w{1,60}$")
    transaction_id: str = Field(pattern=r"^txn_\w{1,60}$")
    subscription_id: str | None = Field(default=None, pattern=_SUBSCRIPTION_ID)
    action: _Word
    status: _Word
    type: _Word | None = None
    items: list[_AdjustedItem] = Field(default=[], max_length=100)
    totals: _Totals = _Totals()


class _Envelope(BaseModel):
    event_id: str = Field(pattern=r"^\w{1,80}$")
    event_type: str = Field(pattern=r"^[a-z_.]{1,80}$")
    occurred_at: AwareDatetime = Field(ge=_EARLIEST, lt=_LATEST)
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notification:
    """A verified notification, cut down to what may be kept.

    payload: of a transaction {status, origin, subscription_id, items: [{price_id, quantity}], total_minor}; of an adjustment
    {adjustment_id, subscription_id, action, status, type, total_minor, tax_only}; of a subscription {subscription_id,
    status}; of anything else {}. total_minor: minor units of the currency, tax included, or null.
    transaction_id: "" where there is none. Paddle's id of the customer is not kept: the transaction leads to it.
    """

    event_id: str
    event_type: str
    occurred_at: datetime
    transaction_id: str
    payload: dict[str, Any]


def packs() -> list[PackOut]:
    """The packs on sale, in the order in which they are configured."""
    return _packs(json.dumps(settings.CREDIT_PACKS))


@lru_cache(maxsize=4)
def _packs(configured: str) -> list[PackOut]:
    return TypeAdapter(list[PackOut]).validate_json(configured)


def create_transaction(*, checkout_id: UUID, price_id: str) -> str:
    """Asks Paddle for a transaction over one pack and returns its id. The buyer pays it in Paddle's own checkout.

    custom_data is for people who look at Paddle's dashboard; nothing of ours reads it back.

    :raises PaddleUnavailable: also when Paddle answers something else than a transaction.
    """
    client = paddle_client()
    operation = CreateTransaction(
        items=[TransactionCreateItem(price_id=price_id, quantity=1)],
        custom_data=CustomData({"checkout_id": str(checkout_id)}),
    )
    try:
        transaction = client.transactions.create(operation)
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        # The SDK takes an answer apart without looking, so a wrong one surfaces as any of the last three.
        raise PaddleUnavailable(_UNAVAILABLE) from error
    return str(transaction.id)


def invoice_url(transaction_id: str) -> str | None:
    """Where the PDF of a completed transaction can be fetched for an hour; None when Paddle has none.

    :raises PaddleUnavailable: also for a link to anywhere but Paddle's own hosts (PADDLE_INVOICE_HOSTS) or the very server that was
        asked.
    """
    try:
        url = str(paddle_client().transactions.get_invoice_pdf(transaction_id).url)
    except ApiError as error:
        if error.response is not None and 400 <= error.response.status_code < 500:
            return None
        raise PaddleUnavailable(_UNAVAILABLE) from error
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise PaddleUnavailable(_UNAVAILABLE) from error
    asked, told = urlsplit(settings.PADDLE_API_URL), urlsplit(url)
    if (told.scheme, told.netloc) != (asked.scheme, asked.netloc) and not _is_of_paddle(told):
        logger.error("invoice link refused", extra={"processor": "paddle"})
        raise PaddleUnavailable(_UNAVAILABLE)
    return url


def _is_of_paddle(told: SplitResult) -> bool:
    """Nobody is sent to wherever an answer names: a host of the list, or of one of its domains, which begin with a dot."""
    host = told.hostname or ""
    listed = any(
        host.endswith(each) if each.startswith(".") else host == each for each in settings.PADDLE_INVOICE_HOSTS
    )
    return told.scheme == "https" and told.port in (None, 443) and listed


def verified(*, body: bytes, signature: str | None, now: datetime) -> Notification:
    """Checks that a notification is Paddle's and fresh, and reads it.

    The SDK's Verifier is not used: an environment variable switches its time check off, and it reads the clock itself.

    :raises SignatureInvalid, SignatureStale, NotificationMalformed:
    """
    form = _SIGNATURE_FORM.fullmatch(signature or "")
    if signature is None or form is None:
        raise SignatureInvalid("The Paddle-Signature header is missing or malformed. Send what Paddle sends.")
    if abs(now.timestamp() - int(form["ts"])) > SIGNATURE_AGE_MAX_S:
        raise SignatureStale("The signature is too old or from the future. Check this server's clock.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotificationMalformed("The body is not UTF-8. Send it as Paddle does.") from None
    # Several secrets while one replaces another; an empty one would let anybody sign.
    secrets = [Secret(part.strip()) for part in settings.PADDLE_WEBHOOK_SECRET.split(",") if part.strip()]
    try:
        PaddleSignature().verify(signature, text, secrets)
    except ConnectionRefusedError:
        raise SignatureInvalid("The signature does not fit the body. Check the webhook's secret.") from None
    return read(text)


def read(text: str) -> Notification:
    """Takes from a notification what may be kept, by an allow-list; nothing else of it is ever stored or logged.

    :raises NotificationMalformed:
    """
    try:
        envelope = _Envelope.model_validate_json(text)
        if envelope.event_type.startswith("transaction."):
            return _of_transaction(envelope, _Transaction.model_validate(envelope.data))
        if envelope.event_type.startswith("adjustment."):
            return _of_adjustment(envelope, _Adjustment.model_validate(envelope.data))
        if envelope.event_type.startswith("subscription."):
            return _of_subscription(envelope, _Subscription.model_validate(envelope.data))
    except ValidationError as error:
        # The library's own message repeats the input, so only the places are named.
        places = ", ".join(".".join(str(part) for part in item["loc"]) for item in error.errors()[:5])
        raise NotificationMalformed(
            f"The notification cannot be read at: {places or 'its beginning'}. Send it as Paddle does."
        ) from None
    return Notification(envelope.event_id, envelope.event_type, envelope.occurred_at, "", {})


def _of_transaction(envelope: _Envelope, data: _Transaction) -> Notification:
    return Notification(
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        occurred_at=envelope.occurred_at,
        transaction_id=data.id,
        payload={
            "status": data.status,
            "origin": data.origin,
            "subscription_id": data.subscription_id,
            "items": [{"price_id": item.price.id, "quantity": item.quantity} for item in data.items],
            "total_minor": data.details.totals.total,
        },
    )


def _of_adjustment(envelope: _Envelope, data: _Adjustment) -> Notification:
    return Notification(
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        occurred_at=envelope.occurred_at,
        transaction_id=data.transaction_id,
        payload={
            "adjustment_id": data.id,
            "subscription_id": data.subscription_id,
            "action": data.action,
            "status": data.status,
            "type": data.type,
            "total_minor": data.totals.total,
            "tax_only": bool(data.items) and all(item.type == "tax" for item in data.items),
        },
    )


def _of_subscription(envelope: _Envelope, data: _Subscription) -> Notification:
    return Notification(
        event_id=envelope.event_id,
        event_type=envelope.event_type,
        occurred_at=envelope.occurred_at,
        transaction_id=data.transaction_id or "",
        payload={"subscription_id": data.id, "status": data.status},
    )
