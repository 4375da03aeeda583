"""Keys with which programs act for a member of a workspace: made, listed, revoked, and recognised."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, cast
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from compliance import audit
from compliance.audit import WorkspaceAction
from compliance.redaction import redact_cards
from identity import step_up, tenancy
from identity.auth import Actor
from identity.compiled import Lookup
from identity.models import AccountMail, ApiKey, User
from identity.permissions import NotPermitted, Role, Scope
from identity.schemas import ApiKeyIn, ApiKeyMadeOut, ApiKeyOut, ApiKeysOut
from identity.team_lock import locked_team
from processors.errors import DomainError

# So that people, and programs that look for leaked secrets, know one when they see it.
PREFIX: Final = "klose_"
KEYS_MAX: Final = 20
_HINT: Final = 4
# That of secrets.token_urlsafe(32).
_FORM: Final = re.compile(re.escape(PREFIX) + "[A-Za-z0-9_-]{43}")
_USE_NOTED_EVERY: Final = timedelta(minutes=5)
DAYS_MAX: Final = 730
DAYS_DEFAULT: Final = 365
# Time enough to put another key into a program.
TOLD_BEFORE: Final = timedelta(days=14)
_TOLD_AT_ONCE_MAX: Final = 100


class ApiKeyInvalid(DomainError):
    """The key is unknown, revoked or expired, or whoever made it can no longer sign in; permanent."""

    code: ClassVar[str] = "api_key_invalid"


class ApiKeyNotFound(DomainError):
    """No key of the workspace has this id; permanent."""

    code: ClassVar[str] = "api_key_not_found"


class ApiKeysTooMany(DomainError):
    """The workspace has as many keys as it may; passes when one is revoked."""

    code: ClassVar[str] = "api_keys_too_many"


class ScopeMissing(DomainError):
    """The key was not made for this; permanent."""

    code: ClassVar[str] = "scope_missing"


class KeyNotAccepted(DomainError):
    """Only a person who has signed in may do this; permanent."""

    code: ClassVar[str] = "key_not_accepted"


def make(*, actor: Actor, form: ApiKeyIn, now: datetime) -> ApiKeyMadeOut:
    """A new key of the actor's own, which the answer alone shows. Raises NotPermitted, ProofNotRecent, ApiKeysTooMany."""
    actor.demand("manage_keys")
    step_up.demand_recent(actor=actor, now=now)
    lasts = timedelta(days=form.expires_in_days or DAYS_DEFAULT)
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        member = locked_team(actor).filter(user_id=actor.user_id).first()
        if member is None:
            raise NotPermitted("You are not in this workspace any more. Ask its owner to invite you again.")
        # Whoever ends every session and key of the person was first, and has ended this session too, or waits and ends this key.
        User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        step_up.demand_recent(actor=actor, now=now)
        good = ApiKey.objects.for_workspace(actor.workspace_id).filter(expires_at__gt=now)
        if good.count() >= KEYS_MAX:
            raise ApiKeysTooMany(f"A workspace may have {KEYS_MAX} keys. Revoke one that is not used.")
        row = ApiKey.objects.create(
            workspace_id=actor.workspace_id,
            membership=member,
            name=redact_cards(form.name)[:60],
            key_digest=digest(key),
            hint=key[-_HINT:],
            scopes=sorted(set(form.scopes)),
            created_at=now,
            expires_at=now + lasts,
            # Of one that ends so soon whoever made it knows.
            end_told_at=now if lasts <= TOLD_BEFORE else None,
        )
        _note(actor, "key.made", row, now)
        AccountMail.objects.create(
            kind=AccountMail.KEY_MADE, email=member.user.email, user=member.user, created_at=now, next_at=now
        )
    return ApiKeyMadeOut(**_out(row).model_dump(), key=key)


def listed(*, actor: Actor) -> ApiKeysOut:
    """Every key of the workspace, the newest first. Raises NotPermitted."""
    actor.demand("manage_keys")
    rows = ApiKey.objects.for_workspace(actor.workspace_id).select_related("membership__user").order_by("-created_at")
    return ApiKeysOut(items=[_out(row) for row in rows], max=KEYS_MAX)


def revoke(*, actor: Actor, key_id: UUID, now: datetime) -> None:
    """The key opens nothing from now on. Raises NotPermitted, ApiKeyNotFound."""
    actor.demand("manage_keys")
    with transaction.atomic():
        locked_team(actor)
        row = ApiKey.objects.for_workspace(actor.workspace_id).select_for_update().filter(id=key_id).first()
        if row is None:
            raise ApiKeyNotFound("There is no such key; it may have been revoked already. Reload the page.")
        _note(actor, "key.revoked", row, now)
        row.delete()


def tell_of_ends(*, now: datetime) -> int:
    """Has a mail sent to whoever made a key that ends within two weeks, once. Returns how many."""
    soon = ApiKey.objects.get_queryset().filter(
        end_told_at__isnull=True, expires_at__gt=now, expires_at__lte=now + TOLD_BEFORE
    )
    return sum(_tell_of_end(key_id, now) for key_id in list(soon.values_list("id", flat=True)[:_TOLD_AT_ONCE_MAX]))


def _tell_of_end(key_id: UUID, now: datetime) -> bool:
    with transaction.atomic():
        untold = ApiKey.objects.get_queryset().filter(id=key_id, end_told_at__isnull=True)
        if not untold.update(end_told_at=now):
            return False
        maker = ApiKey.objects.get_queryset().select_related("membership__user").get(id=key_id).membership.user
        AccountMail.objects.create(
            kind=AccountMail.KEY_ENDS, email=maker.email, user=maker, created_at=now, next_at=now
        )
    return True


def actor_of_key(key: str, *, scope: Scope, now: datetime) -> Actor:
    """Whoever the program acts for, with the role that the person has now; this thread's connection sees the key's workspace alone.

    Raises ApiKeyInvalid, ScopeMissing.
    """
    row = tenancy.found_confined(GOOD, digest(key), now, guarded=True)
    actor = actor_of_row(row, scope=scope)
    if row is not None and use_is_due(row, now=now):
        ApiKey.objects.get_queryset().filter(id=row.id).update(last_used_at=now)
    return actor


def actor_of_row(row: ApiKey | None, *, scope: Scope) -> Actor:
    """The same for a key as it was read. No query. Raises ApiKeyInvalid, ScopeMissing."""
    # Who has stopped the passcodes has no way in until one was proved again; a key is none either.
    if row is None or not row.membership.user.is_active or row.membership.user.texts_stopped_at is not None:
        raise ApiKeyInvalid("This key is unknown, revoked or expired. Make a new one in the settings.")
    if scope not in row.scopes:
        raise ScopeMissing(f"This needs a key with the scope {scope}. Make one in the settings.")
    return Actor(user_id=row.membership.user_id, workspace_id=row.workspace_id, role=cast(Role, row.membership.role))


def use_is_due(row: ApiKey, *, now: datetime) -> bool:
    """Whether its last use is noted anew; most requests write nothing."""
    return row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY


_ASKED: Final = (
    "workspace",
    "scopes",
    "last_used_at",
    "membership__role",
    "membership__user__is_active",
    "membership__user__texts_stopped_at",
)


def _good(key_digest: str, now: datetime) -> QuerySet[ApiKey]:
    """With what every request asks; whatever else a route asks is read then."""
    return (
        ApiKey.objects.get_queryset()
        .select_related("membership__user")
        .only(*_ASKED)
        .annotate(**{tenancy.CONFINED_TO: tenancy.naming("workspace_id")})
        .filter(expires_at__gt=now, key_digest=key_digest)
    )


GOOD: Final = Lookup(_good, "digest", datetime.min.replace(tzinfo=UTC))


def may_be_key(shown: str) -> bool:
    """Whether it has the form of a key; for whatever has another one no look-up is needed."""
    return _FORM.fullmatch(shown) is not None


def digest(key: str) -> str:
    """SHA-256 suffices, because the key is 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def _out(row: ApiKey) -> ApiKeyOut:
    user = row.membership.user
    return ApiKeyOut(
        id=row.id,
        name=row.name,
        hint=row.hint,
        scopes=cast(list[Scope], row.scopes),
        made_by=f"{user.first_name} {user.last_name}",
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _note(actor: Actor, action: WorkspaceAction, row: ApiKey, now: datetime) -> None:
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action=action,
        target=str(row.id),
        detail={"scopes": " ".join(row.scopes), "hint": row.hint},
        now=now,
    )
