"""Purchases, invoices and the balance over time, as the credits page asks for them."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from django.conf import settings
from django.test import override_settings
from uuid_utils.compat import uuid7

from identity.auth import Actor
from identity.models import Membership
from ledger import operations
from ledger.burn_down import burn_down
from ledger.models import Checkout, PaddleEvent
from ledger.purchase_schemas import BurnDownOut
from tests.identity.browser import Browser
from tests.ledger.books import adjusted, amounts, began, completed, event, new_workspace, notify
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 31, 20, 30, tzinfo=UTC)
VILNIUS = ZoneInfo("Europe/Vilnius")


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def leader(workspace_id: Any) -> Actor:
    return Actor(user_id=uuid7(), workspace_id=workspace_id, role="owner")


def spend(workspace_id: Any, mcredits: int, at: datetime) -> None:
    operations.debit(
        workspace_id=workspace_id,
        key=str(uuid7()),
        amount_mcredits=mcredits,
        kind="ai_query",
        reference=f"ai_query:{uuid7()}",
        now=at,
    )


def buy(workspace_id: Any, mcredits: int, at: datetime) -> Checkout:
    """A purchase that was granted at a moment of its own, as the sweep grants what came while nobody was there."""
    checkout = began(workspace_id, mcredits=mcredits)
    PaddleEvent.objects.create(
        event_id=f"evt_{uuid7().hex}",
        event_type="transaction.completed",
        occurred_at=at,
        received_at=at,
        transaction_id=checkout.transaction_id,
        payload={"status": "completed", "items": [{"price_id": "pri_tests", "quantity": 1}], "total_minor": 1_000},
    )
    assert operations.apply_pending_paddle_events(now=at) == 1
    return checkout


def drawn(workspace_id: Any, *, days: int = 30, zone: ZoneInfo = VILNIUS, now: datetime = NOW) -> BurnDownOut:
    return burn_down(actor=leader(workspace_id), days=days, zone=zone, now=now)


def test_each_day_ends_with_the_balance_that_its_postings_leave() -> None:
    """Red when a day's change is added instead of taken off on the way back, or when what is set aside counts as spent."""
    workspace_id = new_workspace()
    buy(workspace_id, 100_000, NOW - timedelta(days=20))
    for ago, amount in ((19, 1_000), (19, 500), (3, 7_000), (0, 250)):
        spend(workspace_id, amount, NOW - timedelta(days=ago))
    operations.place_hold(workspace_id=workspace_id, amount_mcredits=9_000, reference="call:1", expires_at=NOW, now=NOW)
    found = drawn(workspace_id)
    by_day = {day.day: day for day in found.days}
    today = date(2026, 3, 31)
    assert (len(found.days), found.days[-1].day, found.days[0].day) == (30, today, date(2026, 3, 2))
    expected = {21: 0, 20: 100_000, 19: 98_500, 4: 98_500, 3: 91_500, 1: 91_500, 0: 91_250}
    assert {ago: by_day[today - timedelta(days=ago)].balance_mcredits for ago in expected} == expected
    assert by_day[today - timedelta(days=20)].bought_mcredits == 100_000
    assert by_day[today - timedelta(days=19)].spent_mcredits == 1_500
    assert (found.spent_a_day_mcredits, found.days_left) == (417, 218)
    assert amounts(workspace_id)[0] == 82_250


def test_a_day_begins_at_the_readers_midnight() -> None:
    """Red when days are cut in UTC: 22:30 UTC is the next day in Vilnius, even across the change of the clocks."""
    workspace_id = new_workspace()
    at = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)
    buy(workspace_id, 10_000, at)
    there = {day.day: day.bought_mcredits for day in drawn(workspace_id).days if day.bought_mcredits}
    utc = {
        day.day: day.bought_mcredits for day in drawn(workspace_id, zone=ZoneInfo("UTC")).days if day.bought_mcredits
    }
    assert (there, utc) == ({date(2026, 3, 28): 10_000}, {date(2026, 3, 27): 10_000})


def test_what_came_before_the_first_day_is_in_its_balance_and_in_no_days_change() -> None:
    workspace_id = new_workspace()
    buy(workspace_id, 50_000, NOW - timedelta(days=40))
    spend(workspace_id, 20_000, NOW - timedelta(days=35))
    found = drawn(workspace_id, days=7)
    assert {day.balance_mcredits for day in found.days} == {30_000}
    assert (found.spent_a_day_mcredits, found.days_left) == (0, None)


def test_debt_pulls_the_line_below_nothing() -> None:
    workspace_id = new_workspace()
    checkout = buy(workspace_id, 10_000, NOW)
    spend(workspace_id, 4_000, NOW)
    notify(adjusted(checkout, "chargeback"))
    now = datetime.now(UTC)
    found = drawn(workspace_id, days=7, now=now)
    assert (found.days[-1].balance_mcredits, found.days_left) == (-4_000, None)


def test_a_workspace_without_entries_has_a_flat_line(page: Browser) -> None:
    status, found = page.get("/api/credits/burn-down?days=7&time_zone=Europe/Vilnius")
    assert (status, len(found["days"]), found["days_left"]) == (200, 7, None)
    assert {day["balance_mcredits"] for day in found["days"]} == {0}


@pytest.mark.parametrize(
    "query", ["days=0", "days=91", "time_zone=Europe/Atlantis", "time_zone=../etc/passwd", "time_zone="]
)
def test_a_stretch_or_a_zone_that_there_is_not_is_refused(page: Browser, query: str) -> None:
    status, answer = page.get(f"/api/credits/burn-down?{query}")
    assert (status, answer["code"]) == (422, "invalid_fields")


def test_purchases_say_what_was_taken_back_and_what_that_did(page: Browser, owner: Membership) -> None:
    checkout = began(owner.workspace_id, mcredits=10_000)
    checkout.user_id = owner.user_id
    checkout.save()
    notify(completed(checkout))
    spend(owner.workspace_id, 4_000, NOW)
    notify(adjusted(checkout, "refund", total=500))
    notify(adjusted(checkout, "chargeback", total=500))
    began(owner.workspace_id)
    failed = began(owner.workspace_id)
    notify(event("transaction.canceled", {"id": failed.transaction_id, "status": "canceled"}))
    items = page.get("/api/credits/purchases")[1]["items"]
    assert [(item["state"], item["mcredits"]) for item in items] == [("failed", 100_000), ("granted", 10_000)]
    bought = items[1]
    assert bought["by"].startswith("Ada") and bought["taken_back_mcredits"] == 10_000
    assert [(one["kind"], one["available_mcredits"], one["debt_mcredits"]) for one in bought["changes"]] == [
        ("refund", -5_000, 0),
        ("chargeback", -1_000, 4_000),
    ]


def test_a_payment_that_a_person_has_to_look_at_is_shown_as_such_to_who_paid(page: Browser, owner: Membership) -> None:
    """Red when only what was paid by the product's own count is listed: the buyer would see nothing of the money."""
    checkout = began(owner.workspace_id)
    notification = completed(checkout, price_id="pri_made_at_paddle")
    notify(notification)
    held = page.get("/api/credits/purchases")[1]["items"]
    assert [(item["transaction_id"], item["held"], item["granted_at"]) for item in held] == [
        (checkout.transaction_id, True, None)
    ]
    operations.grant_event(event_id=notification["event_id"], mcredits=5_000, reason="ticket-1", now=datetime.now(UTC))
    granted = page.get("/api/credits/purchases")[1]["items"]
    assert [(item["held"], item["mcredits"], item["state"]) for item in granted] == [(False, 5_000, "granted")]


def test_purchases_are_paged_and_a_made_up_place_is_refused(page: Browser, owner: Membership) -> None:
    for _ in range(25):
        notify(completed(began(owner.workspace_id)))
    first = page.get("/api/credits/purchases")[1]
    second = page.get(f"/api/credits/purchases?cursor={first['next_cursor']}")[1]
    seen = [item["checkout_id"] for item in (*first["items"], *second["items"])]
    assert (len(first["items"]), len(seen), len(set(seen)), second["next_cursor"]) == (20, 25, 25, None)
    foreign = began(new_workspace())
    for cursor in ("x", str(uuid7()), str(foreign.id)):
        status, answer = page.get(f"/api/credits/purchases?cursor={cursor}")
        assert (status, answer["code"]) == (400, "cursor_invalid")


def test_a_click_that_led_to_an_earlier_purchase_never_sells_again_once_that_is_paid(page: Browser) -> None:
    price_id = settings.CREDIT_PACKS[0]["price_id"]

    def click(key: str) -> dict[str, Any]:
        answer: dict[str, Any] = page.post(
            "/api/credits/checkouts", {"price_id": price_id}, **{"Idempotency-Key": key}
        )[1]
        return answer

    first, second = click("click-number-one"), click("click-number-two")
    assert second == first
    notify(completed(Checkout.objects.get_queryset().get(id=first["checkout_id"])))
    assert [click("click-number-one"), click("click-number-two")] == [first, first]
    assert page.get(f"/api/credits/checkouts/{first['checkout_id']}")[1]["state"] == "granted"
    assert click("click-number-three")["checkout_id"] != first["checkout_id"]


def test_the_invoice_is_asked_of_paddle_and_is_a_pdf(page: Browser, sandbox: Sandbox) -> None:
    price_id = settings.CREDIT_PACKS[0]["price_id"]
    started = page.post("/api/credits/checkouts", {"price_id": price_id}, **{"Idempotency-Key": "click-one"})[1]
    path = f"/api/credits/purchases/{started['checkout_id']}/invoice"
    status, answer = page.get(path)
    assert (status, answer["code"]) == (409, "invoice_missing")
    notify(completed(Checkout.objects.get_queryset().get(id=started["checkout_id"])))
    status, answer = page.get(path)
    assert (status, answer["code"]) == (409, "invoice_missing")
    sandbox.ask("POST", f"/paddle/transactions/{started['transaction_id']}/pay")
    status, answer = page.get(path)
    assert status == 200
    response = httpx.get(answer["url"])
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-")
    with override_settings(PADDLE_API_URL="http://localhost:9"):
        status, answer = page.get(path)
        assert (status, answer["code"]) == (502, "paddle_unavailable")
    status, answer = page.get(f"/api/credits/purchases/{began(new_workspace()).id}/invoice")
    assert (status, answer["code"]) == (404, "purchase_unknown")


def test_a_rep_sees_neither_purchases_nor_what_the_team_spends(
    owner: Membership, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    rep = make_account(workspace_id=owner.workspace_id, role="rep", email="rep@example.com", mobile="+1 202 555 0111")
    browser, checkout = sign_in(rep), began(owner.workspace_id)
    for path in ("purchases", "burn-down", f"purchases/{checkout.id}/invoice"):
        status, answer = browser.get(f"/api/credits/{path}")
        assert (status, answer["code"]) == (403, "not_permitted"), answer


@pytest.fixture
def seller() -> Iterator[dict[str, str]]:
    """A server in Paddle's place that answers for an invoice's address with whatever stands in `url`."""
    told = {"url": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": told, "meta": {"request_id": "r"}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with override_settings(PADDLE_API_URL=f"http://127.0.0.1:{server.server_port}"):
        yield told
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://paddle-production-invoice-service-pdfs.s3.amazonaws.com/invoices/1.pdf?signed=x", 200),
        ("https://invoices.paddle.com/1.pdf", 200),
        ("https://evil.example/1.pdf", 502),
        ("https://evilpaddle.com/1.pdf", 502),
        ("https://invoices.paddle.com.evil.example/1.pdf", 502),
        ("https://invoices.paddle.com@evil.example/1.pdf", 502),
        ("https://invoices.paddle.com:8443/1.pdf", 502),
        ("http://invoices.paddle.com/1.pdf", 502),
        ("javascript:alert(1)", 502),
    ],
)
def test_an_invoice_leads_to_paddles_own_hosts_alone(
    page: Browser, owner: Membership, seller: dict[str, str], url: str, status: int
) -> None:
    checkout = began(owner.workspace_id)
    notify(completed(checkout))
    seller["url"] = url
    found, answer = page.get(f"/api/credits/purchases/{checkout.id}/invoice")
    assert found == status, answer
    assert answer.get("url") == (url if status == 200 else None)
