"""Telephone numbers: E.164, country and time zone, from the phonenumbers tables."""

from dataclasses import dataclass
from typing import ClassVar

import phonenumbers
from phonenumbers import timezone as phone_timezone

from processors.errors import DomainError

# Whoever calls these pays more than for a call, or reaches nobody. Types of the phonenumbers tables.
NOT_CALLABLE = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.PAGER,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)


class PhoneInvalid(DomainError):
    code: ClassVar[str] = "phone_invalid"


class PhoneNotCallable(DomainError):
    """A telephone number by which no person is called."""

    code: ClassVar[str] = "phone_not_callable"


SPECIAL_RATE = "This is a premium-rate, pager or voicemail number, which is not called. Use the person's own number."


@dataclass(frozen=True, slots=True)
class Phone:
    """e164: +country and national number. country: ISO 3166 alpha-2, empty for global networks. time_zone: IANA; the first of several."""

    e164: str
    country: str
    time_zone: str


def parse_phone(text: str, *, region: str | None = None) -> Phone:
    """A number as people type it, with its country code or of the given region (ISO 3166 alpha-2).

    :raises PhoneInvalid: when no telephone could have it.
    :raises PhoneNotCallable: a premium-rate, shared-cost, pager or voicemail number.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise PhoneInvalid(
            "This is not a telephone number. Write it with its country code, such as +44 20 7946 0018."
        ) from None
    region_code = phonenumbers.region_code_for_number(number)
    # Asked once: a number is valid if it is of some type, and the tables are what most of an import's time goes into.
    kind = phonenumbers.number_type(number) if region_code else phonenumbers.PhoneNumberType.UNKNOWN
    if region_code is None or kind == phonenumbers.PhoneNumberType.UNKNOWN:
        raise PhoneInvalid("No telephone has this number. Check its digits and its country code.")
    if kind in NOT_CALLABLE:
        raise PhoneNotCallable(SPECIAL_RATE)
    if phonenumbers.is_number_type_geographical(kind, number.country_code or 0):
        zones = phone_timezone.time_zones_for_geographical_number(number)
    else:
        zones = phone_timezone.time_zones_for_number(number)
    zone = next((name for name in zones if name != phone_timezone.UNKNOWN_TIMEZONE), "UTC")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # Satellite and other global networks belong to no country; the tables call theirs "001".
    return Phone(e164, region_code if region_code.isalpha() else "", zone)


def is_callable(phone_e164: str) -> bool:
    """Whether a stored number may be dialled; the tables may have changed since it was stored."""
    try:
        parse_phone(phone_e164)
    except (PhoneInvalid, PhoneNotCallable):
        return False
    return True
