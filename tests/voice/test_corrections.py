"""A person puts a line of the text right; what was recognised stays beside it, and everything that used it follows.

Planted bugs that this catches: a merged turn that overwrites the person's words, a correction that keeps its old number (a
browser that missed the event would never learn of it), insights that are not marked stale, a correction that no open page hears of.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from ai.models import Passage
from compliance.models import AuditEvent
from identity.models import Membership
from tests.identity.browser import Browser
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.transcriptionist import heard_by_pages
from voice import analysis, transcripts, whole_turns
from voice.heard import Heard
from voice.models import Call, TranscriptSegment
from voice.schemas import Speaker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def placed(member: Membership) -> Placed:
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=60)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=1, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    return placed


@pytest.fixture
def rep(member: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(member)


def say(placed: Placed, start_ms: int, text: str, speaker: Speaker = "callee") -> TranscriptSegment:
    segment = transcripts.add_segment(
        call_id=placed.row.id,
        heard=Heard(speaker, start_ms, start_ms + 2_000, text, 0.9),
        now=datetime.now(UTC),
    )
    assert segment is not None
    return segment


def correct(rep: Browser, segment: TranscriptSegment | dict[str, Any], text: str | None, sequence: int = 0) -> Any:
    known = segment if isinstance(segment, dict) else {"id": segment.id, "sequence": segment.sequence}
    body = {"sequence": sequence or known["sequence"], "text": text}
    return rep.patch(f"/api/segments/{known['id']}", body)


def test_a_corrected_line_says_who_when_and_what_was_recognised(
    rep: Browser, placed: Placed, member: Membership
) -> None:
    segment = say(placed, 0, "The fries are too high.")
    status, corrected = correct(rep, segment, "The price is too high.")
    assert status == 200
    assert corrected["text"] == "The price is too high."
    assert corrected["correction"]["original_text"] == "The fries are too high."
    assert corrected["correction"]["by"] == f"{member.user.first_name} {member.user.last_name}"
    assert corrected["sequence"] > segment.sequence
    again = correct(rep, corrected, "The price is far too high.")[1]
    assert again["correction"]["original_text"] == "The fries are too high."


def test_open_pages_are_told_the_corrected_line_and_what_it_is_when_that_is_taken_back(
    rep: Browser, placed: Placed
) -> None:
    say(placed, 0, "The fries are too high.")
    for text in ("The price is too high.", None):
        line = rep.get(f"/api/calls/{placed.call_id}/segments")[1]["items"][0]
        (told,) = heard_by_pages(placed, partial(correct, rep, line, text))
        line = rep.get(f"/api/calls/{placed.call_id}/segments")[1]["items"][0]
        assert line["text"] == (text or "The fries are too high.")
        assert (told["type"], told["sequence"], told["segment"]) == ("segment.changed", line["sequence"], line)


def test_whoever_missed_the_event_gets_the_correction_by_its_number(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high.")
    later = say(placed, 3_000, "Call me on Friday.")
    correct(rep, segment, "The price is too high.")
    page = rep.get(f"/api/calls/{placed.call_id}/segments?after_sequence={later.sequence}")[1]
    assert [(each["id"], each["text"]) for each in page["items"]] == [(str(segment.id), "The price is too high.")]
    assert page["latest_sequence"] == page["items"][0]["sequence"]


def test_taking_it_back_restores_what_was_recognised(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high.")
    corrected = correct(rep, segment, "The price is too high.")[1]
    again = correct(rep, corrected, "The price is far too high.")[1]
    restored = correct(rep, again, None)[1]
    assert (restored["text"], restored["correction"]) == ("The fries are too high.", None)
    anew = correct(rep, restored, "The pies are too high.")[1]
    assert anew["correction"]["original_text"] == "The fries are too high."
    typed = correct(rep, anew, "The fries are too high.")[1]
    assert (typed["text"], typed["correction"]) == ("The fries are too high.", None)


def test_of_two_who_correct_at_once_the_second_is_told(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high.")
    assert correct(rep, segment, "The price is too high.")[0] == 200
    status, problem = correct(rep, segment, "The prices are too high.")
    assert (status, problem["code"]) == (409, "segment_changed")
    # A repeated request whose answer was lost is no conflict.
    assert correct(rep, segment, "The price is too high.")[0] == 200


def test_what_cannot_be_a_correction_is_refused(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high.")
    gap = transcripts.add_gap(call_id=placed.row.id, start_ms=9_000, end_ms=12_000, now=datetime.now(UTC))
    assert gap is not None
    assert correct(rep, segment, "   ")[0] == 422
    assert correct(rep, segment, "x" * 4_001)[0] == 422
    status, problem = correct(rep, gap, "words")
    assert (status, problem["code"]) == (409, "segment_is_a_gap")


@pytest.mark.policy("C1.3")
def test_a_card_number_that_is_typed_is_not_stored(rep: Browser, placed: Placed) -> None:
    corrected = correct(rep, say(placed, 0, "My card is something."), "My card is 4242 4242 4242 4242.")[1]
    assert corrected["text"] == "My card is [card number removed]."


@pytest.mark.parametrize(
    "typed",
    [
        "4111, 1111, 1111, 1111",
        "four one one one, one one one one, one one one one, one one one one",
        "4111\n1111-11111111",
    ],
)
def test_nor_is_one_that_is_typed_as_it_was_spoken(rep: Browser, placed: Placed, typed: str) -> None:
    corrected = correct(rep, say(placed, 0, "My card is something."), f"My card is {typed}.")[1]
    assert corrected["text"] == "My card is [card number removed]."


@pytest.mark.policy("C1.3")
def test_nor_a_misheard_one_that_the_other_asked_for(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 2_000, "It's something.")
    assert correct(rep, segment, "It's 4539 577 6362 1486.")[1]["text"] == "It's 4539 577 6362 1486."
    say(placed, 0, "Which card?", "agent")
    segment = say(placed, 5_000, "It's something.")
    assert correct(rep, segment, "It's 4539 577 6362 1486.")[1]["text"] == "It's [card number removed]."


@pytest.mark.parametrize(
    ("typed", "kept", "beside_ms", "beside"),
    [
        ("1111 1111, yes.", "[card number removed], yes.", 0, "It is 4111 1111"),
        ("It is 4111 1111.", "It is [card number removed].", 4_000, "1111 1111"),
    ],
)
def test_nor_the_part_of_one_that_stands_in_the_lines_beside_it(
    rep: Browser, placed: Placed, typed: str, kept: str, beside_ms: int, beside: str
) -> None:
    segment = say(placed, 2_000, "Something.")
    say(placed, beside_ms, beside)
    say(placed, 3_000, "Yes, 1111.", "agent")
    corrected = correct(rep, segment, typed)[1]
    assert corrected["text"] == kept
    assert correct(rep, corrected, "It is 1234.")[1]["text"] == "It is 1234."


def test_a_turn_heard_again_as_a_whole_does_not_overwrite_it(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high.")
    say(placed, 2_500, "for us")
    correct(rep, segment, "The price is too high.")
    merged = whole_turns.replace_segments(
        call_id=placed.row.id,
        heard=Heard("callee", 0, 5_000, "The fries are too high for us.", 0.9),
        pieces_ms=[0, 2_500],
        now=datetime.now(UTC),
    )
    assert merged is None
    kept = TranscriptSegment.objects.get_queryset().filter(call_id=placed.row.id).order_by("start_ms")
    assert [each.text for each in kept] == ["The price is too high.", "for us"]


def test_the_audit_names_the_line_and_holds_none_of_its_words(rep: Browser, placed: Placed, member: Membership) -> None:
    segment = say(placed, 0, "The fries are too high.")
    correct(rep, correct(rep, segment, "The price is too high.")[1], None)
    events = list(AuditEvent.objects.filter(target=str(segment.id)).order_by("sequence"))
    assert [event.action for event in events] == ["transcript.corrected", "transcript.correction_undone"]
    assert {event.actor_ref for event in events} == {str(member.user_id)}
    assert not any("price" in str(event.detail) or "fries" in str(event.detail) for event in events)


@pytest.mark.policy("C7.2")
def test_what_was_understood_is_stale_at_once_and_then_understood_anew(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high for us.")
    end(placed)
    assert analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    assert insights(rep, placed)["state"] == "ready"
    correct(rep, segment, "The price is too high for us.")
    assert insights(rep, placed)["state"] == "stale"
    assert analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    fresh = insights(rep, placed)
    assert fresh["state"] == "ready"
    assert any("price" in item["text"] for item in fresh["items"] if item["kind"] == "objection")
    searched = " ".join(Passage.objects.get_queryset().values_list("text", flat=True))
    assert "price" in searched and "fries" not in searched


@pytest.mark.policy("C7.2")
def test_answers_given_before_quote_each_correction_at_once(rep: Browser, placed: Placed) -> None:
    """Also the second one, which comes before the first has been worked over."""
    segment = say(placed, 0, "The Clearview package costs four hundred dollars a month.")
    end(placed)
    assert analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    asked = {"question": "What does the Clearview package cost?"}
    assert quotes(rep.post("/api/questions", asked, **{"Idempotency-Key": "before-it-was-corrected"})[1]) == [
        segment.text
    ]
    once = correct(rep, segment, "The Clearview package costs five hundred dollars a month.")[1]
    assert quotes(rep.get("/api/questions")[1]["items"][0]) == [once["text"]]
    twice = correct(rep, once, "The Clearview package costs six hundred dollars a month.")[1]
    assert quotes(rep.get("/api/questions")[1]["items"][0]) == [twice["text"]]
    assert analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    assert quotes(rep.post("/api/questions", asked, **{"Idempotency-Key": "after-it-was-corrected"})[1]) == [
        twice["text"]
    ]
    correct(rep, twice, None)
    assert quotes(rep.get("/api/questions")[1]["items"][0]) == [segment.text]


def test_a_line_corrected_during_the_call_is_what_the_call_is_understood_by(rep: Browser, placed: Placed) -> None:
    segment = say(placed, 0, "The fries are too high for us.")
    assert correct(rep, segment, "The price is too high for us.")[0] == 200
    end(placed)
    assert analysis.analyse(call_id=placed.row.id, now=datetime.now(UTC))
    found = insights(rep, placed)
    assert any("price" in item["text"] for item in found["items"] if item["kind"] == "objection")
    searched = " ".join(Passage.objects.get_queryset().values_list("text", flat=True))
    assert "price" in searched and "fries" not in searched


def test_a_download_has_the_line_as_it_is_and_as_it_was_recognised(rep: Browser, placed: Placed) -> None:
    say(placed, 3_000, "Call me on Friday.")
    correct(rep, say(placed, 0, "The fries are too high."), "The price is too high.")
    status, bundle = rep.get("/api/privacy/export")
    assert status == 200
    (call,) = bundle["data"]["call"]["items"]
    lines = {line["text"]: line["recognised_as"] for line in call["transcript"]}
    assert lines == {"The price is too high.": "The fries are too high.", "Call me on Friday.": None}


def test_a_manager_corrects_the_teams_calls_and_the_line_outlives_the_managers_account(
    rep: Browser,
    placed: Placed,
    member: Membership,
    make_account: Callable[..., Membership],
    sign_in: Callable[..., Browser],
) -> None:
    segment = say(placed, 0, "The fries are too high.")
    manager = make_account(member.workspace_id, "manager", email="max@example.com", mobile="+1 202 555 0177")
    page = sign_in(manager, "198.51.100.8")
    page.post(f"/api/calls/{placed.call_id}/watch")
    corrected = correct(page, segment, "The price is too high.")[1]
    assert corrected["correction"]["by"].startswith(manager.user.first_name)
    manager.user.delete()
    item = rep.get(f"/api/calls/{placed.call_id}/segments")[1]["items"][0]
    assert (item["text"], item["correction"]["by"]) == ("The price is too high.", None)


def test_nobody_else_corrects_a_call(
    placed: Placed,
    member: Membership,
    make_account: Callable[..., Membership],
    sign_in: Callable[..., Browser],
) -> None:
    segment = say(placed, 0, "The fries are too high.")
    colleague = make_account(member.workspace_id, "rep", email="col@example.com", mobile="+1 202 555 0178")
    assert correct(sign_in(colleague, "198.51.100.9"), segment, "Something else.")[0] == 404
    segment.refresh_from_db()
    assert segment.text == "The fries are too high."


def end(placed: Placed) -> None:
    now = datetime.now(UTC)
    Call.objects.get_queryset().filter(id=placed.call_id).update(status="completed", ended_at=now)


def insights(rep: Browser, placed: Placed) -> Any:
    return rep.get(f"/api/calls/{placed.call_id}/insights")[1]


def quotes(answer: Any) -> list[str]:
    return [quote["text"] for quote in answer["quotes"]]
