"""The audit chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from compliance import audit
from compliance.models import AuditEvent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(action: str) -> AuditEvent:
    return audit.record(workspace_id=None, actor_ref="a", action=action, target="t", detail={"n": 1}, now=NOW)


@contextmanager
def someone_with_the_keys_to_the_database() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE compliance_auditevent DISABLE TRIGGER audit_append_only")
        yield
        cursor.execute("ALTER TABLE compliance_auditevent ENABLE TRIGGER audit_append_only")


@pytest.mark.django_db
def test_an_untouched_chain_holds() -> None:
    assert audit.first_broken_link() is None
    for action in ("one", "two", "three"):
        record(action)
    assert audit.first_broken_link() is None


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_delete_a_link() -> None:
    event = record("one")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(id=event.id).update(action="nothing happened")
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()


@pytest.mark.django_db
def test_a_changed_link_is_found() -> None:
    events = [record(action) for action in ("one", "two", "three")]
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(id=events[1].id).update(detail={"n": 2})
    assert audit.first_broken_link() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_deleted_link_is_found_wherever_it_stood(missing: int) -> None:
    for action in ("one", "two", "three"):
        record(action)
    with someone_with_the_keys_to_the_database():
        AuditEvent.objects.filter(sequence=missing).delete()
    assert audit.first_broken_link() == missing
