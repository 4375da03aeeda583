"""The control API under /sandbox/api/: what a test or the page sees and does. None of it exists at the real services."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.encoding import to_json
from sandbox.faults import FaultInvalid
from sandbox.paddle.customers import customer_body, customer_of
from sandbox.paddle.sales import SaleInvalid, Sales
from sandbox.paddle.subscriptions import Subscriptions
from sandbox.phones import PhoneInvalid, changed
from sandbox.services import Services
from sandbox.social.people import PersonInvalid
from sandbox.twilio import account_api, clients
from sandbox.twilio.account_api import AccountInvalid
from sandbox.twilio.clients import TokenRefused
from sandbox.twilio.leg import Leg
from sandbox.twilio.messages import TextInvalid, send_text
from sandbox.twilio.verify_api import STATUSES

Handler = Callable[[web.Request], Awaitable[Any]]
E164_PATH = r"/{e164:\+?\d+}"


class Control:
    """Each handler returns what is sent as JSON."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._exchange = services.exchange

    def register(self, app: web.Application) -> None:
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self.health),
            ("GET", "/account", self.account),
            ("POST", "/account", self.change_account),
            ("GET", "/dialogues", self.dialogues),
            ("GET", "/phones", self.phones),
            ("GET", f"/phones{E164_PATH}", self.phone),
            ("POST", f"/phones{E164_PATH}", self.change_phone),
            ("POST", f"/phones{E164_PATH}/texts", self.send_text),
            ("GET", "/calls", self.calls),
            ("GET", "/calls/{sid}", self.call),
            ("POST", "/clients/calls", self.call_from_browser),
            ("POST", "/calls/{sid}/answer", self.answer),
            ("POST", "/calls/{sid}/decline", self.decline),
            ("POST", "/calls/{sid}/hangup", self.hang_up),
            ("POST", "/calls/{sid}/press", self.press),
            ("GET", "/social/people", self.people),
            ("POST", "/social/people", self.change_person),
            ("GET", "/messages", self.messages),
            ("GET", "/mails", self.mails),
            ("GET", "/received", self.received),
            ("POST", "/received/scan", self.scan_received),
            ("GET", "/deliveries", self.deliveries),
            ("GET", "/alerts", self.alerts),
            ("GET", "/defects", self.defects),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("POST", "/verify/age", self.age_codes),
            ("POST", "/verify/tell", self.tell_status),
            ("GET", "/paddle/events", self.paddle_events),
            ("GET", "/paddle/transactions", self.transactions),
            ("GET", "/paddle/customers", self.customers),
            ("POST", "/paddle/transactions/{id}/pay", self.pay),
            ("POST", "/paddle/transactions/{id}/refund", self.refund),
            ("POST", "/paddle/transactions/{id}/chargeback", self.charge_back),
            ("POST", "/paddle/transactions/{id}/chargeback_reverse", self.charge_back_reverse),
            ("POST", "/paddle/adjustments/{id}/approve", self.approve),
            ("POST", "/paddle/adjustments/{id}/reject", self.reject),
            ("GET", "/paddle/subscriptions", self.subscriptions),
            ("POST", "/paddle/subscriptions/{id}/cancel", self.cancel_subscription),
            ("POST", "/paddle/subscriptions/{id}/past_due", self.fall_behind),
            ("POST", "/paddle/subscriptions/{id}/card", self.change_card),
            ("POST", "/reset", self.reset),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, f"/sandbox/api{path}", _endpoint(handler))

    async def health(self, request: web.Request) -> Any:
        return {"status": "ok", "live_calls": len(self._exchange.legs)}

    async def account(self, request: web.Request) -> Any:
        return to_json(self._store.account)

    async def change_account(self, request: web.Request) -> Any:
        """{"status": "suspended"}: what its owner would see in the console from now on."""
        self._store.account = account_api.changed(self._store.account, await _body(request))
        return to_json(self._store.account)

    async def dialogues(self, request: web.Request) -> Any:
        return [
            {
                "id": entry.id,
                "title": entry.title,
                "callee_name": entry.callee_name,
                "duration_s": entry.duration_s,
                "turns": list(entry.turns),
            }
            for entry in self._services.speech.dialogues
        ]

    async def phones(self, request: web.Request) -> Any:
        return to_json(list(self._store.phones.values()))

    async def phone(self, request: web.Request) -> Any:
        return to_json(self._exchange.phone(_e164(request)))

    async def change_phone(self, request: web.Request) -> Any:
        """Applies to the next call, and to one that is ringing where it can."""
        phone = self._exchange.phone(_e164(request))
        wanted = changed(phone, await _body(request), dialogues=self._services.speech.ids)
        self._store.phones[phone.e164] = wanted
        return to_json(wanted)

    async def send_text(self, request: web.Request) -> Any:
        """{"body": "STOP"}: the person at this phone answers a text message."""
        body = str((await _body(request)).get("body", ""))
        return send_text(self._services.settings, self._services.webhooks, from_e164=_e164(request), body=body)

    async def calls(self, request: web.Request) -> Any:
        wanted = request.query.get("to", "")
        return [
            to_json(record) | {"duration_s": record.duration_s}
            for record in self._store.calls.values()
            if wanted in ("", record.to)
        ]

    async def call(self, request: web.Request) -> Any:
        record = self._store.calls.get(request.match_info["sid"])
        if record is None:
            raise web.HTTPNotFound(text="No such call")
        streams = [stream for stream in self._store.streams.values() if stream.call_sid == record.sid]
        transcriptions = [each for each in self._store.transcriptions.values() if each.call_sid == record.sid]
        return to_json(record) | {
            "duration_s": record.duration_s,
            "streams": to_json(streams),
            "transcriptions": to_json(transcriptions),
        }

    async def call_from_browser(self, request: web.Request) -> Any:
        """{"token": ..., "params": {...}}: what a browser told Twilio's signalling when it connected."""
        body = await _body(request)
        params = body.get("params", {})
        if not isinstance(params, dict):
            raise FaultInvalid("params must be an object.")
        told = {str(name): str(value) for name, value in params.items()}
        record = clients.begin_call(
            self._services.settings, self._exchange, token=str(body.get("token", "")), params=told
        )
        return to_json(record)

    async def answer(self, request: web.Request) -> Any:
        self._leg(request).picked_up.set()
        return {}

    async def decline(self, request: web.Request) -> Any:
        self._leg(request).declined.set()
        return {}

    async def hang_up(self, request: web.Request) -> Any:
        """The person at this phone hangs up; a phone that is ringing declines."""
        leg = self._leg(request)
        (leg.hung_up if leg.record.answered_at else leg.declined).set()
        return {}

    async def press(self, request: web.Request) -> Any:
        digits = str((await _body(request)).get("digits", "1"))
        if not digits or set(digits) - set("0123456789*#"):
            raise PhoneInvalid("digits must be keys of a telephone: 0-9, * and #.")
        leg = self._leg(request)
        for digit in digits:
            leg.pressed.put_nowait(digit)
        return {}

    async def people(self, request: web.Request) -> Any:
        return to_json(list(self._store.people.values()))

    async def change_person(self, request: web.Request) -> Any:
        """Somebody at Google or Facebook, new without an `id` that is known; also what the provider says wrongly."""
        return to_json(self._services.people.change(await _body(request)))

    async def messages(self, request: web.Request) -> Any:
        wanted = request.query.get("to", "").replace(" ", "+")
        return to_json([message for message in self._store.messages if wanted in ("", message.to)])

    async def mails(self, request: web.Request) -> Any:
        return to_json(self._store.mails_to(request.query.get("to", "")))

    async def received(self, request: web.Request) -> Any:
        return self._store.received.as_json()

    async def scan_received(self, request: web.Request) -> Any:
        """{"text": "..."}: which services were given a value with it."""
        return self._store.received.scan(str((await _body(request))["text"]))

    async def deliveries(self, request: web.Request) -> Any:
        wanted = request.query.get("subject", "")
        return to_json([entry for entry in self._store.deliveries if wanted in ("", entry.subject)])

    async def alerts(self, request: web.Request) -> Any:
        return to_json(list(self._store.alerts))

    async def defects(self, request: web.Request) -> Any:
        return to_json(list(self._store.defects))

    async def faults(self, request: web.Request) -> Any:
        return self._services.faults.listed()

    async def add_fault(self, request: web.Request) -> Any:
        return to_json(self._services.faults.add(await _body(request)))

    async def clear_faults(self, request: web.Request) -> Any:
        self._services.faults.clear()
        return {}

    async def age_codes(self, request: web.Request) -> Any:
        self._services.verify.age(float((await _body(request)).get("seconds", 600)))
        return {}

    async def tell_status(self, request: web.Request) -> Any:
        """{"status": "canceled"}: what each code that waits comes to at its next check."""
        status = str((await _body(request)).get("status", ""))
        if status not in STATUSES:
            raise FaultInvalid(f"No status {status!r}; use one of {', '.join(STATUSES)}.")
        self._services.verify.tell(status)
        return {}

    async def paddle_events(self, request: web.Request) -> Any:
        return list(self._store.events)

    async def transactions(self, request: web.Request) -> Any:
        return [self._sales.body(transaction) for transaction in self._store.transactions.values()]

    async def customers(self, request: web.Request) -> Any:
        return [customer_body(customer) for customer in self._store.customers.values()]

    async def pay(self, request: web.Request) -> Any:
        """What the Pay button of the checkout does. {"email": ...}: of the buyer."""
        transaction = self._sales.find(request.match_info["id"])
        if transaction.payment is None and transaction.customer_id is None:
            email = str((await _body(request)).get("email", ""))
            transaction.customer_id = customer_of(self._store, email).id
        if self._sales.pay(transaction, cardholder_name="Jordan Sample", last4="4242"):
            self._subscriptions.begin(transaction, card_number="4242424242424242")
            await self._sales.complete(transaction)
        return self._sales.body(transaction)

    async def refund(self, request: web.Request) -> Any:
        """{"status": "pending_approval"} leaves it to be approved or rejected; otherwise it is approved at once.
        {"amount_minor": ...} refunds a part."""
        body = await _body(request)
        transaction = self._sales.find(request.match_info["id"])
        status = str(body.get("status", "approved"))
        adjustment = self._sales.adjust(
            transaction,
            "refund",
            "requested_by_customer",
            status="pending_approval",
            amount_minor=_amount_minor(body),
        )
        if status == "approved":
            self._sales.decide(adjustment, "approved")
        return self._sales.adjustment_body(adjustment)

    async def charge_back(self, request: web.Request) -> Any:
        return await self._adjusted(request, "chargeback")

    async def charge_back_reverse(self, request: web.Request) -> Any:
        return await self._adjusted(request, "chargeback_reverse")

    async def _adjusted(self, request: web.Request, action: str) -> Any:
        transaction = self._sales.find(request.match_info["id"])
        amount_minor = _amount_minor(await _body(request))
        return self._sales.adjustment_body(self._sales.adjust(transaction, action, action, amount_minor=amount_minor))

    async def approve(self, request: web.Request) -> Any:
        return self._decided(request, "approved")

    async def reject(self, request: web.Request) -> Any:
        return self._decided(request, "rejected")

    def _decided(self, request: web.Request, status: str) -> Any:
        adjustment = self._store.adjustments.get(request.match_info["id"])
        if adjustment is None:
            raise web.HTTPNotFound(text="No such adjustment")
        self._sales.decide(adjustment, status)
        return self._sales.adjustment_body(adjustment)

    async def subscriptions(self, request: web.Request) -> Any:
        return [self._subscriptions.body(subscription) for subscription in self._store.subscriptions.values()]

    async def cancel_subscription(self, request: web.Request) -> Any:
        """What the link "remove payment method" in Paddle's mail does."""
        subscription = self._subscriptions.find(request.match_info["id"])
        self._subscriptions.cancel(subscription)
        return self._subscriptions.body(subscription)

    async def fall_behind(self, request: web.Request) -> Any:
        subscription = self._subscriptions.find(request.match_info["id"])
        self._subscriptions.fall_behind(subscription)
        return self._subscriptions.body(subscription)

    async def change_card(self, request: web.Request) -> Any:
        """{"declines": true}: a card whose charges are declined from now on."""
        body = await _body(request)
        subscription = self._subscriptions.find(request.match_info["id"])
        self._subscriptions.change_card(subscription, declines=bool(body.get("declines", False)))
        return self._subscriptions.body(subscription)

    async def reset(self, request: web.Request) -> Any:
        """Hang up everything, send nothing more of it, and forget it."""
        self._services.faults.clear()
        await self._exchange.hang_up_all()
        await self._services.webhooks.drop_pending()
        await self._services.notifications.drop_pending()
        self._store.forget()
        return {}

    @property
    def _sales(self) -> Sales:
        return self._services.sales

    @property
    def _subscriptions(self) -> Subscriptions:
        return self._services.subscriptions

    def _leg(self, request: web.Request) -> Leg:
        leg = self._exchange.legs.get(request.match_info["sid"])
        if leg is None:
            raise web.HTTPNotFound(text="No such live call")
        return leg


def _endpoint(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def endpoint(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except (AccountInvalid, FaultInvalid, PersonInvalid, PhoneInvalid, TextInvalid) as error:
            return web.json_response({"error": str(error)}, status=422)
        except TokenRefused as error:
            return web.json_response({"error": str(error), "code": error.code}, status=403)
        except SaleInvalid as error:
            return web.json_response({"error": str(error)}, status=404 if error.code == "entity_not_found" else 409)
        except web.HTTPNotFound as error:
            return web.json_response({"error": error.text}, status=404)

    return endpoint


def _amount_minor(body: dict[str, Any]) -> int | None:
    """:raises SaleInvalid:"""
    amount = body.get("amount_minor")
    if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool)):
        raise SaleInvalid("bad_request", "amount_minor must be a whole number.")
    return amount


async def _body(request: web.Request) -> dict[str, Any]:
    """:raises FaultInvalid: when a body is there that is no JSON object."""
    if not request.can_read_body:
        return {}
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise FaultInvalid("The body must be a JSON object.")
    return body


def _e164(request: web.Request) -> str:
    return "+" + request.match_info["e164"].lstrip("+")
