"""Another e-mail address for an account: the password and the phone prove who asks, then the new mailbox that it is there.

The old address counts until then. It is told, and may take itself back for some days: that ends whatever whoever changed it may
have opened.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q

from compliance import audit
from compliance import case_personal_data as case_data
from compliance.audit import PersonalAction
from identity import account_name, email_proof, key_ends, otp, step_up, tenancy
from identity.access import Client, record
from identity.auth import Actor
from identity.contact import hinted, masked, parse_email
from identity.email_proof import EmailLinkInvalid, EmailLinksTooMany
from identity.email_schemas import EmailChangeIn, EmailLinkSeenOut, EmailStep
from identity.models import AccessEvent, AccountMail, Invitation, Session, User
from identity.operations import EmailTaken, SessionEnded, claiming_email
from identity.schemas import OtpSentOut
from identity.sessions import SessionStore
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from realtime.publish import close_sockets_on_commit

# Where the session that began a change keeps which one: it goes on when the others end.
_KEY: Final = "email_change"
# Nobody is written to more often because strangers type the address.
AN_ADDRESS_A_DAY_MAX: Final = 3
_STEPS: Final[dict[str, EmailStep]] = {
    AccountMail.VERIFY_EMAIL: "verify",
    AccountMail.NEW_EMAIL: "change",
    AccountMail.EMAIL_CHANGED: "take_back",
}


class EmailSame(DomainError):
    """The address is the account's already."""

    code: ClassVar[str] = "email_same"


def send_code(*, actor: Actor, present: str | None, client: Client, now: datetime) -> OtpSentOut:
    """Texts a passcode for `begin`. present: the password, of who has one.

    Raises ProofMissing, SignInThrottled, PasswordWrong and what `otp.send` raises.
    """
    user = User.objects.get(id=actor.user_id)
    if user.has_usable_password():
        step_up.demand(actor=actor, present=present, code=None, client=client, now=now)
    return otp.send(user=user, client=client, now=now)


def begin(*, actor: Actor, session: SessionStore, form: EmailChangeIn, client: Client, now: datetime) -> None:
    """Mails a link to the new address; a change that was under way is forgotten. The answer is the same whoever has the address.

    Raises EmailInvalid, EmailSame, EmailLinksTooMany, SignInThrottled, PasswordWrong, ProofMissing, SessionEnded and what
    `otp.check` raises.
    """
    address = parse_email(form.email)
    asking = User.objects.get(id=actor.user_id)
    if address == asking.email:
        raise EmailSame("This is your address already. Type another one.")
    # Before the code is used up.
    _demand_room(actor, address, now)
    present = form.present.get_secret_value() if form.present else None
    step_up.demand_both(actor=actor, present=present, code=form.code, client=client, now=now)
    with transaction.atomic():
        user = _still(session, asking)
        _demand_room(actor, address, now)
        email_proof.use_up(user_id=user.id, kinds=[AccountMail.NEW_EMAIL], now=now)
        mail = AccountMail.objects.create(
            kind=AccountMail.NEW_EMAIL, email=address, user=user, created_at=now, next_at=now
        )
        record(kind=AccessEvent.EMAIL_CHANGE_ASKED, client=client, now=now, user=user)
        _note("email.change_asked", user, now)
    session[_KEY] = str(mail.id)


def seen(*, token: str, now: datetime) -> EmailLinkSeenOut:
    """What the page behind a mailed link shows before its button is pressed. Raises EmailLinkInvalid."""
    mail = email_proof.mail_of(token, now=now)
    assert mail.user is not None
    return EmailLinkSeenOut(
        step=_step_of(mail), email_hint=hinted(mail.email), mobile_hint=masked(mail.user.mobile_e164)
    )


def follow(*, token: str, client: Client, now: datetime) -> EmailStep:
    """Does what the link is for, once. Raises EmailLinkInvalid, EmailTaken."""
    with transaction.atomic():
        whose = email_proof.mail_of(token, now=now).user
        assert whose is not None
        # The person first, as everybody locks them, and then whether the link is still good.
        user = User.objects.select_for_update(no_key=True).filter(id=whose.id).first()
        if user is None:
            raise EmailLinkInvalid
        mail = email_proof.mail_of(token, now=now)
        if mail.kind == AccountMail.VERIFY_EMAIL:
            email_proof.proved(user=user, way="link", client=client, now=now)
        elif mail.kind == AccountMail.NEW_EMAIL:
            _change(user, mail, client, now)
        else:
            _take_back(user, mail, client, now)
    return _step_of(mail)


def _step_of(mail: AccountMail) -> EmailStep:
    step = _STEPS[mail.kind]
    return "take_back_blocked" if step == "take_back" and mail.user and mail.user.blocked_at else step


def _still(session: SessionStore, asking: User) -> User:
    """The person, locked, if nothing was signed out or changed while Twilio answered. Raises SessionEnded."""
    user = User.objects.select_for_update(no_key=True).filter(id=asking.id, is_active=True).first()
    row = session.row
    if user is None or row is None or not Session.objects.filter(id=row.id).exists():
        raise SessionEnded("This session was signed out. Sign in again.")
    if (user.password, user.mobile_e164) != (asking.password, asking.mobile_e164):
        raise SessionEnded("Your password or mobile number was changed meanwhile. Sign in again, then begin again.")
    return user


def _change(user: User, mail: AccountMail, client: Client, now: datetime) -> None:
    """Every session ends but the one that began it. Raises EmailTaken."""
    # A change of the number asks for the address anew, but makes it nobody else's.
    old, was_proved = user.email, user.email_first_proved_at is not None
    _claim(user, mail.email, now)
    here = Session.objects.filter(user=user, data__email_change=str(mail.id)).values_list("id", flat=True)
    Session.objects.filter(user=user).exclude(id__in=list(here)).delete()
    email_proof.use_up(
        user_id=user.id, kinds=[AccountMail.RESET_LINK, AccountMail.VERIFY_EMAIL, AccountMail.NEW_EMAIL], now=now
    )
    # An address that nobody has proved may be a stranger's, who is told and has nothing to take back.
    AccountMail.objects.create(
        kind=AccountMail.EMAIL_CHANGED,
        email=old,
        user=user,
        created_at=now,
        next_at=now,
        used_at=None if was_proved else now,
    )
    if was_proved:
        _keep_together(user, old, now)
    record(kind=AccessEvent.EMAIL_CHANGED, client=client, now=now, user=user)
    _note("email.changed", user, now)
    close_sockets_on_commit(user_id=user.id)


def _keep_together(user: User, old: str, now: datetime) -> None:
    """What hangs on the address that the account gives up stays the person's, for the copy and the erasure of the data."""
    # By the key they would be found for whoever gets the address next.
    traces = AccessEvent.objects.filter(Q(user=user) | Q(user=None), account_key=pseudonym("email", old))
    traces.update(user=user, account_key="")
    # They cannot be accepted any more, and would be nobody's.
    with tenancy.unconfined():
        Invitation.objects.get_queryset().filter(email=old, ended_at__isnull=True).update(ended_at=now)
    case_data.adopt(email=old, user_id=user.id)


def _take_back(user: User, mail: AccountMail, client: Client, now: datetime) -> None:
    """Everything that whoever changed the address may hold ends: sessions, keys, the password, what was linked since and in the
    days before. Another password is chosen by a link to the old address; of who is blocked once that is taken back.

    Raises EmailTaken.
    """
    _claim(user, mail.email, now)
    Session.objects.filter(user=user).delete()
    key_ends.end_all_of(user.id)
    # Whoever changed it may have linked an own account before, and then waited.
    user.social_identities.filter(created_at__gte=mail.created_at - email_proof.TAKE_BACK_FOR).delete()
    links = [AccountMail.RESET_LINK, AccountMail.VERIFY_EMAIL, AccountMail.NEW_EMAIL]
    email_proof.use_up(user_id=user.id, kinds=links, now=now)
    # Whoever lost the address earlier goes before whoever had it in between, so that link stays good.
    email_proof.use_up(user_id=user.id, kinds=[AccountMail.EMAIL_CHANGED], now=now, since=mail.created_at)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    if user.blocked_at is None:
        AccountMail.objects.create(
            kind=AccountMail.RESET_LINK, email=user.email, user=user, created_at=now, next_at=now
        )
    record(kind=AccessEvent.EMAIL_TAKEN_BACK, client=client, now=now, user=user)
    _note("email.taken_back", user, now)
    close_sockets_on_commit(user_id=user.id)


def _claim(user: User, email: str, now: datetime) -> None:
    """Raises EmailTaken."""
    email_proof.line_up(user.email, email)
    before = account_name.facts_of(user)
    if email_proof.is_held(email=email, but=user.id, now=now):
        raise EmailTaken("Another account has this address, or may take it back in these days. Use another one.")
    user.email, user.email_verified_at, user.email_first_proved_at = email, now, now
    with claiming_email():
        user.save(update_fields=["email", "email_verified_at", "email_first_proved_at"])
    account_name.follow(user, before, now=now)


def _demand_room(actor: Actor, address: str, now: datetime) -> None:
    """Raises EmailLinksTooMany. One address is protected from all accounts together."""
    email_proof.demand_room(user_id=actor.user_id, kind=AccountMail.NEW_EMAIL, now=now)
    asked = AccountMail.objects.filter(
        kind=AccountMail.NEW_EMAIL, email=address, created_at__gt=now - timedelta(days=1)
    )
    if asked.count() >= AN_ADDRESS_A_DAY_MAX:
        raise EmailLinksTooMany


def _note(action: PersonalAction, user: User, now: datetime) -> None:
    audit.record(workspace_id=None, actor_ref=str(user.id), action=action, target=str(user.id), detail={}, now=now)
