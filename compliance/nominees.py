"""Who acts for a person, and what becomes of that when somebody does not want to any more."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from compliance import audit, cases, erasure_ledger, requests
from compliance.erasure_ledger import Entry
from compliance.models import AuditEvent, Case, ConsentEvent, Nominee, NomineeGrant, Request
from processors.pseudonyms import pseudonym

# Who said no, where it was a person's nominee, as the erasure ledger has it; the person's own is that to a purpose.
_NOMINEE: Final = "nominee"
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
    _end_of(nominee, now=now, is_told=False)
    erasure_ledger.note([_declined(nominee.user_id, key, now)], now=now)
    _note_declined(nominee.user_id, key, now)


def remove(*, user_id: UUID, now: datetime, is_told: bool = False) -> bool:
    """Nobody acts for the person any more: nothing that was asked for is granted, no link opens a copy, and a deletion that can still be
    taken back is. Within the caller's transaction. Returns whether there was somebody.

    is_told: everybody whom it concerns was told of it when it happened, before a backup was restored.
    """
    found = Nominee.objects.filter(user_id=user_id).delete()[0] > 0
    _lock(user_id)
    by = "system" if is_told else str(user_id)
    for case in (
        _cases_of(user_id).filter(erasure__state="requested", erasure__runs_at__gt=now).select_related("erasure")
    ):
        assert case.erasure is not None
        requests.cancel_erasure(person=case.erasure.person, now=now, by=by)
    _end_cases(user_id, by, now, is_told=is_told)
    return found


def enter_replaced(*, user_id: UUID, now: datetime) -> None:
    """Has the erasure ledger told that the person wants somebody else, in the caller's transaction."""
    erasure_ledger.note([_replaced(user_id, now)], now=now)


def recall(entry: Entry, *, user_id: UUID, now: datetime) -> None:
    """In a database that was restored: whom the person named before then does not act, because either of them did not want it any more.
    Whoever declined is not asked again, whether the backup knows them or not; nobody is told anything a second time.

    Within the caller's transaction. Repeating it changes nothing.
    """
    nominee = Nominee.objects.select_for_update().filter(user_id=user_id, named_at__lt=entry.at).first()
    address = entry.detail.get("address", "")
    if entry.detail.get("by") != _NOMINEE:
        if nominee is not None:
            remove(user_id=user_id, now=now, is_told=True)
        return
    if nominee is not None and nominee.declined_at is None:
        # Entries of before name nobody; there was never more than one at a time.
        known = pseudonym("email", nominee.email)
        if address in ("", known):
            address = known
            _end_of(nominee, now=entry.at, is_told=True)
        else:
            remove(user_id=user_id, now=now, is_told=True)
    if address:
        _note_declined(user_id, address, entry.at)


def remembered(*, since: datetime) -> Iterator[Entry]:
    """Who declined since then, and who was named in the place of somebody else, for a ledger that does not know it."""
    declined = AuditEvent.objects.filter(action="nominee.declined", at__gte=since).order_by("sequence")
    for target, at, address in declined.values_list("target", "at", "detail__address").iterator():
        yield _declined(target, address or "", at)
    before = ConsentEvent.objects.filter(
        user_id=OuterRef("user_id"), purpose="nominee", given=True, at__lt=OuterRef("named_at")
    )
    for nominee in Nominee.objects.filter(Exists(before), named_at__gte=since).order_by("id").iterator():
        yield _replaced(nominee.user_id, nominee.named_at)


def _declined(user_id: UUID | str, address_key: str, at: datetime) -> Entry:
    """address_key: keyed hash of whose address it is, so that nobody asks them again."""
    detail = {"purpose": "nominee", "by": _NOMINEE, "address": address_key}
    return Entry("withdrawal", pseudonym("user", user_id), at, detail)


def _replaced(user_id: UUID, at: datetime) -> Entry:
    return Entry("withdrawal", pseudonym("user", user_id), at, {"purpose": "nominee"})


def _end_of(nominee: Nominee, *, now: datetime, is_told: bool) -> None:
    nominee.name, nominee.email, nominee.declined_at = "", "", now
    nominee.save(update_fields=["name", "email", "declined_at"])
    nominee.claims.all().delete()
    _lock(nominee.user_id)
    _end_cases(nominee.user_id, "system" if is_told else "requester", now, is_told=is_told)


def _note_declined(user_id: UUID, address_key: str, now: datetime) -> None:
    """Once: it is what keeps others from naming them again (identity/nominees.py)."""
    noted = AuditEvent.objects.filter(target=str(user_id), action="nominee.declined", detail__address=address_key)
    if noted.exists():
        return
    audit.record(
        workspace_id=None,
        actor_ref="requester",
        action="nominee.declined",
        target=str(user_id),
        detail={"address": address_key},
        now=now,
    )


def _lock(user_id: UUID) -> None:
    """All of them before anything is written into the audit log, whose end others wait for with a case in hand. Whoever approves
    meanwhile is waited for."""
    theirs = _cases_of(user_id)
    list(Request.objects.select_for_update(of=("self",)).filter(case__in=theirs).order_by("id"))
    list(theirs.select_for_update(of=("self",)).order_by("id"))


def _end_cases(user_id: UUID, by: str, now: datetime, *, is_told: bool) -> None:
    going_on = _cases_of(user_id).exclude(state="closed").exclude(erasure__state__in=Request.OPEN_STATES)
    # Closing one closes what is joined to it.
    while case := going_on.order_by("opened_at", "id").first():
        cases.close(reference=case.reference, outcome="taken_back", answer=OVER, by=by, now=now, is_told=is_told)
    cases.withdraw_grants(NomineeGrant.objects.filter(case__in=_cases_of(user_id)), by=by, now=now)


def _cases_of(user_id: UUID) -> QuerySet[Case]:
    return Case.objects.filter(user_id=user_id, kind="nominee", proved_by="link")
