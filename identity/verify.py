"""Twilio Verify: what it is asked, and what each of its answers means to a person."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Literal

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client as TwilioClient

from processors.egress import twilio_http_client
from processors.errors import DomainError

CODE_VALID_FOR: Final = timedelta(minutes=10)
# Who is asked for a code: somebody with an account, somebody who claims a number, as in a sign-up, or somebody who was called. Verify
# counts sends and checks for a number within one service, so each has its own: whoever types wrong codes for a number that is not
# theirs shuts nobody's sign-in.
Asked = Literal["account", "claim", "callee"]
# In what a claimed number is written: a sign-up, or a change of an account's number.
Claim = Literal["sign_up", "change"]


class OtpWrong(DomainError):
    """Another code was sent. Permanent for this code."""

    code: ClassVar[str] = "otp_wrong"


class OtpExpired(DomainError):
    """No code is waiting for this number: never sent, too old, or used. A new one helps."""

    code: ClassVar[str] = "otp_expired"


class OtpTooMany(DomainError):
    """Too many wrong codes; passes with time."""

    code: ClassVar[str] = "otp_too_many"
    retryable: ClassVar[bool] = True


class OtpSendLimit(DomainError):
    """Too many codes asked for; passes with time."""

    code: ClassVar[str] = "otp_send_limit"
    retryable: ClassVar[bool] = True


class OtpNumberRefused(DomainError):
    """The number cannot receive a code. Permanent for this number."""

    code: ClassVar[str] = "otp_number_refused"


class CarrierStopped(DomainError):
    """Somebody's own phone answered STOP to the carrier. Permanent until it says otherwise."""

    code: ClassVar[str] = "carrier_stopped"


class OtpUnavailable(DomainError):
    """The service that sends codes does not answer, or is busy; passes with time."""

    code: ClassVar[str] = "otp_unavailable"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Verification:
    """sid: Twilio's id.

    expires_at: until when its code is accepted; a resend sends the same code and changes nothing.
    """

    sid: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class VerifyService:
    """name: what its text messages call us. code_digits: how long its codes are."""

    name: str
    code_digits: int


_TOO_MANY_SENDS = "Too many codes were sent to this number. Wait 10 minutes, then ask for a new one."
_TOO_MANY_CHECKS = "Too many wrong codes. Wait until this code expires in 10 minutes, then ask for a new one."
# Whoever has an account would be refused a second one for the same address.
_REFUSED_OF_ACCOUNT = "This number cannot receive a passcode now. Write to support, who give your account another number once they have recognised you."
_REFUSED_IN_SIGN_UP = "This number cannot receive a passcode. Sign up with another mobile number, or write to support."
_REFUSED_IN_CHANGE = "This number cannot receive a passcode. Type another mobile number, or write to support."
_STOPPED = "The carrier sends nothing to a phone that answered STOP."
_BUSY = "The passcode service is busy. Wait a minute, then try again."
_EXPIRED = "No passcode is waiting for this number: it was used, or its 10 minutes are over. Ask for a new one."
_WRONG = "That is not the code that was sent. Check the latest text message and type it again."
_UNAVAILABLE = "Passcodes cannot be sent or checked right now. Try again in a few minutes."

# https://www.twilio.com/docs/api/errors
_ERRORS: Final[dict[int, tuple[type[DomainError], str]]] = {
    20404: (OtpExpired, _EXPIRED),
    20429: (OtpUnavailable, _BUSY),
    60202: (OtpTooMany, _TOO_MANY_CHECKS),
    60203: (OtpSendLimit, _TOO_MANY_SENDS),
    60212: (OtpUnavailable, _BUSY),
}
# The number itself is refused; what helps depends on whose it is.
_ERRORS_OF_NUMBER: Final = (60205, 60238, 60410)
_REFUSED: Final[dict[Claim | None, tuple[type[DomainError], str]]] = {
    None: (OtpNumberRefused, _REFUSED_OF_ACCOUNT),
    "sign_up": (OtpNumberRefused, _REFUSED_IN_SIGN_UP),
    "change": (OtpNumberRefused, _REFUSED_IN_CHANGE),
}


def _errors(claim: Claim | None) -> dict[int, tuple[type[DomainError], str]]:
    return {**_ERRORS, **dict.fromkeys(_ERRORS_OF_NUMBER, _REFUSED[claim])}


def _errors_of_send(claim: Claim | None) -> dict[int, tuple[type[DomainError], str]]:
    return {
        **_errors(claim),
        # Our own Verify service is missing: nothing that the person can mend.
        20404: (OtpUnavailable, _UNAVAILABLE),
        # Who claims a number does not learn that its owner wants no text messages.
        21610: _REFUSED[claim] if claim else (CarrierStopped, _STOPPED),
        60200: _REFUSED[claim],
    }


_STATUSES: Final[dict[str, tuple[type[DomainError], str]]] = {
    # Verify answers a wrong code without an error, as still pending.
    "pending": (OtpWrong, _WRONG),
    "max_attempts_reached": (OtpTooMany, _TOO_MANY_CHECKS),
    "canceled": (OtpExpired, _EXPIRED),
    "deleted": (OtpExpired, _EXPIRED),
    "expired": (OtpExpired, _EXPIRED),
    "failed": (OtpExpired, _EXPIRED),
}


def send_code(*, mobile_e164: str, asked: Asked = "account", claim: Claim = "sign_up") -> Verification:
    """Asks Twilio to text a code. Never inside a transaction. claim: where the number is claimed, if it is.

    Raises OtpSendLimit, OtpNumberRefused, OtpUnavailable; for an account's number CarrierStopped.
    """
    try:
        sent = _service(asked).verifications.create(to=mobile_e164, channel="sms")
    except (TwilioException, requests.RequestException) as error:
        raise _meaning(error, _errors_of_send(None if asked == "account" else claim)) from None
    started_at = sent.date_created or datetime.now(UTC)
    return Verification(sid=str(sent.sid), expires_at=started_at.astimezone(UTC) + CODE_VALID_FOR)


def check_code(*, mobile_e164: str, code: str, asked: Asked = "account", claim: Claim = "sign_up") -> str:
    """The id of the verification that the code was approved for. Never inside a transaction. claim: as in `send_code`.

    Raises OtpWrong, OtpExpired, OtpTooMany, OtpUnavailable.
    """
    try:
        check = _service(asked).verification_checks.create(to=mobile_e164, code=code)
    except (TwilioException, requests.RequestException) as error:
        known = _errors(None if asked == "account" else claim)
        known[60200] = (OtpWrong, _WRONG)
        raise _meaning(error, known) from None
    if check.status == "approved" and check.sid:
        return str(check.sid)
    raise refusal(str(check.status))


def refusal(status: str) -> DomainError:
    """What a verification of this status says to whoever typed a code."""
    kind, message = _STATUSES.get(status, (OtpUnavailable, _UNAVAILABLE))
    return kind(message)


def read_service(asked: Asked) -> VerifyService | None:
    """The configured service for those as Twilio shows it; None when the account has no such service.

    Raises OtpUnavailable.
    """
    try:
        found = _service(asked).fetch()
    except TwilioRestException as error:
        if error.status == requests.codes.not_found:
            return None
        raise OtpUnavailable(_UNAVAILABLE) from None
    except (TwilioException, requests.RequestException):
        raise OtpUnavailable(_UNAVAILABLE) from None
    return VerifyService(name=str(found.friendly_name), code_digits=int(found.code_length))


def _service(asked: Asked) -> Any:
    """The configured Verify service for those; Any, because the SDK carries no types."""
    client = TwilioClient(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=twilio_http_client())
    sids = {
        "account": settings.TWILIO_VERIFY_SERVICE_SID,
        "claim": settings.TWILIO_VERIFY_CLAIM_SERVICE_SID,
        "callee": settings.TWILIO_VERIFY_CALLEE_SERVICE_SID,
    }
    return client.verify.v2.services(sids[asked])


def _meaning(error: Exception, known: dict[int, tuple[type[DomainError], str]]) -> DomainError:
    """Twilio's message stays out: it repeats the number."""
    code = error.code if isinstance(error, TwilioRestException) else None
    kind, message = known.get(code or 0, (OtpUnavailable, _UNAVAILABLE))
    return kind(message)
