"""Going through live calls, however many there are: some hundred at a time."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from voice.models import Call

BATCH_CALLS: Final = 500


def pages(calls: QuerySet[Call]) -> Iterator[list[UUID]]:
    """The ids of these calls, page by page."""
    after = UUID(int=0)
    while page := list(calls.filter(id__gt=after).order_by("id").values_list("id", flat=True)[:BATCH_CALLS]):
        yield page
        after = page[-1]
