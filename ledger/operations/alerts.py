"""Low-balance alerts: once for each time that a workspace's balance falls below the line it drew."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from identity.auth import Actor
from identity.outgoing import deliveries
from ledger.events import BalanceLow
from ledger.models import BalanceAlert
from ledger.money import checked_amount
from realtime.publish import Topic, publish_on_commit

_BALANCES: Final = """
    SELECT line.workspace_id,
           coalesce(sum(CASE account.kind WHEN 'debt' THEN -balance_mcredits ELSE balance_mcredits END), 0) AS balance
    FROM ledger_balancealert AS line LEFT JOIN ledger_account AS account ON account.workspace_id = line.workspace_id
    GROUP BY line.workspace_id
"""
_RAISE: Final = f"""
UPDATE ledger_balancealert AS alert SET raised_at = %s, mail_at = %s, mail_attempts = 0
FROM ({_BALANCES}) AS now
WHERE now.workspace_id = alert.workspace_id AND alert.raised_at IS NULL AND now.balance < alert.threshold_mcredits
RETURNING alert.workspace_id, alert.threshold_mcredits, now.balance
"""  # noqa: S608 - no value of anybody's
_REARM: Final = f"""
UPDATE ledger_balancealert AS alert SET raised_at = NULL, mail_at = NULL, mail_attempts = 0
FROM ({_BALANCES}) AS now
WHERE now.workspace_id = alert.workspace_id AND alert.raised_at IS NOT NULL AND now.balance >= alert.threshold_mcredits
"""  # noqa: S608 - no value of anybody's


@transaction.atomic
def set_alert(*, actor: Actor, threshold_mcredits: int | None) -> None:
    """Draws the line, moves it or, by None, takes it away. A line that is drawn where it was changes nothing.

    :raises NotPermitted: the role may not buy, so an alert would be of no use to it.
    :raises AmountOutOfRange:
    """
    actor.demand("buy_credits")
    mine = BalanceAlert.objects.for_workspace(actor.workspace_id)
    if threshold_mcredits is None:
        mine.delete()
        return
    checked_amount(threshold_mcredits)
    moved = mine.exclude(threshold_mcredits=threshold_mcredits)
    if not moved.update(threshold_mcredits=threshold_mcredits, raised_at=None, mail_at=None, mail_attempts=0):
        row = BalanceAlert(workspace_id=actor.workspace_id, threshold_mcredits=threshold_mcredits)
        BalanceAlert.objects.bulk_create([row], ignore_conflicts=True)


@transaction.atomic
def raise_alerts(*, now: datetime) -> int:
    """Tells each workspace whose balance fell below its line, once until it has risen again. Returns how many.

    Looks at the balances as they are, so that no booking waits for it and none that was missed stays unnoticed. What was
    set aside for calls still counts: it is not spent.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REARM)
        cursor.execute(_RAISE, [now, now])
        raised = cursor.fetchall()
    for workspace_id, threshold_mcredits, balance in raised:
        event = BalanceLow(threshold_mcredits=threshold_mcredits, balance_mcredits=int(balance), at=now)
        publish_on_commit(Topic.workspace(workspace_id), event)
        deliveries.record(
            workspace_id=workspace_id,
            event="balance.low",
            subject=f"balance:{now.timestamp():.3f}",
            data={"balance_mcredits": int(balance), "threshold_mcredits": threshold_mcredits},
            now=now,
        )
    return len(raised)
