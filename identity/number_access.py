"""Proving a number without an account, for people who were called.

Whatever is typed, the answers are the same for a number that is known here and one that is not. A passcode goes to both;
who then sees that nothing is held has the phone in hand.
"""

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction

from compliance import audit, consent, policy
from compliance.audit import PersonalAction
from compliance.models import AuditEvent
from identity import otp, withheld
from identity.access import Client, record
from identity.contact import parse_mobile
from identity.models import AccessEvent, NumberKey, OtpAttempt
from identity.number_lock import line_up
from identity.opt_out import PolicyOutdated
from identity.verify import CODE_VALID_FOR, OtpNumberRefused, OtpUnavailable, OtpWrong, check_code, send_code
from processors import disclosures
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

OPEN_FOR: Final = timedelta(minutes=30)
LINK_GOOD_FOR: Final = timedelta(hours=24)
REOPENED_FOR: Final = timedelta(minutes=10)
GUESSES_WINDOW: Final = timedelta(hours=1)
# So many wrong codes or links an hour are no typing mistakes any more.
GUESSES_ALERT_AT: Final = 5
LINKS_PER_NETWORK_MAX: Final = 20


class NumberCodeWrong(DomainError):
    """Not the code that was sent, or none is waiting; which of them is not told."""

    code: ClassVar[str] = "number_code_wrong"

    def __init__(self) -> None:
        super().__init__(
            "This code cannot be used. Type the one of the latest text message; after ten minutes ask for a new one."
        )


class NumberNotProved(DomainError):
    """Nothing is shown without a number that was proved a short while ago."""

    code: ClassVar[str] = "number_not_proved"

    def __init__(self) -> None:
        super().__init__("Prove your number first. The page closes by itself half an hour after you did.")


class DataLinkUnknown(DomainError):
    """No copy waits behind this link: it was used, is over, or never was; which of them is not told."""

    code: ClassVar[str] = "data_link_unknown"

    def __init__(self) -> None:
        super().__init__("This link cannot be used any more. Prove your number again and make another.")


class TooManyLinks(DomainError):
    """Too many links that are none came from one network; passes with time."""

    code: ClassVar[str] = "data_link_throttled"
    retryable: ClassVar[bool] = True


def ask_for_code(*, typed: str, policy_version: str, client: Client, now: datetime) -> timedelta:
    """Texts a code to the number, after noting that whoever asked agreed to the message. Returns how long the code is good.

    A phone that wants no text messages gets none, and whoever asked is not told.
    Raises MobileInvalid, PolicyOutdated, OtpSendLimit, OtpNumberRefused, OtpUnavailable.
    """
    if policy_version != policy.current_version():
        raise PolicyOutdated("What you agree to has changed meanwhile. Reload the page, then read it again.")
    mobile = parse_mobile(typed)
    purpose = OtpAttempt.NUMBER_SEND
    reserved = otp.reserve_send(mobile_e164=mobile, user=None, purpose=purpose, client=client, now=now)
    attempt = reserved.attempt
    consent.grant_for_number(
        phone_e164=mobile, purpose="my_data", policy_version=policy_version, ip=client.address, now=now
    )
    try:
        with disclosures.about(phone_e164=mobile):
            if otp.is_withheld_now(reserved, mobile_e164=mobile, user=None):
                verification = withheld.send(number_key=attempt.number_key, now=now, asked="callee")
            else:
                verification = send_code(mobile_e164=mobile, asked="callee")
    except OtpUnavailable:
        # The message may have left nevertheless, so the attempt stays reserved and counts.
        raise
    except OtpNumberRefused:
        otp.settle(attempt, OtpAttempt.FAILED)
        raise OtpNumberRefused("This number cannot receive a passcode. Write to support@klosesales.com.") from None
    except DomainError:
        otp.settle(attempt, OtpAttempt.FAILED)
        raise
    otp.settle(attempt, OtpAttempt.SENT, verification.sid)
    return CODE_VALID_FOR


def prove(*, typed: str, code: str, client: Client, now: datetime) -> tuple[str, str]:
    """The key of a short session of the number, and the number (E.164), when Twilio approves the code.

    Raises MobileInvalid, NumberCodeWrong, OtpTooMany, OtpUnavailable.
    """
    mobile = parse_mobile(typed)
    purpose = OtpAttempt.NUMBER_CHECK
    attempt = otp.reserve_check(mobile_e164=mobile, user=None, purpose=purpose, client=client, now=now)
    try:
        if not code.isascii() or not code.isdigit():
            raise OtpWrong("The code has digits only. Check the latest text message and type it again.")
        with disclosures.about(phone_e164=mobile):
            sid = check_code(mobile_e164=mobile, code=code, asked="callee")
    except OtpUnavailable:
        otp.settle(attempt, OtpAttempt.FAILED)
        raise
    except DomainError:
        otp.settle(attempt, OtpAttempt.WRONG)
        _notice_guessing(pseudonym("phone", mobile), now=now)
        raise NumberCodeWrong from None
    otp.settle(attempt, OtpAttempt.APPROVED, sid)
    return _new_key(NumberKey.SESSION, mobile, OPEN_FOR, now), mobile


def number_of(key: str, *, now: datetime) -> str | None:
    """The number (E.164) that the session with this key has proved."""
    open_now = NumberKey.objects.filter(kind=NumberKey.SESSION, key_digest=_digest(key), expires_at__gt=now)
    found = open_now.first()
    return found.phone_e164 if found else None


def leave(*, key: str) -> None:
    """Ends the session with this key."""
    NumberKey.objects.filter(kind=NumberKey.SESSION, key_digest=_digest(key)).delete()


def make_link(*, phone_e164: str, now: datetime) -> str:
    """What opens a copy of everything held about the number, once; the link that was made before ends."""
    with transaction.atomic():
        # The database's own constraint does not see a link whose row is under another LOOKUP_KEY.
        line_up(f"link:{pseudonym('phone', phone_e164)}")
        NumberKey.objects.filter(kind=NumberKey.LINK, phone_e164=phone_e164).delete()
        return _new_key(NumberKey.LINK, phone_e164, LINK_GOOD_FOR, now)


def open_link(*, token: str, client: Client, now: datetime) -> str:
    """The number (E.164) whose copy the link opens. It opens it again for REOPENED_FOR at most, in case that breaks off; `use_up` ends
    it before. Raises DataLinkUnknown, TooManyLinks."""
    lately = AccessEvent.objects.filter(
        kind=AccessEvent.LINK_UNKNOWN, network=client.network, at__gt=now - GUESSES_WINDOW
    )
    if client.network and lately.count() >= LINKS_PER_NETWORK_MAX:
        raise TooManyLinks("Too many links that cannot be used. Wait an hour, then try again.")
    with transaction.atomic():
        link = NumberKey.objects.select_for_update().filter(
            kind=NumberKey.LINK, key_digest=_digest(token), expires_at__gt=now
        )
        found = link.first()
        if found is not None:
            found.expires_at = min(found.expires_at, now + REOPENED_FOR)
            found.save(update_fields=["expires_at"])
            return found.phone_e164
    record(kind=AccessEvent.LINK_UNKNOWN, client=client, now=now)
    if lately.count() >= GUESSES_ALERT_AT:
        _alert("number.links_guessed", pseudonym("network", client.network), now)
    raise DataLinkUnknown


def use_up(*, token: str) -> None:
    """Ends a link, whose copy has left as a whole."""
    NumberKey.objects.filter(kind=NumberKey.LINK, key_digest=_digest(token)).delete()


def _notice_guessing(number_key: str, *, now: datetime) -> None:
    wrong = OtpAttempt.objects.filter(
        purpose=OtpAttempt.NUMBER_CHECK, number_key=number_key, outcome=OtpAttempt.WRONG, at__gt=now - GUESSES_WINDOW
    )
    if wrong.count() >= GUESSES_ALERT_AT:
        _alert("number.code_guessed", number_key, now)


def _alert(action: PersonalAction, target: str, now: datetime) -> None:
    """Once an hour: a record that whoever guesses could lengthen at will would hide the rest."""
    if AuditEvent.objects.filter(action=action, target=target, at__gt=now - GUESSES_WINDOW).exists():
        return
    audit.record(
        workspace_id=None,
        actor_ref="anonymous",
        action=action,
        target=target,
        detail={"at_least": GUESSES_ALERT_AT},
        now=now,
    )
    logger.warning("somebody guesses", extra={"action": action})


def _new_key(kind: str, phone_e164: str, good_for: timedelta, now: datetime) -> str:
    key = secrets.token_urlsafe(32)
    NumberKey.objects.create(
        kind=kind, key_digest=_digest(key), phone_e164=phone_e164, created_at=now, expires_at=now + good_for
    )
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
