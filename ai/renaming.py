"""A lead's name, company or number was corrected: what names the lead, and what was understood under another name, follows."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from ai.models import AiQuery, Citation, IndexedCall, Insight

# In the place of the digest of what insights were made from, so that they are stale until they are made anew.
UNDER_ANOTHER_NAME: Final = "under another name"


def rename_lead(*, workspace_id: UUID, lead_id: UUID, lead_name: str, company: str) -> None:
    """Calls the lead by the new name and company wherever it is quoted, and finds its calls by them.

    What was understood of calls that bear another name is stale from then on.
    """
    calls = IndexedCall.objects.for_workspace(workspace_id).filter(lead_id=lead_id)
    understood = calls.exclude(lead_name=lead_name[:250]).exclude(insights_digest="")
    understood.update(insights_digest=UNDER_ANOTHER_NAME)
    calls.update(lead_name=lead_name[:250], company=company[:120])


def reword_questions(*, lead_id: UUID, words: Mapping[str, str]) -> None:
    """Puts what a lead's facts are in place of what they were, in questions that were narrowed to the lead or quote its calls.

    words: the old ones, each with what it has become.
    """
    with transaction.atomic():
        for query in _questions(lead_id, list(words)).select_for_update(of=("self",)):
            for old, new in words.items():
                # By a function, so that nothing in the new words is taken for a reference.
                query.question = re.sub(re.escape(old), lambda _, new=new: new, query.question, flags=re.IGNORECASE)  # type: ignore[misc]
            query.question = query.question[:500]
            query.save(update_fields=["question"])


def drop_insights(*, call_ids: Collection[UUID]) -> None:
    """Removes what was understood of calls that nothing may understand anew for now."""
    Insight.objects.get_queryset().filter(indexed_call__call_id__in=call_ids).delete()


def outdated_calls(*, lead_id: UUID) -> dict[UUID, UUID]:
    """The lead's calls of which something was understood under another name, each with the member who made it."""
    rows = IndexedCall.objects.get_queryset().filter(lead_id=lead_id, insights_digest=UNDER_ANOTHER_NAME)
    return dict(rows.filter(insights__isnull=False).distinct().values_list("call_id", "user_id"))


def left_of(*, lead_id: UUID, name: str, company: str, words: Sequence[str]) -> int:
    """How many places name the lead otherwise, hold one of its old words, or were understood under another name."""
    rightly = Q(lead_name=name[:250], company=company[:120])
    wrongly = IndexedCall.objects.get_queryset().filter(~rightly, lead_id=lead_id)
    return wrongly.count() + len(outdated_calls(lead_id=lead_id)) + _questions(lead_id, words).count()


def _questions(lead_id: UUID, words: Sequence[str]) -> QuerySet[AiQuery]:
    """Those with one of these words that were narrowed to the lead or quote one of its calls."""
    holds = Q(pk__in=())
    for word in words:
        holds |= Q(question__icontains=word)
    calls = IndexedCall.objects.get_queryset().filter(lead_id=lead_id).values("call_id")
    cited = Citation.objects.get_queryset().filter(call_id__in=calls).values("query_id")
    return AiQuery.objects.get_queryset().filter(holds, Q(filter_lead_id=lead_id) | Q(id__in=cited))
