"""The balance over time, summed from the postings by the database."""

from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from identity.auth import Actor
from ledger.purchase_schemas import BurnDay, BurnDownOut
from ledger.statement import BOOKED_LATE_MAX, first_sequence_at

DAYS_MAX: Final = 90
# One snapshot: the balance that there is, and from it backwards what was posted in each day. The balance before the first
# day follows, so nothing older is read.
_SUMS: Final = """
WITH mine AS (
    SELECT id, kind, balance_mcredits FROM ledger_account WHERE workspace_id = %(workspace)s
), posted AS (
    SELECT width_bucket(entry.occurred_at, %(begins)s::timestamptz[]) AS day, entry.kind, entry.occurred_at,
           CASE posting.side WHEN 'credit' THEN posting.amount_mcredits ELSE -posting.amount_mcredits END AS effect
    FROM ledger_entry AS entry
    JOIN ledger_posting AS posting ON posting.entry_id = entry.id
    JOIN mine ON mine.id = posting.account_id
    WHERE entry.workspace_id = %(workspace)s AND entry.sequence >= %(first)s
)
SELECT 0, (SELECT coalesce(sum(CASE kind WHEN 'debt' THEN -balance_mcredits ELSE balance_mcredits END), 0) FROM mine), 0,
       NULL::timestamptz
UNION ALL
SELECT day, sum(effect), coalesce(-sum(effect) FILTER (WHERE kind IN ('charge', 'settlement', 'ai_query')), 0),
       min(occurred_at)
FROM posted WHERE day >= 1 GROUP BY day
"""


def burn_down(*, actor: Actor, days: int, zone: ZoneInfo, now: datetime) -> BurnDownOut:
    """Of the last `days` days of the reader's calendar, today included. days: 1 to DAYS_MAX.

    :raises NotPermitted: the role does not see what the team spends.
    """
    actor.demand("see_team")
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in range(days - 1, -1, -1)]
    begins = [datetime.combine(day, time.min, zone) for day in dates]
    balance, effects, spent, began_at = _sums(actor.workspace_id, begins)
    found = []
    for number in range(days, 0, -1):
        effect, spent_then = effects.get(number, 0), spent.get(number, 0)
        found.append(
            BurnDay(
                day=dates[number - 1],
                balance_mcredits=balance,
                spent_mcredits=spent_then,
                bought_mcredits=effect + spent_then,
            )
        )
        balance -= effect
    found.reverse()
    return _with_pace(found, began_at=began_at if balance == 0 else None, now=now)


def _with_pace(days: list[BurnDay], *, began_at: datetime | None, now: datetime) -> BurnDownOut:
    """began_at: of a workspace that is younger than these days, so that its first days count and no others."""
    spent = max(0, sum(day.spent_mcredits for day in days))
    over_days = len(days) if began_at is None else min(len(days), (now - began_at) // timedelta(days=1) + 1)
    a_day = -(-spent // max(1, over_days))
    left = max(0, days[-1].balance_mcredits)
    return BurnDownOut(days=days, spent_a_day_mcredits=a_day, days_left=left // a_day if a_day else None)


def _sums(workspace_id: UUID, begins: list[datetime]) -> tuple[int, dict[int, int], dict[int, int], datetime | None]:
    """The balance now; by number of the day, from 1, the change of credit and what was spent; the first entry's time."""
    first = first_sequence_at(workspace_id, begins[0] - BOOKED_LATE_MAX)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"workspace": workspace_id, "begins": begins, "first": first})
        (_, balance, _, _), *rows = sorted(cursor.fetchall(), key=lambda row: int(row[0]))
    effects = {day: int(effect) for day, effect, _, _ in rows}
    spent = {day: int(amount) for day, _, amount, _ in rows}
    return int(balance), effects, spent, min((at for _, _, _, at in rows), default=None)
