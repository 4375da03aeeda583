"""Seals what stands in the plain columns, in batches; what was sealed before it was stopped stays, so it may run again."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from processors.sealed_columns import convert

_COLUMNS = {"Case": "contact", "CaseMail": "to", "Request": "subject"}


def seal_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for model, column in _COLUMNS.items():
        convert(apps.get_model("compliance", model), {column: f"{column}_plain"})


def open_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for model, column in _COLUMNS.items():
        convert(apps.get_model("compliance", model), {f"{column}_plain": column})


class Migration(migrations.Migration):
    # Each batch is a transaction of its own.
    atomic = False
    dependencies = [("compliance", "0007_sealed_columns")]

    operations = [migrations.RunPython(seal_rows, open_rows)]
