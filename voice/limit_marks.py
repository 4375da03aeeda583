"""What of a team's calls to a person counts by the law of their country: of the calls that there are, and of those that were deleted
with a lead, or with whoever made them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet

from compliance.elements import ELEMENTS
from compliance.erasure_ledger import Entry
from processors.pseudonyms import pseudonym
from voice.calling_limits import BY_COUNTRY
from voice.limit_models import CALLED, REFUSED
from voice.models import Call, Lead, LimitMark
from voice.outcomes import CAME_TO_NOTHING

ELEMENT: Final = "call_limit"


def keep(calls: QuerySet[Call], *, now: datetime) -> None:
    """These calls go on counting though they are deleted. In the transaction that deletes them, which has locked them."""
    since = now - timedelta(days=ELEMENTS[ELEMENT].retention_days or 0)
    marks: list[LimitMark] = []
    counted = calls.filter(lead__country__in=BY_COUNTRY, lead__phone_e164__isnull=False)
    for call in counted.select_related("lead").order_by("id"):
        key = pseudonym("phone", str(call.lead.phone_e164))
        counts = (
            (CALLED, call.created_at if call.end_reason not in CAME_TO_NOTHING else None),
            (REFUSED, _refused_at(call) if call.disposition == "not_interested" else None),
        )
        marks += [
            LimitMark(workspace_id=call.workspace_id, number_key=key, kind=kind, at=at)
            for kind, at in counts
            if at is not None and at > since
        ]
    LimitMark.objects.bulk_create(marks)


def called_at(lead: Lead, *, count: int) -> list[datetime]:
    """When the lead was called last, the newest first, and no more than so many. A call that cannot have rung them counts for nothing."""
    rang = _calls(lead).exclude(end_reason__in=CAME_TO_NOTHING)
    # Calls first: one that is deleted in this moment counts twice then, and never not at all.
    found = list(rang.order_by("-created_at").values_list("created_at", flat=True)[:count])
    return sorted([*found, *_marked(lead, CALLED)[:count]], reverse=True)[:count]


def refused_at(lead: Lead) -> datetime | None:
    """When the lead said no last."""
    refused = _calls(lead).filter(disposition="not_interested").order_by("-created_at").first()
    marked = _marked(lead, REFUSED).first()
    known = (None if refused is None else _refused_at(refused), marked)
    return max((at for at in known if at is not None), default=None)


def shown(mark: LimitMark) -> dict[str, Any]:
    """One of them as the copy of a person's data has it."""
    return {"what": mark.kind, "workspace_id": str(mark.workspace_id), "at": mark.at.isoformat()}


def recall(entries: Iterable[Entry]) -> None:
    """Takes out of a database that was restored what people who were called had erased since; no lead may lead to them any more."""
    keys = [each.key for each in entries if each.kind == "erasure" and each.detail["of"] == "callee"]
    # The backup is from before these, and so is every mark in it.
    LimitMark.objects.get_queryset().filter(number_key__in=keys).delete()


def _calls(lead: Lead) -> QuerySet[Call]:
    return Call.objects.for_workspace(lead.workspace_id).filter(lead=lead)


def _marked(lead: Lead, kind: str) -> QuerySet[LimitMark, datetime]:
    marks = LimitMark.objects.for_workspace(lead.workspace_id).filter(kind=kind)
    of_lead = marks.filter(number_key=pseudonym("phone", str(lead.phone_e164)))
    return of_lead.order_by("-at").values_list("at", flat=True)


def _refused_at(call: Call) -> datetime:
    return call.ended_at or call.created_at
