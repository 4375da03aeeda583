"""What books for many workspaces at once is not confined to the one of whoever happens to ask first."""

from django.db import migrations

_DEBIT = "ledger_debit(uuid[], text[], text[], text[], bigint[], timestamptz[], uuid, int)"
_CHARGE = "ledger_charge(uuid[], text[], int[], bigint[], timestamptz, timestamptz, uuid)"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0009_member_spending")]
    operations = [
        migrations.RunSQL(
            f"ALTER FUNCTION {function} SET klose.workspace = ''", f"ALTER FUNCTION {function} RESET klose.workspace"
        )
        for function in (_DEBIT, _CHARGE)
    ]
