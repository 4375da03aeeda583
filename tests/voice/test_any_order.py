"""A call comes to the same end whatever order its callbacks come in, and however often each comes.

Planted bugs that this catches: a notice whose news come after the end left out (a refusal is lost), a late `ringing` that undoes the
end, a talk that is not charged because the lead was thought not to have been rung when its news came, a next try that counts from when the end was first heard of, a machine that is not known any more once the call is over.
"""

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from identity.models import Membership
from tests.ledger.books import broken
from tests.voice import queues
from tests.voice.carrier import Placed, actor_of, give_credit, new_lead, place, post, sid
from tests.voice.test_callbacks import rebuilt_otherwise
from tests.voice.whole_calls import STORIES, Posts, ended, heard_by
from voice import callback_lots, callback_rows, callbacks, leg_news, metering, operations
from voice.callback_rows import Arrived
from voice.course import Course
from voice.models import TERMINAL_STATUSES, Call, Callback, DialPause
from voice.schemas import CallChange
from voice.state import CLOSING_AT_S, LegFacts

KINDS = {"status": "leg", "notice/played": "played"}
# Those whose legs end in different ways.
UNLIKE = ("talked", "busy", "nobody there", "no such number", "given up", "rep away")
# State, legs, state of the transcript, who answered, and what came of it.
End = tuple[Any, ...]
# Each is a call to a lead of its own. A shorter one that goes wrong as well is not worth minutes of looking for it.
examples = settings(max_examples=4, phases=(Phase.explicit, Phase.reuse, Phase.generate))


def kind_of(placed: Placed, path: str) -> str:
    what = path.removeprefix(placed.path(""))
    return KINDS.get(what, what)


def came(placed: Placed, path: str, params: dict[str, str], now: datetime) -> Arrived:
    return callback_rows.arrived(call_id=UUID(placed.call_id), kind=kind_of(placed, path), params=params, now=now)


def end_of(course: Course) -> End:
    legs = frozenset(course.legs.items())
    return course.state, legs, course.transcript_state, course.answered_by, course.outcome


def applied(call: Call, number: int, kind: str, params: dict[str, str]) -> Callback:
    at = call.created_at + timedelta(seconds=75)
    return Callback(call=call, kind=kind, params=params, received_at=at, applied_at=at, applied_order=number)


def a_call() -> tuple[Call, Placed]:
    began_at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    call = Call(id=uuid7(), max_duration_s=3_600, created_at=began_at)
    return call, Placed(str(call.id), sid(), sid(), began_at)


def told_of(name: str, placed: Placed, *, but: tuple[str, ...]) -> list[Arrived]:
    now = placed.began_at + timedelta(seconds=75)
    told = [came(placed, *each, now) for each in STORIES[name].news(placed, sid("MZ"))]
    return [each for each in told if each.kind not in but]


def ends_of_all_orders(call: Call, stored: list[Callback]) -> set[End]:
    """Not sampled: from each state that the pure rules can bring a call to, every callback is taken next, also one that came before.
    What can be reached with the whole set is then what any of its orders ends as.
    """
    courses: dict[object, Course] = {}
    after: dict[tuple[object, int], object] = {}

    def place_of(course: Course) -> object:
        """Two courses of one place are told apart by nothing that comes later; which leg appeared first is part of it."""
        place = (*end_of(course), tuple(course.legs), course.opted_out)
        courses.setdefault(place, course)
        return place

    def taken(place: object, number: int) -> object:
        if (place, number) not in after:
            course = copy(courses[place])
            course.legs, course.orders = dict(course.legs), []
            course.take(stored[number], is_foreign=lambda *_: False)
            after[place, number] = place_of(course)
        return after[place, number]

    whole = 2 ** len(stored) - 1
    begin = (0, place_of(Course(call)))
    reached, waiting = {begin}, [begin]
    while waiting:
        came_before, place = waiting.pop()
        for number in range(len(stored)):
            step = (came_before | 1 << number, taken(place, number))
            if step not in reached:
                reached.add(step)
                waiting.append(step)
    return {end_of(courses[place]) for came_before, place in reached if came_before == whole}


@pytest.mark.parametrize("name", STORIES)
def test_all_orders_of_all_callbacks_with_any_number_of_repeats_have_one_end(name: str) -> None:
    call, placed = a_call()
    # These are stored, and move nothing.
    told = told_of(name, placed, but=("stream", "notice"))
    stored = [applied(call, number, each.kind, each.params) for number, each in enumerate(told, 1)]
    [(state, legs, transcript_state, answered_by, outcome)] = ends_of_all_orders(call, stored)
    wanted = STORIES[name].end
    assert (state.status, state.end_reason, state.duration_s) == (wanted.status, wanted.end_reason, wanted.duration_s)
    assert (transcript_state, answered_by, outcome) == (wanted.transcript_state, wanted.answered_by, wanted.outcome)
    assert {(leg.role, leg.status) for _, leg in legs} == {leg[:2] for leg in wanted.legs}


# What ends a call that somebody or something wants to end, by what its row holds, and whether it says so of one that was not answered.
WISHES: dict[str, tuple[dict[str, object], str | None, bool]] = {
    "the rep's": ({}, None, False),
    "the credits' end": ({"warned_at_s": CLOSING_AT_S}, "credits_used_up", False),
    "the longest call": ({"warned_at_s": CLOSING_AT_S, "max_duration_s": 70}, "longest_call", False),
    "the rep is kept out": ({"warned_at_s": CLOSING_AT_S, "shut_out": True}, "rep_shut_out", True),
    "a colleague's": ({"ended_by_id": uuid7()}, "ended_by_colleague", True),
    "the lead's, of calls": ({"ended_because": "lead_stopped_calls"}, "lead_stopped_calls", True),
}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("name", ["talked", "no calls wanted", "busy", "given up", "rep away"])
def test_all_orders_of_a_call_that_is_to_end_have_one_end_with_its_reason(name: str, wish: str) -> None:
    fields, reason, tells_early = WISHES[wish]
    call, placed = a_call()
    call.hangup_requested_at = placed.began_at + timedelta(seconds=60)
    for field, value in fields.items():
        setattr(call, field, value)
    told = told_of(name, placed, but=("stream", "notice", "machine"))
    stored = [applied(call, number, each.kind, each.params) for number, each in enumerate(told, 1)]
    [(state, _, transcript_state, _, outcome)] = ends_of_all_orders(call, stored)
    wanted = STORIES[name].end
    status, end_reason, outcome_wanted = wanted.status, wanted.end_reason, wanted.outcome
    if name == "rep away":
        # Whoever does not pick up a call that they have ended has not missed it.
        status, end_reason, outcome_wanted = "cancelled", "cancelled_by_rep", None
    if reason and (end_reason in ("hung_up", "lead_opted_out") or (end_reason == "cancelled_by_rep" and tells_early)):
        end_reason = reason
    assert (state.status, state.end_reason, state.duration_s) == (status, end_reason, wanted.duration_s)
    assert (outcome, transcript_state) == (outcome_wanted, wanted.transcript_state)


def learned_of(name: str, placed: Placed) -> list[tuple[str, str, LegFacts]]:
    """What the carrier's REST shows of the end; and what is wrong or too early: that it has no record of the leg of whoever was called
    last, and that the lead was never rung, which a list that lags behind makes believe."""

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else placed.began_at + timedelta(seconds=seconds)

    legs = STORIES[name].end.legs
    shown = [
        LegFacts(role, status, at(answered_s), at(ended_s), length)
        for role, status, answered_s, ended_s, length in legs
    ]
    late = placed.began_at + timedelta(seconds=72)
    unknown = LegFacts(shown[-1].role, "failed", ended_at=late)
    learned = [("asked", shown[-1]), ("unknown", unknown)]
    if len(shown) > 1:
        learned.append(("never_rung", LegFacts("agent", "canceled", ended_at=late)))
    sids = {"agent": placed.agent_sid, "callee": placed.callee_sid}
    return [(kind, sids[leg.role], leg) for kind, leg in learned]


@pytest.mark.parametrize("name", UNLIKE)
def test_what_is_learned_between_the_callbacks_changes_no_end(name: str) -> None:
    call, placed = a_call()
    told = told_of(name, placed, but=("stream", "notice", "machine", "played"))
    told = [each for each in told if each.params["CallStatus"] != "initiated"]
    learned = [(kind, leg_news.params_of(leg_sid, leg)) for kind, leg_sid, leg in learned_of(name, placed)]
    news = [*((each.kind, each.params) for each in told), *learned]
    stored = [applied(call, number, *each) for number, each in enumerate(news, 1)]
    [(state, legs, _, _, outcome)] = ends_of_all_orders(call, stored)
    wanted = STORIES[name].end
    assert (state.status, state.end_reason, state.duration_s) == (wanted.status, wanted.end_reason, wanted.duration_s)
    assert outcome == wanted.outcome
    callee = {(leg.role, leg.status) for _, leg in legs if leg.role == wanted.legs[-1][0]}
    assert callee == {wanted.legs[-1][:2]}


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Any) -> Membership:
    settings.MEMBER_DIALS_PER_HOUR_MAX = settings.MEMBER_DIALS_PER_DAY_MAX = 10_000
    member = make_account()
    give_credit(member, 1_000_000)
    return member


def next_call(member: Membership) -> tuple[Placed, str]:
    """With the stream that hears it. Those before have failed and have been complained of, as often as the stories want it; one
    that went wrong may still go on.
    """
    DialPause.objects.get_queryset().all().delete()
    left = Call.objects.get_queryset().exclude(status__in=TERMINAL_STATUSES)
    left.update(status="failed", ended_at=datetime.now(UTC))
    placed = place(member)
    return placed, heard_by(placed)


def arrival(draw: Callable[..., Any], posts: Posts) -> Posts:
    """All of them in any order, some of them again at any later or earlier place."""
    order = draw(st.permutations(range(len(posts))))
    for number in draw(st.lists(st.sampled_from(range(len(posts))), max_size=5)):
        order.insert(draw(st.integers(0, len(order))), number)
    return [posts[number] for number in order]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", STORIES)
def test_what_is_posted_in_any_order_and_number_has_one_end(member: Membership, name: str) -> None:
    """Through the webhooks; the meter runs in between, so that the settlement has something to adjust."""

    @examples
    @given(st.data())
    def one(data: st.DataObject) -> None:
        placed, stream_sid = next_call(member)
        metered = data.draw(st.booleans(), "metered")
        for number, each in enumerate(arrival(data.draw, STORIES[name].news(placed, stream_sid))):
            assert post(*each).status in (200, 204)
            if metered and number % 3 == 0:
                metering.charge_due_minutes(now=placed.began_at + timedelta(seconds=30))
        assert ended(placed, stream_sid) == STORIES[name].end

    one()
    assert broken() == []
    assert rebuilt_otherwise() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", STORIES)
def test_what_is_applied_in_lots_of_any_size_and_order_has_the_same_end(member: Membership, name: str) -> None:
    """Stored and applied as the intake does with what comes together."""

    @examples
    @given(st.data())
    def one(data: st.DataObject) -> None:
        placed, stream_sid = next_call(member)
        posts = arrival(data.draw, STORIES[name].news(placed, stream_sid))
        while posts:
            size = data.draw(st.integers(1, 8), "lot")
            now = datetime.now(UTC)
            lot = [came(placed, *each, now) for each in posts[:size]]
            posts = posts[size:]
            became = callback_rows.store(lot)
            new = {each.id: each.call_id for each, how in zip(lot, became, strict=True) if how == "new"}
            assert callback_lots.apply_together(waiting=new, now=now) == []
        assert ended(placed, stream_sid) == STORIES[name].end

    one()
    assert broken() == []
    assert rebuilt_otherwise() == []


@pytest.mark.django_db(transaction=True)
def test_a_key_whose_news_come_after_the_call_holds_for_the_next_one(member: Membership) -> None:
    lead = new_lead(member)
    first = queues.call(member, lead, now=datetime.now(UTC))
    queues.ends(first, "completed")
    assert first.row.transcript_state == "off"
    pressed = {"CallSid": first.callee_sid, "ParentCallSid": first.agent_sid, "Digits": "1"}
    assert post(first.path("notice/played"), pressed).status == 200
    second = queues.call(member, lead, now=datetime.now(UTC))
    post(second.path("notice/played"), {"CallSid": second.callee_sid, "ParentCallSid": second.agent_sid})
    assert [each.row.transcript_state for each in (first, second)] == ["refused", "refused"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("together", [False, True])
def test_a_next_try_counts_from_when_the_line_was_busy_and_not_from_when_that_was_heard_of(
    member: Membership, together: bool
) -> None:
    """The Dial verb's news bear no time; those of the leg, which do, come after them."""
    [lead] = queues.leads(member, "Ada")
    placed, heard_at = queues.call(member, lead), queues.NOW + timedelta(seconds=90)
    news = (placed.after("busy"), placed.callee("busy", at_s=30, sequence=3, CallDuration="0"))
    planned = []
    for each in news:
        one = came(placed, *each, heard_at)
        callback_rows.store([one])
        if together:
            assert callback_lots.apply_together(waiting={one.id: one.call_id}, now=heard_at) == []
        else:
            assert callbacks.apply(callback_id=one.id, now=heard_at)
        lead.refresh_from_db()
        planned.append((lead.attempts, lead.retry_at))
    after_that = timedelta(minutes=10)
    assert planned == [(1, heard_at + after_that), (1, queues.NOW + timedelta(seconds=30) + after_that)]


@pytest.mark.django_db(transaction=True)
def test_what_the_rep_said_of_a_call_stays_however_often_its_end_is_told(member: Membership) -> None:
    placed, _ = next_call(member)
    post(*placed.after("busy"))
    said = CallChange(disposition="wrong_number")
    operations.annotate_call(actor=actor_of(member), call_id=placed.row.id, change=said, now=datetime.now(UTC))
    post(*placed.callee("busy", at_s=9, sequence=3, CallDuration="0"))
    lead = placed.row.lead
    assert (lead.disposition, lead.retry_at) == ("wrong_number", None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_lots", [True, False])
def test_a_call_is_rebuilt_though_a_later_clock_asked_for_its_end_than_it_ends_by(
    member: Membership, in_lots: bool
) -> None:
    """Who looked at the clock first may come by the call last, where both wait for it."""
    placed, now = place(member), datetime.now(UTC)
    operations.request_hangup(actor=actor_of(member), call_id=placed.row.id, now=now + timedelta(minutes=1))
    _, params = placed.agent("no-answer", at_s=30, sequence=1)
    came = callback_rows.arrived(call_id=placed.row.id, kind="agent", params=params, now=now)
    callback_rows.store([came])
    if in_lots:
        callback_lots.apply_together(waiting={came.id: came.call_id}, now=now)
    else:
        callbacks.apply(callback_id=came.id, now=now)
    assert placed.row.status == "cancelled"
    assert rebuilt_otherwise() == []
