"""What docs/input.md, docs/protection.md and docs/security.md write down is what the code does.

Most were seen red with another number or word on the page; those of passwords, levels, libraries, fields and log terms were not tried.
"""

import re
from typing import Final

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import MinimumLengthValidator, get_default_password_validators

from api import lead_import as lead_file
from compliance import cases, turns
from compliance.elements import ELEMENTS
from config.embedded import logfile
from identity import (
    access,
    api_keys,
    email_change,
    email_proof,
    invitations,
    nominees,
    number_access,
    otp,
    schemas,
    sessions,
)
from identity.outgoing import endpoints
from identity.password_rules import CONTEXT_WORDS
from identity.staff import actor, search
from tests.house.house import PROJECT
from voice import lead_import, lead_lines

_PASSWORD_MIN: Final = next(
    each.min_length for each in get_default_password_validators() if isinstance(each, MinimumLengthValidator)
)


LIMITS: Final = [
    f"| wrong passwords | {access.FAILURES_PER_ACCOUNT_MAX} in 15 minutes |",
    f"| | {access.FAILURES_PER_ACCOUNT_ANYWHERE_MAX} in 15 minutes | an account",
    f"| | {access.FAILURES_PER_NETWORK_MAX} in 15 minutes | a network |",
    f"| sign-ups | {access.SIGN_UPS_PER_NETWORK_MAX} an hour | a network |",
    f"| {access.RESETS_PER_ACCOUNT_MAX} an hour an account, {access.RESETS_PER_NETWORK_MAX} a network |",
    f"| passcodes sent | {otp.SENDS_PER_NUMBER_MAX} in 10 minutes, {otp.SENDS_PER_NUMBER_AND_DAY_MAX} a day |",
    f"| | of those {otp.UNPROVED_SENDS_PER_NUMBER_AND_DAY_MAX} a day |",
    f"| | {otp.SENDS_PER_NETWORK_AND_HOUR_MAX} an hour a network, {otp.SENDS_PER_PREFIX_AND_HOUR_MAX} an hour a block of ten thousand",
    f"| {otp.CHECKS_PER_NUMBER_AND_HOUR_MAX} wrong an hour a number, {otp.CHECKS_PER_NETWORK_AND_HOUR_MAX} a network |",
    f"| {invitations.OPEN_MAX} open, {invitations.A_DAY_MAX} a day; {invitations.AN_ADDRESS_A_DAY_MAX} a day an address |",
    f"| links that confirm an address | {email_proof.LINKS_AN_HOUR_MAX} an hour, {email_proof.LINKS_A_DAY_MAX} a day |",
    f"| | {email_change.AN_ADDRESS_A_DAY_MAX} a day | a new address",
    f"| nominees | {nominees.NAMED_A_DAY_MAX} named a day; {nominees.AN_ADDRESS_A_DAY_MAX} a day an address |",
    f"| | {nominees.CLAIMS_A_DAY_MAX} a day, of which",
    f"| wishes that wait for an answer | {cases.OPEN_WISHES_MAX} |",
    f"another deletion) | {turns.A_DAY_MAX} a day | a number |",
    f"| links to a copy that are none | {number_access.LINKS_PER_NETWORK_MAX} an hour | a network |",
    f"| searches of our own people | {search.SEARCHES_MAX} an hour |",
    f"| API keys | {api_keys.KEYS_MAX} that are good; two years at most |",
    f"| webhooks | {endpoints.ENDPOINTS_MAX} |",
    f"`REQUESTS_PER_MINUTE_MAX` ({settings.REQUESTS_PER_MINUTE_MAX:,}) a minute",
]
TERMS: Final = [
    f"**{sessions.SIGNED_IN_FOR.days} days from the passcode, {sessions.IDLE_FOR.days} days without use.**",
    f"**{sessions.AWAITING_OTP_FOR.seconds // 60} minutes** while the passcode is awaited",
    f"**{actor.SIGNED_IN_FOR.seconds // 3600} hours, {actor.IDLE_FOR.seconds // 60} minutes idle** for our own people",
    "**As many at once as one likes.**",
    "**Google and Facebook open a session and have no part in it afterwards.** It lasts"
    f" {sessions.SIGNED_IN_FOR.days} days from the passcode or {sessions.IDLE_FOR.days} days without use",
]
LEVELS: Final = [f"| {level} |" for level in ("secret", "close", "personal", "plain")]
KEYS: Final = [
    f"| `{name}` |"
    for name in (
        *("FIELD_KEYS", "STAFF_SECRET_KEYS", "LOOKUP_KEY", "SUPPRESSION_KEY", "SECRET_KEY"),
        *("TWILIO_AUTH_TOKEN", "PADDLE_WEBHOOK_SECRET"),
    )
]
FILE: Final = [
    *sorted(lead_file._CSV_TYPES),
    f"{lead_file.BYTES_MAX // 1_000_000} MB",
    f"{lead_import.ROWS_MAX:,} rows",
    f"{lead_lines._LINE_MAX:,}\ncharacters a line",
]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("input.md", LIMITS),
        ("input.md", [f"| password | {_PASSWORD_MIN} to {schemas._SECRET_CHARACTERS_MAX} characters"]),
        ("input.md", FILE),
        ("input.md", ["## Values that have to fit together", "## What is costly, and what keeps it from harm"]),
        ("protection.md", TERMS),
        ("protection.md", LEVELS),
        ("protection.md", KEYS),
        ("protection.md", [f"two files of {logfile._MAX_AGE_S // 86_400} days", "`config/logs.py`"]),
        ("protection.md", ["Critical or exploited: replaced or switched off within 2 days", "High: 7 days"]),
        ("protection.md", ["## Who may see which fields", "| field | owner, manager | rep | our own people |"]),
    ],
    ids=["limits", "passwords", "uploads", "fit", "sessions", "levels", "keys", "logs", "libraries", "fields"],
)
def test_what_is_asked_to_be_written_down_is_there_and_true(page: str, said: list[str]) -> None:
    text = (PROJECT / "docs" / page).read_text()
    assert [each for each in said if each not in text] == []


def test_the_words_that_no_password_may_be_made_of_are_those_that_are_named() -> None:
    row = re.search(r"^\| 6\.1\.2 \|.*$", (PROJECT / "docs" / "security.md").read_text(), re.M)
    assert row is not None and set(CONTEXT_WORDS) == set(
        re.findall("[a-z]+", row[0].partition("Here: ")[2].partition(" (")[0])
    )


def test_logs_are_kept_as_long_as_the_data_page_says() -> None:
    assert (ELEMENTS["log_id"].retention_days or 0) * 86_400 == logfile._MAX_AGE_S * 2
