"""The meter: debits each call minute while the call runs.

Everything is done for some hundred calls at a time, in a fixed number of statements, so that neither the time nor the
memory of a tick depends on how the calls are spread over workspaces.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, cast
from uuid import UUID

from django.db import connection, transaction

from identity.arrays import array
from ledger import live as ledger_live
from ledger import operations as ledger
from ledger.money import RateCardTerms, price
from voice import wake
from voice.changes import Charged, Telling
from voice.live import BATCH_CALLS, pages
from voice.models import TERMINAL_STATUSES, Call
from voice.state import CLOSING_AT_S

# Of one call at one tick: after an outage the rest follows second by second.
INCREMENTS_AT_ONCE_MAX: Final = ledger.CHARGES_AT_ONCE_MAX // BATCH_CALLS
HOLD_RENEWED_S: Final = 600


# In the order of calls: created_at as the database writes it, and id.
_Place = tuple[str, UUID]
_FIRST: Final[_Place] = ("-infinity", UUID(int=0))


class _Due(NamedTuple):
    """A live call with increments to charge, locked. created_at: as the database writes it; elapsed_s: since it was answered."""

    created_at: str
    id: UUID
    workspace_id: UUID
    user_id: UUID
    rate_card_id: UUID
    elapsed_s: float
    max_duration_s: int
    minutes_charged: int

    @property
    def reference(self) -> str:
        return Call.reference_of(self.id)


def charge_due_minutes(*, now: datetime) -> int:
    """Charges every due increment of every live call and returns how many were debited.

    An increment is due at its begin: number n (from 0) when n increments have passed since the callee answered. The pair
    (call, n) is unique in the ledger, so a repeated tick, two meters or a crash change nothing, and an outage catches up.
    Where there are more than a batch, two meters share them, so that the database works for one while the other reckons.
    """
    terms = ledger_live.all_terms()
    meter = _Meter(terms, now)
    debited, after = meter.charge(_FIRST)
    if after is None:
        meter.finish()
        return debited
    with ThreadPoolExecutor(1, thread_name_prefix="meter") as pool:
        others = pool.submit(_Meter(terms, now).help, after)
        return debited + meter.go_on(after) + others.result()


class _Meter:
    """Charges batch after batch over the connection of its thread, and leaves out what another has locked."""

    def __init__(self, terms: dict[UUID, RateCardTerms], now: datetime) -> None:
        self._terms = terms
        self._now = now
        self._telling = Telling(now=now)

    def charge(self, after: _Place) -> tuple[int, _Place | None]:
        """One batch: how many were debited, and after which place there may be more."""
        debited = 0
        with transaction.atomic():
            due = _due(after, self._terms, self._now)
            if due:
                debited = _charge(due, self._terms, self._now, self._telling)
        return debited, (due[-1].created_at, due[-1].id) if len(due) == BATCH_CALLS else None

    def go_on(self, after: _Place) -> int:
        debited, place = 0, cast(_Place | None, after)
        while place is not None:
            charged, place = self.charge(place)
            debited += charged
        self.finish()
        return debited

    def help(self, after: _Place) -> int:
        """The same in a thread of its own."""
        try:
            return self.go_on(after)
        finally:
            connection.close()

    def finish(self) -> None:
        transaction.on_commit(self._telling.finish)


def _due(after: _Place, terms: dict[UUID, RateCardTerms], now: datetime) -> list[_Due]:
    """The next calls in order of their begin, locked; those that another meter has locked are its own."""
    cards = list(terms)
    with connection.cursor() as cursor:
        cursor.execute(
            _DUE,
            [
                now,
                cards,
                [terms[card].increment_s for card in cards],
                list(TERMINAL_STATUSES),
                now,
                *after,
                BATCH_CALLS,
            ],
        )
        return [_Due(*row) for row in cursor.fetchall()]


def _charge(due: list[_Due], terms: dict[UUID, RateCardTerms], now: datetime, telling: Telling) -> int:
    charges = [charge for call in due for charge in _charges(call, terms[call.rate_card_id])]
    results = ledger.capture_due(charges=charges, now=now, held_until=now + timedelta(seconds=HOLD_RENEWED_S))
    ids = {call.reference: call.id for call in due}
    charged: dict[UUID, tuple[int, int]] = {}
    ending: set[UUID] = set()
    spendable: dict[UUID, int] = {}
    for result in results:
        call_id = ids[result.reference]
        if result.outcome == "insufficient":
            # Nothing that follows can have been charged; the settlement does what can be paid.
            ending.add(call_id)
        elif result.outcome != "closed":
            _, mcredits = charged.get(call_id, (0, 0))
            charged[call_id] = result.ordinal + 1, mcredits + result.amount_mcredits
        spendable[call_id] = result.spendable_mcredits
    _note(charged, ending, now)
    for call_id in ending:
        wake.soon("hang_up", call_id)
    told = [call for call in due if call.id in charged or call.id in ending]
    charged_calls = [Charged(call.id, call.workspace_id, call.user_id, spendable[call.id]) for call in told]
    # Only then, since whoever begins to listen before the commit reads what was before it; and while nothing is locked.
    transaction.on_commit(partial(telling.begin, charged_calls))
    return sum(result.outcome == "charged" for result in results)


def _charges(call: _Due, terms: RateCardTerms) -> Iterator[ledger.Charge]:
    begun = min(int(call.elapsed_s // terms.increment_s) + 1, -(-call.max_duration_s // terms.increment_s))
    reference = call.reference
    for ordinal in range(call.minutes_charged, min(begun, call.minutes_charged + INCREMENTS_AT_ONCE_MAX)):
        amount_mcredits = price(duration_s=(ordinal + 1) * terms.increment_s, terms=terms)
        amount_mcredits -= price(duration_s=ordinal * terms.increment_s, terms=terms)
        yield ledger.Charge(call.workspace_id, reference, ordinal, amount_mcredits)


def _note(charged: dict[UUID, tuple[int, int]], ending: set[UUID], now: datetime) -> None:
    """What was charged of each call, how far, and which calls are to end."""
    ids = list(charged.keys() | ending)
    noted = [charged.get(call_id, (0, 0)) for call_id in ids]
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            [
                now,
                CLOSING_AT_S,
                array(ids),
                array(increments for increments, _ in noted),
                array(mcredits for _, mcredits in noted),
                array(call_id in ending for call_id in ids),
            ],
        )


def keep_holds(*, now: datetime) -> None:
    """Keeps the holds of live calls from expiring where no charge does it in time."""
    for page in pages(Call.objects.filter(status="in_progress")):
        references = [Call.reference_of(call_id) for call_id in page]
        ledger.renew_holds(references=references, expires_at=now + timedelta(seconds=HOLD_RENEWED_S), now=now)


# The statuses that are no live ones stand here for the sake of the index over live calls, which says the same.
_DUE = """
SELECT call.created_at::text, call.id, call.workspace_id, call.user_id, call.rate_card_id,
       extract(epoch FROM %s - call.answered_at)::float8, call.max_duration_s, call.minutes_charged
FROM voice_call AS call
JOIN unnest(%s::uuid[], %s::int[]) AS card (id, increment_s) ON card.id = call.rate_card_id
WHERE call.status = 'in_progress' AND NOT (call.status = ANY (%s)) AND call.hangup_requested_at IS NULL
  AND call.answered_at + call.minutes_charged * card.increment_s * interval '1 second' <= %s
  AND call.minutes_charged * card.increment_s < call.max_duration_s
  AND (call.created_at, call.id) > (%s::timestamptz, %s)
ORDER BY call.created_at, call.id LIMIT %s
FOR NO KEY UPDATE OF call SKIP LOCKED
"""
_NOTE = """
UPDATE voice_call AS call
SET minutes_charged = greatest(call.minutes_charged, noted.increments),
    charged_mcredits = call.charged_mcredits + noted.mcredits,
    hangup_requested_at = CASE WHEN noted.ending THEN %s ELSE call.hangup_requested_at END,
    warned_at_s = CASE WHEN noted.ending THEN %s ELSE call.warned_at_s END,
    sequence = call.sequence + 1
FROM unnest(%s::uuid[], %s::int[], %s::bigint[], %s::bool[]) AS noted (id, increments, mcredits, ending)
WHERE call.id = noted.id
"""
