"""What voice does for a database that was restored: which numbers its rows name, leads removed again, restricted again,
whose calls are not written down, and of whose deleted calls nothing is known."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from compliance import restriction, tombstones
from compliance.erasure_ledger import Entry
from compliance.replaying import Named
from compliance.stores import batched
from identity.team_lock import lock_workspaces
from processors.pseudonyms import pseudonym
from voice import leads, limit_marks, transcript_refusals
from voice.models import Call, Lead

# In one question to the marks of what was erased.
HASHED_TOGETHER: Final = 1_000


class VoiceRestored:
    def named(self, kind: Named) -> Iterable[str | UUID]:
        if kind != "phone":
            return ()
        numbers = Lead.objects.get_queryset().filter(phone_e164__isnull=False).values_list("phone_e164", flat=True)
        return (number for number in numbers.iterator() if number)

    def recall(self, entries: Iterable[Entry], *, now: datetime) -> None:
        """Transcripts that were refused, marks of who was erased, and restrictions of people who were called, by the numbers that the leads have now."""
        entries = list(entries)
        transcript_refusals.recall(entries)
        limit_marks.recall(entries)
        newest = {each.key: each for each in entries if each.kind == "restriction"}
        reachable = Lead.objects.get_queryset().filter(phone_e164__isnull=False)
        found: dict[str, list[UUID]] = defaultdict(list)
        for lead_id, number in reachable.values_list("id", "phone_e164").iterator() if newest else ():
            found[pseudonym("phone", str(number))].append(lead_id)
        for person in found.keys() & newest.keys():
            mine = reachable.filter(id__in=found[person])
            if restriction.cover(person=person, row_ids=found[person]):
                mine.filter(restricted_at__isnull=True).update(restricted_at=newest[person].at)
            else:
                mine.update(restricted_at=None)

    def forget(self, *, now: datetime) -> None:
        """Leads that customers removed, and those of people who were erased under another number than the row has."""
        known = Lead.objects.get_queryset().filter(erased_at__isnull=True)
        for ids in batched(known.order_by("id").values_list("id", flat=True), HASHED_TOGETHER):
            for lead_id in tombstones.erased_among("lead", ids):
                with transaction.atomic():
                    workspace_id = known.values_list("workspace_id", flat=True).get(id=lead_id)
                    lock_workspaces([workspace_id])
                    calls = Call.objects.for_workspace(workspace_id).filter(lead_id=lead_id)
                    list(calls.select_for_update(of=("self",)).order_by("id").values_list("id"))
                    leads.forget(known.select_for_update(of=("self",)).get(id=lead_id), now=now)

    def remembered(self, *, since: datetime) -> Iterator[Entry]:
        return transcript_refusals.remembered(since=since)


RESTORED: Final = VoiceRestored()
