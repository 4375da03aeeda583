"""Finding, handing out and erasing what thinking holds."""

from datetime import timedelta

import pytest
from django.apps import apps
from uuid_utils.compat import uuid7

from ai.models import AiQuery, IndexedCall, Insight, Passage
from ai.operations import derive_insights, index_call
from ai.personal_data import INVENTORY, STORE
from compliance.stores import Subject
from identity.auth import Actor
from tests.ai.calls import STARTED_AT, a_call
from tests.ai.conftest import NOW, MakeActor, asks
from tests.identity.conftest import MakeAccount

pytestmark = pytest.mark.django_db
QUESTION = "What does the Clearview package cost per month?"


def speaks(actor: Actor, price: str = "The Clearview package costs four hundred dollars a month.") -> None:
    call = a_call(
        "C: My secret is zebrafinch. What does the Clearview package cost?",
        f"A: {price}",
        "C: That is too expensive.",
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        started_at=STARTED_AT + timedelta(hours=1),
    )
    index_call(call=call, now=NOW)
    derive_insights(call=call, now=NOW)


def person(actor: Actor, *, whole_workspace: bool = False) -> Subject:
    workspaces = (actor.workspace_id,)
    return Subject(
        kind="user",
        user_id=actor.user_id,
        workspace_ids=workspaces,
        workspace_ids_to_erase=workspaces if whole_workspace else (),
    )


def test_every_field_is_declared() -> None:
    fields = {
        f"ai.{model.__name__}.{field.name}"
        for model in apps.get_app_config("ai").get_models()
        for field in model._meta.get_fields()
        if field.concrete
    }
    assert fields == set(INVENTORY)


def test_the_person_gets_the_questions_and_the_own_words_but_not_the_other_sides(actor_in: MakeActor) -> None:
    actor = actor_in()
    speaks(actor)
    asks(actor, QUESTION)
    held = {element: list(items) for element, items in STORE.export(person(actor)).items()}
    (question,) = held["ai_query"]
    assert question["question"] == QUESTION
    assert "The Clearview package costs four hundred dollars a month." in {
        quote["your_words"] for quote in question["quotes"]
    }
    assert any("four hundred dollars" in insight["text"] for insight in held["insight"])
    assert "zebrafinch" not in str(held) and "too expensive" not in str(held)
    assert STORE.find(person(actor))["ai_query"] == 1


def test_a_person_who_leaves_a_team_takes_the_own_calls_and_questions_only(actor_in: MakeActor) -> None:
    owner = actor_in()
    leaving = actor_in(owner, "rep")
    for actor in (owner, leaving):
        speaks(actor)
        asks(actor, QUESTION)
    subject = person(leaving)
    assert STORE.verify(subject) > 0
    STORE.erase(subject, now=NOW)
    assert STORE.verify(subject) == 0
    assert STORE.find(subject) == {"transcript": 0, "embedding": 0, "insight": 0, "ai_query": 0}
    assert asks(owner, "How much is Clearview a month?").searched.calls == 1
    kept = AiQuery.objects.for_workspace(owner.workspace_id)
    assert {query.user_id for query in kept} == {owner.user_id}
    STORE.erase(subject, now=NOW)


def test_colleagues_questions_that_name_who_leaves_go_and_those_narrowed_to_them_are_so_no_more(
    make_account: MakeAccount,
) -> None:
    leaving = make_account(first_name="Zanzibel", last_name="Quxworthy")
    colleague = Actor(user_id=uuid7(), workspace_id=leaving.workspace_id, role="manager")
    named = asks(colleague, "What did zanzibel quxworthy's leads want?")
    narrowed = asks(colleague, "What did Zanzibel say?", user_id=leaving.user_id)
    subject = Subject(kind="user", user_id=leaving.user_id, workspace_ids=(leaving.workspace_id,))
    assert STORE.verify(subject) == 2
    STORE.erase(subject, now=NOW)
    assert STORE.verify(subject) == 0
    kept = AiQuery.objects.for_workspace(leaving.workspace_id).get()
    assert (kept.id, kept.filter_user_id) == (narrowed.id, None)
    assert named.id != kept.id


def test_a_workspace_that_ends_leaves_nothing_and_others_are_untouched(actor_in: MakeActor) -> None:
    owner, neighbour = actor_in(), actor_in()
    colleague = actor_in(owner, "rep")
    for actor in (owner, colleague, neighbour):
        speaks(actor)
        asks(actor, QUESTION)
    subject = person(owner, whole_workspace=True)
    STORE.erase(subject, now=NOW)
    assert STORE.verify(subject) == 0
    for model in (IndexedCall, Passage, Insight, AiQuery):
        assert not model.objects.for_workspace(owner.workspace_id).exists()
        assert model.objects.for_workspace(neighbour.workspace_id).exists()


def test_a_callee_is_reached_through_calls_and_not_by_number(actor_in: MakeActor) -> None:
    speaks(actor_in())
    callee = Subject(kind="callee", phone_e164="+12025550111")
    assert sum(STORE.find(callee).values()) == 0
    assert STORE.verify(callee) == 0
