"""Questions and insights over REST, as the page asks.

Planted bugs that this catches: the history asks the database for the citations of each question, or for the stems of each quote.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from ai.models import IndexedCall
from ai.operations import derive_insights, index_call
from identity.models import Membership
from tests.ai.calls import a_call
from tests.identity.browser import Browser
from tests.ledger.books import amounts, began, completed, notify
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "What does the Clearview package cost per month?"
PRICE = "The Clearview package costs four hundred and fifty dollars a month."


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def buys(member: Membership, mcredits: int = 10_000) -> None:
    notify(completed(began(member.workspace_id, mcredits=mcredits)))


def a_kept_call(member: Membership, *, indexed: bool = True) -> UUID:
    now = datetime.now(UTC)
    lead = Lead.objects.get_queryset().create(
        workspace_id=member.workspace_id, first_name="David", phone_e164=f"+1{uuid7().int % 10**10:010}", created_at=now
    )
    call = Call.objects.get_queryset().create(
        workspace_id=member.workspace_id,
        lead=lead,
        user_id=member.user_id,
        idempotency_key=str(uuid7()),
        status="completed",
        rate_card_id=uuid7(),
        created_at=now,
        ended_at=now,
        max_duration_s=60,
    )
    turns = a_call(
        "C: What is the price?",
        f"A: {PRICE}",
        "C: That is too expensive for us.",
        workspace_id=member.workspace_id,
        user_id=member.user_id,
        lead_id=lead.id,
        lead_name=lead.name,
        call_id=call.id,
        started_at=now,
    )
    if indexed:
        index_call(call=turns, now=now)
        derive_insights(call=turns, now=now)
    return call.id


def ask(page: Browser, question: str = QUESTION, *, key: str = "click-one", **filters: object) -> tuple[int, Any]:
    return page.post("/api/questions", {"question": question, **filters}, **{"Idempotency-Key": key})


def test_a_question_is_answered_kept_and_deleted(page: Browser, owner: Membership) -> None:
    buys(owner)
    call_id = a_kept_call(owner)
    status, answer = ask(page)
    assert status == 200
    assert answer["status"] == "answered" and answer["charged_mcredits"] == 200
    assert answer["quotes"][0] | {"text": PRICE, "call_id": str(call_id), "lead_name": "David"} == answer["quotes"][0]
    assert answer["searched"] == {"calls": 1, "passages": 4, "from": None, "to": None}
    assert ask(page) == (200, answer)
    assert amounts(owner.workspace_id)[0] == 9_800
    assert page.get("/api/questions") == (200, {"items": [answer], "next_cursor": None})
    assert page.delete(f"/api/questions/{answer['id']}") == (204, None)
    assert page.get("/api/questions") == (200, {"items": [], "next_cursor": None})
    assert page.delete(f"/api/questions/{answer['id']}")[0] == 404


def test_the_history_of_many_questions_asks_the_database_no_more_often(page: Browser, owner: Membership) -> None:
    buys(owner)
    a_kept_call(owner)
    first = ask(page, key="first-asked")[1]
    with CaptureQueriesContext(connection) as few:
        page.get("/api/questions")
    for number in range(1, 6):
        ask(page, f"What does the Clearview package cost in month {number}?", key=f"later-asked-{number}")
    with CaptureQueriesContext(connection) as many:
        shown = page.get("/api/questions")[1]["items"]
    assert shown[-1] == first and first["quotes"][0]["highlights"]
    assert len(shown) == 6 and all(each["quotes"] for each in shown)
    assert len(many) == len(few)


def test_a_lead_that_is_removed_leaves_answers_too(page: Browser, owner: Membership) -> None:
    buys(owner)
    call_id = a_kept_call(owner)
    assert ask(page)[1]["quotes"]
    lead_id = Call.objects.get_queryset().get(id=call_id).lead_id
    uncalled = page.post("/api/leads", {"first_name": "Nora", "last_name": "Blake", "phone": "+12025550123"})[1]["id"]
    assert ask(page, "Is Nora Blake there?", key="asked-by-name")[0] == 200
    assert ask(page, "Anything?", key="asked-narrowed", lead_id=uncalled)[0] == 200
    for each in (lead_id, uncalled):
        assert page.delete(f"/api/leads/{each}") == (204, None)
    assert [each["question"] for each in page.get("/api/questions")[1]["items"]] == [QUESTION]
    status, problem = ask(page, key="too-late", lead_id=uncalled)
    assert (status, problem["code"]) == (404, "asked_lead_gone")
    assert ask(page, key="click-two")[1]["status"] == "not_in_your_calls"
    assert not IndexedCall.objects.get_queryset().filter(call_id=call_id).exists()
    assert page.get("/api/questions")[1]["items"][-1]["quotes"] == []


def test_a_lead_with_a_new_name_and_company_is_quoted_and_found_by_them(page: Browser, owner: Membership) -> None:
    buys(owner)
    call_id = a_kept_call(owner)
    lead_id = Call.objects.get_queryset().get(id=call_id).lead_id
    change = {"first_name": "Dawit", "company": "Northern Freight"}
    assert page.patch(f"/api/leads/{lead_id}", change)[0] == 200
    answer = ask(page, "What price did we tell Northern Freight?")[1]
    assert PRICE in {quote["text"] for quote in answer["quotes"]}
    assert {quote["lead_name"] for quote in answer["quotes"]} == {"Dawit"}


def test_filters_are_named_from_and_to(page: Browser, owner: Membership) -> None:
    buys(owner)
    a_kept_call(owner)
    status, answer = ask(page, **{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})
    assert (status, answer["status"]) == (200, "not_in_your_calls")
    assert answer["searched"] == {
        "calls": 0,
        "passages": 0,
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-01-02T00:00:00Z",
    }


def test_without_credit_an_answer_costs_402_and_a_miss_nothing(page: Browser, owner: Membership) -> None:
    a_kept_call(owner)
    status, problem = ask(page)
    assert (status, problem["code"]) == (402, "insufficient_credit")
    status, answer = ask(page, "Which hotel did the customer book in Chicago?", key="click-two")
    assert (status, answer["status"]) == (200, "not_in_your_calls")


def test_a_key_belongs_to_one_question(page: Browser, owner: Membership) -> None:
    assert ask(page)[0] == 200
    status, problem = ask(page, "Something else?")
    assert (status, problem["code"]) == (409, "idempotency_key_reused")


UNUSABLE: tuple[dict[str, object], ...] = (
    {"question": "  a "},
    {"question": "a" * 501},
    {"question": QUESTION, "workspace_id": str(uuid7())},
    {"question": QUESTION, "from": "2026-01-01T00:00:00"},
    {"question": QUESTION, "lead_id": "one"},
    {"question": "What\u0000?"},
    {"question": "What \ud800?"},
    {},
)


def test_an_unusable_question_is_refused(page: Browser) -> None:
    refused = [page.post("/api/questions", body, **{"Idempotency-Key": "click-one"})[0] for body in UNUSABLE]
    assert refused == [422] * len(UNUSABLE)


def test_a_question_without_a_key_and_a_history_without_a_place_are_refused(page: Browser) -> None:
    assert page.post("/api/questions", {"question": QUESTION})[0] == 422
    assert page.get("/api/questions?cursor=nowhere")[0] == 400


def test_insights_are_read_with_the_segments_that_carry_them(page: Browser, owner: Membership) -> None:
    status, insights = page.get(f"/api/calls/{a_kept_call(owner)}/insights")
    assert (status, insights["state"]) == (200, "ready")
    price = next(item for item in insights["items"] if item["kind"] == "price")
    assert price["text"] == PRICE and len(price["segment_ids"]) == 1
    assert set(insights["talk"]) == {
        "agent_ms",
        "callee_ms",
        "talk_ratio",
        "longest_monologue_ms",
        "interruptions",
        "silence_ms",
    }


def test_a_call_that_was_not_yet_understood_is_pending(page: Browser, owner: Membership) -> None:
    call_id = a_kept_call(owner, indexed=False)
    assert page.get(f"/api/calls/{call_id}/insights") == (
        200,
        {"call_id": str(call_id), "state": "pending", "items": [], "talk": None},
    )


def test_another_tenants_calls_and_questions_do_not_exist(
    page: Browser, owner: Membership, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    buys(owner)
    call_id = a_kept_call(owner)
    question_id = ask(page)[1]["id"]
    stranger = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0111"), "198.51.100.8")
    assert stranger.get(f"/api/calls/{call_id}/insights")[0] == 404
    assert stranger.delete(f"/api/questions/{question_id}")[0] == 404
    assert stranger.get("/api/questions")[1]["items"] == []
    assert ask(stranger)[1]["status"] == "not_in_your_calls"
    assert Browser().get("/api/questions")[0] in (401, 403)


def test_what_an_answer_cost_is_explained_and_the_question_is_told_to_its_asker_alone(
    page: Browser, owner: Membership, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    """Red when the explanation reads the question for whoever may see the entry."""
    manager = make_account(
        workspace_id=owner.workspace_id, role="manager", email="manager@example.com", mobile="+1 202 555 0177"
    )
    buys(owner)
    a_kept_call(owner)
    answer = ask(page)[1]
    entry = page.get("/api/credits/statement?kind=ai_query")[1]["items"][0]
    assert (entry["cause"]["id"], entry["cause"]["about"]) == (answer["id"], "A question")
    found = page.get(f"/api/credits/entries/{entry['id']}/explanation")[1]
    assert QUESTION in found["summary"]
    assert (found["steps"][-1]["result"], found["agrees"], found["rate"]) == ("0.2 credits", True, None)
    told = sign_in(manager).get(f"/api/credits/entries/{entry['id']}/explanation")
    assert told[0] == 200 and QUESTION not in str(told[1]) and "colleague" in told[1]["summary"]
    page.delete(f"/api/questions/{answer['id']}")
    assert "deleted" in page.get(f"/api/credits/entries/{entry['id']}/explanation")[1]["summary"]
