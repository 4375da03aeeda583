"""The meter: debits each call minute while the call runs.

Everything is done for some hundred calls at a time, in a fixed number of statements, so that neither the time nor the
memory of a tick depends on how the calls are spread over workspaces.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from django.db import connection, transaction

from identity.arrays import array, texts
from ledger import live as ledger_live
from ledger import operations as ledger
from ledger.money import RateCardTerms, price
from voice import wake
from voice.changes import Charged, Telling
from voice.live import BATCH_CALLS, pages
from voice.models import TERMINAL_STATUSES, Call
from voice.spending import CALL_REFERENCE
from voice.state import CLOSING_AT_S

# Of one call at one tick: after an outage the rest follows second by second.
INCREMENTS_AT_ONCE_MAX: Final = ledger.CHARGES_AT_ONCE_MAX // BATCH_CALLS
HOLD_RENEWED_S: Final = 600


# In the order of calls: workspace_id, created_at and id, as the database writes them. What a workspace pays is booked together.
_Place = tuple[str, str, str]
_FIRST: Final[_Place] = (str(UUID(int=0)), "-infinity", str(UUID(int=0)))


class _Due(NamedTuple):
    """Live calls, locked, that have the same increments to be charged at the same prices.

    first, end: the ordinals of these increments, without the end; ids: of the calls, as the database writes them.
    """

    rate_card_id: UUID
    first: int
    end: int
    ids: str


class _Part(NamedTuple):
    """An increment of calls that are due together, and what it costs each of them."""

    ordinal: int
    amount_mcredits: int


class _Decided(NamedTuple):
    """Calls of one workspace: charged and noted, or left since something about them has to be decided one by one.

    In the order in which they pay: the older first. together: the place of each among what was due, from 1. debited: how many
    increments were; booked: whether any cost something.
    """

    workspace_id: UUID
    is_charged: bool
    ids: list[UUID]
    user_ids: list[UUID]
    together: list[int]
    spendable_mcredits: list[int]
    debited: int
    booked: bool
    available_mcredits: int
    held_mcredits: int
    debt_mcredits: int
    sequence: int


def charge_due_minutes(*, now: datetime) -> int:
    """Charges every due increment of every live call and returns how many were debited.

    An increment is due at its begin: number n (from 0) when n increments have passed since the callee answered. The pair
    (call, n) is unique in the ledger, so a repeated tick, two meters or a crash change nothing, and an outage catches up.
    Where there are more than a batch, two meters share them, each over a connection of its own.
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
            due, last = _due(after, self._terms, self._now)
            if due:
                debited = _charge(due, self._terms, self._now, self._telling)
        return debited, last

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


def _due(after: _Place, terms: dict[UUID, RateCardTerms], now: datetime) -> tuple[list[_Due], _Place | None]:
    """The next calls in order of their begin, locked, and the last one's place unless there were fewer than a batch.

    Those that another meter has locked are its own.
    """
    workspace_id, created_at, call_id = after
    asked: dict[str, Any] = {
        "now": now,
        "cards": list(terms),
        "increments_s": [card.increment_s for card in terms.values()],
        "workspace_id": workspace_id,
        "created_at": created_at,
        "id": call_id,
        "calls": BATCH_CALLS,
        "increments": INCREMENTS_AT_ONCE_MAX,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, asked)
        rows = cursor.fetchall()
    last = rows[0][-1] if rows else None
    return [_Due(*row[:-1]) for row in rows], None if last is None else cast(_Place, tuple(last))


def _charge(due: list[_Due], terms: dict[UUID, RateCardTerms], now: datetime, telling: Telling) -> int:
    """Charges and notes these calls together; those that cannot simply pay are decided after all others."""
    parts = [_parts(calls, terms[calls.rate_card_id]) for calls in due]
    flat = [(place, part) for place, some in enumerate(parts, 1) for part in some]
    asked = {
        "ids": texts(calls.ids for calls in due),
        "together": array(place for place, _ in flat),
        "ordinals": array(part.ordinal for _, part in flat),
        "amounts": array(part.amount_mcredits for _, part in flat),
        "reference": CALL_REFERENCE,
        **ledger.charging(now=now, held_until=now + timedelta(seconds=HOLD_RENEWED_S)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHARGE, asked)
        decided = [_Decided(*row) for row in cursor.fetchall()]
    ledger.tell_of_charges(
        {
            some.workspace_id: ledger.Balances(
                some.available_mcredits, some.held_mcredits, some.debt_mcredits, some.sequence
            )
            for some in decided
            if some.booked
        }
    )
    charged = [
        Charged(some.workspace_id, some.ids, some.user_ids, some.spendable_mcredits)
        for some in decided
        if some.is_charged
    ]
    debited = sum(some.debited for some in decided)
    left = [some for some in decided if not some.is_charged]
    if left:
        later, told = _charge_as_far_as_possible(left, parts, now)
        debited += later
        charged += told
    # Only then, since whoever begins to listen before the commit reads what was before it; and while nothing is locked.
    transaction.on_commit(partial(telling.begin, charged))
    return debited


def _charge_as_far_as_possible(
    left: list[_Decided], parts: list[list[_Part]], now: datetime
) -> tuple[int, list[Charged]]:
    """Calls of which some increment cannot be paid, or cannot be charged at all; those that cannot go on are ended."""
    calls = {
        Call.reference_of(call_id): (call_id, some.workspace_id, user_id, parts[place - 1])
        for some in left
        for call_id, user_id, place in zip(some.ids, some.user_ids, some.together, strict=True)
    }
    charges = [
        ledger.Charge(workspace_id, reference, part.ordinal, part.amount_mcredits)
        for reference, (_, workspace_id, _, some) in calls.items()
        for part in some
    ]
    results = ledger.capture_due(charges=charges, now=now, held_until=now + timedelta(seconds=HOLD_RENEWED_S))
    charged: dict[UUID, tuple[int, int]] = {}
    ending: set[UUID] = set()
    told: dict[UUID, Charged] = {}
    for result in results:
        call_id, workspace_id, user_id, _ = calls[result.reference]
        if result.outcome == "closed":
            continue
        if result.outcome == "insufficient":
            # Nothing that follows can have been charged; the settlement does what can be paid.
            ending.add(call_id)
        else:
            _, mcredits = charged.get(call_id, (0, 0))
            charged[call_id] = result.ordinal + 1, mcredits + result.amount_mcredits
        told[call_id] = Charged(workspace_id, [call_id], [user_id], [result.spendable_mcredits])
    _note(charged, ending, now)
    for call_id in ending:
        wake.soon("hang_up", call_id)
    return sum(result.outcome == "charged" for result in results), list(told.values())


def _parts(calls: _Due, terms: RateCardTerms) -> list[_Part]:
    return [
        _Part(
            ordinal,
            price(duration_s=(ordinal + 1) * terms.increment_s, terms=terms)
            - price(duration_s=ordinal * terms.increment_s, terms=terms),
        )
        for ordinal in range(calls.first, calls.end)
    ]


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
    """Keeps the holds of live calls from expiring where no charge does it in time: whether somebody talks may be known late only."""
    for page in pages(Call.objects.exclude(status__in=TERMINAL_STATUSES)):
        references = [Call.reference_of(call_id) for call_id in page]
        ledger.renew_holds(references=references, expires_at=now + timedelta(seconds=HOLD_RENEWED_S), now=now)


# Of calls that have the same due and the same rate card one row.
_DUE = """
WITH due AS MATERIALIZED (
    SELECT * FROM voice_lock_due(%(now)s, %(cards)s::uuid[], %(increments_s)s::int[], %(workspace_id)s::uuid,
                                 %(created_at)s::timestamptz, %(id)s::uuid, %(calls)s, %(increments)s)
)
SELECT rate_card_id, first, until, array_agg(id)::text,
       (SELECT ARRAY[workspace_id::text, created_at::text, id::text] FROM due
        ORDER BY workspace_id, created_at, id OFFSET %(calls)s - 1)
FROM due GROUP BY rate_card_id, first, until
"""
# Of one statement, since the calls are locked: what is asked of the ledger, what it says, and what is noted of those that pay.
_CHARGE = f"""
WITH asked AS MATERIALIZED (
    SELECT call.id, call.workspace_id, call.user_id, %(reference)s::text || call.id AS reference, due.together,
           part.ordinal, part.amount, row_number() OVER (ORDER BY call.workspace_id, call.created_at, call.id, part.ordinal) AS place
    FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS due (ids, together)
    CROSS JOIN LATERAL unnest(due.ids::uuid[]) AS live (id)
    JOIN voice_call AS call ON call.id = live.id
    JOIN unnest(%(together)s::int[], %(ordinals)s::int[], %(amounts)s::bigint[]) AS part (together, ordinal, amount)
        ON part.together = due.together
),
charged AS MATERIALIZED ({ledger.CHARGED}),
decided AS MATERIALIZED (
    SELECT asked.id, asked.workspace_id, asked.user_id, asked.together, min(asked.place) AS place,
           bool_and(charged.outcome IN ('paid', 'already')) AS is_charged,
           max(asked.ordinal) + 1 AS increments, sum(asked.amount)::bigint AS mcredits,
           min(charged.hold_left + coalesce(charged.available, 0)) AS spendable,
           count(*) FILTER (WHERE charged.outcome = 'paid') AS debited,
           bool_or(charged.outcome = 'paid' AND asked.amount > 0) AS booked,
           min(charged.available) AS available, min(charged.held) AS held, min(charged.debt) AS debt,
           min(charged.sequence) AS sequence
    FROM asked JOIN charged USING (place)
    GROUP BY asked.id, asked.workspace_id, asked.user_id, asked.together
),
noted AS (
    UPDATE voice_call AS call
    SET minutes_charged = greatest(call.minutes_charged, decided.increments),
        charged_mcredits = call.charged_mcredits + decided.mcredits, sequence = call.sequence + 1
    FROM decided WHERE call.id = decided.id AND decided.is_charged
)
SELECT workspace_id, is_charged, array_agg(id ORDER BY place), array_agg(user_id ORDER BY place),
       array_agg(together ORDER BY place), array_agg(spendable ORDER BY place),
       sum(debited)::int, bool_or(booked), min(available), min(held), min(debt), min(sequence)
FROM decided GROUP BY workspace_id, is_charged
"""  # noqa: S608 - no value of anybody's
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
