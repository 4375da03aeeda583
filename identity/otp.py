"""One-time passcodes: who may be sent one, how often, and whether a typed code is right.

An attempt is reserved in PostgreSQL before Twilio is asked, under a lock per number and network, so that
parallel requests cannot pass a limit together. A reserved attempt counts even if the process dies while
Twilio answers.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final, NamedTuple

import phonenumbers
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from compliance import consent
from identity import opt_out, passcode_ceilings, verify, withheld
from identity.access import Client
from identity.contact import country_of, masked
from identity.models import OtpAttempt, User
from identity.number_lock import line_up, lock_numbers, name_of
from identity.opt_out import NumberStopped, is_stopped
from identity.schemas import OtpSentOut
from identity.verify import (
    Asked,
    CarrierStopped,
    Claim,
    OtpNumberRefused,
    OtpSendLimit,
    OtpTooMany,
    OtpUnavailable,
    OtpWrong,
    check_code,
    send_code,
)
from processors import disclosures
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

SENDS_WINDOW: Final = timedelta(minutes=10)
SENDS_PER_NUMBER_MAX: Final = 3
SENDS_PER_NUMBER_AND_DAY_MAX: Final = 10
# So many of a day's go to all together who have not proved the number; the rest is kept for whoever has.
UNPROVED_SENDS_PER_NUMBER_AND_DAY_MAX: Final = 8
SENDS_PER_NETWORK_AND_HOUR_MAX: Final = 10
SENDS_PER_PREFIX_AND_HOUR_MAX: Final = 20
CHECKS_PER_NUMBER_AND_HOUR_MAX: Final = 20
CHECKS_PER_NETWORK_AND_HOUR_MAX: Final = 60
# Of one verification, by Twilio; after these it refuses the right code too, and a resend sends the same one.
CHECKS_PER_VERIFICATION_MAX: Final = 5
_CHECK_OF: Final = dict(zip(OtpAttempt.SENDS, OtpAttempt.CHECKS, strict=True))


class SmsConsentMissing(DomainError):
    """The person has not agreed to text messages, or has withdrawn the consent: nothing may be sent."""

    code: ClassVar[str] = "sms_consent_missing"


class SmsConsentOfNewNumber(DomainError):
    """Support gave the account another number, at which the person has not agreed to text messages yet."""

    code: ClassVar[str] = "sms_consent_new_number"


class Reserved(NamedTuple):
    """A send that may be made now.

    resends_left: how many more may follow it in the window. is_withheld: nothing may be texted, because the phone wants nothing or
    whoever has proved the number has had all that may be, which whoever claims it is not to learn.
    """

    attempt: OtpAttempt
    resends_left: int
    is_withheld: bool


def send(*, user: User, client: Client, now: datetime, mobile_e164: str | None = None) -> OtpSentOut:
    """Texts a code to the registered number, or to one that is to become it and that the person has agreed to texts at.

    Raises NumberStopped, SmsConsentMissing, SmsConsentOfNewNumber, OtpSendLimit, OtpNumberRefused, OtpUnavailable.
    """
    mobile = mobile_e164 or user.mobile_e164
    asked = _asked(user, mobile)
    purpose = OtpAttempt.SEND if asked == "account" else OtpAttempt.CLAIM_SEND
    reserved = reserve_send(mobile_e164=mobile, user=user, purpose=purpose, client=client, now=now)
    attempt = reserved.attempt
    try:
        with disclosures.about(user_id=user.id):
            if is_withheld_now(reserved, mobile_e164=mobile, user=user):
                verification = withheld.send(number_key=attempt.number_key, now=now)
            else:
                verification = send_code(mobile_e164=mobile, asked=asked, claim=_claim(user))
    except OtpUnavailable:
        # The message may have left nevertheless, so the attempt stays reserved and counts.
        raise
    except CarrierStopped:
        settle(attempt, OtpAttempt.FAILED)
        opt_out.heed_carrier(mobile_e164=mobile, now=now)
        raise OtpNumberRefused(
            "This phone answered STOP, so the carrier sends nothing to it. Text START to the same number, then try again."
        ) from None
    except DomainError:
        settle(attempt, OtpAttempt.FAILED)
        raise
    settle(attempt, OtpAttempt.SENT, verification.sid)
    return OtpSentOut(
        mobile_e164=masked(mobile),
        expires_at=verification.expires_at,
        resends_left=reserved.resends_left,
    )


def check(*, user: User, code: str, client: Client, now: datetime, mobile_e164: str | None = None) -> None:
    """Returns when Twilio approves the code for the registered number, or for one that is to become it.

    Raises NumberStopped, SmsConsentMissing, SmsConsentOfNewNumber, OtpWrong, OtpExpired, OtpTooMany, OtpUnavailable.
    """
    # A code that was sent before the consent was withdrawn would still be right.
    mobile = mobile_e164 or user.mobile_e164
    is_withheld = _demand_consent(user, mobile)
    asked = _asked(user, mobile)
    purpose = OtpAttempt.CHECK if asked == "account" else OtpAttempt.CLAIM_CHECK
    attempt = reserve_check(mobile_e164=mobile, user=user, purpose=purpose, client=client, now=now)
    if not code.isascii() or not code.isdigit():
        # Twilio was not asked and counts no wrong code.
        settle(attempt, OtpAttempt.FAILED)
        raise OtpWrong("The code has digits only. Check the latest text message and type it again.")
    try:
        with disclosures.about(user_id=user.id):
            if is_withheld or (asked == "claim" and withheld.lasts(number_key=attempt.number_key, now=now)):
                raise withheld.wrong(number_key=attempt.number_key, now=now)
            sid = check_code(mobile_e164=mobile, code=code, asked=asked, claim=_claim(user))
    except DomainError as error:
        settle(attempt, OtpAttempt.WRONG if isinstance(error, OtpWrong | OtpTooMany) else OtpAttempt.FAILED)
        raise
    settle(attempt, OtpAttempt.APPROVED, sid)


def _asked(user: User, mobile_e164: str) -> Asked:
    """Whether the number is the person's account's, or one that somebody wrote into a form."""
    proved = user.mobile_verified_at is not None and mobile_e164 == user.mobile_e164
    return "account" if proved else "claim"


def _claim(user: User) -> Claim:
    """Where somebody writes a number that is not proved: whoever has an account changes its number."""
    return "sign_up" if user.mobile_verified_at is None else "change"


def _demand_consent(user: User, mobile_e164: str) -> bool:
    """Whether the phone wants no text messages, and the person, who has not proved this one, is not to learn that.

    Raises NumberStopped to whoever has proved it, SmsConsentMissing, SmsConsentOfNewNumber.
    """
    is_withheld = is_stopped(mobile_e164)
    if is_withheld and _asked(user, mobile_e164) == "account":
        raise NumberStopped
    if not consent.holds(user_id=user.id, purpose="sms"):
        # Nobody stopped anything, not in this moment either: with the number that support gave, the consent to the one before ended.
        if user.mobile_verified_at is not None and User.objects.filter(id=user.id, texts_stopped_at=None).exists():
            raise SmsConsentOfNewNumber(
                "Your account has a new mobile number. Agree to passcodes by text message to it, to sign in."
            )
        raise SmsConsentMissing(
            "Passcodes come by text message, to which you do not agree now. Agree again to sign in."
        )
    return is_withheld


def reserve_send(*, mobile_e164: str, user: User | None, purpose: str, client: Client, now: datetime) -> Reserved:
    """Raises NumberStopped, SmsConsentMissing, SmsConsentOfNewNumber, OtpNumberRefused, OtpSendLimit, OtpUnavailable."""
    demand_country(mobile_e164)
    number_key, prefix_key = pseudonym("phone", mobile_e164), _prefix_key(mobile_e164)
    with transaction.atomic():
        line_up(name_of(number_key), f"otp:{prefix_key}", f"otp:{client.network}")
        # Whoever waited here may have been stopped meanwhile.
        is_stopped_for_all = is_stopped(mobile_e164) if user is None else _demand_consent(user, mobile_e164)
        sends = OtpAttempt.objects.filter(purpose__in=OtpAttempt.SENDS)
        of_number = sends.filter(number_key=number_key)
        _refuse_useless(of_number.filter(purpose=purpose), _CHECK_OF[purpose], number_key, now)
        left = _left(of_number, purpose, now)
        if left.lately <= 0:
            raise OtpSendLimit("Enough codes were sent in the last 10 minutes. Use the latest, or wait and ask again.")
        if left.today <= 0:
            raise OtpSendLimit("Enough codes were sent to this number today. Ask again tomorrow, or write to support.")
        of_network = sends.filter(network=client.network, at__gt=now - timedelta(hours=1))
        if client.network and of_network.count() >= SENDS_PER_NETWORK_AND_HOUR_MAX:
            raise OtpSendLimit("Too many codes were asked for from your network. Wait an hour, then ask again.")
        # Whoever is known here is not shut out by what strangers ask for.
        is_known = user is not None and _asked(user, mobile_e164) == "account"
        of_prefix = sends.filter(prefix_key=prefix_key, at__gt=now - timedelta(hours=1))
        if not is_known and of_prefix.count() >= SENDS_PER_PREFIX_AND_HOUR_MAX:
            raise OtpSendLimit("Too many codes were sent to numbers like yours. Wait an hour, then ask again.")
        # Written first, which may wait for the person's row: in the line of all numbers, which comes last, nobody waits for anything.
        attempt = _reserved(purpose, user, mobile_e164, client, now)
        line_up("otp:day")
        passcode_ceilings.demand_room(besides=attempt, is_known=is_known, now=now)
        return Reserved(attempt, min(left.lately, left.today) - 1, is_stopped_for_all or left.is_used_up)


def is_withheld_now(reserved: Reserved, *, mobile_e164: str, user: User | None) -> bool:
    """Whether the reserved send may not be texted after all; to be asked right before Twilio is. It comes in the number's turn once more,
    so that a stop that was waiting for this very send is heeded.

    What remains is a stop that comes while it is written down what Twilio is told, and while the request is on its way: that message may
    arrive, and nothing of ours can call it back. Whatever is asked for later Twilio refuses with 21610, where the phone answered STOP to it.
    Raises NumberStopped, SmsConsentMissing, SmsConsentOfNewNumber.
    """
    with transaction.atomic():
        lock_numbers(mobile_e164)
        is_stopped_for_all = is_stopped(mobile_e164) if user is None else _demand_consent(user, mobile_e164)
    return reserved.is_withheld or is_stopped_for_all


class _Left(NamedTuple):
    """Sends that are left in the window and in the day, as whoever asks is told. is_used_up: in truth none is."""

    lately: int
    today: int
    is_used_up: bool


def _left(of_number: QuerySet[OtpAttempt], purpose: str, now: datetime) -> _Left:
    """Whoever has not proved the number is told of what was sent to such alone: the rest is its owner's signing in."""
    of_day = list(of_number.filter(at__gt=now - timedelta(days=1)).values_list("at", "purpose", "verification_sid"))
    texted = [at for at, _, sid in of_day if not withheld.is_of_withheld(sid)]
    lately = SENDS_PER_NUMBER_MAX - sum(at > now - SENDS_WINDOW for at in texted)
    today = SENDS_PER_NUMBER_AND_DAY_MAX - len(texted)
    if purpose == OtpAttempt.SEND:
        return _Left(lately, today, is_used_up=False)
    of_strangers = [at for at, kind, _ in of_day if kind != OtpAttempt.SEND]
    return _Left(
        SENDS_PER_NUMBER_MAX - sum(at > now - SENDS_WINDOW for at in of_strangers),
        UNPROVED_SENDS_PER_NUMBER_AND_DAY_MAX - len(of_strangers),
        is_used_up=lately <= 0 or today <= 0,
    )


def _refuse_useless(sends: QuerySet[OtpAttempt], check: str, number_key: str, now: datetime) -> None:
    """While wrong codes keep even a right one out, a text would only be paid for. sends: those to the number.

    Raises OtpSendLimit.
    """
    checks = OtpAttempt.objects.filter(purpose=check, number_key=number_key).exclude(outcome=OtpAttempt.APPROVED)
    free_at = now
    of_hour = list(checks.filter(at__gt=now - timedelta(hours=1)).order_by("-at").values_list("at", flat=True))
    if len(of_hour) >= CHECKS_PER_NUMBER_AND_HOUR_MAX:
        free_at = of_hour[CHECKS_PER_NUMBER_AND_HOUR_MAX - 1] + timedelta(hours=1)
    sent = sends.filter(outcome=OtpAttempt.SENT)
    newest = sent.filter(at__gt=now - verify.CODE_VALID_FOR).order_by("-at").first()
    if newest is not None:
        begun_at = sent.filter(verification_sid=newest.verification_sid).earliest("at").at
        wrong = checks.filter(outcome=OtpAttempt.WRONG, at__gte=begun_at).count()
        if wrong >= CHECKS_PER_VERIFICATION_MAX:
            free_at = max(free_at, begun_at + verify.CODE_VALID_FOR)
    if free_at > now:
        minutes = -((now - free_at) // timedelta(minutes=1))
        raise OtpSendLimit(
            f"Too many wrong codes: until they are forgotten, a new one would not work. Ask again in {minutes}"
            f" minute{'s' if minutes != 1 else ''}."
        )


def demand_country(mobile_e164: str) -> None:
    """Raises OtpNumberRefused."""
    number = phonenumbers.parse(mobile_e164)
    if not country_of(mobile_e164) or phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.PERSONAL_NUMBER:
        # Satellite phones and other networks of no country, and numbers that follow a person from line to line (the United Kingdom's
        # 070): texts to them cost whatever their owners ask.
        raise OtpNumberRefused(
            "Passcodes are not sent to satellite, personal and other numbers that are no mobiles of a country. Use another mobile, or"
            " write to support."
        )
    # Its own country, not the main one of those that share its code.
    country = phonenumbers.region_code_for_number(number)
    if settings.OTP_COUNTRIES and country not in settings.OTP_COUNTRIES:
        raise OtpNumberRefused(
            "Passcodes are not sent to numbers of this country. Use another mobile, or write to support."
        )


def _prefix_key(mobile_e164: str) -> str:
    """A block of ten thousand numbers: who makes others pay for text messages owns such, and asks from one after the other."""
    return pseudonym("prefix", mobile_e164[:-4])


def reserve_check(*, mobile_e164: str, user: User | None, purpose: str, client: Client, now: datetime) -> OtpAttempt:
    """Raises OtpTooMany."""
    number_key = pseudonym("phone", mobile_e164)
    # Before the lock too: nobody waits for whoever guesses by the thousand.
    _refuse_guessing(number_key, purpose, client, now)
    with transaction.atomic():
        line_up(name_of(number_key), f"otp:{client.network}")
        _refuse_guessing(number_key, purpose, client, now)
        return _reserved(purpose, user, mobile_e164, client, now)


def _refuse_guessing(number_key: str, purpose: str, client: Client, now: datetime) -> None:
    """Raises OtpTooMany."""
    lately = OtpAttempt.objects.filter(at__gt=now - timedelta(hours=1)).exclude(outcome=OtpAttempt.APPROVED)
    of_number = lately.filter(number_key=number_key, purpose=purpose)
    of_network = lately.filter(network=client.network, purpose__in=OtpAttempt.CHECKS)
    if of_number.count() >= CHECKS_PER_NUMBER_AND_HOUR_MAX or (
        client.network and of_network.count() >= CHECKS_PER_NETWORK_AND_HOUR_MAX
    ):
        raise OtpTooMany("Too many wrong codes. Wait an hour, then ask for a new one.")


def _reserved(purpose: str, user: User | None, mobile_e164: str, client: Client, now: datetime) -> OtpAttempt:
    return OtpAttempt.objects.create(
        at=now,
        purpose=purpose,
        user=user,
        number_key=pseudonym("phone", mobile_e164),
        prefix_key=_prefix_key(mobile_e164),
        network=client.network,
        price_micro=passcode_ceilings.price_micro(mobile_e164) if purpose in OtpAttempt.SENDS else 0,
    )


def settle(attempt: OtpAttempt, outcome: str, verification_sid: str = "") -> None:
    OtpAttempt.objects.filter(id=attempt.id).update(outcome=outcome, verification_sid=verification_sid)
