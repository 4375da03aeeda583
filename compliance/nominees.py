"""Who acts for a person, and what becomes of that when somebody does not want to any more."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from compliance import audit, cases, erasure_ledger, requests
from compliance.erasure_ledger import Entry
from compliance.models import Case, Nominee, NomineeGrant, Request
from processors.pseudonyms import pseudonym

# As the erasure ledger has the no of a person's nominee; the person's own is that to a purpose.
_DECLINED: Final = {"purpose": "nominee", "by": "nominee"}
OVER = "You do not act any more for the person who had named you, so nothing is done."


def acts(case: Case) -> bool:
    """Whether who asks in the case is still the one whom the person has named, and has not declined."""
    if case.user_id is None:
        return False
    return Nominee.objects.filter(user_id=case.user_id, email=case.contact, declined_at__isnull=True).exists()


def decline(nominee: Nominee, *, now: datetime) -> None:
    """Removes who the nominee is; that somebody declined stays for the person to see, and a keyed hash of who, so that the same is not
    named again. Within the caller's transaction."""
    key = pseudonym("email", nominee.email)
    nominee.name, nominee.email, nominee.declined_at = "", "", now
    nominee.save(update_fields=["name", "email", "declined_at"])
    nominee.claims.all().delete()
    _lock(nominee.user_id)
    _end_cases(nominee.user_id, "requester", now)
    erasure_ledger.note([_declined(nominee.user_id, now)], now=now)
    audit.record(
        workspace_id=None,
        actor_ref="requester",
        action="nominee.declined",
        target=str(nominee.user_id),
        detail={"address": key},
        now=now,
    )


def remove(*, user_id: UUID, now: datetime) -> bool:
    """Nobody acts for the person any more: nothing that was asked for is granted, no link opens a copy, and a deletion that can still be
    taken back is. Within the caller's transaction. Returns whether there was somebody."""
    found = Nominee.objects.filter(user_id=user_id).delete()[0] > 0
    _lock(user_id)
    by = str(user_id)
    for case in (
        _cases_of(user_id).filter(erasure__state="requested", erasure__runs_at__gt=now).select_related("erasure")
    ):
        assert case.erasure is not None
        requests.cancel_erasure(person=case.erasure.person, now=now, by=by)
    _end_cases(user_id, by, now)
    return found


def enter_replaced(*, user_id: UUID, now: datetime) -> None:
    """Has the erasure ledger told that the person wants somebody else, in the caller's transaction."""
    erasure_ledger.note([Entry("withdrawal", pseudonym("user", user_id), now, {"purpose": "nominee"})], now=now)


def recall(entry: Entry, *, user_id: UUID, now: datetime) -> None:
    """In a database that was restored: whom the person named before then does not act, because either of them did not want it any more.

    Within the caller's transaction. Repeating it changes nothing.
    """
    nominee = Nominee.objects.select_for_update().filter(user_id=user_id, named_at__lt=entry.at).first()
    if nominee is None:
        return
    if entry.detail != _DECLINED:
        remove(user_id=user_id, now=now)
    elif nominee.declined_at is None:
        decline(nominee, now=entry.at)


def remembered(*, since: datetime) -> Iterator[Entry]:
    """Who declined since then, for a ledger that does not know it."""
    for nominee in Nominee.objects.filter(declined_at__gte=since).order_by("id").iterator():
        if nominee.declined_at is not None:
            yield _declined(nominee.user_id, nominee.declined_at)


def _declined(user_id: UUID, at: datetime) -> Entry:
    return Entry("withdrawal", pseudonym("user", user_id), at, _DECLINED)


def _lock(user_id: UUID) -> None:
    """All of them before anything is written into the audit log, whose end others wait for with a case in hand. Whoever approves
    meanwhile is waited for."""
    theirs = _cases_of(user_id)
    list(Request.objects.select_for_update(of=("self",)).filter(case__in=theirs).order_by("id"))
    list(theirs.select_for_update(of=("self",)).order_by("id"))


def _end_cases(user_id: UUID, by: str, now: datetime) -> None:
    going_on = _cases_of(user_id).exclude(state="closed").exclude(erasure__state__in=Request.OPEN_STATES)
    # Closing one closes what is joined to it.
    while case := going_on.order_by("opened_at", "id").first():
        cases.close(reference=case.reference, outcome="taken_back", answer=OVER, by=by, now=now)
    cases.withdraw_grants(NomineeGrant.objects.filter(case__in=_cases_of(user_id)), by=by, now=now)


def _cases_of(user_id: UUID) -> QuerySet[Case]:
    return Case.objects.filter(user_id=user_id, kind="nominee", proved_by="link")
