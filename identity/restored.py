"""What identity does for a database that was restored: whom and what its rows name, and stops of text messages, restrictions of
accounts and consents that were taken back brought back."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from compliance import consent, nominees, restriction
from compliance.erasure_ledger import Entry
from compliance.replaying import Named
from identity import opt_out
from identity.access import Client
from identity.models import AccountMail, Invitation, NumberKey, StoppedNumber, User, Workspace
from processors.pseudonyms import pseudonym

_NO_CLIENT: Final = Client(address=None, agent="")


class IdentityRestored:
    def named(self, kind: Named) -> Iterable[str | UUID]:
        if kind == "user":
            return User.objects.values_list("id", flat=True).iterator()
        if kind == "workspace":
            return Workspace.objects.filter(erased_at__isnull=True).values_list("id", flat=True).iterator()
        if kind == "email":
            return self._addresses()
        return (each.phone_e164 for each in NumberKey.objects.iterator())

    @staticmethod
    def _addresses() -> Iterator[str]:
        """Of whom no account is there; who has one goes with it."""
        for row in User.objects.filter(mobile_verified_at__isnull=True).iterator():
            yield row.email
        for invitation in Invitation.objects.get_queryset().iterator():
            yield invitation.email
        for mail in AccountMail.objects.filter(user__isnull=True).iterator():
            yield mail.email

    def recall(self, entries: Iterable[Entry], *, now: datetime) -> None:
        entries = list(entries)
        newest = {(each.kind, each.key): each for each in entries if each.kind in ("texts", "texts_of")}
        for (kind, key), entry in newest.items():
            if kind == "texts":
                StoppedNumber.objects.filter(number_key=key).delete()
                if entry.detail["stopped"]:
                    StoppedNumber.objects.create(number_key=key, stopped_at=entry.at)
        self._restrict({each.key: each for each in entries if each.kind == "restriction"})
        self._withdraw([each for each in entries if each.kind == "withdrawal"], now)
        stopped = {key for (kind, key), entry in newest.items() if entry.detail["stopped"]}
        if not stopped:
            return
        for user in User.objects.iterator():
            if {pseudonym("user", user.id), pseudonym("phone", user.mobile_e164)} & stopped:
                opt_out.stop(user_id=user.id, way="replay", client=_NO_CLIENT, now=now)

    @staticmethod
    def _restrict(newest: Mapping[str, Entry]) -> None:
        people = {key for key, entry in newest.items() if entry.detail["in_force"]}
        for user_id in User.objects.values_list("id", flat=True).iterator() if people else ():
            if (person := pseudonym("user", user_id)) in people:
                restriction.cover(person=person, row_ids=[user_id])

    @staticmethod
    def _withdraw(entries: Iterable[Entry], now: datetime) -> None:
        of_person: dict[str, list[Entry]] = defaultdict(list)
        for each in entries:
            of_person[each.key].append(each)
        for user_id in User.objects.values_list("id", flat=True).iterator() if of_person else ():
            for entry in of_person.get(pseudonym("user", user_id), ()):
                with transaction.atomic():
                    if "by" not in entry.detail:
                        consent.recall(entry, user_id=user_id)
                    if entry.detail["purpose"] == "nominee":
                        nominees.recall(entry, user_id=user_id, now=now)

    def forget(self, *, now: datetime) -> None:
        """Nothing goes by itself."""

    def remembered(self, *, since: datetime) -> Iterator[Entry]:
        for row in StoppedNumber.objects.filter(stopped_at__gte=since).order_by("id").iterator():
            yield Entry("texts", row.number_key, row.stopped_at, {"stopped": True})
        stopped = User.objects.filter(texts_stopped_at__gte=since).order_by("id")
        for user_id, at in stopped.values_list("id", "texts_stopped_at").iterator():
            if at is not None:
                yield Entry("texts_of", pseudonym("user", user_id), at, {"stopped": True})


RESTORED: Final = IdentityRestored()
