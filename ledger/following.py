"""The address of an account is another one: Paddle, which has it from the checkout, writes its customer down with that one."""

import logging
from typing import Final

from compliance.stores import Corrected
from identity.models import User
from ledger import paddle_customers
from ledger.models import Checkout, TopUpPlan
from ledger.paddle import PaddleUnavailable
from processors import disclosures

logger = logging.getLogger(__name__)

# The newest of a buyer: whoever typed the same address each time is one customer.
PURCHASES_MAX: Final = 20


def follow(corrected: Corrected) -> None:
    """Puts the address right at Paddle. Where Paddle does not answer, `left_of` says that it is to be done again."""
    if corrected.kind != "account" or not corrected.old.get("email"):
        return
    user = User.objects.filter(id=corrected.target_id).first()
    if user is None:
        return
    try:
        for customer_id in _under(corrected):
            with disclosures.about(user_id=user.id):
                paddle_customers.put_right(customer_id, email=user.email)
    except PaddleUnavailable:
        logger.warning("address not corrected at the seller yet", extra={"processor": "paddle"})


def left_of(corrected: Corrected) -> int:
    """How many of Paddle's customers bear the old address. Raises PaddleUnavailable."""
    if corrected.kind != "account" or not corrected.old.get("email"):
        return 0
    return len(_under(corrected))


def _under(corrected: Corrected) -> list[str]:
    """Paddle's customers that paid for something of this account and bear the old address. Raises PaddleUnavailable."""
    bought = Checkout.objects.get_queryset().filter(user_id=corrected.target_id).exclude(state="open")
    plans = TopUpPlan.objects.get_queryset().filter(user_id=corrected.target_id)
    paid = [
        *bought.order_by("-created_at").values_list("transaction_id", flat=True)[:PURCHASES_MAX],
        *plans.order_by("-agreed_at").values_list("transaction_id", flat=True)[:PURCHASES_MAX],
    ]
    with disclosures.about(user_id=corrected.target_id):
        found = dict.fromkeys(paddle_customers.customer_of(transaction_id) for transaction_id in paid)
        return [each for each in found if each and paddle_customers.address_of(each) == corrected.old["email"].lower()]
