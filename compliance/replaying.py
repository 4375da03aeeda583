"""Erasing once more what a restored backup brought back, before anybody is served (decision 0018).

The erasure ledger names people by keyed hash; the rows of the restored database are hashed and compared, kind by kind, and whom
they name is erased by the product's own walk. Lists of who must not be called or written to, restrictions, and consents that were
taken back come first; leads that went by themselves go last. Every step may be repeated: killed anywhere, the next run begins again and finds less to
do.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from uuid_utils.compat import uuid7

from compliance import (
    audit,
    consent,
    erasure,
    erasure_ledger,
    ledger_key,
    nominees,
    requests,
    restriction,
    suppression,
    tombstones,
)
from compliance.erasure_ledger import Entry, LedgerAway, LedgerStrange
from compliance.models import Case, ErasureStep, Request, Tombstone
from compliance.rewrite import PATIENT_TURN_S, rewrite_bytes
from compliance.stores import Holding, Subject, all_stores, subject_anew
from processors.errors import DomainError
from processors.hash_key import hash_key
from processors.pseudonyms import pseudonym
from processors.sealed_columns import KeysWrong

logger = logging.getLogger(__name__)

Named = Literal["user", "workspace", "email", "phone"]
# Any number that nothing else of the product locks.
_LOCK: Final = 7_203_518_443
_LISTED_MAX: Final = 20
# Longer than from one hour's note to the next.
_LATELY: Final = timedelta(hours=3)
# No older backup is there to be restored (docs/backups.md).
_BACKUPS_KEPT: Final = timedelta(days=30)


class WorkspacesWouldEnd(DomainError):
    """Workspaces went on without the erased people, and nobody who went on with them is in the backup. Nothing was erased."""

    code: ClassVar[str] = "workspaces_would_end"


class HoldsUnknown(DomainError):
    """Rows of the erased were under a legal hold, and the backup has them without one. Nothing was erased."""

    code: ClassVar[str] = "holds_unknown"


class Restorable(Protocol):
    """What a package brings, so that a restored database can be brought to what the ledger knows."""

    def named(self, kind: Named) -> Iterable[str | UUID]:
        """What its rows name of this kind, repeated or not: ids, addresses, numbers in E.164."""

    def recall(self, entries: Iterable[Entry], *, now: datetime) -> None:
        """Brings back what of these entries, in their order, is its own. Idempotent."""

    def forget(self, *, now: datetime) -> None:
        """Takes rows away again that a mark names and that led to no person who was erased. Idempotent."""

    def remembered(self, *, since: datetime) -> Iterable[Entry]:
        """What its rows know of what the ledger holds and happened since then, for a ledger that does not know it."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """entries: how many the database had not seen. people: how many of them, and workspaces, it named. waiting: what erasures that
    are not done wait for, by step and error."""

    entries: int
    people: int
    waiting: Counter[str]


def may_go_on_without() -> bool:
    """Whether the ledger is away and there is nothing to replay: this very database had seen all of it since its server began.
    Raises KeysWrong."""
    try:
        erasure_ledger.unseen()
    except LedgerAway:
        return erasure_ledger.was_asked() and bool(hash_key())
    except (LedgerStrange, KeysWrong):
        pass
    return False


def prepare(*, now: datetime, is_new: bool = False) -> None:
    """Ties this database to the ledger and takes over what waits. Raises as `ledger_key.settle`."""
    ledger_key.settle(is_new=is_new)
    remembered = _remembered(since=now - erasure_ledger.term(), now=now)
    erasure_ledger.prepare(remembered=remembered, now=now, is_new=is_new)
    erasure_ledger.write_out(now=now)


def note_again(*, now: datetime) -> None:
    """What was done lately, so that the ledger also has what processes of a version that knows none did beside newer ones; and, once,
    all that an older version did not enter.

    What it has already changes nothing. For the clock, once an hour.
    """
    if erasure_ledger.was_told_all():
        erasure_ledger.note(_remembered(since=now - _LATELY, now=now), now=now)
    else:
        erasure_ledger.tell_all(_remembered(since=now - erasure_ledger.term(), now=now), now=now)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows and the database did not. wanted: keyed hashes of whom to look for. held: of those who had rows under a
    legal hold. buried: kinds of what else must not come back. others: entries that are for the packages."""

    wanted: dict[Named, set[str]] = field(default_factory=lambda: defaultdict(set))
    held: set[str] = field(default_factory=set)
    buried: set[str] = field(default_factory=set)
    others: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Permitted:
    """What is done only when an operator says so.

    end_workspaces: that workspaces end in which the backup knows nobody but the erased. without_holds: that rows go for good which were
    under a legal hold that the backup does not know.
    """

    end_workspaces: bool = False
    without_holds: bool = False


def replay(*, now: datetime, permitted: Permitted = Permitted(), finish_later: bool = False) -> Replayed:
    """One round; what waits afterwards needs another. Not inside a transaction, and one at a time: others wait.

    finish_later: takes the ledger for seen although erasures still wait; the workers go on with them while others are served.
    Raises LedgerAway, LedgerStrange, WorkspacesWouldEnd, HoldsUnknown.
    """
    with connection.cursor() as cursor:
        # A session's lock: it ends with this process, however that ends.
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            return _replay(now, permitted, finish_later)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _replay(now: datetime, permitted: Permitted, finish_later: bool) -> Replayed:
    total = Replayed(0, 0, Counter())
    while erasure_ledger.unseen():
        until = erasure_ledger.last_sequence()
        count, known = _recall(until, now)
        people = _erase_again(known, now, permitted)
        total = Replayed(total.entries + count, total.people + len(people), _waiting_for(people))
        if total.waiting and not finish_later:
            return total
        with transaction.atomic():
            erasure_ledger.note_seen(until=until)
            detail = {"entries": count, "erased": len(people), "until": until}
            audit.record(
                workspace_id=None,
                actor_ref="system",
                action="erasures.replayed",
                target="database",
                detail=detail,
                now=now,
            )
        # What the erasures themselves entered.
        erasure_ledger.write_out(now=now)
    return total


def _recall(until: int, now: datetime) -> tuple[int, _Known]:
    """Brings the lists back; returns how many entries there were, and what they say of people."""
    count, into = 0, _Known()
    for batch in erasure_ledger.entries(after=erasure_ledger.seen_until()):
        known = [each for each in batch if each.sequence <= until]
        count += len(known)
        with transaction.atomic():
            for entry in known:
                _recall_one(entry, into, now)
    for package in _packages():
        package.recall(into.others, now=now)
    requests.renew_grace(but_of=into.wanted["user"] | into.wanted["phone"], now=now)
    return count, into


def _recall_one(entry: Entry, into: _Known, now: datetime) -> None:
    if entry.kind == "erasure":
        restriction.forget(person=entry.key)
        into.wanted["phone" if entry.detail["of"] == "callee" else "user"].add(entry.key)
        if entry.detail["email"]:
            into.wanted["email"].add(entry.detail["email"])
        if entry.detail.get("held"):
            into.held.add(entry.key)
        into.others.append(entry)
    elif entry.kind == "taken_back":
        requests.recall_cancelled(entry, now=now)
    elif entry.kind == "suppression":
        suppression.recall(entry)
    elif entry.kind == "restriction":
        restriction.recall(entry)
        into.others.append(entry)
    elif entry.kind in ("user", "workspace", "social", "lead"):
        tombstones.put(kind=entry.kind, keys=[entry.key], at=entry.at)
        if entry.kind in ("user", "workspace"):
            into.wanted[entry.kind].add(entry.key)
        into.buried.add(entry.kind)
    else:
        into.others.append(entry)


def _erase_again(known: _Known, now: datetime, permitted: Permitted) -> list[UUID]:
    """Returns the requests under which it was done, or will be. Raises WorkspacesWouldEnd, HoldsUnknown, before anything goes."""
    wanted = known.wanted
    users = [Subject(kind="user", user_id=UUID(str(each))) for each in _found("user", wanted)]
    if not permitted.without_holds:
        _refuse_what_was_held(users, known)
    if not permitted.end_workspaces:
        begun = [Subject.from_json(each.subject or {}) for each in _begun(wanted)]
        _refuse_to_end_others([*users, *(each for each in begun if each.user_id)])
    ids = _go_on(wanted, now)
    # Whom those runs erased is not found any more. Workspaces first: whoever is still in one that ended would otherwise keep it.
    users = [Subject(kind="user", user_id=UUID(str(each))) for each in _found("user", wanted)]
    of_workspaces = [
        (pseudonym("workspace", each), Subject(kind="user", workspace_ids_to_erase=(UUID(str(each)),)))
        for each in _found("workspace", wanted)
    ]
    ids += _run(of_workspaces, now)
    people = []
    for user in users:
        with transaction.atomic():
            people.append((pseudonym("user", str(user.user_id)), subject_anew(user)))
    numbers = {str(each) for each in _found("phone", wanted)}
    people += [(pseudonym("phone", each), Subject(kind="callee", phone_e164=each)) for each in sorted(numbers)]
    ids += _run(people, now)
    # Of whom only an unfinished sign-up, an invitation or a case is there: no id leads to those, so none of the product's is used.
    addresses = {str(each).lower() for each in _found("email", wanted)}
    strangers = [
        (pseudonym("email", each), Subject(kind="user", user_id=uuid7(), email=each)) for each in sorted(addresses)
    ]
    ids += _run(strangers, now)
    for package in _packages() if known.buried else ():
        package.forget(now=now)
    # Leads may have gone before a run was killed, too.
    _remove_bytes(ids, now, at_least_once="lead" in known.buried)
    return list(dict.fromkeys(ids))


def _go_on(wanted: dict[Named, set[str]], now: datetime) -> list[UUID]:
    """With what a run that was killed had begun, whose people may not be found any more, and what was open in the backup."""
    begun = _begun(wanted)
    begun.update(claimed_until=None, runs_at=now)
    ids = list(begun.order_by("opened_at", "id").values_list("id", flat=True))
    for request_id in ids:
        erasure.run_erasure(request_id=request_id, now=now, rewrite=None)
    return ids


def _begun(wanted: dict[Named, set[str]]) -> QuerySet[Request]:
    mine = Q(channel=Request.RESTORED) | Q(person__in=wanted["user"] | wanted["phone"])
    return Request.objects.filter(mine, kind="erasure", state__in=("approved", "running", "verifying", "rewriting"))


def _refuse_to_end_others(users: Sequence[Subject]) -> None:
    """Raises WorkspacesWouldEnd."""
    ending: set[UUID] = set()
    for user in users:
        with transaction.atomic():
            ending.update(subject_anew(user).workspace_ids_to_erase)
    unknown = sorted(str(each) for each in ending if not tombstones.is_erased("workspace", each))
    if unknown:
        raise WorkspacesWouldEnd(
            f"{len(unknown)} workspaces went on without people who were erased after this backup, and nobody else in it belongs to"
            f" them: {', '.join(unknown[:_LISTED_MAX])}. Restore a later backup, or end them too with `manage.py replay_erasures"
            " --end-workspaces`."
        )


def _refuse_what_was_held(users: Sequence[Subject], known: _Known) -> None:
    """Raises HoldsUnknown."""
    sealed = Q(channel=Request.RESTORED) | Q(steps__name=erasure.HOLD)
    seen = set(_begun(known.wanted).filter(sealed).values_list("person", flat=True))
    called = [Subject(kind="callee", phone_e164=str(each)) for each in _found("phone", known.wanted)]
    named = [(pseudonym("user", str(each.user_id)), each) for each in users]
    named += [(pseudonym("phone", each.phone_e164), each) for each in called]
    unknown = [subject for person, subject in named if person in known.held - seen and not _is_held(subject)]
    if unknown:
        accounts = [str(each.user_id) for each in unknown if each.user_id]
        raise HoldsUnknown(
            f"Rows of {len(unknown)} people who were erased after this backup were under a legal hold that it does not know; accounts"
            f" among them: {', '.join(accounts[:_LISTED_MAX]) or 'none'}. Place the hold again with `manage.py hold`, so that they are"
            " sealed before they go, or let them go for good with `manage.py replay_erasures --without-holds`."
        )


def _is_held(subject: Subject) -> bool:
    """Whether a hold in force covers any row of theirs."""
    holding = [store for store in all_stores() if isinstance(store, Holding)]
    with transaction.atomic():
        anew = subject_anew(subject) if subject.user_id else subject
        return any(True for store in holding for _ in store.held_copies(anew))


def _found(kind: Named, wanted: dict[Named, set[str]]) -> list[str | UUID]:
    """What the restored rows name of whom the ledger names, each once."""
    keys = wanted[kind]
    if not keys:
        return []
    named: dict[str, str | UUID] = {}
    for value in _named(kind):
        key = pseudonym(kind, value)
        if key in keys:
            named[key] = value
    return list(named.values())


def _named(kind: Named) -> Iterator[str | UUID]:
    for package in _packages():
        yield from package.named(kind)
    if kind in ("email", "phone"):
        contacts = (case.contact for case in Case.objects.filter(emptied_at__isnull=True).iterator() if case.contact)
        yield from (each for each in contacts if ("@" in each) == (kind == "email"))


def _run(subjects: Sequence[tuple[str, Subject]], now: datetime) -> list[UUID]:
    opened = [requests.open_restored(subject=subject, person=person, now=now) for person, subject in subjects]
    for request in opened:
        erasure.run_erasure(request_id=request.id, now=now, rewrite=None)
    return [request.id for request in opened]


def _remove_bytes(ids: Sequence[UUID], now: datetime, *, at_least_once: bool) -> None:
    """One rewrite for all of them, those of a run that was killed included."""
    waiting = list(Request.objects.filter(id__in=ids, state="rewriting").values_list("id", flat=True))
    if not waiting and not at_least_once:
        return
    counts = rewrite_bytes(turn_s=PATIENT_TURN_S)
    for request_id in waiting:
        erasure.run_erasure(request_id=request_id, now=now, rewrite=lambda: counts)


def _waiting_for(ids: Sequence[UUID]) -> Counter[str]:
    left = Request.objects.filter(id__in=ids, state__in=Request.OPEN_STATES)
    waiting: Counter[str] = Counter()
    for request_id in left.values_list("id", flat=True):
        failed = ErasureStep.objects.filter(request_id=request_id, state="failed").order_by("position").first()
        waiting[f"{failed.name} ({failed.error_type})" if failed else "what has to be stopped first"] += 1
    return waiting


def _remembered(*, since: datetime, now: datetime) -> Iterator[Entry]:
    for kind in tombstones.ENTERED:
        for row in Tombstone.objects.filter(kind=kind, erased_at__gte=since).order_by("id").iterator():
            yield Entry(kind, row.key, row.erased_at)
    # Who was only called leaves nothing else that names them. The number of one erased longer ago may be called anew by now.
    yield from erasure.remembered(since=max(since, now - _BACKUPS_KEPT))
    yield from suppression.remembered(since=since)
    yield from restriction.remembered(since=since)
    yield from consent.remembered(since=since)
    yield from nominees.remembered(since=since)
    for package in _packages():
        yield from package.remembered(since=since)


def _packages() -> Sequence[Restorable]:
    return cast(Sequence[Restorable], import_string(f"{settings.PERSONAL_DATA}.RESTORED"))
