"""The wall of live calls, reading along in one, and ending it: for leaders, seen by the rep, kept in the record of acts.

Planted bugs that this catches: a rep who sees the wall, a watch that nobody is told of, one that outlives its page or the call,
and a call whose rep is not told who ended it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import AuditEvent
from identity.models import Membership, User
from identity.personal_data import subject_of
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.restricting import restricted
from tests.voice.carrier import Placed, actor_of, give_credit, place, post
from voice import personal_data, queries, transcripts, watching
from voice.heard import Heard
from voice.models import Call, CallWatch, Lead, TranscriptSegment

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep(owner: Membership, colleague: Callable[[str], Membership]) -> Membership:
    give_credit(owner, 1_000_000)
    return colleague("rep")


@pytest.fixture
def rep_page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


@pytest.fixture
def manager_page(rep: Membership, colleague: Callable[[str], Membership], sign_in: SignIn) -> Browser:
    return sign_in(colleague("manager"))


@pytest.fixture
def talking(rep: Membership) -> Placed:
    """The rep's call, answered a minute ago, with the notice heard."""
    placed = place(rep)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=10, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on", charged_mcredits=1_000)
    return placed


def says(placed: Placed, speaker: Any, start_ms: int, text: str) -> None:
    heard = Heard(speaker, start_ms, start_ms + 900, text, 0.9)
    assert transcripts.add_segment(call_id=UUID(placed.call_id), heard=heard, now=datetime.now(UTC))


def acts(workspace_id: UUID) -> list[tuple[str, str]]:
    rows = AuditEvent.objects.filter(workspace_id=workspace_id, action__startswith="call.").order_by("sequence")
    return list(rows.values_list("action", "target"))


def test_leaders_see_every_live_call_with_its_last_words(
    page: Browser, manager_page: Browser, rep: Membership, talking: Placed
) -> None:
    says(talking, "agent", 0, "Hello.")
    says(talking, "callee", 2_000, "Who is this?")
    says(talking, "agent", 4_000, "x" * 500)
    status, seen = manager_page.get("/api/wall")
    assert (status, seen["total"]) == (200, 1)
    [call] = seen["items"]
    assert call["user"] == {"id": str(rep.user_id), "name": "Rep Okafor"}
    assert (call["id"], call["status"], call["charged_mcredits"]) == (talking.call_id, "in_progress", 1_000)
    assert 55 <= call["duration_s"] <= 120
    assert call["seconds_left"] > 0
    assert (call["agent_line"]["text"], call["callee_line"]["text"]) == ("x" * 240, "Who is this?")
    assert (call["watchers"], call["ended_by"]) == ([], None)
    assert "phone_e164" not in str(seen)
    assert page.get("/api/wall")[1]["items"][0]["id"] == talking.call_id


def test_the_last_words_of_who_has_restricted_it_are_not_shown(manager_page: Browser, talking: Placed) -> None:
    says(talking, "callee", 2_000, "Who is this?")
    restricted(Call.objects.get(id=talking.call_id).lead)
    # Restricting asks the carrier to end the call; until it has, the call is there.
    [call] = manager_page.get("/api/wall")[1]["items"]
    assert (call["agent_line"], call["callee_line"]) == (None, None)
    assert call["lead"]["name"] == "Restricted at the person's request"


def test_a_rep_neither_sees_the_wall_nor_watches(rep_page: Browser, owner: Membership, talking: Placed) -> None:
    others = place(owner)
    for answer in (
        rep_page.get("/api/wall"),
        rep_page.post(f"/api/calls/{others.call_id}/watch"),
        rep_page.delete(f"/api/calls/{others.call_id}/watch"),
    ):
        assert (answer[0], code_of(answer[1])) == (403, "not_permitted")
    assert rep_page.post(f"/api/calls/{others.call_id}/hangup")[0] == 404
    assert not CallWatch.objects.get_queryset().exists()


def test_calls_that_are_over_and_those_of_other_workspaces_are_not_on_it(
    page: Browser, talking: Placed, make_account: MakeAccount, sign_in: SignIn
) -> None:
    stranger = sign_in(make_account(email="stranger@example.com", mobile="+1 202 555 0199"))
    assert stranger.get("/api/wall")[1]["items"] == []
    assert stranger.post(f"/api/calls/{talking.call_id}/watch")[0] == 404
    assert stranger.get(f"/api/calls/{talking.call_id}/watchers")[0] == 404
    post(*talking.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*talking.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    assert page.get("/api/wall")[1]["items"] == []


def test_the_wall_of_many_calls_asks_the_database_no_more_often(
    page: Browser, owner: Membership, talking: Placed
) -> None:
    with CaptureQueriesContext(connection) as few:
        page.get("/api/wall")
    _fill(owner.workspace_id, talking.row, 205)
    with CaptureQueriesContext(connection) as many:
        seen = page.get("/api/wall")[1]
    assert (len(seen["items"]), seen["total"]) == (200, 206)
    assert seen["items"][0]["id"] == talking.call_id
    # One more counts those that are not shown.
    assert len(many) <= len(few) + 1


def test_the_rep_sees_who_reads_along_until_they_leave_and_the_record_keeps_both(
    manager_page: Browser, rep_page: Browser, owner: Membership, talking: Placed
) -> None:
    address = f"/api/calls/{talking.call_id}"
    assert rep_page.get(f"{address}/watchers")[1]["items"] == []
    for _ in range(3):
        assert manager_page.post(f"{address}/watch")[0] == 204
    [watcher] = rep_page.get(f"{address}/watchers")[1]["items"]
    assert watcher["name"] == "Manager Okafor"
    assert manager_page.get("/api/wall")[1]["items"][0]["watchers"] == [watcher]
    for _ in range(2):
        assert manager_page.delete(f"{address}/watch")[0] == 204
    assert rep_page.get(f"{address}/watchers")[1]["items"] == []
    both = [("call.watch_began", talking.call_id), ("call.watch_ended", talking.call_id)]
    assert acts(owner.workspace_id) == both
    said = [act["action"] for act in manager_page.get("/api/team/activity")[1]["items"]]
    assert said[:2] == ["call.watch_ended", "call.watch_began"]


def test_the_words_of_a_live_call_are_read_by_who_watches_it_alone(
    manager_page: Browser, rep_page: Browser, owner: Membership, rep: Membership, talking: Placed
) -> None:
    """Red when a route, or the socket, asks only whether the call is the person's to see."""
    says(talking, "callee", 2_000, "Who is this?")
    manager = actor_of(Membership.objects.get(role="manager"))
    call_id, line = UUID(talking.call_id), TranscriptSegment.objects.get_queryset().get(text="Who is this?")
    correct = f"/api/segments/{line.id}", {"sequence": line.sequence, "text": "Who is it?"}
    words = [f"/api/calls/{call_id}/segments", f"/api/calls/{call_id}/insights"]

    def asked() -> list[str]:
        return [code_of(manager_page.get(path)[1]) for path in words] + [code_of(manager_page.patch(*correct)[1])]

    assert asked() == ["not_watching"] * 3
    assert not queries.may_follow_call(actor=manager, call_id=call_id)
    # A colleague who watches does so for themselves alone.
    watching.watch(actor=actor_of(owner), call_id=call_id, now=datetime.now(UTC))
    assert asked() == ["not_watching"] * 3
    manager_page.post(f"/api/calls/{call_id}/watch")
    assert [manager_page.get(path)[0] for path in words] == [200, 200]
    assert queries.may_follow_call(actor=manager, call_id=call_id)
    # No session acts for a program, and nobody sees it.
    with pytest.raises(watching.NotWatching, match="once it is over"):
        watching.refuse_unless_seen(talking.row, actor=manager)
    manager_page.delete(f"/api/calls/{call_id}/watch")
    assert asked() == ["not_watching"] * 3
    # Whose call it is reads it always, and once it is over there is nobody left to read along with.
    assert rep_page.get(words[0])[0] == 200 and queries.may_follow_call(actor=actor_of(rep), call_id=call_id)
    post(*talking.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*talking.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    assert manager_page.get(words[0])[1]["items"][0]["text"] == "Who is this?"
    assert queries.may_follow_call(actor=manager, call_id=call_id)


def test_a_page_that_was_closed_without_a_word_watches_no_more(
    manager_page: Browser, rep_page: Browser, owner: Membership, talking: Placed
) -> None:
    manager_page.post(f"/api/calls/{talking.call_id}/watch")
    seen_at = CallWatch.objects.get_queryset().get().seen_at
    watching.sweep_watches(now=seen_at + timedelta(seconds=44))
    assert CallWatch.objects.get_queryset().exists()
    watching.sweep_watches(now=seen_at + timedelta(seconds=46))
    assert rep_page.get(f"/api/calls/{talking.call_id}/watchers")[1]["items"] == []
    ended = AuditEvent.objects.get(action="call.watch_ended")
    # Until when it was seen, not until it was noticed.
    assert ended.detail == {"seconds": 0}


def test_a_watch_ends_with_the_call_and_none_begins_after_it(manager_page: Browser, talking: Placed) -> None:
    manager_page.post(f"/api/calls/{talking.call_id}/watch")
    post(*talking.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*talking.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    watching.sweep_watches(now=datetime.now(UTC))
    assert not CallWatch.objects.get_queryset().exists()
    status, answer = manager_page.post(f"/api/calls/{talking.call_id}/watch")
    assert (status, code_of(answer)) == (409, "nothing_to_watch")


def test_nobody_watches_the_own_call(page: Browser, owner: Membership, rep: Membership) -> None:
    placed = place(owner)
    assert code_of(page.post(f"/api/calls/{placed.call_id}/watch")[1]) == "nothing_to_watch"


def test_the_rep_sees_who_ended_the_call(
    manager_page: Browser, rep_page: Browser, owner: Membership, talking: Placed
) -> None:
    address = f"/api/calls/{talking.call_id}"
    assert manager_page.post(f"{address}/hangup")[1]["ended_by"]["name"] == "Manager Okafor"
    assert rep_page.get(address)[1]["ended_by"]["name"] == "Manager Okafor"
    post(*talking.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    post(*talking.agent("completed", at_s=41, sequence=3, CallDuration="41"))
    over = rep_page.get(address)[1]
    assert (over["status"], over["end_reason"]) == ("completed", "ended_by_colleague")
    assert over["ended_by"]["name"] == "Manager Okafor"
    assert acts(owner.workspace_id) == [("call.ended_by_manager", talking.call_id)]
    rows = rep_page.get(f"{address}/receipt")[1]["rows"]
    assert "A colleague ended it" in [row["label"] for row in rows]


def test_only_who_hears_the_lead_turns_the_text_off_and_whoever_watches_sees_it(
    manager_page: Browser, rep_page: Browser, talking: Placed
) -> None:
    address = f"/api/calls/{talking.call_id}/text-refusal"
    assert manager_page.post(address)[0] == 404
    assert rep_page.post(address)[0] == 200
    assert manager_page.get("/api/wall")[1]["items"][0]["transcript_state"] == "refused"


def test_a_call_that_the_rep_ends_names_nobody(rep_page: Browser, talking: Placed) -> None:
    address = f"/api/calls/{talking.call_id}"
    assert rep_page.post(f"{address}/hangup")[1]["ended_by"] is None
    post(*talking.callee("completed", at_s=40, sequence=3, CallDuration="30"))
    assert rep_page.get(address)[1]["end_reason"] == "hung_up"


@pytest.mark.policy("C7.3")
def test_an_erased_watcher_is_gone_from_watches_and_calls(
    manager_page: Browser, rep_page: Browser, colleague: Callable[[str], Membership], talking: Placed
) -> None:
    address = f"/api/calls/{talking.call_id}"
    manager_page.post(f"{address}/watch")
    manager_page.post(f"{address}/hangup")
    manager = CallWatch.objects.get_queryset().get().user_id
    subject = subject_of(manager)
    assert personal_data.STORE.find(subject)["watch"] == 2
    assert len(personal_data.STORE.export(subject)["watch"]) == 2
    personal_data.STORE.erase(subject, now=datetime.now(UTC))
    assert personal_data.STORE.verify(subject) == 0
    assert rep_page.get(f"{address}/watchers")[1]["items"] == []
    assert rep_page.get(address)[1]["ended_by"] is None


def _fill(workspace_id: UUID, like: Call, count: int) -> None:
    """So many more live calls, each of a rep of its own, as no team in a test can dial."""
    now = datetime.now(UTC)
    users = [
        User(
            email=f"rep{number}@many.example",
            first_name="Rep",
            last_name=str(number),
            mobile_e164=f"+1404555{number:04d}",
            mobile_verified_at=now,
            created_at=now,
        )
        for number in range(count)
    ]
    leads = [
        Lead(workspace_id=workspace_id, first_name="Lead", phone_e164=f"+1303555{number:04d}", created_at=now)
        for number in range(count)
    ]
    User.objects.bulk_create(users)
    Lead.objects.get_queryset().bulk_create(leads)
    Call.objects.get_queryset().bulk_create(
        Call(
            workspace_id=workspace_id,
            lead=lead,
            user=user,
            idempotency_key=f"call-{user.email}",
            status="in_progress",
            rate_card_id=like.rate_card_id,
            created_at=now,
            answered_at=now,
            max_duration_s=600,
        )
        for user, lead in zip(users, leads, strict=True)
    )
