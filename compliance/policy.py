"""The policy's present version and the texts that people agree to.

The first version is in force from the beginning. A later one is in force once its row says so; see policy_change.py.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Subquery
from django.db.models.functions import Now

from compliance import in_force
from compliance.clauses import Clause
from compliance.models import ConsentEvent
from compliance.policy_models import PolicyVersion
from compliance.versions import FIRST, NewPurpose
from processors.register import NOT_OF_PEOPLE, SERVERS_STAND_IN

# Purposes whose wording is the same for everybody, and those whose wording names what was chosen.
StandingPurpose = Literal["sms", "my_data", "policy", "transfer", "nominee"]
Purpose = StandingPurpose | Literal["top_up"]

VERSION: Final = FIRST.name

# What stands beside each box. A changed text needs a new version: the hash of the text is kept with each
# consent.
CONSENT_TEXTS: Final[dict[StandingPurpose, str]] = {
    "sms": (
        "I agree to receive one-time passcodes from Klosesales by text message at this number, to verify my account and to"
        " sign in. How often depends on how often I sign in. Message and data rates may apply. To stop them, write to"
        " support@klosesales.com; without them I can no longer sign in, because every sign-in needs a passcode. For help,"
        " write to the same address."
    ),
    "my_data": (
        "I agree to receive a one-time passcode from Klosesales by text message at this number, to prove that it is mine."
        " One message each time that I ask for a code. Message and data rates may apply. For help, write to"
        " support@klosesales.com."
    ),
    "policy": "I have read the privacy policy and accept it.",
    "transfer": (
        "I agree that Klosesales, a company in India, stores and processes my data on servers in the European Union"
        f" ({SERVERS_STAND_IN[1]})."
    ),
    "nominee": (
        "I name this person to act in my place if I die or can no longer act: to ask for a copy of my data, and to have my account"
        " deleted. Klosesales tells them so by e-mail and keeps their name and address for that alone. They know of it and agree."
    ),
}


# Asked in a box of its own at sign-up; one click in the privacy centre takes it back, or gives it (voice/purposes.py).
TRANSFER: Final = NewPurpose(
    key="transfer",
    title="Storage in the European Union",
    words=CONSENT_TEXTS["transfer"],
    if_no=(
        "at once, your data is used for nothing: you cannot call, nothing is made of your calls, and nobody of ours reads them."
        " It stays where it is until you delete your account, or we have answered you within 30 days."
    ),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version as this installation says it.

    version: as people accept it. name: as the registry has it. published_at: when people began to be told; null for the first.
    """

    version: str
    name: str
    effective_at: datetime
    published_at: datetime | None
    summary: str
    clauses: Sequence[Clause]
    purposes: Sequence[NewPurpose]
    receives: Mapping[str, frozenset[str]]

    @property
    def names(self) -> tuple[str, ...]:
        """Under which people may have been told of it and have accepted it. One that lets Twilio hear calls reads alike everywhere."""
        if "speech" in self.receives.get("twilio", ()):
            return self.name, f"{self.name}{in_force.WHERE_TWILIO_WRITES}"
        return (self.version,)

    @property
    def text_hash(self) -> str:
        """SHA-256 in hex over the wording of all clauses in their order."""
        return sha256_of("\n".join(f"{clause.id}\t{clause.text}" for clause in self.clauses))


def all_versions() -> list[Policy]:
    """Every version that is or was in force or that people are being told of, the oldest first."""
    return [first(), *(of_row(row) for row in PolicyVersion.objects.order_by("effective_at"))]


def present() -> Policy:
    row = PolicyVersion.objects.filter(effective_at__lte=Now()).order_by("-effective_at").first()
    return of_row(row) if row else first()


def first() -> Policy:
    return Policy(
        version=in_force.version(FIRST.name),
        name=FIRST.name,
        effective_at=FIRST.effective_at,
        published_at=None,
        summary=FIRST.summary,
        clauses=in_force.worded(FIRST.clauses, FIRST.where_twilio_writes),
        purposes=FIRST.purposes,
        receives=FIRST.receives,
    )


def of_row(row: PolicyVersion) -> Policy:
    clauses = tuple(Clause(**each) for each in row.clauses)
    return Policy(
        version=in_force.version(row.name),
        name=row.name,
        effective_at=row.effective_at,
        published_at=row.published_at,
        summary=row.summary,
        clauses=in_force.worded(clauses, row.where_twilio_writes),
        purposes=tuple(NewPurpose(**each) for each in row.purposes),
        receives={key: frozenset(classes) for key, classes in row.receives.items()},
    )


def name_in_force() -> Subquery:
    """For a query that reads something else: the name of the later version that is in force, or null under the first."""
    rows: Any = PolicyVersion.objects.filter(effective_at__lte=Now()).order_by("-effective_at").values("name")
    return Subquery(rows[:1])


def may_receive(processor: str, data_classes: Iterable[str]) -> bool:
    """Whether the version in force names these classes of data of this processor."""
    wanted = set(data_classes) - NOT_OF_PEOPLE
    if processor == "twilio" and "speech" in wanted and _all_agreed_that_twilio_writes():
        wanted.remove("speech")
    first_ones = FIRST.receives.get(processor)
    if first_ones is not None and wanted <= first_ones:
        return True
    named = present().receives.get(processor)
    return named is not None and wanted <= named


def demand_announced() -> None:
    """Raises ImproperlyConfigured where Twilio is to hear what is said in calls, and people were not told of that."""
    if in_force.twilio_transcribes() and not may_receive("twilio", {"speech"}):
        raise ImproperlyConfigured(
            "TRANSCRIPTION_ENGINE is twilio, and people here have accepted a policy by which Twilio does not hear what they say. Set it to"
            " own, add a version to compliance/versions.py that lets Twilio receive speech, and set it to twilio once that is in force."
        )


def _all_agreed_that_twilio_writes() -> bool:
    """Whether this installation has had calls written down by Twilio from its first account on, so that its first version said so to
    everybody who accepted it."""
    if not in_force.twilio_transcribes():
        return False
    accepted = ConsentEvent.objects.filter(purpose="policy", given=True, unlinked_at__isnull=True)
    return not accepted.exclude(policy_version__endswith=in_force.WHERE_TWILIO_WRITES).exists()


def current_version() -> str:
    return present().version


def consent_text(purpose: StandingPurpose) -> str:
    return CONSENT_TEXTS[purpose]


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
