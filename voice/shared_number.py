"""Complaints over all workspaces, which call from one number: each may stay below its own limit while the number is on its way to be
flagged. The operator is told, and those whose calls people do not want pause.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Count, OuterRef, Subquery

from compliance import suppression
from identity.models import Workspace
from processors.operator_mails import Written, send_alerts
from voice import guard
from voice.guard import COMPLAINTS_SHARE, COMPLAINTS_WITHIN
from voice.guard_models import ComplaintAlert
from voice.models import Call

logger = logging.getLogger(__name__)

# How many people at least, in all workspaces; and in one of them for its calling to pause then. Both with COMPLAINTS_SHARE of the
# answered calls.
EVERYWHERE_MIN: Final = 20
WORKSPACE_MIN: Final = 2
# However long it is so, one mail in this time.
TOLD_EVERY: Final = timedelta(days=1)
LINES_MAX: Final = 50
_SUBJECT: Final = "Too many people ask not to be called: {people} of {answered} answered calls"
_TEXT: Final = (
    "In the 7 days before {at} UTC, {people} people who were called from {caller_id} asked not to be called, with {answered} calls that"
    " were answered. Carriers flag and block numbers for that, and all workspaces call from this one.\n\n"
    "By workspace, people who asked and calls that were answered:\n\n{lines}\n\n"
    "Where it is {least} people or more, and {share:.0%} of its answered calls, calling has paused by itself until whoever runs the"
    " team goes on. Ask them whom they call and why. If it does not end, block who dials on the Accounts page of your own people. The next"
    " such mail comes a day later at the earliest.\n"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was asked in the last 7 days. people: each once, in whichever workspaces; by_workspace: (people, answered calls)."""

    people: int
    answered: int
    by_workspace: dict[UUID, tuple[int, int]]

    @property
    def is_bad(self) -> bool:
        return self.people >= EVERYWHERE_MIN and self.people >= COMPLAINTS_SHARE * self.answered


_NOT_BAD: Final = Standing(0, 0, {})


def look_at_all(*, now: datetime) -> None:
    """Has the operator told, once a day, and pauses those of whom people complain, if they are too many over all workspaces."""
    standing = _standing(now)
    if not standing.is_bad:
        return
    for workspace_id, (people, _) in sorted(standing.by_workspace.items()):
        if people >= WORKSPACE_MIN:
            guard.pause_for_complaints(workspace_id, least=WORKSPACE_MIN, now=now)
    _, is_first = ComplaintAlert.objects.get_or_create(defaults={"raised_at": now, "next_at": now})
    again = ComplaintAlert.objects.filter(raised_at__lte=now - TOLD_EVERY)
    # Of several clocks, the one whose row it becomes.
    if is_first or again.update(raised_at=now, next_at=now, attempts=0, sent_at=None):
        logger.error("complaints over all workspaces", extra={"count": standing.people})


def send_complaint_alerts(*, now: datetime) -> int:
    """Sends the mail of this alert; returns how many."""
    return send_alerts(ComplaintAlert.objects.all(), kind="complaints", write=_write, now=now)


def _write(alert: ComplaintAlert) -> Written | None:
    # As it was when the alert was raised, but for what was taken back meanwhile.
    standing = _standing(alert.raised_at)
    if not standing.is_bad:
        return None
    figures = {"people": standing.people, "answered": standing.answered}
    text = _TEXT.format(
        **figures,
        at=f"{alert.raised_at:%Y-%m-%d %H:%M}",
        caller_id=settings.TWILIO_CALLER_ID,
        lines=_lines(standing),
        least=WORKSPACE_MIN,
        share=COMPLAINTS_SHARE,
    )
    return Written(_SUBJECT.format(**figures), text)


def _standing(now: datetime) -> Standing:
    since = now - COMPLAINTS_WITHIN
    asked: defaultdict[UUID | None, set[str]] = defaultdict(set)
    for workspace_id, key in suppression.asked_anywhere(since=since):
        asked[workspace_id].add(key)
    everybody = len(set().union(*asked.values()))
    if everybody < EVERYWHERE_MIN:
        return _NOT_BAD
    answered = _answered_calls(since)
    # Most days it ends here at the latest, and no call's number is read.
    if everybody < COMPLAINTS_SHARE * sum(answered.values()):
        return _NOT_BAD
    people: set[str] = set()
    by_workspace = {}
    for workspace_id, calls in answered.items():
        own = asked[workspace_id] | asked[None]
        called = guard.called_among(workspace_id, own, since=since).keys() if own else set()
        people |= called
        by_workspace[workspace_id] = (len(called), calls)
    return Standing(len(people), sum(answered.values()), by_workspace)


def _answered_calls(since: datetime) -> dict[UUID, int]:
    """How many, of each workspace that called anybody: who lets it ring asks not to be called too, on the page of those who were."""
    calls = Call.objects.get_queryset().filter(workspace_id=OuterRef("id"), created_at__gt=since).order_by()
    count = calls.values("workspace_id").annotate(count=Count("answered_at")).values("count")
    return dict(Workspace.objects.annotate(count=Subquery(count)).exclude(count=None).values_list("id", "count"))


def _lines(standing: Standing) -> str:
    complained = {key: each for key, each in standing.by_workspace.items() if each[0]}
    worst_first = sorted(complained.items(), key=lambda each: (-each[1][0], each[1][1], each[0]))
    lines = [f"{workspace_id}: {people} of {answered}" for workspace_id, (people, answered) in worst_first[:LINES_MAX]]
    more = f"\nand {len(worst_first) - LINES_MAX} workspaces more" if len(worst_first) > LINES_MAX else ""
    return "\n".join(lines) + more
