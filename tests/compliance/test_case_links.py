"""Who cannot sign in proves by the account's own mailbox who asks, and gets the copy or the deletion by e-mail.

Planted bugs that these catch: a link that goes to whoever wrote the mail, a proof by an address that nobody proved, a link that opens
twice, late, after another was made, or after the person's address changed, and one that outlives the case or the account.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from compliance import audit_check, case_mails
from compliance.models import AuditEvent, Case, CaseLink, Request
from compliance.personal_data import STORE
from identity import opt_out
from identity.access import Client
from identity.models import AccessEvent, AccountMail, Membership, User
from identity.personal_data import subject_of
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import plant
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, make_account
from tests.sandbox_fixture import Sandbox, sandbox, sandbox_process
from tests.staff.ours import Desk, at_desk
from tests.staff.test_desk import act, acts_of, done, written_down

__all__ = ["make_account", "sandbox", "sandbox_process"]

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
ASKER = "asker@people.example"
STRANGER = "stranger@people.example"
Mailbox = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def mailbox(sandbox: Sandbox, settings: Any) -> Mailbox:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def read(to: str) -> list[dict[str, Any]]:
        case_mails.send_case_mails(now=datetime.now(UTC) + timedelta(minutes=1))
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=to)
        return found

    return read


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    """Whose texts are stopped, so that nobody can sign in to the account any more."""
    member = make_account(email=ASKER)
    User.objects.filter(id=member.user_id).update(email_verified_at=NOW, email_first_proved_at=NOW)
    plant(member, "Balnibarbi", "+37060012345", lines=3)
    opt_out.stop(user_id=member.user_id, way="support", client=Client(address=None, agent=""), now=NOW)
    return member


def link(what: str, token: str) -> tuple[int, Any]:
    """In whatever browser opens the mail; nobody is signed in there."""
    return Browser("203.0.113.9").post(f"/api/request/{what}", {"token": token})


def token_in(mails: list[dict[str, Any]]) -> str:
    return str(re.findall(r"/request#(\S+)", "".join(mail["text"] for mail in mails))[-1])


def proved(desk: Desk, mailbox: Mailbox, kind: str = "access", contact: str = ASKER) -> str:
    """The reference of what was asked for and confirmed by the mailbox of the account."""
    reference = written_down(desk, kind, contact)
    done(desk, reference, "proof-link", email=ASKER)
    assert link("press", token_in(mailbox(ASKER)))[0] == 200
    return reference


@pytest.mark.policy("C7.1", "C7.5", "C3.7")
def test_who_cannot_sign_in_gets_one_copy_by_the_accounts_own_mailbox(member: Membership, mailbox: Mailbox) -> None:
    nora, pia = at_desk(), at_desk("privacy_officer", "Pia", "198.51.100.91")
    reference = written_down(nora, contact=STRANGER)
    done(nora, reference, "reply", template="prove")
    assert "cannot sign in" in mailbox(STRANGER)[0]["text"]
    assert "mail_proof" in done(nora, reference, "proof-link", email=ASKER)["may"]
    first = token_in(mailbox(ASKER))
    page = done(nora, reference, "proof-link", email=ASKER)
    assert [each["what"] for each in page["links"]] == ["proof"] and page["case"]["proved_by"] == ""
    token = token_in(mailbox(ASKER))
    # The one that was mailed before is replaced; to whoever wrote nothing goes.
    assert (link("link", first)[0], len(mailbox(STRANGER))) == (410, 1)
    for _ in range(2):
        assert link("link", token) == (200, {"step": "confirm", "reference": reference, "kind": "access"})
    assert link("copy", token)[0] == 410 and Case.objects.get().proved_at is None
    assert link("press", token)[0] == 200
    assert (link("press", token)[0], link("link", token)[0]) == (410, 410)
    page = pia.get(f"/api/staff/cases/{reference}")[1]
    # Whatever is written about it goes to the account from now on.
    assert (page["case"]["proved_by"], page["person"]["contact"]) == ("mailbox", ASKER)
    assert "mail_proof" not in page["may"] and "carry_out" in page["may"]
    assert act(nora, reference, "carry-out", number="")[0] == 403
    done(pia, reference, "carry-out", number="")
    before = token_in(mailbox(ASKER))
    page = done(pia, reference, "carry-out", number="")
    token = token_in(mailbox(ASKER))
    assert token not in json.dumps(page) and token not in str(list(CaseLink.objects.values()))
    assert (link("copy", before)[0], link("press", token)[0]) == (410, 410)
    # It is fetched after the answer too; one that nobody read to its end leaves the link for a while.
    done(pia, reference, "close", outcome="done", answer="It was mailed.")
    assert Browser().begun("/api/request/copy", {"token": token}) == 200
    assert CaseLink.objects.get().expires_at < datetime.now(UTC) + timedelta(minutes=11)
    status, bundle = link("copy", token)
    assert (status, bundle["data"]["account"]["items"][0]["email"]) == (200, ASKER)
    assert "Balnibarbi" in json.dumps(bundle)
    assert (link("copy", token)[0], link("link", token)[0]) == (410, 410)
    assert AccessEvent.objects.filter(kind=AccessEvent.LINK_REFUSED).exists()
    assert pia.get(f"/api/staff/cases/{reference}")[1]["links"][0]["used_at"] is not None
    assert [action for action, _ in acts_of(reference)] == [
        "case.opened",
        "case.replied",
        "case.proof_mailed",
        "case.proof_mailed",
        "case.proved",
        "case.read",
        "copy.mailed",
        "case.resumed",
        "copy.mailed",
        "case.resumed",
        "case.closed",
        "copy.fetched",
        "case.read",
    ]
    exports = AuditEvent.objects.filter(action="privacy.exported", target=str(member.user_id))
    assert {each.detail["case"] for each in exports} == {reference}
    assert audit_check.verify().broken is None


@pytest.mark.policy("C7.5")
def test_an_address_that_nobody_proved_or_that_may_be_taken_back_gets_no_link(
    member: Membership, mailbox: Mailbox
) -> None:
    pia = at_desk("privacy_officer", "Pia")
    reference = proved(pia, mailbox)
    done(pia, reference, "carry-out", number="")
    token, sent = token_in(mailbox(ASKER)), len(mailbox(ASKER))
    changed = {"kind": AccountMail.EMAIL_CHANGED, "email": "old@people.example", "user": member.user}
    AccountMail.objects.create(created_at=NOW, next_at=NOW, **changed)
    assert code_of(act(pia, reference, "carry-out", number="")[1]) == "address_unproved"
    # Support may have recognised the person otherwise: to whom the mailbox belongs that does not show.
    other = written_down(pia)
    assert code_of(act(pia, other, "proof-link", email="old@people.example")[1]) == "address_unproved"
    assert link("copy", token)[0] == 410
    AccountMail.objects.update(created_at=NOW - timedelta(days=8))
    User.objects.update(email_verified_at=None, email_first_proved_at=None)
    assert code_of(act(pia, other, "proof-link", email=ASKER)[1]) == "address_unproved"
    assert code_of(act(pia, reference, "carry-out", number="")[1]) == "address_unproved"
    assert code_of(act(pia, other, "proof-link", email=STRANGER)[1]) == "account_unknown"
    assert len(mailbox(ASKER)) == sent


def _is_late(_reference: str, _pia: Desk) -> None:
    CaseLink.objects.update(expires_at=NOW)


def _is_refused(reference: str, pia: Desk) -> None:
    done(pia, reference, "close", outcome="refused", answer="It was somebody else.")


def _wants_something_else(reference: str, pia: Desk) -> None:
    done(pia, reference, "sort", kind="correction")


def _has_another_address(_reference: str, _pia: Desk) -> None:
    user = User.objects.get()
    user.email = "new@people.example"
    user.save(update_fields=["email"])


def _is_being_erased(_reference: str, _pia: Desk) -> None:
    User.objects.update(is_active=False)


@pytest.mark.policy("C7.1")
@pytest.mark.parametrize(
    "ended", [_is_late, _is_refused, _wants_something_else, _has_another_address, _is_being_erased]
)
def test_a_link_that_is_over_is_refused_alike_whatever_ended_it(
    member: Membership, mailbox: Mailbox, ended: Callable[[str, Desk], None]
) -> None:
    pia = at_desk("privacy_officer", "Pia")
    reference = proved(pia, mailbox)
    done(pia, reference, "carry-out", number="")
    token = token_in(mailbox(ASKER))
    assert link("link", token)[0] == 200
    unknown = link("copy", "x" * 64)
    ended(reference, pia)
    refused = [link(what, token) for what in ("link", "press", "copy")]
    assert [status for status, _ in refused] == [410] * 3
    assert {code_of(problem) for _, problem in refused} == {code_of(unknown[1])} == {"case_link_invalid"}
    assert {problem["detail"] for _, problem in refused} == {unknown[1]["detail"]}


@pytest.mark.policy("C7.3", "C3.7")
def test_who_cannot_sign_in_is_deleted_by_two_of_us_and_no_link_outlives_them(
    member: Membership, mailbox: Mailbox
) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    copied, elsewhere = proved(pia, mailbox), written_down(pia, contact=STRANGER)
    done(pia, copied, "carry-out", number="")
    token = token_in(mailbox(ASKER))
    # That somebody else asks about the account leads to the person as well.
    done(pia, elsewhere, "proof-link", email=ASKER)
    reference = proved(pia, mailbox, "deletion", STRANGER)
    assert "to delete it" in mailbox(ASKER)[-1]["text"]
    seen = done(pia, reference, "carry-out", number="")["prepared"]["seen"]
    assert code_of(act(pia, reference, "deletion/approve", seen=seen)[1]) == "second_person_needed"
    done(ada, reference, "deletion/approve", seen=seen)
    assert "/erased/" in mailbox(ASKER)[-1]["text"] and mailbox(STRANGER) == []
    assert code_of(act(pia, reference, "proof-link", email=ASKER)[1]) == "case_waits_for_erasure"
    subject = subject_of(member.user_id)
    assert Request.objects.get().person == pseudonym("user", member.user_id)
    # The run walks the stores as for every deletion; in this one nothing of a link is left.
    assert STORE.verify(subject) > 0
    STORE.erase(subject, now=NOW)
    assert not CaseLink.objects.exists() and link("copy", token)[0] == 410
