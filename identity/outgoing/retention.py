"""How what was told to customers' servers ends; the term is that of the inventory."""

from typing import Final

from compliance.retention import Rule, delete_rows
from identity.outgoing.models import Delivery

RETENTION: Final = (
    Rule(
        "delivery",
        ("outgoing.Delivery",),
        lambda: Delivery.objects.get_queryset(),
        "created_at",
        delete_rows(Delivery),
        workspace="workspace_id",
    ),
    Rule(
        "undelivered",
        ("outgoing.Delivery",),
        lambda: Delivery.objects.get_queryset().filter(state="dead"),
        "gives_up_at",
        delete_rows(Delivery),
        workspace="workspace_id",
    ),
)
