"""The policy's present version and the texts that people agree to."""

import hashlib
from datetime import date
from typing import Final, Literal

from compliance import in_force

# Purposes whose wording is the same for everybody, and those whose wording names what was chosen.
StandingPurpose = Literal["sms", "policy", "transfer"]
Purpose = StandingPurpose | Literal["top_up"]

VERSION: Final = "2026-1"
EFFECTIVE_ON: Final = date(2026, 1, 1)

# What stands beside each box. A changed text needs a new VERSION: the hash of the text is kept with each
# consent.
CONSENT_TEXTS: Final[dict[StandingPurpose, str]] = {
    "sms": (
        "I agree to receive one-time passcodes from Klosesales by text message at this number, to verify my account and to"
        " sign in. How often depends on how often I sign in. Message and data rates may apply. To stop them, write to"
        " support@klosesales.com; without them I can no longer sign in, because every sign-in needs a passcode. For help,"
        " write to the same address."
    ),
    "policy": "I have read the privacy policy and accept it.",
    "transfer": (
        "I agree that Klosesales, a company in India, stores and processes my data on servers in the European Union"
        " (Lithuania)."
    ),
}


def current_version() -> str:
    return in_force.version(VERSION)


def consent_text(purpose: StandingPurpose) -> str:
    return CONSENT_TEXTS[purpose]


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def policy_hash() -> str:
    """SHA-256 in hex over the wording of all clauses in their order."""
    return sha256_of("\n".join(f"{clause.id}\t{clause.text}" for clause in in_force.clauses()))
