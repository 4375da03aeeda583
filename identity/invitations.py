"""Asking somebody by e-mail to join a workspace, and joining it."""

from datetime import datetime, timedelta
from typing import ClassVar, Final, cast
from uuid import UUID

from django.core import signing
from django.db import transaction

from compliance import audit, tombstones
from compliance.audit import WorkspaceAction
from identity import email_proof, tenancy
from identity.auth import Actor
from identity.contact import parse_email
from identity.models import Invitation, Membership, TenantQuerySet, User
from identity.number_lock import line_up
from identity.permissions import APPOINTED, NotPermitted, Role, may_appoint
from identity.sessions import SessionStore
from identity.team_lock import lock_workspaces, locked_team
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from realtime.publish import close_sockets_on_commit

GOOD_FOR: Final = timedelta(days=7)
OPEN_MAX: Final = 50
A_DAY_MAX: Final = 100
AN_ADDRESS_A_DAY_MAX: Final = 3
_SALT: Final = "identity.invitations"
# Where a session keeps which invitation its sign-up follows, until the phone is proved: nobody is in another's workspace before.
_FOLLOWED: Final = "invitation"


class AlreadyMember(DomainError):
    """The person is in the workspace."""

    code: ClassVar[str] = "already_member"


class InvitationsTooMany(DomainError):
    """Too many invitations are open, or were sent within a day."""

    code: ClassVar[str] = "invitations_too_many"


class InvitationNotFound(DomainError):
    """The workspace has no such open invitation."""

    code: ClassVar[str] = "invitation_not_found"


class InvitationInvalid(DomainError):
    """The link is not one of ours, was used, taken back, or is too old. Says nothing about which of these."""

    code: ClassVar[str] = "invitation_invalid"


class InvitationOfAnother(DomainError):
    """The invitation went to another e-mail address than that of whoever would accept it."""

    code: ClassVar[str] = "invitation_of_another"


def invite(*, actor: Actor, email: str, role: Role, now: datetime) -> Invitation:
    """Invites by mail; an earlier invitation of the same person is replaced, and its link ends.

    Raises NotPermitted, EmailUnverified, EmailInvalid, AlreadyMember, InvitationsTooMany.
    """
    actor.demand("manage_members")
    if not may_appoint(actor.role, role):
        raise NotPermitted("Only the owner of the workspace makes managers. Ask the owner.")
    email_proof.demand(actor=actor)
    address = parse_email(email)
    with transaction.atomic():
        if locked_team(actor).filter(user__email=address).exists():
            raise AlreadyMember(f"{address} is in this workspace already. Choose another address.")
        mine = Invitation.objects.for_workspace(actor.workspace_id)
        if earlier := mine.filter(email=address, ended_at__isnull=True).first():
            _end(earlier, actor, now)
        _refuse_mass(mine, address, now)
        invitation = Invitation.objects.create(
            workspace_id=actor.workspace_id,
            email=address,
            role=role,
            invited_by_id=actor.user_id,
            created_at=now,
            expires_at=now + GOOD_FOR,
            next_at=now,
        )
        _note(actor, "team.invited", invitation, now)
    return invitation


def take_back(*, actor: Actor, invitation_id: UUID, now: datetime) -> None:
    """Ends an open invitation. Raises NotPermitted, InvitationNotFound."""
    actor.demand("manage_members")
    with transaction.atomic():
        locked_team(actor)
        mine = Invitation.objects.for_workspace(actor.workspace_id)
        invitation = mine.filter(id=invitation_id, ended_at__isnull=True).first()
        if invitation is None:
            raise InvitationNotFound("There is no such open invitation; it may have been accepted. Reload the page.")
        _end(invitation, actor, now)
        _note(actor, "team.invitation_taken_back", invitation, now)


def link_token(invitation: Invitation) -> str:
    """What the mailed link carries."""
    return signing.Signer(salt=_SALT).sign(str(invitation.id))


def of_token(token: str, *, now: datetime) -> Invitation:
    """The open invitation of a link. Raises InvitationInvalid."""
    try:
        invitation_id = UUID(signing.Signer(salt=_SALT).unsign(token))
    except (signing.BadSignature, ValueError):
        raise _invalid() from None
    return open_one(invitation_id, now=now)


def open_one(invitation_id: UUID, *, now: datetime) -> Invitation:
    """Raises InvitationInvalid."""
    rows = Invitation.objects.get_queryset().select_related("workspace", "invited_by")
    with tenancy.unconfined():
        invitation = rows.filter(id=invitation_id, ended_at__isnull=True, expires_at__gt=now).first()
    # A workspace that is to be erased takes nobody in.
    if invitation is None or tombstones.is_erased("workspace", invitation.workspace_id):
        raise _invalid()
    return invitation


def follow(*, session: SessionStore, invitation: Invitation) -> None:
    """For `take_followed`, and for `followed`."""
    session[_FOLLOWED] = str(invitation.id)


def followed(session: SessionStore, *, now: datetime) -> Invitation | None:
    """The open invitation that this browser follows. Raises InvitationInvalid when it has ended meanwhile."""
    invitation_id = session.get(_FOLLOWED)
    return None if invitation_id is None else open_one(UUID(invitation_id), now=now)


def take_followed(session: SessionStore) -> UUID | None:
    """Which invitation, open or not, whoever has proved the phone in this browser followed; the browser forgets it."""
    invitation_id = session.pop(_FOLLOWED, None)
    return None if invitation_id is None else UUID(invitation_id)


def accept(*, user: User, session: SessionStore, invitation_id: UUID, now: datetime) -> Membership:
    """The person joins the workspace, and the session goes on there. Accepting twice is refused the second time.

    Raises InvitationInvalid, InvitationOfAnother, AlreadyMember.
    """
    # Whoever is signed in acts in another workspace so far.
    with tenancy.unconfined(), transaction.atomic():
        lock_workspaces([open_one(invitation_id, now=now).workspace_id])
        invitation = open_one(invitation_id, now=now)
        demand_same(invitation, user.email)
        if Membership.objects.for_workspace(invitation.workspace_id).filter(user=user).exists():
            raise AlreadyMember("You are in this workspace already. Go to its pages.")
        member = Membership.objects.create(
            workspace_id=invitation.workspace_id, user=user, role=invitation.role, created_at=now, entered_at=now
        )
        invitation.ended_at = now
        invitation.save(update_fields=["ended_at"])
        # The link was in that mailbox alone.
        email_proof.proved(user=user, way="invitation", now=now)
        close_sockets_on_commit(user_id=user.id)
        audit.record(
            workspace_id=invitation.workspace_id,
            actor_ref=str(user.id),
            action="team.joined",
            target=str(invitation.id),
            detail={"role": invitation.role},
            now=now,
        )
        session.act_under(member)
    return member


def demand_same(invitation: Invitation, email: str) -> None:
    """Raises InvitationOfAnother: who merely got hold of the link, which does not name the address, does not join by it."""
    if email != invitation.email:
        raise InvitationOfAnother(
            "This invitation went to another e-mail address. Use that address, or ask for an invitation to yours."
        )


def end_those_by(user_id: UUID, workspace_id: UUID, *, role: Role | None, now: datetime) -> None:
    """Ends what somebody invited to and could not any more: somebody who has this role now, or none at all."""
    theirs = Invitation.objects.for_workspace(workspace_id).filter(invited_by_id=user_id, ended_at__isnull=True)
    still = [other for other in APPOINTED if role is not None and may_appoint(role, other)]
    theirs.exclude(role__in=still).update(ended_at=now)


def end_all_by(user_id: UUID, *, now: datetime) -> None:
    """Ends what somebody invited to who is kept out, so that nobody comes in by it in the person's place."""
    with tenancy.unconfined():
        Invitation.objects.get_queryset().filter(invited_by_id=user_id, ended_at__isnull=True).update(ended_at=now)


def _refuse_mass(mine: TenantQuerySet[Invitation], address: str, now: datetime) -> None:
    """Raises InvitationsTooMany. One address is protected from all workspaces together."""
    day_ago = now - timedelta(days=1)
    line_up(f"invited:{pseudonym('email', address)}")
    with tenancy.unconfined():
        of_day = Invitation.objects.get_queryset().filter(email=address, created_at__gt=day_ago).count()
    if of_day >= AN_ADDRESS_A_DAY_MAX:
        raise InvitationsTooMany("This address was invited several times today. Wait a day.")
    still_open = mine.filter(ended_at__isnull=True, expires_at__gt=now).count()
    if still_open >= OPEN_MAX or mine.filter(created_at__gt=day_ago).count() >= A_DAY_MAX:
        raise InvitationsTooMany("Too many invitations are open. Take some back, or wait a day.")


def _end(invitation: Invitation, actor: Actor, now: datetime) -> None:
    """Raises NotPermitted: it makes somebody that the actor could not make."""
    if not may_appoint(actor.role, cast(Role, invitation.role)):
        raise NotPermitted("Only the owner of the workspace decides about managers. Ask the owner.")
    invitation.ended_at = now
    invitation.save(update_fields=["ended_at"])


def _invalid() -> InvitationInvalid:
    return InvitationInvalid("This invitation was used, taken back, or is too old. Ask for a new one.")


def _note(actor: Actor, action: WorkspaceAction, invitation: Invitation, now: datetime) -> None:
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action=action,
        target=str(invitation.id),
        detail={"role": invitation.role},
        now=now,
    )
