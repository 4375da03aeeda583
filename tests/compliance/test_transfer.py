"""Storage in the European Union is agreed to in a box of its own and taken back with one click; who answers complaints is named.

Planted bugs that this catches: a sign-up records no consent to it, a consent that is taken back changes nothing, what support
restricted for another reason is used again, nothing is said of who answers, and who took it back is told to wait, or that a click helps
where it does not.
"""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from compliance import turns
from compliance.models import ConsentEvent
from identity.models import Membership
from tests.compliance.test_restriction import calls, member, quoted
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from voice.models import Call

__all__ = ["calls", "member"]
pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def says(page: Browser, given: bool) -> int:
    return page.post("/api/privacy/purposes", {"purpose": "transfer", "given": given})[0]


def given(page: Browser) -> bool | None:
    [shown] = page.get("/api/privacy/purposes")[1]["items"]
    assert "(Lithuania)" in shown["words"] and "used for nothing" in shown["if_no"]
    answer: bool | None = shown["given"]
    return answer


def wishes(page: Browser) -> list[tuple[str, str, str]]:
    return [(each["kind"], each["state"], each["outcome"]) for each in page.get("/api/privacy/cases")[1]["items"]]


@pytest.mark.policy("C5.1-4")
def test_taking_it_back_takes_one_click_as_giving_it_and_uses_nothing_at_once_until_it_is_given_again(
    calls: tuple[Call, Call], member: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    page = sign_in(member)
    manager = sign_in(make_account(member.workspace_id, "manager", email="mia@sellers.example", mobile="+12025550199"))
    text = f"/api/calls/{calls[0].id}/segments"
    assert given(page) is True, "agreed to at sign-up"
    assert [says(page, False), says(page, False)] == [204, 204]
    assert given(page) is False
    assert wishes(page) == [("withdrawal", "verified", "")], "a person answers it, once"
    assert (
        page.get(f"/api/leads/{calls[1].lead_id}/dial-check")[1]["refusals"][0]["code"] == "storage_consent_withdrawn"
    )
    assert (quoted(page, "about-all"), code_of(manager.get(text)[1])) == (
        "storage_consent_withdrawn",
        "subject_restricted",
    )
    assert page.get("/api/privacy/export")[0] == 200
    assert "with one click in the privacy centre" in page.get("/api/session")[1]["use_refused"]
    assert manager.get("/api/session")[1]["use_refused"] is None
    assert says(page, True) == 204
    assert page.get("/api/session")[1]["use_refused"] is None
    assert wishes(page) == [("withdrawal", "closed", "taken_back")]
    assert (manager.get(text)[0], given(page)) == (200, True)
    said = ConsentEvent.objects.filter(user_id=member.user_id, purpose="transfer").order_by("at", "id")
    assert list(said.values_list("given", flat=True)) == [True, False, True]


def test_what_one_of_us_restricted_is_not_said_to_end_with_a_click(
    calls: tuple[Call, Call], member: Membership, sign_in: SignIn
) -> None:
    out = StringIO()
    call_command("cases", "open", "withdrawal", member.user.email, "use nothing", stdout=out)
    reference = out.getvalue().split()[0]
    call_command("cases", "prove", reference, "--whose", member.user.email, stdout=out)
    call_command("cases", "restrict", reference, stdout=out)
    page = sign_in(member)
    assert given(page) is True
    assert quoted(page, "after-it") == "own_use_restricted"
    assert "Write to support" in page.get("/api/session")[1]["use_refused"]


@pytest.mark.policy("C5.1-4")
@pytest.mark.parametrize("support_is_first", [False, True])
def test_what_support_restricts_beside_it_ends_by_neither_alone_whichever_came_first(
    calls: tuple[Call, Call], member: Membership, sign_in: SignIn, support_is_first: bool
) -> None:
    """Red when the second reason is recorded nowhere: one click, or one decision, then ends both."""
    page, out = sign_in(member), StringIO()
    call_command("cases", "open", "restriction", member.user.email, "use nothing", stdout=out)
    reference = out.getvalue().split()[0]
    call_command("cases", "prove", reference, "--whose", member.user.email, stdout=out)
    if support_is_first:
        call_command("cases", "restrict", reference, stdout=out)
    assert says(page, False) == 204
    if not support_is_first:
        call_command("cases", "restrict", reference, stdout=out)
    assert quoted(page, "both-hold") == "own_use_restricted", "one click would not do"
    assert says(page, True) == 204
    assert quoted(page, "support-restricts") == "own_use_restricted"
    assert says(page, False) == 204
    call_command("cases", "lift", reference, "The dispute is settled.", stdout=out)
    assert quoted(page, "consent-is-missing") == "storage_consent_withdrawn"
    with pytest.raises(CommandError, match="Another case of this person"):
        call_command("cases", "lift", reference, "Once more.", stdout=out)
    assert says(page, True) == 204
    assert page.get("/api/session")[1]["use_refused"] is None


def test_it_may_always_be_taken_back_and_not_be_given_again_without_end(member: Membership, sign_in: SignIn) -> None:
    page = sign_in(member)
    for _ in range(turns.A_DAY_MAX - 1):
        assert [says(page, False), says(page, True)] == [204, 204]
    assert [says(page, False), says(page, True)] == [204, 429]
    assert given(page) is False


@pytest.mark.policy("C5.1-4", "C11")
def test_everybody_reads_who_answers_complaints_without_an_account(settings: Settings) -> None:
    settings.GRIEVANCE_OFFICER, settings.GRIEVANCE_EMAIL = "Asha Rao, Grievance Officer", "asha@example.com"
    assert Client().get("/api/contact").json() == {
        "support_email": "support@klosesales.com",
        "officer": "Asha Rao, Grievance Officer",
        "officer_email": "asha@example.com",
    }
