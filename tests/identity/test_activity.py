"""What owners and managers read of who did what in their workspace."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from compliance import audit, retention
from identity import activity
from identity.models import Invitation, Membership, User
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, invite, mails, owner, page

__all__ = ["colleague", "mails", "owner", "page"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(page: Browser) -> list[tuple[str | None, str, str | None, str | None]]:
    items = page.get("/api/team/activity")[1]["items"]
    return [(each["by"], each["action"], each["whom"], each["role"]) for each in items]


def test_the_owner_reads_who_did_what_to_whom_newest_first(
    page: Browser, colleague: Callable[[str], Membership]
) -> None:
    assert told(page) == []
    rep = colleague("rep")
    invite(page, "new@example.com")
    page.patch(f"/api/team/members/{rep.user_id}", {"role": "manager"})
    page.patch("/api/workspace", {"name": "North"})
    assert told(page) == [
        ("Ada Okafor", "team.renamed", None, None),
        ("Ada Okafor", "team.role_changed", "Rep Okafor", "manager"),
        ("Ada Okafor", "team.invited", "new@example.com", "rep"),
    ]


def test_a_manager_reads_it_and_a_rep_does_not(colleague: Callable[[str], Membership], sign_in: SignIn) -> None:
    assert sign_in(colleague("manager")).get("/api/team/activity")[0] == 200
    status, answer = sign_in(colleague("rep")).get("/api/team/activity")
    assert (status, code_of(answer)) == (403, "not_permitted")


def test_nothing_of_another_workspace_is_read_even_with_its_cursor(
    page: Browser, owner: Membership, sign_in: SignIn, make_account: Callable[..., Membership]
) -> None:
    invite(page)
    stranger = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0177"))
    assert told(stranger) == []
    seen = page.get("/api/team/activity")[1]["items"][0]["id"]
    status, answer = stranger.get(f"/api/team/activity?cursor={seen}")
    assert (status, code_of(answer)) == (400, "cursor_invalid")


def test_pages_follow_each_other_without_a_gap(page: Browser, owner: Membership) -> None:
    for number in range(activity.PAGE + 2):
        audit.record(
            workspace_id=owner.workspace_id,
            actor_ref=str(owner.user_id),
            action="transcript.corrected",
            target=str(number),
            detail={"call": str(owner.id), "sequence": number},
            now=NOW,
        )
    first = page.get("/api/team/activity")[1]
    second = page.get(f"/api/team/activity?cursor={first['next_cursor']}")[1]
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (activity.PAGE, 2, None)
    assert len({each["id"] for each in first["items"] + second["items"]}) == activity.PAGE + 2
    assert first["items"][0]["call_id"] == str(owner.id)
    assert code_of(page.get("/api/team/activity?cursor=yesterday")[1]) == "cursor_invalid"


def test_who_is_erased_has_no_name_and_what_we_did_is_ours(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    manager = colleague("manager")
    invite(sign_in(manager), "new@example.com")
    audit.record(
        workspace_id=owner.workspace_id,
        actor_ref="operator",
        action="paddle_event.granted",
        target="evt_1",
        detail={"reason": "paid", "problem": "unknown_price"},
        now=NOW,
    )
    User.objects.filter(id=manager.user_id).delete()
    items = page.get("/api/team/activity")[1]["items"]
    assert [(each["by"], each["by_us"]) for each in items] == [(None, True), (None, False)]


def test_an_invitation_that_is_no_longer_kept_has_no_address(page: Browser) -> None:
    invite(page, "new@example.com")
    now = datetime.now(UTC)
    Invitation.objects.get_queryset().update(created_at=now - timedelta(days=31))
    retention.expire(now=now)
    assert told(page) == [("Ada Okafor", "team.invited", None, "rep")]
