"""A queue offers each lead to one person at a time, in order, and dials nothing by itself.

Planted bugs that this catches: a reservation without the constraint behind it, or a claim that waits for none and looks at no
lock (two people get the same lead); a lead that is not let go when its time is over (nobody gets it any more).
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

from compliance import suppression
from compliance.retention import expire
from config.management.commands.clock import LANES
from identity.models import Membership
from identity.permissions import NotPermitted
from tests.identity.conftest import MakeAccount, SignIn
from tests.restricting import restricted
from tests.voice.carrier import give_credit
from tests.voice.queues import (
    NOW,
    actor,
    call,
    ends,
    leads,
    name_of,
    skip,
    start,
    state,
    take_next,
    tally,
)
from voice import operations, queue, queue_queries
from voice.models import Call, Lead, QueueSession, Reservation
from voice.operations import DialRefused
from voice.queue import QueueNotStarted, sweep_queue

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _calling_hours_are_kept(settings: Any) -> None:
    settings.CALLING_HOURS = "kept"


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    return make_account(workspace_name="Harbour Sales")


@pytest.fixture
def colleague(make_account: MakeAccount, rep: Membership) -> Membership:
    return another(make_account, rep, 1)


def another(make_account: MakeAccount, rep: Membership, number: int) -> Membership:
    return make_account(
        workspace_id=rep.workspace_id, email=f"rep{number}@example.com", mobile=f"+1 202 555 01{number + 20}"
    )


def names_offered(member: Membership) -> list[str]:
    """Whom the queue offers one after the other until there is nobody more."""
    found, shown = [], state(member)
    while shown and (name := name_of(shown)):
        found.append(name)
        shown = skip(member, shown)
    return found


def at_the_same_moment(people: list[Membership]) -> list[str | None]:
    """Whom each gets when all begin at once."""
    at_once = Barrier(len(people))

    def press(member: Membership) -> str | None:
        try:
            at_once.wait(timeout=10)
            return name_of(start(member))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(press, people))


def test_leads_that_were_never_called_come_as_they_were_added(rep: Membership) -> None:
    leads(rep, "Ada", "Ben", "Cleo")
    first = start(rep)
    assert (name_of(first), first.left, first.reserved_until) == ("Ada", 2, NOW + timedelta(minutes=5))
    assert names_offered(rep) == ["Ada", "Ben", "Cleo"]
    over = state(rep)
    assert over and (over.lead, over.left, over.skipped) == (None, 0, 3)


def test_due_retries_come_before_all_others_and_those_that_are_not_due_wait(rep: Membership) -> None:
    leads(rep, "New")
    leads(rep, "Late", disposition="busy", attempts=1, retry_at=NOW - MINUTE)
    leads(rep, "Later", disposition="no_answer", attempts=1, retry_at=NOW + 9 * MINUTE)
    leads(rep, "Latest", disposition="no_answer", attempts=4)
    leads(rep, "Earlier", disposition="no_answer", attempts=2, retry_at=NOW - 2 * MINUTE)
    leads(rep, "Done", disposition="interested")
    first = start(rep)
    assert (first.left, first.waiting, first.next_retry_at) == (2, 1, NOW + 9 * MINUTE)
    assert names_offered(rep) == ["Earlier", "Late", "New"]


FILTERS = {
    "a tag": ({"tag": "Hot"}, ["Tagged", "Tagged and busy"]),
    "never called": ({"disposition": "never_called"}, ["Tagged", "New"]),
    "busy": ({"disposition": "busy"}, ["Tagged and busy"]),
    "a rep's word": ({"disposition": "call_back"}, ["Asked to"]),
    "both": ({"tag": "Hot", "disposition": "never_called"}, ["Tagged"]),
    "nothing that there is": ({"tag": "Cold"}, []),
}


@pytest.mark.parametrize(("wanted", "offered"), FILTERS.values(), ids=FILTERS)
def test_a_queue_goes_through_what_was_asked_for(rep: Membership, wanted: dict[str, Any], offered: list[str]) -> None:
    leads(rep, "Tagged", tags=["Hot"])
    leads(rep, "New")
    leads(rep, "Tagged and busy", tags=["Hot"], disposition="busy", retry_at=NOW, attempts=1)
    leads(rep, "Asked to", disposition="call_back")
    leads(rep, "Was busy often", disposition="busy", attempts=5)
    start(rep, **wanted)
    assert sorted(names_offered(rep)) == sorted(offered)


def test_whom_nobody_may_call_is_passed_over_and_counted(rep: Membership) -> None:
    stopped, premium, ours, own, held = leads(rep, "Stopped", "Premium", "Ours", "Own", "Held")
    leads(rep, "In Tokyo", time_zone="Asia/Tokyo")
    leads(rep, "Ada")
    assert stopped.phone_e164
    suppression.suppress(workspace_id=None, phone_e164=stopped.phone_e164, reason="asked", source="tests", now=NOW)
    numbers = {premium: "+19005550123", ours: settings.TWILIO_CALLER_ID, own: rep.user.mobile_e164}
    for lead, number in numbers.items():
        Lead.objects.filter(id=lead.id).update(phone_e164=number)
    restricted(held)
    shown = start(rep)
    assert name_of(shown) == "Ada"
    assert tally(shown) == {"suppressed": 1, "restricted": 4, "outside_hours": 1}
    assert shown.left == 0


def test_a_lead_that_was_skipped_comes_in_another_session_and_to_colleagues(
    rep: Membership, colleague: Membership
) -> None:
    leads(rep, "Ada")
    skip(rep, start(rep))
    assert name_of(take_next(rep)) is None
    assert name_of(start(colleague)) == "Ada"
    queue.end(actor=actor(colleague), now=NOW)
    assert name_of(start(rep)) == "Ada"


def test_pressing_twice_neither_skips_twice_nor_takes_two(rep: Membership) -> None:
    leads(rep, "Ada", "Ben", "Cleo")
    first = start(rep)
    assert name_of(take_next(rep)) == "Ada"
    assert [name_of(skip(rep, first)), name_of(skip(rep, first))] == ["Ben", "Ben"]


def test_six_people_who_ask_at_the_same_moment_get_six_leads(make_account: MakeAccount, rep: Membership) -> None:
    people = [rep, *(another(make_account, rep, number) for number in range(5))]
    leads(rep, *(f"Lead {number}" for number in range(7)))
    for _ in range(2):
        got = at_the_same_moment(people)
        assert len({name for name in got if name}) == len(people), got
        assert Reservation.objects.filter(released_at__isnull=True).count() == len(people)
        for member in people:
            queue.end(actor=actor(member), now=NOW)


def test_for_the_last_lead_eight_presses_make_one_reservation(make_account: MakeAccount, rep: Membership) -> None:
    people = [rep, *(another(make_account, rep, number) for number in range(7))]
    leads(rep, "Only")
    got = at_the_same_moment(people)
    assert sorted(map(str, got)) == [*["None"] * 7, "Only"]
    assert Reservation.objects.get_queryset().count() == 1


def test_who_presses_call_while_a_colleague_takes_the_lead_from_the_queue_shares_it_with_nobody(
    rep: Membership, colleague: Membership
) -> None:
    give_credit(rep, 100_000)
    (lead,) = leads(rep, "Ada")
    at_once = Barrier(2)

    def press_call() -> str:
        try:
            at_once.wait(timeout=10)
            operations.start_call(actor=actor(rep), lead_id=lead.id, idempotency_key=str(uuid7()), now=NOW)
            return "called"
        except DialRefused as error:
            return str(error.code)
        finally:
            connection.close()

    def press_start() -> str | None:
        try:
            at_once.wait(timeout=10)
            return name_of(start(colleague))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        called, taken = pool.submit(press_call), pool.submit(press_start)
    assert (called.result(), taken.result()) in {("called", None), ("lead_reserved", "Ada")}


def test_a_reserved_lead_is_called_by_its_holder_alone(rep: Membership, colleague: Membership) -> None:
    give_credit(rep, 100_000)
    (ada, _) = leads(rep, "Ada", "Ben")
    start(rep)
    with pytest.raises(DialRefused) as refused:
        call(colleague, ada)
    assert refused.value.code == "lead_reserved"
    placed = call(rep, ada)
    shown = state(rep)
    assert shown and shown.call and str(shown.call.id) == placed.call_id
    assert (shown.lead, shown.called, shown.left) == (None, 1, 1)
    assert name_of(start(colleague)) == "Ben"


def test_nothing_is_dialled_by_the_queue(rep: Membership) -> None:
    give_credit(rep, 100_000)
    leads(rep, "Ada", "Ben")
    skip(rep, start(rep))
    sweep_queue(now=NOW + timedelta(hours=1))
    assert Call.objects.get_queryset().count() == 0


def test_a_lead_is_let_go_when_its_time_is_over(rep: Membership, colleague: Membership) -> None:
    leads(rep, "Ada")
    start(rep)
    assert name_of(start(colleague, now=NOW + 4 * MINUTE)) is None
    # At once, by whoever asks; the clock does the same for those who only look.
    assert name_of(take_next(colleague, now=NOW + 5 * MINUTE)) == "Ada"
    mine = state(rep, now=NOW + 5 * MINUTE)
    assert mine and (mine.lead, mine.passed_over.reserved) == (None, 1)
    sweep_queue(now=NOW + 11 * MINUTE)
    assert Reservation.objects.filter(released_at__isnull=True).count() == 0
    assert set(Reservation.objects.values_list("release_reason", flat=True)) == {"timed_out"}
    assert sweep_queue in [work for rounds in LANES.values() for _, work in rounds]


def test_who_does_nothing_for_half_an_hour_has_left_but_not_while_talking(
    rep: Membership, colleague: Membership
) -> None:
    give_credit(rep, 100_000)
    (ada, _) = leads(rep, "Ada", "Ben")
    start(rep)
    start(colleague)
    call(rep, ada)
    sweep_queue(now=NOW + 29 * MINUTE)
    assert QueueSession.objects.filter(ended_at__isnull=True).count() == 2
    sweep_queue(now=NOW + 31 * MINUTE)
    assert state(rep) is not None
    assert state(colleague) is None
    with pytest.raises(QueueNotStarted):
        take_next(colleague)
    expire(now=NOW + 31 * MINUTE + timedelta(days=90))
    assert not QueueSession.objects.filter(user_id=colleague.user_id).exists()


def test_a_busy_lead_comes_again_when_it_is_due_in_the_same_session(rep: Membership) -> None:
    give_credit(rep, 100_000)
    (ada, _) = leads(rep, "Ada", "Ben")
    start(rep)
    ended = ends(call(rep, ada), "busy")
    assert ended.ended_at
    ada.refresh_from_db()
    assert (ada.disposition, ada.attempts, ada.retry_at) == ("busy", 1, ended.ended_at + 10 * MINUTE)
    shown = take_next(rep)
    assert (name_of(shown), shown.waiting) == ("Ben", 1)
    skip(rep, shown)
    assert name_of(take_next(rep, now=NOW + 12 * MINUTE)) == "Ada"


def test_a_lead_is_not_offered_while_somebody_talks_with_it_and_not_again_after(
    rep: Membership, colleague: Membership
) -> None:
    give_credit(rep, 100_000)
    (ada,) = leads(rep, "Ada")
    placed = call(rep, ada)
    shown = start(colleague)
    assert (name_of(shown), tally(shown)) == (None, {"reserved": 1})
    ends(placed, "completed")
    assert name_of(take_next(colleague)) is None


def test_managers_see_who_works_on_what(make_account: MakeAccount, rep: Membership) -> None:
    manager = make_account(
        workspace_id=rep.workspace_id, role="manager", email="boss@example.com", mobile="+1 202 555 0160"
    )
    colleague = another(make_account, rep, 1)
    leads(rep, "Ada", "Ben")
    skip(colleague, start(colleague, disposition="never_called"))
    (worker,) = queue_queries.workers(actor=actor(manager)).items
    assert (worker.user_id, worker.disposition, worker.lead, worker.skipped) == (
        colleague.user_id,
        "never_called",
        "Ben",
        1,
    )
    with pytest.raises(NotPermitted):
        queue_queries.workers(actor=actor(colleague))
    (seen,) = queue_queries.reservations(actor=actor(rep), now=NOW).items
    assert (seen.user_id, seen.name) == (colleague.user_id, f"{colleague.user.first_name} {colleague.user.last_name}")


def test_where_the_rep_decides_about_the_hour_the_queue_offers_everybody(rep: Membership, settings: Any) -> None:
    settings.CALLING_HOURS = "shown"
    leads(rep, "In Tokyo", time_zone="Asia/Tokyo")
    shown = start(rep)
    assert (name_of(shown), tally(shown)) == ("In Tokyo", {})


def test_over_http_a_rep_starts_takes_skips_and_ends(rep: Membership, sign_in: SignIn, settings: Any) -> None:
    # On Sundays there are hours in which it is a calling hour nowhere.
    settings.CALLING_HOURS = "shown"
    page = sign_in(rep)
    assert page.get("/api/queue") == (200, {"queue": None})
    assert page.post("/api/queue/next")[1]["code"] == "queue_not_started"
    ada, ben = leads(rep, "Ada", "Ben")
    status, shown = page.post("/api/queue", {})
    assert status == 201
    assert shown["lead"]["id"] == str(ada.id)
    (seen,) = page.get("/api/queue/reservations")[1]["items"]
    assert seen["lead_id"] == str(ada.id)
    assert page.post("/api/queue/skip", {"lead_id": str(ada.id), "reason": "boredom"})[0] == 422
    skipped = page.post("/api/queue/skip", {"lead_id": str(ada.id), "reason": "no_fit"})[1]
    assert (skipped["lead"]["id"], skipped["skipped"]) == (str(ben.id), 1)
    assert page.delete("/api/queue")[0] == 204
    assert page.get("/api/queue") == (200, {"queue": None})
    assert page.get("/api/queue/reservations")[1]["items"] == []


def test_colleagues_are_not_told_of_other_workspaces(make_account: MakeAccount, rep: Membership) -> None:
    stranger = make_account(email="stranger@example.com", mobile="+1 202 555 0199")
    leads(rep, "Ada")
    start(rep)
    assert queue_queries.reservations(actor=actor(stranger), now=NOW).items == []
    assert name_of(start(stranger)) is None
