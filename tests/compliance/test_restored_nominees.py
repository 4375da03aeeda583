"""What a restored backup does not know of nominees: nobody is told a thing twice, and who declined is not asked again.

And a ledger that was there before a kind of entry came to be is told once what the database knows of it.
Planted and seen red: a replay that mails, an entry that does not say who declined, and a ledger that is told of later acts alone.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from compliance import erasure_ledger, replaying
from compliance.models import AuditEvent, Case, CaseMail, LedgerMark, LedgerNote, Nominee
from identity.models import Membership
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure_ledger import NOW, SOON, entered, ledger
from tests.compliance.test_restored_consents import BEN, copied
from tests.identity.browser import Browser, code_of
from tests.identity.test_nominee import MIA, Mailbox, asked, link, mailbox, member, name, page, token_in

__all__ = ["ledger", "mailbox", "member", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def declines(mailbox: Mailbox) -> None:
    named = next(mail for mail in mailbox(MIA) if "has named you" in mail["subject"])
    assert link("press", token_in(named)) == (200, {"step": "decline"})


def forget_acts(since: int) -> None:
    """The record of acts as a backup has it that ends there; nothing that the product does takes them away."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        AuditEvent.objects.filter(sequence__gt=since).delete()


@pytest.mark.policy("C5.1-4")
@pytest.mark.parametrize("way", ["declined", "taken back"])
def test_a_nominee_whose_case_ended_is_told_of_it_once(page: Browser, mailbox: Mailbox, ledger: str, way: str) -> None:
    asked(page, mailbox)
    restore = copied(Nominee.objects.get(), Case.objects.get(kind="nominee"))
    if way == "declined":
        declines(mailbox)
    else:
        assert page.delete("/api/privacy/nominee")[0] == 200
    erasure_ledger.write_out(now=NOW)
    told = mailbox(MIA)
    assert "do not act any more" in told[-1]["text"]
    # The backup does not know that mail.
    CaseMail.objects.filter(template="answered").delete()
    restore()
    assert Case.objects.get().state != "closed"
    for _ in range(2):
        LedgerMark.objects.update(sequence=0)
        assert replaying.replay(now=SOON).people == 0
        assert (Case.objects.get().state, Case.objects.get().outcome) == ("closed", "taken_back")
        assert len(mailbox(MIA)) == len(told)


@pytest.mark.policy("C5.1-4")
def test_who_was_named_and_declined_after_the_backup_is_not_asked_again(
    page: Browser, mailbox: Mailbox, ledger: str
) -> None:
    restore, ends = copied(), AuditEvent.objects.count()
    assert name(page)[0] == 200
    declines(mailbox)
    erasure_ledger.write_out(now=NOW)
    assert MIA not in str(entered("key, detail"))
    told = len(mailbox(MIA))
    Nominee.objects.all().delete()
    forget_acts(ends)
    restore()
    for _ in range(2):
        LedgerMark.objects.update(sequence=0)
        assert replaying.replay(now=SOON).people == 0
    assert AuditEvent.objects.filter(action="nominee.declined").count() == 1
    assert code_of(name(page)[1]) == "nominee_declined"
    assert len(mailbox(MIA)) == told
    assert name(page, email=BEN)[0] == 200


@pytest.mark.policy("C5.1-4")
def test_a_ledger_of_an_older_version_is_told_once_of_what_was_taken_back_before(
    member: Membership, page: Browser, mailbox: Mailbox, ledger: str
) -> None:
    """As that version did: nothing of it was entered, and it is longer ago than what is noted again each hour."""
    assert name(page)[0] == 200
    declines(mailbox)
    assert name(page, email=BEN)[0] == 200 and name(page, email="zoe@people.example")[0] == 200
    assert page.delete("/api/privacy/nominee")[0] == 200
    assert name(page, email="eve@people.example")[0] == 200
    LedgerNote.objects.all().delete()
    LedgerMark.objects.update(remembered=0)
    later = datetime.now(UTC) + timedelta(days=30)
    person = pseudonym("user", member.user_id)
    wanted = [
        {"by": "nominee", "address": pseudonym("email", MIA), "purpose": "nominee"},
        {"purpose": "nominee"},
        {"purpose": "nominee"},
    ]

    def of_the_ledger() -> list[dict[str, str]]:
        found = [detail for kind, key, detail in entered("kind, key, detail") if (kind, key) == ("withdrawal", person)]
        return sorted(found, key=len, reverse=True)

    for _ in range(2):
        # At a start, and by the clock of a database that was not prepared anew.
        replaying.prepare(now=later)
        replaying.note_again(now=later)
        erasure_ledger.write_out(now=later)
        assert of_the_ledger() == wanted
    assert LedgerMark.objects.get().remembered == erasure_ledger.REMEMBERED
    LedgerMark.objects.update(remembered=0)
    replaying.note_again(now=later)
    erasure_ledger.write_out(now=later)
    assert of_the_ledger() == wanted
