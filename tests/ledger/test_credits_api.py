"""Credits over REST, with the sandbox's Paddle behind it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from identity.models import Membership
from ledger.models import Checkout
from tests.identity.browser import Browser
from tests.ledger.books import began, completed, new_workspace, notify
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "click-one"
STARTER, TEAM = (pack["price_id"] for pack in settings.CREDIT_PACKS[:2])


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def buy(page: Browser, *, key: str = KEY, price_id: str = STARTER) -> tuple[int, dict[str, str]]:
    return page.post("/api/credits/checkouts", {"price_id": price_id}, **{"Idempotency-Key": key})


def window_told(page: Browser) -> tuple[list[str], int]:
    """Which classes of data the list of disclosures says that Paddle's window got, and how often."""
    told = page.get("/api/privacy/disclosures")[1]["items"]
    [row] = [each for each in told if (each["processor"], each["endpoint"]) == ("paddle", "checkout.open")]
    return [each["key"] for each in row["data_classes"]], row["count"]


def test_a_new_workspace_has_nothing_and_sees_the_price(page: Browser) -> None:
    status, credits = page.get("/api/credits")
    assert status == 200
    assert (credits["available_mcredits"], credits["held_mcredits"], credits["minutes_left"]) == (0, 0, 0)
    assert credits["rate"] == {
        "version": 1,
        "mcredits_per_minute": 1_000,
        "increment_s": 60,
        "minimum_s": 60,
        "ai_query_mcredits": 200,
        "currency_hint": "USD",
    }


def test_packs_are_those_that_are_configured(page: Browser) -> None:
    status, packs = page.get("/api/credits/packs")
    assert status == 200
    assert packs[0] == {
        "price_id": STARTER,
        "name": "Starter",
        "mcredits": 100_000,
        "amount_minor": 1_000,
        "currency": "USD",
    }


@pytest.mark.policy("C2.3")
def test_buying_gets_a_transaction_from_paddle_and_the_balance_rises_when_paddle_says_so(
    page: Browser, owner: Membership, sandbox: Sandbox
) -> None:
    status, started = buy(page)
    assert status == 201
    assert started["transaction_id"].startswith("txn_") and started["client_token"]
    state = page.get(f"/api/credits/checkouts/{started['checkout_id']}")[1]
    assert (state["state"], state["mcredits"]) == ("open", 100_000)
    notify(completed(Checkout.objects.get_queryset().get(id=started["checkout_id"])))
    assert page.get(f"/api/credits/checkouts/{started['checkout_id']}")[1]["state"] == "granted"
    credits = page.get("/api/credits")[1]
    assert (credits["available_mcredits"], credits["minutes_left"], credits["sequence"]) == (100_000, 100, 1)


@pytest.mark.policy("C4.2-3")
def test_paddle_is_told_nothing_about_the_buyer_but_the_address_that_its_window_gets(
    page: Browser, sandbox: Sandbox
) -> None:
    """Red when only requests of our own are counted, or when a window that cannot be paid in any more still is."""
    buy(page)
    services = {name: set(service["fields"]) for name, service in sandbox.received()["services"].items()}
    [transaction] = [name for name in services if name.startswith("paddle")]
    assert services[transaction] == {"items[].price_id", "items[].quantity", "custom_data.checkout_id"}
    assert transaction in sandbox.told(STARTER)
    assert [private for private in ("ada@example.com", "Okafor") if transaction in sandbox.told(private)] == []
    assert window_told(page) == (["email", "payment_reference"], 1)
    buy(page)
    Checkout.objects.get_queryset().update(state="failed")
    buy(page)
    assert window_told(page)[1] == 2


def test_a_second_click_leads_to_the_same_transaction(page: Browser, sandbox: Sandbox) -> None:
    """Red when a purchase is looked up by its key alone."""
    first = buy(page)[1]
    assert buy(page)[1] == first
    assert buy(page, key="click-after-a-reload")[1] == first
    assert Checkout.objects.get_queryset().count() == 1


def test_two_clicks_at_once_lead_to_the_same_transaction(page: Browser) -> None:
    """Red without the lock per buyer."""

    start = Barrier(4)

    def click(key: str) -> str:
        try:
            start.wait(timeout=10)
            return buy(page, key=key)[1]["transaction_id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(click, [f"click-number-{n}" for n in range(4)]))
    assert len(found) == 1
    assert Checkout.objects.get_queryset().count() == 1


def test_another_pack_under_the_same_key_is_refused(page: Browser) -> None:
    buy(page)
    status, answer = buy(page, price_id=TEAM)
    assert (status, answer["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(("price_id", "code"), [("pri_unheard_of", "pack_unknown"), ("", "invalid_fields")])
def test_what_is_not_on_sale_cannot_be_bought(page: Browser, price_id: str, code: str) -> None:
    status, answer = buy(page, price_id=price_id)
    assert (status, answer["code"]) == (422, code)


@pytest.mark.parametrize(
    ("name", "value"), [("PADDLE_API_URL", "http://localhost:9"), ("PADDLE_API_KEY", "not the key")]
)
def test_paddle_being_down_is_said_and_nothing_is_bought(page: Browser, name: str, value: str) -> None:
    with override_settings(**{name: value}):
        status, answer = buy(page)
    assert (status, answer["code"]) == (502, "paddle_unavailable")
    assert not Checkout.objects.get_queryset().exists()
    assert buy(page)[0] == 201


def test_a_rep_reads_but_does_not_buy(
    owner: Membership, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    rep = make_account(workspace_id=owner.workspace_id, role="rep", email="rep@example.com", mobile="+1 202 555 0111")
    page = sign_in(rep)
    assert page.get("/api/credits")[0] == 200
    status, answer = buy(page)
    assert (status, answer["code"]) == (403, "not_permitted")


def test_a_checkout_of_another_workspace_is_not_there(page: Browser) -> None:
    checkout = began(new_workspace())
    assert page.get(f"/api/credits/checkouts/{checkout.id}")[0] == 404


def test_nobody_reads_without_signing_in() -> None:
    stranger = Browser()
    for path in ("/api/credits", "/api/credits/packs", "/api/credits/statement", "/api/credits/statement.csv"):
        assert stranger.get(path)[0] == 401
