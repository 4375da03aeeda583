"""When nobody of a workspace may dial, and why; and what the operator is told of the number that all call from."""

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from identity.models import TenantModel


class DialPause(TenantModel):
    """Nobody of the workspace dials, from paused_at until somebody who runs the team has looked at it.

    cause: failures, the carrier could not put calls through; complaints, people asked not to be called.
    calls: those that brought it and are still there. resumed_at: null while it lasts; who ended it, stands in the record of acts.
    """

    cause = models.CharField(max_length=10)
    calls = models.ManyToManyField("voice.Call", related_name="+")
    paused_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace",), condition=Q(resumed_at__isnull=True), name="dial_pause_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(cause__in=("failures", "complaints")), name="dial_pause_cause_known"),
        )
        indexes = (models.Index(fields=("workspace", "-resumed_at"), name="dial_pause_last"),)


class _OnlyAlert(models.Model):
    """A mail to the operator about the account that all share. One row, used again the next time.

    raised_at: when it was so; next_at: when the mail is tried next.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_only = models.BooleanField(default=True, unique=True)
    raised_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class ComplaintAlert(_OnlyAlert):
    """Too many people asked not to be called, over all workspaces; raised once a day."""

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(is_only=True), name="complaint_alert_only_one"),)


class LimitAlert(_OnlyAlert):
    """The carrier did not take a call, the account being at a limit; raised once an hour."""

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(is_only=True), name="limit_alert_only_one"),)


class OrphanCall(models.Model):
    """A call that went on at the carrier under our number, and that is a leg of none of our calls. Neither number nor person is kept.

    began_at: as the carrier says. told_at: when the operator was told; ended_at: when we had ended it, null where we
    did not.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sid = models.CharField(max_length=34, unique=True)
    began_at = models.DateTimeField()
    found_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
