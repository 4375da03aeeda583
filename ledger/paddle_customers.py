"""What Paddle has its customers written down with: the address that a buyer typed, or our page handed over, at the checkout.

No identifier of Paddle's customer is kept here; each is asked for by a transaction of ours.
"""

from typing import Any, Final

import requests
from paddle_billing.Entities.Shared import Status
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Resources.Customers.Operations import UpdateCustomer

from ledger.paddle import PaddleUnavailable
from processors.paddle_sdk import paddle_client

_NOT_NOW: Final = "The payment service does not answer as it should. Try again in a few minutes."
_GONE: Final = ("not_found", "entity_not_found")
_TAKEN: Final = "customer_already_exists"


def customer_of(transaction_id: str) -> str | None:
    """Who paid it; None while nobody has, or where Paddle knows of no such transaction. Raises PaddleUnavailable."""
    found = _asked(lambda client: client.transactions.get(transaction_id).customer_id)
    return str(found) if found else None


def address_of(customer_id: str) -> str:
    """In small letters; "" of one who is archived, or whom Paddle does not know any more. Raises PaddleUnavailable."""
    found = _asked(lambda client: client.customers.get(customer_id))
    return str(found.email).lower() if found is not None and found.status == Status.Active else ""


def put_right(customer_id: str, *, email: str) -> None:
    """Gives the customer the address; who has another customer under it already is archived with the old one. Raises
    PaddleUnavailable."""
    try:
        _asked(lambda client: client.customers.update(customer_id, UpdateCustomer(email=email)))
    except PaddleUnavailable as error:
        if not isinstance(error.__cause__, ApiError) or error.__cause__.error_code != _TAKEN:
            raise
        _asked(lambda client: client.customers.update(customer_id, UpdateCustomer(status=Status.Archived)))


def _asked(question: Any) -> Any:
    """The answer to what is asked of a client; None where Paddle knows of no such thing."""
    try:
        return question(paddle_client())
    except ApiError as error:
        if error.error_code in _GONE:
            return None
        raise PaddleUnavailable(_NOT_NOW) from error
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        # The SDK takes an answer apart without looking, so a wrong one surfaces as any of the last three.
        raise PaddleUnavailable(_NOT_NOW) from error
