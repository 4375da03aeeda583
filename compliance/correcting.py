"""Having everything that was made of a fact follow when the fact is corrected, until nothing holds what it was.

A row is the job. Each round lets every store follow and then looks for the old value in every one; it is over when none is found,
and not before that is a case answered for which it was done.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from compliance import cases, left_bytes
from compliance.models import Case, Correction
from compliance.stores import Corrected, Following, all_stores

logger = logging.getLogger(__name__)

FIRST_LOOK_AGAIN: Final = timedelta(seconds=5)
LAST_LOOK_AGAIN: Final = timedelta(hours=1)
AT_ONCE_MAX: Final = 50


def begin(
    *,
    kind: Literal["account", "lead"],
    target_id: UUID,
    before: Mapping[str, str],
    after: Mapping[str, str],
    now: datetime,
    case: Case | None = None,
) -> None:
    """Notes which facts are others now, within the transaction that corrected them; nothing when none is.

    before, after: the facts as they were and as they are, by name. One that was empty is looked for nowhere.
    """
    what = sorted(fact for fact, value in before.items() if after.get(fact) != value)
    if what:
        old = {fact: before[fact] for fact in what if before[fact]}
        Correction.objects.create(
            case=case, kind=kind, target_id=target_id, what=what, old=old, began_at=now, next_at=now
        )
        left_bytes.note_ended_soon(now=now)


def follow_due(*, now: datetime) -> int:
    """Goes on with what is due; returns how many are over. What fails holds up no other."""
    due = Correction.objects.filter(done_at__isnull=True, next_at__lte=now).order_by("next_at")
    done = 0
    for correction_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]):
        try:
            done += _round(correction_id, now)
        except Exception as error:
            # The row says when it is tried again.
            logger.warning("correction interrupted", extra={"error_type": type(error).__name__})
    return done


def forget(*, kind: Literal["account", "lead"], target_ids: Iterable[UUID]) -> None:
    """Removes what is noted of people who are erased."""
    Correction.objects.filter(kind=kind, target_id__in=list(target_ids)).delete()


def _round(correction_id: UUID, now: datetime) -> bool:
    mine = Correction.objects.filter(id=correction_id, done_at__isnull=True, next_at__lte=now)
    attempts = mine.values_list("attempts", flat=True).first()
    if attempts is None:
        return False
    # Whoever moves the time has the round; one that dies over it is followed by another.
    again_at = now + min(FIRST_LOOK_AGAIN * 2 ** min(attempts, 10), LAST_LOOK_AGAIN)
    if not mine.update(next_at=again_at, attempts=F("attempts") + 1):
        return False
    correction = Correction.objects.get(id=correction_id)
    corrected = Corrected(correction.kind, correction.target_id, correction.old)  # type: ignore[arg-type]  # constrained
    following = [store for store in all_stores() if isinstance(store, Following)]
    for store in following:
        store.follow(corrected, now=now)
    left = {store.name: found for store in following if (found := store.left_of(corrected))}
    if left:
        Correction.objects.filter(id=correction_id).update(left=left)
        return False
    _finish(correction_id, now)
    return True


def _finish(correction_id: UUID, now: datetime) -> None:
    mine = Correction.objects.filter(id=correction_id, done_at__isnull=True)
    with transaction.atomic():
        # The case before what belongs to it, as who erases it.
        case = Case.objects.select_for_update(of=("self",)).filter(corrections__in=mine).first()
        correction = mine.select_for_update().first()
        if correction is None:
            return
        if case is None:
            correction.delete()
            return
        correction.old, correction.left, correction.done_at = None, {}, now
        correction.save(update_fields=["old", "left", "done_at"])
        if case.is_open:
            words = "Everything that was made of it follows. The old value was looked for everywhere and is gone."
            cases.add_entry(case, kind="change", author="system", text=words, now=now)
        cases.note_act(case, "correction.done", "system", now)
