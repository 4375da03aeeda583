"""What a restored backup has to be told of single leads and of restrictions, from the erasure ledger."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import pytest

from compliance import erasure, erasure_ledger, replaying, restriction
from compliance.models import Case, LedgerNote, Request, Restriction
from config.replayed import Door
from identity.models import Membership, NumberKey
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import accounts, all_rows, bytes_on_disk
from tests.compliance.test_erasure_ledger import NOW, SOON, as_in_an_old_backup, entered, ledger
from tests.compliance.test_my_data import proved
from tests.identity.conftest import SignIn
from tests.restricting import restricted
from tests.sandbox_fixture import Sandbox
from voice.models import Call, Lead

__all__ = ["accounts", "ledger"]

GONE: Final[dict[str, Any]] = {"of": "callee", "email": None, "plan": {}, "held": 0}


@pytest.mark.policy("C6.2")
def test_whoever_restricted_the_use_of_their_data_stays_so_after_a_restore_and_whoever_took_it_back_does_not(
    accounts: tuple[Membership, Membership], sandbox: Sandbox, ledger: str
) -> None:
    """Red when a restored backup reads, calls or understands whom it may only keep."""
    number, other = "+37060054321", "+37060012345"
    lead, theirs = Lead.objects.get(phone_e164=number), Lead.objects.get(phone_e164=other)
    asks, changes_mind = proved(sandbox, number), proved(sandbox, other, "198.51.100.31")
    for person in (asks, changes_mind):
        assert person.post("/api/my-data/restriction", {"restricted": True})[0] == 200
    restricted(accounts[1])
    in_force = list(Restriction.objects.values("person", "since"))
    assert changes_mind.post("/api/my-data/restriction", {"restricted": False})[0] == 200
    erasure_ledger.write_out(now=NOW)
    assert [kind for (kind,) in entered()] == ["restriction"] * 4
    assert number[1:] not in str(entered("key, detail")) and str(lead.id) not in str(entered("key, detail"))

    # A backup from before all of it, and one in which nobody had changed their mind yet.
    for known in ([], in_force):
        Restriction.objects.all().delete()
        Restriction.objects.bulk_create(Restriction(**each) for each in known)
        Lead.objects.update(restricted_at=NOW if known else None)
        for _ in range(2):
            as_in_an_old_backup()
            assert replaying.replay(now=SOON).people == 0
            assert restriction.of_number(number) and not restriction.of_number(other)
            assert restriction.covers(lead.id) and restriction.covers(accounts[1].user_id)
            assert not restriction.covers(theirs.id, accounts[0].user_id)
            held = Lead.objects.filter(restricted_at__isnull=False).values_list("id", flat=True)
            assert list(held) == [lead.id]
    as_in_an_old_backup()
    replaying.note_again(now=datetime.now(UTC))
    assert LedgerNote.objects.filter(kind="restriction").count() == 2

    # With an erasure it ends, also where the backup does not know the person.
    erasure_ledger.note([erasure_ledger.Entry("erasure", pseudonym("phone", number), NOW, GONE)], now=NOW)
    erasure_ledger.write_out(now=NOW)
    Case.objects.all().delete()
    NumberKey.objects.all().delete()
    Lead.objects.filter(id=lead.id).update(phone_e164="+37060054399", restricted_at=None)
    as_in_an_old_backup()
    assert replaying.replay(now=SOON).people == 0
    assert not restriction.of_number(number) and not Lead.objects.filter(restricted_at__isnull=False).exists()


@pytest.mark.policy("C6.2")
def test_a_second_reason_comes_back_too_and_one_that_had_ended_does_not(
    accounts: tuple[Membership, Membership], sandbox: Sandbox, ledger: str
) -> None:
    """From a backup that knows the first alone. Red when the ledger hears of the person's first restriction and last lifting only."""
    number = "+37060054321"
    person = proved(sandbox, number)
    person.post("/api/my-data/calls", {"workspace": None, "allowed": False})
    in_backup = list(Restriction.objects.values("person", "since", "case_id"))
    person.post("/api/my-data/restriction", {"restricted": True})
    [second] = Restriction.objects.exclude(since__in=[each["since"] for each in in_backup])
    assert person.post("/api/my-data/calls", {"workspace": None, "allowed": True})[1]["restricted"]
    erasure_ledger.write_out(now=NOW)
    Restriction.objects.all().delete()
    Restriction.objects.bulk_create(Restriction(**each) for each in in_backup)
    for _ in range(2):
        as_in_an_old_backup()
        assert replaying.replay(now=SOON).people == 0
        standing = Restriction.objects.filter(lifted_at__isnull=True)
        assert list(standing.values_list("person", "since")) == [(second.person, second.since)]
    assert not person.post("/api/my-data/restriction", {"restricted": False})[1]["restricted"]


@pytest.mark.policy("C6.2")
def test_a_lead_that_went_goes_from_a_restored_backup_too_whatever_number_it_has_there(
    accounts: tuple[Membership, Membership], sign_in: SignIn, sandbox: Sandbox, ledger: str
) -> None:
    """One whose number was put right between the backup and the erasure of the person, and one that a customer removed."""
    number, wrong = "+37060054321", "+37060054300"
    corrected, removed = (Lead.objects.get(phone_e164=each) for each in (number, "+37060012345"))
    kept = Lead.objects.create(workspace=accounts[1].workspace, first_name="Kept", phone_e164=wrong, created_at=NOW)
    assert sign_in(accounts[0]).delete(f"/api/leads/{removed.id}")[0] == 204
    asks = proved(sandbox, number)
    assert asks.post("/api/my-data/erasure", {"confirm": number, "when": "now"})[0] == 202
    assert erasure.run_erasure(request_id=Request.objects.get().id, now=SOON, rewrite=lambda: {"tables": 1})
    erasure_ledger.write_out(now=NOW)
    assert [kind for (kind,) in entered()].count("lead") == 2 and str(removed.id) not in str(entered("key, detail"))

    Lead.objects.filter(id=corrected.id).update(erased_at=None, first_name="Laputania", phone_e164="+37060054399")
    Lead.objects.bulk_create([removed])
    for lead, member in ((corrected, accounts[1]), (removed, accounts[0])):
        talk(lead, member)
    as_in_an_old_backup()
    Case.objects.all().delete()
    NumberKey.objects.all().delete()
    Request.objects.all().delete()
    assert replaying.replay(now=SOON).people == 0
    assert list(Lead.objects.values_list("id", flat=True)) == [kept.id]
    assert not Call.objects.get_queryset().exists()
    assert [word for word in ("laputania", "brobdingnag") if word in all_rows()] == []
    assert [bytes_on_disk(word) for word in ("Laputania", "Brobdingnag")] == [0, 0]
    assert Door().look() == ""


def talk(lead: Lead, member: Membership) -> None:
    """A call that is over, as a backup has it."""
    Call.objects.create(
        workspace=member.workspace,
        lead=lead,
        user=member.user,
        idempotency_key=str(uuid4()),
        status="completed",
        rate_card_id=uuid4(),
        created_at=NOW,
        ended_at=NOW,
        max_duration_s=60,
    )
