"""What time does to cases: alerts while they are not answered."""

import logging
from datetime import datetime, timedelta
from typing import Final

from compliance import case_mails
from compliance.case_models import Case, CaseMailTemplate

logger = logging.getLogger(__name__)

ALERT_DAYS: Final[dict[int, CaseMailTemplate]] = {7: "alert_7", 20: "alert_20", 25: "alert_25"}
CASES_AT_ONCE_MAX: Final = 500


def raise_alerts(*, now: datetime) -> int:
    """Tells the operator, by mail and in the log, of each open case that is 7, 20 or 25 days old, once each; returns how many.

    The database lets no case have the same alert twice, so several clocks tell once.
    """
    raised = 0
    for day, template in ALERT_DAYS.items():
        old = Case.objects.filter(opened_at__lte=now - timedelta(days=day)).exclude(state="closed")
        for case in old.exclude(mails__template=template).order_by("due_on", "id")[:CASES_AT_ONCE_MAX]:
            if case_mails.queue_alert(case, template=template, now=now):
                logger.warning(
                    "case is not answered",
                    extra={
                        "reference": case.reference,
                        "due_on": case.due_on.isoformat(),
                        "kind": case.kind,
                        "count": day,
                    },
                )
                raised += 1
    return raised
