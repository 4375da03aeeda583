"""A look that was changed, emptied or taken away behind the product's back is found by `audit_verify`.

Planted bug that these catch: a reason that is bound to the chain and compared by nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from compliance import audit_check
from compliance.models import AuditEvent
from identity.models import Membership
from identity.personal_data import subject_of
from identity.staff.models import Look
from identity.staff.personal_data import STORE
from tests.identity.teams import owner
from tests.staff.ours import Desk, at_desk, hire

__all__ = ["owner"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return at_desk()


@contextmanager
def someone_with_the_keys_to_the_database() -> Iterator[CursorWrapper]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE staff_look DISABLE TRIGGER USER")
        yield cursor
        cursor.execute("ALTER TABLE staff_look ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE staff_look SET reason = 'Somebody asked for it, by telephone.'", "says another reason"),
        (
            "UPDATE staff_look SET member_id = (SELECT id FROM staff_staffmember WHERE first_name = 'Other')",
            "says another",
        ),
        ("UPDATE staff_look SET reason = ''", "has lost its reason"),
        ("UPDATE staff_look SET user_id = NULL", "has lost its reason or whom it concerned"),
        ("DELETE FROM staff_look", "is not there"),
        ("TRUNCATE staff_look CASCADE", "is not there"),
    ],
)
def test_a_look_that_was_changed_or_taken_away_is_found(
    desk: Desk, owner: Membership, settings: Any, tmp_path: Path, statement: str, said: str
) -> None:
    settings.DATA_DIR = tmp_path
    hire(first_name="Other")
    desk.look(owner.workspace_id, owner.user_id)
    audit_check.note_head(now=datetime.now(UTC))
    call_command("audit_verify")
    began = AuditEvent.objects.get(action="look.began")
    with someone_with_the_keys_to_the_database() as cursor:
        cursor.execute(statement)
    with pytest.raises(CommandError, match=f"Record {began.sequence}: the look that it tells of .*{said}"):
        call_command("audit_verify")


def test_a_reason_that_an_erasure_took_out_is_no_tampering(
    desk: Desk, owner: Membership, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    desk.look(owner.workspace_id, owner.user_id)
    STORE.erase(subject_of(owner.user_id), now=datetime.now(UTC))
    assert Look.objects.get_queryset().get().reason == ""
    audit_check.note_head(now=datetime.now(UTC))
    call_command("audit_verify")


def test_nobody_empties_the_looks_at_once(desk: Desk, owner: Membership) -> None:
    desk.look(owner.workspace_id, owner.user_id)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE staff_look CASCADE")
