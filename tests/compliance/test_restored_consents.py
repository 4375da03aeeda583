"""Who took a consent back after a backup was made has taken it back in the restored one too, and what followed from the yes has ended.

Planted and seen red: withdrawals that are not entered, an older no that ends a later nominee, and plans that go on.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Model

from compliance import consent, erasure_ledger, replaying
from compliance.models import ConsentEvent, LedgerMark, LedgerNote, Nominee
from config.replayed import Door
from identity.models import Membership
from ledger.models import TopUpPlan
from processors.pseudonyms import pseudonym
from tests.compliance.coming import NAME, WEEKLY, in_days
from tests.compliance.test_erasure_ledger import NOW, SOON, as_in_an_old_backup, entered, ledger
from tests.compliance.test_policy_change import Publish, publish
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_nominee import MIA, Mailbox, mailbox, name, token_in
from tests.ledger.top_ups import begun

__all__ = ["ledger", "mailbox", "publish"]

BEN = "ben@people.example"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def copied(*rows: Model) -> Callable[[], None]:
    """Puts these rows back as they are now, and takes every word on consents that was said since."""
    said = list(ConsentEvent.objects.values_list("id", flat=True))

    def restore() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # Nothing that the product does takes them away.
            cursor.execute("SET LOCAL session_replication_role = replica")
            ConsentEvent.objects.exclude(id__in=said).delete()
        for row in rows:
            row.save()
        as_in_an_old_backup()

    return restore


@pytest.mark.policy("C5.1-4")
def test_a_no_that_was_said_after_the_backup_is_said_in_it_too_and_nothing_goes_by_the_yes_any_more(
    member: Membership, page: Browser, ledger: str, publish: Publish, make_account: MakeAccount
) -> None:
    publish(in_days(-1), purposes=(WEEKLY,))
    yes = {"version": NAME, "answers": [{"purpose": WEEKLY.key, "given": True}]}
    assert page.post("/api/policy/answer", yes)[0] == 204
    assert name(page)[0] == 200
    plan = begun(member.workspace_id)
    plan.user_id, plan.subscription_id, plan.state = member.user_id, "sub_of_before", "active"
    plan.save()
    consent.record_words(user_id=member.user_id, purpose="top_up", given=True, words=plan.words, ip=None, now=NOW)
    other = begun(make_account(email="zoe@example.com", mobile="+12025550111").workspace_id)
    restore = copied(Nominee.objects.get(), plan)

    assert page.post("/api/privacy/purposes", {"purpose": WEEKLY.key, "given": False})[0] == 204
    assert page.delete("/api/privacy/nominee")[0] == 200
    assert page.delete("/api/credits/top-up")[0] == 200
    erasure_ledger.write_out(now=NOW)
    assert sorted(kind for (kind,) in entered()) == ["top_up", *["withdrawal"] * 3]
    assert str(member.user_id) not in str(entered("key, detail")) and str(plan.id) not in str(entered("key, detail"))

    restore()
    assert consent.holds(user_id=member.user_id, purpose="nominee") and Nominee.objects.exists()
    assert Door().look() == "erasures_not_replayed"
    for _ in range(2):
        LedgerMark.objects.update(sequence=0)
        assert replaying.replay(now=SOON).people == 0
        assert page.get("/api/privacy/purposes")[1]["items"][-1]["given"] is False
        assert not Nominee.objects.exists()
        assert not any(consent.holds(user_id=member.user_id, purpose=each) for each in ("nominee", "top_up"))
        plan.refresh_from_db()
        other.refresh_from_db()
        # Paddle is asked once more to forget the card.
        assert (plan.state, plan.end_reason, plan.cancel_at) == ("ended", "stopped", SOON)
        assert other.state == "pending"
    assert ConsentEvent.objects.filter(given=False).count() == 3
    assert consent.holds(user_id=member.user_id, purpose="sms") and Door().look() == ""


@pytest.mark.policy("C5.1-4")
def test_a_nominee_who_declined_or_was_replaced_after_the_backup_does_not_act_and_a_later_yes_stands(
    member: Membership, page: Browser, ledger: str, mailbox: Mailbox
) -> None:
    assert name(page)[0] == 200
    restore = copied(Nominee.objects.get())
    person = Browser("203.0.113.9")
    assert person.post("/api/nominee/press", {"token": token_in(mailbox(MIA)[-1])})[0] == 200
    erasure_ledger.write_out(now=NOW)
    restore()
    assert replaying.replay(now=SOON).people == 0
    declined = Nominee.objects.get()
    assert (declined.email, declined.name) == ("", "") and declined.declined_at is not None
    assert declined.declined_at < SOON

    # Somebody else is named, and then somebody else again: the ledger knows that the first one is not wanted any more.
    assert name(page, email=BEN)[0] == 200
    Nominee.objects.update(named_at=NOW - timedelta(days=1))
    restore = copied(Nominee.objects.get())
    assert name(page, email=MIA.replace("mia", "zoe"))[0] == 200
    erasure_ledger.write_out(now=NOW)
    third = Nominee.objects.get()
    # In a database that has seen it all, but not that it has, whoever was named by the same act stays.
    LedgerMark.objects.update(sequence=0)
    assert replaying.replay(now=SOON).people == 0
    assert Nominee.objects.get().email == third.email
    assert consent.holds(user_id=member.user_id, purpose="nominee")
    third.delete()
    restore()
    assert replaying.replay(now=SOON).people == 0
    assert not Nominee.objects.exists()


@pytest.mark.policy("C5.1-4")
def test_a_ledger_that_comes_later_is_told_of_what_was_taken_back_lately(
    member: Membership, page: Browser, ledger: str
) -> None:
    assert name(page)[0] == 200 and page.delete("/api/privacy/nominee")[0] == 200
    LedgerNote.objects.all().delete()
    for _ in range(2):
        replaying.note_again(now=datetime.now(UTC))
    [noted] = LedgerNote.objects.values_list("kind", "key", "detail")
    assert noted == ("withdrawal", pseudonym("user", member.user_id), {"purpose": "nominee"})
    assert not TopUpPlan.objects.get_queryset().exists()
