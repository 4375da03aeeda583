"""What a replay leaves alone: erasures that were taken back, workspaces that went on, and what the law holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from compliance import erasure, erasure_ledger, replaying
from compliance.models import Case, HeldCopy, LedgerMark, Request
from compliance.replaying import WorkspacesWouldEnd
from identity.models import Membership, User
from identity.operations import add_member
from identity.schemas import SignUpIn
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import accounts
from tests.compliance.test_erasure_ledger import NOWHERE, as_in_an_old_backup, ask, entered, ledger
from tests.identity.browser import form
from tests.identity.conftest import SUPPORT_DESK, SignIn
from voice.models import Lead

__all__ = ["accounts", "ledger"]

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)


@pytest.mark.policy("C6.2")
def test_who_took_an_erasure_back_after_the_backup_is_not_erased_by_it_and_who_may_have_gets_days_of_grace_anew(
    accounts: tuple[Membership, Membership], sign_in: SignIn, ledger: str
) -> None:
    back, waits = accounts
    browser = sign_in(back)
    assert browser.post("/api/privacy/erasure", {"confirm": back.user.email, "when": "after_grace"})[0] == 202
    request, case = Request.objects.get(), Case.objects.get()
    assert browser.post("/api/privacy/erasure/cancel")[1]["state"] == "cancelled"
    answer = sign_in(waits).post("/api/privacy/erasure", {"confirm": waits.user.email, "when": "after_grace"})
    assert answer[0] == 202
    erasure_ledger.write_out(now=NOW)

    as_in_an_old_backup()
    request.save()
    case.save()
    restored = NOW + timedelta(days=4)
    for _ in range(2):
        LedgerMark.objects.update(sequence=0)
        assert replaying.replay(now=restored).entries == 1
    request.refresh_from_db()
    case.refresh_from_db()
    assert (request.state, case.state, case.outcome) == ("cancelled", "closed", "taken_back")
    assert erasure.run_due_erasures(now=restored + timedelta(days=2, hours=23)) == 0
    assert User.objects.filter(id__in=[back.user_id, waits.user_id]).count() == 2
    # Whoever has not taken it back is erased in the end.
    assert erasure.run_due_erasures(now=restored + timedelta(days=3)) == 1
    assert list(User.objects.filter(id__in=[back.user_id, waits.user_id])) == [back.user]


@pytest.mark.policy("C6.2")
def test_an_erasure_that_had_begun_in_the_backup_ends_no_workspace_that_went_on(
    accounts: tuple[Membership, Membership], sign_in: SignIn, ledger: str, settings: Settings
) -> None:
    leaving = accounts[0]
    colleague = SignUpIn.model_validate(form(email="late@quxworthy.example", mobile="+12025550184"))
    other = add_member(workspace_id=leaving.workspace_id, form=colleague, role="manager", client=SUPPORT_DESK, now=NOW)
    ask(sign_in, leaving)
    settings.ERASURE_LEDGER_URL = NOWHERE
    assert erasure.run_due_erasures(now=SOON) == 0
    assert Request.objects.get().state == "running"
    settings.ERASURE_LEDGER_URL = ledger
    person = pseudonym("user", other.user_id)
    erased: dict[str, Any] = {"of": "user", "email": None, "plan": {}, "held": 0}
    noted = [erasure_ledger.Entry("user", person, NOW), erasure_ledger.Entry("erasure", person, NOW, erased)]
    erasure_ledger.note(noted, now=NOW)
    erasure_ledger.write_out(now=NOW)
    LedgerMark.objects.update(sequence=0)
    with pytest.raises(WorkspacesWouldEnd):
        replaying.replay(now=SOON + timedelta(days=1))
    assert Lead.objects.filter(workspace=leaving.workspace).exists()


@pytest.mark.policy("C6.3")
def test_what_was_under_a_hold_that_the_backup_does_not_know_is_not_erased_before_it_is_placed_again(
    accounts: tuple[Membership, Membership], sign_in: SignIn, ledger: str
) -> None:
    member, control = accounts
    person = pseudonym("user", member.user_id)
    held: dict[str, Any] = {"of": "user", "email": None, "plan": {}, "held": 1}
    noted = [erasure_ledger.Entry("user", person, NOW), erasure_ledger.Entry("erasure", person, NOW, held)]
    erasure_ledger.note(noted, now=NOW)
    erasure_ledger.write_out(now=NOW)
    as_in_an_old_backup()
    with pytest.raises(CommandError, match="--without-holds"):
        call_command("replay_erasures")
    assert User.objects.filter(id=member.user_id).exists()
    place_hold(member.user.email)
    call_command("replay_erasures", "--end-workspaces")
    assert not User.objects.filter(id=member.user_id).exists() and HeldCopy.objects.exists()

    place_hold(control.user.email)
    answer = sign_in(control).post("/api/privacy/erasure", {"confirm": control.user.email, "when": "now"})
    assert answer[0] == 202 and erasure.run_due_erasures(now=SOON) == 1
    assert [row for row in entered("kind, detail") if row[0] == "erasure"][-1][1]["held"] > 0


def place_hold(email: str) -> None:
    until = (NOW + timedelta(days=90)).date().isoformat()
    said = ("--basis", "an order of the court", "--reason", "as before the restore", "--review-on", until)
    call_command("hold", "place", email, "--what", "account", "--ends-on", until, *said)
