"""Saving a payment method and charging it, checked with Paddle's own SDK."""

import asyncio
from typing import Any

import pytest
import requests
from paddle_billing import Client as PaddleClient
from paddle_billing.Entities.Event import Event
from paddle_billing.Entities.Subscriptions import SubscriptionEffectiveFrom, SubscriptionOnPaymentFailure
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Resources.Subscriptions.Operations import CancelSubscription, CreateOneTimeCharge
from paddle_billing.Resources.Subscriptions.Operations.Charge import SubscriptionChargeItem
from paddle_billing.Resources.Transactions.Operations import ListTransactions
from paddle_billing.Resources.Transactions.Operations.List.Origin import Origin

from tests.sandbox.conftest import Sandbox
from tests.sandbox.product import Product
from tests.sandbox.test_paddle import PACK, buy_one, paddle

SAVES_METHOD = "pri_01klosesales000000000topup"


@pytest.fixture
def client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> PaddleClient:
    return paddle(sandbox, monkeypatch)


async def saved(sandbox: Sandbox, client: PaddleClient, card: str = "4242 4242 4242 4242") -> tuple[str, str]:
    """A payment method saved in the checkout; ids of the subscription and of the transaction that began it."""
    created = await sandbox.sdk(lambda _: buy_one(client, SAVES_METHOD, 1))
    typed = {"name": "Jordan Sample", "number": card}
    (await sandbox.http.post(f"/paddle/checkout/{created.id}/pay", json=typed)).raise_for_status()
    found = await sandbox.get("/paddle/subscriptions")
    return str(found[-1]["id"]), str(created.id)


def charge(client: PaddleClient, subscription_id: str, price_id: str = PACK) -> Any:
    operation = CreateOneTimeCharge(
        effective_from=SubscriptionEffectiveFrom.Immediately,
        items=[SubscriptionChargeItem(price_id, 1)],
        on_payment_failure=SubscriptionOnPaymentFailure.PreventChange,
    )
    return client.subscriptions.create_one_time_charge(subscription_id, operation)


def charges(client: PaddleClient, subscription_id: str) -> list[Any]:
    operation = ListTransactions(subscription_ids=[subscription_id], origins=[Origin.SubscriptionCharge])
    return list(client.transactions.list(operation).items)


async def test_a_saved_method_is_charged_and_the_charge_is_listed(
    sandbox: Sandbox, product: Product, client: PaddleClient
) -> None:
    subscription_id, transaction_id = await saved(sandbox, client)
    answered = await sandbox.sdk(lambda _: charge(client, subscription_id))
    await product.until(lambda: len(product.events("transaction.completed")) == 2)
    [listed] = await sandbox.sdk(lambda _: charges(client, subscription_id))

    assert (answered.id, answered.status.value) == (subscription_id, "active")
    assert (listed.origin.value, listed.subscription_id) == ("subscription_charge", subscription_id)
    assert listed.details.totals.grand_total == "1000"
    [told] = product.events("subscription.created")
    assert (told["data"]["id"], told["data"]["transaction_id"]) == (subscription_id, transaction_id)
    parsed = Event.from_dict(told).data
    assert (parsed.transaction_id, parsed.items[0].price.id) == (transaction_id, SAVES_METHOD)
    assert "transaction_id" not in product.events("subscription.activated")[0]["data"]


async def test_a_card_can_be_declined_from_the_second_charge_on(
    sandbox: Sandbox, product: Product, client: PaddleClient
) -> None:
    subscription_id, _ = await saved(sandbox, client, card="4000 0027 6000 3184")
    with pytest.raises(ApiError) as refused:
        await sandbox.sdk(lambda _: charge(client, subscription_id))
    assert refused.value.error_code == "subscription_payment_declined"
    [tried] = await sandbox.sdk(lambda _: charges(client, subscription_id))
    assert (tried.status.value, tried.payments) == ("canceled", [])
    await product.until(lambda: product.events("transaction.canceled"))


async def test_what_cannot_be_charged_is_refused_by_paddles_names(sandbox: Sandbox, client: PaddleClient) -> None:
    subscription_id, _ = await saved(sandbox, client)
    wrong = {
        "sub_nobodys": "entity_not_found",
        subscription_id: "subscription_one_off_charge_is_recurring",
    }
    for asked, code in wrong.items():
        with pytest.raises(ApiError) as refused:
            await sandbox.sdk(lambda _, asked=asked: charge(client, asked, SAVES_METHOD))  # type: ignore[misc]
        assert refused.value.error_code == code
    await sandbox.post(f"/paddle/subscriptions/{subscription_id}/past_due")
    with pytest.raises(ApiError) as late:
        await sandbox.sdk(lambda _: charge(client, subscription_id))
    assert late.value.error_code == "subscription_update_when_past_due"


async def test_a_canceled_subscription_is_told_and_stays_canceled(
    sandbox: Sandbox, product: Product, client: PaddleClient
) -> None:
    subscription_id, _ = await saved(sandbox, client)
    now = CancelSubscription(effective_from=SubscriptionEffectiveFrom.Immediately)
    ended = await sandbox.sdk(lambda _: client.subscriptions.cancel(subscription_id, now))
    with pytest.raises(ApiError) as again:
        await sandbox.sdk(lambda _: client.subscriptions.cancel(subscription_id, now))
    with pytest.raises(ApiError) as charged:
        await sandbox.sdk(lambda _: charge(client, subscription_id))

    assert ended.status.value == "canceled"
    assert again.value.error_code == charged.value.error_code == "subscription_update_when_canceled"
    await product.until(lambda: product.events("subscription.canceled"))
    assert Event.from_dict(product.events("subscription.canceled")[0]).data.canceled_at is not None


async def test_an_answer_can_be_lost_after_the_card_was_charged(sandbox: Sandbox, client: PaddleClient) -> None:
    subscription_id, _ = await saved(sandbox, client)
    await sandbox.fault("paddle.rest", "timeout_after_accept", method="POST")
    with pytest.raises(requests.ConnectionError):
        await sandbox.sdk(lambda _: charge(client, subscription_id))
    await asyncio.sleep(0.1)
    assert len(await sandbox.sdk(lambda _: charges(client, subscription_id))) == 1
    await sandbox.fault("paddle.rest", "error", 503, method="POST")
    with pytest.raises(ApiError):
        await sandbox.sdk(lambda _: charge(client, subscription_id))
    assert len(await sandbox.sdk(lambda _: charges(client, subscription_id))) == 1
