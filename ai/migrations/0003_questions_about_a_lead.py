"""The questions that were narrowed to a lead, found when the lead is erased."""

from django.db import migrations, models

INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS ai_query_of_lead",
    "CREATE INDEX CONCURRENTLY ai_query_of_lead ON ai_aiquery (filter_lead_id) WHERE filter_lead_id IS NOT NULL",
)


class Migration(migrations.Migration):
    # People ask while the index is made. It may run again.
    atomic = False
    dependencies = [("ai", "0002_company_of_the_lead")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS ai_query_of_lead")],
            state_operations=[
                migrations.AddIndex(
                    "aiquery",
                    models.Index(
                        fields=["filter_lead_id"],
                        condition=models.Q(filter_lead_id__isnull=False),
                        name="ai_query_of_lead",
                    ),
                ),
            ],
        ),
    ]
