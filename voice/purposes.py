"""What a person allows in the privacy centre, and what follows at once: without the country of our servers nothing is used."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from compliance import cases, policy, policy_change, restriction, turns
from identity.personal_data import subject_of
from processors.pseudonyms import pseudonym
from voice import restricting

_TAKEN_BACK: Final = "I take back my consent to storage in the European Union."
_GIVEN_AGAIN: Final = "The consent was given again."


def set_purpose(*, user_id: UUID, purpose: str, given: bool, ip: str | None, now: datetime) -> None:
    """Gives or takes back the consent to a purpose that people are asked for; saying the same again changes nothing.

    Taking back what our servers' country rests on has everything used for nothing from that moment on, and opens a case for a
    person to answer; giving it again takes both back. Raises PurposeUnknown; TooManyTurns for giving, never for taking back.
    """
    person = pseudonym("user", user_id)
    with transaction.atomic():
        if purpose == policy.TRANSFER.key:
            # Calls are locked before whatever else the person has.
            restricting.lock_calls(user_id=user_id, phone_e164="")
        if not policy_change.set_purpose(user_id=user_id, purpose=purpose, given=given, ip=ip, now=now):
            return
        if purpose == policy.TRANSFER.key and given:
            _use_again(person, now)
        elif purpose == policy.TRANSFER.key:
            _use_for_nothing(user_id, person, now)


def _use_for_nothing(user_id: UUID, person: str, now: datetime) -> None:
    case = cases.open_case(
        kind="withdrawal",
        channel="privacy_centre",
        person=person,
        user_id=user_id,
        contact=subject_of(user_id).contact,
        words=_TAKEN_BACK,
        proof="session",
        now=now,
    )
    restricting.restrict(case=case, by="requester", now=now)


def _use_again(person: str, now: datetime) -> None:
    """What was restricted for another reason stays so."""
    for case in restriction.cases_of(person=person):
        if case is None or case.kind != "withdrawal":
            continue
        turns.demand_for_case(person=person, kind="withdrawal", now=now)
        restricting.lift(case=case, reason=_GIVEN_AGAIN, by="requester", now=now)
        if case.is_open:
            cases.close(reference=case.reference, outcome="taken_back", answer=_GIVEN_AGAIN, by="requester", now=now)
