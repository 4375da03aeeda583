"""Telephone numbers: what is found in the tables right away is what the library's own parser finds.

Planted bugs that this catches: the type's lengths left out, a national prefix that is taken for part of the number, the regions of
a country code in another order, the time zone of the country for a number that has one of its own.
"""

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import timezone

from voice.phone_tables import Found, find
from voice.phones import PhoneInvalid, PhoneNotCallable, parse_phone

KINDS = range(11)
WRITTEN = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
)


def judged(text: str, country: str | None = None) -> Found | None:
    """By the library alone. country: of a national number."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number(number):
        return None
    zones = [zone for zone in timezone.time_zones_for_number(number) if zone != timezone.UNKNOWN_TIMEZONE]
    return Found(
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        region,
        phonenumbers.number_type(number),
        [*zones, "UTC"][0],
    )


def examples() -> Iterator[phonenumbers.PhoneNumber]:
    """One of each type of each country and each global network."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            if number := phonenumbers.example_number_for_type(region, kind):
                yield number
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        if number := phonenumbers.example_number_for_non_geo_entity(code):
            yield number


def near(digits: str, dice: random.Random) -> Iterator[str]:
    """The number, and others that begin like it or nearly so, of the same length or not."""
    yield digits
    for kept in (-4, -7):
        yield digits[:kept] + "".join(dice.choice("0123456789") for _ in range(-kept))
    yield digits + dice.choice("0123456789")
    yield digits[:-1]
    place = dice.randrange(1, min(6, len(digits)))
    yield digits[:place] + dice.choice("0123456789") + digits[place + 1 :]
    yield digits[:place] + dice.choice("01") + digits[place:]


def test_what_is_found_in_the_tables_is_what_the_library_says_of_numbers_of_all_countries() -> None:
    dice = random.Random(9_043)
    compared = found_at_once = valid = 0
    for number in examples():
        for text in (phonenumbers.format_number(number, form) for form in WRITTEN):
            assert find(text) in (None, judged(text)), text
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        for other in near(digits, dice):
            found, expected = find(f"+{other}"), judged(f"+{other}")
            assert found in (None, expected), other
            compared += 1
            found_at_once += found is not None
            valid += expected is not None
    assert compared > 8_000
    # What is left to the library's parser is the exception.
    assert found_at_once > 0.8 * valid


@pytest.mark.parametrize("text", ["+1 (312) 200-0042", "+49 1511 0000042", "+44 20 7946 0018", "+39 06 1234 5678"])
def test_as_people_write_them_they_are_found_at_once(text: str) -> None:
    assert find(text) == judged(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "+49 (0)30 901820",
        "tel:+49-30-901820",
        "+1 312 200 0042 ext. 5",
        "+\uff11 312 200 0042",
        "++1 312 200 0042",
        "+1 312 200 0042 / 0043",
        "+1 312 CALL NOW",
        "+1 312 200 0042x5",
        "+0 312 200 0042",
        "0049 30 901820",
        "+",
        "+999 123456789",
        "+1 312 200 004",
        " +1 312 200 0042",
        "",
    ],
)
def test_what_is_written_otherwise_is_left_to_the_library(text: str) -> None:
    assert find(text) is None


def test_a_number_is_refused_for_the_same_reasons_however_it_was_found() -> None:
    for text in ("+44 909 8790000", "+44 (0)909 8790000"):
        with pytest.raises(PhoneNotCallable):
            parse_phone(text)
    for text in ("+44 20 7946", "+999 123456789", "12"):
        with pytest.raises(PhoneInvalid):
            parse_phone(text)
    assert parse_phone("+800 1234 5678").country == ""


def test_national_numbers_of_every_country_are_those_that_the_library_says() -> None:
    compared = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number(region)
        assert number is not None
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        expected = judged(text, region)
        assert expected is not None
        try:
            phone = parse_phone(text, region=region)
        except PhoneNotCallable:
            continue
        assert (phone.e164, phone.country, phone.time_zone) == (expected.e164, expected.region, expected.time_zone)
        compared += 1
    assert compared > 200


def test_one_number_is_the_same_however_it_is_written() -> None:
    assert parse_phone("+49 (0)30 901820") == parse_phone("+49 30 901820") == parse_phone("030 901820", region="DE")
    assert parse_phone("\u202a+49\u200e 30\u2069 901820\u202c") == parse_phone("+49 30 901820")
