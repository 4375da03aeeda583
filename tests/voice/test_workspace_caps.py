"""What a whole workspace may spend in a month, and how many calls it may have at once, however many press Call at the same moment.

Planted bugs that this catches: caps that are read without the workspace's lock (all eight get through), a count that leaves out the
calls that go on, or what those have spent who left, a refused lead that the queue thinks was called.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from compliance.models import AuditEvent
from identity.models import Membership
from ledger.models import MemberSpending
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.ledger.books import broken
from tests.voice.carrier import actor_of, give_credit, new_lead, place
from tests.voice.queues import actor, call, ends, leads, name_of, start, state
from tests.voice.test_caps import MINUTE, check, talk
from voice import caps, operations
from voice.models import Call, Lead, Reservation

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db(transaction=True)
REPS = 8


@pytest.fixture
def rep(owner: Membership, colleague: Callable[[str], Membership]) -> Membership:
    give_credit(owner, 1_000_000)
    return colleague("rep")


@pytest.fixture
def rep_page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


@pytest.fixture
def reps(owner: Membership, make_account: MakeAccount) -> list[Membership]:
    give_credit(owner, 1_000_000)
    return [
        make_account(
            workspace_id=owner.workspace_id,
            email=f"rep-{number}@example.com",
            mobile=f"+1 202 555 017{number}",
        )
        for number in range(REPS)
    ]


def bound(page: Browser, live_calls: int | None = None, mcredits: int | None = None) -> tuple[int, Any]:
    return page.put("/api/team/caps", {"live_calls_max": live_calls, "monthly_cap_mcredits": mcredits})


def press_together(reps: list[Membership]) -> Counter[str]:
    """Each presses Call for a lead of their own at the same moment; how it went, by how many."""
    pairs, at_once = [(rep, new_lead(rep)) for rep in reps], Barrier(len(reps))

    def press(pair: tuple[Membership, Lead]) -> str:
        member, lead = pair
        try:
            at_once.wait(timeout=10)
            operations.start_call(
                actor=actor(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=datetime.now(UTC)
            )
        except operations.DialRefused as refused:
            return refused.code
        else:
            return "placed"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(pairs)) as pool:
        return Counter(pool.map(press, pairs))


def test_eight_who_press_call_at_once_never_have_more_calls_than_the_team_may(
    page: Browser, reps: list[Membership]
) -> None:
    assert bound(page, live_calls=3)[0] == 204
    assert press_together(reps) == {"placed": 3, "live_calls_reached": REPS - 3}
    assert Call.objects.get_queryset().count() == 3
    assert broken() == []


def test_eight_who_press_call_at_once_never_spend_more_than_the_team_may(page: Browser, reps: list[Membership]) -> None:
    """One call may last half an hour at most, so that the first does not take all that is left."""
    assert bound(page, mcredits=70 * MINUTE + 500)[0] == 204
    assert press_together(reps) == {"placed": 3, "workspace_cap_reached": REPS - 3}
    assert sorted(Call.objects.get_queryset().values_list("max_duration_s", flat=True)) == [600, 1_800, 1_800]
    assert broken() == []


def test_without_caps_all_eight_call(reps: list[Membership]) -> None:
    assert press_together(reps) == {"placed": REPS}


def test_the_owner_alone_sets_them_and_leaders_see_them(
    page: Browser,
    owner: Membership,
    rep: Membership,
    rep_page: Browser,
    colleague: Callable[[str], Membership],
    sign_in: SignIn,
) -> None:
    manager = sign_in(colleague("manager"))
    for other in (manager, rep_page):
        assert code_of(bound(other, live_calls=1)[1]) == "not_permitted"
    for wrong in ({"live_calls": 0}, {"live_calls": 10_001}, {"mcredits": -1}):
        assert bound(page, **wrong)[0] == 422
    none = {"spent_mcredits": 0, "monthly_cap_mcredits": None, "live_calls": 0, "live_calls_max": None}
    assert manager.get("/api/team/spending")[1]["workspace"] == none
    assert bound(page, live_calls=2, mcredits=90 * MINUTE)[0] == 204
    # The same again is no change.
    assert bound(page, live_calls=2, mcredits=90 * MINUTE)[0] == 204
    talk(rep, minutes=2)
    place(owner)
    assert manager.get("/api/team/spending")[1]["workspace"] == {
        "spent_mcredits": 2 * MINUTE,
        "monthly_cap_mcredits": 90 * MINUTE,
        "live_calls": 1,
        "live_calls_max": 2,
    }
    [act] = [each for each in page.get("/api/team/activity")[1]["items"] if each["action"] == "team.bounded"]
    assert (act["by"], act["whom"]) == ("Ada Okafor", None)
    assert AuditEvent.objects.get(action="team.bounded").detail == {
        "live_calls_max": 2,
        "monthly_cap_mcredits": 90 * MINUTE,
    }


def test_whoever_waits_for_a_place_is_told_so_and_calls_when_one_is_free(
    page: Browser, owner: Membership, rep: Membership, rep_page: Browser
) -> None:
    bound(page, live_calls=1)
    assert check(rep_page, rep)["may_call"]
    going_on = place(owner)
    [refusal] = check(rep_page, rep)["refusals"]
    assert refusal["code"] == "live_calls_reached"
    assert refusal["message"].startswith("Your team has 1 call at once, which is as many as its owner allows. Wait")
    lead = new_lead(rep)
    pressed = rep_page.post("/api/calls", {"lead_id": str(lead.id)}, **{"Idempotency-Key": "click-number-one"})
    assert (pressed[0], pressed[1]["code"]) == (409, "live_calls_reached")
    ends(going_on, "completed")
    assert check(rep_page, rep)["may_call"]
    bound(page, live_calls=None)


def test_the_queue_keeps_the_lead_of_whoever_waits_for_a_place(
    page: Browser, owner: Membership, rep: Membership
) -> None:
    bound(page, live_calls=1)
    (ada,) = leads(rep, "Ada")
    going_on = call(owner, new_lead(owner))
    assert name_of(start(rep)) == "Ada"
    with pytest.raises(operations.DialRefused) as refused:
        call(rep, ada)
    assert refused.value.code == "live_calls_reached"
    shown = state(rep)
    assert shown and (name_of(shown), shown.called, shown.skipped) == ("Ada", 0, 0)
    assert Reservation.objects.get_queryset().get(lead=ada).released_at is None
    ada.refresh_from_db()
    assert (ada.attempts, ada.disposition, ada.last_call_at, ada.retry_at) == (0, None, None, None)
    ends(going_on, "completed")
    assert call(rep, ada).row.lead_id == ada.id


def test_what_anybody_spends_counts_for_all(
    page: Browser, owner: Membership, rep: Membership, rep_page: Browser
) -> None:
    bound(page, mcredits=5 * MINUTE)
    talk(owner, minutes=2)
    # Answers, and calls that are deleted, of somebody who has left.
    MemberSpending.objects.create(
        workspace_id=rep.workspace_id,
        user_id=uuid7(),
        month=datetime.now(UTC).date().replace(day=1),
        spent_mcredits=MINUTE,
    )
    said = check(rep_page, rep)
    assert (said["cap_left_mcredits"], said["workspace_left_mcredits"], said["longest_call_s"]) == (
        None,
        2 * MINUTE,
        120,
    )
    with transaction.atomic():
        bounds = caps.besides_calls(actor=actor_of(rep), now=datetime.now(UTC))
    assert (bounds.member_mcredits, bounds.workspace_mcredits) == (None, 3 * MINUTE)
    talk(rep, minutes=2)
    [refusal] = check(rep_page, rep)["refusals"]
    assert refusal["code"] == "workspace_cap_reached"
    assert "ask the owner to raise the limit on the Team page" in refusal["message"]
    bound(page, mcredits=6 * MINUTE)
    assert check(rep_page, rep)["longest_call_s"] == 60


def test_a_call_that_goes_on_is_counted_with_the_most_it_may_cost_and_never_beyond(
    page: Browser, rep: Membership, owner: Membership
) -> None:
    bound(page, mcredits=3 * MINUTE)
    going_on = place(rep)
    assert page.get(f"/api/leads/{new_lead(owner).id}/dial-check")[1]["workspace_left_mcredits"] == 0
    ends(going_on, "canceled")
    talk(rep, minutes=4)
    assert Call.objects.get_queryset().latest("created_at").charged_mcredits == 3 * MINUTE
    assert page.get("/api/team/spending")[1]["workspace"]["spent_mcredits"] == 3 * MINUTE


def test_a_member_who_has_spent_their_own_limit_is_told_of_that_one(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    page.put(f"/api/team/members/{rep.user_id}/cap", {"monthly_cap_mcredits": 0})
    bound(page, mcredits=0)
    assert [each["code"] for each in check(rep_page, rep)["refusals"]] == ["member_cap_reached"]
