"""What thinking keeps, as it began."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.expressions
import pgvector.django.vector
import uuid_utils.compat
from django.db import migrations, models
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("identity", "0001_initial"),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="AiQuery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("idempotency_key", models.CharField(max_length=100)),
                ("question", models.CharField(max_length=500)),
                ("filter_lead_id", models.UUIDField(null=True)),
                ("filter_user_id", models.UUIDField(null=True)),
                ("filter_since", models.DateTimeField(null=True)),
                ("filter_until", models.DateTimeField(null=True)),
                ("status", models.CharField(max_length=20)),
                ("searched_calls", models.PositiveIntegerField()),
                ("searched_passages", models.PositiveIntegerField()),
                ("cited", models.PositiveSmallIntegerField()),
                ("charged_mcredits", models.BigIntegerField()),
                ("asked_at", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.workspace"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Citation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rank", models.PositiveSmallIntegerField()),
                ("call_id", models.UUIDField()),
                ("segment_id", models.UUIDField()),
                ("score", models.FloatField()),
                (
                    "query",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="citations", to="ai.aiquery"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.workspace"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IndexedCall",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("call_id", models.UUIDField(unique=True)),
                ("user_id", models.UUIDField()),
                ("lead_id", models.UUIDField()),
                ("lead_name", models.CharField(max_length=250)),
                ("started_at", models.DateTimeField()),
                ("turns", models.JSONField()),
                ("turns_digest", models.CharField(max_length=64)),
                ("embedding_model", models.CharField(blank=True, max_length=64)),
                ("passages_digest", models.CharField(blank=True, max_length=64)),
                ("insights_digest", models.CharField(blank=True, max_length=64)),
                ("updated_at", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.workspace"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Insight",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rank", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField()),
                ("segment_ids", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("start_ms", models.PositiveIntegerField()),
                ("owner", models.CharField(max_length=6, null=True)),
                ("due_on", models.DateField(null=True)),
                ("confidence", models.FloatField()),
                (
                    "indexed_call",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="insights", to="ai.indexedcall"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.workspace"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("lead_id", models.UUIDField()),
                ("started_at", models.DateTimeField()),
                ("first_turn", models.PositiveIntegerField()),
                ("last_turn", models.PositiveIntegerField()),
                ("segment_ids", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("text", models.TextField()),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.SearchVector("text", config="english"),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                ("embedding", pgvector.django.vector.VectorField(dimensions=384)),
                (
                    "indexed_call",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="passages", to="ai.indexedcall"
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="identity.workspace"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="aiquery",
            index=models.Index(fields=["workspace", "user_id", "-asked_at", "-id"], name="ai_query_newest"),
        ),
        migrations.AddConstraint(
            model_name="aiquery",
            constraint=models.UniqueConstraint(
                fields=("workspace", "user_id", "idempotency_key"), name="ai_query_once_per_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="aiquery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("charged_mcredits__gte", 0), ("status", "answered")),
                    models.Q(("charged_mcredits", 0), ("status", "not_in_your_calls")),
                    _connector="OR",
                ),
                name="ai_query_unanswered_is_free",
            ),
        ),
        migrations.AddIndex(
            model_name="citation",
            index=models.Index(fields=["call_id"], name="citation_of_call"),
        ),
        migrations.AddConstraint(
            model_name="citation",
            constraint=models.UniqueConstraint(fields=("query", "rank"), name="citation_once_per_rank"),
        ),
        migrations.AddConstraint(
            model_name="citation",
            constraint=models.CheckConstraint(
                condition=models.Q(("score__gte", 0), ("score__lte", 1)), name="citation_score_in_0_1"
            ),
        ),
        migrations.AddIndex(
            model_name="indexedcall",
            index=models.Index(fields=["workspace", "started_at"], name="indexed_call_by_time"),
        ),
        migrations.AddIndex(
            model_name="indexedcall",
            index=models.Index(fields=["lead_id"], name="indexed_call_of_lead"),
        ),
        migrations.AddConstraint(
            model_name="insight",
            constraint=models.UniqueConstraint(fields=("indexed_call", "rank"), name="insight_once_per_rank"),
        ),
        migrations.AddConstraint(
            model_name="insight",
            constraint=models.CheckConstraint(
                condition=models.Q(("segment_ids__len__gte", 1)), name="insight_has_a_segment"
            ),
        ),
        migrations.AddConstraint(
            model_name="insight",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence__gte", 0), ("confidence__lte", 1)), name="insight_confidence_in_0_1"
            ),
        ),
        migrations.AddIndex(
            model_name="passage",
            index=models.Index(fields=["workspace", "user_id"], name="passage_of_tenant"),
        ),
        migrations.AddIndex(
            model_name="passage",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="passage_words"),
        ),
        migrations.AddConstraint(
            model_name="passage",
            constraint=models.UniqueConstraint(
                fields=("indexed_call", "first_turn", "last_turn"), name="passage_once_per_window"
            ),
        ),
        migrations.AddConstraint(
            model_name="passage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("last_turn__gte", models.F("first_turn")),
                    (
                        "last_turn__lte",
                        django.db.models.expressions.CombinedExpression(models.F("first_turn"), "+", models.Value(2)),
                    ),
                ),
                name="passage_of_one_to_three_turns",
            ),
        ),
    ]
