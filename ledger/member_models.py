"""What members spend, month by month."""

from django.db import models

from identity.models import TenantModel


class MemberSpending(TenantModel):
    """What one person spent of a workspace's credits in a calendar month (UTC), as far as no row of a call tells it: on
    answers, and on calls that are deleted. It stays when what was paid for is deleted.

    month: its first day.
    """

    user_id = models.UUIDField()
    month = models.DateField()
    spent_mcredits = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "user_id", "month"), name="member_spending_once_a_month"),
        )
