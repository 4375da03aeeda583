"""What is kept of low-balance alerts."""

from django.db import models
from django.db.models import Q

from identity.models import TenantModel
from ledger.money import AMOUNT_MAX_MCREDITS


class BalanceAlert(TenantModel):
    """A line that somebody drew under a workspace's balance. One row a workspace; none where no line is drawn.

    raised_at: since when available + held - debt is below threshold_mcredits, as far as it was noticed; null while it is not.
    mail_at: when the mail about it is tried next; null when there is none to send.
    """

    threshold_mcredits = models.BigIntegerField()
    raised_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace",), name="ledger_alert_once_per_workspace"),
            models.CheckConstraint(
                condition=Q(threshold_mcredits__gte=1, threshold_mcredits__lte=AMOUNT_MAX_MCREDITS),
                name="ledger_alert_threshold_in_range",
            ),
        )
