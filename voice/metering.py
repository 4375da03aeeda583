"""The meter: debits each call minute while the call runs, warns before the credits end, and ends the call then.

Everything is done for some hundred calls at a time, in a fixed number of statements, so that neither the time nor the
memory of a tick depends on how the calls are spread over workspaces.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from ledger import live
from ledger import operations as ledger
from ledger.money import RateCardTerms, price
from realtime.publish import Topic, publish_on_commit
from voice import queries, wake
from voice.changes import publish_charged
from voice.events import CallWarning
from voice.models import TERMINAL_STATUSES, Call

WARN_AT_S: Final = (15, 60)
BATCH_CALLS: Final = 500
# Of one call at one tick: after an outage the rest follows second by second.
INCREMENTS_AT_ONCE_MAX: Final = ledger.CHARGES_AT_ONCE_MAX // BATCH_CALLS
HOLD_RENEWED_S: Final = 600
# Whoever can speak for longer than this is not looked at each second. The meter is never so late that it matters.
_LOOK_FROM_S: Final = max(WARN_AT_S) + 120


class _Due(NamedTuple):
    """A live call with increments to charge, locked."""

    created_at: datetime
    id: UUID
    workspace_id: UUID
    rate_card_id: UUID
    answered_at: datetime
    max_duration_s: int
    minutes_charged: int

    @property
    def reference(self) -> str:
        return Call.reference_of(self.id)


def charge_due_minutes(*, now: datetime) -> int:
    """Charges every due increment of every live call and returns how many were debited.

    An increment is due at its begin: number n (from 0) when n increments have passed since the callee answered. The pair
    (call, n) is unique in the ledger, so a repeated tick, two meters or a crash change nothing, and an outage catches up.
    """
    terms = live.all_terms()
    debited, after = 0, (datetime.min.replace(tzinfo=now.tzinfo), UUID(int=0))
    while True:
        with transaction.atomic():
            due = _due(after, terms, now)
            if due:
                debited += _charge(due, terms, now)
        if len(due) < BATCH_CALLS:
            return debited
        after = due[-1].created_at, due[-1].id


def _due(after: tuple[datetime, UUID], terms: dict[UUID, RateCardTerms], now: datetime) -> list[_Due]:
    """The next calls in order of their begin, locked; those that another meter has locked are its own."""
    cards = list(terms)
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            [cards, [terms[card].increment_s for card in cards], list(TERMINAL_STATUSES), now, *after, BATCH_CALLS],
        )
        return [_Due(*row) for row in cursor.fetchall()]


def _charge(due: list[_Due], terms: dict[UUID, RateCardTerms], now: datetime) -> int:
    charges = [charge for call in due for charge in _charges(call, terms[call.rate_card_id], now)]
    results = ledger.capture_due(charges=charges, now=now, held_until=now + timedelta(seconds=HOLD_RENEWED_S))
    calls = {call.reference: call for call in due}
    charged: dict[UUID, tuple[int, int]] = {}
    ending: list[UUID] = []
    spendable: dict[UUID, int] = {}
    for result in results:
        call_id = calls[result.reference].id
        if result.outcome == "insufficient":
            # Nothing that follows can have been charged; the settlement does what can be paid.
            ending.append(call_id)
        elif result.outcome != "closed":
            _, mcredits = charged.get(call_id, (0, 0))
            charged[call_id] = result.ordinal + 1, mcredits + result.amount_mcredits
        spendable[call_id] = result.spendable_mcredits
    _note(charged, set(ending), now)
    for call_id in dict.fromkeys(ending):
        wake.soon("hang_up", call_id)
    publish_charged({call_id: spendable[call_id] for call_id in (*charged, *ending)}, now=now)
    return sum(result.outcome == "charged" for result in results)


def _charges(call: _Due, terms: RateCardTerms, now: datetime) -> Iterator[ledger.Charge]:
    elapsed_s = (now - call.answered_at).total_seconds()
    begun = min(int(elapsed_s // terms.increment_s) + 1, -(-call.max_duration_s // terms.increment_s))
    for ordinal in range(call.minutes_charged, min(begun, call.minutes_charged + INCREMENTS_AT_ONCE_MAX)):
        yield ledger.Charge(
            workspace_id=call.workspace_id,
            reference=call.reference,
            ordinal=ordinal,
            amount_mcredits=price(duration_s=(ordinal + 1) * terms.increment_s, terms=terms)
            - price(duration_s=ordinal * terms.increment_s, terms=terms),
        )


def _note(charged: dict[UUID, tuple[int, int]], ending: set[UUID], now: datetime) -> None:
    """What was charged of each call, how far, and which calls are to end."""
    ids = list(charged.keys() | ending)
    noted = [charged.get(call_id, (0, 0)) for call_id in ids]
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            [
                now,
                ids,
                [increments for increments, _ in noted],
                [mcredits for _, mcredits in noted],
                [call_id in ending for call_id in ids],
            ],
        )


def keep_holds(*, now: datetime) -> None:
    """Keeps the holds of live calls from expiring where no charge does it in time."""
    for page in _pages(Call.objects.filter(status="in_progress").order_by("id")):
        references = [Call.reference_of(call_id) for call_id in page]
        ledger.renew_holds(references=references, expires_at=now + timedelta(seconds=HOLD_RENEWED_S), now=now)


def warn_and_end(*, now: datetime) -> None:
    """Tells each live call whose credits end soon, once at 60 s and once at 15 s, and ends it at 0.

    A call that got more credits meanwhile is warned anew when these end.
    """
    terms = live.all_terms().values()
    below = max(price(duration_s=_LOOK_FROM_S + each.increment_s, terms=each) for each in terms)
    for references in live.running_low(below_mcredits=below):
        _look({call_id for each in references if (call_id := Call.id_of(each)) is not None}, now)
    longest_soon = Q(answered_at__lte=now - F("max_duration_s") * timedelta(seconds=1) + timedelta(seconds=60))
    for page in _pages(_live().filter(Q(warned_at_s__isnull=False) | longest_soon).order_by("id")):
        _look(set(page), now)


def _look(call_ids: set[UUID], now: datetime) -> None:
    calls = list(_live().filter(id__in=call_ids))
    spendable = live.spendable([call.ledger_reference for call in calls])
    for call in calls:
        left_s = queries.seconds_left(call, now=now, spendable_mcredits=spendable.get(call.ledger_reference, 0))
        if left_s is not None:
            _act(call, left_s, now)


def _act(call: Call, left_s: int, now: datetime) -> None:
    mark = next((mark for mark in WARN_AT_S if left_s <= mark), None)
    if mark is None and call.warned_at_s is not None:
        Call.objects.filter(id=call.id, warned_at_s=call.warned_at_s).update(warned_at_s=None)
    elif mark is not None and (call.warned_at_s is None or call.warned_at_s > mark):
        _warn(call, mark, left_s)
    elif left_s == 0:
        _end(call, now)


def _warn(call: Call, mark_s: int, left_s: int) -> None:
    with transaction.atomic():
        marked = Call.objects.filter(id=call.id, warned_at_s=call.warned_at_s).update(warned_at_s=mark_s)
        if marked:
            event = CallWarning(call_id=call.id, seconds_left=left_s)
            publish_on_commit(Topic.user(call.user_id), event)
            publish_on_commit(Topic.call(call.workspace_id, call.id), event)


def _end(call: Call, now: datetime) -> None:
    with transaction.atomic():
        ended = Call.objects.filter(id=call.id, hangup_requested_at__isnull=True).update(hangup_requested_at=now)
        if ended:
            wake.soon("hang_up", call.id)


def _live() -> Any:
    return Call.objects.filter(
        status="in_progress", answered_at__isnull=False, hangup_requested_at__isnull=True
    ).exclude(status__in=TERMINAL_STATUSES)


def _pages(calls: Any) -> Iterable[list[UUID]]:
    """Ids of calls in their order, some hundred at a time."""
    after = UUID(int=0)
    while page := list(calls.filter(id__gt=after).values_list("id", flat=True)[:BATCH_CALLS]):
        yield page
        after = page[-1]


# The statuses that are no live ones stand here for the sake of the index over live calls, which says the same.
_DUE = """
SELECT call.created_at, call.id, call.workspace_id, call.rate_card_id, call.answered_at, call.max_duration_s,
       call.minutes_charged
FROM voice_call AS call
JOIN unnest(%s::uuid[], %s::int[]) AS card (id, increment_s) ON card.id = call.rate_card_id
WHERE call.status = 'in_progress' AND NOT (call.status = ANY (%s)) AND call.hangup_requested_at IS NULL
  AND call.answered_at + call.minutes_charged * card.increment_s * interval '1 second' <= %s
  AND call.minutes_charged * card.increment_s < call.max_duration_s
  AND (call.created_at, call.id) > (%s, %s)
ORDER BY call.created_at, call.id LIMIT %s
FOR UPDATE OF call SKIP LOCKED
"""
_NOTE = """
UPDATE voice_call AS call
SET minutes_charged = greatest(call.minutes_charged, noted.increments),
    charged_mcredits = call.charged_mcredits + noted.mcredits,
    hangup_requested_at = CASE WHEN noted.ending THEN %s ELSE call.hangup_requested_at END,
    sequence = call.sequence + 1
FROM unnest(%s::uuid[], %s::int[], %s::bigint[], %s::bool[]) AS noted (id, increments, mcredits, ending)
WHERE call.id = noted.id
"""
