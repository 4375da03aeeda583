"""Keeping somebody out of their account, and letting them in again. Each act stands in the audit log with who did it and why.

Whom it concerns is named by the whole e-mail, or the one that they had until lately: there is no list to browse.
"""

from datetime import datetime
from typing import ClassVar

from django.db import transaction

from compliance import audit
from identity import email_proof, invitations, key_ends
from identity.models import AccountMail, Session, User
from identity.staff.people_named import AccountUnknown
from identity.staff.schemas import BlockReason
from processors.errors import DomainError
from realtime.publish import close_sockets_on_commit


class AccountNotActive(DomainError):
    """The account is blocked already, or is being deleted."""

    code: ClassVar[str] = "account_not_active"


class AccountNotBlocked(DomainError):
    """Nobody keeps the person out, or the account is being deleted by now."""

    code: ClassVar[str] = "account_not_blocked"


def block(*, email: str, reason: BlockReason, by: str, now: datetime) -> None:
    """Ends every session and API key of the person, closes the sockets, and lets nobody in until it is taken back. A call that they are in
    ends within seconds (voice/shut_out.py). Colleagues and their work are not touched, nor is what the person may ask of us about their data.

    by: how the audit log names one of us. Raises AccountUnknown, AccountNotActive.
    """
    with transaction.atomic():
        user = _locked(email, now)
        if user.blocked_at is not None:
            said = f"{user.blocked_at:%Y-%m-%d} ({user.get_block_reason_display().lower()})"
            raise AccountNotActive(f"This account has been blocked since {said}. Check which one you meant.")
        if not user.is_active:
            raise AccountNotActive(
                "This account is being deleted, and nobody can sign in to it any more. Check which one you meant."
            )
        user.is_active, user.blocked_at, user.block_reason = False, now, reason
        user.save(update_fields=["is_active", "blocked_at", "block_reason"])
        _end_ways_in(user, now)
        _note("account.blocked", user, reason, by, now)
        close_sockets_on_commit(user_id=user.id)


def unblock(*, email: str, by: str, now: datetime) -> None:
    """The person may sign in again; keys have to be made anew. Raises AccountUnknown, AccountNotBlocked."""
    with transaction.atomic():
        user = _locked(email, now)
        if user.blocked_at is None:
            raise AccountNotBlocked("This account is not blocked, or is being deleted. Check which one you meant.")
        reason = user.block_reason
        user.is_active, user.blocked_at, user.block_reason = True, None, ""
        user.save(update_fields=["is_active", "blocked_at", "block_reason"])
        # What was on its way at the block opened nothing meanwhile, and must not now.
        _end_ways_in(user, now)
        _note("account.unblocked", user, reason, by, now)


def _end_ways_in(user: User, now: datetime) -> None:
    Session.objects.filter(user=user).delete()
    key_ends.end_all_of(user.id)
    invitations.end_all_by(user.id, now=now)
    email_proof.use_up(user_id=user.id, kinds=[AccountMail.RESET_LINK, AccountMail.NEW_EMAIL], now=now)


def _locked(email: str, now: datetime) -> User:
    """Raises AccountUnknown."""
    named = email_proof.account_of(email, now=now)
    user = User.objects.select_for_update(no_key=True).filter(id=named.id).first() if named else None
    if user is None:
        raise AccountUnknown("No account has this e-mail. Check it.")
    return user


def _note(action: audit.PersonalAction, user: User, reason: str, by: str, now: datetime) -> None:
    audit.record(
        workspace_id=None, actor_ref=by, action=action, target=str(user.id), detail={"reason": reason}, now=now
    )
