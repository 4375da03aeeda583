"""Twilio Verify v2: one-time codes by text message."""

import re
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from sandbox import clock, ids
from sandbox.records import Message, Verification
from sandbox.store import Store
from sandbox.twilio.errors import TwilioError, invalid_parameter, not_found
from sandbox.twilio.gateway import Gateway, RestAnswer, RestRequest

SERVICE = "/v2/Services/{ServiceSid}"
E164 = re.compile(r"\+[1-9]\d{6,14}")
CODE_DIGITS = 6
CODE_LIVES = timedelta(minutes=10)
MAX_SENDS = 5
MAX_CHECKS = 5
CHANNELS = ("sms", "call")
STATUSES = ("pending", "canceled", "max_attempts_reached", "deleted", "failed", "expired")


class VerifyApi:
    """Verify services that know nothing of one another's codes. name: what their messages call the product."""

    def __init__(self, store: Store, *, account_sid: str, service_sids: tuple[str, ...], name: str) -> None:
        self._store = store
        self._account_sid = account_sid
        self._service_sids = service_sids
        self._name = name

    def register(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "GET", "/v2/Services/{Sid}", self.service)
        gateway.route(app, "POST", f"{SERVICE}/Verifications", self.create, self.check_create)
        gateway.route(app, "GET", f"{SERVICE}/Verifications/{{Sid}}", self.fetch)
        gateway.route(app, "POST", f"{SERVICE}/Verifications/{{Sid}}", self.update)
        gateway.route(app, "POST", f"{SERVICE}/VerificationCheck", self.check, self.check_check)

    async def service(self, asked: RestRequest) -> RestAnswer:
        if asked.ids["Sid"] not in self._service_sids:
            raise not_found(asked.path)
        return RestAnswer(
            200, service_body(self._account_sid, asked.ids["Sid"], self._name, int(self._store.account.code_length))
        )

    def check_create(self, asked: RestRequest) -> None:
        """:raises TwilioError: 60200 for what cannot be sent to, 20404 for another service."""
        self._own_service(asked)
        if not E164.fullmatch(asked.field("To")):
            raise invalid_parameter("To", asked.field("To"))
        if asked.field("Channel") not in CHANNELS:
            raise invalid_parameter("Channel", asked.field("Channel"))

    async def create(self, asked: RestRequest) -> RestAnswer:
        """Send a code, or the same code again.

        :raises TwilioError: 60203 for more than five sends in the life of a code.
        """
        moment, to, service = clock.now(), asked.field("To"), asked.ids["ServiceSid"]
        self._expire(moment)
        pending = [
            entry
            for entry in self._store.verifications.values()
            if (entry.to, entry.service_sid, entry.status) == (to, service, "pending")
        ]
        verification = pending[-1] if pending else self._new(asked, moment)
        if len(verification.attempts) >= MAX_SENDS:
            raise TwilioError(60203, 429, "Max send attempts reached")
        verification.updated_at = moment
        verification.attempts.append(
            {"attempt_sid": ids.sid("VL"), "channel": verification.channel, "time": clock.iso_seconds(moment)}
        )
        text = f"Your {self._name} verification code is: {verification.code}. Don't share this code with anyone."
        self._store.messages.append(Message(to, text, moment, verification.code))
        self._store.received.sms_sent += 1
        return RestAnswer(201, verification_body(verification))

    async def fetch(self, asked: RestRequest) -> RestAnswer:
        self._own_service(asked)
        return RestAnswer(200, verification_body(self._pending(asked, asked.ids["Sid"])))

    async def update(self, asked: RestRequest) -> RestAnswer:
        self._own_service(asked)
        verification = self._pending(asked, asked.ids["Sid"])
        verification.status = asked.field("Status")
        verification.updated_at = clock.now()
        return RestAnswer(200, verification_body(verification))

    def check_check(self, asked: RestRequest) -> None:
        self._own_service(asked)
        if not asked.field("To") and not asked.field("VerificationSid"):
            raise invalid_parameter("To", "")
        if not 4 <= len(asked.field("Code")) <= 10:
            raise invalid_parameter("Code", asked.field("Code"))

    async def check(self, asked: RestRequest) -> RestAnswer:
        """A wrong code is no error: the status stays pending.

        :raises TwilioError: 60202 for the sixth try, 20404 when there is nothing (left) to check.
        """
        verification = self._pending(asked, asked.field("VerificationSid") or asked.field("To"))
        verification.updated_at = clock.now()
        if verification.checks >= MAX_CHECKS:
            verification.status = "max_attempts_reached"
            raise TwilioError(60202, 429, "Max check attempts reached")
        verification.checks += 1
        if verification.told:
            verification.status, verification.told = verification.told, ""
        elif asked.field("Code") == verification.code:
            verification.status = "approved"
        return RestAnswer(200, check_body(verification))

    def _new(self, asked: RestRequest, moment: datetime) -> Verification:
        verification = Verification(
            sid=ids.sid("VE"),
            account_sid=self._account_sid,
            service_sid=asked.ids["ServiceSid"],
            to=asked.field("To"),
            channel=asked.field("Channel"),
            code=ids.verification_code(),
            created_at=moment,
            updated_at=moment,
        )
        self._store.verifications[verification.sid] = verification
        return verification

    def _pending(self, asked: RestRequest, wanted: str) -> Verification:
        """By sid or number. What is approved, expired, cancelled or exhausted is gone for Verify: 20404."""
        self._expire(clock.now())
        for verification in reversed(self._store.verifications.values()):
            of_service = verification.service_sid == asked.ids["ServiceSid"]
            if of_service and wanted in (verification.sid, verification.to) and verification.status == "pending":
                return verification
        raise not_found(asked.path)

    def age(self, seconds: float) -> None:
        """Let all codes grow older at once, so that a test need not wait ten minutes."""
        for verification in self._store.verifications.values():
            verification.created_at -= timedelta(seconds=seconds)

    def tell(self, status: str) -> None:
        """Let each code that waits come to this status when it is next checked, as happens when it changes at that moment."""
        for verification in self._store.verifications.values():
            if verification.status == "pending":
                verification.told = status

    def _expire(self, moment: datetime) -> None:
        for verification in self._store.verifications.values():
            if verification.status == "pending" and moment - verification.created_at >= CODE_LIVES:
                verification.status = "expired"

    def _own_service(self, asked: RestRequest) -> None:
        if asked.ids["ServiceSid"] not in self._service_sids:
            raise not_found(asked.path)


def service_body(account_sid: str, service_sid: str, name: str, code_length: int) -> dict[str, Any]:
    moment = clock.iso_seconds(clock.now())
    off = ("custom_code_enabled", "dtmf_input_required", "lookup_enabled", "psd2_enabled", "skip_sms_to_landlines")
    absent = ("default_template_sid", "passkeys", "push", "totp", "tts_name", "whatsapp")
    return {
        **dict.fromkeys(off, False),
        **dict.fromkeys(absent),
        "account_sid": account_sid,
        "code_length": code_length,
        "date_created": moment,
        "date_updated": moment,
        "do_not_share_warning_enabled": True,
        "friendly_name": name,
        "links": {},
        "sid": service_sid,
        "url": f"https://verify.twilio.com/v2/Services/{service_sid}",
        "verify_event_subscription_enabled": False,
    }


def verification_body(verification: Verification) -> dict[str, Any]:
    service = verification.service_sid
    return _shared(verification) | {
        "lookup": {},
        "send_code_attempts": list(verification.attempts),
        "sna": None,
        "url": f"https://verify.twilio.com/v2/Services/{service}/Verifications/{verification.sid}",
    }


def check_body(verification: Verification) -> dict[str, Any]:
    return _shared(verification) | {"sna_attempts_error_codes": []}


def _shared(verification: Verification) -> dict[str, Any]:
    return {
        "sid": verification.sid,
        "service_sid": verification.service_sid,
        "account_sid": verification.account_sid,
        "to": verification.to,
        "channel": verification.channel,
        "status": verification.status,
        "valid": verification.status == "approved",
        "amount": None,
        "payee": None,
        "date_created": clock.iso_seconds(verification.created_at),
        "date_updated": clock.iso_seconds(verification.updated_at),
    }
