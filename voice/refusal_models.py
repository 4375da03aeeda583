"""Whose calls are not written down."""

from django.db import models

from identity.models import TenantModel


class TranscriptRefusal(TenantModel):
    """A number whose calls with the workspace are not written down, as a keyed hash: it outlives the calls, the lead and the erasure of
    whoever refused.

    refused_at: when it was refused last, from which the term runs.
    """

    number_key = models.CharField(max_length=64)
    refused_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("workspace", "number_key"), name="transcript_refused_once"),)
        indexes = (models.Index(fields=("refused_at",), name="transcript_refused"),)
