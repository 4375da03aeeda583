"""What is understood of a call, and that every statement leads to the words that carry it."""

from datetime import UTC, date, datetime

import pytest
from uuid_utils.compat import uuid7

from ai.forgetting import forget_calls
from ai.insights import Draft, derive
from ai.models import Insight
from ai.operations import derive_insights, index_call
from ai.queries import insights_of
from ai.schemas import InsightKind
from identity.auth import Actor
from tests.ai.calls import a_call, question_set
from tests.ai.conftest import NOW, MakeActor

REFUSAL = "No, thank you. Please do not call me again, and take my number off your list."


def understood(*lines: str, kind: InsightKind | None = None) -> list[Draft]:
    """The call is held on Tuesday, 27 January 2026."""
    found = derive(a_call(*lines, workspace_id=uuid7()))
    return [draft for draft in found if kind in (None, draft.kind)]


def only(*lines: str, kind: InsightKind) -> Draft:
    (found,) = understood(*lines, kind=kind)
    return found


@pytest.mark.parametrize(
    "said",
    [
        REFUSAL,
        "Don't ever call this number again.",
        "Stop calling me!",
        "Remove my number from your system.",
        "I don\u2019t want any more calls from you.",
    ],
)
def test_a_wish_not_to_be_called_is_heard(said: str) -> None:
    assert len(understood(f"C: {said}", kind="do_not_call")) >= 1


@pytest.mark.parametrize(
    "said",
    [
        "Please don't call before ten.",
        "Don't call me at work, call my mobile.",
        "Do not hesitate to call me.",
        "Call me the week after, not before.",
        "He didn't call me back.",
        "Don't call me tomorrow, call me on Friday.",
    ],
)
def test_a_wish_to_be_called_otherwise_is_not_a_wish_never_to_be_called(said: str) -> None:
    assert understood(f"C: {said}", kind="do_not_call") == []


def test_only_the_called_person_can_refuse_calls() -> None:
    assert understood("A: We will never call you again.", kind="do_not_call") == []


def test_a_promise_is_a_next_step_with_its_owner_and_its_date() -> None:
    step = only("C: I will send you the list by Friday, the sixth of February.", kind="next_step")
    assert (step.owner, step.due_on) == ("callee", date(2026, 2, 6))


def test_a_promise_is_due_by_the_day_that_it_is_where_the_callee_is() -> None:
    """Red when it is the day in UTC."""
    found = derive(
        a_call(
            "A: I will send you the offer tomorrow.",
            "A: We will hold this price until Friday.",
            workspace_id=uuid7(),
            started_at=datetime(2026, 12, 4, 1, 30, tzinfo=UTC),
            held_on=date(2026, 12, 3),
        )
    )
    due = {draft.kind: draft.due_on for draft in found if draft.due_on}
    assert due == {"next_step": date(2026, 12, 4), "commitment": date(2026, 12, 4)}


def test_a_request_is_a_next_step_of_the_other_side() -> None:
    step = only("C: Please plan a training with Laura on Wednesday afternoon.", kind="next_step")
    assert (step.owner, step.due_on) == ("agent", date(2026, 1, 28))


def test_a_request_and_the_promise_that_answers_it_are_one_next_step_with_both_segments() -> None:
    step = only(
        "C: Send me the offer by email, and call me again on Thursday at ten.",
        "A: I will send the offer today and call you on Thursday at ten.",
        kind="next_step",
    )
    assert (step.owner, step.due_on, len(step.segment_ids)) == ("agent", date(2026, 1, 29), 2)


def test_an_offer_counts_only_when_it_is_accepted() -> None:
    offer = "A: Shall I send a quote by Wednesday?"
    accepted = only(offer, "C: Please do.", kind="next_step")
    assert (accepted.owner, accepted.due_on, len(accepted.segment_ids)) == ("agent", date(2026, 1, 28), 2)
    assert understood(offer, "C: No, thank you.", kind="next_step") == []


def test_a_refusal_to_act_is_no_next_step_and_no_commitment() -> None:
    said = understood("C: I will not sign for three years.")
    assert {draft.kind for draft in said} & {"next_step", "commitment"} == set()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Honestly, that is too expensive for us.", "Price"),
        ("That's more than I budgeted.", "Price"),
        ("The other company offered us nine hundred and fifty dollars.", "Competitor"),
        ("We have a tracker already, from FleetEye.", "Competitor"),
        ("He has to approve everything above ten thousand dollars.", "Authority"),
        ("I need to run this past my partner first.", "Authority"),
        ("I am at work right now.", "Timing"),
        ("I don't want to change anything until September.", "Timing"),
        ("I do not need any software.", "Need"),
        ("I will not sign for three years.", "Terms"),
    ],
)
def test_an_objection_is_named_by_its_reason(said: str, name: str) -> None:
    assert only(f"C: {said}", kind="objection").text == f"{name}: {said}"


def test_money_is_found_in_digits_and_in_words() -> None:
    prices = understood(
        "A: It costs four hundred and fifty dollars a month.",
        "A: The gateway is a one-time $900.",
        "A: There is thirty percent off.",
        "A: We have four hundred and fifty customers.",
        kind="price",
    )
    assert [price.text.split()[0] for price in prices] == ["It", "The", "There"]


def test_questions_of_the_called_person_are_found_with_and_without_their_mark() -> None:
    questions = understood(
        "C: Hello, who is this?",
        "C: So where do you keep our data",
        "C: What happens to the old projectors?",
        "A: Does that help?",
        kind="question",
    )
    assert [question.start_ms > 0 for question in questions] == [True, True]


def test_a_mood_without_clear_signs_is_unclear() -> None:
    assert only("C: Okay. That helps.", "C: The contract is a problem.", kind="sentiment").text == "unclear"
    assert only(f"C: {REFUSAL}", kind="sentiment").text == "negative"
    assert only("C: Great, I like it.", "C: That sounds good, perfect.", kind="sentiment").text == "positive"


def test_a_silent_call_says_nothing() -> None:
    assert understood() == []
    assert understood("A: Hello?") == []


def test_every_statement_of_every_made_call_is_made_of_words_that_its_segments_hold() -> None:
    calls = question_set("calibration", workspace_id=uuid7(), user_id=uuid7()).calls
    for call in calls:
        said = {turn.segment_id: turn for turn in call.turns}
        for draft in derive(call):
            assert draft.segment_ids and set(draft.segment_ids) <= said.keys()
            assert draft.start_ms == min(said[segment].start_ms for segment in draft.segment_ids)
            words = " ".join(said[segment].text for segment in draft.segment_ids)
            if draft.kind == "topic":
                assert draft.text.lower() in words.lower()
            elif draft.kind not in ("summary", "sentiment"):
                assert draft.text.partition(": ")[2] in words or draft.text in words


@pytest.mark.django_db
def test_insights_are_pending_then_ready_then_stale_and_gone_when_the_call_is(actor_in: MakeActor) -> None:
    actor = actor_in()
    call = a_call(
        "A: It costs $62.", "C: That is too expensive.", workspace_id=actor.workspace_id, user_id=actor.user_id
    )
    assert insights_of(actor=actor, call_id=call.call_id).state == "pending"
    index_call(call=call, now=NOW)
    assert insights_of(actor=actor, call_id=call.call_id).state == "pending"
    derive_insights(call=call, now=NOW)
    ready = insights_of(actor=actor, call_id=call.call_id)
    assert ready.state == "ready" and ready.talk is not None
    assert ready.talk.agent_ms + ready.talk.callee_ms > 0
    assert {item.kind for item in ready.items} >= {"price", "objection", "sentiment"}
    assert all(item.segment_ids for item in ready.items)
    corrected = a_call("A: It costs $26.", workspace_id=actor.workspace_id, user_id=actor.user_id, call_id=call.call_id)
    index_call(call=corrected, now=NOW)
    assert insights_of(actor=actor, call_id=call.call_id).state == "stale"
    derive_insights(call=corrected, now=NOW)
    assert insights_of(actor=actor, call_id=call.call_id).state == "ready"
    assert "$62" not in " ".join(Insight.objects.for_workspace(actor.workspace_id).values_list("text", flat=True))
    forget_calls(call_ids=[call.call_id], now=NOW)
    derive_insights(call=call, now=NOW)
    assert insights_of(actor=actor, call_id=call.call_id).state == "pending"


@pytest.mark.django_db
def test_a_rep_and_a_stranger_see_no_insights_of_anothers_call(actor_in: MakeActor) -> None:
    owner = actor_in()
    rep, colleague, stranger = actor_in(owner, "rep"), actor_in(owner, "rep"), actor_in()
    call = a_call("C: It is too expensive.", workspace_id=owner.workspace_id, user_id=colleague.user_id)
    derive_insights(call=call, now=NOW)

    def seen(actor: Actor) -> bool:
        return bool(insights_of(actor=actor, call_id=call.call_id).items)

    assert [seen(actor) for actor in (owner, colleague, rep, stranger)] == [True, True, False, False]
