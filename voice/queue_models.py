"""Tags of leads, and the power-dial queue: who works through which leads, and who has which of them."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from identity.models import TenantModel


class Tag(TenantModel):
    """A word that leads of a workspace bear. It lasts as long as a lead bears it.

    name: as it was first written; others may write it in another case and mean the same.
    """

    name = models.CharField(max_length=30)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint("workspace", Lower("name"), name="tag_once_per_workspace"),)


class QueueSession(TenantModel):
    """A person works through leads, one after the other.

    tag: only leads that bear it. disposition: what came of their last call, or "never_called"; null for whoever is due.
    seen_at: when the person last did something in it. ended_at: null while it goes on.
    """

    user = models.ForeignKey("identity.User", on_delete=models.CASCADE, related_name="+")
    tag = models.CharField(max_length=30, blank=True)
    disposition = models.CharField(max_length=20, null=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "user"), condition=Q(ended_at__isnull=True), name="queue_one_session_per_person"
            ),
        )
        indexes = (
            models.Index(fields=("seen_at",), condition=Q(ended_at__isnull=True), name="queue_session_open"),
            models.Index(fields=("ended_at",), condition=Q(ended_at__isnull=False), name="queue_session_ended"),
        )


class Reservation(TenantModel):
    """A lead that one person has in the queue, for a while; afterwards what became of it.

    release_reason: called, skipped, timed_out, ended (the session was), or why the lead was passed over without being
    shown: suppressed, restricted. skip_reason: of a skipped one.
    """

    session = models.ForeignKey(QueueSession, on_delete=models.CASCADE, related_name="reservations")
    user = models.ForeignKey("identity.User", on_delete=models.CASCADE, related_name="+")
    lead = models.ForeignKey("voice.Lead", on_delete=models.CASCADE, related_name="reservations")
    call = models.ForeignKey("voice.Call", on_delete=models.SET_NULL, null=True, related_name="+")
    reserved_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    release_reason = models.CharField(max_length=10, null=True)
    skip_reason = models.CharField(max_length=20, null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("lead",), condition=Q(released_at__isnull=True), name="reservation_one_per_lead"
            ),
            models.UniqueConstraint(
                fields=("session",), condition=Q(released_at__isnull=True), name="reservation_one_per_session"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, release_reason__isnull=True)
                | Q(released_at__isnull=False, release_reason__isnull=False),
                name="reservation_release_has_reason",
            ),
        )
        indexes = (
            models.Index(fields=("expires_at",), condition=Q(released_at__isnull=True), name="reservation_open"),
            models.Index(fields=("lead", "-released_at"), name="reservation_of_lead"),
        )
