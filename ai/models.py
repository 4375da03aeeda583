"""What thinking keeps: the turns of calls, their passages, what was understood, and the questions."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q
from pgvector.django import VectorField

from ai.embedding import DIMENSIONS
from identity.models import TenantModel


class IndexedCall(TenantModel):
    """The settled text of one call, once.

    turns: list of {segment_id, speaker, start_ms, end_ms, text} by start_ms; answers quote from here,
    so a correction or an erasure reaches old answers too.
    turns_digest: SHA-256 of turns; passages_digest, insights_digest: of the turns that these were made from,
    empty before. embedding_model: sha256 of the model that made the passages.
    """

    call_id = models.UUIDField(unique=True)
    user_id = models.UUIDField()
    lead_id = models.UUIDField()
    lead_name = models.CharField(max_length=250)
    company = models.CharField(max_length=120, blank=True, default="")
    started_at = models.DateTimeField()
    turns = models.JSONField()
    turns_digest = models.CharField(max_length=64)
    embedding_model = models.CharField(max_length=64, blank=True)
    passages_digest = models.CharField(max_length=64, blank=True)
    insights_digest = models.CharField(max_length=64, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("workspace", "started_at"), name="indexed_call_by_time"),
            models.Index(fields=("lead_id",), name="indexed_call_of_lead"),
        )


class Passage(TenantModel):
    """A window of one to three consecutive turns, found by meaning and by words.

    user_id, lead_id, started_at repeat the call's, so that the exact scan filters before it measures.
    first_turn, last_turn: positions in IndexedCall.turns, both inclusive.
    embedding: unit length, so the inner product is the cosine.
    """

    indexed_call = models.ForeignKey(IndexedCall, on_delete=models.CASCADE, related_name="passages")
    user_id = models.UUIDField()
    lead_id = models.UUIDField()
    started_at = models.DateTimeField()
    first_turn = models.PositiveIntegerField()
    last_turn = models.PositiveIntegerField()
    segment_ids = ArrayField(models.UUIDField())
    text = models.TextField()
    words = models.GeneratedField(
        expression=SearchVector("text", config="english"), output_field=SearchVectorField(), db_persist=True
    )
    embedding = VectorField(dimensions=DIMENSIONS)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("indexed_call", "first_turn", "last_turn"), name="passage_once_per_window"),
            models.CheckConstraint(
                condition=Q(last_turn__gte=F("first_turn"), last_turn__lte=F("first_turn") + 2),
                name="passage_of_one_to_three_turns",
            ),
        )
        indexes = (
            models.Index(fields=("workspace", "user_id"), name="passage_of_tenant"),
            GinIndex(fields=("words",), name="passage_words"),
        )


class Insight(TenantModel):
    """One statement about a call, with the segments that carry it; without a segment there is no statement.

    kind, owner: as in schemas.py. rank: its place among the call's insights. confidence: [0, 1].
    """

    indexed_call = models.ForeignKey(IndexedCall, on_delete=models.CASCADE, related_name="insights")
    rank = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16)
    text = models.TextField()
    segment_ids = ArrayField(models.UUIDField())
    start_ms = models.PositiveIntegerField()
    owner = models.CharField(max_length=6, null=True)
    due_on = models.DateField(null=True)
    confidence = models.FloatField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("indexed_call", "rank"), name="insight_once_per_rank"),
            models.CheckConstraint(condition=Q(segment_ids__len__gte=1), name="insight_has_a_segment"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="insight_confidence_in_0_1"),
        )


class AiQuery(TenantModel):
    """One question of one person and how it was answered.

    idempotency_key: the asker's; the same key never asks or pays twice.
    filter_*: what the asker narrowed the search to. searched_*: how much was looked through.
    cited: how many quotes the answer had; a quote whose call is erased is gone, and this tells that it was there.
    charged_mcredits: 0 for "not_in_your_calls".
    """

    user_id = models.UUIDField()
    idempotency_key = models.CharField(max_length=100)
    question = models.CharField(max_length=500)
    filter_lead_id = models.UUIDField(null=True)
    filter_user_id = models.UUIDField(null=True)
    filter_since = models.DateTimeField(null=True)
    filter_until = models.DateTimeField(null=True)
    status = models.CharField(max_length=20)
    searched_calls = models.PositiveIntegerField()
    searched_passages = models.PositiveIntegerField()
    cited = models.PositiveSmallIntegerField()
    charged_mcredits = models.BigIntegerField()
    asked_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "user_id", "idempotency_key"), name="ai_query_once_per_key"),
            models.CheckConstraint(
                condition=Q(status="answered", charged_mcredits__gte=0)
                | Q(status="not_in_your_calls", charged_mcredits=0),
                name="ai_query_unanswered_is_free",
            ),
        )
        indexes = (
            models.Index(fields=("workspace", "user_id", "-asked_at", "-id"), name="ai_query_newest"),
            models.Index(fields=("asked_at",), name="ai_query_age"),
            # Who is erased is looked for in all workspaces.
            models.Index(
                fields=("filter_lead_id",), condition=Q(filter_lead_id__isnull=False), name="ai_query_of_lead"
            ),
        )


class Citation(TenantModel):
    """A place that an answer quotes. The words stay with the call; see IndexedCall.turns. score: [0, 1]."""

    query = models.ForeignKey(AiQuery, on_delete=models.CASCADE, related_name="citations")
    rank = models.PositiveSmallIntegerField()
    call_id = models.UUIDField()
    segment_id = models.UUIDField()
    score = models.FloatField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("query", "rank"), name="citation_once_per_rank"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="citation_score_in_0_1"),
        )
        indexes = (models.Index(fields=("call_id",), name="citation_of_call"),)
