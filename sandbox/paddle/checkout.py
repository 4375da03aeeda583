"""The checkout that Paddle.js opens: a frame of Paddle's own, where the card is typed and never seen by the product."""

import html
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox import ids
from sandbox.paddle.api import Background, items_of
from sandbox.paddle.customers import customer_of
from sandbox.paddle.sales import SaleInvalid, Sales
from sandbox.paddle.subscriptions import Subscriptions
from sandbox.records import Transaction
from sandbox.store import Store
from sandbox.twilio.webhooks import LOOPBACK

STATIC = Path(__file__).parent / "static"
# Paddle's test card for a payment that is refused.
DECLINED_CARD = "4000000000000002"
FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; "
    "frame-ancestors http://localhost:* http://127.0.0.1:*"
)


class Checkout:
    """client_token: what Paddle.Initialize must be given; "" lets every token in."""

    def __init__(
        self, *, sales: Sales, subscriptions: Subscriptions, store: Store, client_token: str, background: Background
    ) -> None:
        self._sales = sales
        self._subscriptions = subscriptions
        self._store = store
        self._client_token = client_token
        self._background = background

    def register(self, app: web.Application) -> None:
        for path in ("/paddle/paddle.js", "/paddle/v2/paddle.js"):
            app.router.add_get(path, _static("paddle.js"))
        app.router.add_get("/paddle/checkout.js", _static("checkout.js"))
        app.router.add_get("/paddle/checkout.css", _static("checkout.css"))
        app.router.add_get("/paddle/checkout", self.open)
        app.router.add_get("/paddle/checkout/{id}", self.show)
        app.router.add_post("/paddle/checkout/{id}/pay", self.pay)

    async def open(self, request: web.Request) -> web.Response:
        """From items to a transaction, as Paddle.Checkout.open({items}) does."""
        try:
            wanted = {
                "items": json.loads(request.query.get("items", "")),
                "custom_data": json.loads(request.query.get("customData") or "null"),
            }
            self._store.received.note_json("paddle Checkout.open", wanted)
            transaction = self._sales.open(items_of(wanted, "priceId"), origin="web", custom_data=wanted["custom_data"])
        except (ValueError, SaleInvalid) as error:
            return _page(400, _problem(str(error)), request)
        kept = {name: request.query.get(name, "") for name in ("token", "parent", "email")}
        raise web.HTTPSeeOther(f"/paddle/checkout/{transaction.id}?{urlencode(kept)}")

    async def show(self, request: web.Request) -> web.Response:
        if self._client_token and request.query.get("token") != self._client_token:
            return _page(403, _problem("The client-side token is not valid."), request)
        try:
            transaction = self._sales.find(request.match_info["id"])
        except SaleInvalid as error:
            return _page(404, _problem(str(error)), request)
        return _page(200, self._form(transaction, request.query.get("email", "")), request, self._data(transaction))

    async def pay(self, request: web.Request) -> web.Response:
        """Take the card. A second click finds the transaction paid and changes nothing."""
        try:
            transaction = self._sales.find(request.match_info["id"])
            typed = await request.json()
        except (SaleInvalid, ValueError):
            return web.json_response({"error": "This checkout does not exist."}, status=404)
        self._store.received.note_json("paddle card form", typed)
        number = re.sub(r"\D", "", str(typed.get("number", "")))
        if not 13 <= len(number) <= 19:
            return web.json_response({"error": "Type the card's whole number."}, status=422)
        if number == DECLINED_CARD:
            return web.json_response({"error": "The card was declined. Use another card."}, status=402)
        name = str(typed.get("name", "")).strip()
        if not name:
            return web.json_response({"error": "Type the name on the card."}, status=422)
        if transaction.payment is None and transaction.customer_id is None:
            transaction.customer_id = customer_of(self._store, str(typed.get("email", ""))).id
        if self._sales.pay(transaction, cardholder_name=name, last4=number[-4:]):
            self._subscriptions.begin(transaction, card_number=number)
            self._background(self._sales.complete(transaction))
        told = self._data(transaction)
        told["customer"]["email"] = str(typed.get("email", ""))
        return web.json_response(told)

    def _data(self, transaction: Transaction) -> dict[str, Any]:
        """`data` of Paddle.js' events, amounts in whole units of the currency as there."""
        total = self._sales.total_minor(transaction) / 100
        return {
            "id": f"che_{transaction.id.removeprefix('txn_')}",
            "transaction_id": transaction.id,
            "status": "completed" if transaction.payment else "ready",
            "currency_code": transaction.currency,
            "custom_data": transaction.custom_data,
            "customer": {"id": transaction.customer_id or ids.paddle_id("ctm"), "email": "", "address": None},
            "items": [
                {
                    "price_id": price_id,
                    "price_name": self._sales.prices[price_id].name,
                    "quantity": quantity,
                    "totals": {"total": self._sales.prices[price_id].amount_minor * quantity / 100},
                }
                for price_id, quantity in transaction.items
            ],
            "totals": {"subtotal": total, "tax": 0, "total": total, "credit": 0, "balance": total, "discount": 0},
            "payment": {"method_details": {"type": "card", "card": None}},
            "settings": {"display_mode": "overlay", "theme": "light", "locale": "en"},
        }

    def _form(self, transaction: Transaction, email: str) -> str:
        lines = "".join(
            f"<li><span>{html.escape(self._sales.prices[price_id].name)} &times; {quantity}</span>"
            f"<span>{_money(self._sales.prices[price_id].amount_minor * quantity, transaction.currency)}</span></li>"
            for price_id, quantity in transaction.items
        )
        total = _money(self._sales.total_minor(transaction), transaction.currency)
        paid = transaction.payment is not None
        form = f"""
<form id="card" novalidate>
  <label>E-mail<input name="email" type="email" autocomplete="email" value="{html.escape(email, quote=True)}"></label>
  <label>Name on card<input name="name" autocomplete="cc-name" value="Jordan Sample"></label>
  <label>Card number<input name="number" inputmode="numeric" autocomplete="cc-number"
    value="4242 4242 4242 4242"></label>
  <div class="pair">
    <label>Expiry<input name="expiry" inputmode="numeric" autocomplete="cc-exp" value="08 / 31"></label>
    <label>Security code<input name="cvc" inputmode="numeric" autocomplete="cc-csc" value="123"></label>
  </div>
  <p id="problem" role="alert"></p>
  <button type="submit">{f"Pay {total}" if self._sales.total_minor(transaction) else "Save payment method"}</button>
</form>"""
        return f"""
<header><strong>Checkout</strong><button id="close" type="button" aria-label="Close checkout">&times;</button></header>
<ul>{lines}<li class="total"><span>Total</span><span>{total}</span></li></ul>
{"" if paid else form}
<p id="paid" role="status"{"" if paid else " hidden"}>{"Payment received. Thank you." if self._sales.total_minor(transaction) else "Payment method saved."}</p>
<footer>Test mode of the sandbox: no card is charged. 4000 0000 0000 0002 is declined,
4000 0027 6000 3184 from the second charge on.</footer>"""


def _problem(message: str) -> str:
    return f"""
<header><strong>Checkout</strong><button id="close" type="button" aria-label="Close checkout">&times;</button></header>
<p id="problem" role="alert">{html.escape(message)}</p>"""


def _page(status: int, body: str, request: web.Request, data: dict[str, Any] | None = None) -> web.Response:
    parent = request.query.get("parent", "")
    if urlsplit(parent).hostname not in LOOPBACK:
        parent = ""
    attributes = f'data-parent="{html.escape(parent, quote=True)}"'
    if data is not None:
        attributes += f' data-checkout="{html.escape(json.dumps(data), quote=True)}"'
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Checkout</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/paddle/checkout.css"><script src="/paddle/checkout.js" defer></script></head>
<body {attributes}><main>{body}</main></body></html>"""
    headers = {"Content-Security-Policy": FRAME_POLICY, "Referrer-Policy": "no-referrer"}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _money(amount_minor: int, currency: str) -> str:
    return f"{currency} {amount_minor / 100:,.2f}"


def _static(name: str) -> Callable[[web.Request], Coroutine[Any, Any, web.FileResponse]]:
    async def serve(request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    return serve
