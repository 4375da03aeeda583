"""Seals what stands in the plain columns, in batches; what was sealed before it was stopped stays, so it may run again."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from processors.sealed_columns import convert

_COLUMNS = {
    "User": ("email", "mobile_e164"),
    "AccountMail": ("email",),
    "Invitation": ("email",),
    "NumberKey": ("phone_e164",),
}


def seal_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for model, columns in _COLUMNS.items():
        convert(apps.get_model("identity", model), {column: f"{column}_plain" for column in columns})
    _forget_what_is_under_way(apps)


def open_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for model, columns in _COLUMNS.items():
        convert(apps.get_model("identity", model), {f"{column}_plain": column for column in columns})
    _forget_what_is_under_way(apps)


def _forget_what_is_under_way(apps: Apps) -> None:
    """A change of number or a sign-up with a provider that is half done is begun again: the session keeps it in another
    form now. A sign-up's session ends, lest it finish without the provider's account. Other sessions go on."""
    sessions = apps.get_model("identity", "Session").objects
    sessions.filter(data__has_any_keys=["social_sign_up", "social_claim"]).delete()
    for session in sessions.filter(data__has_key="mobile_change"):
        del session.data["mobile_change"]
        session.save(update_fields=["data"])


class Migration(migrations.Migration):
    # Each batch is a transaction of its own.
    atomic = False
    dependencies = [("identity", "0009_sealed_columns")]

    operations = [migrations.RunPython(seal_rows, open_rows)]
