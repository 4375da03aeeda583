"""A team at one moment: somebody's right is taken away while a request of theirs is under way, and two change who owns it at once.

Planted bugs that these catch: `locked_team` taken out of an act, or a team that is locked and not asked about the role again.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
from django.db import connection, transaction

from identity.models import ApiKey, Membership
from identity.operations import sign_out_everywhere
from identity.team_lock import lock_workspaces
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, invite, names, owner, page
from tests.staff.ours import alone

__all__ = ["colleague", "owner", "page"]

Act = Callable[[], tuple[int, Any]]
HOOK: Final = {"url": "https://hooks.example.com/klose", "events": ["call.completed"]}
KEY: Final = {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": 1}


@contextmanager
def meanwhile(workspace_id: UUID, *acts: Act) -> Iterator[list[tuple[int, Any]]]:
    """Begins them one after the other and lets each come as far as the team, which this one holds until the block ends. Then their
    answers are in the list."""
    answers: list[tuple[int, Any]] = []
    with ThreadPoolExecutor(len(acts)) as threads:
        with transaction.atomic():
            lock_workspaces([workspace_id])
            asked = []
            for number, act in enumerate(acts, 1):
                asked.append(threads.submit(alone, act))
                until_waiting(number)
            yield answers
        answers += [each.result(timeout=10) for each in asked]


def until_waiting(count: int) -> None:
    # Passwords that are hashed before take long on a machine that does other things too.
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) >= %s FROM pg_stat_activity"
                " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0",
                [count],
            )
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.01)
    raise AssertionError("The act did not wait for the team.")


def test_whoever_loses_the_role_while_a_request_is_under_way_does_nothing_by_it(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    manager, rep = colleague("manager"), colleague("rep")
    browser = sign_in(manager, "198.51.100.8")
    invitation, key = invite(page)[1]["id"], page.post("/api/keys", KEY)[1]["id"]
    hook = f"/api/webhooks/{page.post('/api/webhooks', HOOK)[1]['id']}"
    other = {"url": "https://evil.example.com/"}

    def as_they_are() -> list[Any]:
        return [page.get(path)[1] for path in ("/api/team", "/api/keys", "/api/webhooks")]

    before = as_they_are()
    acts: list[Act] = [
        partial(invite, browser, "eve@example.com"),
        partial(browser.delete, f"/api/team/invitations/{invitation}"),
        partial(browser.put, f"/api/team/members/{rep.user_id}/cap", {"monthly_cap_mcredits": 1_000}),
        partial(browser.delete, f"/api/team/members/{rep.user_id}"),
        partial(browser.post, "/api/keys", KEY),
        partial(browser.delete, f"/api/keys/{key}"),
        partial(browser.post, "/api/webhooks", {**HOOK, **other}),
        partial(browser.patch, hook, other),
        partial(browser.post, f"{hook}/secret"),
        partial(browser.delete, hook),
    ]
    for act in acts:
        with meanwhile(owner.workspace_id, act) as answers:
            Membership.objects.filter(id=manager.id).update(role="rep")
        [(status, problem)] = answers
        assert (status, code_of(problem)) == (403, "not_permitted"), act
        Membership.objects.filter(id=manager.id).update(role="manager")
    assert as_they_are() == before


def test_a_key_that_is_being_made_while_somebody_ends_every_session_and_key_is_not_there_afterwards(
    page: Browser, owner: Membership
) -> None:
    """Planted bug that this catches: the proof is asked for before the wait for the team alone."""
    with meanwhile(owner.workspace_id, partial(page.post, "/api/keys", KEY)) as answers:
        sign_out_everywhere(user_id=owner.user_id, now=datetime.now(UTC))
    assert [code_of(problem) for _, problem in answers] == ["proof_not_recent"]
    assert not ApiKey.objects.get_queryset().exists()


# What each is told, in the order in which they come.
RACES: Final = {
    "hands_over_twice": (["done", "not_permitted"], ["done", "not_permitted"]),
    "hands_over_and_leaves": (["done", "not_permitted"], ["owner_stays", "done"]),
    "hands_over_to_who_leaves": (["done", "not_permitted"], ["done", "member_not_found"]),
    "hands_over_to_who_is_removed": (["done", "owner_stays"], ["done", "member_not_found"]),
}


@pytest.mark.parametrize("turned", [False, True], ids=["in_order", "turned"])
@pytest.mark.parametrize("race", RACES)
def test_whatever_two_do_at_once_a_workspace_has_one_owner_who_is_in_it(
    race: str,
    turned: bool,
    page: Browser,
    owner: Membership,
    colleague: Callable[[str], Membership],
    sign_in: SignIn,
) -> None:
    manager, rep = colleague("manager"), colleague("rep")
    others = {"hands_over_to_who_leaves": rep, "hands_over_to_who_is_removed": manager}
    there = sign_in(others.get(race, owner), "198.51.100.8")
    leave: Act = partial(there.post, "/api/team/leave")
    against: dict[str, Act] = {
        "hands_over_twice": partial(there.post, "/api/team/owner", {"user_id": str(manager.user_id)}),
        "hands_over_and_leaves": leave,
        "hands_over_to_who_leaves": leave,
        "hands_over_to_who_is_removed": partial(there.delete, f"/api/team/members/{rep.user_id}"),
    }
    acts: list[Act] = [partial(page.post, "/api/team/owner", {"user_id": str(rep.user_id)}), against[race]]
    with meanwhile(owner.workspace_id, *(reversed(acts) if turned else acts)) as answers:
        pass
    assert [code_of(problem) if problem else "done" for _, problem in answers] == RACES[race][turned]
    assert [role for _, role in names(page)].count("owner") == 1
