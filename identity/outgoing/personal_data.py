"""What webhooks hold about people: who named an endpoint, and identifiers of whom a message spoke of."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from compliance.stores import Store, Subject
from identity.outgoing.models import Delivery, Endpoint

_NOT_PERSONAL: Final = {
    "Endpoint": (
        "id",
        "workspace",
        "events",
        "created_at",
        "nonce",
        "previous_nonce",
        "previous_until",
        "failures",
        "failing_since",
        "resting_until",
        "off_at",
        "off_reason",
        "mail_at",
        "mail_attempts",
    ),
    "Delivery": (
        "id",
        "workspace",
        "endpoint",
        "event",
        "state",
        "next_at",
        "attempts",
        "attempted_at",
        "answer_status",
        "error",
    ),
}
INVENTORY: Final[dict[str, str]] = {
    **{f"outgoing.{model}.{field}": "none" for model, fields in _NOT_PERSONAL.items() for field in fields},
    "outgoing.Endpoint.url": "webhook",
    "outgoing.Endpoint.made_by": "webhook",
    "outgoing.Delivery.subject": "delivery",
    "outgoing.Delivery.data": "delivery",
    "outgoing.Delivery.call_id": "delivery",
    "outgoing.Delivery.user_id": "delivery",
    "outgoing.Delivery.created_at": "delivery",
    "outgoing.Delivery.gives_up_at": "undelivered",
}


class OutgoingStore:
    """Endpoints end with the workspace. A called person is reached through calls: whoever erases a call says so by
    `deliveries.forget_calls`."""

    name = "outgoing"

    def find(self, subject: Subject) -> dict[str, int]:
        counts = {"webhook": _endpoints(subject).count(), "delivery": _deliveries(subject).count()}
        return {element: count for element, count in counts.items() if count}

    def export(self, subject: Subject) -> dict[str, Any]:
        made = _endpoints(subject)
        told = _deliveries(subject).order_by("id")
        rows = {
            "webhook": [
                {"url": one.url, "events": one.events, "created_at": one.created_at.isoformat()} for one in made
            ],
            "delivery": [{"event": one.event, "at": one.created_at.isoformat(), "told": one.data} for one in told],
        }
        return {element: found for element, found in rows.items() if found}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        removed = self.find(subject)
        _deliveries(subject).delete()
        Endpoint.objects.get_queryset().filter(workspace_id__in=subject.workspace_ids_to_erase).delete()
        _endpoints(subject).update(made_by=None)
        return removed

    def verify(self, subject: Subject) -> int:
        return sum(self.find(subject).values())


STORE: Final[Store] = OutgoingStore()


def _endpoints(subject: Subject) -> QuerySet[Endpoint]:
    mine = Q(workspace_id__in=subject.workspace_ids_to_erase)
    return Endpoint.objects.get_queryset().filter(mine | Q(made_by_id=subject.user_id) if subject.user_id else mine)


def _deliveries(subject: Subject) -> QuerySet[Delivery]:
    mine = Q(workspace_id__in=subject.workspace_ids_to_erase)
    return Delivery.objects.get_queryset().filter(mine | Q(user_id=subject.user_id) if subject.user_id else mine)
