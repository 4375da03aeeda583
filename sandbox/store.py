"""The sandbox's memory, with an optional file so that a restart finds calls, messages and purchases again."""

import asyncio
import json
import logging
from collections import deque
from pathlib import Path
from typing import Any

from sandbox import clock
from sandbox.encoding import from_json, to_json
from sandbox.phones import Phone
from sandbox.received import Received
from sandbox.records import (
    Account,
    Adjustment,
    Alert,
    CallRecord,
    Customer,
    Defect,
    Delivery,
    Mail,
    Message,
    SocialPerson,
    StreamRecord,
    Subscription,
    Transaction,
    TranscriptionRecord,
    Verification,
)

logger = logging.getLogger("sandbox.store")

KEPT = 2_000
SAVE_EVERY_S = 0.2


class Store:
    """All records. Lists are bounded; calls, transactions and verifications are looked up by id."""

    def __init__(self, state_file: Path | None) -> None:
        self.account = Account()
        self.calls: dict[str, CallRecord] = {}
        self.streams: dict[str, StreamRecord] = {}
        self.transcriptions: dict[str, TranscriptionRecord] = {}
        self.verifications: dict[str, Verification] = {}
        self.transactions: dict[str, Transaction] = {}
        self.adjustments: dict[str, Adjustment] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.customers: dict[str, Customer] = {}
        self.phones: dict[str, Phone] = {}
        self.people = {person.id: person for person in _known_people()}
        # Paddle's notifications that were not answered with 200 yet, by notification_id.
        self.unanswered: dict[str, dict[str, Any]] = {}
        # Paddle's events, oldest first, whether anybody was told of them or not.
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.messages: deque[Message] = deque(maxlen=KEPT)
        self.mails: deque[Mail] = deque(maxlen=KEPT)
        self.deliveries: deque[Delivery] = deque(maxlen=KEPT)
        self.alerts: deque[Alert] = deque(maxlen=KEPT)
        self.defects: deque[Defect] = deque(maxlen=KEPT)
        self.received = Received()
        self._state_file = state_file
        self._saved = ""

    def alert(self, code: int, message: str, subject: str = "") -> None:
        self.alerts.append(Alert(code, message, subject, clock.now()))

    def delivered(self, *, service: str, event: str, subject: str, url: str, outcome: str, attempt: int) -> None:
        self.deliveries.append(Delivery(service, event, subject, url, outcome, attempt, clock.now()))

    def mails_to(self, address: str) -> list[Mail]:
        wanted = address.lower()
        return [mail for mail in self.mails if not wanted or wanted in (entry.lower() for entry in mail.to)]

    def forget(self) -> None:
        """Back to the state of a first start."""
        for collection in (
            self.calls, self.streams, self.transcriptions, self.verifications, self.transactions, self.adjustments,
            self.subscriptions, self.customers,
            self.phones, self.unanswered, self.events, self.messages, self.mails, self.deliveries, self.alerts, self.defects,
        ):  # fmt: skip
            collection.clear()
        self.account = Account()
        self.people = {person.id: person for person in _known_people()}
        self.received = Received()

    def load(self) -> None:
        """Read the state file if there is one; an unreadable file is put aside, never trusted by halves."""
        if self._state_file is None or not self._state_file.exists():
            return
        try:
            data = json.loads(self._state_file.read_text())
            calls = [from_json(CallRecord, entry) for entry in data["calls"]]
            verifications = [from_json(Verification, entry) for entry in data["verifications"]]
            transactions = [from_json(Transaction, entry) for entry in data["transactions"]]
            adjustments = [from_json(Adjustment, entry) for entry in data["adjustments"]]
            subscriptions = [from_json(Subscription, entry) for entry in data["subscriptions"]]
            customers = [from_json(Customer, entry) for entry in data.get("customers", [])]
            phones = [from_json(Phone, entry) for entry in data["phones"]]
            people = [from_json(SocialPerson, entry) for entry in data.get("people", [])] or _known_people()
            messages = [from_json(Message, entry) for entry in data["messages"]]
            mails = [from_json(Mail, entry) for entry in data["mails"]]
            unanswered: dict[str, dict[str, Any]] = data["unanswered"]
            events: list[dict[str, Any]] = data.get("events", [])
        except (ValueError, KeyError, TypeError):
            logger.warning("state file unreadable, put aside")
            self._state_file.replace(self._state_file.with_suffix(".unreadable"))
            return
        self.calls = {call.sid: call for call in calls}
        self.verifications = {entry.sid: entry for entry in verifications}
        self.transactions = {entry.id: entry for entry in transactions}
        self.adjustments = {entry.id: entry for entry in adjustments}
        self.subscriptions = {entry.id: entry for entry in subscriptions}
        self.customers = {entry.id: entry for entry in customers}
        self.phones = {phone.e164: phone for phone in phones}
        self.people = {person.id: person for person in people}
        self.messages.extend(messages)
        self.mails.extend(mails)
        self.unanswered = unanswered
        self.events.extend(events)

    def save(self) -> None:
        if self._state_file is None:
            return
        text = json.dumps(self._durable())
        if text == self._saved:
            return
        # Written beside and renamed, so that a kill in the middle leaves the older state whole.
        beside = self._state_file.with_suffix(".part")
        beside.write_text(text)
        beside.replace(self._state_file)
        self._saved = text

    async def keep_saving(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            self.save()

    def _durable(self) -> dict[str, Any]:
        return {
            "calls": to_json(list(self.calls.values())),
            "verifications": to_json(list(self.verifications.values())),
            "transactions": to_json(list(self.transactions.values())),
            "adjustments": to_json(list(self.adjustments.values())),
            "subscriptions": to_json(list(self.subscriptions.values())),
            "customers": to_json(list(self.customers.values())),
            "phones": to_json(list(self.phones.values())),
            "people": to_json(list(self.people.values())),
            "messages": to_json(list(self.messages)),
            "mails": to_json(list(self.mails)),
            "unanswered": self.unanswered,
            "events": list(self.events),
        }


def _known_people() -> list[SocialPerson]:
    """Who has an account at Google or Facebook from the start."""
    return [
        SocialPerson("104729000000000000001", "google", "Gwen", "Gray", "gwen.gray@example.com"),
        SocialPerson("104729000000000000002", "google", "Gus", "Green", "gus.green@example.com"),
        SocialPerson("10158000000000001", "facebook", "Fay", "Ford", "fay.ford@example.com"),
        SocialPerson("10158000000000002", "facebook", "Finn", "Frost", ""),
    ]
