"""Every row of the upper floors belongs to exactly one workspace, or it is said why not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import F, ForeignKey, Model

from compliance import access, cases, listing
from compliance.elements import ELEMENTS
from compliance.nominee_models import NomineeGrant
from compliance.retention import expire, rules
from compliance.stores import Subject, found
from identity.models import TenantManager, TenantModel, Workspace
from identity.outgoing.models import Delivery
from identity.personal_data import subject_of
from tests.compliance.test_retention import plant
from tests.identity.browser import form
from tests.matrix.asker import Asker
from tests.matrix.world import World, tenant_models
from voice.callee import subject_of_number
from voice.models import Lead

UPPER_FLOORS = ("staff", "outgoing", "ledger", "ai", "voice", "api", "config")
BELONGS_TO_NO_WORKSPACE = {
    "staff.StaffMember": "our own people belong to no workspace; their looks do",
    "staff.RecoveryCode": "of one of our own people",
    "staff.StaffSession": "of one of our own people",
    "staff.StaffEvent": "of one of our own people",
    "ledger.Account": "the house's own accounts have none; a constraint ties the rest to a workspace",
    "ledger.Posting": "one side of an entry, which has the workspace; it is read through its entry only",
    "ledger.RateCard": "one price list for all",
    "voice.ScriptedCall": "an operator's test call, which belongs to nobody",
    "voice.ComplaintAlert": "a mail to the operator about all workspaces",
    "voice.LimitAlert": "a mail to the operator about the account at the carrier",
    "voice.OrphanCall": "a call at the carrier of which nobody knows whose it is",
    "ledger.PaddleLook": "how far Paddle's one list of events was read",
    "ledger.PaddleEvent": "comes from outside without a workspace; the checkout of its transaction has it",
}


def models_above_identity() -> list[type[Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in UPPER_FLOORS]


def inner_references() -> Iterator[tuple[type[TenantModel], str]]:
    """Each foreign key from one tenant row to another."""
    for model in tenant_models():
        for one in model._meta.concrete_fields:
            if isinstance(one, ForeignKey) and issubclass(one.related_model, TenantModel):
                yield model, one.name


def test_every_model_above_identity_has_a_workspace_or_a_reason() -> None:
    without = {model._meta.label for model in models_above_identity() if not issubclass(model, TenantModel)}
    assert len(models_above_identity()) > 15
    assert without == set(BELONGS_TO_NO_WORKSPACE)


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_a_tenant_row_cannot_be_without_workspace_and_is_read_through_the_scoped_manager(
    model: type[TenantModel],
) -> None:
    workspace = model._meta.get_field("workspace")
    assert isinstance(workspace, ForeignKey)
    assert (workspace.related_model, workspace.null) == (Workspace, False)
    assert isinstance(model._default_manager, TenantManager)
    assert [type(manager) for manager in model._meta.managers] == [TenantManager]


@pytest.mark.django_db
@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.label)
def test_the_database_refuses_a_tenant_row_without_workspace(model: type[TenantModel]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_nullable FROM information_schema.columns WHERE table_name = %s AND column_name = 'workspace_id'",
            [model._meta.db_table],
        )
        assert cursor.fetchall() == [("NO",)]


@pytest.mark.django_db
def test_rows_that_belong_together_belong_to_the_same_workspace(world: World) -> None:
    compared = set()
    for model, name in inner_references():
        rows = model._default_manager.filter(**{f"{name}__isnull": False})
        assert not rows.exclude(**{f"{name}__workspace_id": F("workspace_id")}).exists(), f"{model._meta.label}.{name}"
        if rows.values("workspace_id").distinct().count() == 2:
            compared.add(f"{model._meta.label}.{name}")
    assert {"voice.TranscriptSegment.call", "voice.Call.lead", "ai.Passage.indexed_call"} <= compared


@pytest.mark.django_db
def test_both_workspaces_have_rows_of_every_kind(world: World) -> None:
    """The matrix proves something about the kinds of rows only that there are."""
    empty = {
        model._meta.label
        for model in tenant_models()
        for person in (world.people["rep"], world.people["stranger"])
        if not model._default_manager.filter(workspace_id=person.membership.workspace_id).exists()
    }
    assert empty == set()


@pytest.mark.policy("C7.1")
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["owner", "rep", "stranger"])
def test_a_copy_has_every_word_of_ones_own_every_kind_that_is_held_and_nothing_of_other_customers(
    world: World, name: str
) -> None:
    person, now = world.people[name], datetime.now(UTC)
    user, number = person.membership.user, str(Lead.objects.get_queryset().get(id=person.things["lead"]).phone_e164)
    elsewhere = [
        each for each in world.people.values() if each.membership.workspace_id != person.membership.workspace_id
    ]
    foreign = [word for each in elsewhere for word in (*each.canaries, each.membership.user.email)]
    own = {user.first_name, user.last_name, user.email, user.mobile_e164, person.spoken, person.asked}
    of_called = {f"Lead{name}", number, person.noted, person.spoken, f"Tag of {name}"}
    for subject, wanted in ((subject_of(user.id), own), (subject_of_number(number), of_called)):
        copy = access.bundle(subject=subject, now=now)
        text = json.dumps(copy, default=str)
        assert {word for word in wanted if word not in text} == set()
        assert {word for word in foreign if word in text} == set()
        if subject.user_id:
            # The text stands in its call; vectors are figures made of that text.
            assert set(found(subject)) - set(copy["data"]) <= {"transcript", "embedding"}
        # What is read on the page, kind by kind, is the same.
        for element in listing.listed_kinds(subject):
            items = copy["data"][element]["items"] if element in copy["data"] else []
            assert sorted(map(str, read(subject, element))) == sorted(map(str, items)), element


def read(subject: Subject, element: str) -> Iterator[dict[str, Any]]:
    """Page by page."""
    now = datetime.now(UTC)
    page = listing.page(subject=subject, element=element, cursor=None, now=now)
    yield from page.items
    while page.next_cursor:
        page = listing.page(subject=subject, element=element, cursor=page.next_cursor, now=now)
        yield from page.items


def plant_beside(world: World, now: datetime) -> None:
    """News that a customer's server never took, and a paper by which somebody showed to be a nominee."""
    news = Delivery.objects.for_workspace(world.people["owner"].membership.workspace_id)
    assert news.update(state="dead", gives_up_at=now)
    case = cases.ask(
        user_id=world.people["owner"].membership.user_id,
        kind="grievance",
        words="Help.",
        contact="a@b.example",
        now=now,
    )
    NomineeGrant.objects.create(
        case=case,
        state="withdrawn",
        evidence="A paper of the court",
        access=True,
        erasure=False,
        prepared_by="staff:1",
        prepared_at=now,
        decided_by="staff:2",
        decided_at=now,
    )


def counts() -> dict[str, int]:
    return {model._meta.label: model._base_manager.count() for model in apps.get_models()}


@pytest.mark.policy("C6.1")
@pytest.mark.django_db
def test_400_days_later_what_is_kept_for_less_is_gone_from_every_table_and_all_else_is_there(world: World) -> None:
    now = datetime.now(UTC)
    later = now + timedelta(days=400)
    plant(now)
    assert Asker("198.51.100.77").post("/api/signup", form(email="never@finishes.example"))[0] == 200
    for person in world.people.values():
        person.browser.ask("DELETE", "/api/queue")
    plant_beside(world, now)
    before = counts()
    short = [rule for rule in rules() if (ELEMENTS[rule.element].retention_days or 0) <= 400]
    due = {rule.element for rule in short if rule.over(by=later).exists()}
    assert {rule.element for rule in short} == due, "something of each kind has to be there to end"
    while +expire(now=later):
        pass
    after = counts()
    assert [rule.element for rule in rules() if rule.over(by=later).exists()] == []
    fewer = {label for label in before if after[label] < before[label]}
    unfinished = {"identity.User", "identity.Membership"}
    assert fewer - {model for rule in short for model in rule.models} == unfinished
    assert [before[label] - after[label] for label in sorted(unfinished)] == [1, 1]
    assert {"voice.Call", "voice.Lead", "ledger.Entry", "compliance.ConsentEvent"} & fewer == set()
