"""One job that ends what has been kept for its term, as the inventory says it; and what that job will remove next.

Each package brings the rules for its tables, config lists them all. A rule knows from when a term runs and how its rows go; how
long the term is it does not know: that stands in the inventory alone, beside what people read.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, DateField, DateTimeField, F, QuerySet
from django.db.models.functions import Cast
from django.utils.module_loading import import_string

from compliance import left_bytes, pace
from compliance.elements import ELEMENTS

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 2_000

Remove = Callable[[Sequence[UUID], datetime], int]


def delete_rows(model: Any) -> Remove:
    """What goes with its row."""

    def remove(ids: Sequence[UUID], _now: datetime) -> int:
        _, by_model = model._base_manager.filter(id__in=ids).delete()
        return int(by_model.get(model._meta.label, 0))

    return remove


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of data ends with its term.

    element: of the inventory; its retention_days is the term. models: the tables ("app.Model") in which nothing of it is left
    once the rule has run. rows: those whose term runs. since: the field from which it runs; with `is_end` the field itself
    says when it is over, set from the same term. is_renewed: whether the term of a row may begin anew while it runs. remove: ends the
    rows with these ids, says how many things went; safe to repeat.
    workspace: lookup of the workspace that the rows belong to, "" for those of a person or of the house.
    """

    element: str
    models: tuple[str, ...]
    rows: Callable[[], QuerySet[Any]]
    since: str
    remove: Remove
    workspace: str = ""
    is_end: bool = False
    is_renewed: bool = False
    at_once_max: int = AT_ONCE_MAX

    @property
    def term(self) -> timedelta:
        days = ELEMENTS[self.element].retention_days
        if days is None:
            raise ValueError(f"{self.element} has no term in compliance/elements.py, so nothing can end with it.")
        return timedelta(0) if self.is_end else timedelta(days=days)

    @property
    def is_day(self) -> bool:
        """Whether the term runs from a whole day, which is over when its last moment is."""
        try:
            field = self.rows().model._meta.get_field(self.since)
        except FieldDoesNotExist:
            # Worked out from others, so a moment.
            return False
        return isinstance(field, DateField) and not isinstance(field, DateTimeField)

    def over(self, *, by: datetime) -> QuerySet[Any]:
        """The rows whose term is over by then."""
        until = by - self.term
        last = until.date() - timedelta(days=1) if self.is_day else until
        return self.rows().filter(**{f"{self.since}__lte": last})

    def end(self, *, now: datetime) -> int:
        """Ends a bounded number of what is over, what waits longest first; returns how many went."""
        over = self.over(by=now).order_by(self.since)
        with transaction.atomic() if self.is_renewed else nullcontext():
            # Locked, so that none of them is renewed before it goes.
            over = over.select_for_update() if self.is_renewed else over
            ids = list(over.values_list("id", flat=True)[: self.at_once_max])
            return self.remove(ids, now) if ids else 0


@dataclass(frozen=True, slots=True)
class Due:
    """How many rows of one kind end on one day (UTC); what is overdue counts as today's."""

    element: str
    on: date
    count: int


def rules() -> Sequence[Rule]:
    return cast(Sequence[Rule], import_string(f"{settings.PERSONAL_DATA}.RETENTION"))


def expire(*, now: datetime) -> Counter[str]:
    """Ends a bounded number of rows of each kind that are over their term; returns how many went. The next round goes on.

    A rule that fails holds up no other: its rows stay due, and the log says so.
    """
    ended: Counter[str] = Counter()
    with pace.behind_others():
        for rule in rules():
            try:
                ended[rule.element] += rule.end(now=now)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                logger.error(
                    "retention failed for one kind",
                    extra={"kind": rule.element, "error_type": type(error).__name__},
                    exc_info=error,
                )
    if ended.total():
        left_bytes.note_ended(now=now)
    return ended


def preview(*, now: datetime, days: int, workspace_id: UUID | None = None) -> list[Due]:
    """What `expire` will remove today and on the days after it, by kind and day, the next first.

    days: how many after today. workspace_id: of one workspace alone, without what belongs to people rather than to it.
    """
    counts: Counter[tuple[date, str]] = Counter()
    today = now.date()
    end_of_last = datetime.combine(today + timedelta(days=days + 1), datetime.min.time(), now.tzinfo)
    for rule in rules():
        if workspace_id is not None and not rule.workspace:
            continue
        rows = rule.over(by=end_of_last - timedelta(microseconds=1))
        if workspace_id is not None:
            rows = rows.filter(**{rule.workspace: workspace_id})
        by_day = rows.order_by().annotate(_on=Cast(F(rule.since), DateField())).values("_on")
        after = rule.term + timedelta(days=1 if rule.is_day else 0)
        for each in by_day.annotate(_count=Count("id", distinct=True)):
            counts[max(today, each["_on"] + after), rule.element] += each["_count"]
    return [Due(element, on, count) for (on, element), count in sorted(counts.items())]
