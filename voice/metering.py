"""The meter: debits each call minute while the call runs."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ledger import operations as ledger
from ledger import queries as ledger_queries
from ledger.money import price
from voice import wake
from voice.changes import publish_call
from voice.models import Call

BATCH_CALLS = 500
HOLD_RENEWED_S = 600


def charge_due_minutes(*, now: datetime) -> int:
    """Charges every due increment of every live call and returns how many were debited.

    An increment is due at its begin: number n (from 0) when n increments have passed since the callee answered. The pair
    (call, n) is unique in the ledger, so a repeated tick, two meters or a crash change nothing, and an outage catches up.
    """
    live = Call.objects.filter(status="in_progress", answered_at__isnull=False).order_by("id")
    debited = 0
    for offset in range(0, live.count(), BATCH_CALLS):
        ids = list(live.values_list("id", flat=True)[offset : offset + BATCH_CALLS])
        debited += _charge(ids, now)
    return debited


def _charge(call_ids: list[UUID], now: datetime) -> int:
    with transaction.atomic():
        calls = {
            call.ledger_reference: call
            for call in Call.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("lead", "user")
            .filter(id__in=call_ids, status="in_progress", answered_at__isnull=False)
        }
        charges = [charge for call in calls.values() for charge in _due(call, now)]
        if not charges:
            return 0
        results = ledger.capture_due(charges=charges, now=now)
        debited = 0
        touched: dict[str, Call] = {}
        for result in results:
            call = calls[result.reference]
            if result.outcome == "insufficient":
                if call.hangup_requested_at is None:
                    call.hangup_requested_at = now
                    call.save(update_fields=["hangup_requested_at"])
                    touched[result.reference] = call
                wake.soon("hang_up", call.id)
                continue
            if result.outcome in ("charged", "already_charged") and result.ordinal >= call.minutes_charged:
                call.minutes_charged = result.ordinal + 1
                call.charged_mcredits += result.amount_mcredits
                touched[result.reference] = call
            debited += result.outcome == "charged"
        for call in touched.values():
            call.save(update_fields=["minutes_charged", "charged_mcredits"])
            publish_call(call, now=now)
        expires_at = now + timedelta(seconds=HOLD_RENEWED_S)
        ledger.renew_holds(references=list(calls), expires_at=expires_at, now=now)
        return debited


def _due(call: Call, now: datetime) -> list[ledger.Charge]:
    assert call.answered_at is not None
    terms = ledger_queries.rate_card(call.rate_card_id).terms
    elapsed_s = (now - call.answered_at).total_seconds()
    if elapsed_s < 0 or call.hangup_requested_at:
        return []
    begun = min(int(elapsed_s // terms.increment_s) + 1, -(-call.max_duration_s // terms.increment_s))
    return [
        ledger.Charge(
            workspace_id=call.workspace_id,
            reference=call.ledger_reference,
            ordinal=ordinal,
            amount_mcredits=price(duration_s=(ordinal + 1) * terms.increment_s, terms=terms)
            - price(duration_s=ordinal * terms.increment_s, terms=terms),
        )
        for ordinal in range(call.minutes_charged, begun)
    ]
