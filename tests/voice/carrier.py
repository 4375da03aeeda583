"""The carrier's side of a call: signed posts to our webhooks, and calls that it has taken."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client
from twilio.request_validator import RequestValidator
from uuid_utils.compat import uuid7

from identity.auth import Actor
from identity.models import Membership
from tests.ledger.books import began, completed, notify
from voice import operations, submission
from voice.models import Call, Lead

FORM = "application/x-www-form-urlencoded"
_leads = itertools.count(1_000)
# One for all posts: making one loads every middleware. It keeps no cookie, since no webhook sets one.
_carrier = Client()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook answered. code: of the problem, "" when there was none."""

    status: int
    code: str
    body: str


def sid(kind: str = "CA") -> str:
    return f"{kind}{uuid7().hex}"


def signature(path: str, params: Mapping[str, str], *, token: str = "", origin: str = "") -> str:
    """As the carrier signs a form; token and origin: only where they should be wrong."""
    validator = RequestValidator(token or settings.TWILIO_AUTH_TOKEN)
    return str(validator.compute_signature((origin or settings.PUBLIC_URL) + path, dict(params)))


def post(path: str, params: Mapping[str, str]) -> Answer:
    """One callback, signed."""
    return send("POST", path, urlencode(params).encode(), signed=signature(path, params))


def send(method: str, path: str, body: bytes = b"", *, signed: str = "", content_type: str = FORM) -> Answer:
    """Anything at all. signed: "" leaves the signature out."""
    headers = {"X-Twilio-Signature": signed} if signed else None
    response: Any = _carrier.generic(method, path, body, content_type=content_type, headers=headers)
    is_problem = response.headers.get("Content-Type") == "application/problem+json"
    return Answer(response.status_code, response.json()["code"] if is_problem else "", response.content.decode())


def actor_of(member: Membership) -> Actor:
    return Actor(user_id=member.user_id, workspace_id=member.workspace_id, role="owner")


def give_credit(member: Membership, mcredits: int) -> None:
    notify(completed(began(member.workspace_id, mcredits=mcredits)))


def new_lead(member: Membership) -> Lead:
    number = next(_leads)
    return Lead.objects.create(
        workspace_id=member.workspace_id,
        first_name=f"Lead {number}",
        phone_e164=f"+1202555{number % 10_000:04d}",
        created_at=datetime.now(UTC),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that the carrier took. began_at: when the rep answered; all other times count from there."""

    call_id: str
    agent_sid: str
    callee_sid: str
    began_at: datetime

    def path(self, what: str) -> str:
        return f"/twilio/voice/{self.call_id}/{what}"

    @property
    def row(self) -> Call:
        return Call.objects.get_queryset().get(id=self.call_id)

    def agent(self, status: str, *, at_s: float, sequence: int, **more: str) -> tuple[str, dict[str, str]]:
        return self.path("status"), self._leg(self.agent_sid, status, at_s, sequence) | more

    def callee(self, status: str, *, at_s: float, sequence: int, **more: str) -> tuple[str, dict[str, str]]:
        params = self._leg(self.callee_sid, status, at_s, sequence)
        return self.path("status"), params | {"ParentCallSid": self.agent_sid} | more

    def after(self, status: str, **more: str) -> tuple[str, dict[str, str]]:
        params = {"CallSid": self.agent_sid, "CallStatus": "in-progress"}
        return self.path("after"), params | {"DialCallSid": self.callee_sid, "DialCallStatus": status} | more

    def _leg(self, leg_sid: str, status: str, at_s: float, sequence: int) -> dict[str, str]:
        return {
            "CallSid": leg_sid,
            "CallStatus": status,
            "SequenceNumber": str(sequence),
            "Timestamp": format_datetime(self.began_at + timedelta(seconds=at_s)),
            "CallbackSource": "call-progress-events",
        }


def place(member: Membership, *, began_s_ago: float = 70) -> Placed:
    """A call that was dialled; the rep's phone rings."""
    now = datetime.now(UTC)
    lead = new_lead(member)
    call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    placed = Placed(str(call.id), sid(), sid(), now.replace(microsecond=0) - timedelta(seconds=began_s_ago))
    submission.adopt(call_id=call.id, sid=placed.agent_sid, now=now)
    return placed
