"""Room for sealed e-mail addresses and numbers beside the plain ones; the next two migrations fill it and empty those."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from processors.sealed_fields import SealedField

_E164 = r"\+[1-9][0-9]{6,14}"


def _aside(model: str, field: str, plain: models.CharField[Any, Any], **sealed: str) -> list[migrations.operations.base.Operation]:
    """The plain column under another name, empty where a row is made without it, and the sealed one under its own."""
    return [
        migrations.RenameField(model, field, f"{field}_plain"),
        migrations.AlterField(model, f"{field}_plain", plain),
        migrations.AddField(model, field, SealedField(default="", lookup=True, **sealed), preserve_default=False),
    ]


def _email() -> models.CharField[Any, Any]:
    return models.CharField(max_length=254, null=True)


def _number() -> models.CharField[Any, Any]:
    return models.CharField(max_length=16, null=True)


class Migration(migrations.Migration):
    dependencies = [("identity", "0008_number_keys")]

    operations = [
        migrations.RemoveConstraint("user", "user_email_of_one_account"),
        migrations.RemoveConstraint("user", "user_mobile_e164"),
        migrations.RemoveConstraint("invitation", "invitation_open_once_per_email"),
        migrations.RemoveConstraint("numberkey", "number_key_one_link"),
        migrations.RemoveIndex("user", "user_email"),
        migrations.RemoveIndex("accountmail", "account_mail_of_email"),
        migrations.RemoveIndex("invitation", "invitation_of_email"),
        migrations.RemoveIndex("numberkey", "number_key_of_number"),
        *_aside("user", "email", _email()),
        *_aside("user", "mobile_e164", _number(), pattern=_E164),
        *_aside("accountmail", "email", _email()),
        *_aside("invitation", "email", _email()),
        *_aside("numberkey", "phone_e164", _number(), pattern=_E164),
    ]
