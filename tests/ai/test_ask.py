"""Asking across calls: real embeddings, real PostgreSQL, real credits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from ai.models import AiQuery, IndexedCall, Passage
from ai.operations import IdempotencyKeyReused, delete_question, derive_insights, index_call
from ai.queries import QuestionUnknown, answer_of, history
from ai.turns import CallTurns
from identity.auth import Actor
from ledger.operations import CapReached, InsufficientCredit, WorkspaceCapReached
from processors.errors import CursorInvalid
from tests.ai.calls import STARTED_AT, a_call
from tests.ai.conftest import CREDIT_MCREDITS, NOW, QUERY_MCREDITS, MakeActor, asks
from tests.ledger.books import amounts, broken

pytestmark = pytest.mark.django_db

PRICE = "It costs four hundred and fifty dollars a month for the whole office."
OBJECTION = "Honestly, that is too expensive for us. We pay three hundred dollars today."
ASK_PRICE = "What does the Clearview package cost per month?"
LINES = (
    "C: Hello, this is David Miller.",
    "A: Hi David, this is Joe from Bright Path Software. You asked what the Clearview package costs.",
    "C: Yes, I did. What is the price?",
    f"A: {PRICE}",
    f"C: {OBJECTION}",
    "A: If you sign for one year, I can bring it down to three hundred and eighty dollars.",
    "C: Okay. Send me the offer by email, and call me again on Thursday at ten in the morning.",
    "A: I will send the offer today and call you on Thursday at ten. Thank you, David.",
)


def indexed(actor: Actor, *lines: str, **call: object) -> CallTurns:
    made = a_call(*(lines or LINES), workspace_id=actor.workspace_id, **{"user_id": actor.user_id, **call})  # type: ignore[arg-type]  # forwarded
    index_call(call=made, now=NOW)
    return made


def test_an_answer_quotes_the_very_words_with_who_said_them_to_whom_and_when(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = indexed(actor, lead_name="David Miller")
    answer = asks(actor, ASK_PRICE)
    assert answer.status == "answered"
    quote = next(quote for quote in answer.quotes if quote.text == PRICE)
    turn = call.turns[3]
    assert (quote.call_id, quote.segment_id, quote.speaker) == (call.call_id, turn.segment_id, "agent")
    assert (quote.start_ms, quote.end_ms) == (turn.start_ms, turn.end_ms)
    assert (quote.lead_id, quote.lead_name, quote.started_at) == (call.lead_id, "David Miller", call.started_at)
    assert {quote.text for quote in answer.quotes} <= {turn.text for turn in call.turns}
    assert (answer.searched.calls, answer.searched.passages) == (1, len(LINES) + len(LINES) - 2)


def test_the_questions_words_are_marked_in_the_quote_in_whatever_form_they_are_said(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    quote = next(quote for quote in asks(actor, ASK_PRICE).quotes if quote.text == PRICE)
    assert [quote.text[mark.start : mark.end] for mark in quote.highlights] == ["costs", "month"]


def test_who_objected_is_answered_with_the_objection(actor_in: MakeActor) -> None:
    actor = actor_in()
    derive_insights(call=indexed(actor, lead_name="David Miller"), now=NOW)
    assert OBJECTION in {quote.text for quote in asks(actor, "Why did David object to the price?").quotes}


RIVAL = "The other company offered us nine hundred and fifty dollars."


def test_a_competitor_is_found_though_nobody_says_the_word(actor_in: MakeActor) -> None:
    actor = actor_in()
    lines = ("A: It is twelve hundred dollars a month.", f"C: {RIVAL}", "A: Does that include the training?")
    derive_insights(call=indexed(actor, *lines, lead_name="Susan Baker", company="Northern Freight"), now=NOW)
    assert asks(actor, "How much did the competitor offer Northern Freight?").quotes[0].text == RIVAL
    assert asks(actor, "Which competitor is moving to Japan?").status == "not_in_your_calls"


def test_a_call_is_found_by_the_leads_company_as_a_whole(actor_in: MakeActor) -> None:
    actor = actor_in()
    north = indexed(actor, lead_name="Nora Blake", company="Northern Freight Ltd")
    south = indexed(actor, lead_name="Ida Storm", company="Southern Freight")
    asked = "What does the Clearview package cost {} Freight per month?"
    assert asks(actor, asked.format("Northern")).quotes[0].call_id == north.call_id
    assert asks(actor, asked.format("Southern")).quotes[0].call_id == south.call_id


def test_what_nobody_said_is_not_in_your_calls_and_free(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    answer = asks(actor, "Which hotel did the customer book in Chicago?")
    assert (answer.status, answer.quotes, answer.charged_mcredits) == ("not_in_your_calls", [], 0)
    assert answer.searched.calls == 1
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS


def test_without_any_call_nothing_is_in_your_calls(actor_in: MakeActor) -> None:
    answer = asks(actor_in(), ASK_PRICE)
    assert (answer.status, answer.searched.calls, answer.searched.passages) == ("not_in_your_calls", 0, 0)


def test_an_answer_is_debited_at_the_rate_of_the_day(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    assert asks(actor, ASK_PRICE).charged_mcredits == QUERY_MCREDITS
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS - QUERY_MCREDITS


def test_without_credit_an_answer_is_refused_and_nothing_is_kept(actor_in: MakeActor) -> None:
    actor = actor_in(mcredits=QUERY_MCREDITS - 1)
    indexed(actor)
    with pytest.raises(InsufficientCredit):
        asks(actor, ASK_PRICE)
    assert not AiQuery.objects.for_workspace(actor.workspace_id).exists()
    assert asks(actor, "Which hotel did the customer book in Chicago?").status == "not_in_your_calls"


def test_beyond_what_the_asker_may_spend_a_month_an_answer_is_refused_and_nothing_is_kept(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    first = asks(actor, ASK_PRICE, key="click-one", monthly_max=QUERY_MCREDITS)
    with pytest.raises(CapReached):
        asks(actor, ASK_PRICE, monthly_max=QUERY_MCREDITS)
    # A deleted question was paid nevertheless; a repeated one is not paid again.
    assert asks(actor, ASK_PRICE, key="click-one", monthly_max=QUERY_MCREDITS) == first
    delete_question(actor=actor, question_id=first.id, now=datetime.now(UTC))
    with pytest.raises(CapReached):
        asks(actor, ASK_PRICE, monthly_max=QUERY_MCREDITS)
    assert asks(actor, "Which hotel did the customer book in Chicago?", monthly_max=0).status == "not_in_your_calls"
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS - QUERY_MCREDITS


def test_beyond_what_the_whole_workspace_may_spend_a_month_nobody_is_answered(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    asks(actor, ASK_PRICE, workspace_max=QUERY_MCREDITS)
    for other in (actor, actor_in(actor, role="manager")):
        with pytest.raises(WorkspaceCapReached):
            asks(other, ASK_PRICE, workspace_max=2 * QUERY_MCREDITS - 1)
    assert asks(actor, ASK_PRICE, workspace_max=2 * QUERY_MCREDITS).status == "answered"
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS - 2 * QUERY_MCREDITS


def test_the_same_key_gives_the_same_answer_and_is_paid_once(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    first = asks(actor, ASK_PRICE, key="click-one")
    assert asks(actor, ASK_PRICE, key="click-one") == first
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS - QUERY_MCREDITS
    with pytest.raises(IdempotencyKeyReused):
        asks(actor, "Something else?", key="click-one")


@pytest.mark.django_db(transaction=True)
def test_the_same_key_sent_four_times_at_once_is_paid_once(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    together = Barrier(4)

    def press(_: int) -> UUID:
        together.wait()
        try:
            return asks(actor, ASK_PRICE, key="click-one").id
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as presses:
        assert len(set(presses.map(press, range(4)))) == 1
    assert amounts(actor.workspace_id)[0] == CREDIT_MCREDITS - QUERY_MCREDITS
    assert broken() == []


@pytest.mark.policy("C2.5")
def test_another_tenants_words_are_never_in_an_answer(actor_in: MakeActor) -> None:
    ours, theirs = actor_in(), actor_in()
    canary = "The Clearview package costs nine hundred dollars a month, code word zebrafinch."
    secret = indexed(theirs, "C: What does the Clearview package cost per month?", f"A: {canary}")
    asked = (ASK_PRICE, "What is the code word zebrafinch?", canary)
    nothing_yet = [asks(ours, question) for question in asked]
    assert {answer.status for answer in nothing_yet} == {"not_in_your_calls"}
    assert {answer.searched.passages for answer in nothing_yet} == {0}
    indexed(ours)
    quotes = [quote for question in asked for quote in asks(ours, question).quotes]
    assert quotes
    assert secret.call_id not in {quote.call_id for quote in quotes}
    assert "zebrafinch" not in " ".join(quote.text for quote in quotes)
    by_filter = asks(ours, ASK_PRICE, lead_id=secret.lead_id)
    assert (by_filter.status, by_filter.searched.passages) == ("not_in_your_calls", 0)
    assert canary in {quote.text for quote in asks(theirs, ASK_PRICE).quotes}


def test_a_rep_sees_the_reps_own_calls_and_a_manager_the_teams(actor_in: MakeActor) -> None:
    owner = actor_in()
    rep, colleague, manager = (actor_in(owner, role) for role in ("rep", "rep", "manager"))
    call = indexed(colleague)
    assert asks(rep, ASK_PRICE).status == "not_in_your_calls"
    assert asks(rep, ASK_PRICE, user_id=colleague.user_id).searched.passages == 0
    for person in (colleague, manager, owner):
        assert asks(person, ASK_PRICE).quotes[0].call_id == call.call_id
    assert asks(manager, ASK_PRICE, user_id=rep.user_id).status == "not_in_your_calls"


def test_filters_narrow_by_lead_and_by_time(actor_in: MakeActor) -> None:
    actor = actor_in()
    week = timedelta(days=7)
    earlier, later = indexed(actor), indexed(actor, started_at=STARTED_AT + week)
    assert {quote.call_id for quote in asks(actor, ASK_PRICE).quotes} == {earlier.call_id, later.call_id}
    assert {quote.call_id for quote in asks(actor, ASK_PRICE, lead_id=later.lead_id).quotes} == {later.call_id}
    since = asks(actor, ASK_PRICE, since=later.started_at)
    until = asks(actor, ASK_PRICE, until=later.started_at)
    assert {quote.call_id for quote in since.quotes} == {later.call_id}
    assert {quote.call_id for quote in until.quotes} == {earlier.call_id}
    assert (since.searched.since, since.searched.until) == (later.started_at, None)


def test_indexing_again_replaces_the_passages(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = indexed(actor)
    first = asks(actor, ASK_PRICE)
    before = set(Passage.objects.for_workspace(actor.workspace_id).values_list("id", flat=True))
    index_call(call=call, now=NOW)
    assert set(Passage.objects.for_workspace(actor.workspace_id).values_list("id", flat=True)) == before
    corrected = "It costs five hundred dollars a month for the whole office."
    indexed(actor, *(line.replace(PRICE, corrected) for line in LINES), call_id=call.call_id, lead_id=call.lead_id)
    assert IndexedCall.objects.for_workspace(actor.workspace_id).count() == 1
    texts = " ".join(Passage.objects.for_workspace(actor.workspace_id).values_list("text", flat=True))
    assert "five hundred dollars" in texts and PRICE not in texts
    assert corrected in {quote.text for quote in asks(actor, ASK_PRICE).quotes}
    assert PRICE not in {quote.text for quote in answer_of(actor=actor, question_id=first.id).quotes}


def test_the_history_is_the_askers_own_newest_first_and_pages_keep_their_place(actor_in: MakeActor) -> None:
    actor = actor_in()
    colleague = actor_in(actor, "manager")
    asked = [asks(actor, f"Did anybody say number {number}?").id for number in range(25)]
    asks(colleague, "Did anybody say anything else?")
    first = history(actor=actor, cursor=None)
    assert first.next_cursor is not None
    second = history(actor=actor, cursor=first.next_cursor)
    assert [item.id for item in first.items + second.items] == sorted(asked, reverse=True)
    assert second.next_cursor is None
    with pytest.raises(CursorInvalid):
        history(actor=actor, cursor="not-a-cursor")


def test_a_question_can_be_deleted_by_who_asked_it_alone(actor_in: MakeActor) -> None:
    actor = actor_in()
    colleague = actor_in(actor)
    question = asks(actor, "Did anybody say number one?").id
    with pytest.raises(QuestionUnknown):
        delete_question(actor=colleague, question_id=question, now=datetime.now(UTC))
    delete_question(actor=actor, question_id=question, now=datetime.now(UTC))
    with pytest.raises(QuestionUnknown):
        delete_question(actor=actor, question_id=question, now=datetime.now(UTC))


def test_a_call_of_no_words_and_one_of_one_word_can_be_indexed(actor_in: MakeActor) -> None:
    actor = actor_in()
    silent = a_call(workspace_id=actor.workspace_id)
    index_call(call=silent, now=NOW)
    indexed(actor, "C: Hello?")
    assert asks(actor, ASK_PRICE).status == "not_in_your_calls"
    assert asks(actor, "' | & ! <-> \\ ;--").status == "not_in_your_calls"


def test_everything_is_unknown_to_a_stranger(actor_in: MakeActor) -> None:
    actor = actor_in()
    indexed(actor)
    question = asks(actor, ASK_PRICE).id
    stranger = Actor(user_id=uuid7(), workspace_id=actor_in().workspace_id, role="owner")
    with pytest.raises(QuestionUnknown):
        answer_of(actor=stranger, question_id=question)
    assert history(actor=stranger, cursor=None).items == []
