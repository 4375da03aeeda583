"""The invariants of the books, each checked over all rows by one query that names the first offending row."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

logger = logging.getLogger(__name__)

# The sweep looks every minute; what it left alone for longer than this is stuck.
STALE_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant. row: the first offending row, column by column."""

    invariant: str
    row: dict[str, Any]


_CHECKS: Final[dict[str, str]] = {
    "entries sum to zero": """
        SELECT entry.id AS entry, entry.workspace_id AS workspace, coalesce(sums.difference, 0) AS difference_mcredits
        FROM ledger_entry AS entry
        LEFT JOIN (
            SELECT entry_id, sum(CASE side WHEN 'debit' THEN amount_mcredits ELSE -amount_mcredits END) AS difference
            FROM ledger_posting GROUP BY entry_id
        ) AS sums ON sums.entry_id = entry.id
        WHERE sums.difference IS DISTINCT FROM 0
        ORDER BY entry.occurred_at, entry.id LIMIT 1
    """,
    "balances match postings": """
        SELECT account.id AS account, account.workspace_id AS workspace, account.kind,
               account.balance_mcredits AS kept_mcredits, coalesce(sums.balance, 0) AS posted_mcredits
        FROM ledger_account AS account
        LEFT JOIN (
            SELECT posting.account_id,
                   sum(CASE WHEN (posting.side = 'debit') = (owner.kind = 'debt') THEN posting.amount_mcredits
                            ELSE -posting.amount_mcredits END) AS balance
            FROM ledger_posting AS posting JOIN ledger_account AS owner ON owner.id = posting.account_id
            WHERE owner.workspace_id IS NOT NULL
            GROUP BY posting.account_id
        ) AS sums ON sums.account_id = account.id
        WHERE account.workspace_id IS NOT NULL AND account.balance_mcredits <> coalesce(sums.balance, 0)
        ORDER BY account.id LIMIT 1
    """,
    "postings stay within the entry's workspace": """
        SELECT entry.id AS entry, account.id AS account, entry.workspace_id AS workspace,
               account.workspace_id AS account_workspace
        FROM ledger_posting AS posting
        JOIN ledger_entry AS entry ON entry.id = posting.entry_id
        JOIN ledger_account AS account ON account.id = posting.account_id
        WHERE account.workspace_id IS NOT NULL AND account.workspace_id <> entry.workspace_id
        ORDER BY entry.id LIMIT 1
    """,
    "postings have their entry and their account": """
        SELECT posting.entry_id AS entry, entry.id IS NOT NULL AS entry_is_there, posting.account_id AS account,
               account.id IS NOT NULL AS account_is_there
        FROM ledger_posting AS posting
        LEFT JOIN ledger_entry AS entry ON entry.id = posting.entry_id
        LEFT JOIN ledger_account AS account ON account.id = posting.account_id
        WHERE entry.id IS NULL OR account.id IS NULL
        ORDER BY posting.entry_id LIMIT 1
    """,
    "entries are numbered without gaps and carry the running credit": """
        SELECT id AS entry, workspace_id AS workspace, sequence, effect_mcredits, balance_after_mcredits
        FROM (
            SELECT *, row_number() OVER numbered AS expected_sequence,
                   sum(effect_mcredits) OVER numbered AS expected_balance
            FROM ledger_entry WINDOW numbered AS (PARTITION BY workspace_id ORDER BY sequence)
        ) AS entry
        WHERE sequence <> expected_sequence OR balance_after_mcredits <> expected_balance
        ORDER BY workspace_id, sequence LIMIT 1
    """,
    "entries have the effect of their postings": """
        SELECT entry.id AS entry, entry.workspace_id AS workspace, entry.effect_mcredits, sums.effect AS posted_mcredits
        FROM ledger_entry AS entry
        JOIN (
            SELECT posting.entry_id,
                   sum(CASE WHEN account.workspace_id IS NULL THEN 0 WHEN posting.side = 'credit'
                            THEN posting.amount_mcredits ELSE -posting.amount_mcredits END) AS effect
            FROM ledger_posting AS posting JOIN ledger_account AS account ON account.id = posting.account_id
            GROUP BY posting.entry_id
        ) AS sums ON sums.entry_id = entry.id
        WHERE entry.effect_mcredits <> sums.effect
        ORDER BY entry.id LIMIT 1
    """,
    "held accounts match the holds": """
        SELECT account.workspace_id AS workspace, account.balance_mcredits AS held_mcredits,
               coalesce(sums.held, 0) AS holds_mcredits
        FROM ledger_account AS account
        LEFT JOIN (SELECT workspace_id, sum(remaining_mcredits) AS held FROM ledger_hold GROUP BY workspace_id) AS sums
            ON sums.workspace_id = account.workspace_id
        WHERE account.kind = 'held' AND account.balance_mcredits <> coalesce(sums.held, 0)
        ORDER BY account.workspace_id LIMIT 1
    """,
    "holds know what was charged": """
        SELECT hold.id AS hold, hold.workspace_id AS workspace, hold.charged_mcredits,
               coalesce(sums.charged, 0) AS posted_mcredits
        FROM ledger_hold AS hold
        LEFT JOIN (
            SELECT reference, -sum(effect_mcredits) AS charged FROM ledger_entry
            WHERE kind IN ('charge', 'settlement') GROUP BY reference
        ) AS sums ON sums.reference = hold.reference
        WHERE hold.charged_mcredits <> coalesce(sums.charged, 0)
        ORDER BY hold.id LIMIT 1
    """,
    "purchases are booked as granted and taken back": """
        SELECT checkout.id AS checkout, checkout.workspace_id AS workspace, checkout.transaction_id,
               checkout.granted_mcredits - checkout.taken_back_mcredits AS known_mcredits,
               coalesce(sums.booked, 0) AS booked_mcredits
        FROM ledger_checkout AS checkout
        LEFT JOIN (
            SELECT workspace_id, reference, sum(effect_mcredits) AS booked FROM ledger_entry
            WHERE kind IN ('purchase', 'refund', 'chargeback', 'chargeback_reverse') GROUP BY workspace_id, reference
        ) AS sums ON sums.reference = checkout.transaction_id AND sums.workspace_id = checkout.workspace_id
        WHERE checkout.granted_mcredits - checkout.taken_back_mcredits <> coalesce(sums.booked, 0)
        ORDER BY checkout.id LIMIT 1
    """,
    "no hold outlives its expiry": """
        SELECT id AS hold, workspace_id AS workspace, expires_at FROM ledger_hold
        WHERE state = 'active' AND expires_at < %(stale)s
        ORDER BY expires_at LIMIT 1
    """,
    "no event of Paddle is left unhandled": """
        SELECT event_id, event_type, received_at FROM ledger_paddleevent
        WHERE state = 'pending' AND problem = '' AND received_at < %(stale)s
        ORDER BY received_at LIMIT 1
    """,
}
INVARIANTS: Final = tuple(_CHECKS)


def violations(*, now: datetime) -> Iterator[Violation]:
    """Checks every invariant and yields those that are broken."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Everything is read whole. Where PostgreSQL has no fresh statistics it would take row by row for cheap, and a
        # ledger of some ten thousand entries for a minute's work.
        cursor.execute("SET LOCAL enable_nestloop = off")
        for invariant, query in _CHECKS.items():
            cursor.execute(query, {"stale": now - STALE_AFTER})
            row = cursor.fetchone()
            if row is not None:
                columns = [column.name for column in cursor.description]
                yield Violation(invariant, dict(zip(columns, row, strict=True)))


def check_books(*, now: datetime) -> int:
    """Logs an error for each broken invariant and returns how many there are; the command names the rows."""
    broken = [violation.invariant for violation in violations(now=now)]
    for invariant in broken:
        logger.error("the books are broken", extra={"invariant": invariant})
    return len(broken)
