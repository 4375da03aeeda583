"""Reads of identity."""

from datetime import datetime
from typing import cast

from django.conf import settings

from compliance import restriction
from identity import changed_policy, social
from identity.auth import Actor
from identity.contact import masked
from identity.models import Membership, Session, User
from identity.permissions import Role, may
from identity.places import place_of
from identity.schemas import (
    LookBannerOut,
    PermissionsOut,
    SessionOut,
    SignedInDeviceOut,
    SignedInDevicesOut,
    UserOut,
    WorkspaceOut,
)
from identity.sessions import SessionStore, is_open

SESSIONS_LISTED_MAX = 200


def describe_session(session: SessionStore) -> SessionOut:
    """Whom a browser's session belongs to, as far as the browser may know it by now."""
    row = session.row
    if row is None or row.user is None or row.membership is None or not row.user.is_active:
        return SessionOut(
            state="anonymous",
            user=None,
            workspace=None,
            role=None,
            permissions=None,
            live_socket_url=None,
            look=None,
            must_answer_policy=False,
            sign_in_with=social.offered(),
            use_refused=None,
        )
    verified = row.phone_verified_at is not None
    found = session_of_member(row.user, row.membership, verified=verified)
    own = restriction.of_own(row.user.id) if verified else None
    return found.model_copy(
        update={
            "must_answer_policy": verified and changed_policy.must_answer(row),
            "use_refused": own.message if own else None,
        }
    )


def session_of_member(
    user: User, membership: Membership, *, verified: bool = True, look: LookBannerOut | None = None
) -> SessionOut:
    """What pages are told of a member. verified: whether the phone was proved.

    look: when one of our staff sees the pages as this member: then without a socket and without the whole number.
    """
    workspace, role = membership.workspace, cast(Role, membership.role)
    whole = verified and look is None
    return SessionOut(
        state="signed_in" if verified else "awaiting_otp",
        user=UserOut(
            id=user.id,
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            email_verified=user.email_verified_at is not None,
            mobile_e164=user.mobile_e164 if whole else masked(user.mobile_e164),
        ),
        workspace=WorkspaceOut(id=workspace.id, name=workspace.name),
        role=role,
        permissions=PermissionsOut(
            buy_credits=may(role, "buy_credits"),
            see_team=may(role, "see_team"),
            manage_members=may(role, "manage_members"),
            manage_keys=may(role, "manage_keys"),
            manage_webhooks=may(role, "manage_webhooks"),
            manage_workspace=may(role, "manage_workspace"),
        ),
        live_socket_url=settings.LIVE_SOCKET_URL if whole else None,
        look=look,
        must_answer_policy=False,
        sign_in_with=social.offered(),
        use_refused=None,
    )


def devices(*, actor: Actor, now: datetime) -> SignedInDevicesOut:
    """The actor's own open sessions, the latest used first."""
    rows = Session.objects.filter(is_open(now), user_id=actor.user_id, phone_verified_at__isnull=False).order_by(
        "-last_used_at"
    )[:SESSIONS_LISTED_MAX]
    return SignedInDevicesOut(
        items=[
            SignedInDeviceOut(
                id=row.id,
                current=row.id == actor.session_id,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expires_at=row.expires_at,
                address=row.address,
                country=place.country,
                is_local=place.is_local,
                agent=row.agent,
            )
            for row, place in ((row, place_of(row.address)) for row in rows)
        ]
    )
