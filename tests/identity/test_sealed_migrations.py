"""Rows of before are sealed by the migrations, in batches, and opened again by the way back."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps.registry import Apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from identity.models import AccountMail, Session, User
from identity.staff.models import StaffMember
from processors import sealed_columns

BEFORE = [("identity", "0008_number_keys"), ("staff", "0002_look_append_only"), ("compliance", "0006_breaches")]
# Where the plain columns are still there, and sealed ones empty beside them.
BETWEEN = [("identity", "0009_sealed_columns"), ("staff", "0003_sealed_columns"), ("compliance", "0007_sealed_columns")]
NOW = datetime.now(UTC)


def migrate(to: list[tuple[str, str]] | None = None) -> Apps:
    executor = MigrationExecutor(connection)
    targets = to or executor.loader.graph.leaf_nodes()
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def before(transactional_db: None) -> Iterator[Apps]:
    """The tables as they were, empty; at the end as they are now."""
    yield migrate(BEFORE)
    # Whatever a failure left in between would be in the way.
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE identity_user, staff_staffmember, compliance_case, compliance_request CASCADE")
    migrate()


def plain_rows(apps: Apps) -> None:
    user: Any = apps.get_model("identity", "User")
    people = [
        user.objects.create(
            email=f"quorn{number}@marsh.example",
            mobile_e164=f"+1202555018{number}",
            mobile_verified_at=NOW,
            first_name="Zelda",
            created_at=NOW,
        )
        for number in range(5)
    ]
    apps.get_model("identity", "AccountMail").objects.create(
        kind="reset_link", email="quorn0@marsh.example", user=people[0], created_at=NOW, next_at=NOW
    )
    apps.get_model("identity", "Session").objects.create(
        key_digest="0" * 64,
        created_at=NOW,
        last_used_at=NOW,
        expires_at=NOW + timedelta(days=1),
        data={"mobile_change": {"mobile_e164": "+12125550163"}, "kept": 1},
    )
    apps.get_model("identity", "Session").objects.create(
        key_digest="1" * 64,
        created_at=NOW,
        last_used_at=NOW,
        expires_at=NOW + timedelta(days=1),
        data={"social_claim": {"email": "quorn8@marsh.example"}},
    )
    apps.get_model("staff", "StaffMember").objects.create(
        email="quorn9@marsh.example",
        first_name="Quentin",
        role="admin",
        totp_secret=Fernet(settings.STAFF_SECRET_KEYS[0]).encrypt(b"QUORNQUORNQUORN2").decode(),
        created_at=NOW,
    )
    apps.get_model("staff", "StaffMember").objects.create(
        email="left@example.com",
        first_name="Lea",
        role="support",
        totp_secret=Fernet(Fernet.generate_key()).encrypt(b"WHOSE KEY IS LOST").decode(),
        created_at=NOW,
    )
    case = apps.get_model("compliance", "Case").objects.create(
        reference="KS-1",
        kind="access",
        channel="mail",
        person="p",
        contact="quorn1@marsh.example",
        opened_at=NOW,
        due_on=NOW,
    )
    apps.get_model("compliance", "CaseMail").objects.create(
        case=case, template="received", to="quorn1@marsh.example", created_at=NOW, next_at=NOW
    )
    apps.get_model("compliance", "Request").objects.create(
        kind="erasure",
        channel="self",
        person="p",
        subject={"email": "quorn2@marsh.example"},
        opened_at=NOW,
        due_on=NOW,
        runs_at=NOW,
        next_attempt_at=NOW,
        receipt_hash="r",
    )


def there() -> list[type[Model]]:
    """Those whose tables are there yet."""
    names = connection.introspection.table_names()
    return [model for model in sealed_columns.sealed_columns() if model._meta.db_table in names]


def tables() -> str:
    with connection.cursor() as cursor:
        texts = []
        for model in there():
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} t")  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def pages() -> bytes:
    """The tables' own files, dropped columns and dead rows included, those of sessions and of statistics too."""
    tables = [model._meta.db_table for model in there()]
    found = []
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        for table in (*tables, "identity_session", "pg_catalog.pg_statistic"):
            cursor.execute("SELECT pg_relation_filepath(%s)", [table])
            found.append((Path(settings.DATA_DIR) / "postgres" / cursor.fetchone()[0]).read_bytes())
    return b"".join(found)


def test_rows_of_before_are_sealed_also_after_a_stop_and_can_be_opened_again(
    before: Apps, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_rows(before)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert tables().count("quorn") == 10

    # As if it had been stopped after its first batch.
    monkeypatch.setattr(sealed_columns, "ROWS_AT_ONCE", 2)
    between = migrate(BETWEEN)
    half = between.get_model("identity", "User")
    sealed_columns._converted(
        half, {"email": "email_plain", "mobile_e164": "mobile_e164_plain"}, lambda value: value, None
    )
    assert len([row for row in half.objects.all() if row.__dict__["email"]]) == 2
    migrate()

    assert "quorn" not in tables().lower() and b"quorn".hex() not in tables()
    found = pages()
    assert [word for word in (b"quorn", b"2125550163", b"+1202555018") if word in found] == [] and b"Zelda" in found
    assert [User.objects.get(email=f"QUORN{n}@marsh.example").mobile_e164[-1] for n in range(5)] == list("01234")
    assert AccountMail.objects.get(email="quorn0@marsh.example").user == User.objects.get(email="quorn0@marsh.example")
    assert StaffMember.objects.get(email="quorn9@marsh.example").totp_secret == "QUORNQUORNQUORN2"
    # No key opens this one, so it is as good as any other.
    assert re.fullmatch("[A-Z2-7]{32}", StaffMember.objects.get(email="left@example.com").totp_secret)
    assert Session.objects.get().data == {"kept": 1}
    sealed_columns.demand_right_keys()

    after = migrate(BEFORE)
    people: Any = after.get_model("identity", "User").objects.order_by("email")
    assert next((row.email, row.mobile_e164) for row in people) == ("quorn0@marsh.example", "+12025550180")
    assert after.get_model("compliance", "Request").objects.get().subject == {"email": "quorn2@marsh.example"}
    assert after.get_model("compliance", "CaseMail").objects.get().to == "quorn1@marsh.example"
    token = after.get_model("staff", "StaffMember").objects.get(email="quorn9@marsh.example").totp_secret
    assert Fernet(settings.STAFF_SECRET_KEYS[0]).decrypt(token.encode()) == b"QUORNQUORNQUORN2"
