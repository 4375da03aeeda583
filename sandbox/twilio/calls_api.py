"""Twilio's Calls and Streams resources, version 2010-04-01."""

import asyncio
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox import clock
from sandbox.records import CallbackTarget, CallRecord, StreamRecord
from sandbox.twilio.callbacks import EVENTS
from sandbox.twilio.conduct import conduct, go_on_alone
from sandbox.twilio.errors import TwilioError, not_found
from sandbox.twilio.exchange import E164, Exchange
from sandbox.twilio.gateway import Gateway, RestAnswer, RestRequest
from sandbox.twilio.leg import Instructions, Leg
from sandbox.twilio.media import TRACKS

VERSION = "/2010-04-01"
CALLS = f"{VERSION}/Accounts/{{AccountSid}}/Calls"
MAX_TIME_LIMIT_S = 14_400
# Twilio answers the request that ends a call when the call has ended, which is nearly at once.
ENDED_WITHIN_S = 2.0


class CallsApi:
    """The resources as Twilio's SDK uses them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def register(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "POST", f"{CALLS}.json", self.create, self.check_create)
        gateway.route(app, "GET", f"{CALLS}.json", self.listing)
        gateway.route(app, "GET", f"{CALLS}/{{Sid}}.json", self.fetch)
        gateway.route(app, "POST", f"{CALLS}/{{Sid}}.json", self.update)
        gateway.route(app, "DELETE", f"{CALLS}/{{Sid}}.json", self.delete)
        gateway.route(app, "POST", f"{CALLS}/{{CallSid}}/Streams.json", self.create_stream)
        gateway.route(app, "POST", f"{CALLS}/{{CallSid}}/Streams/{{Sid}}.json", self.update_stream)

    def check_create(self, asked: RestRequest) -> None:
        """:raises TwilioError: with the number that Twilio gives to this mistake."""
        to, from_ = asked.field("To"), asked.field("From")
        if not to:
            raise TwilioError(21201, 400, "No 'To' number is specified")
        if not from_:
            raise TwilioError(21213, 400, "No 'From' number is specified")
        if not E164.fullmatch(to):
            raise TwilioError(21211, 400, f"The phone number you are attempting to call, {to}, is not valid.")
        if not E164.fullmatch(from_):
            raise TwilioError(21212, 400, f"The 'From' number {from_} is not a valid phone number.")
        account = self._exchange.store.account
        if self._exchange.caller_id not in ("", from_) or account.caller_id == "unknown":
            raise TwilioError(
                21210, 400, f"The source phone number provided, {from_}, is not yet verified for your account."
            )
        if account.type == "Trial":
            # It has verified no number, and a trial calls no others.
            raise TwilioError(
                21219, 400, f"The number {to} is unverified. Trial accounts may only make calls to verified numbers."
            )
        if not asked.field("Url") and not asked.field("Twiml"):
            raise TwilioError(21205, 400, "Url parameter is required.")
        for name, code in (("Url", 21205), ("StatusCallback", 21609)):
            if asked.field(name) and urlsplit(asked.field(name)).scheme not in ("http", "https"):
                raise TwilioError(code, 400, f"{name} is not a valid URL: {asked.field(name)}")

    async def create(self, asked: RestRequest) -> RestAnswer:
        events = asked.fields("StatusCallbackEvent") or ("completed",)
        leg = self._exchange.place(
            to=asked.field("To"),
            from_=asked.field("From"),
            account_sid=asked.ids["AccountSid"],
            instructions=_instructions(asked),
            target=CallbackTarget(
                url=asked.field("StatusCallback"),
                method=asked.field("StatusCallbackMethod") or "POST",
                events=tuple(event for event in EVENTS if event in events),
            ),
            ring_timeout_s=_whole(asked, "Timeout", 60),
            time_limit_s=min(MAX_TIME_LIMIT_S, _whole(asked, "TimeLimit", MAX_TIME_LIMIT_S)),
        )
        body = call_body(leg.record)
        self._exchange.start(conduct(self._exchange, leg))
        return RestAnswer(201, body)

    async def listing(self, asked: RestRequest) -> RestAnswer:
        size = min(1_000, int(asked.asked("PageSize") or 50))
        page = int(asked.asked("Page") or 0)
        found = [record for record in reversed(self._exchange.store.calls.values()) if _matches(record, asked)]
        first, last = page * size, (page + 1) * size
        base = asked.path

        def link(number: int) -> str:
            kept = [(name, value) for name, value in asked.query if name not in ("Page", "PageSize", "PageToken")]
            return f"{base}?{urlencode([*kept, ('PageSize', str(size)), ('Page', str(number))])}"

        shown = found[first:last]
        return RestAnswer(
            200,
            {
                "calls": [call_body(record) for record in shown],
                "page": page,
                "page_size": size,
                "start": first,
                "end": max(first, first + len(shown) - 1),
                "uri": link(page),
                "first_page_uri": link(0),
                "next_page_uri": link(page + 1) if last < len(found) else None,
                "previous_page_uri": link(page - 1) if page else None,
            },
        )

    async def fetch(self, asked: RestRequest) -> RestAnswer:
        return RestAnswer(200, call_body(self._record(asked, "Sid")))

    async def update(self, asked: RestRequest) -> RestAnswer:
        record = self._record(asked, "Sid")
        leg = self._exchange.legs.get(record.sid)
        if leg is None:
            raise TwilioError(21220, 400, "Call is not in-progress. Cannot redirect.")
        status = asked.field("Status")
        if status == "completed" or (status == "canceled" and record.answered_at is None):
            leg.hung_up.set()
            # The call may hang in an answer of the product for longer; then the status follows later, as there.
            await _within(leg.over, ENDED_WITHIN_S)
        if asked.field("TimeLimit"):
            leg.limit(min(MAX_TIME_LIMIT_S, _whole(asked, "TimeLimit", MAX_TIME_LIMIT_S)))
        if not status and (asked.field("Url") or asked.field("Twiml")):
            if record.status != "in-progress":
                raise TwilioError(21220, 400, "Call is not in-progress. Cannot redirect.")
            leaves = record.parent_sid is not None and not leg.left_dial.is_set()
            leg.redirect(_instructions(asked))
            if leaves:
                self._exchange.start(go_on_alone(self._exchange, leg))
        if asked.field("StatusCallback"):
            method = asked.field("StatusCallbackMethod") or "POST"
            record.callbacks = CallbackTarget(asked.field("StatusCallback"), method, record.callbacks.events)
        return RestAnswer(200, call_body(record))

    async def delete(self, asked: RestRequest) -> RestAnswer:
        record = self._record(asked, "Sid")
        if not record.is_over:
            raise TwilioError(20009, 409, "Cannot delete this resource before it is complete")
        del self._exchange.store.calls[record.sid]
        return RestAnswer(204)

    async def create_stream(self, asked: RestRequest) -> RestAnswer:
        leg = live_leg(self._exchange, asked)
        url, track = asked.field("Url"), asked.field("Track") or "inbound_track"
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or parts.query or track not in TRACKS:
            raise TwilioError(21621, 400, f"Invalid stream Url {url} or track {track}")
        names = {name: value for name, value in asked.form if name.startswith("Parameter")}
        parameters = {
            value: names.get(name.removesuffix("Name") + "Value", "")
            for name, value in names.items()
            if name.endswith(".Name")
        }
        record = self._exchange.open_stream(
            leg,
            url=url,
            track=track,
            name=asked.field("Name"),
            parameters=parameters,
            target=CallbackTarget(asked.field("StatusCallback"), asked.field("StatusCallbackMethod") or "POST"),
        )
        return RestAnswer(200, stream_body(record))

    async def update_stream(self, asked: RestRequest) -> RestAnswer:
        leg = live_leg(self._exchange, asked)
        wanted = asked.ids["Sid"]
        for stream in leg.streams.values():
            if wanted in (stream.record.sid, stream.record.name):
                stream.stop()
                await stream.ended()
                return RestAnswer(200, stream_body(stream.record))
        raise not_found(asked.path)

    def _record(self, asked: RestRequest, name: str) -> CallRecord:
        return _record(self._exchange, asked, name)


def live_leg(exchange: Exchange, asked: RestRequest) -> Leg:
    """The leg that the path's CallSid names.

    :raises TwilioError: there is none, or it is not in progress.
    """
    leg = exchange.legs.get(_record(exchange, asked, "CallSid").sid)
    if leg is None or leg.record.status != "in-progress":
        raise TwilioError(21220, 400, "Call is not in-progress.")
    return leg


def _record(exchange: Exchange, asked: RestRequest, name: str) -> CallRecord:
    record = exchange.store.calls.get(asked.ids[name])
    if record is None:
        raise not_found(asked.path)
    return record


def call_body(record: CallRecord) -> dict[str, Any]:
    """The Call resource. `initiated` is a callback's word: the resource says queued until it rings."""
    uri = f"{VERSION}/Accounts/{record.account_sid}/Calls/{record.sid}"
    names = ("notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions")
    return {
        "sid": record.sid,
        "account_sid": record.account_sid,
        "parent_call_sid": record.parent_sid,
        "to": record.to,
        "to_formatted": _formatted(record.to),
        "from": record.from_,
        "from_formatted": _formatted(record.from_),
        "phone_number_sid": None,
        "status": "queued" if record.status == "initiated" else record.status,
        "start_time": _time(record.started_at),
        "end_time": _time(record.ended_at),
        "duration": str(record.duration_s) if record.is_over else None,
        "price": record.price,
        "price_unit": "USD",
        "direction": record.direction,
        "answered_by": record.answered_by,
        "api_version": "2010-04-01",
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "date_created": _time(record.created_at),
        "date_updated": _time(record.updated_at),
        "uri": f"{uri}.json",
        "subresource_uris": {name: f"{uri}/{name.capitalize()}.json" for name in names},
    }


def stream_body(record: StreamRecord) -> dict[str, Any]:
    return {
        "sid": record.sid,
        "account_sid": record.account_sid,
        "call_sid": record.call_sid,
        "name": record.name,
        "status": record.status,
        "date_updated": clock.rfc2822(record.updated_at),
        "uri": f"{VERSION}/Accounts/{record.account_sid}/Calls/{record.call_sid}/Streams/{record.sid}.json",
    }


def _instructions(asked: RestRequest) -> Instructions:
    return Instructions(
        url=asked.field("Url"),
        method=asked.field("Method") or "POST",
        twiml=asked.field("Twiml"),
        fallback_url=asked.field("FallbackUrl"),
        fallback_method=asked.field("FallbackMethod") or "POST",
    )


def _matches(record: CallRecord, asked: RestRequest) -> bool:
    status = "queued" if record.status == "initiated" else record.status
    equal = {"To": record.to, "From": record.from_, "ParentCallSid": record.parent_sid, "Status": status}
    if any(asked.asked(name) and asked.asked(name) != value for name, value in equal.items()):
        return False
    # A call that was never dialled has no start time; it is found by the time at which it was made.
    started = record.started_at or record.created_at
    return _within_times(asked, "StartTime", started) and _within_times(asked, "EndTime", record.ended_at)


def _within_times(asked: RestRequest, name: str, moment: datetime | None) -> bool:
    after, before, on = asked.asked(f"{name}>"), asked.asked(f"{name}<"), asked.asked(name)
    if moment is None:
        return not (after or before or on)
    whole = moment.replace(microsecond=0)
    return (
        (not after or whole >= datetime.fromisoformat(after))
        and (not before or whole <= datetime.fromisoformat(before))
        and (not on or whole.date() == datetime.fromisoformat(on).date())
    )


def _whole(asked: RestRequest, name: str, default: int) -> int:
    return int(asked.field(name) or default)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else clock.rfc2822(moment)


def _formatted(e164: str) -> str:
    if e164.startswith("+1") and len(e164) == 12:
        return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"
    return e164


async def _within(event: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait([waiting], timeout=seconds)
    waiting.cancel()
