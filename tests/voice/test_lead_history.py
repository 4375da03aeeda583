"""What happened with a lead, newest first, to whoever may see it; and that it ends with the people."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from compliance import suppression
from compliance.stores import Subject
from config.personal_data import STORES
from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.restricting import restricted
from tests.voice.carrier import actor_of, give_credit
from tests.voice.queues import NOW, call, ends, leads, skip, start
from voice import queries
from voice.models import Call, Lead, QueueSession, Reservation, Tag, TranscriptSegment
from voice.personal_data import STORE as VOICE
from voice.queue_personal_data import STORE as DIAL_QUEUE

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "Ada Okafor"


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    member = make_account(workspace_name="Harbour Sales")
    give_credit(member, 1_000_000)
    return member


@pytest.fixture
def page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


@pytest.fixture
def lead(rep: Membership) -> Lead:
    """Skipped, called, corrected, and then on the do-not-call list."""
    (lead,) = leads(rep, "Zenobia", tags=["Hot"])
    Tag.objects.create(workspace_id=rep.workspace_id, name="Hot", created_at=NOW)
    skip(rep, start(rep))
    ended = ends(call(rep, lead, now=NOW + timedelta(minutes=1)), "completed")
    TranscriptSegment.objects.create(
        workspace_id=rep.workspace_id,
        call=ended,
        sequence=99,
        speaker="callee",
        start_ms=0,
        end_ms=900,
        text="Call me on Monday.",
        original_text="Call me on Sunday.",
        corrected_by=rep.user,
        corrected_at=NOW + timedelta(minutes=3),
        created_at=NOW,
    )
    assert lead.phone_e164
    suppression.suppress(
        workspace_id=rep.workspace_id,
        phone_e164=lead.phone_e164,
        reason="asked",
        source="rep",
        now=NOW + timedelta(minutes=4),
    )
    return lead


def history(page: Browser, lead: Lead, limit: int = 50) -> list[dict[str, Any]]:
    """Page by page to the end."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        status, answer = page.get(f"/api/leads/{lead.id}/history?limit={limit}{cursor}")
        assert status == 200, answer
        items += answer["items"]
        assert len(answer["items"]) <= limit
        if answer["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50])
def test_everything_stands_there_once_newest_first_on_pages_of_any_length(
    page: Browser, lead: Lead, limit: int
) -> None:
    suppressed, corrected, called, skipped = history(page, lead, limit)
    assert (suppressed["kind"], suppressed["detail"]) == ("suppressed", "rep")
    assert (corrected["kind"], corrected["by"]) == ("corrected", NAME)
    assert (corrected["before"], corrected["detail"]) == ("Call me on Sunday.", "Call me on Monday.")
    assert called["call"]["outcome"] == "connected"
    assert called["call_id"] == corrected["call_id"] == called["id"]
    assert (skipped["kind"], skipped["detail"], skipped["by"]) == ("skipped", "not_now", NAME)


def test_a_cursor_that_was_made_up_is_refused(page: Browser, lead: Lead) -> None:
    status, answer = page.get(f"/api/leads/{lead.id}/history?cursor=bm90IG9uZQ")
    assert (status, answer["code"]) == (400, "cursor_invalid")


def test_a_rep_sees_the_reps_own_and_a_manager_the_teams(
    make_account: MakeAccount, sign_in: SignIn, rep: Membership, lead: Lead
) -> None:
    def colleague(role: str, number: int) -> Browser:
        member = make_account(
            workspace_id=rep.workspace_id,
            role=role,
            email=f"{role}@example.com",
            mobile=f"+1 202 555 01{number}",
        )
        return sign_in(member, f"198.51.100.{number}")

    assert [item["kind"] for item in history(colleague("rep", 41), lead)] == ["suppressed"]
    assert len(history(colleague("manager", 42), lead)) == 4


def test_what_was_corrected_of_a_colleagues_call_stands_there_once_the_call_is_over(
    make_account: MakeAccount, sign_in: SignIn, page: Browser, rep: Membership, lead: Lead
) -> None:
    """Before, its words are read on its page alone, where the rep sees who reads."""
    manager = make_account(
        workspace_id=rep.workspace_id, role="manager", email="m@example.com", mobile="+1 202 555 0142"
    )
    Call.objects.get_queryset().update(status="in_progress")
    assert "corrected" not in {item["kind"] for item in history(sign_in(manager, "198.51.100.42"), lead)}
    assert "corrected" in {item["kind"] for item in history(page, lead)}


def test_who_has_restricted_it_is_read_about_by_nobody(
    make_account: MakeAccount, sign_in: SignIn, page: Browser, rep: Membership, lead: Lead
) -> None:
    """The lead's history whole; of a member's calls the words, for colleagues."""
    manager = make_account(
        workspace_id=rep.workspace_id, role="manager", email="m@example.com", mobile="+1 202 555 0142"
    )
    call_id = Call.objects.get_queryset().get().id
    assert queries.may_follow_call(actor=actor_of(manager), call_id=call_id)
    restricted(rep)
    assert not queries.may_follow_call(actor=actor_of(manager), call_id=call_id)
    assert queries.may_follow_call(actor=actor_of(rep), call_id=call_id)
    assert "corrected" not in {item["kind"] for item in history(sign_in(manager, "198.51.100.42"), lead)}
    assert "corrected" in {item["kind"] for item in history(page, lead)}
    restricted(lead)
    status, answer = page.get(f"/api/leads/{lead.id}/history")
    assert (status, answer["code"]) == (409, "subject_restricted")
    status, answer = page.patch(f"/api/leads/{lead.id}/tags", {"add": ["Warm"]})
    assert (status, answer["code"]) == (409, "subject_restricted")
    assert page.get("/api/leads?tag=Hot")[1]["items"] == []


def test_what_another_workspace_knows_of_the_number_is_not_told(
    make_account: MakeAccount, sign_in: SignIn, lead: Lead
) -> None:
    stranger = make_account(email="stranger@example.com", mobile="+1 202 555 0199")
    page = sign_in(stranger, "198.51.100.9")
    assert page.get(f"/api/leads/{lead.id}/history")[0] == 404
    (same_person,) = leads(stranger, "Zenobia")
    Lead.objects.filter(id=same_person.id).update(phone_e164=lead.phone_e164)
    assert history(page, same_person) == []


@pytest.fixture
def erased() -> Callable[[Subject], None]:
    """Every store in its order, without the rewrite of the files."""

    def erase(subject: Subject) -> None:
        for store in (DIAL_QUEUE, VOICE):
            assert store in STORES
            store.erase(subject, now=datetime.now(UTC))
        assert VOICE.verify(subject) == DIAL_QUEUE.verify(subject) == 0

    return erase


def test_a_callee_who_is_erased_leaves_no_tag_no_disposition_and_no_reservation(
    rep: Membership, lead: Lead, erased: Callable[[Subject], None]
) -> None:
    kept, same = leads(rep, "Ben", "Cleo", tags=["Kept"])
    Tag.objects.create(workspace_id=rep.workspace_id, name="Kept", created_at=NOW)
    assert VOICE.export(Subject(kind="callee", phone_e164=str(lead.phone_e164)))["callee"][0]["tags"] == ["Hot"]
    erased(Subject(kind="callee", phone_e164=str(lead.phone_e164)))
    lead.refresh_from_db()
    assert (lead.tags, lead.disposition, lead.attempts, lead.retry_at) == ([], None, 0, None)
    assert not Reservation.objects.filter(lead=lead).exists()
    assert list(Tag.objects.values_list("name", flat=True)) == ["Kept"]
    erased(Subject(kind="callee", phone_e164=str(kept.phone_e164)))
    assert list(Tag.objects.values_list("name", flat=True)) == ["Kept"]
    same.refresh_from_db()
    assert same.tags == ["Kept"]


def test_a_rep_who_is_erased_leaves_no_session_of_the_queue(
    make_account: MakeAccount, rep: Membership, lead: Lead, erased: Callable[[Subject], None]
) -> None:
    colleague = make_account(workspace_id=rep.workspace_id, email="stays@example.com", mobile="+1 202 555 0142")
    leads(rep, "Ben")
    start(colleague)
    subject = Subject(kind="user", user_id=rep.user_id, workspace_ids=(rep.workspace_id,))
    (exported,) = DIAL_QUEUE.export(subject)["dial_queue"]
    assert [row["skipped_because"] for row in exported["leads"]] == ["not_now"]
    assert DIAL_QUEUE.find(subject) == {"dial_queue": 1}
    erased(subject)
    assert list(QueueSession.objects.values_list("user_id", flat=True)) == [colleague.user_id]
    assert set(Reservation.objects.values_list("user_id", flat=True)) == {colleague.user_id}
