"""What follows when facts about a lead are corrected: the names beside its calls, questions that name it, what was understood.

Nothing is made of a lead's notes. Passages and their vectors are made of what was said alone; recognisers are given the names anew
for each call.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from ai import renaming
from compliance import correcting, restriction
from compliance.models import Case
from compliance.stores import Corrected
from voice import wake
from voice.models import Call, Lead


def facts_of(lead: Lead) -> dict[str, str]:
    """As they are kept, also of who is restricted."""
    return {"name": lead.own_name, "company": lead.company, "phone": lead.phone_e164 or ""}


def begin(lead: Lead, before: Mapping[str, str], *, now: datetime, case: Case | None = None) -> None:
    """The lead has its right name wherever it is quoted at once; the rest follows. Within the transaction that changed it."""
    rename(lead)
    correcting.begin(kind="lead", target_id=lead.id, before=before, after=facts_of(lead), now=now, case=case)


def follow(corrected: Corrected, *, now: datetime) -> None:
    """Questions about the lead's calls name it rightly, and the calls are understood anew, because topics leave out the name that a
    lead has. What of it nobody may use now is dropped, and understood when it may be used again."""
    lead = _lead(corrected)
    if lead is None:
        return
    with transaction.atomic():
        rename(lead)
        renaming.reword_questions(lead_id=lead.id, words=_words(lead, corrected))
        outdated = renaming.outdated_calls(lead_id=lead.id)
        unused = {call_id for call_id, user_id in outdated.items() if restriction.covers(lead.id, user_id)}
        renaming.drop_insights(call_ids=unused)
        calls = Call.objects.for_workspace(lead.workspace_id).filter(id__in=outdated, analysis_state="done")
        again = list(calls.values_list("id", flat=True))
        calls.update(analysis_state="none")
        for call_id in set(again) - unused:
            wake.soon("analyse", call_id)


def left_of(corrected: Corrected) -> int:
    lead = _lead(corrected)
    if lead is None:
        return 0
    words = _words(lead, corrected)
    made = renaming.left_of(lead_id=lead.id, name=lead.own_name, company=lead.company, words=words)
    # Whoever analyses one of its calls may have read the old name. What nobody may use now is analysed by nobody.
    claimed = Call.objects.for_workspace(lead.workspace_id).filter(lead_id=lead.id, analysis_state="claimed")
    return made + sum(not restriction.covers(lead.id, user_id) for user_id in claimed.values_list("user_id", flat=True))


def rename(lead: Lead) -> None:
    """Quotes bear the lead's name and company as they are, and what was understood under another name is stale."""
    renaming.rename_lead(workspace_id=lead.workspace_id, lead_id=lead.id, lead_name=lead.own_name, company=lead.company)


def _lead(corrected: Corrected) -> Lead | None:
    """None for an account, and for a lead that is erased or removed."""
    if corrected.kind != "lead":
        return None
    return Lead.objects.get_queryset().filter(id=corrected.target_id, erased_at__isnull=True).first()


def _words(lead: Lead, corrected: Corrected) -> dict[str, str]:
    """What each old value has become. One that was put back meanwhile is no old one."""
    facts = facts_of(lead)
    return {old: facts[fact] for fact, old in corrected.old.items() if old not in facts.values()}
