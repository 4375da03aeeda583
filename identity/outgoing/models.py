"""Servers that a workspace named, and what is on its way to them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from identity.models import TenantModel


class Endpoint(TenantModel):
    """A server that is told of a workspace's events.

    nonce: what the secret follows from, together with a key that is kept outside the database. previous_nonce, previous_until:
    the same of the secret before, while both sign. failures: attempts in a row that failed, the first of them at failing_since.
    resting_until: nothing is sent to it before. off_reason: failing, gone or by_hand. mail_at: when the mail about the
    switching off is tried next; null when there is none to send.
    """

    url = models.CharField(max_length=500)
    events = ArrayField(models.CharField(max_length=20))
    made_by = models.ForeignKey("identity.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    nonce = models.CharField(max_length=64)
    previous_nonce = models.CharField(max_length=64, blank=True)
    previous_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    resting_until = models.DateTimeField(null=True)
    off_at = models.DateTimeField(null=True)
    off_reason = models.CharField(max_length=10, null=True)
    mail_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "url"), name="endpoint_once_per_workspace"),
            models.CheckConstraint(
                condition=Q(off_at__isnull=True, off_reason__isnull=True)
                | Q(off_at__isnull=False, off_reason__isnull=False),
                name="endpoint_off_has_reason",
            ),
        )
        indexes = (models.Index(fields=("mail_at",), condition=Q(mail_at__isnull=False), name="endpoint_mail_due"),)


class Delivery(TenantModel):
    """One message to one endpoint; the row is the job.

    subject: what it tells of, so that the same news is written once for each endpoint. data: identifiers and figures alone.
    call_id, user_id: of whom it speaks, for an erasure. state: pending -> sent | dead; a person may make it pending again.
    next_at: when it is tried next. gives_up_at: from then on it is not tried any more. answer_status: of the last attempt,
    null when no answer came; error says why in a code.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20)
    subject = models.CharField(max_length=80)
    data = models.JSONField()
    call_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=8, default="pending")
    next_at = models.DateTimeField()
    gives_up_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    attempted_at = models.DateTimeField(null=True)
    answer_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=24, null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("endpoint", "subject"), name="delivery_once_per_endpoint"),
            models.CheckConstraint(condition=Q(state__in=("pending", "sent", "dead")), name="delivery_state_known"),
        )
        indexes = (
            models.Index(fields=("next_at",), condition=Q(state="pending"), name="delivery_due"),
            models.Index(fields=("endpoint", "-id"), name="delivery_newest"),
            models.Index(fields=("created_at",), name="delivery_age"),
            models.Index(fields=("gives_up_at",), condition=Q(state="dead"), name="delivery_dead"),
            models.Index(fields=("call_id",), condition=Q(call_id__isnull=False), name="delivery_of_call"),
            models.Index(fields=("user_id",), condition=Q(user_id__isnull=False), name="delivery_of_user"),
        )
