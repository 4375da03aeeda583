"""What becomes of an address that is given up, and of a change of it that is under way, when somebody else may have been at work."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from compliance import cases
from compliance.case_personal_data import own_cases
from identity import email_change
from identity.auth import actor_of_session
from identity.email_proof import NO_CLIENT
from identity.email_schemas import EmailChangeIn
from identity.models import (
    AccessEvent,
    Invitation,
    Membership,
    Session,
    SocialIdentity,
    User,
    Workspace,
)
from identity.operations import EmailTaken, SessionEnded
from identity.personal_data import subject_of
from identity.sessions import SessionStore
from processors.pseudonyms import pseudonym
from tests.identity.browser import PASSWORD, Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_email import A_WHILE, NEW, ask_change, member, page, press, token_in
from tests.identity.test_passwords import Mails, choose, forgot, mails
from tests.identity.test_passwords import token_in as reset_token_in
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import hire

__all__ = ["mails", "member", "page"]


def changed(**values: Any) -> None:
    """As the account's columns would be; they are sealed row by row."""
    user = User.objects.get()
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=list(values))


def test_who_changed_the_number_before_the_address_keeps_neither(
    page: Browser, make_account: MakeAccount, sandbox: Sandbox, mails: Mails
) -> None:
    """Red when a new number makes an address that was proved one that nobody proved."""
    changed(mobile_e164="+12025550155", email_verified_at=None)
    # An operator makes no account for it either, as long as it may be taken back.
    ask_change(page, sandbox)
    assert press(token_in(mails(NEW)[0]))[0] == 200
    with pytest.raises(EmailTaken):
        make_account(mobile="+12025550156")
    with pytest.raises(EmailTaken):
        make_account(Membership.objects.get().workspace_id, mobile="+12025550156")
    assert press(token_in(mails()[-1])) == (200, {"step": "take_back"})
    assert User.objects.get().email == "ada@example.com"


def test_whoever_lost_the_address_first_takes_it_back_last(page: Browser, sandbox: Sandbox, mails: Mails) -> None:
    """Red when a second change that takes itself back uses up the link of the first."""
    ask_change(page, sandbox)
    press(token_in(mails(NEW)[0]))
    first = token_in(mails()[-1])
    assert page.post("/api/email/code", {"present": PASSWORD})[0] == 200
    change = {"email": "ada.newer@example.com", "present": PASSWORD, "code": sandbox.code_at("+12025550110")}
    assert page.post("/api/email/change", change)[0] == 204
    press(token_in(mails("ada.newer@example.com")[0]))
    second = token_in(mails(NEW)[-1])
    assert press(second) == (200, {"step": "take_back"})
    assert press(first) == (200, {"step": "take_back"})
    assert User.objects.get().email == "ada@example.com"
    assert press(second)[0] == 410


@pytest.mark.parametrize(("days", "left"), [(3, 0), (10, 1)])
def test_what_was_linked_shortly_before_the_change_goes_with_it(
    page: Browser, sandbox: Sandbox, mails: Mails, days: int, left: int
) -> None:
    ago = datetime.now(UTC) - timedelta(days=days)
    SocialIdentity.objects.create(user=User.objects.get(), provider="google", subject="g-1", created_at=ago)
    ask_change(page, sandbox)
    press(token_in(mails(NEW)[0]))
    press(token_in(mails()[-1]))
    assert SocialIdentity.objects.count() == left
    assert mails()[-1]["subject"] == "Your link to a new password"


@pytest.mark.parametrize("way", ["revoked", "everywhere", "stopped"])
def test_a_wish_ends_with_the_session_that_somebody_ends(
    page: Browser, member: Membership, sign_in: SignIn, sandbox: Sandbox, mails: Mails, way: str
) -> None:
    ask_change(page, sandbox)
    token = token_in(mails(NEW)[0])
    if way == "revoked":
        other = sign_in(member, "198.51.100.2")
        [theirs] = [each for each in other.get("/api/sessions")[1]["items"] if not each["current"]]
        assert other.delete(f"/api/sessions/{theirs['id']}")[0] == 204
    elif way == "everywhere":
        call_command("sign_out", "ada@example.com")
    else:
        call_command("texts", "stop", "+12025550110", "--yes", "--by", hire().email)
    assert press(token)[0] == 410
    assert User.objects.get().email == "ada@example.com"


def test_a_wish_of_who_was_put_out_while_the_code_was_looked_at_counts_for_nothing(
    page: Browser, sandbox: Sandbox, mails: Mails
) -> None:
    page.post("/api/email/code", {"present": PASSWORD})
    session = SessionStore(page.session_cookie)
    actor = actor_of_session(session)
    assert actor is not None
    wish = EmailChangeIn.model_validate({"email": NEW, "present": PASSWORD, "code": sandbox.code_at("+12025550110")})

    Session.objects.all().delete()
    with pytest.raises(SessionEnded):
        email_change.begin(actor=actor, session=session, form=wish, client=NO_CLIENT, now=datetime.now(UTC))
    assert mails(NEW) == []


def test_a_link_to_a_new_password_at_an_old_address_opens_nothing(page: Browser, mails: Mails) -> None:
    forgot()
    reset = reset_token_in(mails()[0])
    changed(email=NEW)
    assert choose(reset)[0] == 410


def test_what_hangs_on_the_old_address_stays_the_persons(page: Browser, sandbox: Sandbox, mails: Mails) -> None:
    """Red when the copy and the erasure of the data look under the new address alone."""
    Browser("203.0.113.5").post("/api/signin", {"email": "ada@example.com", "password": "not this one"})
    now = datetime.now(UTC)
    case = cases.open_case(
        kind="access",
        channel="mail",
        person=pseudonym("email", "ada@example.com"),
        contact="ada@example.com",
        proof="support",
        now=now,
    )
    bo = Workspace.objects.create(name="Bo", created_at=now)
    Invitation.objects.create(
        workspace=bo, email="ada@example.com", role="rep", created_at=now, expires_at=now + A_WHILE, next_at=now
    )
    ask_change(page, sandbox)
    press(token_in(mails(NEW)[0]))
    user = User.objects.get()
    assert AccessEvent.objects.get(kind="sign_in_failed").user == user
    assert Invitation.objects.get_queryset().get().ended_at is not None
    assert [each.id for each in own_cases(subject_of(user.id))] == [case.id]
