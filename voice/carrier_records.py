"""What the carrier holds about people: its records of our calls."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from compliance.stores import NotYet, Subject, batched
from processors import disclosures
from voice import twilio, wake
from voice.models import TERMINAL_STATUSES, Call, CallLeg
from voice.state import LEG_TERMINAL

# Of the carrier at once, and before it is noted what it has removed.
ASKED_TOGETHER: Final = 4
ASKED_IN_A_ROW: Final = 40
# Whoever asks has at least so long for one, so that a carrier that is near is not asked in bursts.
ASKED_EVERY_S: Final = 0.02


def calls_of(subject: Subject) -> QuerySet[Call]:
    """The person's own calls, those of workspaces that end with the person, and those to the person's number."""
    match = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.user_id:
        match |= Q(user_id=subject.user_id)
    if subject.kind == "callee" and subject.phone_e164:
        match |= Q(lead__phone_e164=subject.phone_e164)
    return Call.objects.get_queryset().filter(match)


class CarrierStore:
    """The carrier's records of our calls; removed there first, while we still know their SIDs."""

    name = "carrier"

    def _legs(self, subject: Subject) -> QuerySet[CallLeg]:
        return CallLeg.objects.get_queryset().filter(call__in=calls_of(subject), carrier_deleted_at__isnull=True)

    def stop(self, subject: Subject, *, now: datetime) -> None:
        """Ends live calls of the person and waits until they are over."""
        live = calls_of(subject).exclude(status__in=TERMINAL_STATUSES)
        for call in live.filter(hangup_requested_at__isnull=True):
            going_on = Call.objects.get_queryset().filter(id=call.id).exclude(status__in=TERMINAL_STATUSES)
            going_on.update(hangup_requested_at=now)
            wake.soon("hang_up", call.id)
        if live.exists():
            raise NotYet("A call is being ended first; the erasure goes on by itself.")

    def find(self, subject: Subject) -> dict[str, int]:
        return {}

    def export(self, subject: Subject) -> dict[str, Any]:
        return {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        """:raises NotYet: the carrier is silent, or has not finished the call."""
        # One that was being placed while everything stopped.
        self.stop(subject, now=now)
        removed = 0
        with ThreadPoolExecutor(ASKED_TOGETHER) as asking:
            for legs in batched(self._legs(subject).order_by("id"), ASKED_IN_A_ROW):
                if any(leg.status not in LEG_TERMINAL for leg in legs):
                    raise NotYet("A call leg has not ended at the carrier yet; the erasure goes on by itself.")
                with disclosures.alike(len(legs)):
                    removed += _delete_at_carrier(legs, asking, now)
        return {"call": removed} if removed else {}

    def verify(self, subject: Subject) -> int:
        return self._legs(subject).count()


def _delete_at_carrier(legs: Sequence[CallLeg], asking: ThreadPoolExecutor, now: datetime) -> int:
    """In threads of their own, since most of it is waiting. :raises NotYet:"""
    answers = [asking.submit(copy_context().run, _ask_to_delete, leg.sid) for leg in legs]
    try:
        for answer in answers:
            answer.result()
    finally:
        # Of those that nobody has asked for yet, the next attempt asks; what is gone is noted in any case.
        asked = zip(legs, answers, strict=True)
        gone = [leg.id for leg, answer in asked if not answer.cancel() and not answer.exception()]
        CallLeg.objects.get_queryset().filter(id__in=gone).update(carrier_deleted_at=now)
    return len(gone)


def _ask_to_delete(sid: str) -> None:
    """:raises NotYet:"""
    began = time.monotonic()
    try:
        twilio.delete_call(sid)
    except (twilio.CarrierSilent, twilio.CarrierRefused) as error:
        raise NotYet("The carrier has not removed its record yet; it is asked again.") from error
    finally:
        # The thread ends with the erasure, and what it holds of the pool must not.
        connection.close()
    time.sleep(max(0.0, ASKED_EVERY_S - (time.monotonic() - began)))


STORE: Final = CarrierStore()
