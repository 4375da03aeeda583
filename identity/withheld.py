"""Passcodes for a phone that wants no text messages, or whose owner has had as many as may be sent, as somebody sees them who claims
its number: sent, and never the right one.

Whoever types another's number into a sign-up, or into the page for people who were called, is not to learn what its owner told us. Twilio is asked something that texts nobody, so that
the answers take as long as others and fail when others would.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

from identity.models import OtpAttempt
from identity.verify import CODE_VALID_FOR, Asked, Verification, read_service, refusal
from processors.errors import DomainError

# As many as Verify takes for one verification.
_CHECKS_MAX: Final = 5
# In the place of Twilio's VE.
_SID_OF_WITHHELD: Final = "NO"
_SEND_OF: Final[Mapping[Asked, str]] = {"claim": OtpAttempt.CLAIM_SEND, "callee": OtpAttempt.NUMBER_SEND}


def send(*, number_key: str, now: datetime, asked: Asked = "claim") -> Verification:
    """A verification that nobody was texted the code of; asked again while it lasts, the same. Raises OtpUnavailable."""
    _ask_twilio(asked)
    begun = _begun(number_key, _SEND_OF[asked], now)
    if begun is None:
        # Of the length of Twilio's own ids.
        return Verification(sid=f"{_SID_OF_WITHHELD}{uuid4().hex}", expires_at=_end_of(now))
    return Verification(sid=begun.verification_sid, expires_at=_end_of(begun.at))


def _end_of(begun_at: datetime) -> datetime:
    """Twilio tells whole seconds."""
    return begun_at.replace(microsecond=0) + CODE_VALID_FOR


def is_of_withheld(verification_sid: str) -> bool:
    return verification_sid.startswith(_SID_OF_WITHHELD)


def lasts(*, number_key: str, now: datetime) -> bool:
    """Whether the verification that lasts now, for those who claim the number, was withheld."""
    begun = _begun(number_key, OtpAttempt.CLAIM_SEND, now)
    return begun is not None and is_of_withheld(begun.verification_sid)


def wrong(*, number_key: str, now: datetime) -> DomainError:
    """What Verify's answer to a wrong code is: OtpWrong, OtpTooMany or OtpExpired. Raises OtpUnavailable."""
    _ask_twilio("claim")
    begun = _begun(number_key, OtpAttempt.CLAIM_SEND, now)
    if begun is None:
        return refusal("expired")
    checks = OtpAttempt.objects.filter(purpose=OtpAttempt.CLAIM_CHECK, number_key=number_key, at__gte=begun.at)
    before = checks.filter(outcome=OtpAttempt.WRONG).count()
    if before < _CHECKS_MAX:
        return refusal("pending")
    # The next one is told that they were too many; for Verify the verification is gone after that.
    return refusal("max_attempts_reached" if before == _CHECKS_MAX else "expired")


def _begun(number_key: str, purpose: str, now: datetime) -> OtpAttempt | None:
    """The send that began the verification that lasts now."""
    sends = OtpAttempt.objects.filter(
        purpose=purpose, number_key=number_key, outcome=OtpAttempt.SENT, at__gt=now - CODE_VALID_FOR
    )
    newest = sends.order_by("-at").first()
    if newest is None:
        return None
    every = OtpAttempt.objects.filter(number_key=number_key, verification_sid=newest.verification_sid)
    first = every.filter(purpose=purpose).earliest("at")
    return first if first.at > now - CODE_VALID_FOR else None


def _ask_twilio(asked: Asked) -> None:
    """Raises OtpUnavailable."""
    if read_service(asked) is None:
        raise refusal("no service")
