"""Signing up, in and out, and membership. Erasure is in identity/erasure.py."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from compliance import consent, policy
from compliance.policy import StandingPurpose
from compliance.redaction import redact_cards
from identity import email_proof, invitations, key_ends, opt_out, otp, passwords, step_up, ways_in
from identity.access import Client, record, refuse_guessing, refuse_mass_sign_up
from identity.auth import Actor
from identity.contact import parse_email, parse_mobile
from identity.erasure import erase_user, erase_workspace
from identity.members import OWN_WORKSPACE_NAME
from identity.models import AccessEvent, AccountMail, Membership, Session, User, Workspace
from identity.permissions import Role
from identity.schemas import AccountIn, OtpSentOut, SignUpIn
from identity.sessions import SessionStore
from identity.social import SocialSignUpOver
from processors.errors import DomainError
from realtime.publish import close_sockets_on_commit

logger = logging.getLogger(__name__)

USE_NOTED_EVERY: Final = timedelta(minutes=5)


class TransferNotAgreed(DomainError):
    """Nobody's data is sent to another country without a yes of its own."""

    code: ClassVar[str] = "transfer_not_agreed"


class PolicyNotAccepted(DomainError):
    """The policy was not accepted, or a version that is no longer in force was."""

    code: ClassVar[str] = "policy_not_accepted"


class SignInFailed(DomainError):
    """E-mail and password do not belong together; says nothing about which of them is wrong."""

    code: ClassVar[str] = "sign_in_failed"


class AccountBlocked(DomainError):
    """The account may not be used; told only to someone who knows its password."""

    code: ClassVar[str] = "account_blocked"


class EmailTaken(DomainError):
    """The e-mail has an account; told only to someone who has just proved a phone."""

    code: ClassVar[str] = "email_taken"


class SessionEnded(DomainError):
    """The session was signed out while it was being used."""

    code: ClassVar[str] = "session_ended"


class SessionNotFound(DomainError):
    """The person has no such open session."""

    code: ClassVar[str] = "session_not_found"


class AlreadySignedIn(DomainError):
    """The phone was proved in this session before."""

    code: ClassVar[str] = "already_signed_in"


def sign_up(*, session: SessionStore, form: SignUpIn, client: Client, now: datetime) -> None:
    """Creates person, workspace and consents, and a session that waits for the passcode.

    An e-mail that has an account is answered exactly like a new one, since nothing has proved yet who is
    asking. Who then proves a phone is told (`verify_phone`): each look costs a text message to a number of
    one's own, under the limits of identity/otp.py, and the person who forgot about an account still learns of
    it.

    Raises SignUpThrottled, EmailInvalid, MobileInvalid, WeakPassword, SmsConsentMissing, PolicyNotAccepted, TransferNotAgreed,
    InvitationInvalid, InvitationOfAnother.
    """
    refuse_mass_sign_up(client=client, now=now)
    # Before the password is hashed: what is refused here is not counted, so it must be cheap.
    invitation = invitations.of_token(form.invitation, now=now) if form.invitation else None
    if invitation is not None:
        invitations.demand_same(invitation, parse_email(form.email))
    user = _with_password(form, now)
    with transaction.atomic():
        refuse_mass_sign_up(client=client, now=now)
        membership = open_account(user, form, client, now)
        record(kind=AccessEvent.SIGN_UP, client=client, now=now, user=user, email=user.email)
        session.begin(user=user, membership=membership, client=client, now=now)
        if invitation is not None:
            invitations.follow(session=session, invitation=invitation)


def create_verified_user(*, form: SignUpIn, client: Client, now: datetime) -> Membership:
    """An account whose phone and e-mail the operator vouches for; signing in to it demands a passcode like any other.

    Raises as `sign_up` does, and EmailTaken.
    """
    user = _with_password(form, now)
    user.mobile_verified_at = user.email_verified_at = user.email_first_proved_at = now
    with transaction.atomic(), claiming_email():
        _demand_not_held(user, now)
        return open_account(user, form, client, now)


def add_member(*, workspace_id: UUID, form: SignUpIn, role: Role, client: Client, now: datetime) -> Membership:
    """A verified person as a member of an existing workspace. A second owner is refused by the database.

    Raises as `create_verified_user` does.
    """
    user = _with_password(form, now)
    user.mobile_verified_at = user.email_verified_at = user.email_first_proved_at = now
    with transaction.atomic(), claiming_email():
        _demand_not_held(user, now)
        user.save(force_insert=True)
        _record_consents(user, form, client, now)
        return Membership.objects.create(workspace_id=workspace_id, user=user, role=role, created_at=now)


def sign_in(*, session: SessionStore, email: str, password: str, client: Client, now: datetime) -> None:
    """Opens a session that waits for the passcode.

    One password hash is computed whether or not the account exists, so that neither answer nor time tells.
    Raises SignInThrottled, SignInFailed, AccountBlocked.
    """
    email = email.strip().lower()
    # Written before the password is looked at: parallel guesses see one another.
    attempt = record(kind=AccessEvent.SIGN_IN_FAILED, client=client, now=now, email=email)
    try:
        refuse_guessing(email=email, client=client, now=now)
    except DomainError:
        # A refused attempt does not prolong the refusal; otherwise anybody could keep an account locked for
        # ever.
        _reword(attempt, AccessEvent.SIGN_IN_REFUSED)
        raise
    user = _account_of(email)
    if user is None:
        make_password(password)
        raise SignInFailed("E-mail and password do not match an account. Check both, or sign up.")
    if not user.check_password(password):
        raise SignInFailed("E-mail and password do not match an account. Check both, or sign up.")
    if not user.is_active or last_used(user) is None:
        _reword(attempt, AccessEvent.SIGN_IN_REFUSED, user)
        raise AccountBlocked("This account cannot be used now. Write to support to learn why and what can be done.")
    with transaction.atomic():
        membership = last_used(user) if passwords.still_has(user) else None
        if membership is None:
            raise SignInFailed("The password was changed just now. Sign in with the new one.")
        _reword(attempt, AccessEvent.SIGN_IN, user)
        session.begin(user=user, membership=membership, client=client, now=now)


def send_otp(*, session: SessionStore, client: Client, now: datetime) -> OtpSentOut:
    """Texts a passcode to the number of the session's person.

    Raises SessionEnded, AlreadySignedIn and what `otp.send` raises.
    """
    row, user = _waiting(session)
    _demand_not_blocked(user)
    if row.phone_verified_at is not None:
        raise AlreadySignedIn("You are signed in already. Reload the page.")
    return otp.send(user=user, client=client, now=now)


def verify_phone(*, session: SessionStore, code: str, client: Client, now: datetime) -> str | None:
    """Opens the session fully, under a new id, if the passcode is right, and returns the account's address. A second time it looks at
    no passcode, changes nothing and returns None.

    Raises SessionEnded, EmailTaken, SocialInUse, SocialSignUpOver and what `otp.check` raises.
    """
    row, user = _waiting(session)
    if row.phone_verified_at is not None:
        return None
    _demand_not_blocked(user)
    otp.check(user=user, code=code, client=client, now=now)
    is_new = False
    if user.mobile_verified_at is None:
        try:
            with transaction.atomic(), claiming_email():
                _demand_not_held(user, now)
                mine = User.objects.filter(id=user.id, mobile_verified_at__isnull=True).update(mobile_verified_at=now)
                is_new = bool(mine)
                if is_new:
                    ways_in.take_claimed(session=session, user=user, now=now)
                    if user.email_verified_at is None:
                        email_proof.ask(user=user, now=now)
        except (EmailTaken, ways_in.SocialInUse, SocialSignUpOver):
            erase_user(user_id=user.id, now=now)
            session.flush()
            raise
    with transaction.atomic():
        if not session.phone_verified(now=now):
            raise SessionEnded("This session was signed out. Sign in again.")
        record(kind=AccessEvent.PHONE_VERIFIED, client=client, now=now, user=user)
        opt_out.proved(user=user)
    _join_as_invited(session, user, is_new=is_new, now=now)
    return user.email


def _join_as_invited(session: SessionStore, user: User, *, is_new: bool, now: datetime) -> None:
    """Takes whoever followed an invitation into that workspace, if it is still open. The way in never fails by it:
    the account is good without, and the link may still be used.
    """
    invitation_id = invitations.take_followed(session)
    if invitation_id is None:
        return
    try:
        invitations.accept(user=user, session=session, invitation_id=invitation_id, now=now)
        if is_new:
            # The workspace that every sign-up makes; nobody can have done anything in it yet.
            for own in Membership.objects.filter(user=user, role=Membership.OWNER):
                erase_workspace(workspace_id=own.workspace_id, now=now)
    except (DomainError, DatabaseError) as error:
        logger.warning("not joined as invited", extra={"error_type": type(error).__name__})


def sign_out(*, session: SessionStore, client: Client, now: datetime) -> None:
    """Ends the session and closes the person's sockets; those of other sessions reconnect by themselves."""
    _, user = _waiting(session)
    with transaction.atomic():
        record(kind=AccessEvent.SIGN_OUT, client=client, now=now, user=user)
        session.flush()
        close_sockets_on_commit(user_id=user.id)


def sign_out_everywhere(*, user_id: UUID, now: datetime) -> int:
    """Ends every session and API key of a person and closes the sockets. Returns how many sessions and keys that were."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).filter(id=user_id).first()
        ended, _ = Session.objects.filter(user_id=user_id).delete()
        email_proof.use_up(user_id=user_id, kinds=[AccountMail.NEW_EMAIL], now=now)
        keys = key_ends.end_all_of(user_id)
        close_sockets_on_commit(user_id=user_id)
    return ended + keys


def revoke_session(*, actor: Actor, session_id: UUID, client: Client, now: datetime) -> None:
    """Signs out one of the actor's own sessions, wherever it is, and ends a change of the address that may have begun there.

    Raises ProofNotRecent, SessionNotFound.
    """
    step_up.demand_recent(actor=actor, now=now)
    with transaction.atomic():
        # Before the sessions, as whoever begins a change locks them.
        user = User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        ended, _ = Session.objects.filter(id=session_id, user_id=actor.user_id).delete()
        if not ended:
            raise SessionNotFound("There is no such session; it may have ended already. Reload the page.")
        email_proof.use_up(user_id=user.id, kinds=[AccountMail.NEW_EMAIL], now=now)
        record(kind=AccessEvent.SESSION_REVOKED, client=client, now=now, user=user)
        close_sockets_on_commit(user_id=actor.user_id)


def revoke_sessions(*, actor: Actor, this_too: bool, client: Client, now: datetime) -> None:
    """Signs the actor out of every other browser, and of this one too if wished; API keys go on. A second time it changes nothing.

    Raises ProofNotRecent.
    """
    step_up.demand_recent(actor=actor, now=now)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        mine = Session.objects.filter(user=user)
        ended, _ = (mine if this_too or actor.session_id is None else mine.exclude(id=actor.session_id)).delete()
        if ended:
            email_proof.use_up(user_id=user.id, kinds=[AccountMail.NEW_EMAIL], now=now)
            record(kind=AccessEvent.SESSION_REVOKED, client=client, now=now, user=user)
            close_sockets_on_commit(user_id=user.id)


def use_is_due(session: Session, *, now: datetime) -> bool:
    return now - session.last_used_at >= USE_NOTED_EVERY


def note_use(*, session: Session, now: datetime) -> None:
    """Keeps the time of last use to within five minutes, so that most requests write nothing."""
    if use_is_due(session, now=now):
        Session.objects.filter(id=session.id, last_used_at__lte=now - USE_NOTED_EVERY).update(last_used_at=now)


def person(form: AccountIn, *, email: str, now: datetime) -> User:
    """The checked form as a row that is not saved yet and has no way in.

    Raises EmailInvalid, MobileInvalid, SmsConsentMissing, PolicyNotAccepted, TransferNotAgreed.
    """
    if not form.sms_consent:
        raise otp.SmsConsentMissing(
            "Signing in needs passcodes by text message. Tick the box to agree to receive them."
        )
    if not form.policy_accepted or form.policy_version != policy.current_version():
        raise PolicyNotAccepted(
            "Read the privacy policy and tick the box to accept it. If it is ticked, the policy has changed: reload the page."
        )
    if not form.transfer_consent:
        raise TransferNotAgreed("Agree to storage in the European Union in its box: our servers stand there.")
    return User(
        first_name=redact_cards(form.first_name)[:80],
        last_name=redact_cards(form.last_name)[:80],
        email=parse_email(email),
        mobile_e164=parse_mobile(form.mobile),
        created_at=now,
    )


def open_account(user: User, form: AccountIn, client: Client, now: datetime) -> Membership:
    """Saves the person with a workspace and all consents; to be called in a transaction."""
    name = redact_cards(form.workspace_name or OWN_WORKSPACE_NAME)[:120]
    workspace = Workspace.objects.create(name=name, created_at=now)
    user.save(force_insert=True)
    _record_consents(user, form, client, now)
    return Membership.objects.create(workspace=workspace, user=user, role=Membership.OWNER, created_at=now)


def last_used(user: User) -> Membership | None:
    """Where the person was last, which is where the next sign-in leads; None for who is nowhere."""
    used_last = F("entered_at").desc(nulls_last=True)
    return Membership.objects.filter(user=user).order_by(used_last, "created_at").first()


def _with_password(form: SignUpIn, now: datetime) -> User:
    """Raises as `person` does, and WeakPassword."""
    user = person(form, email=form.email, now=now)
    password = form.password.get_secret_value()
    passwords.check_strength(password, user)
    user.set_password(password)
    return user


def _record_consents(user: User, form: AccountIn, client: Client, now: datetime) -> None:
    agreed: tuple[StandingPurpose, ...] = ("sms", "policy", "transfer")
    for purpose in agreed:
        consent.grant(user_id=user.id, purpose=purpose, policy_version=form.policy_version, ip=client.address, now=now)


@contextmanager
def claiming_email() -> Iterator[None]:
    """Turns the database's refusal of a second account for one e-mail into EmailTaken."""
    try:
        yield
    except IntegrityError as error:
        if "user_email_of_one_account" not in str(error):
            raise
        raise _email_taken() from None


def _demand_not_held(user: User, now: datetime) -> None:
    """Raises EmailTaken when somebody has the address, or may take it back."""
    email_proof.line_up(user.email)
    if email_proof.is_held(email=user.email, but=user.id, now=now):
        raise _email_taken()


def _email_taken() -> EmailTaken:
    return EmailTaken("This e-mail has an account. Sign in with it, or write to support.")


def _account_of(email: str) -> User | None:
    """The account; or, where none has been finished, the latest unfinished sign-up, so that it can be
    finished.
    """
    return (
        User.objects.filter(email=email).order_by(F("mobile_verified_at").asc(nulls_last=True), "-created_at").first()
    )


def _waiting(session: SessionStore) -> tuple[Session, User]:
    row = session.row
    if row is None or row.user is None:
        raise SessionEnded("This session was signed out. Sign in again.")
    return row, row.user


def _demand_not_blocked(user: User) -> None:
    """Of a session that slipped in while its person was being blocked. Raises SessionEnded."""
    if not user.is_active:
        raise SessionEnded("This session was signed out. Sign in again.")


def _reword(event: AccessEvent, kind: str, user: User | None = None) -> None:
    AccessEvent.objects.filter(id=event.id).update(kind=kind, user=user)
