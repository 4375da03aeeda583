"""New passwords: by a link in a mail for who has forgotten the old one, and by the old one for who has not."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction

from identity import email_proof, key_ends
from identity.access import Client, SignInThrottled, record, refuse_guessing, refuse_mass_resets
from identity.auth import Actor
from identity.contact import parse_email
from identity.models import AccessEvent, AccountMail, Session, User
from processors.errors import DomainError
from realtime.publish import close_sockets_on_commit

LINK_GOOD_FOR: Final = timedelta(hours=1)
_SALT: Final = "identity.passwords.link"


class WeakPassword(DomainError):
    code: ClassVar[str] = "weak_password"


class ResetLinkInvalid(DomainError):
    """The link is not one of ours, was used, or is too old. Says nothing about which of these."""

    code: ClassVar[str] = "reset_link_invalid"


class PasswordWrong(DomainError):
    """The present password is another one."""

    code: ClassVar[str] = "password_wrong"


def ask_for_link(*, email: str, client: Client, now: datetime) -> None:
    """Notes that a link is wanted; whether there is an account is looked up later, so neither answer nor time tells.

    Raises EmailInvalid, ResetThrottled.
    """
    address = parse_email(email)
    with transaction.atomic():
        refuse_mass_resets(email=address, client=client, now=now)
        record(kind=AccessEvent.RESET_ASKED, client=client, now=now, email=address)
        AccountMail.objects.create(kind=AccountMail.RESET_LINK, email=address, created_at=now, next_at=now)


def link_token(mail: AccountMail) -> str:
    """What the link carries. It follows from the row, so that only the mail ever holds it."""
    return signing.Signer(salt=_SALT).sign(str(mail.id))


def demand_good(*, token: str, now: datetime) -> None:
    """Looks whether a link would set a password, before anybody thinks of one; that changes nothing. Raises ResetLinkInvalid."""
    with transaction.atomic():
        _user_of(token, now)


def reset(*, token: str, password: str, client: Client, now: datetime) -> str:
    """Sets a new password by a link, once, and ends all sessions and API keys of the person. Other links die with it. Returns the
    account's address, which whoever followed the link has proved.

    Raises ResetLinkInvalid, WeakPassword; after the latter the link is still good.
    """
    with transaction.atomic():
        user = _user_of(token, now)
        check_strength(password, user)
        Session.objects.filter(user=user).delete()
        # Whoever lost the password may have lost more; what was made with it ends too.
        key_ends.end_all_of(user.id)
        _set(user, password, client, now)
        email_proof.proved(user=user, way="reset_link", client=client, now=now)
    return user.email


def change(*, actor: Actor, present: str, password: str, client: Client, now: datetime) -> None:
    """Sets a new password for who knows the present one; every other session of the person ends.

    Raises SignInThrottled after too many wrong ones, PasswordWrong, WeakPassword.
    """
    user = User.objects.get(id=actor.user_id)
    demand(user=user, present=present, client=client, now=now)
    check_strength(password, user)
    with transaction.atomic():
        if not still_has(user):
            raise _wrong()
        mine = Session.objects.filter(user=user)
        (mine if actor.session_id is None else mine.exclude(id=actor.session_id)).delete()
        _set(user, password, client, now)


def demand(*, user: User, present: str, client: Client, now: datetime) -> None:
    """Asks once more for the password of who is signed in. Raises SignInThrottled after too many wrong ones, PasswordWrong."""
    # Counted like a failed sign-in, or an open browser would be a way to guess without end.
    attempt = record(kind=AccessEvent.SIGN_IN_FAILED, client=client, now=now, email=user.email)
    try:
        refuse_guessing(email=user.email, client=client, now=now)
    except SignInThrottled:
        # A refused attempt does not prolong the refusal.
        AccessEvent.objects.filter(id=attempt.id).update(kind=AccessEvent.SIGN_IN_REFUSED)
        raise
    if not user.check_password(present):
        raise _wrong()
    attempt.delete()


def still_has(user: User) -> bool:
    """Whether the password that was just checked is still that of an account in use, which is locked until the transaction ends."""
    same = User.objects.select_for_update(no_key=True).filter(id=user.id, password=user.password, is_active=True)
    return same.exists()


def check_strength(password: str, user: User) -> None:
    """Raises WeakPassword."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from None


def _wrong() -> PasswordWrong:
    return PasswordWrong("This is not your present password. If you have forgotten it, sign out and ask for a link.")


def _set(user: User, password: str, client: Client, now: datetime) -> None:
    """Every link that was mailed before dies with it, that of a change of the address too."""
    user.set_password(password)
    user.save(update_fields=["password"])
    email_proof.use_up(user_id=user.id, kinds=[AccountMail.RESET_LINK, AccountMail.NEW_EMAIL], now=now)
    record(kind=AccessEvent.PASSWORD_CHANGED, client=client, now=now, user=user)
    AccountMail.objects.create(
        kind=AccountMail.PASSWORD_CHANGED, email=user.email, user=user, created_at=now, next_at=now
    )
    close_sockets_on_commit(user_id=user.id)


def _user_of(token: str, now: datetime) -> User:
    """Whom the mail with this link was for, locked. A mailbox that is not the account's any more opens nothing."""
    invalid = ResetLinkInvalid("This link was used already or is too old. Ask for a new one.")
    try:
        mail_id = UUID(signing.Signer(salt=_SALT).unsign(token))
    except (signing.BadSignature, ValueError):
        raise invalid from None
    good = AccountMail.objects.filter(
        id=mail_id, kind=AccountMail.RESET_LINK, used_at__isnull=True, created_at__gte=now - LINK_GOOD_FOR
    )
    # The person first, as everybody locks them, and then whether the link is still good.
    user_id = good.values_list("user_id", flat=True).first()
    if user_id is None:
        raise invalid
    user = User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).first()
    mail = good.first()
    if user is None or mail is None or mail.email != user.email:
        raise invalid
    return user
