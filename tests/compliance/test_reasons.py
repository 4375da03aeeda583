"""Why somebody's data is used for nothing: each reason is a case, begins and ends by itself, and is that of the person it names.

Planted bugs that these catch: a case that was proved anew restricts whom it named before; who restricts and who lifts at one moment do
not see each other; the desk takes one reason for another.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction

from compliance import restriction
from compliance.models import Case
from identity.models import Membership
from processors.pseudonyms import pseudonym
from tests.compliance.test_my_data import proved
from tests.compliance.test_restriction import OTHERS, THEIRS, calls, member
from tests.compliance.test_transfer import says
from tests.identity.conftest import SignIn
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import alone, at_desk, waits_for_a_lock
from tests.staff.test_desk import act, done, written_down
from voice import restricting
from voice.models import Call, Lead

__all__ = ["calls", "member"]


def command(*words: str) -> str:
    out = StringIO()
    call_command("cases", *words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_case_that_is_proved_anew_is_about_another_person(calls: tuple[Call, Call]) -> None:
    reference = command("open", "restriction", "gulliver@example.com", "use nothing").split()[0]
    for number in (THEIRS, OTHERS):
        command("prove", reference, "--whose", number)
        command("restrict", reference, "--number", number)
        assert restriction.of_number(number)
    command("lift", reference, "The dispute is settled.")
    assert (restriction.of_number(THEIRS), restriction.of_number(OTHERS)) == (True, False)
    assert list(Lead.objects.filter(restricted_at__isnull=False).values_list("id", flat=True)) == [calls[0].lead_id]


@pytest.mark.django_db(transaction=True)
def test_who_restricts_and_who_lifts_at_one_moment_come_one_after_the_other(
    calls: tuple[Call, Call], sandbox: Sandbox
) -> None:
    person, now = proved(sandbox, THEIRS), datetime.now(UTC)
    assert person.post("/api/my-data/calls", {"workspace": None, "allowed": False})[1]["restricted"]
    objection = Case.objects.get(kind="objection")
    support = Case.objects.get(
        reference=command("open", "restriction", "gulliver@example.com", "use nothing").split()[0]
    )
    command("prove", support.reference, "--whose", THEIRS)
    support.refresh_from_db()

    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            restricting.restrict(case=support, by="tests", now=now, phone_e164=THEIRS)
            lift = partial(restricting.lift, case=objection, reason="Allowed again.", by="requester", now=now)
            lifted = thread.submit(alone, lift)
            waits_for_a_lock()
        lifted.result(timeout=20)
    assert restriction.of_number(THEIRS)
    assert Lead.objects.get(id=calls[0].lead_id).restricted_at is not None


@pytest.mark.django_db
def test_the_desk_restricts_for_a_second_reason_and_lifts_each_where_it_began(
    member: Membership, calls: tuple[Call, Call], sign_in: SignIn
) -> None:
    page, nora = sign_in(member), at_desk("privacy_officer")
    assert says(page, False) == 204
    reference = written_down(nora, "restriction", member.user.email)
    shown = done(nora, reference, "prove", whose=member.user.email)
    assert "carry_out" in shown["may"] and "lift" in shown["may"], "somebody else's decision may still be made here"
    shown = done(nora, reference, "carry-out", number="")
    assert "carry_out" not in shown["may"] and "lift" in shown["may"]
    assert says(page, True) == 204
    person = pseudonym("user", member.user_id)
    assert restriction.in_force(person=person)
    assert act(nora, reference, "lift", reason="The dispute is settled.")[0] == 200
    assert not restriction.in_force(person=person)
