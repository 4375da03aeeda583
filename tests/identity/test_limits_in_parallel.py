"""Limits that are counted hold for requests that come at once: each waits for the one before.

Planted bug that this catches: the queue taken out of any of these, so that all count before one of them writes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection, transaction

from identity import access, invitations
from identity.email_proof import LINKS_AN_HOUR_MAX
from identity.models import AccessEvent, AccountMail
from identity.staff import search
from identity.staff.models import StaffEvent, StaffMember
from tests.identity.browser import Browser, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_team_races import until_waiting
from tests.staff.ours import alone, at_desk

Act = Callable[[], int]
AT_ONCE = 3


def posts(browser: Browser, path: str, body: object) -> int:
    return browser.post(path, body)[0]


def sign_ups(make_account: MakeAccount, sign_in: SignIn) -> tuple[str, list[Act]]:
    client, now = access.Client(address="198.51.100.7", agent=""), datetime.now(UTC)
    for _ in range(access.SIGN_UPS_PER_NETWORK_MAX - 1):
        access.record(kind=AccessEvent.SIGN_UP, client=client, now=now)
    return "identity_accessevent", [
        partial(posts, Browser(), "/api/signup", form(email=f"{n}@example.com")) for n in range(AT_ONCE)
    ]


def resets(make_account: MakeAccount, sign_in: SignIn) -> tuple[str, list[Act]]:
    client, now = access.Client(address="198.51.100.200", agent=""), datetime.now(UTC)
    for _ in range(access.RESETS_PER_ACCOUNT_MAX - 1):
        access.record(kind=AccessEvent.RESET_ASKED, client=client, now=now, email="ada@example.com")
    asked = {"email": "ada@example.com"}
    return "identity_accessevent", [
        partial(posts, Browser(f"198.51.100.{n}"), "/api/password/forgot", asked) for n in range(AT_ONCE)
    ]


def email_links(make_account: MakeAccount, sign_in: SignIn) -> tuple[str, list[Act]]:
    member = make_account()
    member.user.email_verified_at = None
    member.user.save(update_fields=["email_verified_at"])
    now = datetime.now(UTC)
    for _ in range(LINKS_AN_HOUR_MAX - 1):
        AccountMail.objects.create(
            kind=AccountMail.VERIFY_EMAIL, email=member.user.email, user=member.user, created_at=now, next_at=now
        )
    page = sign_in(member)
    return "identity_accountmail", [lambda: page.post("/api/email/send")[0]] * AT_ONCE


def invited(make_account: MakeAccount, sign_in: SignIn) -> tuple[str, list[Act]]:
    """One address, by the owners of several workspaces."""
    pages = [
        sign_in(make_account(email=f"{n}@example.com", mobile=f"+1202555014{n}"), f"198.51.100.{n + 1}")
        for n in range(invitations.AN_ADDRESS_A_DAY_MAX - 1 + AT_ONCE)
    ]
    wanted = {"email": "nia@example.com", "role": "rep"}
    for page in pages[AT_ONCE:]:
        assert page.post("/api/team/invitations", wanted)[0] == 201
    return "identity_invitation", [partial(posts, page, "/api/team/invitations", wanted) for page in pages[:AT_ONCE]]


def searches(make_account: MakeAccount, sign_in: SignIn) -> tuple[str, list[Act]]:
    nora, now = at_desk(), datetime.now(UTC)
    member = StaffMember.objects.get()
    for _ in range(search.SEARCHES_MAX - 1):
        StaffEvent.objects.create(at=now, kind=StaffEvent.SEARCHED, member=member)
    wanted = {"typed": str(member.id)}
    return "staff_staffevent", [lambda: nora.post("/api/staff/workspaces/find", wanted)[0]] * AT_ONCE


@pytest.mark.parametrize("limited", [sign_ups, resets, email_links, invited, searches])
def test_parallel_requests_do_not_pass_the_limit_together(
    limited: Callable[[MakeAccount, SignIn], tuple[str, list[Act]]], make_account: MakeAccount, sign_in: SignIn
) -> None:
    """One is left, and none of them can write before all have come."""
    table, acts = limited(make_account, sign_in)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
            asked = [threads.submit(alone, act) for act in acts]
            until_waiting(AT_ONCE)
        statuses = sorted(each.result(timeout=10) for each in asked)
    assert (statuses[0] < 300, statuses[1:]) == (True, [429] * (AT_ONCE - 1))
