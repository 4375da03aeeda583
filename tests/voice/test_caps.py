"""What a member may spend in a month: calls and questions together, and nobody else's."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from ai.models import AiQuery
from identity.auth import Actor
from identity.models import Membership
from identity.personal_data import STORE, subject_of
from ledger.models import MemberSpending
from ledger.operations import MonthlyBounds
from ledger.queries import rate_card_now
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.voice.carrier import give_credit, new_lead, place, post
from voice import caps, operations
from voice.models import Call

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 1_000


@pytest.fixture
def rep(owner: Membership, colleague: Callable[[str], Membership]) -> Membership:
    give_credit(owner, 1_000_000)
    return colleague("rep")


@pytest.fixture
def rep_page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


def cap(page: Browser, rep: Membership, mcredits: int | None) -> tuple[int, Any]:
    return page.put(f"/api/team/members/{rep.user_id}/cap", {"monthly_cap_mcredits": mcredits})


def check(rep_page: Browser, rep: Membership) -> Any:
    return rep_page.get(f"/api/leads/{new_lead(rep).id}/dial-check")[1]


def talk(rep: Membership, minutes: int) -> None:
    """A whole call."""
    placed = place(rep, began_s_ago=60 * minutes + 20)
    seconds = 60 * minutes - 6
    for news in (
        placed.agent("in-progress", at_s=0, sequence=2),
        placed.callee("in-progress", at_s=5, sequence=2),
        placed.callee("completed", at_s=5 + seconds, sequence=3, CallDuration=str(seconds)),
        placed.after("completed", DialCallDuration=str(seconds)),
        placed.agent("completed", at_s=6 + seconds, sequence=3, CallDuration=str(seconds + 6)),
    ):
        post(*news)


def test_without_a_limit_all_credits_may_be_spent(rep: Membership, rep_page: Browser) -> None:
    said = check(rep_page, rep)
    assert (said["may_call"], said["cap_left_mcredits"]) == (True, None)


def test_a_call_may_last_as_long_as_the_limit_lasts_whatever_is_bought(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    assert cap(page, rep, 3 * MINUTE + 500)[0] == 204
    said = check(rep_page, rep)
    assert (said["cap_left_mcredits"], said["longest_call_s"]) == (3 * MINUTE + 500, 180)
    place(rep)
    assert Call.objects.get_queryset().get().max_duration_s == 180


def test_who_has_spent_the_limit_is_refused_with_the_reason(page: Browser, rep: Membership, rep_page: Browser) -> None:
    cap(page, rep, 2 * MINUTE)
    talk(rep, minutes=2)
    said = check(rep_page, rep)
    assert [reason["code"] for reason in said["refusals"]] == ["member_cap_reached"]
    assert (said["cap_left_mcredits"], said["longest_call_s"]) == (0, 0)
    with pytest.raises(operations.DialRefused) as refused:
        place(rep)
    assert refused.value.code == "member_cap_reached"
    # The owner is not concerned.
    owner_lead = new_lead(rep)
    assert page.get(f"/api/leads/{owner_lead.id}/dial-check")[1]["may_call"]
    cap(page, rep, None)
    assert check(rep_page, rep)["may_call"]


def test_answers_count_and_deleting_the_question_gives_nothing_back(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    now = datetime.now(UTC)
    price = rate_card_now(rep.workspace_id, now).ai_query_mcredits
    MemberSpending.objects.create(
        workspace_id=rep.workspace_id, user_id=rep.user_id, month=now.date().replace(day=1), spent_mcredits=price
    )
    cap(page, rep, MINUTE + price)
    assert check(rep_page, rep)["cap_left_mcredits"] == MINUTE
    AiQuery.objects.get_queryset().delete()
    assert check(rep_page, rep)["cap_left_mcredits"] == MINUTE


def test_last_months_spending_is_forgotten(page: Browser, rep: Membership, rep_page: Browser) -> None:
    cap(page, rep, 2 * MINUTE)
    talk(rep, minutes=2)
    last_month = {"month": datetime(2025, 1, 1, tzinfo=UTC), "spent_mcredits": 5_000}
    MemberSpending.objects.create(workspace_id=rep.workspace_id, user_id=rep.user_id, **last_month)
    Call.objects.get_queryset().update(created_at=datetime(2025, 1, 31, 23, 59, tzinfo=UTC))
    assert check(rep_page, rep)["cap_left_mcredits"] == 2 * MINUTE


def test_leaders_see_what_everybody_has_spent_and_reps_do_not(
    page: Browser, rep: Membership, rep_page: Browser
) -> None:
    cap(page, rep, 5 * MINUTE)
    talk(rep, minutes=1)
    seen = {one["user_id"]: one for one in page.get("/api/team/spending")[1]["items"]}
    assert seen[str(rep.user_id)] == {
        "user_id": str(rep.user_id),
        "spent_mcredits": MINUTE,
        "monthly_cap_mcredits": 5 * MINUTE,
    }
    assert len(seen) == 2
    assert code_of(rep_page.get("/api/team/spending")[1]) == "not_permitted"


def test_nobody_limits_the_owner_or_somebody_above(
    page: Browser,
    rep: Membership,
    owner: Membership,
    rep_page: Browser,
    colleague: Callable[[str], Membership],
    sign_in: SignIn,
) -> None:
    manager = sign_in(colleague("manager"))
    assert cap(manager, rep, 0)[0] == 204
    assert code_of(cap(manager, owner, 0)[1]) == "owner_stays"
    assert code_of(cap(rep_page, rep, None)[1]) == "not_permitted"
    assert cap(page, rep, -1)[0] == 422


def test_deleting_the_lead_gives_nothing_back(page: Browser, rep: Membership, rep_page: Browser) -> None:
    cap(page, rep, 2 * MINUTE)
    talk(rep, minutes=2)
    [call] = Call.objects.get_queryset()
    assert rep_page.delete(f"/api/leads/{call.lead_id}")[0] == 204
    assert "lead.removed" in [act["action"] for act in page.get("/api/team/activity")[1]["items"]]
    assert check(rep_page, rep)["cap_left_mcredits"] == 0
    spent = {one["user_id"]: one["spent_mcredits"] for one in page.get("/api/team/spending")[1]["items"]}
    assert spent[str(rep.user_id)] == 2 * MINUTE


def test_a_question_during_a_call_leaves_the_call_what_it_may_cost(page: Browser, rep: Membership) -> None:
    now = datetime.now(UTC)
    cap(page, rep, 3 * MINUTE + 100)
    place(rep)
    actor = Actor(user_id=rep.user_id, workspace_id=rep.workspace_id, role="rep")
    with transaction.atomic():
        assert caps.besides_calls(actor=actor, now=now) == MonthlyBounds(member_mcredits=100)
        assert caps.left_mcredits(actor=actor, now=now) == 100


def test_a_carrier_that_ends_the_call_late_is_not_paid_beyond_the_limit(page: Browser, rep: Membership) -> None:
    cap(page, rep, 3 * MINUTE)
    talk(rep, minutes=4)
    call = Call.objects.get_queryset().get()
    assert (call.duration_s, call.charged_mcredits, call.settled_at is not None) == (234, 3 * MINUTE, True)
    receipt = page.get(f"/api/calls/{call.id}/receipt")[1]
    assert (receipt["billable_s"], receipt["total_mcredits"]) == (180, 3 * MINUTE)


def test_who_inherits_the_workspace_has_no_limit(page: Browser, rep: Membership, owner: Membership) -> None:
    cap(page, rep, 0)
    STORE.erase(subject_of(owner.user_id), now=datetime.now(UTC))
    heir = Membership.objects.for_workspace(rep.workspace_id).get(user_id=rep.user_id)
    assert (heir.role, heir.monthly_cap_mcredits) == ("owner", None)


def test_what_is_free_is_answered_whatever_the_limit(page: Browser, rep: Membership, rep_page: Browser) -> None:
    cap(page, rep, 0)
    asked = rep_page.post("/api/questions", {"question": "What did they say?"}, **{"Idempotency-Key": "question-one"})
    assert (asked[0], asked[1]["status"]) == (200, "not_in_your_calls")


def test_what_a_colleague_talked_about_only_a_leader_removes(
    page: Browser, rep: Membership, rep_page: Browser, owner: Membership
) -> None:
    talk(owner, minutes=1)
    [call] = Call.objects.get_queryset()
    assert code_of(rep_page.delete(f"/api/leads/{call.lead_id}")[1]) == "not_permitted"
    assert page.delete(f"/api/leads/{call.lead_id}")[0] == 204
