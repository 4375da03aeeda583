"""What is forgotten with a call or a lead, and which questions stay."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from ai.forgetting import NamedLead, forget_calls, forget_leads
from ai.models import AiQuery, Citation, IndexedCall, Passage
from ai.operations import AnswerGone, AskedLeadGone, AskFilters, ask, index_call
from ai.queries import QuestionUnknown, answer_of, history
from ledger.operations import MonthlyBounds
from tests.ai.conftest import CREDIT_MCREDITS, NOW, MakeActor, asks
from tests.ai.test_ask import ASK_PRICE, indexed
from tests.ledger.books import amounts

pytestmark = pytest.mark.django_db


def test_a_question_that_names_the_company_goes_with_the_call_that_it_quotes(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = indexed(actor, lead_name="Nora Blake", company="Northern Freight")
    named = asks(actor, "What does the Clearview package cost Northern Freight per month?")
    assert named.status == "answered"
    forget_calls(call_ids=[call.call_id], now=NOW)
    with pytest.raises(QuestionUnknown):
        answer_of(actor=actor, question_id=named.id)


def test_a_forgotten_call_leaves_answers_and_stays_away(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = indexed(actor, lead_name="David Miller")
    answer = asks(actor, ASK_PRICE)
    named = [asks(actor, "Why does David Miller stay silent?"), asks(actor, "What did we offer David per month?")]
    assert [one.status for one in named] == ["not_in_your_calls", "answered"]
    forget_calls(call_ids=[call.call_id], now=NOW)
    assert not Passage.objects.for_workspace(actor.workspace_id).exists()
    assert not Citation.objects.for_workspace(actor.workspace_id).exists()
    kept = answer_of(actor=actor, question_id=answer.id)
    assert (kept.quotes, kept.quotes_removed) == ([], len(answer.quotes))
    for one in named:
        with pytest.raises(QuestionUnknown):
            answer_of(actor=actor, question_id=one.id)
    index_call(call=call, now=NOW)
    assert not IndexedCall.objects.for_workspace(actor.workspace_id).exists()
    forget_calls(call_ids=[call.call_id], now=NOW)


def test_a_forgotten_lead_leaves_no_question_that_names_or_means_it_though_nothing_was_ever_said(
    actor_in: MakeActor,
) -> None:
    actor, neighbour = actor_in(), actor_in()
    lead = NamedLead(uuid7(), actor.workspace_id, "Al")
    gone = [asks(actor, "What did Al, the new one, want?"), asks(actor, "Anything new?", lead_id=lead.id)]
    kept = [
        asks(actor, "What do all of them need?"),
        asks(actor, "Did they ask about al dente?"),
        asks(neighbour, "What did Al want?"),
    ]
    forget_leads(leads=[lead])
    assert not AiQuery.objects.filter(id__in=[one.id for one in gone]).exists()
    assert AiQuery.objects.filter(id__in=[one.id for one in kept]).count() == 3


def test_forgetting_a_call_with_somebody_of_a_short_name_spares_the_questions_that_only_contain_it(
    actor_in: MakeActor,
) -> None:
    actor = actor_in()
    call = indexed(actor, lead_name="Ed", company="Al Co")
    spared = [
        asks(actor, ASK_PRICE),
        asks(actor, "Who needed more?"),
        asks(actor, "Is the price too old for all of them?"),
    ]
    named = asks(actor, "What does Ed pay per month for the Clearview package?")
    forget_calls(call_ids=[call.call_id], now=NOW)
    assert {one.id for one in history(actor=actor, cursor=None).items} == {one.id for one in spared}
    assert named.status == "answered"


def test_a_question_under_way_while_what_it_is_about_is_erased_is_not_kept_and_not_paid(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = indexed(actor)

    def erased_meanwhile() -> MonthlyBounds:
        """Between the answer and its writing."""
        forget_calls(call_ids=[call.call_id], now=NOW)
        return MonthlyBounds()

    def asked(key: str, lead_id: UUID | None = None, *, there: bool = True) -> None:
        ask(
            actor=actor,
            question=ASK_PRICE,
            filters=AskFilters(lead_id=lead_id),
            idempotency_key=key,
            now=NOW,
            monthly_bounds=erased_meanwhile,
            lead_is_there=lambda: there,
        )

    with pytest.raises(AskedLeadGone):
        asked("of-a-lead", uuid7(), there=False)
    with pytest.raises(AnswerGone):
        asked("of-a-call")
    assert not AiQuery.objects.for_workspace(actor.workspace_id).exists()
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS
