"""The mails about somebody's way in. Nothing is in them but what the reader is to do."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from identity import email_proof, email_texts
from identity.models import AccountMail, User
from identity.passwords import LINK_GOOD_FOR, link_token
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

_SUPPORT: Final = "support@klosesales.com"


def send_account_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again. Returns how many were sent.

    A request for an e-mail without an account is forgotten here, and so is a link that is of no use any more: nobody is written to. A link that would arrive too
    late to be used is not sent any more. A process that dies between sending and noting it sends twice.
    """
    late = Q(kind=AccountMail.RESET_LINK, created_at__lt=now - LINK_GOOD_FOR)
    late |= Q(
        kind__in=[AccountMail.VERIFY_EMAIL, AccountMail.NEW_EMAIL], created_at__lt=now - email_proof.LINK_GOOD_FOR
    )
    due = AccountMail.objects.filter(~late, sent_at__isnull=True, next_at__lte=now, attempts__lt=ATTEMPTS_MAX)
    return sum(_send(mail_id, now) for mail_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(mail_id: UUID, now: datetime) -> bool:
    claimed = AccountMail.objects.filter(id=mail_id, sent_at__isnull=True, next_at__lte=now)
    if not claimed.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    mail = AccountMail.objects.get(id=mail_id)
    if mail.user_id is None:
        account = User.objects.filter(email=mail.email, mobile_verified_at__isnull=False, is_active=True).first()
        if account is None:
            mail.delete()
            return False
        # The account's own address, and not whatever spelling of it was typed.
        mail.user, mail.email = account, account.email
        mail.save(update_fields=["user", "email"])
    if not email_proof.is_wanted(mail):
        mail.delete()
        return False
    subject, text = _written(mail)
    if not send(kind=mail.kind, to=[mail.email], subject=subject, text=text, row_id=mail.id, attempt=mail.attempts):
        return False
    AccountMail.objects.filter(id=mail_id).update(sent_at=now)
    return True


def _written(mail: AccountMail) -> tuple[str, str]:
    if mail.kind in (AccountMail.VERIFY_EMAIL, AccountMail.NEW_EMAIL, AccountMail.EMAIL_CHANGED):
        return email_texts.written(mail)
    if mail.kind == AccountMail.RESET_LINK:
        return (
            "Your link to a new password",
            # After the #, so that no server on the way ever writes it into a log.
            f"Choose a new password here: {settings.PUBLIC_URL}/new-password#{link_token(mail)}\n\n"
            "The link works once, within an hour of your asking. Your phone is asked for a code afterwards as always.\n"
            "If you did not ask for it, do nothing: your password stays as it is.\n",
        )
    if mail.kind == AccountMail.KEY_MADE:
        return (
            "A new API key was made",
            "Somebody signed in to your account has made an API key, with which a program acts as you.\n"
            f"If it was not you, revoke it at once: {settings.PUBLIC_URL}/settings\n"
            f"and write to {_SUPPORT}.\n",
        )
    if mail.kind == AccountMail.KEY_ENDS:
        return (
            "An API key of yours ends soon",
            "A program that acts as you is refused from then on. The settings say which key it is, and when it ends:\n"
            f"{settings.PUBLIC_URL}/settings\n\n"
            "Make a new key, put it into the program, then revoke the old one. If nothing uses it any more, do nothing.\n",
        )
    if mail.kind == AccountMail.MOBILE_CHANGED:
        return (
            "Your mobile number was changed",
            "Passcodes go to another phone from now on. All other browsers were signed out, and your API keys have ended.\n"
            f"If it was not you, write to {_SUPPORT} at once.\n",
        )
    if mail.kind in (AccountMail.WAY_LINKED, AccountMail.WAY_UNLINKED):
        what = "added to" if mail.kind == AccountMail.WAY_LINKED else "removed from"
        return (
            f"A way to sign in was {what} your account",
            f"Signing in with Google or Facebook was {what} your account. The settings list your ways to sign in:\n"
            f"{settings.PUBLIC_URL}/settings\n\n"
            f"If it was not you, sign out everywhere there, choose a new password: {settings.PUBLIC_URL}/forgot-password\n"
            f"and write to {_SUPPORT}.\n",
        )
    if mail.kind == AccountMail.TEXTS_STOPPED:
        return (
            "Your text messages are stopped",
            "You asked us to send no more text messages to your phone. Every sign-in needs a passcode by text message, so until you"
            " agree to them again:\n\n"
            "- you are signed out everywhere and cannot sign in,\n"
            "- the credits of a workspace that nobody else is in cannot be used; automatic top-up, if you have turned it on, goes on,\n"
            "- programs that use your API keys are refused.\n\n"
            "Nothing is deleted. To agree again, sign in with your e-mail and password:\n"
            f"{settings.PUBLIC_URL}/sign-in\n"
            "If you answered STOP to one of our messages, text START to the same number first. If support stopped them for you, write to"
            f" {_SUPPORT} from this address first.\n\n"
            "You can have a copy of what we hold about you, or have it deleted, without signing in: write to us from this address:"
            f" {_SUPPORT}.\n"
            f"If it was not you who stopped them, write to {_SUPPORT} too.\n",
        )
    return (
        "Your password was changed",
        "The password of your account was changed, and all other browsers were signed out.\n"
        f"If it was not you, ask for a new password at once: {settings.PUBLIC_URL}/forgot-password\n"
        f"and write to {_SUPPORT}.\n",
    )
