"""Once more the proof of who somebody is, before something that whoever found an open browser must not do: the password, or
for who has none a passcode.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db.models import Q

from identity import otp, passwords
from identity.access import Client
from identity.auth import Actor
from identity.models import Session, User
from identity.schemas import OtpSentOut
from processors.errors import DomainError

# For so long whoever has just signed in, or proved it once more, is believed to sit there still.
RECENT: Final = timedelta(minutes=15)


class ProofNotRecent(DomainError):
    """Whoever does this has to prove first who it is; passes with the proof."""

    code: ClassVar[str] = "proof_not_recent"


class PasswordWanted(DomainError):
    """The account has a password, so no passcode is sent for it."""

    code: ClassVar[str] = "password_wanted"


class ProofMissing(DomainError):
    """Neither a password nor a passcode was given."""

    code: ClassVar[str] = "proof_missing"


def send_code(*, actor: Actor, client: Client, now: datetime) -> OtpSentOut:
    """Texts a passcode to who has no password. Raises PasswordWanted and what `otp.send` raises."""
    user = User.objects.get(id=actor.user_id)
    if user.has_usable_password():
        raise PasswordWanted("Your account has a password. Type that instead.")
    return otp.send(user=user, client=client, now=now)


def demand_both(*, actor: Actor, present: str | None, code: str, client: Client, now: datetime) -> None:
    """For what moves the account elsewhere: the password, of who has one, and a passcode besides.

    Raises ProofMissing, SignInThrottled, PasswordWrong and what `otp.check` raises.
    """
    user = User.objects.get(id=actor.user_id)
    if user.has_usable_password():
        demand(actor=actor, present=present, code=None, client=client, now=now)
    otp.check(user=user, code=code, client=client, now=now)


def demand(*, actor: Actor, present: str | None, code: str | None, client: Client, now: datetime) -> None:
    """present: the password, of who has one; code: the passcode, of who has none.

    Raises ProofMissing, SignInThrottled, PasswordWrong and what `otp.check` raises.
    """
    user = User.objects.get(id=actor.user_id)
    if user.has_usable_password():
        if not present:
            raise ProofMissing("Type your password, so that nobody else does this in your name.")
        passwords.demand(user=user, present=present, client=client, now=now)
        return
    if not code:
        raise ProofMissing("Type the code from your phone, so that nobody else does this in your name.")
    otp.check(user=user, code=code, client=client, now=now)


def prove(*, actor: Actor, present: str | None, code: str | None, client: Client, now: datetime) -> None:
    """The same, believed for a while in this session. Raises as `demand` does."""
    demand(actor=actor, present=present, code=code, client=client, now=now)
    if actor.session_id is not None:
        Session.objects.filter(id=actor.session_id).update(proved_at=now)


def demand_recent(*, actor: Actor, now: datetime) -> None:
    """For what whoever finds an open browser must not do. Where no session acts, as in commands, there is no browser.

    Raises ProofNotRecent.
    """
    since = now - RECENT
    proved = Session.objects.filter(Q(phone_verified_at__gt=since) | Q(proved_at__gt=since))
    if actor.session_id is not None and not proved.filter(id=actor.session_id).exists():
        raise ProofNotRecent(
            "Prove first that it is you: by your password or, if you have none, a code from your phone."
        )
