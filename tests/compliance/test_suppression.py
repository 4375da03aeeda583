"""The do-not-call list."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from compliance import suppression, tombstones
from compliance.models import Suppression, Tombstone

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = "+37060000001"
OTHER = "+37060000002"


@pytest.mark.django_db
def test_a_suppressed_number_is_refused_in_its_workspace_only() -> None:
    workspace = uuid4()
    suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)
    assert not suppression.is_suppressed(workspace_id=workspace, phone_e164=OTHER)
    assert not suppression.is_suppressed(workspace_id=uuid4(), phone_e164=NUMBER)
    assert suppression.suppressed_among(workspace_id=workspace, phones_e164=[NUMBER, OTHER]) == {NUMBER}


@pytest.mark.django_db
def test_a_number_on_the_list_for_everybody_is_refused_everywhere_and_no_workspace_can_lift_it() -> None:
    workspace = uuid4()
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    assert not suppression.lift(workspace_id=workspace, phone_e164=NUMBER, source="owner", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)


@pytest.mark.django_db
def test_suppressing_twice_keeps_one_entry_and_lifting_allows_again() -> None:
    workspace = uuid4()
    for _ in range(2):
        suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert Suppression.objects.count() == 1
    assert suppression.lift(workspace_id=workspace, phone_e164=NUMBER, source="owner", now=NOW)
    assert not suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)
    suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)


@pytest.mark.django_db
def test_the_number_itself_is_stored_nowhere() -> None:
    suppression.suppress(workspace_id=uuid4(), phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    tombstones.bury(kind="phone", values=[NUMBER], now=NOW)
    rows = [str(vars(row)) for model in (Suppression, Tombstone) for row in model._default_manager.all()]
    assert len(rows) == 2
    assert not any(NUMBER[1:] in row or NUMBER[4:] in row for row in rows)


@pytest.mark.django_db
def test_a_tombstone_tells_what_was_erased_and_nothing_else() -> None:
    call = uuid4()
    for _ in range(2):
        tombstones.bury(kind="call", values=[call], now=NOW)
    assert tombstones.is_erased("call", str(call))
    assert not tombstones.is_erased("user", call)
    assert not tombstones.is_erased("call", uuid4())
