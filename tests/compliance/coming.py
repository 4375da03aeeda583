"""A registry of versions whose second one comes, for the tests: POLICY_VERSIONS points here."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from compliance.clauses import Clause
from compliance.versions import FIRST, NewPurpose, Version, changed

VERSIONS: tuple[Version, ...] = (FIRST,)
NAME = "2026-2"
SUMMARY = "Calls may be summed up for your manager in a weekly mail, and passcodes may come by voice."
WEEKLY = NewPurpose(
    key="weekly_mail",
    title="A weekly mail about your calls",
    words="I agree that my manager gets a weekly mail that sums up my calls.",
    if_no="Your manager gets no such mail about you. Nothing else changes.",
)


def second(effective_on: date, *, purposes: tuple[NewPurpose, ...] = (), **changes: Any) -> Version:
    return changed(
        FIRST,
        name=NAME,
        effective_on=effective_on,
        summary=SUMMARY,
        texts={"C2.2": "To make sure that it is you, by one-time passcodes sent or spoken through Twilio Verify."},
        added=[Clause(id="C2.9", section=2, text="To sum up your calls for your manager, if you agree to that.")],
        removed=["C8.3"],
        purposes=purposes,
        **changes,
    )


def in_days(days: int) -> date:
    return (datetime.now(UTC) + timedelta(days=days)).date()
