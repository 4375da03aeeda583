"""How questions end with their term; what is known of calls ends with their text, in voice/retention.py."""

from typing import Final

from ai.models import AiQuery
from compliance.retention import Rule, delete_rows

RETENTION: Final = (
    Rule(
        "ai_query",
        ("ai.AiQuery", "ai.Citation"),
        lambda: AiQuery.objects.get_queryset(),
        "asked_at",
        delete_rows(AiQuery),
        workspace="workspace_id",
    ),
)
