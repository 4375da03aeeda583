"""Somebody is named to act for a person; declines, or asks, and two of us decide. Nobody else learns that there is one.

Planted bugs that these catch: an answer that tells whether there is a nominee, a link that acts by being looked at or acts twice, an
approval by who prepared it, and a nominee who stays after the account is erased.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from compliance import case_mails, erasure
from compliance.models import AuditEvent, Case, ConsentEvent, Nominee, NomineeClaim, NomineeGrant, Request
from compliance.personal_data import STORE
from identity import nominee_mails
from identity.models import Membership, User
from identity.personal_data import subject_of
from tests.compliance.ends import end
from tests.compliance.test_erasure import plant
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
MIA = "mia@people.example"
ADA = "ada@example.com"
WORDS = "She died on Tuesday. I have the certificate."
Mailbox = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def mailbox(sandbox: Sandbox, settings: Any) -> Mailbox:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def read(to: str) -> list[dict[str, Any]]:
        later = datetime.now(UTC) + timedelta(minutes=1)
        nominee_mails.send_nominee_mails(now=later)
        case_mails.send_case_mails(now=later)
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=to)
        return found

    return read


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account()
    plant(member, "Glubbdubdrib", "+37060088123", lines=3)
    return member


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def name(page: Browser, **changes: object) -> tuple[int, Any]:
    version = page.get("/api/privacy/nominee")[1]["policy_version"]
    body = {"name": "Mia Okafor", "email": MIA, "agreed": True, "policy_version": version, **changes}
    return page.put("/api/privacy/nominee", body)


def ask(**changes: str) -> tuple[int, Any]:
    return Browser("203.0.113.9").post(
        "/api/nominee/ask", {"email": MIA, "account_email": ADA, "words": WORDS, **changes}
    )


def token_in(mail: dict[str, Any]) -> str:
    found = re.search(r"/nominee#(\S+)", mail["text"])
    assert found
    return found[1]


def link(what: str, token: str) -> tuple[int, Any]:
    """In whatever browser opens the mail; nobody is signed in there."""
    return Browser("203.0.113.9").post(f"/api/nominee/{what}", {"token": token})


def asked(page: Browser, mailbox: Mailbox) -> str:
    """The reference of what the nominee asked for and confirmed."""
    name(page)
    ask()
    assert link("press", token_in(mailbox(MIA)[-1]))[0] == 200
    return Case.objects.get(kind="nominee").reference


def prepared(desk: Desk, reference: str, *, access: bool = True, erase: bool = False) -> dict[str, Any]:
    body = {"evidence": "A certificate of the registry, seen by video.", "access": access, "erasure": erase}
    status, shown = desk.post(f"/api/staff/cases/{reference}/nominee", body)
    assert status == 200, shown
    assert isinstance(shown, dict)
    return shown


def approve(desk: Desk, reference: str, seen: str) -> tuple[int, Any]:
    return desk.post(f"/api/staff/cases/{reference}/nominee/approve", {"seen": seen})


def test_a_name_that_is_a_link_is_not_sent_to_whom_it_names(
    page: Browser, member: Membership, mailbox: Mailbox
) -> None:
    member.user.last_name = "prizes.example, collect now"
    member.user.save(update_fields=["last_name"])
    name(page)
    [mail] = mailbox(MIA)
    assert mail["subject"] == "Somebody has named you at Klosesales" and "prizes" not in mail["text"]


@pytest.mark.policy("C5.1-4")
def test_one_form_names_somebody_and_one_click_takes_it_back(
    page: Browser, member: Membership, mailbox: Mailbox
) -> None:
    assert page.get("/api/privacy/nominee")[1]["nominee"] is None
    for wrong in ({"agreed": False}, {"name": ""}, {"more": "x"}):
        assert name(page, **wrong)[0] == 422
    assert code_of(name(page, email=ADA)[1]) == "nominee_is_self"
    assert code_of(name(page, email="mia")[1]) == "email_invalid"
    assert name(page, policy_version="0")[0] == 409
    status, state = name(page)
    assert (status, state["nominee"]["name"], state["nominee"]["told_at"]) == (200, "Mia Okafor", None)
    [mail] = mailbox(MIA)
    assert "has named you" in mail["subject"] and "Ada Okafor" in mail["text"]
    assert page.get("/api/privacy/nominee")[1]["nominee"]["told_at"] is not None
    stored = str(Nominee.objects.values().get())
    assert MIA not in stored and "Mia" not in stored and token_in(mail) not in stored
    words = [each["text"] for each in page.get("/api/privacy/consents")[1]["items"] if each["purpose"] == "nominee"]
    assert words == [state["words"]]
    # Somebody else takes the place; the first one's link does nothing any more.
    assert name(page, name="Ben", email="ben@people.example")[1]["nominee"]["name"] == "Ben"
    assert link("press", token_in(mail))[0] == 410
    for _ in range(2):
        assert page.delete("/api/privacy/nominee")[1]["nominee"] is None
    said = ConsentEvent.objects.filter(user_id=member.user_id, purpose="nominee").order_by("at", "id")
    assert list(said.values_list("given", flat=True)) == [True, True, False]


@pytest.mark.policy("C5.1-4")
def test_who_was_named_declines_by_a_button_and_is_forgotten(page: Browser, mailbox: Mailbox) -> None:
    name(page)
    token = token_in(mailbox(MIA)[0])
    for _ in range(2):
        assert link("link", token) == (200, {"step": "decline"})
    assert Nominee.objects.get().email == MIA
    assert link("press", token) == (200, {"step": "decline"})
    assert (link("press", token)[0], link("link", "x" * 64)[0]) == (410, 410)
    state = page.get("/api/privacy/nominee")[1]["nominee"]
    assert (state["name"], state["email"], state["declined_at"] is not None) == ("", "", True)
    ask()
    assert not NomineeClaim.objects.exists()


@pytest.mark.policy("C5.1-4")
def test_nobody_learns_from_the_outside_whether_somebody_has_a_nominee(page: Browser, mailbox: Mailbox) -> None:
    name(page)
    answers = [
        ask(email="stranger@people.example"),
        ask(account_email="nobody@people.example"),
        ask(account_email="stranger@people.example", email="nobody@people.example"),
        ask(),
    ]
    assert answers == [(204, None)] * 4
    assert NomineeClaim.objects.count() == 1
    assert WORDS not in str(NomineeClaim.objects.values().get())
    assert mailbox("stranger@people.example") == [] == mailbox("nobody@people.example")
    # Whoever goes on asking has the nominee written to three times a day.
    for _ in range(5):
        ask()
    assert NomineeClaim.objects.count() == 3
    assert ask(email="no address")[0] == 422
    assert not Case.objects.exists()


@pytest.mark.policy("C5.1-4")
def test_a_link_of_a_request_opens_one_case_and_the_person_is_told(
    page: Browser, member: Membership, mailbox: Mailbox
) -> None:
    name(page)
    ask()
    token = token_in(mailbox(MIA)[-1])
    assert link("link", token) == (200, {"step": "confirm"})
    assert not Case.objects.exists()
    assert link("press", token) == (200, {"step": "confirm"})
    assert link("press", token)[0] == 410
    case = Case.objects.get()
    assert (case.kind, case.proved_by, case.contact, case.user_id) == ("nominee", "link", MIA, member.user_id)
    assert case.entries.get(kind="words").text == WORDS
    [told] = mailbox(ADA)
    assert case.reference in told["subject"] and "If you are well" in told["text"]
    assert page.get("/api/privacy/cases")[1]["items"][0]["kind"] == "nominee"
    # A day later a link is too old.
    ask()
    late = token_in(mailbox(MIA)[-1])
    NomineeClaim.objects.update(expires_at=NOW)
    assert link("press", late)[0] == 410
    assert end("account_mail", now=NOW + timedelta(days=32)) >= 1
    assert not NomineeClaim.objects.exists()


@pytest.mark.policy("C5.1-4")
def test_two_of_us_grant_a_copy_by_one_link(page: Browser, mailbox: Mailbox) -> None:
    reference = asked(page, mailbox)
    nora = at_desk()
    pia, ada = at_desk("privacy_officer", "Pia", "198.51.100.91"), at_desk("admin", "Ada", "198.51.100.92")
    assert (
        nora.post(f"/api/staff/cases/{reference}/nominee", {"evidence": "abc", "access": True, "erasure": False})[0]
        == 403
    )
    nothing = {"evidence": "A certificate.", "access": False, "erasure": False}
    assert code_of(pia.post(f"/api/staff/cases/{reference}/nominee", nothing)[1]) == "nothing_granted"
    shown = prepared(pia, reference)
    seen = shown["grant"]["seen"]
    assert "grant" not in shown["may"] and shown["grant"]["by_me"]
    assert code_of(approve(pia, reference, seen)[1]) == "second_person_needed"
    assert code_of(approve(ada, reference, str(Case.objects.get().id))[1]) == "preview_changed"
    with pytest.raises(IntegrityError, match="nominee_grant_has_two_people"), transaction.atomic():
        NomineeGrant.objects.update(state="approved", decided_at=NOW, decided_by=NomineeGrant.objects.get().prepared_by)
    status, shown = approve(ada, reference, seen)
    assert (status, shown["grant"]["state"], shown["erasure"]) == (200, "approved", None)
    token = token_in(mailbox(MIA)[-1])
    assert token not in json.dumps(pia.get(f"/api/staff/cases/{reference}")[1])
    assert link("link", token) == (200, {"step": "copy"})
    # A copy that nobody read to its end leaves the link for a while.
    assert Browser().begun("/api/nominee/copy", {"token": token}) == 200
    until = NomineeGrant.objects.get().link_until
    assert until is not None and until < datetime.now(UTC) + timedelta(minutes=11)
    status, bundle = link("copy", token)
    assert status == 200 and "this is Glubbdubdrib speaking" not in bundle["data"].get("account", "")
    assert bundle["data"]["account"]["items"][0]["email"] == ADA
    assert (link("copy", token)[0], link("link", token)[0]) == (410, 410)
    acts = AuditEvent.objects.filter(target=str(Case.objects.get().id), action__startswith="nominee").order_by(
        "sequence"
    )
    assert list(acts.values_list("action", flat=True)) == ["nominee.prepared", "nominee.approved", "nominee.copied"]
    assert MIA not in str(list(AuditEvent.objects.values_list("detail", "target", "actor_ref")))


@pytest.mark.policy("C6.1")
def test_what_was_shown_goes_a_week_after_the_decision_and_what_waits_keeps_it(page: Browser, mailbox: Mailbox) -> None:
    reference = asked(page, mailbox)
    pia, ada = at_desk("privacy_officer", "Pia", "198.51.100.91"), at_desk("admin", "Ada", "198.51.100.92")
    shown = prepared(pia, reference)["grant"]
    assert shown["evidence"] and end("identity_proof", now=NOW + timedelta(days=30)) == 0
    approve(ada, reference, shown["seen"])
    assert [end("identity_proof", now=NOW + timedelta(days=days)) for days in (6, 8, 9)] == [0, 1, 0]
    left = pia.get(f"/api/staff/cases/{reference}")[1]["grant"]
    assert (left["evidence"], left["state"], left["access"]) == ("", "approved", True)


@pytest.mark.policy("C5.1-4")
def test_what_was_granted_too_late_or_withdrawn_opens_nothing(page: Browser, mailbox: Mailbox) -> None:
    reference = asked(page, mailbox)
    pia, ada = at_desk("privacy_officer", "Pia", "198.51.100.91"), at_desk("admin", "Ada", "198.51.100.92")
    seen = prepared(pia, reference)["grant"]["seen"]
    assert ada.post(f"/api/staff/cases/{reference}/nominee/withdraw")[1]["grant"]["state"] == "withdrawn"
    assert code_of(approve(ada, reference, seen)[1]) == "nothing_prepared"
    approve(ada, reference, prepared(pia, reference)["grant"]["seen"])
    token = token_in(mailbox(MIA)[-1])
    NomineeGrant.objects.filter(state="approved").update(link_until=NOW)
    assert link("copy", token)[0] == 410


@pytest.mark.policy("C5.1-4")
def test_a_case_that_came_otherwise_grants_nothing(page: Browser, member: Membership) -> None:
    pia = at_desk("privacy_officer", "Pia")
    opened = pia.post("/api/staff/cases", {"kind": "nominee", "contact": MIA, "words": WORDS})[1]
    reference = opened["case"]["reference"]
    pia.post(f"/api/staff/cases/{reference}/prove", {"whose": ADA})
    body = {"evidence": "A certificate.", "access": True, "erasure": True}
    status, problem = pia.post(f"/api/staff/cases/{reference}/nominee", body)
    assert (status, code_of(problem)) == (409, "not_of_nominee")


@pytest.mark.policy("C5.1-4")
def test_a_deletion_for_a_nominee_can_be_taken_back_and_ends_everything(
    page: Browser, member: Membership, mailbox: Mailbox
) -> None:
    reference = asked(page, mailbox)
    pia, ada = at_desk("privacy_officer", "Pia", "198.51.100.91"), at_desk("admin", "Ada", "198.51.100.92")
    seen = prepared(pia, reference, erase=True)["grant"]["seen"]
    status, shown = approve(ada, reference, seen)
    assert status == 200 and shown["erasure"]["cancellable"]
    subjects = [mail["subject"] for mail in mailbox(MIA)]
    assert f"The copy that you asked for [{reference}]" in subjects and f"About your request [{reference}]" in subjects
    # The link ends when the deletion begins.
    assert NomineeGrant.objects.get().link_until == Request.objects.get().runs_at
    token = token_in(next(mail for mail in mailbox(MIA) if "The copy" in mail["subject"]))
    assert erasure.run_due_erasures(now=datetime.now(UTC) + timedelta(days=3, hours=1)) == 1
    assert not User.objects.filter(id=member.user_id).exists()
    assert not Nominee.objects.exists() and not NomineeGrant.objects.exists()
    assert link("copy", token)[0] == 410
    case = Case.objects.get()
    assert (case.state, case.outcome, case.contact) == ("closed", "done", "")


@pytest.mark.policy("C5.1-4")
def test_export_and_erasure_hold_whom_one_named_and_where_one_was_named(
    page: Browser, member: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    mia = make_account(email=MIA, mobile="+1 202 555 0111")
    name(page)
    own, theirs = STORE.export(subject_of(member.user_id)), STORE.export(subject_of(mia.user_id))
    assert own["nominee"][0]["email"] == MIA
    assert theirs["nominee"][0]["as"] == "Mia Okafor" and ADA not in json.dumps(theirs["nominee"])
    sign_in(mia).post("/api/privacy/erasure", {"confirm": MIA, "when": "now"})
    assert erasure.run_due_erasures(now=datetime.now(UTC) + timedelta(minutes=1)) == 1
    left = Nominee.objects.get()
    assert (left.email, left.declined_at is not None) == ("", True)
