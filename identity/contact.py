"""E-mail addresses and mobile numbers as people type them."""

from typing import ClassVar

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers import PhoneNumberType

from compliance.one_line import without_marks
from processors.errors import DomainError
from processors.mail import can_be_encoded

# Numbers that cannot take a text message of ours, or that charge whoever is charged for calling them.
_NOT_MOBILE = {
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
    PhoneNumberType.PAGER,
}


class EmailInvalid(DomainError):
    code: ClassVar[str] = "email_invalid"


class MobileInvalid(DomainError):
    code: ClassVar[str] = "mobile_invalid"


def parse_email(typed: str) -> str:
    """The address in lower case. Raises EmailInvalid."""
    email = typed.strip().lower()
    if not _is_email(email):
        raise EmailInvalid("This is not an e-mail address. Check it for a typing mistake.")
    return email


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    # Django bounds each part as it is typed, and letters beyond ASCII become more once encoded.
    return can_be_encoded(text)


def parse_mobile(typed: str) -> str:
    """The number in E.164. Raises MobileInvalid, also for kinds of numbers that take no text message."""
    try:
        number = phonenumbers.parse(without_marks(typed), None)
    except phonenumbers.NumberParseException:
        raise MobileInvalid("Give the mobile number with its country code, such as +44 7400 123456.") from None
    if not phonenumbers.is_valid_number(number):
        raise MobileInvalid("There is no such phone number. Check the country code and the digits.")
    if phonenumbers.number_type(number) in _NOT_MOBILE:
        raise MobileInvalid("This number cannot receive a passcode. Give a mobile number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of(number_e164: str) -> str:
    """ISO 3166 alpha-2 of a number's country, or of the main one of those that share its code; "" where it has none or is none."""
    try:
        number = phonenumbers.parse(number_e164, None)
    except phonenumbers.NumberParseException:
        return ""
    code = number.country_code or 0
    country = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(code)
    # 001 and ZZ stand for no country.
    return country if country.isalpha() and country != "ZZ" else ""


def hinted(email: str) -> str:
    """Enough to recognise one's own address, too little to learn another's: "i•••@example.com"."""
    name, _, host = email.partition("@")
    return f"{name[:1]}•••@{host}"


def masked(mobile_e164: str) -> str:
    """Enough to recognise one's own number, too little to learn another's."""
    return f"•••• {mobile_e164[-3:]}"
