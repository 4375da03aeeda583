"""Erasing a person unlinks them from their purchases; the amounts stay."""

import pytest
from django.apps import apps

from compliance.stores import Subject
from ledger.models import Checkout
from ledger.personal_data import INVENTORY, STORE
from tests.ledger.books import LATER, amounts, began, broken, completed, new_workspace, notify

pytestmark = pytest.mark.django_db


def test_every_field_is_declared() -> None:
    fields = {
        f"ledger.{model.__name__}.{field.name}"
        for model in apps.get_app_config("ledger").get_models()
        for field in model._meta.get_fields()
        if field.concrete
    }
    assert fields == INVENTORY.keys()


def test_a_person_is_unlinked_and_the_books_stay() -> None:
    """Red when the purchase is deleted with the person, and when the link is kept."""
    workspace_id = new_workspace()
    mine, other = began(workspace_id), began(workspace_id)
    for checkout in (mine, other):
        notify(completed(checkout))
    subject = Subject(kind="user", user_id=mine.user_id, workspace_ids=(workspace_id,))
    assert STORE.find(subject) == {"payment": 1}
    assert STORE.export(subject)["payment"][0]["paddle_transaction"] == mine.transaction_id
    assert [STORE.erase(subject, now=LATER) for _ in range(2)] == [{"payment": 1}, {}]
    assert STORE.verify(subject) == 0
    assert amounts(workspace_id) == (200_000, 0, 0)
    left = Checkout.objects.for_workspace(workspace_id)
    assert set(left.values_list("user_id", flat=True)) == {None, other.user_id}
    assert broken() == []


def test_a_workspace_that_ends_takes_all_links_with_it_and_exports_its_statement() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    subject = Subject(kind="user", workspace_ids=(workspace_id,), workspace_ids_to_erase=(workspace_id,))
    assert STORE.export(subject)["ledger"][0]["credits"] == 5.0
    assert STORE.erase(subject, now=LATER) == {"payment": 1}
    assert STORE.verify(subject) == 0


def test_somebody_who_was_only_called_has_nothing_here() -> None:
    new_workspace(mcredits=5_000)
    subject = Subject(kind="callee", phone_e164="+12025550123")
    assert (STORE.find(subject), STORE.export(subject), STORE.verify(subject)) == ({}, {}, 0)
