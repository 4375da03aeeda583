"""What is said in a call, as text."""

from typing import cast

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from identity.models import TenantModel
from voice.schemas import Speaker


class TranscriptSegment(TenantModel):
    """Final text of a stretch of speech on one track, or a gap. Times in ms since the call's media began.

    words: for each word [text, start_ms, end_ms, confidence]; empty where they are not known. replaces: the ids of deleted
    segments whose place this one took, so that a browser that still shows them learns it from this row. original_text: what
    was recognised, where a person corrected it; corrected_by is empty once that person is gone. refusal: said, where the lead seems
    to ask for no more calls; dismissed, where a person found that it is not meant so; null elsewhere.
    """

    call = models.ForeignKey("voice.Call", on_delete=models.CASCADE, related_name="segments")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=6, default="speech")
    speaker = models.CharField(max_length=6, null=True)
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    confidence = models.FloatField(null=True)
    words = models.JSONField(default=list)
    replaces = ArrayField(models.UUIDField(), default=list)
    original_text = models.TextField(null=True)
    corrected_by = models.ForeignKey("identity.User", on_delete=models.SET_NULL, null=True, related_name="+")
    corrected_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=9, null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("call", "sequence"), name="segment_sequence_once"),
            # A segment whose commit was not seen is sent again; the same stretch is stored once.
            models.UniqueConstraint(
                fields=("call", "kind", "speaker", "start_ms"),
                name="segment_stretch_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=Q(end_ms__gte=models.F("start_ms")), name="segment_ends_after_start"),
            models.CheckConstraint(
                condition=Q(kind="gap") | Q(speaker__in=("agent", "callee")),
                name="segment_speech_has_speaker",
            ),
            models.CheckConstraint(
                condition=Q(original_text__isnull=True, corrected_at__isnull=True)
                | Q(original_text__isnull=False, corrected_at__isnull=False, kind="speech"),
                name="segment_correction_keeps_original",
            ),
            models.CheckConstraint(
                condition=Q(refusal__isnull=True) | Q(refusal__in=("said", "dismissed"), speaker="callee"),
                name="segment_refusal_of_the_lead",
            ),
        )

    @property
    def spoken_by(self) -> Speaker:
        """The speaker of speech; a gap has none."""
        assert self.speaker in ("agent", "callee")
        return cast(Speaker, self.speaker)
