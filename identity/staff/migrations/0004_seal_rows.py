"""Seals e-mail addresses, and second factors anew: they were Fernet tokens under the same setting, bound to no row."""

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from processors.sealed_columns import convert


def seal_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    member = apps.get_model("staff", "StaffMember")
    convert(member, {"email": "email_plain"})
    convert(member, {"totp_secret": "totp_token"}, _opened)


def open_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    member = apps.get_model("staff", "StaffMember")
    convert(member, {"email_plain": "email"})
    convert(member, {"totp_token": "totp_secret"}, lambda secret: _keys().encrypt(secret.encode()).decode())


def _opened(token: str) -> str:
    """Something fresh where no key opens it: who had it is reset or was disabled long ago, and stops nobody's upgrade."""
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken:
        return pyotp.random_base32()


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.STAFF_SECRET_KEYS])


class Migration(migrations.Migration):
    # Each batch is a transaction of its own.
    atomic = False
    dependencies = [("staff", "0003_sealed_columns")]

    operations = [migrations.RunPython(seal_rows, open_rows)]
