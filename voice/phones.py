"""Telephone numbers: E.164, country and time zone, from the phonenumbers tables."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

import phonenumbers

from compliance.one_line import without_marks
from processors.errors import DomainError
from voice import phone_tables
from voice.phone_tables import Found

# All of them are a few megabytes, and making one anew costs more than using it a hundred times.
phonenumbers.enable_pattern_cache()

# Whoever calls these pays more than for a call, or reaches nobody. Types of the phonenumbers tables.
NOT_CALLABLE = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.PAGER,
        phonenumbers.PhoneNumberType.VOICEMAIL,
    }
)


# What spreadsheets and data frames make of digits. The library would read the 0 behind the point as one more digit, which many
# countries have room for.
_AMOUNT: Final = re.compile(r"\s*\+?\d+(?:\.0+|[.,]\d+[eE]\+\d+)\s*")


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
    if _AMOUNT.fullmatch(text):
        raise PhoneInvalid(
            "A table kept this number as an amount, so that digits may be lost. Save the table again with this column as text."
        )
    found = phone_tables.find(text) or _parsed(text, region)
    if found.kind in NOT_CALLABLE:
        raise PhoneNotCallable(SPECIAL_RATE)
    # Satellite and other global networks belong to no country; the tables call theirs "001".
    return Phone(found.e164, found.region if found.region.isalpha() else "", found.time_zone)


def _parsed(text: str, region: str | None) -> Found:
    """Whatever people may type. Raises PhoneInvalid."""
    try:
        number = phonenumbers.parse(without_marks(text), region)
    except phonenumbers.NumberParseException:
        raise PhoneInvalid(
            "This is not a telephone number. Write it with its country code, such as +44 20 7946 0018."
        ) from None
    national = phonenumbers.national_significant_number(number)
    found = phone_tables.find_national(country_code=number.country_code or 0, number=national)
    if found is None:
        raise PhoneInvalid("No telephone has this number. Check its digits and its country code.")
    return found


def is_callable(phone_e164: str) -> bool:
    """Whether a stored number may be dialled; the tables may have changed since it was stored."""
    try:
        parse_phone(phone_e164)
    except (PhoneInvalid, PhoneNotCallable):
        return False
    return True
