"""Reads of our own people and of their looks."""

from datetime import datetime
from typing import Any, Final, Literal, TypeVar, cast
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from compliance.models import AuditEvent, AuthorityDisclosure
from identity.auth import Actor
from identity.models import User
from identity.queries import session_of_member
from identity.schemas import LookBannerOut, SessionOut
from identity.staff.actor import StaffActor
from identity.staff.codes import picture
from identity.staff.looks import Opened, OpenLook, open_look
from identity.staff.models import Look, StaffEvent, StaffMember
from identity.staff.people import of_link
from identity.staff.permissions import StaffRole
from identity.staff.schemas import (
    EnrolmentSeenOut,
    OpenedOut,
    OwnLookOut,
    OwnLookPage,
    StaffEventKind,
    StaffEventOut,
    StaffEventPage,
    StaffLookOut,
    StaffMemberOut,
    StaffMembersOut,
    StaffPermissionsOut,
    StaffSessionOut,
    TeamLookOut,
    TeamLookPage,
)
from identity.staff.vault import secret_of
from processors.errors import CursorInvalid

PAGE: Final = 20
EVENTS_PAGE: Final = 50
OPENED_SHOWN_MAX: Final = 500
_ANONYMOUS: Final = StaffSessionOut(state="anonymous", first_name=None, role=None, permissions=None, look=None)
_Row = TypeVar("_Row", Look, StaffEvent, AuthorityDisclosure)


def describe(*, actor: StaffActor | None, now: datetime) -> StaffSessionOut:
    if actor is None:
        return _ANONYMOUS
    look = open_look(actor=actor, now=now)
    return StaffSessionOut(
        state="signed_in",
        first_name=actor.first_name,
        role=actor.role,
        permissions=StaffPermissionsOut(
            look=actor.may("look"),
            read_record=actor.may("read_record"),
            manage_staff=actor.may("manage_staff"),
            answer=actor.may("answer"),
            decide=actor.may("decide"),
        ),
        look=None
        if look is None
        else StaffLookOut(workspace_name=look.membership.workspace.name, ends_at=look.look.ends_at),
    )


def describe_look(look: OpenLook) -> SessionOut:
    """What the member's pages are told, with the banner that stands on each."""
    banner = LookBannerOut(
        staff_name=look.staff.first_name,
        workspace_name=look.membership.workspace.name,
        reason=look.look.reason,
        ends_at=look.look.ends_at,
    )
    return session_of_member(look.membership.user, look.membership, look=banner)


def enrolment(*, token: str, now: datetime) -> EnrolmentSeenOut:
    """What the page behind a one-time link shows. Raises EnrolmentInvalid, SecretUnreadable."""
    member = of_link(token, now=now)
    secret = secret_of(member)
    return EnrolmentSeenOut(
        email=member.email,
        first_name=member.first_name,
        role=cast(StaffRole, member.role),
        secret=secret,
        picture=picture(secret=secret, email=member.email),
    )


def members(*, actor: StaffActor) -> StaffMembersOut:
    """All of us, those who may come in first, then by name. Raises StaffNotPermitted."""
    actor.demand("manage_staff")
    left = Count("recovery_codes", filter=Q(recovery_codes__used_at__isnull=True))
    rows = StaffMember.objects.annotate(left=left).order_by("first_name", "id")
    return StaffMembersOut(
        items=[
            StaffMemberOut(
                id=row.id,
                first_name=row.first_name,
                email=row.email,
                role=cast(StaffRole, row.role),
                state=_state(row),
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                recovery_codes_left=row.left,
                is_self=row.id == actor.member_id,
            )
            for row in sorted(rows, key=lambda row: row.disabled_at is not None)
        ]
    )


def events(*, actor: StaffActor, cursor: str | None) -> StaffEventPage:
    """What happened at the entrance and with our accounts, newest first. Raises StaffNotPermitted, CursorInvalid."""
    actor.demand("read_record")
    rows, next_cursor = newest_page(StaffEvent.objects.select_related("member", "by"), cursor, "at", EVENTS_PAGE)
    return StaffEventPage(
        items=[
            StaffEventOut(
                id=row.id,
                at=row.at,
                kind=cast(StaffEventKind, row.kind),
                member=row.member.first_name if row.member else None,
                by=row.by.first_name if row.by else None,
                address=row.address,
            )
            for row in rows
        ],
        next_cursor=next_cursor,
    )


def own_looks(*, actor: StaffActor, cursor: str | None, now: datetime) -> OwnLookPage:
    """The asker's looks, newest first; those of all of us for who reads the record. Raises StaffNotPermitted, CursorInvalid."""
    actor.demand("look")
    mine = Look.objects.get_queryset()
    if not actor.may("read_record"):
        mine = mine.filter(member_id=actor.member_id)
    rows, next_cursor = newest_page(mine.select_related("member", "workspace"), cursor, "began_at", PAGE)
    names = {row.id: (row.workspace_id, row.workspace.name) for row in rows}
    return OwnLookPage(
        items=[
            OwnLookOut(**dict(seen), workspace_id=names[seen.id][0], workspace_name=names[seen.id][1])
            for seen in _seen(rows, now)
        ],
        next_cursor=next_cursor,
    )


def team_looks(*, actor: Actor, cursor: str | None, now: datetime) -> TeamLookPage:
    """Every look into the actor's workspace, newest first. Raises NotPermitted, CursorInvalid."""
    actor.demand("manage_members")
    looks = Look.objects.for_workspace(actor.workspace_id).select_related("member")
    rows, next_cursor = newest_page(looks, cursor, "began_at", PAGE)
    return TeamLookPage(items=_seen(rows, now), next_cursor=next_cursor)


def _seen(rows: list[Look], now: datetime) -> list[TeamLookOut]:
    people = {
        user.id: f"{user.first_name} {user.last_name}"
        for user in User.objects.filter(id__in=[row.user_id for row in rows])
    }
    opened_in = _opened_in(rows)
    return [
        TeamLookOut(
            id=row.id,
            staff_name=row.member.first_name,
            staff_role=cast(StaffRole, row.staff_role),
            viewed=people.get(row.user_id) if row.user_id else None,
            reason=row.reason,
            case_reference=row.case_reference,
            began_at=row.began_at,
            ends_at=row.ends_at,
            ended_at=row.ended_at or (row.ends_at if row.ends_at <= now else None),
            opened=opened_in.get(str(row.id), []),
        )
        for row in rows
    ]


def _opened_in(rows: list[Look]) -> dict[str, list[OpenedOut]]:
    """By look, in order; read from the audit log, which nobody can change unseen."""
    if not rows:
        return {}
    events = AuditEvent.objects.filter(
        workspace_id__in={row.workspace_id for row in rows},
        sequence__gt=min(row.began_sequence for row in rows),
        action="look.opened",
        target__in=[str(row.id) for row in rows],
    )
    found: dict[str, list[OpenedOut]] = {}
    for target, detail in events.order_by("sequence").values_list("target", "detail"):
        known = found.setdefault(target, [])
        if len(known) < OPENED_SHOWN_MAX:
            known.append(
                OpenedOut(what=cast(Opened, detail["what"]), id=UUID(detail["id"]) if "id" in detail else None)
            )
    return found


def newest_page(rows: QuerySet[_Row], cursor: str | None, by: str, size: int) -> tuple[list[_Row], str | None]:
    """Newest first. The cursor is the id of the last one seen. Raises CursorInvalid."""
    if cursor is not None:
        last = rows.filter(id=_id(cursor)).first()
        if last is None:
            raise CursorInvalid
        at: Any = getattr(last, by)
        rows = rows.filter(Q(**{f"{by}__lt": at}) | Q(**{by: at, "id__lt": last.id}))
    found = list(rows.order_by(f"-{by}", "-id")[: size + 1])
    return found[:size], str(found[size - 1].id) if len(found) > size else None


def _id(cursor: str) -> UUID:
    """Raises CursorInvalid."""
    try:
        return UUID(cursor)
    except ValueError:
        raise CursorInvalid from None


def _state(row: StaffMember) -> Literal["invited", "active", "disabled"]:
    if row.disabled_at is not None:
        return "disabled"
    return "invited" if row.enrolled_at is None else "active"
