"""A lead's name, company or number was corrected: what names the lead, and what was understood under another name, follows."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from ai.models import AiQuery, Citation, IndexedCall, Insight

# In the place of the digest of what insights were made from, so that they are stale until they are made anew.
UNDER_ANOTHER_NAME: Final = "under another name"
QUESTION_CHARACTERS_MAX: Final = 500
# A word as short as "It" is a name only where it is written as one.
_SHORT: Final = 3


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
        for query in _questions(lead_id, words).select_for_update(of=("self",)):
            reworded = _reworded(query.question, words)
            if reworded != query.question:
                query.question = reworded
                query.save(update_fields=["question"])


def drop_insights(*, call_ids: Collection[UUID]) -> None:
    """Removes what was understood of calls that nothing may understand anew for now."""
    Insight.objects.get_queryset().filter(indexed_call__call_id__in=call_ids).delete()


def outdated_calls(*, lead_id: UUID) -> dict[UUID, UUID]:
    """The lead's calls of which something was understood under another name, each with the member who made it."""
    rows = IndexedCall.objects.get_queryset().filter(lead_id=lead_id, insights_digest=UNDER_ANOTHER_NAME)
    return dict(rows.filter(insights__isnull=False).distinct().values_list("call_id", "user_id"))


def left_of(*, lead_id: UUID, name: str, company: str, words: Mapping[str, str]) -> int:
    """How many places name the lead otherwise, hold one of its old words, or were understood under another name."""
    rightly = Q(lead_name=name[:250], company=company[:120])
    wrongly = IndexedCall.objects.get_queryset().filter(~rightly, lead_id=lead_id)
    asked = _questions(lead_id, words).values_list("question", flat=True)
    questions = sum(_reworded(question, words) != question for question in asked)
    return wrongly.count() + len(outdated_calls(lead_id=lead_id)) + questions


def _reworded(question: str, words: Mapping[str, str]) -> str:
    """Whole words alone are old ones, and not where they are within a new one already: doing it again changes nothing."""
    found = {f"old{at}": new for at, new in enumerate(words.values())}
    wanted = [(old, f"(?P<old{at}>{_pattern(old, new)})") for at, (old, new) in enumerate(words.items())]
    wanted += [(new, _pattern(new)) for new in words.values() if new]
    longest_first = sorted(wanted, key=lambda each: -len(each[0]))
    pattern = rf"(?<!\w)(?:{'|'.join(each for _, each in longest_first)})(?!\w)"
    # By a function, so that nothing in the new words is taken for a reference.
    said = re.sub(pattern, lambda match: found.get(match.lastgroup or "", match[0]), question)
    return said[:QUESTION_CHARACTERS_MAX]


def says(question: str, name: str) -> bool:
    """Whether the name stands there as words of its own."""
    pattern = rf"(?<!\w){_pattern(name)}(?!\w)"
    return re.search(pattern, question) is not None


def _pattern(word: str, new: str = "") -> str:
    """In whatever case, but where that is all that was corrected."""
    exactly = len(word) <= _SHORT or word.lower() == new.lower()
    return re.escape(word) if exactly else f"(?i:{re.escape(word)})"


def _questions(lead_id: UUID, words: Iterable[str]) -> QuerySet[AiQuery]:
    """Those with one of these words, be it within another, that were narrowed to the lead or quote one of its calls."""
    holds = Q(pk__in=())
    for word in words:
        holds |= Q(question__icontains=word)
    calls = IndexedCall.objects.get_queryset().filter(lead_id=lead_id).values("call_id")
    cited = Citation.objects.get_queryset().filter(call_id__in=calls).values("query_id")
    return AiQuery.objects.get_queryset().filter(holds, Q(filter_lead_id=lead_id) | Q(id__in=cited))
