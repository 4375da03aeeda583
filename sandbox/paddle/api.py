"""Paddle's API, as far as selling packs needs it: prices, products, transactions, subscriptions, adjustments."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.faults import Faults
from sandbox.paddle import customers
from sandbox.paddle.bodies import PRODUCT_ID, price_body, product_body
from sandbox.paddle.invoices import Invoices
from sandbox.paddle.sales import SaleInvalid, Sales
from sandbox.paddle.subscriptions import Subscriptions
from sandbox.store import Store

PER_PAGE_MAX = 200
_STATUSES = {"entity_not_found": 404, "customer_already_exists": 409}
Background = Callable[[Coroutine[Any, Any, None]], None]
Answer = tuple[int, Any]
Handler = Callable[[web.Request, Any], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Page:
    """Of a list, all from the place that was asked for, and how many of them are one answer."""

    rest: list[dict[str, Any]]
    per_page: int


class PaddleApi:
    """api_key: the bearer token that must be shown; "" lets nobody in."""

    def __init__(
        self,
        *,
        sales: Sales,
        subscriptions: Subscriptions,
        store: Store,
        faults: Faults,
        api_key: str,
        background: Background,
    ) -> None:
        self._sales = sales
        self._subscriptions = subscriptions
        self._faults = faults
        self._background = background
        self._invoices = Invoices(sales)
        self._store = store
        self._api_key = api_key

    def register(self, app: web.Application) -> None:
        """Under /paddle, and without a prefix too: Paddle's SDK joins only a host to its paths."""
        app.router.add_get("/paddle/invoices/{token}.pdf", self._invoices.show)
        for prefix in ("", "/paddle"):
            self._route(app, "GET", f"{prefix}/prices", self.prices)
            self._route(app, "GET", f"{prefix}/prices/{{id}}", self.price)
            self._route(app, "GET", f"{prefix}/products", self.products)
            self._route(app, "POST", f"{prefix}/transactions", self.create)
            self._route(app, "GET", f"{prefix}/transactions", self.listing)
            self._route(app, "GET", f"{prefix}/transactions/{{id}}", self.fetch)
            self._route(app, "GET", f"{prefix}/transactions/{{id}}/invoice", self.invoice)
            self._route(app, "GET", f"{prefix}/customers/{{id}}", self.customer)
            self._route(app, "PATCH", f"{prefix}/customers/{{id}}", self.change_customer)
            self._route(app, "GET", f"{prefix}/subscriptions/{{id}}", self.subscription)
            self._route(app, "POST", f"{prefix}/subscriptions/{{id}}/charge", self.charge)
            self._route(app, "POST", f"{prefix}/subscriptions/{{id}}/cancel", self.cancel)
            self._route(app, "POST", f"{prefix}/adjustments", self.adjust)
            self._route(app, "GET", f"{prefix}/adjustments", self.adjustments)
            self._route(app, "GET", f"{prefix}/events", self.events)

    def _route(self, app: web.Application, method: str, path: str, handler: Handler) -> None:
        async def endpoint(request: web.Request) -> web.Response:
            sent = request.headers.get("Authorization", "")
            if not self._api_key or not secrets.compare_digest(sent.encode(), f"Bearer {self._api_key}".encode()):
                return _error(403, "authentication_malformed", "Authentication header missing or not valid.")
            try:
                body = await request.json() if request.can_read_body else {}
            except ValueError:
                return _error(400, "bad_request", "The body is not JSON.")
            self._store.received.note_json(
                f"paddle {request.method} {path.removeprefix('/paddle')}", body, path=request.path_qs
            )
            told = {"path": request.path, "method": request.method}
            if self._faults.strike("paddle.rest", told, "drop"):
                return _hang_up(request)
            if late := self._faults.strike("paddle.rest", told, "delay"):
                await asyncio.sleep(late.value / 1_000)
            if broken := self._faults.strike("paddle.rest", told, "error"):
                return _error(broken.value or 500, "internal_error", "An error on demand.")
            try:
                status, data = await handler(request, body)
            except SaleInvalid as error:
                return _error(_STATUSES.get(error.code, 400), error.code, str(error))
            if lost := self._faults.strike("paddle.rest", told, "timeout_after_accept"):
                await asyncio.sleep(lost.value / 1_000)
                return _hang_up(request)
            return _data(status, data)

        app.router.add_route(method, path, endpoint)

    async def prices(self, request: web.Request, body: Any) -> Answer:
        wanted = [name for name in request.query.get("id", "").split(",") if name]
        prices = self._sales.prices.values()
        return 200, [price_body(price) for price in prices if not wanted or price.price_id in wanted]

    async def price(self, request: web.Request, body: Any) -> Answer:
        price = self._sales.prices.get(request.match_info["id"])
        if price is None:
            raise SaleInvalid("entity_not_found", f"Entity {request.match_info['id']} not found")
        return 200, price_body(price)

    async def products(self, request: web.Request, body: Any) -> Answer:
        return 200, [product_body()] if request.query.get("id", PRODUCT_ID) == PRODUCT_ID else []

    async def create(self, request: web.Request, body: Any) -> Answer:
        transaction = self._sales.open(
            items_of(body, "price_id"),
            origin="api",
            custom_data=body.get("custom_data"),
            customer_id=body.get("customer_id"),
        )
        return 201, self._sales.body(transaction)

    async def listing(self, request: web.Request, body: Any) -> Answer:
        wanted = [name for name in request.query.get("id", "").split(",") if name]
        origins = [name for name in request.query.get("origin", "").split(",") if name]
        of = [name for name in request.query.get("subscription_id", "").split(",") if name]
        found = [
            entry
            for entry in reversed(self._store.transactions.values())
            if (not wanted or entry.id in wanted)
            and (not origins or entry.origin in origins)
            and (not of or entry.subscription_id in of)
        ]
        return 200, [self._sales.body(entry) for entry in found[:200]]

    async def customer(self, request: web.Request, body: Any) -> Answer:
        return 200, customers.customer_body(customers.find(self._store, request.match_info["id"]))

    async def change_customer(self, request: web.Request, body: Any) -> Answer:
        found = customers.find(self._store, request.match_info["id"])
        customers.change(self._store, found, body)
        return 200, customers.customer_body(found)

    async def fetch(self, request: web.Request, body: Any) -> Answer:
        return 200, self._sales.body(self._sales.find(request.match_info["id"]))

    async def invoice(self, request: web.Request, body: Any) -> Answer:
        """A link to a PDF, good for an hour, as Paddle gives one for a completed transaction."""
        transaction = self._sales.find(request.match_info["id"])
        if transaction.status != "completed":
            raise SaleInvalid("transaction_invoice_not_available", "The transaction is not completed.")
        return 200, {"url": self._invoices.link(transaction, host=request.host)}

    async def subscription(self, request: web.Request, body: Any) -> Answer:
        return 200, self._subscriptions.body(self._subscriptions.find(request.match_info["id"]))

    async def charge(self, request: web.Request, body: Any) -> Answer:
        """Answers with the subscription, as Paddle does; the charge is found among the transactions."""
        subscription = self._subscriptions.find(request.match_info["id"])
        transaction = self._subscriptions.charge(subscription, body)
        self._background(self._sales.complete(transaction))
        return 200, self._subscriptions.body(subscription)

    async def cancel(self, request: web.Request, body: Any) -> Answer:
        subscription = self._subscriptions.find(request.match_info["id"])
        if body != {"effective_from": "immediately"}:
            raise SaleInvalid("bad_request", "The sandbox cancels only effective_from immediately.")
        self._subscriptions.cancel(subscription)
        return 200, self._subscriptions.body(subscription)

    async def adjust(self, request: web.Request, body: Any) -> Answer:
        """A refund that is asked for starts pending, as most do at Paddle; the control API decides it."""
        if not isinstance(body, dict):
            raise SaleInvalid("bad_request", "The body must be an object.")
        transaction = self._sales.find(str(body.get("transaction_id")))
        reason = str(body.get("reason", ""))
        adjustment = self._sales.adjust(transaction, str(body.get("action")), reason, status="pending_approval")
        return 201, self._sales.adjustment_body(adjustment)

    async def adjustments(self, request: web.Request, body: Any) -> Answer:
        wanted = request.query.get("transaction_id", "")
        found = self._store.adjustments.values()
        return 200, [self._sales.adjustment_body(entry) for entry in found if wanted in ("", entry.transaction_id)]

    async def events(self, request: web.Request, body: Any) -> Answer:
        """A page of what happened, oldest first, from a time on, of some types or all."""
        query = request.query
        try:
            since = datetime.fromisoformat(query.get("from", "1970-01-01T00:00:00Z"))
            per_page = min(int(query.get("per_page", 50)), PER_PAGE_MAX)
        except ValueError:
            raise SaleInvalid("bad_request", "from must be a time of RFC 3339, and per_page a whole number.") from None
        types = [name for name in query.get("event_type", "").split(",") if name]
        found = [
            event
            for event in self._store.events
            if datetime.fromisoformat(event["occurred_at"]) >= since and (not types or event["event_type"] in types)
        ]
        ids = [event["event_id"] for event in found]
        if "after" in query and query["after"] not in ids:
            raise SaleInvalid("bad_request", "after is none of these events.")
        begun = ids.index(query["after"]) + 1 if "after" in query else 0
        return 200, Page(found[begun:], per_page=per_page)


def items_of(body: Any, price_name: str) -> list[tuple[str, int]]:
    """:raises SaleInvalid: when the body has no list of items with a price and a whole quantity."""
    entries = body.get("items") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise SaleInvalid("bad_request", "items must be a list.")
    items = []
    for entry in entries:
        price_id = entry.get(price_name) if isinstance(entry, dict) else None
        quantity = entry.get("quantity", 1) if isinstance(entry, dict) else None
        if not isinstance(price_id, str) or not isinstance(quantity, int):
            raise SaleInvalid("bad_request", f"Each item needs {price_name} and a whole quantity.")
        items.append((price_id, quantity))
    return items


def _hang_up(request: web.Request) -> web.Response:
    """Breaks the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _data(status: int, data: Any) -> web.Response:
    meta: dict[str, Any] = {"request_id": secrets.token_hex(8)}
    if isinstance(data, Page):
        more = len(data.rest) > data.per_page
        meta["pagination"] = {"per_page": data.per_page, "has_more": more, "estimated_total": len(data.rest)}
        data = data.rest[: data.per_page]
    elif isinstance(data, list):
        meta["pagination"] = {"per_page": 200, "next": "", "has_more": False, "estimated_total": len(data)}
    return web.json_response({"data": data, "meta": meta}, status=status)


def _error(status: int, code: str, detail: str) -> web.Response:
    error = {
        "type": "request_error",
        "code": code,
        "detail": detail,
        "documentation_url": f"https://developer.paddle.com/v1/errors/{code}",
    }
    return web.json_response({"error": error, "meta": {"request_id": secrets.token_hex(8)}}, status=status)
