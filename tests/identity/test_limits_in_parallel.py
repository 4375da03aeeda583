"""Limits that are counted hold for requests that come at once: each waits for the one before.

Planted bug that this catches: the queue taken out of any of these, so that all count before one of them writes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection, transaction
from django.test import override_settings

from compliance import audit, policy
from compliance.cases import OPEN_WISHES_MAX
from compliance.models import NomineeClaim
from identity import access, invitations, nominees
from identity.email_proof import LINKS_AN_HOUR_MAX
from identity.models import AccessEvent, AccountMail, User
from identity.staff import search
from identity.staff.models import StaffEvent, StaffMember
from processors.pseudonyms import pseudonym
from tests.identity.browser import Browser, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import go_through, meet, rest
from tests.identity.test_passcodes import waiting_browser
from tests.identity.test_team_races import until_waiting
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import alone, at_desk

Act = Callable[[], int]
AT_ONCE = 3


def posts(browser: Browser, path: str, body: object) -> int:
    return browser.post(path, body)[0]


def sign_ups(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    client, now = access.Client(address="198.51.100.7", agent=""), datetime.now(UTC)
    for _ in range(access.SIGN_UPS_PER_NETWORK_MAX - 1):
        access.record(kind=AccessEvent.SIGN_UP, client=client, now=now)
    return "identity_accessevent", [
        partial(posts, Browser(), "/api/signup", form(email=f"{n}@example.com")) for n in range(AT_ONCE)
    ]


def resets(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    client, now = access.Client(address="198.51.100.200", agent=""), datetime.now(UTC)
    for _ in range(access.RESETS_PER_ACCOUNT_MAX - 1):
        access.record(kind=AccessEvent.RESET_ASKED, client=client, now=now, email="ada@example.com")
    asked = {"email": "ada@example.com"}
    return "identity_accessevent", [
        partial(posts, Browser(f"198.51.100.{n}"), "/api/password/forgot", asked) for n in range(AT_ONCE)
    ]


def email_links(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
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


def invited(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    """One address, by the owners of several workspaces."""
    pages = [
        sign_in(make_account(email=f"{n}@example.com", mobile=f"+1202555014{n}"), f"198.51.100.{n + 1}")
        for n in range(invitations.AN_ADDRESS_A_DAY_MAX - 1 + AT_ONCE)
    ]
    wanted = {"email": "nia@example.com", "role": "rep"}
    for page in pages[AT_ONCE:]:
        assert page.post("/api/team/invitations", wanted)[0] == 201
    return "identity_invitation", [partial(posts, page, "/api/team/invitations", wanted) for page in pages[:AT_ONCE]]


def searches(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    nora, now = at_desk(), datetime.now(UTC)
    member = StaffMember.objects.get()
    for _ in range(search.SEARCHES_MAX - 1):
        StaffEvent.objects.create(at=now, kind=StaffEvent.SEARCHED, member=member)
    wanted = {"typed": str(member.id)}
    return "staff_staffevent", [lambda: nora.post("/api/staff/workspaces/find", wanted)[0]] * AT_ONCE


def wishes(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    page = sign_in(make_account())
    asked = {"kind": "correction", "words": "My name is misspelt."}
    for _ in range(OPEN_WISHES_MAX - 1):
        assert page.post("/api/privacy/cases", asked)[0] == 201
    return "compliance_case", [partial(posts, page, "/api/privacy/cases", asked)] * AT_ONCE


def social_sign_ups(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    client, now = access.Client(address="198.51.100.7", agent=""), datetime.now(UTC)
    for _ in range(access.SIGN_UPS_PER_NETWORK_MAX - 1):
        access.record(kind=AccessEvent.SIGN_UP, client=client, now=now)
    pages = [Browser() for _ in range(AT_ONCE)]
    for n, page in enumerate(pages):
        go_through(page, "google", meet(sandbox, "google", email=f"{n}@example.com"), "sign_up")
    return "identity_accessevent", [
        partial(posts, page, "/api/social/sign-up", rest(mobile=f"+1202555014{n}")) for n, page in enumerate(pages)
    ]


def names_somebody(page: Browser, email: str) -> int:
    body = {"name": "Mia Okafor", "email": email, "agreed": True, "policy_version": policy.current_version()}
    return page.put("/api/privacy/nominee", body)[0]


def named_before(times: int, by: object, email: str = "") -> None:
    """email: "" for another one each time."""
    for n in range(times):
        audit.record(
            workspace_id=None,
            actor_ref=str(by),
            action="nominee.named",
            target=str(by),
            detail={"address": pseudonym("email", email or f"{n}@people.example")},
            now=datetime.now(UTC),
        )


def one_named_by_several(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    members = [make_account(email=f"{n}@example.com", mobile=f"+1202555014{n}") for n in range(AT_ONCE)]
    named_before(nominees.AN_ADDRESS_A_DAY_MAX - 1, "somebody else", "mia@people.example")
    pages = [sign_in(each, f"198.51.100.{n + 1}") for n, each in enumerate(members)]
    return "compliance_nominee", [partial(names_somebody, page, "mia@people.example") for page in pages]


def several_named_by_one(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> tuple[str, list[Act]]:
    member = make_account()
    named_before(nominees.NAMED_A_DAY_MAX - 1, member.user_id)
    page = sign_in(member)
    return "compliance_nominee", [partial(names_somebody, page, f"mia{n}@people.example") for n in range(AT_ONCE)]


@pytest.mark.parametrize(
    "limited",
    [
        sign_ups,
        social_sign_ups,
        resets,
        email_links,
        invited,
        searches,
        one_named_by_several,
        several_named_by_one,
        wishes,
    ],
)
def test_parallel_requests_do_not_pass_the_limit_together(
    limited: Callable[[MakeAccount, SignIn, Sandbox], tuple[str, list[Act]]],
    make_account: MakeAccount,
    sign_in: SignIn,
    sandbox: Sandbox,
) -> None:
    """One is left."""
    statuses = at_once(*limited(make_account, sign_in, sandbox))
    assert (statuses[0] < 300, statuses[1:]) == (True, [429] * (AT_ONCE - 1))


@override_settings(OTP_SENDS_PER_DAY_MAX=1)
def test_passcodes_to_several_numbers_from_several_places_do_not_pass_the_days_ceiling_together(
    sandbox: Sandbox, transactional_db: None
) -> None:
    pages = [
        waiting_browser(f"+1{area}5550130", f"203.0.113.{area % 100}", f"{area}@example.com")
        for area in (312, 415, 646)
    ]
    statuses = at_once("identity_otpattempt", [partial(posts, page, "/api/otp/send", {}) for page in pages])
    assert statuses == [200, 503, 503]


def test_what_a_nominee_asks_for_at_once_is_taken_three_times_a_day(make_account: MakeAccount, sign_in: SignIn) -> None:
    """Each is answered alike, so only what is kept tells."""
    page = sign_in(make_account())
    assert names_somebody(page, "mia@people.example") == 200
    asked = {"email": "mia@people.example", "account_email": User.objects.get().email, "words": "She died."}
    for _ in range(nominees.CLAIMS_A_DAY_MAX - 1):
        assert Browser().post("/api/nominee/ask", asked)[0] == 204
    statuses = at_once("compliance_nomineeclaim", [partial(posts, Browser(), "/api/nominee/ask", asked)] * AT_ONCE)
    assert statuses == [204] * AT_ONCE
    assert NomineeClaim.objects.count() == nominees.CLAIMS_A_DAY_MAX


def at_once(table: str, acts: list[Act]) -> list[int]:
    """Their answers in order, where none can write to the table before all have come."""
    with ThreadPoolExecutor(len(acts)) as threads:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
            asked = [threads.submit(alone, act) for act in acts]
            until_waiting(len(acts))
        return sorted(each.result(timeout=10) for each in asked)
