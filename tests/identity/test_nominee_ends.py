"""A person who is well stops the nominee, by every way that our mails name; and what is mailed to whom on the way.

Planted bugs that these catch: a grant that is approved after the nominee was taken back, a link that still opens then, an answer of the
person that nobody is told of, and a deletion of which the nominee alone is told.
"""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command

from compliance import case_mails, cases
from compliance.models import Case, CaseMail, ConsentEvent, Nominee, NomineeGrant, Request
from compliance.personal_data import STORE
from identity.models import Membership
from identity.personal_data import subject_of
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount
from tests.identity.test_nominee import (
    ADA,
    MIA,
    Mailbox,
    approve,
    ask,
    asked,
    link,
    mailbox,
    member,
    name,
    page,
    prepared,
    token_in,
)
from tests.staff.ours import Desk, at_desk

__all__ = ["mailbox", "member", "page"]

pytestmark = pytest.mark.django_db(transaction=True)
BEN = "ben@people.example"


@pytest.fixture
def pia() -> Desk:
    return at_desk("privacy_officer", "Pia", "198.51.100.91")


@pytest.fixture
def zoe() -> Desk:
    return at_desk("admin", "Zoe", "198.51.100.92")


def granted(pia: Desk, zoe: Desk, reference: str, *, erase: bool = False) -> dict[str, Any]:
    status, shown = approve(zoe, reference, prepared(pia, reference, erase=erase)["grant"]["seen"])
    assert status == 200, shown
    assert isinstance(shown, dict)
    return shown


def copy_link(mailbox: Mailbox) -> str:
    return token_in(next(mail for mail in reversed(mailbox(MIA)) if "The copy" in mail["subject"]))


def answer_of_the_holder(number: int = 1) -> None:
    """To the mail that says what the nominee asks for."""
    ours = case_mails.message_id(CaseMail.objects.filter(template="nominee_asks").latest("created_at"))
    raw = (
        f"From: {ADA}\r\nTo: support@klosesales.com\r\nSubject: Re: nominee\r\nMessage-ID: <a{number}@people.example>\r\n"
        f"In-Reply-To: {ours}\r\n\r\nI am well. Stop this."
    )
    call_command("receive_mail", stdin=io.BytesIO(raw.encode()))


def end(page: Browser, mailbox: Mailbox, way: str) -> None:
    if way == "taken back":
        assert page.delete("/api/privacy/nominee")[0] == 200
    elif way == "replaced":
        assert name(page, name="Ben", email=BEN)[0] == 200
    else:
        named = next(mail for mail in mailbox(MIA) if "has named you" in mail["subject"])
        assert link("press", token_in(named)) == (200, {"step": "decline"})


@pytest.mark.policy("C5.1-4")
@pytest.mark.parametrize("way", ["taken back", "replaced", "declined"])
def test_who_is_no_nominee_any_more_is_granted_nothing(
    page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk, way: str
) -> None:
    reference = asked(page, mailbox)
    granted(pia, zoe, reference)
    token = copy_link(mailbox)
    assert link("link", token)[0] == 200
    seen = prepared(pia, reference)["grant"]["seen"]
    end(page, mailbox, way)
    assert (link("copy", token)[0], link("link", token)[0]) == (410, 410)
    assert code_of(approve(zoe, reference, seen)[1]) == "case_closed"
    case = Case.objects.get(reference=reference)
    assert (case.state, case.outcome) == ("closed", "taken_back")
    assert set(NomineeGrant.objects.values_list("state", "link_hash")) == {("withdrawn", "")}
    assert "do not act any more" in mailbox(MIA)[-1]["text"]


@pytest.mark.policy("C5.1-4")
def test_taking_the_nominee_back_ends_a_granted_deletion_and_a_link_of_an_answered_case(
    page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk
) -> None:
    reference = asked(page, mailbox)
    granted(pia, zoe, reference)
    token = copy_link(mailbox)
    assert pia.post(f"/api/staff/cases/{reference}/close", {"outcome": "done", "answer": "See the mail."})[0] == 200
    assert link("link", token)[0] == 200
    ask()
    claim = next(mail for mail in reversed(mailbox(MIA)) if "Confirm that you ask" in mail["subject"])
    assert link("press", token_in(claim))[0] == 200
    granted(pia, zoe, Case.objects.get(kind="nominee", state="verified").reference, erase=True)
    later = copy_link(mailbox)
    assert page.delete("/api/privacy/nominee")[0] == 200
    assert Request.objects.get().state == "cancelled"
    assert [link("link", each)[0] for each in (token, later)] == [410, 410]
    assert not Case.objects.exclude(state="closed").exists()


@pytest.mark.policy("C5.1-4")
def test_our_people_take_a_link_back_also_after_the_answer(
    page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk
) -> None:
    reference = asked(page, mailbox)
    granted(pia, zoe, reference)
    token = copy_link(mailbox)
    assert pia.post(f"/api/staff/cases/{reference}/close", {"outcome": "done", "answer": "See the mail."})[0] == 200
    status, shown = zoe.post(f"/api/staff/cases/{reference}/nominee/withdraw")
    assert (status, shown["grant"]["state"], shown["grant"]["link_until"]) == (200, "withdrawn", None)
    assert link("copy", token)[0] == 410
    assert code_of(zoe.post(f"/api/staff/cases/{reference}/nominee/withdraw")[1]) == "nothing_prepared"


@pytest.mark.policy("C5.1-4")
def test_the_persons_answer_stands_in_the_nominees_case_and_ours_are_told(
    page: Browser, member: Membership, make_account: MakeAccount, mailbox: Mailbox, pia: Desk, zoe: Desk
) -> None:
    reference = asked(page, mailbox)
    seen = prepared(pia, reference)["grant"]["seen"]
    mailbox(ADA)
    answer_of_the_holder()
    case = Case.objects.get()
    assert "not from the nominee" in case.entries.get(kind="mail").text
    alert = case.mails.get(template="holder_answered")
    assert (alert.to, alert.text) == ("", reference)
    assert code_of(approve(zoe, reference, seen)[1]) == "preview_changed"
    # What the person wrote is in the person's copy, and in none of the nominee's.
    mia = make_account(email=MIA, mobile="+1 202 555 0111")
    assert "I am well" in str(STORE.export(subject_of(member.user_id)))
    theirs = str(STORE.export(subject_of(mia.user_id)))
    assert reference in theirs and "I am well" not in theirs
    # While a deletion can be taken back, the case bears the sign of it.
    zoe.post(f"/api/staff/cases/{reference}/nominee/withdraw")
    granted(pia, zoe, reference, erase=True)
    answer_of_the_holder(2)
    assert pia.get(f"/api/staff/cases/{reference}")[1]["case"]["deletion_answered"]
    assert case.mails.filter(template="deletion_answered").count() == 1


@pytest.mark.policy("C5.1-4")
def test_an_answer_after_the_case_is_closed_opens_another_and_ours_are_told(
    page: Browser, mailbox: Mailbox, pia: Desk
) -> None:
    reference = asked(page, mailbox)
    mailbox(ADA)
    assert pia.post(f"/api/staff/cases/{reference}/close", {"outcome": "refused", "answer": "No."})[0] == 200
    answer_of_the_holder()
    opened = Case.objects.get(channel="mail")
    alert = CaseMail.objects.get(template="holder_answered")
    assert (alert.case.reference, alert.text) == (reference, opened.reference)


@pytest.mark.policy("C5.1-4")
def test_the_person_is_told_what_was_granted_and_the_nominee_in_other_words(
    page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk
) -> None:
    reference = asked(page, mailbox)
    granted(pia, zoe, reference, erase=True)
    told = mailbox(ADA)[-1]
    runs_at = f"{Request.objects.get().runs_at:%Y-%m-%d %H:%M} UTC"
    assert "What your nominee may do now" in told["subject"]
    assert f"begins on {runs_at}" in told["text"] and f"until {runs_at}" in told["text"]
    assert "If you are well" in told["text"]
    theirs = next(mail for mail in mailbox(MIA) if "About your request" in mail["subject"])["text"]
    assert f"the person who named you on {runs_at}" in theirs and "sign in" not in theirs


@pytest.mark.policy("C4.7", "C5.1-4")
def test_no_row_holds_what_opens_the_copy(page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk) -> None:
    granted(pia, zoe, asked(page, mailbox))
    token = copy_link(mailbox)
    assert token not in str([*CaseMail.objects.values(), *NomineeGrant.objects.values()])
    assert link("copy", token)[0] == 200


@pytest.mark.policy("C5.1-4")
@pytest.mark.parametrize("kind", ["deletion", "correction", "restriction"])
def test_a_nominees_link_proves_nothing_for_another_wish(
    page: Browser, mailbox: Mailbox, pia: Desk, zoe: Desk, kind: str
) -> None:
    reference = asked(page, mailbox)
    granted(pia, zoe, reference)
    token = copy_link(mailbox)
    assert pia.post(f"/api/staff/cases/{reference}/sort", {"kind": kind})[0] == 200
    what, body = ("correct", {"first_name": "Eve"}) if kind == "correction" else ("carry-out", {"number": ""})
    assert code_of(pia.post(f"/api/staff/cases/{reference}/{what}", body)[1]) == "case_unproved"
    assert Case.objects.get().user_id is None
    assert link("copy", token)[0] == 410


@pytest.mark.policy("C5.1-4")
def test_what_one_nominee_is_told_goes_to_no_other_and_not_to_the_person(
    page: Browser, member: Membership, mailbox: Mailbox, pia: Desk
) -> None:
    reference = asked(page, mailbox)
    wish = cases.ask(user_id=member.user_id, kind="nominee", words="Who?", contact=ADA, now=datetime.now(UTC))
    assert wish.joined_to is None
    pia.post(
        f"/api/staff/cases/{wish.reference}/close", {"outcome": "refused", "answer": "Look at the privacy centre."}
    )
    assert Case.objects.get(reference=reference).state != "closed"
    assert "privacy centre" not in mailbox(MIA)[-1]["text"]


@pytest.mark.policy("C5.1-4")
def test_a_nominee_who_confirms_again_and_again_opens_three_cases_a_day(page: Browser, mailbox: Mailbox) -> None:
    name(page)
    for _ in range(5):
        ask()
        link("press", token_in(mailbox(MIA)[-1]))
    assert Case.objects.count() == 3


@pytest.mark.policy("C5.1-4")
def test_an_account_has_few_addresses_written_to_and_none_that_declined(
    page: Browser, member: Membership, mailbox: Mailbox
) -> None:
    for _ in range(8):
        assert name(page)[0] == 200
    assert name(page, name="Mia O.")[1]["nominee"]["name"] == "Mia O."
    assert ConsentEvent.objects.filter(user_id=member.user_id, purpose="nominee").count() == 1
    [mail] = mailbox(MIA)
    link("press", token_in(mail))
    assert (name(page)[0], code_of(name(page)[1])) == (409, "nominee_declined")
    assert [name(page, email=f"n{each}@people.example")[0] for each in range(5)] == [200, 200, 200, 200, 429]
    assert code_of(name(page, email=BEN)[1]) == "nominees_too_many"
    assert Nominee.objects.get().email == "n3@people.example"


@pytest.mark.policy("C5.1-4")
def test_one_address_is_named_three_times_a_day(page: Browser) -> None:
    for expected in (200, 200, 200, 429):
        assert name(page)[0] == expected
        page.delete("/api/privacy/nominee")
