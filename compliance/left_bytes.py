"""Bytes that rows leave in the database's files when their term has ended them, or when somebody removes them or puts them right, and
when they are removed at the latest.

Whatever removes bytes removes all of them, so an erasure that comes before does it. Where none comes, they are removed by a rewrite
of their own, beside everybody's work and at most once in LEFT_FOR; one that dies is begun again.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest

from compliance.models import LeftBytes

LEFT_FOR: Final = timedelta(days=6)
# What people are told; the rewrite itself takes its time, and may have to wait for another.
GONE_AFTER_DAYS: Final = 7


def note_ended(*, now: datetime) -> None:
    """Rows were ended by now, or overwritten."""
    LeftBytes.objects.bulk_create([LeftBytes(id=LeftBytes.ONLY)], ignore_conflicts=True)
    LeftBytes.objects.update(
        since=Coalesce("since", Value(now)), newest_at=Greatest(Coalesce("newest_at", Value(now)), Value(now))
    )


def note_ended_soon(*, now: datetime) -> None:
    """The same for a person's request, once it is committed: everybody notes it in one row, and would wait there for each other."""
    transaction.on_commit(lambda: note_ended(now=now), robust=True)


def newest() -> datetime | None:
    """When rows were ended last whose bytes may be left; None when none are."""
    return LeftBytes.objects.values_list("newest_at", flat=True).first()


def note_removed(*, until: datetime | None) -> None:
    """Everything is removed that was ended by then, and whatever came later may not be. until: of `newest`, before the rewrite began."""
    if until is not None:
        LeftBytes.objects.filter(newest_at=until).update(since=None, newest_at=None)
        LeftBytes.objects.filter(newest_at__gt=until).update(since=F("newest_at"))


def are_due(*, now: datetime) -> bool:
    return LeftBytes.objects.filter(since__lte=now - LEFT_FOR).exists()
