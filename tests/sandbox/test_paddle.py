"""Selling a pack, checked with Paddle's own SDK."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from paddle_billing import Client as PaddleClient
from paddle_billing import Options
from paddle_billing.Entities.Event import Event
from paddle_billing.Environment import Environment
from paddle_billing.Exceptions.ApiError import ApiError
from paddle_billing.Notifications import Secret, Verifier
from paddle_billing.Resources.Transactions.Operations import CreateTransaction
from paddle_billing.Resources.Transactions.Operations.Create import TransactionCreateItem

from tests.sandbox.conftest import CLIENT_TOKEN, PADDLE_KEY, PADDLE_SECRET, Sandbox
from tests.sandbox.product import Product

PACK = "pri_01klosesales0000000starter"


@dataclass
class SignedRequest:
    """What Paddle's Verifier reads of a request."""

    headers: dict[str, str]
    body: bytes


def paddle(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str = PADDLE_KEY) -> PaddleClient:
    monkeypatch.setattr(Environment, "base_url", sandbox.url)
    return PaddleClient(key, options=Options(Environment.SANDBOX), retry_count=0)


def buy_one(client: PaddleClient, price_id: str = PACK, quantity: int = 2) -> Any:
    return client.transactions.create(CreateTransaction(items=[TransactionCreateItem(price_id, quantity)]))


async def sold(sandbox: Sandbox) -> str:
    """A paid transaction; returns its id."""
    body = {"items": [{"price_id": PACK, "quantity": 1}], "custom_data": {"hint": "w1"}}
    headers = {"Authorization": f"Bearer {PADDLE_KEY}"}
    created = (await sandbox.http.post("/paddle/transactions", json=body, headers=headers)).raise_for_status()
    transaction_id: str = created.json()["data"]["id"]
    await sandbox.post(f"/paddle/transactions/{transaction_id}/pay")
    return transaction_id


async def test_paddles_sdk_sells_through_the_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    client = paddle(sandbox, monkeypatch)
    prices = await sandbox.sdk(lambda _: client.prices.list())
    created = await sandbox.sdk(lambda _: buy_one(client))
    await sandbox.post(f"/paddle/transactions/{created.id}/pay")
    fetched = await sandbox.sdk(lambda _: client.transactions.get(created.id))

    assert PACK in [price.id for price in prices]
    assert (created.status.value, fetched.status.value) == ("draft", "completed")
    assert fetched.details.totals.grand_total == "2000"
    assert fetched.items[0].price.id == PACK


async def test_a_wrong_key_or_price_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApiError):
        await sandbox.sdk(lambda _: buy_one(paddle(sandbox, monkeypatch, key="wrong")))
    with pytest.raises(ApiError, match="No price"):
        await sandbox.sdk(lambda _: buy_one(paddle(sandbox, monkeypatch), price_id="pri_unknown"))


async def test_the_notifications_of_a_sale_verify_and_parse_with_paddles_sdk(
    sandbox: Sandbox, product: Product
) -> None:
    transaction_id = await sold(sandbox)
    await product.until(lambda: len(product.notifications) == 3)

    for headers, body in product.notifications:
        assert Verifier().verify(SignedRequest(headers, body), Secret(PADDLE_SECRET))
        assert not Verifier().verify(SignedRequest(headers, body), Secret("another"))
        assert not Verifier().verify(SignedRequest(headers, body + b" "), Secret(PADDLE_SECRET))
    events = [Event.from_dict(json.loads(body)) for _, body in product.notifications]
    assert {event.event_type.value for event in events} == {
        "transaction.created",
        "transaction.paid",
        "transaction.completed",
    }
    completed = product.events("transaction.completed")[0]
    assert completed["data"]["id"] == transaction_id
    assert completed["data"]["items"][0]["price"]["id"] == PACK
    assert completed["data"]["custom_data"] == {"hint": "w1"}
    card = completed["data"]["payments"][0]["method_details"]["card"]
    assert card["cardholder_name"] == "Jordan Sample", "the product has to strip this"
    assert len({json.loads(body)["event_id"] for _, body in product.notifications}) == 3


async def test_refunds_and_chargebacks_are_told_and_parse(sandbox: Sandbox, product: Product) -> None:
    transaction_id = await sold(sandbox)
    await sandbox.post(f"/paddle/transactions/{transaction_id}/refund")
    await sandbox.post(f"/paddle/transactions/{transaction_id}/chargeback")
    await sandbox.post(f"/paddle/transactions/{transaction_id}/chargeback_reverse")
    await product.until(lambda: len(product.notifications) == 7)

    created = product.events("adjustment.created")
    statuses = {(event["data"]["action"], event["data"]["status"]) for event in created}
    assert statuses == {
        ("refund", "pending_approval"),
        ("chargeback", "approved"),
        ("chargeback_reverse", "approved"),
    }
    assert product.events("adjustment.updated")[0]["data"]["status"] == "approved"
    for event in created:
        assert Event.from_dict(event).data.transaction_id == transaction_id


async def test_a_part_can_be_refunded_and_parses(sandbox: Sandbox, product: Product) -> None:
    transaction_id = await sold(sandbox)
    await sandbox.post(f"/paddle/transactions/{transaction_id}/refund", amount_minor=250)
    await product.until(lambda: len(product.events("adjustment.updated")) == 1)

    told = product.events("adjustment.updated")[0]
    assert (told["data"]["type"], told["data"]["totals"]["total"]) == ("partial", "250")
    assert [(item["type"], item["amount"]) for item in told["data"]["items"]] == [("partial", "250")]
    assert Event.from_dict(told).data.transaction_id == transaction_id


async def test_a_notification_that_is_not_answered_200_comes_again(sandbox: Sandbox, product: Product) -> None:
    product.statuses["/paddle/webhook"] = 500
    await sold(sandbox)
    await product.until(lambda: len(product.events("transaction.completed")) >= 2)
    product.statuses.clear()
    await product.until(lambda: len(product.events("transaction.completed")) >= 3)

    assert len({event["notification_id"] for event in product.events("transaction.completed")}) == 1


@pytest.mark.parametrize(
    ("kind", "value", "copies"), [("duplicate", 1, 2), ("timeout_after_accept", 0, 2), ("delay", 300, 1)]
)
async def test_a_notification_can_be_repeated_or_late(
    sandbox: Sandbox, product: Product, kind: str, value: int, copies: int
) -> None:
    await sandbox.fault("paddle.webhooks", kind, value, event_type="transaction.completed")
    await sold(sandbox)
    await product.until(lambda: len(product.events("transaction.completed")) == copies)

    told = product.events("transaction.completed")
    assert len({event["event_id"] for event in told}) == 1
    assert len({event["notification_id"] for event in told}) == (2 if kind == "duplicate" else 1)


async def test_notifications_can_be_lost_overtaken_and_badly_signed(sandbox: Sandbox, product: Product) -> None:
    await sandbox.fault("paddle.webhooks", "drop", event_type="transaction.created")
    await sandbox.fault("paddle.webhooks", "reorder", event_type="transaction.paid")
    await sandbox.fault("paddle.webhooks", "error", event_type="transaction.completed")
    product.statuses["/paddle/webhook"] = 400
    await sold(sandbox)
    await product.until(lambda: len(product.notifications) >= 2)

    names = [json.loads(body)["event_type"] for _, body in product.notifications]
    assert names[:2] == ["transaction.completed", "transaction.paid"]
    headers, body = product.notifications[0]
    assert not Verifier().verify(SignedRequest(headers, body), Secret(PADDLE_SECRET))


async def test_paying_twice_takes_the_money_once(sandbox: Sandbox, product: Product) -> None:
    transaction_id = await sold(sandbox)
    await sandbox.post(f"/paddle/transactions/{transaction_id}/pay")
    card = {"name": "Jordan Sample", "number": "4242 4242 4242 4242"}
    again = await sandbox.http.post(f"/paddle/checkout/{transaction_id}/pay", json=card)

    assert again.status_code == 200
    await product.until(lambda: product.events("transaction.completed"))
    assert len(product.events("transaction.completed")) == len(product.events("transaction.paid")) == 1


async def test_the_checkout_refuses_a_declined_card_and_a_wrong_token(sandbox: Sandbox) -> None:
    items = json.dumps([{"priceId": PACK, "quantity": 1}])
    query = {"items": items, "token": CLIENT_TOKEN, "parent": "http://localhost:8000"}
    opened = await sandbox.http.get("/paddle/checkout", params=query)
    path = opened.headers["Location"].partition("?")[0]
    declined = await sandbox.http.post(f"{path}/pay", json={"name": "A", "number": "4000000000000002"})
    stranger = await sandbox.http.get(path, params={"token": "wrong"})

    assert opened.status_code == 303
    assert (declined.status_code, "declined" in declined.json()["error"]) == (402, True)
    assert stranger.status_code == 403
