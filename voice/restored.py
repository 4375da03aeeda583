"""What voice does for a database that was restored: which numbers its rows name."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from compliance.erasure_ledger import Entry
from compliance.replaying import Named
from voice.models import Lead


class VoiceRestored:
    def named(self, kind: Named) -> Iterable[str | UUID]:
        if kind != "phone":
            return ()
        numbers = Lead.objects.get_queryset().filter(phone_e164__isnull=False).values_list("phone_e164", flat=True)
        return (number for number in numbers.iterator() if number)

    def recall(self, entries: Iterable[Entry], *, now: datetime) -> None:
        """Nothing of its own is in the ledger."""

    def remembered(self, *, since: datetime) -> Iterator[Entry]:
        return iter(())


RESTORED: Final = VoiceRestored()
