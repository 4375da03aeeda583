"""Restriction: data of a person is kept and used for nothing, until somebody decides and says why.

Who is restricted is asked by dialling, by whoever reads or understands calls, and by questions.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from compliance import audit, cases, erasure_ledger, policy, policy_change
from compliance.erasure_ledger import Entry
from compliance.models import Case, RestrictedRow, Restriction
from processors.errors import DomainError
from processors.pseudonyms import pseudonym


class SubjectRestricted(DomainError):
    """The person has restricted the use of their data; passes when somebody decides."""

    code: ClassVar[str] = "subject_restricted"

    def __init__(self) -> None:
        super().__init__(
            "This person has restricted the use of their data. Wait until that is decided: it can only be kept."
        )


class OwnUseRestricted(DomainError):
    """Who asks has restricted the use of their own data; passes when somebody decides."""

    code: ClassVar[str] = "own_use_restricted"

    def __init__(self) -> None:
        super().__init__(
            "You have asked us to use nothing of yours, so you cannot call or ask here. Write to support to have that lifted."
        )


class StorageConsentWithdrawn(DomainError):
    """Who asks has taken back the consent on which the use of their own data rests; passes when they give it again."""

    code: ClassVar[str] = "storage_consent_withdrawn"

    def __init__(self) -> None:
        super().__init__(
            "You have taken back your consent to storage in the European Union, so nothing of yours is used. "
            "Allow it again with one click in the privacy centre to go on."
        )


class RestrictionUnknown(DomainError):
    """No restriction of this person is in force. Reload the page."""

    code: ClassVar[str] = "restriction_unknown"


def restrict(*, case: Case, row_ids: Iterable[UUID], by: str, now: datetime) -> Restriction:
    """Puts the person of the case under restriction, with these leads and accounts. A second time it adds what is new.

    What another case restricts already is restricted for this one's reason too. Within the caller's transaction.
    """
    _line_up(case.person)
    restriction = _standing(case.person).filter(case=case).first()
    is_again = restriction is not None
    if restriction is None:
        restriction = Restriction.objects.create(case=case, person=case.person, since=now)
        erasure_ledger.note([_entry(restriction)], now=now)
    new = set(row_ids) - set(restriction.rows.values_list("row_id", flat=True))
    rows = [RestrictedRow(restriction=restriction, row_id=row_id) for row_id in new]
    RestrictedRow.objects.bulk_create(rows, ignore_conflicts=True)
    if is_again and not rows:
        return restriction
    audit.record(
        workspace_id=None,
        actor_ref=by,
        action="restriction.began",
        target=str(case.id),
        detail={"rows": len(rows)},
        now=now,
    )
    return restriction


def lift(*, case: Case, reason: str, by: str, now: datetime, every: bool = False) -> list[UUID]:
    """Ends the restriction that began with the case, by a decision that says why; returns what is free again by that. What is restricted
    for another reason stays so.

    every: whatever it began with, as from a case with which none began. Raises RestrictionUnknown, ReasonMissing.
    """
    with transaction.atomic():
        # The case before the person, as whoever restricts.
        cases.note(
            reference=case.reference, text=f"Restriction lifted: {reason}" if reason.strip() else "", by=by, now=now
        )
        _line_up(case.person)
        standing = list(_standing(case.person))
        ending = standing if every else _ending(case, standing)
        if not standing:
            raise RestrictionUnknown("No restriction of this person is in force. Reload the page.")
        if not ending:
            raise RestrictionUnknown("Another case of this person restricts the use. Open that one, and decide there.")
        covered_ids = {row_id for each in ending for row_id in each.rows.values_list("row_id", flat=True)}
        for each in ending:
            _end(each, now)
        erasure_ledger.note([_end_of(each, now) for each in ending], now=now)
        audit.record(
            workspace_id=None,
            actor_ref=by,
            action="restriction.lifted",
            target=str(case.id),
            detail={"since": min(each.since for each in ending).isoformat()},
            now=now,
        )
        return list(covered_ids - set(covered().filter(row_id__in=covered_ids)))


def _line_up(person: str) -> None:
    """Whoever restricts and whoever lifts come one after the other, or one would not see what the other leaves standing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"restriction:{person}"])


def _standing(person: str) -> QuerySet[Restriction]:
    return Restriction.objects.filter(person=person, lifted_at__isnull=True).order_by("id")


def _ending(case: Case, standing: list[Restriction]) -> list[Restriction]:
    """What of the person's a decision in this case ends: what began with it; all where nothing ever did; and in the end what began with
    one that a restored backup has lost."""
    if not Restriction.objects.filter(case=case, person=case.person).exists():
        return standing
    own = [each for each in standing if each.case_id == case.id]
    return own or [each for each in standing if each.case_id is None]


def is_ended_by(case: Case) -> bool:
    """Whether a decision in this case lifts something."""
    return bool(_ending(case, list(_standing(case.person))))


def began_with(case: Case) -> bool:
    """Whether what the case asks for is in force already."""
    return _standing(case.person).filter(case=case).exists()


def recall(entry: Entry) -> None:
    """Brings what the erasure ledger knows of a person's restriction back into a database that was restored; entries in their order.

    Its rows are named by the packages that have them (`cover`); the case is not there any more. Repeating them all ends the same.
    """
    of_person = Restriction.objects.filter(person=entry.key)
    if not entry.detail["in_force"]:
        # Without a beginning it is the end of all that there were.
        began = {"since": datetime.fromisoformat(entry.detail["since"])} if "since" in entry.detail else {}
        for restriction in of_person.filter(lifted_at__isnull=True, since__lte=entry.at, **began):
            _end(restriction, entry.at)
    elif not of_person.filter(since=entry.at).exists():
        Restriction.objects.create(person=entry.key, since=entry.at)


def cover(*, person: str, row_ids: Iterable[UUID]) -> bool:
    """Puts rows that were found again under the person's restriction; whether one is in force."""
    standing, row_ids = list(_standing(person)), list(row_ids)
    rows = [RestrictedRow(restriction=each, row_id=row_id) for each in standing for row_id in row_ids]
    RestrictedRow.objects.bulk_create(rows, ignore_conflicts=True)
    return bool(standing)


def forget(*, person: str) -> None:
    """With whoever was erased it is gone too."""
    Restriction.objects.filter(person=person).delete()


def remembered(*, since: datetime) -> Iterator[Entry]:
    """What began since then and is in force, for a ledger that does not know it."""
    for row in Restriction.objects.filter(lifted_at__isnull=True, since__gte=since).order_by("id").iterator():
        yield _entry(row)


def _entry(restriction: Restriction) -> Entry:
    return Entry("restriction", restriction.person, restriction.since, {"in_force": True})


def _end_of(restriction: Restriction, at: datetime) -> Entry:
    detail = {"in_force": False, "since": restriction.since.isoformat()}
    return Entry("restriction", restriction.person, at, detail)


def _end(restriction: Restriction, now: datetime) -> None:
    restriction.rows.all().delete()
    restriction.lifted_at = now
    restriction.save(update_fields=["lifted_at"])


def of_number(phone_e164: str) -> bool:
    """Whether the person with this number is under restriction."""
    return in_force(person=pseudonym("phone", phone_e164))


def numbers_among(phones_e164: Iterable[str]) -> set[str]:
    """Of these numbers those whose person is under restriction."""
    by_key = {pseudonym("phone", phone): phone for phone in phones_e164}
    held = Restriction.objects.filter(person__in=by_key, lifted_at__isnull=True)
    return {by_key[person] for person in held.values_list("person", flat=True)}


def in_force(*, person: str) -> bool:
    return _standing(person).exists()


def cases_of(*, person: str) -> list[Case | None]:
    """The cases with which what restricts the person began; None for one that a restored backup has lost."""
    return [each.case for each in _standing(person).select_related("case")]


def covers(*row_ids: UUID) -> bool:
    """Whether one of these leads or accounts is under restriction."""
    return RestrictedRow.objects.filter(row_id__in=row_ids).exists()


def refuse(*row_ids: UUID) -> None:
    """Raises SubjectRestricted when one of these leads or accounts is under restriction."""
    if covers(*row_ids):
        raise SubjectRestricted


def of_own(user_id: UUID) -> OwnUseRestricted | StorageConsentWithdrawn | None:
    """What an account is told that may use nothing because its own holder wants it so; None when it may."""
    if not covers(user_id):
        return None
    reasons = cases_of(person=pseudonym("user", user_id))
    # What somebody of us restricted, or for a consent that stands, is not lifted by giving it.
    taken_back = policy_change.standing(user_id=user_id, purpose=policy.TRANSFER.key) is False
    by_click = taken_back and all(case is not None and case.kind == "withdrawal" for case in reasons)
    return StorageConsentWithdrawn() if by_click else OwnUseRestricted()


def covered() -> QuerySet[RestrictedRow, UUID]:
    """The identifiers of all leads and accounts under restriction, for use in another query."""
    return RestrictedRow.objects.values_list("row_id", flat=True)
